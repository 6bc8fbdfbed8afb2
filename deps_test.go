package signet_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const modulePath = "github.com/signetkeys/signet"

// arrows is the policy of docs/design.md: each package, and the packages of this module that it imports outside its tests. "." is the root.
// A package that is not here may not exist, and an arrow that is not needed any more is removed.
const arrows = `
.:
internal/arn: .
internal/attr: .
internal/ecsig: .
internal/kdf: .
internal/sharedtest:
internal/uritext:
internal/wire: .
keyring/suite: .
keyring: . internal/ecsig internal/kdf internal/wire keyring/suite
keyring/keyringtest: . keyring keyring/suite
keyring/internal/ecdhwrap: . internal/ecsig internal/kdf internal/wire keyring
keyring/raw: . internal/wire keyring keyring/internal/ecdhwrap
keyring/kms: . internal/arn keyring keyring/internal/ecdhwrap
keyring/kms/internal/kmsfake:
keyring/hierarchy: . internal/kdf internal/wire keyring
keyring/pkcs11: . internal/wire keyring keyring/pkcs11/internal/ck keyring/pkcs11/internal/module keyring/pkcs11/internal/token keyring/pkcs11/uri
keyring/pkcs11/internal/ck:
keyring/pkcs11/internal/cktest: keyring/pkcs11/internal/ck
keyring/pkcs11/internal/module: keyring/pkcs11/internal/ck
keyring/pkcs11/internal/token: keyring/pkcs11/internal/ck keyring/pkcs11/internal/module
keyring/pkcs11/softhsm: . keyring/pkcs11/internal/ck keyring/pkcs11/internal/module
keyring/pkcs11/uri: . internal/uritext
keyring/tink: . internal/wire keyring message
cache: . internal/wire keyring keyring/suite
cache/cachetest: cache internal/sharedtest
message: . internal/ecsig internal/kdf internal/wire keyring keyring/suite
ddb: . cache internal/attr keyring keyring/suite message
envvar: . keyring keyring/suite message
config: . internal/uritext keyring
config/all: . config internal/arn internal/uritext keyring keyring/kms keyring/pkcs11 keyring/pkcs11/uri keyring/raw keyring/tink message
cmd/signet: . cmd/signet/internal/ministack config config/all ddb envvar internal/uritext internal/wire keyring keyring/kms keyring/pkcs11 keyring/pkcs11/softhsm keyring/pkcs11/uri keyring/suite message
cmd/signet/internal/ministack:
examples/item: config config/all ddb
internal/cmd/vectors: . cache keyring keyring/hierarchy keyring/raw keyring/suite message
softhsm-test: . keyring/pkcs11 keyring/pkcs11/softhsm keyring/pkcs11/uri
`

// thirdParty is what each package may import from other modules, outside its tests. A package that is not here uses the standard library
// only. Each name is a package.
const thirdParty = `
internal/ecsig: github.com/cloudflare/circl/ecc/p384
keyring/pkcs11/internal/ck: github.com/miekg/pkcs11
keyring/tink: github.com/tink-crypto/tink-go/v2/aead github.com/tink-crypto/tink-go/v2/core/registry github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset github.com/tink-crypto/tink-go/v2/keyset github.com/tink-crypto/tink-go/v2/tink
keyring/kms: github.com/aws/aws-sdk-go-v2/aws github.com/aws/aws-sdk-go-v2/aws/middleware github.com/aws/aws-sdk-go-v2/aws/retry github.com/aws/aws-sdk-go-v2/aws/transport/http github.com/aws/aws-sdk-go-v2/service/kms github.com/aws/aws-sdk-go-v2/service/kms/types github.com/aws/smithy-go github.com/aws/smithy-go/middleware github.com/aws/smithy-go/transport/http
keyring/kms/internal/kmsfake: github.com/aws/aws-sdk-go-v2/aws github.com/aws/aws-sdk-go-v2/service/kms github.com/aws/aws-sdk-go-v2/service/kms/types github.com/aws/smithy-go
ddb: github.com/aws/aws-sdk-go-v2/service/dynamodb/types
config/all: github.com/aws/aws-sdk-go-v2/aws github.com/aws/aws-sdk-go-v2/aws/transport/http github.com/aws/aws-sdk-go-v2/config github.com/aws/aws-sdk-go-v2/feature/ec2/imds github.com/aws/aws-sdk-go-v2/service/kms github.com/aws/smithy-go/logging
examples/item: github.com/aws/aws-sdk-go-v2/service/dynamodb/types
cmd/signet: github.com/aws/aws-sdk-go-v2/aws github.com/aws/aws-sdk-go-v2/config github.com/aws/aws-sdk-go-v2/feature/ec2/imds github.com/aws/aws-sdk-go-v2/service/dynamodb github.com/aws/aws-sdk-go-v2/service/dynamodb/types github.com/aws/aws-sdk-go-v2/service/kms github.com/aws/aws-sdk-go-v2/service/kms/types github.com/aws/smithy-go/logging github.com/spf13/cobra github.com/vbauerster/mpb/v8 github.com/vbauerster/mpb/v8/decor golang.org/x/sync/errgroup golang.org/x/term
`

