package tink_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/tink"
	"github.com/signetkeys/signet/message"
)

// must is for what cannot fail in these tests.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newHandle(t testing.TB) *keyset.Handle {
	t.Helper()
	return must(keyset.NewHandle(aead.AES256GCMKeyTemplate()))
}

func fromHandle(t testing.TB, h *keyset.Handle) *tink.Keyset {
	t.Helper()
	return must(tink.FromHandle(h))
}

func newKeyring(t testing.TB, name string, ks *tink.Keyset) keyring.Keyring {
	t.Helper()
	return must(tink.New(tink.Config{Name: name, Keyset: ks}))
}

func rawKeyring(t testing.TB, fill byte) keyring.Keyring {
	t.Helper()
	return must(raw.NewAES(raw.AESConfig{Namespace: "test", Name: "kek", Key: bytes.Repeat([]byte{fill}, 32)}))
}

func messageAEAD(t testing.TB, k keyring.Keyring) *message.AEAD {
	t.Helper()
	return must(message.NewAEAD(keyring.NewManager(k), nil))
}

// A form is a way to serialize a keyset.
type form struct {
	json bool
	kek  keyring.AEAD // nil: not encrypted
	ad   []byte
}

func (f form) String() string {
	s := "binary"
	if f.json {
		s = "JSON"
	}
	return fmt.Sprintf("%s, encrypted %v, associated data %q", s, f.kek != nil, f.ad)
}

func (f form) write(t testing.TB, h *keyset.Handle) []byte {
	t.Helper()
	var b bytes.Buffer
	var w keyset.Writer = keyset.NewBinaryWriter(&b)
	if f.json {
		w = keyset.NewJSONWriter(&b)
	}
	var err error
	if f.kek == nil {
		err = insecurecleartextkeyset.Write(h, w)
	} else {
		err = h.WriteWithAssociatedData(w, f.kek, f.ad)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (f form) parse(t testing.TB, b []byte) (*tink.Keyset, error) {
	if f.kek == nil {
		return tink.ParseCleartextInsecure(b)
	}
	return tink.Parse(t.Context(), b, f.kek, f.ad)
}

// forms are all of them.
func forms(t testing.TB) []form {
	t.Helper()
	local := must(aead.New(newHandle(t)))
	ours := messageAEAD(t, rawKeyring(t, 1))
	var all []form
	for _, json := range []bool{true, false} {
		all = append(all, form{json, nil, nil}, form{json, local, nil}, form{json, local, []byte("orders")}, form{json, ours, nil}, form{json, ours, []byte("orders")})
	}
	return all
}

func encrypt(t testing.TB, k keyring.Keyring, text string) []byte {
	t.Helper()
	return must(message.Encrypt(t.Context(), k, []byte(text), keyring.EncryptionContext{"tenant": "a"}))
}

func decrypts(t testing.TB, k keyring.Keyring, msg []byte, want string) {
	t.Helper()
	got, _, err := message.Decrypt(t.Context(), k, msg)
	if err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
