package tink_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkgo "github.com/tink-crypto/tink-go/v2/tink"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/pkcs11"
	"github.com/signetkeys/signet/keyring/tink"
	"github.com/signetkeys/signet/message"
	softhsmtest "github.com/signetkeys/signet/softhsm-test"
)

// envelope checks Tink's envelope encryption over an AEAD, with other, which must not open it.
func envelope(t *testing.T, a, other tinkgo.AEAD) {
	t.Helper()
	e := aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), a)
	ad := []byte("invoice 7")
	ct := must(e.Encrypt([]byte("secret"), ad))
	if got, err := e.Decrypt(ct, ad); err != nil || string(got) != "secret" {
		t.Errorf("got %q, %v", got, err)
	}
	// Tink's own format: 4 bytes of length, the encrypted key, which is a message, and the payload.
	n := int(ct[2])<<8 | int(ct[3])
	if _, _, err := message.ParseHeader(ct[4 : 4+n]); err != nil || ct[0] != 0 || ct[1] != 0 {
		t.Errorf("the encrypted key of %d bytes is no message: %v", n, err)
	}
	if got, err := e.Decrypt(ct, []byte("invoice 8")); got != nil || err == nil {
		t.Error("opened with other associated data")
	}
	for _, i := range []int{0, 3, 4, 4 + n/2, 4 + n - 1, 4 + n, len(ct) - 1} {
		c := bytes.Clone(ct)
		c[i] ^= 1
		if got, err := e.Decrypt(c, ad); got != nil || err == nil {
			t.Errorf("opened with byte %d of %d changed", i, len(ct))
		}
	}
	if got, err := aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), other).Decrypt(ct, ad); got != nil || err == nil {
		t.Error("opened under another key")
	}
	// Tink's variant with contexts takes the same AEAD.
	withContext := must(aead.NewKMSEnvelopeAEADWithContext(aead.AES256GCMKeyTemplate(), a.(tinkgo.AEADWithContext)))
	if got, err := withContext.DecryptWithContext(t.Context(), ct, ad); err != nil || string(got) != "secret" {
		t.Errorf("with a context: got %q, %v", got, err)
	}
}

func TestEnvelope(t *testing.T) {
	envelope(t, messageAEAD(t, rawKeyring(t, 1)), messageAEAD(t, rawKeyring(t, 2)))
}

// TestHSM: Tink's envelope encryption and its keysets under keys that never leave a token.
func TestHSM(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.GenerateAES("kek", 256)
	tok.GenerateAES("other", 256)
	open := func(uri string) (keyring.Keyring, error) {
		k, err := pkcs11.New(t.Context(), tok.Config(strings.TrimPrefix(uri, "hsm:")))
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { k.Close() })
		return k, nil
	}
	client := must(tink.NewKMSClient(tink.KMSClientConfig{Prefix: "hsm:", Open: open}))
	kek, other := must(client.GetAEAD("hsm:kek")), must(client.GetAEAD("hsm:other"))
	envelope(t, kek, other)

	h := newHandle(t)
	msg := encrypt(t, newKeyring(t, "orders", fromHandle(t, h)), "text")
	for _, json := range []bool{true, false} {
		b := form{json, kek, []byte("orders")}.write(t, h)
		ks, err := tink.Parse(t.Context(), b, kek, []byte("orders"))
		if err != nil {
			t.Fatal(err)
		}
		decrypts(t, newKeyring(t, "orders", ks), msg, "text")
		if ks, err := tink.Parse(t.Context(), b, other, []byte("orders")); ks != nil || !errors.Is(err, signet.ErrNoKey) {
			t.Errorf("under another key of the token: got %v", err)
		}
	}
}

