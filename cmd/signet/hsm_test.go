package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/signetkeys/signet/keyring/pkcs11/softhsm"
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
