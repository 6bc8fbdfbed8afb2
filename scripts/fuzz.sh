#!/usr/bin/env bash
# fuzz.sh TIME [PACKAGES]: run every fuzz target of the packages, one after another, TIME each (10s, 2m). A failing input is written to the
# package's testdata/fuzz, as go test does.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
time=${1:?usage: fuzz.sh TIME [PACKAGES]}
shift
[ $# -gt 0 ] || set -- ./...

# run PACKAGE TARGET [retry]: at the end of its time the fuzzer of go test sometimes reports "context deadline exceeded" and no input; such a
# target gets a second chance, any other failure none.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
  if [ "${3:-}" = retry ] && { ! grep -q 'context deadline exceeded' "$log" || grep -q 'Failing input written' "$log"; }; then
    return 1
  fi
  go test -run '^$' -fuzz "^$2\$" -fuzztime "$time" "$1" </dev/null 2>&1 | tee "$log"
  return "${PIPESTATUS[0]}"
}

status=0 count=0
while read -r package dir; do
  while read -r target; do
    count=$((count + 1))
    run "$package" "$target" || run "$package" "$target" retry || { echo "fuzz: $package $target failed" >&2; status=1; }
  done < <(cat "$dir"/*_test.go 2>/dev/null | sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' | sort -u)
done < <(go list -f '{{.ImportPath}} {{.Dir}}' "$@")
echo "fuzz: $count targets, $time each"
[ "$count" -gt 0 ] || { echo "fuzz: no target found" >&2; exit 1; }
exit $status
