package tinkv1_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/tink/go/aead"
	"github.com/google/tink/go/core/registry"
	"github.com/google/tink/go/keyset"
	"github.com/google/tink/go/tink"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/pkcs11"
	softhsmtest "github.com/signetkeys/signet/softhsm-test"
)

// client is all that a program on google/tink/go writes to have keyrings as a KMS.
type client struct {
	open func(keyURI string) keyring.Keyring
}

func (c client) Supported(keyURI string) bool { return strings.HasPrefix(keyURI, "hsm:") }

func (c client) GetAEAD(keyURI string) (tink.AEAD, error) { return messageAEAD(c.open(keyURI)), nil }

// TestEnvelopeOverHSM: the envelope encryption of google/tink/go, with its keys wrapped in a token.
func TestEnvelopeOverHSM(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.GenerateAES("kek", 256)
	tok.GenerateAES("other", 256)
	c := client{func(uri string) keyring.Keyring {
		k := must(pkcs11.New(t.Context(), tok.Config(strings.TrimPrefix(uri, "hsm:"))))
		t.Cleanup(func() { k.Close() })
		return k
	}}
	kek, other := must(c.GetAEAD("hsm:kek")), must(c.GetAEAD("hsm:other"))

	e := aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), kek)
	ad := []byte("invoice 7")
	ct := must(e.Encrypt([]byte("secret"), ad))
	if got, err := e.Decrypt(ct, ad); err != nil || string(got) != "secret" {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := e.Decrypt(ct, []byte("invoice 8")); got != nil || err == nil {
		t.Error("opened with other associated data")
	}
	if got, err := aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), other).Decrypt(ct, ad); got != nil || err == nil {
		t.Error("opened under another key of the token")
	}
	for _, i := range []int{4, 4 + 100, len(ct) - 1} {
		changed := bytes.Clone(ct)
		changed[i] ^= 1
		if got, err := e.Decrypt(changed, ad); got != nil || err == nil {
			t.Errorf("opened with byte %d of %d changed", i, len(ct))
		}
	}

	// By URI, through the library's registry.
	registry.RegisterKMSClient(c)
	t.Cleanup(registry.ClearKMSClients)
	h := must(keyset.NewHandle(aead.KMSEnvelopeAEADKeyTemplate("hsm:kek", aead.AES128GCMKeyTemplate())))
	a := must(aead.New(h))
	ct = must(a.Encrypt([]byte("secret"), ad))
	if got, err := a.Decrypt(ct, ad); err != nil || string(got) != "secret" {
		t.Errorf("by URI: got %q, %v", got, err)
	}

	// A keyset encrypted in the token.
	orders := newHandle(aead.AES256GCMKeyTemplate())
	for _, json := range []bool{true, false} {
		b := write(t, orders, json, kek, ad)
		var reader keyset.Reader = keyset.NewBinaryReader(bytes.NewReader(b))
		if json {
			reader = keyset.NewJSONReader(bytes.NewReader(b))
		}
		if h, err := keyset.ReadWithAssociatedData(reader, kek, ad); err != nil || h.String() != orders.String() {
			t.Errorf("JSON %v: got %v, %v", json, h, err)
		}
	}
}
