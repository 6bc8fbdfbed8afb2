#!/usr/bin/env bash
# bench.sh [BENCHTIME [COUNT]]: run every benchmark and rewrite the tables and the plot of docs/benchmarks.md: Go's benchmarks COUNT times over with
# BENCHTIME each (300ms, 3), then signet and every peer in turn, then streams. For a quiet machine; some ten minutes. Peers: interop/setup.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
time=${1:-300ms}
count=${2:-3}
out=$PWD/.cache
peers=$out/bench-peers.txt
own=$out/bench-own.txt
mkdir -p "$out"
: >"$peers"
: >"$own"

interop/setup
flags=(-run '^$' -bench . -benchmem -benchtime "$time" -timeout 60m)
for ((i = 0; i < count; i++)); do
  (cd interop && go test "${flags[@]}" .) | tee -a "$peers"
  # The bare binding has its place in AgainstBare.
  go test "${flags[@]}" -skip '^BenchmarkBare' ./cache ./ddb ./keyring ./keyring/raw ./keyring/pkcs11 ./internal/ecsig ./internal/kdf | tee -a "$own"
done
cd interop
# SIGNET_BENCHPEERS and SIGNET_BENCHSTREAMS add flags, for a trial.
read -r -a more <<<"${SIGNET_BENCHPEERS:-}"
go run ./benchpeers "${more[@]}" >"$out/bench-rivals.json"
read -r -a more <<<"${SIGNET_BENCHSTREAMS:-}"
go run ./benchstreams "${more[@]}" >"$out/bench-streams.json"
go run ./benchtable -doc ../docs/benchmarks.md -peers "$peers" -own "$own" -rivals "$out/bench-rivals.json" -plot ../docs/benchmarks.svg \
  -streams "$out/bench-streams.json"
