package all_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/config/all"
	"github.com/signetkeys/signet/message"
)

// keyFolder has PEM and DER files of RSA and EC keys, and an environment that reads them.
func keyFolder(t *testing.T) config.Env {
	t.Helper()
	dir := t.TempDir()
	write := func(name, label string, der []byte, err error) {
		if err == nil && label != "" {
			der = pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), der, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"rsa", "other"} {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
		write(name+".pem", "PRIVATE KEY", pkcs8, err)
		spki, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
		write(name+"-pub.pem", "PUBLIC KEY", spki, err)
		write(name+"-pub.der", "", spki, err)
	}
	for name, curve := range map[string]elliptic.Curve{"alice": elliptic.P256(), "bob": elliptic.P256(), "carol": elliptic.P384()} {
		k, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		sec1, err := x509.MarshalECPrivateKey(k)
		write(name+".pem", "EC PRIVATE KEY", sec1, err)
		spki, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
		write(name+"-pub.pem", "PUBLIC KEY", spki, err)
	}
	write("encrypted.pem", "ENCRYPTED PRIVATE KEY", []byte{0x30, 0}, nil)
	write("noise.pem", "", []byte("c4n4ry"), nil)
	write("large.pem", "", make([]byte, 70000), nil)
	env := config.System()
	env.Dir = dir
	return env
}

// Each pair of URIs writes and reads.
func TestRawKeys(t *testing.T) {
	env := keyFolder(t)
	for writer, reader := range map[string]string{
		"raw-rsa:n/a?public=rsa-pub.pem&padding=oaep-sha256":                    "raw-rsa:n/a?private=rsa.pem&padding=oaep-sha256",
		"raw-rsa:n/a/b?public=rsa-pub.der&private=rsa.pem&padding=oaep-sha1":    "raw-rsa:n/a%2Fb?private=rsa.pem&padding=oaep-sha1",
		"raw-rsa:n/a?public=rsa-pub.pem&padding=oaep-sha384":                    "raw-rsa:n/a?padding=oaep-sha384&private=rsa.pem&public=rsa-pub.pem",
		"raw-rsa:n/a?public=rsa-pub.pem&padding=oaep-sha512":                    "raw-rsa:n/a?padding=oaep-sha512&private=rsa.pem",
		"raw-rsa:n/a?public=rsa-pub.pem&padding=pkcs1":                          "raw-rsa:n/a?private=rsa.pem&padding=pkcs1&insecure-padding-errors=true",
		"raw-rsa:n/b?public=rsa-pub.pem&padding=pkcs1":                          "raw-rsa:n/b?private=rsa.pem&padding=pkcs1",
		"raw-ecdh:?schema=static&private=alice.pem&peer=bob-pub.pem":            "raw-ecdh:?schema=static&private=bob.pem&peer=alice-pub.pem&curve=p256",
		"raw-ecdh:?schema=ephemeral&peer=carol-pub.pem&curve=p384":              "raw-ecdh:?schema=discovery&private=carol.pem",
		"raw-ecdh:?schema=static&private=bob.pem&peer=alice-pub.pem&curve=p256": "raw-ecdh:?schema=discovery&private=alice.pem&curve=p256",
		"RAW-ECDH:?schema=ephemeral&peer=bob-pub.pem":                           "raw-ecdh:?schema=discovery&private=bob.pem",
	} {
		w, err := all.Mux().Open(t.Context(), writer, env)
		if err != nil {
			t.Errorf("%s: %v", writer, err)
			continue
		}
		r, err := all.Mux().OpenToDecrypt(t.Context(), []string{reader}, env)
		if err != nil {
			t.Errorf("%s: %v", reader, err)
			continue
		}
		msg, err := message.Encrypt(t.Context(), w, []byte("text"), nil)
		if err != nil {
			t.Errorf("%s: %v", writer, err)
			continue
		}
		if got, _, err := message.Decrypt(t.Context(), r, msg); string(got) != "text" || err != nil {
			t.Errorf("%s: got %q, %v", reader, got, err)
		}
		if got := all.Mux().Redact(strings.ToLower(writer[:8]) + writer[8:]); got != strings.ToLower(writer[:8])+writer[8:] {
			t.Errorf("%s: redacted to %s", writer, got)
		}
	}
}

