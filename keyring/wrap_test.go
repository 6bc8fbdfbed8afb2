package keyring_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha512"
	"errors"
	"sync"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// hkdf32 is HKDF-SHA512 (RFC 5869) without a salt, for 32 bytes, written again for these tests.
func hkdf32(secret []byte, info string) []byte {
	extract := hmac.New(sha512.New, make([]byte, sha512.Size))
	extract.Write(secret)
	expand := hmac.New(sha512.New, extract.Sum(nil))
	expand.Write([]byte(info))
	expand.Write([]byte{1})
	return expand.Sum(nil)[:32]
}

// sealItem wraps a data key under an intermediate key (MPL, intermediate key wrapping), written again for these tests.
func sealItem(t testing.TB, intermediate, dataKey, aad []byte) (sealed, signingKey []byte) {
	t.Helper()
	block, err := aes.NewCipher(hkdf32(intermediate, "AWS_MPL_INTERMEDIATE_KEYWRAP_ENC"))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead.Seal(nil, make([]byte, 12), dataKey, aad), hkdf32(intermediate, "AWS_MPL_INTERMEDIATE_KEYWRAP_MAC")
}

func TestIntermediateWrapping(t *testing.T) {
	for _, s := range []*suite.Suite{suite.ItemAES256GCM(), suite.ItemAES256GCMECDSAP384()} {
		for _, ec := range []keyring.EncryptionContext{nil, testPairs} {
			for _, generates := range []bool{false, true} {
				for _, given := range []bool{false, true} {
					p := &recorder{id: "recorder", info: "key"}
					var w keyring.Wrapper = p
					if generates {
						w = generating{p}
					}
					r := request(t, s, ec)
					var key *keyring.Secret
					if given {
						key = keyring.RandomSecret(32)
					}
					res, err := keyring.New("recorder", w, p, nil).OnEncrypt(t.Context(), r, key)
					if err != nil {
						t.Fatal(err)
					}
					if !given {
						key = res.DataKey
					}
					intermediate := p.calls[0].plaintext
					sealed, signing := sealItem(t, intermediate, key.Reveal(), r.AAD)
					want := append(sealed, p.seal(r, intermediate).Ciphertext...)
					if e := res.EDKs[0]; !bytes.Equal(e.Ciphertext, want) || e.ProviderID != "recorder" || string(e.ProviderInfo) != "key" {
						t.Errorf("%s: EDK is not the 48 bytes and the provider's part", s)
					}
					if !bytes.Equal(res.SigningKeys[0].Reveal(), signing) {
						t.Errorf("%s: wrong signing key", s)
					}
				}
			}
		}
	}
}

// The keyring opens what the independent implementation sealed, and only that.
func TestIntermediateUnwrapping(t *testing.T) {
	p := &recorder{id: "recorder", info: "key"}
	k := keyring.New("recorder", nil, p, nil)
	r := request(t, suite.ItemAES256GCM(), testPairs)
	intermediate, dataKey := bytes.Repeat([]byte{3}, 32), bytes.Repeat([]byte{9}, 32)
	sealed, signing := sealItem(t, intermediate, dataKey, r.AAD)
	edk := p.seal(r, intermediate)
	edk.Ciphertext = append(bytes.Clone(sealed), edk.Ciphertext...)
	u, err := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{edk})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(u.DataKey.Reveal(), dataKey) || !bytes.Equal(u.SigningKey.Reveal(), signing) {
		t.Error("opened other keys")
	}

	// The provider accepts its part under any context here, so what refuses is the seal of the data key.
	open := func(e keyring.EncryptedDataKey, aad []byte) error {
		u, err := k.OnDecrypt(t.Context(), &keyring.Request{Suite: r.Suite, AAD: aad}, []keyring.EncryptedDataKey{e})
		if u != nil {
			t.Error("opened")
		}
		return err
	}
	for bit := range 8 * 48 {
		e := edk
		e.Ciphertext = bytes.Clone(edk.Ciphertext)
		e.Ciphertext[bit/8] ^= 1 << (bit % 8)
		if err := open(e, r.AAD); !errors.Is(err, signet.ErrAuthentication) {
			t.Fatalf("bit %d flipped: got %v, want ErrAuthentication", bit, err)
		}
	}
	other := request(t, r.Suite, keyring.EncryptionContext{"other": "context"})
	e := p.seal(other, intermediate)
	e.Ciphertext = append(bytes.Clone(sealed), e.Ciphertext...)
	if err := open(e, other.AAD); !errors.Is(err, signet.ErrAuthentication) {
		t.Errorf("another context: got %v, want ErrAuthentication", err)
	}
	for n := range 48 {
		e := edk
		e.Ciphertext = edk.Ciphertext[:n]
		p.unwrapErr = nil
		if err := open(e, r.AAD); !errors.Is(err, signet.ErrNoKey) {
			t.Errorf("%d bytes: got %v, want ErrNoKey", n, err)
		}
	}
}

// An intermediate key never serves two data keys: the seal's IV is always zero.
func TestIntermediateKeyNeverTwice(t *testing.T) {
	p := &recorder{id: "recorder", info: "key"}
	q := &recorder{id: "recorder", info: "key 2"}
	single := keyring.New("recorder", p, p, nil)
	k := newMulti(t, keyring.MultiOptions{Generator: single, Children: []keyring.Keyring{
		keyring.New("recorder", generating{q}, q, nil), keyring.New("recorder", p, p, nil), keyring.New("recorder", q, q, nil),
	}})
	r := request(t, suite.ItemAES256GCM(), nil)
	key := keyring.RandomSecret(32)
	var wg sync.WaitGroup
	const calls = 200
	for range 4 {
		wg.Go(func() {
			for range calls {
				if _, err := k.OnEncrypt(t.Context(), r, nil); err != nil {
					t.Error(err)
				}
				if _, err := single.OnEncrypt(t.Context(), r, key); err != nil { // the same data key again
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	seen := make(map[string]bool)
	n := 0
	for _, c := range append(p.calls, q.calls...) {
		n++
		if len(c.plaintext) != 32 || seen[string(c.plaintext)] {
			t.Fatalf("intermediate key %d is repeated or has %d bytes", n, len(c.plaintext))
		}
		seen[string(c.plaintext)] = true
	}
	if want := 4 * calls * 5; n != want {
		t.Errorf("%d intermediate keys, want %d", n, want)
	}
}
