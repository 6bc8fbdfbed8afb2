#!/usr/bin/env bash
# test.sh [PACKAGES]: what "make test" runs once the services are there: go vet and go test. With SIGNET_TEST_JSON=FILE the results go
# there as "go test -json" writes them. GOTESTFLAGS is added to go test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ $# -gt 0 ] || set -- ./...

# setup.sh put every tool here, so a test that does not find one is a failure and no skip.
export SIGNET_REQUIRE_TOOLS=${SIGNET_REQUIRE_TOOLS:-1}
read -r -a flags <<<"${GOTESTFLAGS:-}"

go vet "$@"
if [ -n "${SIGNET_TEST_JSON:-}" ]; then
  go test -json "${flags[@]}" "$@" >"$SIGNET_TEST_JSON"
else
  go test "${flags[@]}" "$@"
fi
