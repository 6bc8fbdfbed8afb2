#!/usr/bin/env bash
# fuzz.sh TIME [PACKAGES]: run every fuzz target of the packages, one after another, TIME each (10s, 2m). A failing input is written to the
# package's testdata/fuzz, as go test does.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
time=${1:?usage: fuzz.sh TIME [PACKAGES]}
shift
[ $# -gt 0 ] || set -- ./...

status=0 count=0
while read -r package dir; do
  while read -r target; do
    count=$((count + 1))
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package" </dev/null || { echo "fuzz: $package $target failed" >&2; status=1; }
  done < <(cat "$dir"/*_test.go 2>/dev/null | sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' | sort -u)
done < <(go list -f '{{.ImportPath}} {{.Dir}}' "$@")
echo "fuzz: $count targets, $time each"
[ "$count" -gt 0 ] || { echo "fuzz: no target found" >&2; exit 1; }
exit $status
