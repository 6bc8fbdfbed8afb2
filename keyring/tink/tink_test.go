package tink_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/keyringtest"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/keyring/tink"
	"github.com/signetkeys/signet/message"
)

func conformance(t *testing.T, handle, other *keyset.Handle) {
	ks, otherKeys := fromHandle(t, handle), fromHandle(t, other)
	keyringtest.Run(t, keyringtest.Options{
		New:      func(t testing.TB) keyring.Keyring { return newKeyring(t, "orders", ks) },
		OtherKey: func(t testing.TB) keyring.Keyring { return newKeyring(t, "orders", otherKeys) },
		Foreign: func(t testing.TB) []keyring.Keyring {
			elsewhere := must(keyring.NewAEAD(keyring.AEADConfig{ProviderID: "tinker", Name: "orders", AEAD: messageAEAD(t, rawKeyring(t, 1))}))
			return []keyring.Keyring{elsewhere, newKeyring(t, "other", ks), newKeyring(t, "orders2", ks), newKeyring(t, "order", ks)}
		},
		Refusals: []error{signet.ErrAuthentication}, // the length of a ciphertext depends on which key it is under
	})
}

func TestConformance(t *testing.T) {
	conformance(t, newHandle(t), newHandle(t))
}

// TestConformanceRaw: without a prefix Tink tries every key.
func TestConformanceRaw(t *testing.T) {
	made := func() *keyset.Handle {
		m := keyset.NewManager()
		for range 3 {
			id := must(m.Add(aead.AES256GCMNoPrefixKeyTemplate()))
			if err := m.SetPrimary(id); err != nil {
				t.Fatal(err)
			}
		}
		return must(m.Handle())
	}
	conformance(t, made(), made())
}

// TestEveryAEAD wraps a data key with every AEAD that Tink has; the shortest and the longest ciphertexts are of their shape.
func TestEveryAEAD(t *testing.T) {
	m := keyset.NewManager()
	old := map[string][]byte{}
	for name, add := range map[string]func() (uint32, error){
		"AesGcmKey":               func() (uint32, error) { return m.Add(aead.AES128GCMKeyTemplate()) },
		"AesGcmKey without id":    func() (uint32, error) { return m.Add(aead.AES256GCMNoPrefixKeyTemplate()) },
		"AesGcmSivKey":            func() (uint32, error) { return m.Add(aead.AES256GCMSIVKeyTemplate()) },
		"AesCtrHmacAeadKey":       func() (uint32, error) { return m.Add(aead.AES128CTRHMACSHA256KeyTemplate()) },
		"AesCtrHmacAeadKey 256":   func() (uint32, error) { return m.Add(aead.AES256CTRHMACSHA256KeyTemplate()) },
		"ChaCha20Poly1305Key":     func() (uint32, error) { return m.Add(aead.ChaCha20Poly1305KeyTemplate()) },
		"XChaCha20Poly1305Key":    func() (uint32, error) { return m.Add(aead.XChaCha20Poly1305KeyTemplate()) },
		"XAesGcmKey":              func() (uint32, error) { return m.Add(aead.XAES256GCM192BitNonceKeyTemplate()) },
		"XAesGcmKey without id":   func() (uint32, error) { return m.Add(aead.XAES256GCM192BitNonceNoPrefixKeyTemplate()) },
		"XAesGcmKey, salt of 160": func() (uint32, error) { return m.Add(aead.XAES256GCM160BitNonceKeyTemplate()) },
	} {
		id := must(add())
		if err := m.SetPrimary(id); err != nil {
			t.Fatal(err)
		}
		ks := fromHandle(t, must(m.Handle()))
		keys := ks.Keys()
		last := keys[len(keys)-1]
		if want, _, _ := strings.Cut(strings.Fields(name)[0], ","); last.Type != want || !last.Primary || last.ID != id || last.Status != "ENABLED" {
			t.Errorf("%s: listed as %+v", name, last)
		}
		k := newKeyring(t, "orders", ks)
		old[name] = encrypt(t, k, name)
		for name, msg := range old {
			decrypts(t, k, msg, name)
		}
	}
}

