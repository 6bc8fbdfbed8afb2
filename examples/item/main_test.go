package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	softhsmtest "github.com/signetkeys/signet/softhsm-test"
)

// The example as the README shows it, run under a key in an HSM and a raw key beside it, then under the raw key alone.
func TestExample(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "item")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	key := filepath.Join(t.TempDir(), "kek.bin")
	if err := os.WriteFile(key, []byte("0123456789abcdef0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	raw := "raw-aes:example/kek?key-file=" + key
	tests := map[string]func(t *testing.T) []string{
		"raw": func(*testing.T) []string { return []string{"SIGNET_KEYRING=" + raw} },
		"hsm": func(t *testing.T) []string {
			tok := softhsmtest.New(t)
			tok.GenerateAES("kek", 256)
			pin := filepath.Join(t.TempDir(), "pin")
			if err := os.WriteFile(pin, []byte(tok.PIN+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return []string{
				"SOFTHSM2_CONF=" + tok.Conf,
				"SIGNET_KEYRING=pkcs11:token=" + tok.Label + ";object=kek?module-name=softhsm2&pin-source=file:" + pin + " " + raw,
			}
		},
	}
	for name, env := range tests {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(bin)
			cmd.Env = append(os.Environ(), env(t)...)
			out, err := cmd.CombinedOutput()
			want := "DynamoDB gets an ssn of type *types.AttributeValueMemberB\nverified: 078-05-1120\n"
			if err != nil || string(out) != want {
				t.Errorf("got %q, %v, want %q", out, err, want)
			}
		})
	}
}

// What the README shows is this file.
func TestReadmeShowsTheExample(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(source), "\n")
	if !strings.Contains(string(readme), "```go\n"+code+"```\n") {
		t.Error("README.md does not contain examples/item/main.go (without its first line) as a Go block")
	}
}
