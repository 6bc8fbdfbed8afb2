#!/usr/bin/env bash
# with-services.sh [--kms] CMD...: start the emulator of DynamoDB and KMS on a free port of loopback, run CMD with the address in its
# environment, stop the emulator, exit with CMD's status. Run scripts/setup.sh first, with the same option. CMD sees
#
#   SIGNET_TEST_DYNAMODB, SIGNET_DEMO_DYNAMODB   http://127.0.0.1:PORT
#   SIGNET_TEST_KMS                              the same
#   AWS_*                                        dummy credentials, and nothing of the user's own AWS configuration
#
# and with --kms, which starts what the tests of kms-test want beyond that,
#
#   SIGNET_TEST_KMS_AUTH                         the same program once more; this one checks signatures and policies
#   SIGNET_TEST_KMS_LOCAL                        local-kms, whose keys are in account 111122223333 and region eu-west-1
#   SIGNET_TEST_KMS_MOTO                         moto
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
kms=
if [ "${1:-}" = --kms ]; then kms=1; shift; fi
[ $# -gt 0 ] || { sed -n '2,15s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

ministack=$root/.cache/venv/bin/ministack
moto=$root/.cache/moto/bin/moto_server
localkms=$root/.cache/localkms
[ -x "$ministack" ] || { echo "with-services: $ministack is missing: run scripts/setup.sh" >&2; exit 1; }
if [ -n "$kms" ]; then
  for program in "$moto" "$localkms"; do
    [ -x "$program" ] || { echo "with-services: $program is missing: run scripts/setup.sh --kms" >&2; exit 1; }
  done
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/signet-services.XXXXXX")
pids=()
running() {
  local pid
  for pid in "${pids[@]}"; do kill -0 "$pid" 2>/dev/null && return 0; done
  return 1
}
stop() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for _ in {1..50}; do
    running || break
    sleep 0.1
  done
  for pid in "${pids[@]}"; do
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

for v in $(compgen -e AWS_); do unset "$v"; done
export AWS_ACCESS_KEY_ID=signet AWS_SECRET_ACCESS_KEY=signet AWS_REGION=eu-west-1 AWS_EC2_METADATA_DISABLED=true
export AWS_CONFIG_FILE=$dir/aws-config AWS_SHARED_CREDENTIALS_FILE=$dir/aws-credentials
: >"$AWS_CONFIG_FILE"
: >"$AWS_SHARED_CREDENTIALS_FILE"

# The kernel ends a server with this script, also when this script is killed, where setpriv is there to ask for that.
with_parent=()
if setpriv --pdeathsig KILL true 2>/dev/null; then with_parent=(setpriv --pdeathsig KILL --); fi

# start NAME CMD...: CMD becomes a server, in a folder of its own, that prints its address.
start() {
  local name=$1
  shift
  mkdir "$dir/$name"
  : >"$dir/$name/log"
  (
    cd "$dir/$name"
    exec "${with_parent[@]}" "$@" </dev/null
  ) >"$dir/$name/log" 2>&1 &
  pids+=($!)
}

# await NAME PID: set url to the address in the server's log, once one request has been answered.
await() {
  local name=$1 pid=$2
  url=
  for _ in {1..300}; do
    kill -0 "$pid" 2>/dev/null || break
    url=$(sed -nE 's/.*Running on (http:\/\/127\.0\.0\.1:[0-9]+).*/\1/p' "$dir/$name/log" | head -n 1)
    [ -z "$url" ] || break
    sleep 0.1
  done
  if [ -n "$url" ]; then
    for _ in {1..50}; do
      if answers "$url" 2>/dev/null; then return 0; fi
      sleep 0.2
    done
  fi
  echo "with-services: the emulator $name ${url:+at $url }did not start:" >&2
  cat "$dir/$name/log" >&2
  exit 1
}
answers() {
  local line
  exec 8<>"/dev/tcp/127.0.0.1/${1##*:}" || return 1
  printf 'GET / HTTP/1.0\r\n\r\n' >&8
  read -r -t 5 line <&8 || line=
  exec 8<&- 8>&-
  [[ $line == HTTP/* ]]
}

# Without BIND_HOST, IOT_MTLS_ENABLED and SFTP_ENABLED the emulator listens on every interface.
settings=(env BIND_HOST=127.0.0.1 GATEWAY_PORT=0 IOT_MTLS_ENABLED=0 SFTP_ENABLED=0 LOG_LEVEL=INFO SERVICES=dynamodb,dynamodbstreams,kms,iam,sts)
start ministack "${settings[@]}" "$ministack"
if [ -n "$kms" ]; then
  start auth "${settings[@]}" AUTH=true "$ministack"
  start localkms "$localkms"
  start moto "$moto" -H 127.0.0.1 -p 0
fi
await ministack "${pids[0]}"
export SIGNET_TEST_DYNAMODB=$url SIGNET_DEMO_DYNAMODB=$url SIGNET_TEST_KMS=$url
if [ -n "$kms" ]; then
  await auth "${pids[1]}"
  export SIGNET_TEST_KMS_AUTH=$url
  await localkms "${pids[2]}"
  export SIGNET_TEST_KMS_LOCAL=$url
  await moto "${pids[3]}"
  export SIGNET_TEST_KMS_MOTO=$url
fi

status=0
"$@" || status=$?
exit "$status"
