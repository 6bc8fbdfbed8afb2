package pkcs11_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/pkcs11"
	"github.com/signetkeys/signet/keyring/suite"
	softhsmtest "github.com/signetkeys/signet/softhsm-test"
)

func open(t testing.TB, cfg pkcs11.Config) *pkcs11.Keyring {
	t.Helper()
	k, err := pkcs11.New(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

func request(t testing.TB, pairs ...string) *keyring.Request {
	t.Helper()
	ec := keyring.EncryptionContext{}
	for i := 0; i < len(pairs); i += 2 {
		ec[pairs[i]] = pairs[i+1]
	}
	r, err := keyring.NewRequest(suite.AES256GCMCommit(), ec)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wrap returns a fresh data key and its one encrypted form.
func wrap(t testing.TB, k keyring.Keyring, r *keyring.Request) ([]byte, keyring.EncryptedDataKey) {
	t.Helper()
	w, err := k.OnEncrypt(context.Background(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.DataKey.Destroy()
	return bytes.Clone(w.DataKey.Reveal()), w.EDKs[0]
}

// unwrap returns the data key of an EDK, or why it did not open.
func unwrap(k keyring.Keyring, r *keyring.Request, edks ...keyring.EncryptedDataKey) ([]byte, error) {
	u, err := k.OnDecrypt(context.Background(), r, edks)
	if err != nil {
		return nil, err
	}
	defer u.DataKey.Destroy()
	return bytes.Clone(u.DataKey.Reveal()), nil
}

func wantRoundTrip(t *testing.T, k keyring.Keyring) {
	t.Helper()
	r := request(t, "a", "b")
	key, edk := wrap(t, k, r)
	got, err := unwrap(k, r, edk)
	if err != nil || !bytes.Equal(got, key) {
		t.Fatalf("got %v, want the data key", err)
	}
}

// wantError asserts that err carries an *Error of the kind, for the class, without the PIN.
func wantError(t *testing.T, err, kind error, classes ...error) *pkcs11.Error {
	t.Helper()
	var e *pkcs11.Error
	if !errors.As(err, &e) || !errors.Is(err, kind) {
		t.Fatalf("got %v, want %v", err, kind)
	}
	for _, c := range classes {
		if !errors.Is(err, c) {
			t.Errorf("%v is not of class %v", err, c)
		}
	}
	return e
}

// tool runs pkcs11-tool on the token, as another process.
func tool(t *testing.T, tok *softhsmtest.Token, args ...string) {
	t.Helper()
	toolOutput(t, tok, args...)
}

func toolOutput(t *testing.T, tok *softhsmtest.Token, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("pkcs11-tool")
	if err != nil {
		if os.Getenv(softhsmtest.RequireVariable) == "1" {
			t.Fatal(err)
		}
		t.Skipf("SKIP: pkcs11-tool (package opensc) is missing: %v", err)
	}
	cmd := exec.Command(path, append([]string{"--module", tok.Module, "--token-label", tok.Label, "--login", "--pin", tok.PIN}, args...)...)
	cmd.Env = append(os.Environ(), tok.Env()...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("pkcs11-tool %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// hasCgo reports whether this build can load modules, judged by what New says.
func hasCgo(t *testing.T) bool {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	_, err = pkcs11.New(t.Context(), pkcs11.Config{ModulePath: self, Key: pkcs11.KeySelector{Label: "kek"}})
	return !errors.Is(err, signet.ErrUnsupported)
}
