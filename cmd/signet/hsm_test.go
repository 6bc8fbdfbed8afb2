package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/signetkeys/signet/keyring/pkcs11/softhsm"
	softhsmtest "github.com/signetkeys/signet/softhsm-test"
)

// missing skips a test for want of a tool, or fails it where the tools must be there.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("SIGNET_REQUIRE_TOOLS") == "1" {
		t.Fatalf("SIGNET_REQUIRE_TOOLS=1 and %s", what)
	}
	t.Skipf("SKIP: %s", what)
}

// needSoftHSM returns the path of the module.
func needSoftHSM(t *testing.T) string {
	t.Helper()
	if !cgoEnabled {
		t.Skip("SKIP: built without cgo")
	}
	path, err := softhsm.Module()
	if err != nil {
		missing(t, err.Error())
	}
	return path
}

// spy returns OpenSC's module that logs every call to another one.
func spy(t *testing.T) string {
	for _, path := range []string{"/usr/lib/x86_64-linux-gnu/pkcs11-spy.so", "/usr/lib/aarch64-linux-gnu/pkcs11-spy.so", "/usr/lib64/pkcs11-spy.so", "/usr/lib/pkcs11-spy.so"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	missing(t, "pkcs11-spy.so of OpenSC is missing")
	return ""
}

func TestHSMScripts(t *testing.T) {
	module, spy := needSoftHSM(t), spy(t)
	scripts(t, "hsm", func(e *testscript.Env) error {
		e.Setenv("SOFTHSM", module)
		e.Setenv("SPY", spy)
		return nil
	})
}

// A key in the HSM and the same bytes outside of it are one key to messages, in both directions.
func TestSameKeyInsideAndOutside(t *testing.T) {
	needSoftHSM(t)
	tok := softhsmtest.New(t)
	key := []byte("0123456789abcdef0123456789abcdef")
	tok.ImportAES("kek", key)
	path := filepath.Join(t.TempDir(), "kek.bin")
	if err := os.WriteFile(path, key, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(stdin []byte, args ...string) []byte {
		t.Helper()
		cmd := exec.Command("signet", args...)
		cmd.Env = append(os.Environ(), tok.Env()...)
		cmd.Stdin = bytes.NewReader(stdin)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("signet %q: %v: %s", args, err, stderr.String())
		}
		return out
	}
	inside, outside := tok.KeyURI("kek"), "raw-aes:pkcs11/kek?key-file="+path
	for _, c := range [][2]string{{inside, outside}, {outside, inside}} {
		message := run([]byte("hello"), "encrypt", "-k", c[0])
		if got := run(message, "decrypt", "-k", c[1]); string(got) != "hello" {
			t.Errorf("written with %s, read with %s: got %q", c[0], c[1], got)
		}
	}
}
