package tink_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/keyring/tink"
)

// FuzzKeyset: no input panics, errors are typed, and what parses, cleartext or as what a key encryption key opened, is a keyset that wraps and opens.
func FuzzKeyset(f *testing.F) {
	m := keyset.NewManagerFromHandle(newHandle(f))
	for _, form := range forms(f) {
		f.Add(form.write(f, must(m.Handle())))
	}
	must(m.Add(aead.AES128CTRHMACSHA256KeyTemplate()))
	must(m.Add(aead.XAES256GCM192BitNonceNoPrefixKeyTemplate()))
	must(m.Add(aead.ChaCha20Poly1305KeyTemplate()))
	f.Add(form{}.write(f, must(m.Handle())))
	f.Add(form{json: true}.write(f, must(m.Handle())))
	f.Add(form{}.write(f, must(keyset.NewHandle(must(aead.CreateKMSEnvelopeAEADKeyTemplate("a:b", aead.AES256GCMKeyTemplate()))))))
	outer := form{true, opens{}, nil}.write(f, newHandle(f))
	r := must(keyring.NewRequest(suite.AES256GCMCommit(), keyring.EncryptionContext{"a": "b"}))

	check := func(t *testing.T, ks *tink.Keyset, err error) {
		if err != nil {
			for _, class := range []error{signet.ErrMalformed, signet.ErrLimit, signet.ErrUnsupported, io.ErrUnexpectedEOF} {
				if errors.Is(err, class) && typed(err) && ks == nil {
					return
				}
			}
			t.Fatalf("untyped error %T %v", err, err)
		}
		k := newKeyring(t, "orders", ks)
		w, err := k.OnEncrypt(t.Context(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if u, err := k.OnDecrypt(t.Context(), r, w.EDKs); err != nil || !u.DataKey.Equal(w.DataKey) {
			t.Fatalf("does not open what it wrapped: %v", err)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ks, err := tink.ParseCleartextInsecure(b)
		check(t, ks, err)
		_, err = tink.Parse(t.Context(), b, failing{signet.ErrUnavailable}, nil)
		if !errors.Is(err, signet.ErrUnavailable) && !typed(err) {
			t.Fatalf("untyped error %T %v", err, err)
		}
		ks, err = tink.Parse(t.Context(), outer, opens{bytes.Clone(b)}, nil) // Parse wipes it
		check(t, ks, err)
	})
}
