package keyring_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/keyringtest"
	"github.com/signetkeys/signet/keyring/suite"
)

// localAEAD has the two methods of Tink's interface. Like Tink, it says nothing about why something does not open.
type localAEAD struct{ gcm cipher.AEAD }

func (a localAEAD) Encrypt(plaintext, ad []byte) ([]byte, error) {
	return a.gcm.Seal(nil, nil, plaintext, ad), nil
}

func (a localAEAD) Decrypt(ciphertext, ad []byte) ([]byte, error) {
	b, err := a.gcm.Open(nil, nil, ciphertext, ad)
	if err != nil {
		return nil, errors.New("decryption failed")
	}
	return b, nil
}

func newLocalAEAD() localAEAD {
	block, err := aes.NewCipher(keyring.RandomSecret(32).Reveal())
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return localAEAD{gcm}
}

func newAEAD(t testing.TB, id, name string, a keyring.AEAD) keyring.Keyring {
	t.Helper()
	k, err := keyring.NewAEAD(keyring.AEADConfig{ProviderID: id, Name: name, AEAD: a})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestAEADConformance(t *testing.T) {
	a, other := newLocalAEAD(), newLocalAEAD()
	keyringtest.Run(t, keyringtest.Options{
		New:      func(t testing.TB) keyring.Keyring { return newAEAD(t, "vault", "kek", a) },
		OtherKey: func(t testing.TB) keyring.Keyring { return newAEAD(t, "vault", "kek", other) },
		Foreign: func(t testing.TB) []keyring.Keyring {
			return []keyring.Keyring{newAEAD(t, "elsewhere", "kek", a), newAEAD(t, "vault", "other", a), newAEAD(t, "vault", "kek2", a), newAEAD(t, "vault", "ke", a)}
		},
		Refusals: []error{signet.ErrAuthentication}, // it has one answer for everything
		Thorough: true,
	})
}

// TestAEADLayout: whoever has the AEAD opens what the keyring wrapped, and the reverse.
func TestAEADLayout(t *testing.T) {
	a := newLocalAEAD()
	k := newAEAD(t, "vault", "kek", a)
	r, err := keyring.NewRequest(suite.AES256GCMCommit(), keyring.EncryptionContext{"tenant": "a"})
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.OnEncrypt(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if e := w.EDKs[0]; e.ProviderID != "vault" || string(e.ProviderInfo) != "kek" {
		t.Errorf("got provider id %q and information %q", e.ProviderID, e.ProviderInfo)
	}
	aad := []byte("\x00\x01\x00\x06tenant\x00\x01a")
	if b, err := a.Decrypt(w.EDKs[0].Ciphertext, aad); err != nil || !bytes.Equal(b, w.DataKey.Reveal()) {
		t.Errorf("the AEAD opens it to another key: %v", err)
	}
	ct, _ := a.Encrypt(w.DataKey.Reveal(), aad)
	u, err := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{{ProviderID: "vault", ProviderInfo: []byte("kek"), Ciphertext: ct}})
	if err != nil || !u.DataKey.Equal(w.DataKey) {
		t.Errorf("the keyring opens it to another key: %v", err)
	}
}

func TestAEADConfig(t *testing.T) {
	a := newLocalAEAD()
	long := strings.Repeat("x", 65536)
	for what, cfg := range map[string]keyring.AEADConfig{
		"no AEAD":         {ProviderID: "vault", Name: "kek"},
		"no provider id":  {Name: "kek", AEAD: a},
		"no name":         {ProviderID: "vault", AEAD: a},
		"KMS":             {ProviderID: "aws-kms", Name: "kek", AEAD: a},
		"bad provider id": {ProviderID: "\xff", Name: "kek", AEAD: a},
		"bad name":        {ProviderID: "vault", Name: "\xff", AEAD: a},
		"long id":         {ProviderID: long, Name: "kek", AEAD: a},
		"long name":       {ProviderID: "vault", Name: long, AEAD: a},
	} {
		if k, err := keyring.NewAEAD(cfg); k != nil || !errors.Is(err, signet.ErrPolicy) {
			t.Errorf("%s: got %v, want ErrPolicy", what, err)
		}
	}
	newAEAD(t, "vault", long[:65535], a)
}

// funcAEAD is remote: it gets the context, and fails as it is told to.
type funcAEAD struct {
	result []byte
	err    error
	seen   *[]context.Context
}

func (a funcAEAD) Encrypt(_, _ []byte) ([]byte, error) {
	return nil, errors.New("called without the context")
}
func (a funcAEAD) Decrypt(_, _ []byte) ([]byte, error) {
	return nil, errors.New("called without the context")
}

func (a funcAEAD) EncryptWithContext(ctx context.Context, _, _ []byte) ([]byte, error) {
	*a.seen = append(*a.seen, ctx)
	return a.result, a.err
}

func (a funcAEAD) DecryptWithContext(ctx context.Context, _, _ []byte) ([]byte, error) {
	*a.seen = append(*a.seen, ctx)
	return a.result, a.err
}

var _ keyring.AEADWithContext = funcAEAD{}

// TestAEADFailures: an error with a class keeps it and is not said to be a wrong key; one without is what an AEAD says of a wrong key.
func TestAEADFailures(t *testing.T) {
	r, err := keyring.NewRequest(suite.AES256GCMCommit(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	edks := []keyring.EncryptedDataKey{{ProviderID: "vault", ProviderInfo: []byte("kek"), Ciphertext: make([]byte, 60)}}
	tests := []error{errors.New("mute"), context.DeadlineExceeded, context.Canceled}
	for _, c := range classes {
		tests = append(tests, fmt.Errorf("backend: %w", c))
	}
	for _, fails := range tests {
		var seen []context.Context
		k := newAEAD(t, "vault", "kek", funcAEAD{err: fails, seen: &seen})
		_, encryptErr := k.OnEncrypt(ctx, r, nil)
		_, decryptErr := k.OnDecrypt(ctx, r, edks)
		if !slices.Equal(seen, []context.Context{ctx, ctx}) {
			t.Errorf("%v: the operation's context did not arrive", fails)
		}
		for decrypt, err := range map[bool]error{false: encryptErr, true: decryptErr} {
			var ae *keyring.AEADError
			if !errors.As(err, &ae) || ae.Decrypt != decrypt || !errors.Is(err, fails) {
				t.Errorf("got %T %v, want an AEADError of %v", err, err, fails)
				continue
			}
			for _, class := range classes {
				want := errors.Is(fails, class)
				if class == signet.ErrAuthentication && decrypt && fails == tests[0] {
					want = true
				}
				if got := errors.Is(ae, class); got != want {
					t.Errorf("decrypt %v, %v: errors.Is(%v) is %v", decrypt, fails, class, got)
				}
			}
			if says := strings.Contains(ae.Error(), "wrong key"); says != (decrypt && fails == tests[0]) {
				t.Errorf("decrypt %v: text %q", decrypt, ae)
			}
		}
	}
}

// TestBrokenAEAD: results that no AEAD should have.
func TestBrokenAEAD(t *testing.T) {
	r, err := keyring.NewRequest(suite.AES256GCMCommit(), nil)
	if err != nil {
		t.Fatal(err)
	}
	edks := []keyring.EncryptedDataKey{{ProviderID: "vault", ProviderInfo: []byte("kek"), Ciphertext: make([]byte, 60)}}
	for _, n := range []int{0, 31, 33, 65536} {
		var seen []context.Context
		k := newAEAD(t, "vault", "kek", funcAEAD{result: make([]byte, n), seen: &seen})
		if u, err := k.OnDecrypt(t.Context(), r, edks); u != nil || !errors.Is(err, signet.ErrMalformed) {
			t.Errorf("a data key of %d bytes: got %v, want ErrMalformed", n, err)
		}
		w, err := k.OnEncrypt(t.Context(), r, nil)
		if unusable := n == 0 || n == 65536; unusable != (err != nil) || unusable != (w == nil) {
			t.Errorf("a ciphertext of %d bytes: got %v", n, err)
		}
	}
}

// Values of Tink are used like this; here it is AES-GCM of the standard library.
func ExampleNewAEAD() {
	var aead keyring.AEAD = newLocalAEAD()
	k, err := keyring.NewAEAD(keyring.AEADConfig{ProviderID: "example-vault", Name: "kek-2026", AEAD: aead})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := keyring.NewRequest(suite.AES256GCMCommit(), keyring.EncryptionContext{"tenant": "a"})
	if err != nil {
		fmt.Println(err)
		return
	}
	w, err := k.OnEncrypt(context.Background(), r, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, %s\n", w.EDKs[0].ProviderID, w.EDKs[0].ProviderInfo)
	// Output: example-vault, kek-2026
}
