package raw_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
)

// Two keys of 2048 bits, made once. The second has the smaller modulus, so that what is under it is below the first one's too.
var rsaKeys = sync.OnceValue(func() [2]*rsa.PrivateKey {
	var keys [2]*rsa.PrivateKey
	for i := range keys {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = k
	}
	if keys[0].N.Cmp(keys[1].N) < 0 {
		keys[0], keys[1] = keys[1], keys[0]
	}
	return keys
})

func newRSA(t testing.TB, cfg raw.RSAConfig) keyring.Keyring {
	t.Helper()
	if cfg.Namespace == "" {
		cfg.Namespace, cfg.Name = "space", "name"
	}
	k, err := raw.NewRSA(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newECDH(t testing.TB, cfg raw.ECDHConfig) keyring.Keyring {
	t.Helper()
	k, err := raw.NewECDH(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func ecKey(t testing.TB, curve ecdh.Curve) *ecdh.PrivateKey {
	t.Helper()
	k, err := curve.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func request(t testing.TB, s *suite.Suite, ec keyring.EncryptionContext) *keyring.Request {
	t.Helper()
	r, err := keyring.NewRequest(s, ec)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wrap(t testing.TB, k keyring.Keyring, r *keyring.Request) *keyring.Wrapped {
	t.Helper()
	w, err := k.OnEncrypt(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func opens(t testing.TB, k keyring.Keyring, r *keyring.Request, edks []keyring.EncryptedDataKey, want *keyring.Secret) {
	t.Helper()
	u, err := k.OnDecrypt(t.Context(), r, edks)
	if err != nil || !u.DataKey.Equal(want) {
		t.Errorf("did not open to the data key: %v", err)
	}
}

// attempt is the error of the only attempt in an UnwrapError.
func attempt(t testing.TB, err error) error {
	t.Helper()
	var ue *keyring.UnwrapError
	if !errors.As(err, &ue) || len(ue.Attempts) != 1 {
		t.Fatalf("got %v, want an UnwrapError of one attempt", err)
	}
	return ue.Attempts[0].Err
}

// keyFile is a file of testdata/keys.
func keyFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "keys", name))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(b)
}
