package raw_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/keyringtest"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
)

func newAES(t testing.TB, namespace, name string, key []byte) keyring.Keyring {
	t.Helper()
	k, err := raw.NewAES(raw.AESConfig{Namespace: namespace, Name: name, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// sequence is n bytes counting up from first.
func sequence(first byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

func TestConformance(t *testing.T) {
	for _, n := range []int{16, 24, 32} {
		t.Run(fmt.Sprintf("AES-%d", 8*n), func(t *testing.T) {
			key := sequence(1, n)
			keyringtest.Run(t, keyringtest.Options{
				New:      func(t testing.TB) keyring.Keyring { return newAES(t, "signet tests", "key-1", key) },
				OtherKey: func(t testing.TB) keyring.Keyring { return newAES(t, "signet tests", "key-1", sequence(2, n)) },
				Foreign: func(t testing.TB) []keyring.Keyring {
					return []keyring.Keyring{
						newAES(t, "signet tests", "key-", key),
						newAES(t, "signet tests", "key-10", key),
						newAES(t, "signet tests", "key-2", key),
						newAES(t, "signet tests", "Key-1", key),
						newAES(t, "signet test", "key-1", key),
						newAES(t, "signet tests ", "key-1", key),
					}
				},
				Thorough: true,
			})
		})
	}
}

// canonical is the serialized context, written again for these tests.
func canonical(ec keyring.EncryptionContext) []byte {
	if len(ec) == 0 {
		return nil
	}
	var keys []string
	for k := range ec {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	b := binary.BigEndian.AppendUint16(nil, uint16(len(keys)))
	for _, k := range keys {
		for _, s := range []string{k, ec[k]} {
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
		}
	}
	return b
}

func gcm(t testing.TB, key []byte) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

// info is the provider information, written again for these tests.
func info(name string, iv []byte) []byte {
	b := append([]byte(name), 0, 0, 0, 128, 0, 0, 0, 12)
	return append(b, iv...)
}

// TestLayout reads with the standard library what the keyring wrote, and lets it read what the standard library wrote.
func TestLayout(t *testing.T) {
	contexts := map[string]keyring.EncryptionContext{
		"empty":  {},
		"a pair": {"purpose": "test"},
		"many":   {"b": "2", "a": "1", "": "", "ü": "€", "𝄞": "�", keyring.PublicKeyName: "AAAA", "B": "3"},
	}
	for _, n := range []int{16, 24, 32} {
		for _, s := range []*suite.Suite{suite.AES128GCM(), suite.AES192GCM(), suite.AES256GCMCommit()} {
			for what, ec := range contexts {
				t.Run(fmt.Sprintf("%d/%s/%s", n, s.Name(), what), func(t *testing.T) {
					key := sequence(7, n)
					aead := gcm(t, key)
					k := newAES(t, "space", "näme", key)
					r, err := keyring.NewRequest(s, ec)
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(r.AAD, canonical(ec)) {
						t.Fatalf("AAD: got %x, want %x", r.AAD, canonical(ec))
					}
					dataKey := keyring.NewSecret(sequence(100, s.DataKeyLen()))
					w, err := k.OnEncrypt(t.Context(), r, dataKey)
					if err != nil {
						t.Fatal(err)
					}
					e := w.EDKs[0]
					if e.ProviderID != "space" || len(e.ProviderInfo) != len("näme")+20 {
						t.Fatalf("got provider id %q and %d bytes of info", e.ProviderID, len(e.ProviderInfo))
					}
					iv := e.ProviderInfo[len(e.ProviderInfo)-12:]
					if want := info("näme", iv); !bytes.Equal(e.ProviderInfo, want) {
						t.Fatalf("info: got %x, want %x", e.ProviderInfo, want)
					}
					got, err := aead.Open(nil, iv, e.Ciphertext, canonical(ec))
					if err != nil || !bytes.Equal(got, dataKey.Reveal()) {
						t.Fatalf("opened %x, want %x (%v)", got, dataKey.Reveal(), err)
					}

					iv = sequence(50, 12)
					made := keyring.EncryptedDataKey{ProviderID: "space", ProviderInfo: info("näme", iv), Ciphertext: aead.Seal(nil, iv, dataKey.Reveal(), canonical(ec))}
					u, err := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{made})
					if err != nil || !u.DataKey.Equal(dataKey) {
						t.Fatalf("did not open what the standard library sealed: %v", err)
					}
				})
			}
		}
	}
}

func TestIVsDiffer(t *testing.T) {
	k := newAES(t, "space", "name", sequence(0, 32))
	r, _ := keyring.NewRequest(suite.AES256GCMCommit(), nil)
	dataKey := keyring.RandomSecret(32)
	seen := make(map[string]bool)
	for range 1000 {
		w, err := k.OnEncrypt(t.Context(), r, dataKey)
		if err != nil {
			t.Fatal(err)
		}
		iv := string(w.EDKs[0].ProviderInfo[len("name")+8:])
		if seen[iv] {
			t.Fatal("an IV was used twice")
		}
		seen[iv] = true
	}
}

// A tag length or an IV length that this layout does not have makes the EDK another key's.
func TestForeignInfo(t *testing.T) {
	key := sequence(0, 32)
	aead := gcm(t, key)
	k := newAES(t, "space", "name", key)
	r, _ := keyring.NewRequest(suite.AES256GCMCommit(), nil)
	iv := sequence(50, 12)
	ct := aead.Seal(nil, iv, sequence(0, 32), nil)
	good := info("name", iv)
	for what, change := range map[string]func(b []byte) []byte{
		"tag of 96 bits":      func(b []byte) []byte { b[7] = 96; return b },
		"tag of 2^31 bits":    func(b []byte) []byte { b[4] = 128; return b },
		"IV of 13 bytes":      func(b []byte) []byte { b[11] = 13; return append(b, 0) },
		"IV length 0":         func(b []byte) []byte { b[11] = 0; return b },
		"name only":           func(b []byte) []byte { return b[:4] },
		"longer name":         func(b []byte) []byte { return append([]byte("name2"), b[4:]...) },
		"shorter name":        func(b []byte) []byte { return append([]byte("nam"), b[4:]...) },
		"name in other case":  func(b []byte) []byte { b[0] = 'N'; return b },
		"little endian sizes": func(b []byte) []byte { return append([]byte("name\x80\x00\x00\x00\x0c\x00\x00\x00"), iv...) },
	} {
		e := keyring.EncryptedDataKey{ProviderID: "space", ProviderInfo: change(bytes.Clone(good)), Ciphertext: ct}
		_, err := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{e})
		var skip *keyring.Skip
		ue, ok := errors.AsType[*keyring.UnwrapError](err)
		if !ok || len(ue.Attempts) != 1 || !errors.As(ue.Attempts[0].Err, &skip) {
			t.Errorf("%s: got %v, want one Skip", what, err)
		}
	}
	if _, err := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{{ProviderID: "space", ProviderInfo: good, Ciphertext: ct}}); err != nil {
		t.Fatalf("the unchanged one: %v", err)
	}
}

// Keys are taken exactly: whatever they end or begin with.
func TestKeyBytesExact(t *testing.T) {
	for _, n := range []int{0, 1, 15, 17, 23, 25, 31, 33, 48, 64} {
		_, err := raw.NewAES(raw.AESConfig{Namespace: "space", Name: "name", Key: make([]byte, n)})
		ce, ok := errors.AsType[*keyring.ConfigError](err)
		if !ok || !errors.Is(err, signet.ErrPolicy) || !strings.Contains(ce.Error(), fmt.Sprintf("has %d bytes", n)) {
			t.Errorf("%d bytes: got %v, want a ConfigError that says the length", n, err)
		}
	}
	r, _ := keyring.NewRequest(suite.AES256GCMCommit(), nil)
	base := sequence(1, 32)
	for what, ends := range map[string][2]string{
		"newline":       {"", "\n"},
		"CR LF":         {"", "\r\n"},
		"spaces":        {"  ", "  "},
		"zero at end":   {"", "\x00\x00"},
		"zero in front": {"\x00", ""},
		"byte order":    {"\ufeff", ""},
	} {
		key := bytes.Clone(base)
		copy(key, ends[0])
		copy(key[32-len(ends[1]):], ends[1])
		w, err := newAES(t, "space", "name", key).OnEncrypt(t.Context(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		e := w.EDKs[0]
		got, err := gcm(t, key).Open(nil, e.ProviderInfo[len("name")+8:], e.Ciphertext, nil)
		if err != nil || !bytes.Equal(got, w.DataKey.Reveal()) {
			t.Errorf("%s: the key was not taken as it is", what)
		}
	}
	if _, err := raw.NewAES(raw.AESConfig{Namespace: "space", Name: "name", Key: append(sequence(0, 32), '\n')}); err == nil {
		t.Error("32 bytes and a newline were accepted")
	}
}

func TestKeyIsCopied(t *testing.T) {
	key := sequence(1, 32)
	k := newAES(t, "space", "name", key)
	clear(key)
	r, _ := keyring.NewRequest(suite.AES256GCMCommit(), nil)
	w, err := k.OnEncrypt(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newAES(t, "space", "name", sequence(1, 32)).OnDecrypt(t.Context(), r, w.EDKs); err != nil {
		t.Fatalf("clearing the caller's key changed the keyring: %v", err)
	}
}

func TestNames(t *testing.T) {
	key := sequence(1, 32)
	long := strings.Repeat("x", 65535)
	for _, c := range []struct{ what, namespace, name, says string }{
		{"no namespace", "", "name", "must not be empty"},
		{"no name", "space", "", "must not be empty"},
		{"KMS namespace", "aws-kms", "name", "aws-kms"},
		{"KMS namespace, longer", "aws-kms-mine", "name", "aws-kms"},
		{"namespace not UTF-8", "sp\xffce", "name", "UTF-8"},
		{"name not UTF-8", "space", "n\xc3", "UTF-8"},
		{"long namespace", long + "x", "name", "too long"},
		{"long name", "space", long[:65536-20], "too long"},
	} {
		_, err := raw.NewAES(raw.AESConfig{Namespace: c.namespace, Name: c.name, Key: key})
		if _, ok := errors.AsType[*keyring.ConfigError](err); !ok || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %.200v, want a ConfigError with %q", c.what, err, c.says)
		}
	}
	for _, c := range []struct{ what, namespace, name string }{
		{"KMS name", "space", "aws-kms"},
		{"KMS inside", "my-aws-kms", "name"},
		{"upper case KMS", "AWS-KMS", "name"},
		{"one byte each", "s", "n"},
		{"longest", long, long[:65535-20]},
		{"zero bytes and slashes", "a/b\x00", "c/d\x00"},
	} {
		k := newAES(t, c.namespace, c.name, key)
		r, _ := keyring.NewRequest(suite.AES256GCMCommit(), nil)
		w, err := k.OnEncrypt(t.Context(), r, nil)
		if err != nil {
			t.Errorf("%s: %.200v", c.what, err)
			continue
		}
		if u, err := k.OnDecrypt(t.Context(), r, w.EDKs); err != nil || !u.DataKey.Equal(w.DataKey) {
			t.Errorf("%s: does not open: %.200v", c.what, err)
		}
	}
	if _, err := raw.NewAES(raw.AESConfig{Namespace: "space", Name: "name", Key: []byte("sixteen bytes!!!plus")}); err == nil || strings.Contains(err.Error(), "sixteen") {
		t.Errorf("error shows the key: %v", err)
	}
}
