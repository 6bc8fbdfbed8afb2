package ecdhwrap

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

func request(t *testing.T, s *suite.Suite, ec keyring.EncryptionContext) *keyring.Request {
	t.Helper()
	r, err := keyring.NewRequest(s, ec)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestWrap opens what it wrapped, and refuses every change of what it is bound to. The bytes themselves are compared with the standard
// library's and with those of other implementations in keyring/raw.
func TestWrap(t *testing.T) {
	for _, c := range Curves() {
		a, errA := c.ECDH.GenerateKey(rand.Reader)
		b, errB := c.ECDH.GenerateKey(rand.Reader)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		shared, err := a.ECDH(b.PublicKey())
		if err != nil || len(shared) != c.SecretLen() {
			t.Fatalf("%s: a secret of %d bytes, want %d: %v", c.Title, len(shared), c.SecretLen(), err)
		}
		p := Parties{Sender: c.Compress(a.PublicKey()), Recipient: c.Compress(b.PublicKey())}
		r := request(t, suite.AES256GCMCommit(), keyring.EncryptionContext{"a": "b"})
		key := bytes.Repeat([]byte{7}, 32)
		edk, err := c.Wrap(RawProviderID, shared, p, r, key)
		if err != nil || edk.ProviderID != RawProviderID || len(edk.ProviderInfo) != 9+2*c.PointLen || len(edk.Ciphertext) != 112 {
			t.Fatalf("%s: %v, info of %d bytes, ciphertext of %d", c.Title, err, len(edk.ProviderInfo), len(edk.Ciphertext))
		}
		if got, reason := c.Parties(&edk); reason != "" || !bytes.Equal(got.Sender, p.Sender) || !bytes.Equal(got.Recipient, p.Recipient) {
			t.Errorf("%s: parties %x: %s", c.Title, got, reason)
		}
		if got, err := c.Unwrap(shared, p, r, &edk); err != nil || !bytes.Equal(got, key) {
			t.Errorf("%s: did not open: %v", c.Title, err)
		}
		for what, open := range map[string]func() ([]byte, error){
			"secret": func() ([]byte, error) {
				other := bytes.Clone(shared)
				other[len(other)-1] ^= 1
				return c.Unwrap(other, p, r, &edk)
			},
			"parties": func() ([]byte, error) {
				return c.Unwrap(shared, Parties{Sender: p.Recipient, Recipient: p.Sender}, r, &edk)
			},
			"context": func() ([]byte, error) { return c.Unwrap(shared, p, request(t, r.Suite, nil), &edk) },
		} {
			if got, err := open(); got != nil || !errors.Is(err, keyring.ErrDidNotOpen) {
				t.Errorf("%s: another %s: %v", c.Title, what, err)
			}
		}
		for i := range edk.Ciphertext {
			changed := edk
			changed.Ciphertext = bytes.Clone(edk.Ciphertext)
			changed.Ciphertext[i] ^= 1
			if got, err := c.Unwrap(shared, p, r, &changed); got != nil || !errors.Is(err, keyring.ErrDidNotOpen) {
				t.Errorf("%s: byte %d changed: %v", c.Title, i, err)
			}
		}
		for n := range len(edk.Ciphertext) {
			short := edk
			short.Ciphertext = edk.Ciphertext[:n]
			if got, err := c.Unwrap(shared, p, r, &short); got != nil || !errors.Is(err, signet.ErrMalformed) {
				t.Errorf("%s: %d bytes: %v", c.Title, n, err)
			}
		}
	}
}

func TestCurves(t *testing.T) {
	if _, ok := CurveOf(ecdh.X25519()); ok {
		t.Error("X25519 is a curve of ECDH keyrings")
	}
	if _, ok := CurveOf(nil); ok {
		t.Error("nil is a curve of ECDH keyrings")
	}
	for _, c := range Curves() {
		if got, ok := CurveOf(c.ECDH); !ok || got.Name != c.Name {
			t.Errorf("%s: found %q", c.Name, got.Name)
		}
		k, err := c.ECDH.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		point := c.Compress(k.PublicKey())
		if len(point) != c.PointLen || len(point) != cap(point) {
			t.Errorf("%s: a point of %d bytes, capacity %d", c.Name, len(point), cap(point))
		}
		if back, err := c.Parse(point); err != nil || !back.Equal(k.PublicKey()) {
			t.Errorf("%s: another point came back: %v", c.Name, err)
		}
		if _, err := c.Parse(make([]byte, c.PointLen)); !errors.Is(err, signet.ErrMalformed) {
			t.Errorf("%s: zeros: %v", c.Name, err)
		}
	}
}