// TestRegistry: a keyset that names a key of the client. It is the only test that uses Tink's global registry.
func TestRegistry(t *testing.T) {
	var asked []string
	client := must(tink.NewKMSClient(tink.KMSClientConfig{Prefix: "signet-test:", Open: func(uri string) (keyring.Keyring, error) {
		asked = append(asked, uri)
		return rawKeyring(t, 1), nil
	}}))
	registry.RegisterKMSClient(client)
	t.Cleanup(registry.ClearKMSClients)
	h := must(keyset.NewHandle(must(aead.CreateKMSEnvelopeAEADKeyTemplate("signet-test:kek", aead.AES128GCMKeyTemplate()))))
	a := must(aead.New(h))
	ct := must(a.Encrypt([]byte("secret"), []byte("ad")))
	if got, err := a.Decrypt(ct, []byte("ad")); err != nil || string(got) != "secret" {
		t.Errorf("got %q, %v", got, err)
	}
	if len(asked) == 0 || asked[0] != "signet-test:kek" {
		t.Errorf("opened %q", asked)
	}
}

func TestKMSClient(t *testing.T) {
	refused := errors.New("refused")
	client := must(tink.NewKMSClient(tink.KMSClientConfig{
		Prefix: "a:",
		Open: func(uri string) (keyring.Keyring, error) {
			switch uri {
			case "a:nothing":
				return nil, nil
			case "a:refused":
				return nil, refused
			}
			return rawKeyring(t, 1), nil
		},
		AEAD: &message.AEADOptions{Context: keyring.EncryptionContext{"purpose": "tink"}},
	}))
	for uri, want := range map[string]bool{"a:": true, "a:b": true, "": false, "a": false, "A:b": false, "b:a:": false} {
		if got := client.Supported(uri); got != want {
			t.Errorf("Supported(%q) is %v", uri, got)
		}
	}
	if a, err := client.GetAEAD("a:refused"); a != nil || !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	for _, uri := range []string{"a:nothing", "b:secret-in-uri"} {
		if a, err := client.GetAEAD(uri); a != nil || !errors.Is(err, signet.ErrPolicy) || strings.Contains(err.Error(), "secret-in-uri") {
			t.Errorf("%s: got %v", uri, err)
		}
	}
	h, _, err := message.ParseHeader(must(must(client.GetAEAD("a:b")).Encrypt(nil, nil)))
	if err != nil || h.Context["purpose"] != "tink" {
		t.Errorf("the options did not arrive: %v", err)
	}
	bad := must(tink.NewKMSClient(tink.KMSClientConfig{Prefix: "a:", AEAD: &message.AEADOptions{Client: message.Client{MaxEncryptedDataKeys: -1}},
		Open: func(string) (keyring.Keyring, error) { return rawKeyring(t, 1), nil }}))
	if a, err := bad.GetAEAD("a:b"); a != nil || !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("bad options: got %v", err)
	}
	for _, cfg := range []tink.KMSClientConfig{{Prefix: "a:"}, {Open: func(string) (keyring.Keyring, error) { return nil, nil }}} {
		if c, err := tink.NewKMSClient(cfg); c != nil || !errors.Is(err, signet.ErrPolicy) {
			t.Errorf("got %v", err)
		}
	}
}

// The client's context is what it was when the client was made.
func TestKMSClientContextIsCopied(t *testing.T) {
	k := rawKeyring(t, 1)
	o := &message.AEADOptions{Context: keyring.EncryptionContext{"purpose": "a"}}
	client := must(tink.NewKMSClient(tink.KMSClientConfig{Prefix: "raw:", Open: func(string) (keyring.Keyring, error) { return k, nil }, AEAD: o}))
	ct := must(must(client.GetAEAD("raw:1")).Encrypt([]byte("secret"), nil))
	o.Context["purpose"] = "b"
	if got, err := must(client.GetAEAD("raw:1")).Decrypt(ct, nil); err != nil || string(got) != "secret" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestEnvelopeLimit: Tink's limit on the encrypted key, with 2, 40 and 64 members of a multi-keyring of raw keys.
func TestEnvelopeLimit(t *testing.T) {
	for n, fits := range map[int]bool{2: true, 40: true, 64: false} {
		var children []keyring.Keyring
		for range n {
			children = append(children, rawKeyring(t, 1))
		}
		multi := must(keyring.NewMulti(keyring.MultiOptions{Generator: children[0], Children: children[1:]}))
		e := aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), messageAEAD(t, multi))
		if _, err := e.Encrypt(nil, nil); (err == nil) != fits {
			t.Errorf("%d members: got %v", n, err)
		}
	}
}