// cgoPackages are the packages that may contain cgo, themselves.
var cgoPackages = []string{"keyring/pkcs11"}

type goPackage struct {
	ImportPath string
	Imports    []string
	CgoFiles   []string
	Standard   bool
}

// list runs "go list" with cgo, so that the result does not depend on how the test itself was built.
func list(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,CgoFiles,Standard"}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1", "GOOS=linux", "GOWORK=off")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %q: %v\n%s", args, err, stderr.String())
	}
	var packages []goPackage
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// watchSources reads every folder of Go files, so that "go test" runs this test again after a file changed: of what "go list" reads it knows
// nothing.
func watchSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "interop") {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// short is a package's path in this module, "." for its root; ok is false for packages of other modules.
func short(path string) (string, bool) {
	if path == modulePath {
		return ".", true
	}
	return strings.CutPrefix(path, modulePath+"/")
}

func parseTable(t *testing.T, table string) map[string][]string {
	t.Helper()
	rows := map[string][]string{}
	for line := range strings.Lines(strings.TrimSpace(table)) {
		name, imports, ok := strings.Cut(strings.TrimSpace(line), ":")
		if _, twice := rows[name]; !ok || twice {
			t.Fatalf("bad row or second row: %q", line)
		}
		rows[name] = strings.Fields(imports)
	}
	return rows
}

const policy = "This is policy (docs/design.md, Arrows), not a formality: change the code, or the table in deps_test.go together with " +
	"docs/design.md, and argue for it in the commit."

// compare reports the differences between what a package imports and its row.
func compare(t *testing.T, table, name string, got, want []string) {
	t.Helper()
	for _, p := range got {
		if !slices.Contains(want, p) {
			t.Errorf("%s imports %s, which the table %q does not allow. %s", name, p, table, policy)
		}
	}
	for _, p := range want {
		if !slices.Contains(got, p) {
			t.Errorf("%s does not import %s any more: take it out of the table %q. %s", name, p, table, policy)
		}
	}
}

func TestImports(t *testing.T) {
	watchSources(t)
	own, foreign := parseTable(t, arrows), parseTable(t, thirdParty)
	standard := map[string]bool{"C": true, "unsafe": true}
	for _, p := range list(t, "std") {
		standard[p.ImportPath] = true
	}
	seen := map[string]bool{}
	for _, p := range list(t, "./...") {
		name, ok := short(p.ImportPath)
		if !ok {
			t.Fatalf("package %s is not in module %s", p.ImportPath, modulePath)
		}
		seen[name] = true
		allowed, ok := own[name]
		if !ok {
			t.Errorf("package %s is in no row of the table \"arrows\". %s", name, policy)
			continue
		}
		var ownImports, foreignImports []string
		for _, imported := range p.Imports {
			if s, ok := short(imported); ok {
				ownImports = append(ownImports, s)
			} else if !standard[imported] {
				foreignImports = append(foreignImports, imported)
			}
		}
		compare(t, "arrows", name, ownImports, allowed)
		compare(t, "thirdParty", name, foreignImports, foreign[name])
		if len(p.CgoFiles) > 0 && !slices.ContainsFunc(cgoPackages, func(c string) bool { return name == c || strings.HasPrefix(name, c+"/") }) {
			t.Errorf("%s uses cgo (%s); only %s may. %s", name, strings.Join(p.CgoFiles, ", "), strings.Join(cgoPackages, ", "), policy)
		}
	}
	for table, rows := range map[string]map[string][]string{"arrows": own, "thirdParty": foreign} {
		for name := range rows {
			if !seen[name] {
				t.Errorf("package %s of the table %q does not exist", name, table)
			}
		}
	}
}

// TestNeverLinked: what a program that imports one of these packages must not link, not even through others.
func TestNeverLinked(t *testing.T) {
	watchSources(t)
	const (
		sdk      = "github.com/aws"
		dynamodb = "github.com/aws/aws-sdk-go-v2/service/dynamodb"
		kms      = "github.com/aws/aws-sdk-go-v2/service/kms"
		binding  = "github.com/miekg/pkcs11"
		raw      = modulePath + "/keyring/raw"
		pkcs11   = modulePath + "/keyring/pkcs11"
		tink     = "github.com/tink-crypto"     // a program with google/tink/go panics when it links this too
		protobuf = "google.golang.org/protobuf" // what Tink drags in
	)
	for pkg, never := range map[string][]string{
		"keyring":           {sdk, raw, pkcs11, binding, tink, protobuf},
		"keyring/raw":       {sdk, pkcs11, binding, tink, protobuf},
		"keyring/hierarchy": {sdk, raw, pkcs11, binding, tink, protobuf},
		"keyring/pkcs11":    {sdk, raw, tink, protobuf},
		"keyring/tink":      {sdk, raw, pkcs11, binding, modulePath + "/config", modulePath + "/ddb"},
		"cache":             {sdk, raw, pkcs11, binding, tink, protobuf},
		"message":           {sdk, raw, pkcs11, binding, modulePath + "/cache", modulePath + "/ddb", tink, protobuf},
		"ddb":               {kms, raw, pkcs11, binding, tink, protobuf},
		"envvar":            {sdk, raw, pkcs11, binding},
		"config":            {sdk, raw, pkcs11, binding, tink, protobuf},
		"config/all":        {dynamodb, modulePath + "/ddb"},
	} {
		for _, p := range list(t, "-deps", "./"+pkg) {
			for _, n := range never {
				if p.ImportPath == n || strings.HasPrefix(p.ImportPath, n+"/") {
					t.Errorf("%s links %s. %s", pkg, p.ImportPath, policy)
				}
			}
		}
	}
	// A service that encrypts attributes and needs no client of its own links the types of DynamoDB and not its client.
	sawTypes := false
	for _, p := range list(t, "-deps", "./ddb") {
		sawTypes = sawTypes || p.ImportPath == dynamodb+"/types"
		if p.ImportPath == dynamodb {
			t.Errorf("ddb links the client %s. %s", dynamodb, policy)
		}
	}
	if !sawTypes {
		t.Errorf("ddb does not link %s/types: this test looks at the wrong package", dynamodb)
	}
}

// TestBubbles: a test with the bubble's clock starts by sharedtest.Bubble, which also works in FIPS 140-3 mode, and not by synctest.Test.
func TestBubbles(t *testing.T) {
	const start = "synctest" + ".Test("
	found := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != "." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(source), start) {
			return err
		}
		if found++; filepath.ToSlash(path) != "internal/sharedtest/bubble.go" {
			t.Errorf("%s calls %s…): call sharedtest.Bubble", path, start)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found == 0 {
		t.Errorf("%s…) was found nowhere: this test looks for the wrong thing", start)
	}
}
