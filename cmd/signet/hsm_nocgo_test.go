//go:build !cgo

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Without cgo there is no PKCS#11, and every command that needs it says so.
func TestWithoutCgo(t *testing.T) {
	module := filepath.Join(t.TempDir(), "module.so")
	if err := os.WriteFile(module, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	uri := "pkcs11:token=t;object=k?module-path=" + module + "&pin-source=env:PIN"
	for _, args := range [][]string{
		{"hsm", "init-softhsm", "--dir", t.TempDir(), "--label", "x"},
		{"hsm", "generate", "-k", uri},
		{"hsm", "list", "-k", uri},
		{"encrypt", "-k", uri},
		{"decrypt", "-k", uri},
		{"demo", "--endpoint", "http://127.0.0.1:1"},
	} {
		exit, _, text := runApp(t, t.Context(), "x", "", args...)
		if exit != exitGeneric || !strings.Contains(text, "SIGNET1002") || !strings.Contains(text, "cgo") {
			t.Errorf("%q: exit %d, %s", args, exit, text)
		}
	}
}