func TestRawKeysRefuse(t *testing.T) {
	env := keyFolder(t)
	for _, c := range []struct {
		uri  string
		is   error
		text string
	}{
		{"raw-rsa:n/a?padding=oaep-sha256", signet.ErrPolicy, "needs public=PATH to encrypt, private=PATH to decrypt"},
		{"raw-rsa:n/a?public=rsa-pub.pem", signet.ErrPolicy, "needs padding="},
		{"raw-rsa:n?public=rsa-pub.pem&padding=pkcs1", signet.ErrPolicy, "must be raw-rsa:NAMESPACE/NAME"},
		{"raw-rsa:n/a?public=rsa-pub.pem&padding=c4n4ry", signet.ErrPolicy, `attribute "padding": RSA padding must be`},
		{"raw-rsa:n/a?public=rsa-pub.pem&padding=pkcs1&insecure-padding-errors=yes", signet.ErrPolicy, "must be true or absent"},
		{"raw-rsa:n/a?private=rsa.pem&padding=oaep-sha1&insecure-padding-errors=true", signet.ErrPolicy, "PKCS #1 v1.5 only"},
		{"raw-rsa:n/a?pubilc=rsa-pub.pem&padding=pkcs1", signet.ErrPolicy, `did you mean "public"?`},
		{"raw-rsa:n/a?password=c4n4ry&padding=pkcs1", signet.ErrPolicy, "a secret in a URI"},
		{"raw-rsa:n/a?public=absent&padding=pkcs1", signet.ErrNotFound, `public key from file "absent": no such file`},
		{"raw-rsa:n/a?public=rsa.pem&padding=pkcs1", signet.ErrUnsupported, `public key from file "rsa.pem": the input is a PKCS #8 private key; the public key alone is needed`},
		{"raw-rsa:n/a?private=rsa-pub.pem&padding=pkcs1", signet.ErrUnsupported, "the public half; the private key is needed"},
		{"raw-rsa:n/a?private=alice.pem&padding=pkcs1", signet.ErrUnsupported, "the input is an EC key; an RSA private key is needed"},
		{"raw-rsa:n/a?private=encrypted.pem&padding=pkcs1", signet.ErrPolicy, "encrypted (PKCS #8)"},
		{"raw-rsa:n/a?private=noise.pem&padding=pkcs1", signet.ErrMalformed, "neither PEM nor DER"},
		{"raw-rsa:n/a?private=large.pem&padding=pkcs1", signet.ErrPolicy, "longer than 65536 bytes"},
		{"raw-rsa:n/a?private=rsa.pem&public=other-pub.pem&padding=pkcs1", signet.ErrPolicy, "do not belong together"},
		{"raw-rsa:aws-kms/a?private=rsa.pem&padding=pkcs1", signet.ErrPolicy, "aws-kms"},
		{"raw-ecdh:?private=alice.pem&peer=bob-pub.pem", signet.ErrPolicy, "needs schema="},
		{"raw-ecdh:?schema=c4n4ry&private=alice.pem", signet.ErrPolicy, "must be static, ephemeral or discovery"},
		{"raw-ecdh:n/a?schema=discovery&private=alice.pem", signet.ErrPolicy, "the keys have no names"},
		{"raw-ecdh:?schema=static&private=alice.pem", signet.ErrPolicy, "schema static needs"},
		{"raw-ecdh:?schema=ephemeral&private=alice.pem&peer=bob-pub.pem", signet.ErrPolicy, "schema ephemeral needs peer=PATH"},
		{"raw-ecdh:?schema=discovery&private=alice.pem&peer=bob-pub.pem", signet.ErrPolicy, "schema discovery needs private=PATH"},
		{"raw-ecdh:?schema=discovery&private=alice.pem&curve=P-256", signet.ErrPolicy, "must be p256, p384 or p521"},
		{"raw-ecdh:?schema=discovery&private=alice.pem&curve=p384", signet.ErrPolicy, "private key is not on P-384"},
		{"raw-ecdh:?schema=static&private=alice.pem&peer=carol-pub.pem", signet.ErrPolicy, "peer's public key is not on P-256"},
		{"raw-ecdh:?schema=ephemeral&peer=rsa-pub.pem", signet.ErrUnsupported, "the input is an RSA key; an EC public key is needed"},
		{"raw-ecdh:?schema=discovery&private=alice-pub.pem", signet.ErrUnsupported, "the private key is needed"},
		{"raw-ecdsa:?schema=discovery", signet.ErrPolicy, `did you mean "raw-`},
	} {
		_, err := all.Mux().Open(t.Context(), c.uri, env)
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v, want %v with %q", c.uri, err, c.is, c.text)
		} else if strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("%s: the error repeats a value: %v", c.uri, err)
		}
		var uri *config.URIError
		var source *config.SourceError
		if errors.As(err, &uri) == errors.As(err, &source) {
			t.Errorf("%s: got %v, want a URIError or a SourceError", c.uri, err)
		}
	}
}
