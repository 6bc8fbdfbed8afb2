#!/usr/bin/env bash
# with-services.sh CMD...: start the emulator of DynamoDB and KMS on a free port of loopback, run CMD with the address in its environment,
# stop the emulator, exit with CMD's status. Run scripts/setup.sh first. CMD sees
#
#   SIGNET_TEST_DYNAMODB, SIGNET_DEMO_DYNAMODB   http://127.0.0.1:PORT
#   SIGNET_TEST_KMS                              the same
#   AWS_*                                        dummy credentials, and nothing of the user's own AWS configuration
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[ $# -gt 0 ] || { sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

ministack=$root/.cache/venv/bin/ministack
[ -x "$ministack" ] || { echo "with-services: $ministack is missing: run scripts/setup.sh" >&2; exit 1; }

dir=$(mktemp -d "${TMPDIR:-/tmp}/signet-services.XXXXXX")
pid=
stop() {
  if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
    kill "$pid" 2>/dev/null || true
    for _ in {1..50}; do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
  fi
  [ -z "$pid" ] || wait "$pid" 2>/dev/null || true
  rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Without BIND_HOST, IOT_MTLS_ENABLED and SFTP_ENABLED the emulator listens on every interface. The kernel ends it with this script, also
# when this script is killed, where setpriv is there to ask for that.
with_parent=()
if setpriv --pdeathsig KILL true 2>/dev/null; then with_parent=(setpriv --pdeathsig KILL --); fi
(
  cd "$dir"
  exec env -u AWS_PROFILE BIND_HOST=127.0.0.1 GATEWAY_PORT=0 IOT_MTLS_ENABLED=0 SFTP_ENABLED=0 LOG_LEVEL=INFO \
    SERVICES=dynamodb,dynamodbstreams,kms,iam,sts "${with_parent[@]}" "$ministack" </dev/null
) >"$dir/log" 2>&1 &
pid=$!

# The address is in the log; then one request must be answered.
url=
for _ in {1..300}; do
  kill -0 "$pid" 2>/dev/null || break
  url=$(sed -nE 's/.*Running on (http:\/\/127\.0\.0\.1:[0-9]+).*/\1/p' "$dir/log" | head -n 1)
  [ -z "$url" ] || break
  sleep 0.1
done
if [ -z "$url" ]; then
  echo "with-services: the emulator did not start:" >&2
  cat "$dir/log" >&2
  exit 1
fi
answers() {
  local line
  exec 8<>"/dev/tcp/127.0.0.1/${url##*:}" || return 1
  printf 'GET / HTTP/1.0\r\n\r\n' >&8
  read -r -t 5 line <&8 || line=
  exec 8<&- 8>&-
  [[ $line == HTTP/* ]]
}
for i in {1..50}; do
  answers 2>/dev/null && break
  [ "$i" -lt 50 ] || { echo "with-services: the emulator at $url does not answer:" >&2; cat "$dir/log" >&2; exit 1; }
  sleep 0.2
done

for v in $(compgen -e AWS_); do unset "$v"; done
export AWS_ACCESS_KEY_ID=signet AWS_SECRET_ACCESS_KEY=signet AWS_REGION=eu-west-1 AWS_EC2_METADATA_DISABLED=true
export AWS_CONFIG_FILE=$dir/aws-config AWS_SHARED_CREDENTIALS_FILE=$dir/aws-credentials
: >"$AWS_CONFIG_FILE"
: >"$AWS_SHARED_CREDENTIALS_FILE"
export SIGNET_TEST_DYNAMODB=$url SIGNET_DEMO_DYNAMODB=$url SIGNET_TEST_KMS=$url

status=0
"$@" || status=$?
exit "$status"
