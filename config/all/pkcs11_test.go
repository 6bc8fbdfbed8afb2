package all_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/config/all"
)

func TestPKCS11Refuses(t *testing.T) {
	const canary = "31415926"
	for _, c := range []struct {
		uri  string
		is   error
		text string
	}{
		{"pkcs11:token=t;object=k?pin-value=" + canary, signet.ErrPolicy, "use pin-source=file:PATH or pin-source=env:VARIABLE"},
		{"pkcs11:token=t;object=k?pin-souce=file:" + canary, signet.ErrPolicy, `did you mean "pin-source"?`},
		{"pkcs11:token=t;object=k?pin-source=" + canary, signet.ErrPolicy, "must be file:PATH or env:VARIABLE"},
		{"pkcs11:token=t;object=k?pin-source=|echo%20" + canary, signet.ErrPolicy, "a command is never run"},
		{"pkcs11:tokne=t;object=k", signet.ErrPolicy, `did you mean "token"?`},
		{"pkcs11:token=t;token=u", signet.ErrPolicy, "given twice"},
		{"pkcs11:token=t;object=k?x-nmae=a", signet.ErrPolicy, `did you mean "x-name"?`},
		{"pkcs11:token=t;object=k;type=cert?module-name=softhsm2", signet.ErrUnsupported, "type=cert"},
		{"pkcs11:token=t;object=k;type=private?module-name=softhsm2&x-padding=pkcs1", signet.ErrPolicy, "oaep-sha256"},
		{"pkcs11:token=t;object=k;type=public?x-public-key-file=nosuch", signet.ErrPolicy, "public key from file"},
		{"pkcs11:token=t;object=k?module-name=nosuch", signet.ErrPolicy, "softhsm2"},
		{"pkcs11:token=t;object=k?module-name=softhsm", signet.ErrPolicy, `attribute "module-name": unknown name, did you mean "softhsm2"?`},
		{"pkcs11:?module-name=softhsm2", signet.ErrPolicy, "keyring URI (pkcs11): name the key"},
		{"pkcs11:token=t;object=k?module-name=softhsm2&x-namespace=aws-kms", signet.ErrPolicy, "keyring URI (pkcs11): the namespace must not begin"},
		{"pkcs11:token=;object=k?module-name=softhsm2", signet.ErrPolicy, "keyring URI (pkcs11): attribute"},
		{"pkcs11:token=t;object=k", signet.ErrPolicy, "a module is required"},
		{"pkcs11:token=t?module-name=softhsm2", signet.ErrPolicy, "name the key"},
		{"pkcs11:token=t;object=k?module-path=relative.so", signet.ErrPolicy, ""},
		{"pksc11:token=t?pin-value=" + canary, signet.ErrPolicy, `did you mean "pkcs11"?`},
	} {
		_, err := all.Mux().Open(t.Context(), c.uri, config.Env{})
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v, want %v with %q", c.uri, err, c.is, c.text)
		} else if strings.Contains(err.Error(), "pkcs11:: ") || strings.Contains(err.Error(), "pkcs11: pkcs11") {
			t.Errorf("%s: the error repeats itself: %v", c.uri, err)
		} else if strings.Contains(err.Error(), canary) {
			t.Errorf("%s: the error repeats a secret: %v", c.uri, err)
		}
	}
}

func TestRedactPKCS11(t *testing.T) {
	for in, want := range map[string]string{
		"pkcs11:object=k;token=t?pin-source=file:/secret&module-name=softhsm2&x-name=n":                     "pkcs11:token=t;object=k?module-name=softhsm2&x-name=n",
		"pkcs11:token=t;object=k;type=private?x-padding=oaep-sha1&x-public-key-file=a.pem&pin-source=env:P": "pkcs11:token=t;object=k;type=private?x-padding=oaep-sha1&x-public-key-file=a.pem",
		"pkcs11:token=t;x-other=1?pin-source=env:P&x-other=2":                                               "pkcs11:token=t",
		"pkcs11:token=t?pin-value=1": "pkcs11:...",
	} {
		if got := all.Mux().Redact(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestPKCS11PIN(t *testing.T) {
	var env config.Env
	env.LookupEnv = func(string) (string, bool) { return "1234\n", true }
	cfg, err := all.PKCS11("pkcs11:token=t;object=k?pin-source=env:P", env)
	if err != nil {
		t.Fatal(err)
	}
	if pin, err := cfg.PIN(t.Context()); string(pin) != "1234" || err != nil {
		t.Errorf("got %q, %v; want the variable without its line ending", pin, err)
	}
	if cfg, err = all.PKCS11("pkcs11:token=t;object=k", env); err != nil || cfg.PIN != nil {
		t.Errorf("without pin-source and nobody to ask: %v, want no PIN function", err)
	}
}

func TestPKCS11PublicKeyFile(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	content := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	env := config.Env{Open: func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
	const uri = "pkcs11:token=t;object=k;type=public?x-public-key-file=key.pem"
	cfg, err := all.PKCS11(uri, env)
	if err != nil || !key.PublicKey.Equal(cfg.Public) {
		t.Errorf("got %v, %v", cfg.Public, err)
	}
	for name, b := range map[string][]byte{"no key": []byte("text"), "too long": make([]byte, 65<<10)} {
		content = b
		var source *config.SourceError
		if _, err := all.PKCS11(uri, env); !errors.As(err, &source) || source.Name != "key.pem" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
