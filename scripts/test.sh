#!/usr/bin/env bash
# test.sh [PACKAGES]: what "make test" runs once the services are there: go vet and go test. With SIGNET_TEST_JSON=FILE the results go
# there as "go test -json" writes them. GOTESTFLAGS is added to go test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ $# -gt 0 ] || set -- ./...

# setup.sh put every tool here, so a test that does not find one is a failure and no skip.
export SIGNET_REQUIRE_TOOLS=${SIGNET_REQUIRE_TOOLS:-1}
read -r -a flags <<<"${GOTESTFLAGS:-}"

# The vectors cannot be installed, so tests that read them are skipped without them: internal/sharedtest/vectors.go. A relative path would be one
# for each package's folder.
[ -z "${SIGNET_VECTORS:-}" ] || SIGNET_VECTORS=$(readlink -m "$SIGNET_VECTORS")
note() {
  local file folder=${SIGNET_VECTORS:-../shared/vectors}
  [ "${SIGNET_REQUIRE_VECTORS:-}" != 1 ] || return 0
  for file in esdk/{commitment-known-answers.json,from-dafny.zip,valid-Net-4.0.0.zip} dbesdk/{keys,decrypt_java_32,decrypt_dotnet_32}.json; do
    [ ! -e "$folder/$file" ] || continue
    echo "note: the AWS libraries' published vectors are not in $folder, or not all (SIGNET_VECTORS names another folder); the tests that read them are skipped" >&2
    return 0
  done
}
trap note EXIT

go vet "$@"
if [ -n "${SIGNET_TEST_JSON:-}" ]; then
  go test -json "${flags[@]}" "$@" >"$SIGNET_TEST_JSON"
else
  go test "${flags[@]}" "$@"
fi
