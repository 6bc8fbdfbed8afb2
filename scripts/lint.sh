#!/usr/bin/env bash
# lint.sh [gofmt|vet|staticcheck|golangci|tidy|all]...: static checks, each at a pinned version built into .cache/bin. Every check that was
# named runs, also after one has failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bin=$PWD/.cache/bin
staticcheck_version=v0.8.2
golangci_version=v2.15.0

modules() { git ls-files --cached --others --exclude-standard -- 'go.mod' '*/go.mod' | xargs -r -n 1 dirname | sort -u; }

# tool NAME PACKAGE VERSION: build it unless this version is there.
tool() {
  [ -x "$bin/$1@$3" ] && return 0
  GOFLAGS='' GOBIN=$bin go install "$2@$3" && mv "$bin/$1" "$bin/$1@$3"
}

check_gofmt() {
  local files
  files=$(git ls-files --cached --others --exclude-standard -- '*.go' | xargs -r gofmt -l)
  [ -z "$files" ] || { echo "gofmt would change:"; echo "$files"; return 1; }
}
check_vet() {
  local m failed=0
  for m in $(modules); do (cd "$m" && go vet ./...) || failed=1; done
  return $failed
}
check_staticcheck() {
  local m failed=0
  tool staticcheck honnef.co/go/tools/cmd/staticcheck $staticcheck_version || return 1
  for m in $(modules); do (cd "$m" && "$bin/staticcheck@$staticcheck_version" ./...) || failed=1; done
  return $failed
}
check_golangci() {
  local m failed=0
  tool golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint $golangci_version || return 1
  for m in $(modules); do (cd "$m" && "$bin/golangci-lint@$golangci_version" run ./...) || failed=1; done
  return $failed
}
check_tidy() {
  local m failed=0
  for m in $(modules); do (cd "$m" && go mod tidy -diff) || failed=1; done
  return $failed
}

[ $# -gt 0 ] || set -- all
[ "$1" != all ] || set -- gofmt vet staticcheck golangci tidy
status=0
for check in "$@"; do
  if declare -F "check_$check" >/dev/null; then
    "check_$check" || { echo "lint: $check failed" >&2; status=1; }
  else
    echo "lint: no check is called $check" >&2
    status=2
  fi
done
exit $status
