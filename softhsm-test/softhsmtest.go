// Package softhsmtest gives tests a real PKCS#11 token that is thrown away afterwards:
//
//	tok := softhsmtest.New(t)
//	tok.GenerateAES("kek", 256)
//	k, err := pkcs11.New(t.Context(), tok.Config("kek"))   // in this process
//	cmd.Env = append(os.Environ(), tok.Env()...)           // or tok.KeyURI("kek") in another one
//
// Every call of New makes a token of its own, also under t.Parallel. SoftHSM reads its configuration once per initialization, so the tokens of
// a process share one folder outside of t.TempDir, which is removed when the last test that uses it ends. Close keyrings before their
// test ends; while one is open, the folder stays.
//
// Without SoftHSM the test is skipped, and fails instead when SIGNET_REQUIRE_TOOLS=1. Without cgo it is skipped.
package softhsmtest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring/pkcs11"
	"github.com/signetkeys/signet/keyring/pkcs11/softhsm"
	"github.com/signetkeys/signet/keyring/pkcs11/uri"
)

// RequireVariable is the environment variable that turns a missing SoftHSM from a skip into a failure.
const RequireVariable = "SIGNET_REQUIRE_TOOLS"

// Token is a token with one user PIN. Its methods fail the test instead of returning errors.
type Token struct {
	Label, Serial string
	PIN, SOPIN    string
	PINFile       string // holds PIN
	Module        string // path of the PKCS#11 module
	Conf          string // path of SoftHSM's configuration, for SOFTHSM2_CONF of other processes
	Dir           string // folder of Conf, with the tokens in "tokens"
	URI           string // names the token, the module and the PIN, but no key

	t testing.TB
}

// home is the folder of this process. SoftHSM has one configuration per process, hence one variable.
var home struct {
	sync.Mutex
	dir      string
	users    int
	previous *string
}

