#!/usr/bin/env bash
# bench.sh BENCHTIME [COUNT]: run the benchmarks and rewrite the tables of docs/benchmarks.md. Run it on a quiet machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
time=${1:?usage: bench.sh BENCHTIME [COUNT]}
count=${2:-5}
mkdir -p .cache

own=(./cache ./message ./keyring/...)
go test -run '^$' -bench . -benchmem -benchtime "$time" -count "$count" "${own[@]}" | tee .cache/bench-own.txt
(cd interop && go test -run '^$' -bench . -benchmem -benchtime "$time" -count "$count" -timeout 60m .) | tee .cache/bench-peers.txt
(cd interop && go run ./benchtable -doc ../docs/benchmarks.md -peers ../.cache/bench-peers.txt -own ../.cache/bench-own.txt)
