#!/usr/bin/env bash
# bench.sh BENCHTIME [COUNT]: run the benchmarks COUNT times over and rewrite the tables of docs/benchmarks.md. For a quiet machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
time=${1:?usage: bench.sh BENCHTIME [COUNT]}
count=${2:-5}
peers=$PWD/.cache/bench-peers.txt
own=$PWD/.cache/bench-own.txt
mkdir -p .cache
: >"$peers"
: >"$own"

flags=(-run '^$' -bench . -benchmem -benchtime "$time" -timeout 60m)
for ((i = 0; i < count; i++)); do
  (cd interop && go test "${flags[@]}" .) | tee -a "$peers"
  # The bare binding has its place in AgainstBare.
  go test "${flags[@]}" -skip '^BenchmarkBare' ./cache ./ddb ./keyring ./keyring/raw ./keyring/pkcs11 ./internal/ecsig ./internal/kdf | tee -a "$own"
done
(cd interop && go run ./benchtable -doc ../docs/benchmarks.md -peers "$peers" -own "$own")
