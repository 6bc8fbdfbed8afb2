package keyring_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/keyringtest"
)

func TestMultiConformance(t *testing.T) {
	a, b, c := rawAES(t, "a"), rawAES(t, "b"), rawAES(t, "c")
	t.Run("WithGenerator", func(t *testing.T) {
		keyringtest.Run(t, keyringtest.Options{
			New: func(t testing.TB) keyring.Keyring {
				return newMulti(t, keyring.MultiOptions{Generator: a, Children: []keyring.Keyring{b}, Optional: []keyring.Keyring{c}, MinWrapped: 3})
			},
			OtherKey: func(t testing.TB) keyring.Keyring {
				return newMulti(t, keyring.MultiOptions{Generator: rawAES(t, "a"), Children: []keyring.Keyring{rawAES(t, "b")}, Optional: []keyring.Keyring{rawAES(t, "c")}})
			},
			Foreign: func(t testing.TB) []keyring.Keyring { return []keyring.Keyring{rawAES(t, "d"), rawAES(t, "aa")} },
			NoWrap:  true,
		})
	})
	t.Run("WithoutGenerator", func(t *testing.T) {
		nested := newMulti(t, keyring.MultiOptions{Children: []keyring.Keyring{b, c}})
		keyringtest.Run(t, keyringtest.Options{
			New: func(t testing.TB) keyring.Keyring {
				return newMulti(t, keyring.MultiOptions{Children: []keyring.Keyring{a, nested}})
			},
			OtherKey: func(t testing.TB) keyring.Keyring {
				return newMulti(t, keyring.MultiOptions{Children: []keyring.Keyring{rawAES(t, "a")}})
			},
			Foreign:    func(t testing.TB) []keyring.Keyring { return []keyring.Keyring{rawAES(t, "B")} },
			NoGenerate: true,
		})
	})
}

// TestGeneratorConformance: a provider whose backend makes the keys.
func TestGeneratorConformance(t *testing.T) {
	block, err := aes.NewCipher(keyring.RandomSecret(32).Reveal())
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	p := &backend{vault{aead}}
	keyringtest.Run(t, keyringtest.Options{
		New: func(testing.TB) keyring.Keyring { return keyring.New("backend", p, p, &keyring.Options{Key: "key-1"}) },
	})
}

// backend is the example's vault with a Generate.
type backend struct{ vault }

var _ keyring.Generator = (*backend)(nil)

func (p *backend) Generate(ctx context.Context, r *keyring.Request, n int) ([]byte, keyring.EncryptedDataKey, error) {
	b := make([]byte, n)
	rand.Read(b)
	edk, err := p.Wrap(ctx, r, b)
	return b, edk, err
}