// New makes a token, or skips the test.
func New(t testing.TB) *Token {
	t.Helper()
	modulePath, err := softhsm.Module()
	if err != nil {
		missing(t, err)
	}
	dir := enter(t)
	k := &Token{
		Label: "test-" + rand.Text()[:12], PIN: "1234", SOPIN: "12345678", Module: modulePath, Dir: dir,
		PINFile: filepath.Join(t.TempDir(), "pin"), t: t,
	}
	if err := os.WriteFile(k.PINFile, []byte(k.PIN+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	made, err := softhsm.Init(context.Background(), softhsm.InitOptions{Dir: dir, Label: k.Label, PIN: []byte(k.PIN), SOPIN: []byte(k.SOPIN)})
	if errors.Is(err, signet.ErrUnsupported) {
		t.Skipf("SKIP: no token: %v", err)
	}
	if err != nil {
		t.Fatalf("softhsmtest: %v", err)
	}
	k.Serial, k.Conf = made.Serial, made.Conf
	k.URI = k.uri("", pkcs11.SecretKey).String()
	return k
}

func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv(RequireVariable) == "1" {
		t.Fatalf("%s=1 and SoftHSM is missing: %v", RequireVariable, err)
	}
	t.Skipf("SKIP: SoftHSM is missing: %v", err)
}

// enter counts the test in and returns the folder.
func enter(t testing.TB) string {
	t.Helper()
	home.Lock()
	defer home.Unlock()
	if home.dir == "" {
		dir, err := os.MkdirTemp("", "signet-softhsm-")
		if err != nil {
			t.Fatal(err)
		}
		home.dir = dir
		if v, ok := os.LookupEnv(softhsm.ConfVariable); ok {
			home.previous = &v
		}
	}
	home.users++
	t.Cleanup(func() { leave(t) })
	return home.dir
}

func leave(t testing.TB) {
	home.Lock()
	defer home.Unlock()
	if home.users--; home.users > 0 {
		return
	}
	if softhsm.Running() {
		t.Logf("softhsmtest: a keyring is still open, so %s stays", home.dir)
		return
	}
	os.RemoveAll(home.dir)
	home.dir = ""
	if home.previous != nil {
		os.Setenv(softhsm.ConfVariable, *home.previous)
	} else {
		os.Unsetenv(softhsm.ConfVariable)
	}
	home.previous = nil
}

func (k *Token) uri(object string, class pkcs11.KeyClass) *uri.URI {
	u := &uri.URI{Path: []uri.Attribute{{Name: uri.Token, Value: k.Label}}}
	if object != "" {
		u.Path = append(u.Path, uri.Attribute{Name: uri.Object, Value: object}, uri.Attribute{Name: uri.Type, Value: class.String()})
	}
	u.Query = []uri.Attribute{{Name: uri.ModulePath, Value: k.Module}, {Name: uri.PINSource, Value: "file:" + k.PINFile}}
	return u
}

// KeyURI names the secret key with the label, and module and PIN file.
func (k *Token) KeyURI(label string) string { return k.uri(label, pkcs11.SecretKey).String() }

// RSAURI names the RSA pair with the label, and module, PIN file and padding. SoftHSM 2.6 knows OAEPSHA1 only.
func (k *Token) RSAURI(label string, padding pkcs11.RSAPadding) string {
	u := k.uri(label, pkcs11.PrivateKey)
	u.Query = append(u.Query, uri.Attribute{Name: pkcs11.PaddingAttribute, Value: padding.String()})
	return u.String()
}

// RSAConfig is the configuration of a keyring for the RSA pair with the label.
func (k *Token) RSAConfig(label string, padding pkcs11.RSAPadding) pkcs11.Config {
	cfg := k.Config(label)
	cfg.Class, cfg.Padding = pkcs11.PrivateKey, padding
	return cfg
}

// Config is the configuration of a keyring for the key with the label.
func (k *Token) Config(label string) pkcs11.Config {
	return pkcs11.Config{ModulePath: k.Module, Token: pkcs11.TokenSelector{Serial: k.Serial, Label: k.Label}, Key: pkcs11.KeySelector{Label: label},
		PIN: func(context.Context) ([]byte, error) { return []byte(k.PIN), nil }}
}

// Env is what another process needs in its environment to see the token.
func (k *Token) Env() []string { return []string{softhsm.ConfVariable + "=" + k.Conf} }

// Path is the folder with the token's objects. Removing it is what a lost token looks like.
func (k *Token) Path() string {
	k.t.Helper()
	tokens := filepath.Join(k.Dir, "tokens")
	entries, err := os.ReadDir(tokens)
	if err != nil {
		k.t.Fatal(err)
	}
	for _, e := range entries {
		// The folder is called by a UUID that ends in the serial number.
		if name := e.Name(); len(name) >= 4 && sameSerial(name, k.Serial) {
			return filepath.Join(tokens, name)
		}
	}
	k.t.Fatalf("softhsmtest: no folder of token %s in %s", k.Serial, tokens)
	return ""
}

// sameSerial compares the last 16 hexadecimal digits of a UUID.
func sameSerial(uuid, serial string) bool {
	digits := ""
	for _, r := range uuid {
		if r != '-' {
			digits += string(r)
		}
	}
	return len(digits) >= len(serial) && digits[len(digits)-len(serial):] == serial
}

// GenerateAES makes a wrapping key of 128, 192 or 256 bits inside the token.
func (k *Token) GenerateAES(label string, bits int) {
	k.t.Helper()
	if _, err := pkcs11.GenerateKey(context.Background(), k.Config(""), pkcs11.GenerateOptions{Label: label, Bits: bits}); err != nil {
		k.t.Fatal(err)
	}
}

// GenerateRSA makes an RSA pair of 2048 bits or more inside the token and returns the public half. 2048 bits take a quarter of a second, 4096 two seconds.
func (k *Token) GenerateRSA(label string, bits int) *rsa.PublicKey {
	k.t.Helper()
	info, err := pkcs11.GenerateRSAKey(context.Background(), k.Config(""), pkcs11.GenerateOptions{Label: label, Bits: bits})
	if err != nil {
		k.t.Fatal(err)
	}
	return info.Public
}

// ImportRSA puts an RSA pair on the token; nil options mean a pair as GenerateRSA makes it.
func (k *Token) ImportRSA(label string, key *rsa.PrivateKey, o *softhsm.KeyOptions) {
	k.t.Helper()
	if err := softhsm.ImportRSA(context.Background(), k.Serial, []byte(k.PIN), label, key, o); err != nil {
		k.t.Fatal(err)
	}
}

// ImportAES puts key bytes on the token as a wrapping key.
func (k *Token) ImportAES(label string, key []byte) {
	k.t.Helper()
	k.Import(label, key, nil)
}

// Import is ImportAES with other attributes.
func (k *Token) Import(label string, key []byte, o *softhsm.KeyOptions) {
	k.t.Helper()
	if err := softhsm.ImportAES(context.Background(), k.Serial, []byte(k.PIN), label, key, o); err != nil {
		k.t.Fatal(err)
	}
}

// DeleteKey destroys the one key with the label.
func (k *Token) DeleteKey(label string) {
	k.t.Helper()
	n, err := softhsm.DeleteKeys(context.Background(), k.Serial, []byte(k.PIN), label)
	if err == nil && n != 1 {
		err = fmt.Errorf("softhsmtest: %d keys are called %q", n, label)
	}
	if err != nil {
		k.t.Fatal(err)
	}
}