// TestRotation: the primary key wraps, every enabled key opens, a disabled one does not and is named.
func TestRotation(t *testing.T) {
	m := keyset.NewManagerFromHandle(newHandle(t))
	first := fromHandle(t, must(m.Handle()))
	before := newKeyring(t, "orders", first)
	oldID := first.Keys()[0].ID
	oldMessage := encrypt(t, before, "old")

	newID := must(m.Add(aead.AES256GCMKeyTemplate()))
	if err := m.SetPrimary(newID); err != nil {
		t.Fatal(err)
	}
	rotated := newKeyring(t, "orders", fromHandle(t, must(m.Handle())))
	newMessage := encrypt(t, rotated, "new")
	decrypts(t, rotated, oldMessage, "old")
	decrypts(t, rotated, newMessage, "new")
	for want, msg := range map[uint32][]byte{oldID: oldMessage, newID: newMessage} {
		h, _, err := message.ParseHeader(msg)
		if err != nil || len(h.EDKs) != 1 {
			t.Fatal(err)
		}
		ct := h.EDKs[0].Ciphertext
		if got := binary.BigEndian.Uint32(ct[1:]); ct[0] != 1 || got != want || h.EDKs[0].ProviderID != "tink" || string(h.EDKs[0].ProviderInfo) != "orders" {
			t.Errorf("wrapped under key %d of %q, want %d", got, h.EDKs[0].ProviderInfo, want)
		}
	}

	// The keyring from before the rotation does not know the new key, and says so.
	_, _, err := message.Decrypt(t.Context(), before, newMessage)
	if !errors.Is(err, signet.ErrNoKey) || !errors.Is(err, signet.ErrAuthentication) || !strings.Contains(err.Error(), fmt.Sprintf("no enabled key of the keyset has the key id %d", newID)) {
		t.Errorf("got %v", err)
	}
	if err := m.Disable(oldID); err != nil {
		t.Fatal(err)
	}
	disabled := newKeyring(t, "orders", fromHandle(t, must(m.Handle())))
	if _, _, err := message.Decrypt(t.Context(), disabled, oldMessage); !errors.Is(err, signet.ErrAuthentication) || !strings.Contains(err.Error(), fmt.Sprint(oldID)) {
		t.Errorf("a disabled key: got %v", err)
	}
	decrypts(t, disabled, newMessage, "new")
}

// TestLayout: an encrypted data key is Tink's ciphertext of the data key and nothing else.
func TestLayout(t *testing.T) {
	h := newHandle(t)
	a := must(aead.New(h))
	k := newKeyring(t, "orders", fromHandle(t, h))
	r := must(keyring.NewRequest(suite.AES256GCMCommit(), keyring.EncryptionContext{"tenant": "a"}))
	w := must(k.OnEncrypt(t.Context(), r, nil))
	if got, err := a.Decrypt(w.EDKs[0].Ciphertext, []byte("\x00\x01\x00\x06tenant\x00\x01a")); err != nil || !bytes.Equal(got, w.DataKey.Reveal()) {
		t.Errorf("Tink opens it to another key: %v", err)
	}
	if n := len(w.EDKs[0].Ciphertext); n != 65 || w.EDKs[0].Ciphertext[0] != 1 {
		t.Errorf("%d bytes, want 65 (docs/formats/tink.md)", n)
	}
	// keyring.NewAEAD, which needs no Tink, makes and opens the same.
	same := must(keyring.NewAEAD(keyring.AEADConfig{ProviderID: tink.ProviderID, Name: "orders", AEAD: a}))
	decrypts(t, same, encrypt(t, k, "ours"), "ours")
	decrypts(t, k, encrypt(t, same, "theirs"), "theirs")
}

func TestShapes(t *testing.T) {
	for _, h := range []*keyset.Handle{newHandle(t), must(keyset.NewHandle(aead.AES256GCMNoPrefixKeyTemplate()))} {
		k := newKeyring(t, "orders", fromHandle(t, h))
		r := must(keyring.NewRequest(suite.AES256GCMCommit(), nil))
		for _, n := range []int{0, 1, 4, 5, 53, 126, 65535} {
			u, err := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{{ProviderID: "tink", ProviderInfo: []byte("orders"), Ciphertext: make([]byte, n)}})
			if u != nil || !errors.Is(err, signet.ErrMalformed) {
				t.Errorf("%d bytes: got %v, want ErrMalformed", n, err)
			}
		}
		for _, n := range []int{54, 125} {
			u, err := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{{ProviderID: "tink", ProviderInfo: []byte("orders"), Ciphertext: make([]byte, n)}})
			if u != nil || !errors.Is(err, signet.ErrAuthentication) {
				t.Errorf("%d bytes: got %v, want ErrAuthentication", n, err)
			}
		}
	}
}

func TestConfig(t *testing.T) {
	ks := fromHandle(t, newHandle(t))
	for what, cfg := range map[string]tink.Config{
		"no keyset": {Name: "orders"},
		"zero":      {Name: "orders", Keyset: &tink.Keyset{}},
		"no name":   {Keyset: ks},
		"not UTF-8": {Name: "\xff", Keyset: ks},
		"long name": {Name: strings.Repeat("x", 65536), Keyset: ks},
	} {
		if k, err := tink.New(cfg); k != nil || !errors.Is(err, signet.ErrPolicy) {
			t.Errorf("%s: got %v, want ErrPolicy", what, err)
		}
	}
}
