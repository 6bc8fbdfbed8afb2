#!/usr/bin/env bash
# vuln.sh: govulncheck with a database made from the module golang.org/x/vulndb, whose version is the age of what is known: raise it by hand.
# Findings in the standard library are printed and are no failure, because a newer Go is what mends them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bin=$PWD/.cache/bin
govulncheck=v1.9.0
vulndb=v0.0.0-20261105234957-e22db6528018
db=$PWD/.cache/vulndb-$vulndb

[ -x "$bin/govulncheck@$govulncheck" ] || {
  GOFLAGS='' GOBIN=$bin go install "golang.org/x/vuln/cmd/govulncheck@$govulncheck"
  mv "$bin/govulncheck" "$bin/govulncheck@$govulncheck"
}
[ -d "$db" ] || {
  GOFLAGS='' GOBIN=$bin go install "golang.org/x/vulndb/cmd/indexdb@$vulndb"
  osv=$(go mod download -json "golang.org/x/vulndb@$vulndb" | sed -nE 's/.*"Dir": "(.*)",/\1/p')/data/osv
  rm -rf "$db.new"
  "$bin/indexdb" -vulns "$osv" -out "$db.new"
  mv "$db.new" "$db"
}
"$bin/govulncheck@$govulncheck" -format json -db "file://$db" ./... >.cache/vuln.json
go run ./.ci/vulnsum <.cache/vuln.json
