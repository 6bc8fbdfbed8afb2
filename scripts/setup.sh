#!/usr/bin/env bash
# setup.sh [--kms]: install what the tests and the demo need and is not there yet: SoftHSM and OpenSC (the HSM) and NSS (another token, for
# tests) through apt, MiniStack (the emulator of DynamoDB and KMS) into .cache/venv; with --kms also two more emulators of KMS, for the tests of
# kms-test: moto into .cache/moto and local-kms into .cache/localkms. Does nothing, quickly, when all of it is there. Needs root or sudo only for apt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ministack_pins=('ministack==1.5.33' 'cryptography==50.0.2')
venv=.cache/venv
moto_pins=('moto==5.2.5' 'flask==3.1.3' 'flask-cors==6.0.5' 'cryptography==50.0.2')
moto=.cache/moto
kms=
if [ "${1:-}" = --kms ]; then kms=1; fi

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

have_module() {
  local candidate
  for candidate in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/lib64/softhsm/libsofthsm2.so \
    /usr/lib64/pkcs11/libsofthsm2.so /usr/local/lib/softhsm/libsofthsm2.so; do
    [ -e "$candidate" ] && return 0
  done
  return 1
}

have_nss() { compgen -G '/usr/lib/*/libsoftokn3.so' || compgen -G '/usr/lib/*/nss/libsoftokn3.so' || compgen -G '/usr/lib*/libsoftokn3.so'; } >/dev/null

python_version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

# A Python that is recent enough; the one of the distribution counts even when another comes first in PATH.
find_python() {
  local candidate
  for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  return 1
}

venv_works() { [ -n "$1" ] && "$1" -c 'import venv, ensurepip' 2>/dev/null; }
venv_current() { [ -x "$venv/bin/ministack" ] && [ "$(cat "$venv/pins" 2>/dev/null)" = "${ministack_pins[*]}" ]; }
moto_current() { [ -z "$kms" ] || { [ -x "$moto/bin/moto_server" ] && [ "$(cat "$moto/pins" 2>/dev/null)" = "${moto_pins[*]}" ]; }; }

missing_packages() {
  command -v gcc >/dev/null || echo gcc libc6-dev
  { command -v softhsm2-util >/dev/null && have_module; } || echo softhsm2
  command -v pkcs11-tool >/dev/null || echo opensc
  { command -v certutil >/dev/null && have_nss; } || echo libnss3 libnss3-tools
  { venv_current && moto_current; } || venv_works "$(find_python || true)" || echo python3-venv
}

install_packages() {
  local as_root=()
  if ! command -v apt-get >/dev/null; then
    die "missing: $*. There is no apt-get here: install what these packages of Debian are called on this system, then try again."
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
      as_root=(sudo)
    else
      die "missing: $*. Neither root nor sudo is at hand: let an administrator run 'apt-get install $*', then try again."
    fi
  fi
  say "installing $*"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
  "${apt[@]}" update >.cache/apt.log 2>&1 || say "apt-get update failed; trying with the package lists at hand"
  if ! "${apt[@]}" install -y --no-install-recommends "$@" >>.cache/apt.log 2>&1; then
    tail -n 20 .cache/apt.log >&2
    die "apt-get could not install: $*"
  fi
}

# install_venv FOLDER PIN...
install_venv() {
  local python folder=$1
  shift
  python=$(find_python) || die "python3 is $(python_version python3 || echo missing); $1 needs 3.10 or newer"
  say "installing $* into $folder"
  rm -rf "$folder"
  "$python" -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2
  printf '%s\n' "$*" >"$folder/pins"
}

mkdir -p .cache
exec 9>.cache/setup.lock
flock 9 # two makes at once: the second one waits and then finds everything there

command -v go >/dev/null || die "missing: go. Install Go 1.26 or newer, or 1.21 or newer, which then fetches what go.mod names."
mapfile -t packages < <(missing_packages | tr ' ' '\n')
[ ${#packages[@]} -eq 0 ] || install_packages "${packages[@]}"
venv_current || install_venv "$venv" "${ministack_pins[@]}"
moto_current || install_venv "$moto" "${moto_pins[@]}"
[ -z "$kms" ] || (cd kms-test && go build -o ../.cache/localkms ./localkms)
