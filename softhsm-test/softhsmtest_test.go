package softhsmtest

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/signetkeys/signet/keyring/pkcs11"
	"github.com/signetkeys/signet/keyring/pkcs11/uri"
)

func TestTokensAreSeparate(t *testing.T) {
	for _, name := range []string{"a", "b", "c", "d"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tok := New(t)
			tok.GenerateAES("kek", 256)
			tok.ImportAES("imported", make([]byte, 16))
			keys, err := pkcs11.ListKeys(t.Context(), tok.Config(""))
			if err != nil || len(keys) != 2 {
				t.Fatalf("got %d keys, %v", len(keys), err)
			}
			tok.DeleteKey("kek")
			if keys, err = pkcs11.ListKeys(t.Context(), tok.Config("")); err != nil || len(keys) != 1 || keys[0].Label != "imported" || keys[0].Bits != 128 {
				t.Errorf("got %+v, %v", keys, err)
			}
			if info, err := os.Stat(tok.Path()); err != nil || !info.IsDir() {
				t.Errorf("got %v", err)
			}
			u, err := uri.Parse(tok.KeyURI("imported"))
			if err != nil {
				t.Fatal(err)
			}
			if cfg, err := pkcs11.FromURI(u); err != nil || cfg.Token.Label != tok.Label || cfg.PINSource != "file:"+tok.PINFile {
				t.Errorf("got %+v, %v", cfg, err)
			}
		})
	}
}

// Another process sees the token and the keys that were made here.
func TestOtherProcess(t *testing.T) {
	tool, err := exec.LookPath("pkcs11-tool")
	if err != nil {
		missing(t, err)
	}
	tok := New(t)
	tok.GenerateAES("kek", 256)
	cmd := exec.Command(tool, "--module", tok.Module, "--token-label", tok.Label, "--login", "--pin", tok.PIN, "--list-objects")
	cmd.Env = append(os.Environ(), tok.Env()...)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "kek") || !strings.Contains(string(out), "never extractable") {
		t.Errorf("got %v and %s", err, out)
	}
}

// The folder of a process goes with its last test, and the next one starts afresh.
func TestFolderIsRemoved(t *testing.T) {
	var dir string
	t.Run("first", func(t *testing.T) { dir = New(t).Dir })
	home.Lock()
	users := home.users
	home.Unlock()
	if users > 0 {
		t.Fatalf("%d tests have not left", users)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is there: %v", err)
	}
	t.Run("second", func(t *testing.T) {
		if again := New(t).Dir; again == dir {
			t.Error("the removed folder was used again")
		}
	})
}
