package tink_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/daead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/tink"
)

func TestParse(t *testing.T) {
	h := newHandle(t)
	msg := encrypt(t, newKeyring(t, "orders", fromHandle(t, h)), "text")
	for _, f := range forms(t) {
		b := f.write(t, h)
		before := bytes.Clone(b)
		ks, err := f.parse(t, b)
		if err != nil {
			t.Errorf("%v: %v", f, err)
			continue
		}
		decrypts(t, newKeyring(t, "orders", ks), msg, "text")
		if !bytes.Equal(b, before) {
			t.Errorf("%v: the input was changed", f)
		}
		if f.json {
			if _, err := f.parse(t, append([]byte("\r\n\t "), append(b, " \n"...)...)); err != nil {
				t.Errorf("%v: white space around it: %v", f, err)
			}
		}
	}
}

// typed reports whether an error is one of those that the package promises.
func typed(err error) bool {
	var ks *tink.KeysetError
	var ae *keyring.AEADError
	var le *keyring.LimitError
	return errors.As(err, &ks) || errors.As(err, &ae) || errors.As(err, &le)
}

// secretsOf are the key bytes of a keyset in the forms in which they could be in a text.
func secretsOf(h *keyset.Handle) []string {
	var all []string
	for _, k := range insecurecleartextkeyset.KeysetMaterial(h).GetKey() {
		b := k.GetKeyData().GetValue()
		b = b[len(b)-16:]
		all = append(all, string(b), hex.EncodeToString(b), base64.StdEncoding.EncodeToString(b)[2:18], strings.Trim(fmt.Sprint(b), "[]"))
	}
	return all
}

// checkText fails when an error shows key bytes, or base64 of the input as Tink's parser would.
func checkText(t *testing.T, what, text string, secrets []string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("%s: the text shows key bytes", what)
		}
	}
}

// TestDamaged: cut at every length, a byte or a field behind it, a bit flipped. What is still a keyset has another key or the same.
func TestDamaged(t *testing.T) {
	h := newHandle(t)
	secrets := secretsOf(h)
	for _, f := range forms(t) {
		b := f.write(t, h)
		fails := func(what string, b []byte) error {
			t.Helper()
			ks, err := f.parse(t, b)
			if ks != nil || err == nil || !typed(err) {
				t.Errorf("%v, %s: got %T %v", f, what, err, err)
				return io.ErrUnexpectedEOF
			}
			checkText(t, what, fmt.Sprintf("%v %+v", err, err), secrets)
			return err
		}
		for n := range b {
			err := fails(fmt.Sprintf("cut to %d of %d bytes", n, len(b)), b[:n])
			if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, signet.ErrMalformed) {
				t.Errorf("%v, cut to %d of %d bytes: got %v", f, n, len(b), err)
			}
		}
		for _, tail := range []string{"\x00", "x", "\x7a\x00", "\x08\x01", "\x12\x00", "{}", "}", string(b)} {
			err := fails(fmt.Sprintf("%q behind it", tail[:1]), append(bytes.Clone(b), tail...))
			if !errors.Is(err, signet.ErrMalformed) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%v, %q behind it: got %v", f, tail[:1], err)
			}
			empty := !f.json && f.kek == nil && tail == "\x12\x00" // a field of a keyset, with a key that is none
			if ke := (*tink.KeysetError)(nil); !errors.As(err, &ke) || ke.Offset < int64(len(b))-1 && !empty {
				t.Errorf("%v, %q behind it: got %v, want an offset of at least %d", f, tail[:1], err, len(b)-1)
			}
		}
		for bit := range 8 * len(b) {
			c := bytes.Clone(b)
			c[bit/8] ^= 1 << (bit % 8)
			if ks, err := f.parse(t, c); err != nil {
				if ks != nil || !typed(err) {
					t.Fatalf("%v, bit %d flipped: got %T %v", f, bit, err, err)
				}
				checkText(t, "bit flipped", fmt.Sprintf("%v %+v", err, err), secrets)
			}
		}
	}
}

// TestEncryptedIsAuthentic: a changed ciphertext of a keyset does not open, whatever it is changed to.
func TestEncryptedIsAuthentic(t *testing.T) {
	h := newHandle(t)
	for _, f := range forms(t) {
		if f.kek == nil || !f.json {
			continue
		}
		var doc map[string]any
		if err := json.Unmarshal(f.write(t, h), &doc); err != nil {
			t.Fatal(err)
		}
		ct, err := base64.StdEncoding.DecodeString(doc["encryptedKeyset"].(string))
		if err != nil {
			t.Fatal(err)
		}
		for bit := range 8 * len(ct) {
			c := bytes.Clone(ct)
			c[bit/8] ^= 1 << (bit % 8)
			doc["encryptedKeyset"] = base64.StdEncoding.EncodeToString(c)
			b, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			var ae *keyring.AEADError
			if ks, err := f.parse(t, b); ks != nil || !errors.As(err, &ae) {
				t.Fatalf("%v, bit %d: got %v, want an AEADError", f, bit, err)
			}
		}
	}
}

func TestWrongKEK(t *testing.T) {
	h := newHandle(t)
	ours := messageAEAD(t, rawKeyring(t, 1))
	local := must(aead.New(newHandle(t)))
	for _, json := range []bool{true, false} {
		for what, c := range map[string]struct {
			written, read form
		}{
			"another key":             {form{json, ours, nil}, form{json, messageAEAD(t, rawKeyring(t, 2)), nil}},
			"another Tink key":        {form{json, local, nil}, form{json, must(aead.New(newHandle(t))), nil}},
			"other associated data":   {form{json, ours, []byte("a")}, form{json, ours, []byte("b")}},
			"no associated data":      {form{json, ours, []byte("a")}, form{json, ours, nil}},
			"associated data too":     {form{json, local, nil}, form{json, local, []byte("a")}},
			"other for a Tink key":    {form{json, local, []byte("a")}, form{json, local, []byte("b")}},
			"a kek that does no more": {form{json, local, nil}, form{json, failing{errors.New("mute")}, nil}},
		} {
			ks, err := c.read.parse(t, c.written.write(t, h))
			var ae *keyring.AEADError
			if ks != nil || !errors.Is(err, signet.ErrAuthentication) || !errors.As(err, &ae) {
				t.Errorf("%s: got %v, want an AEADError and ErrAuthentication", what, err)
			}
		}
	}
	// What the key's owner says is passed on.
	b := form{true, ours, nil}.write(t, h)
	for _, class := range []error{signet.ErrUnavailable, signet.ErrAccessDenied, signet.ErrThrottled, context.DeadlineExceeded} {
		_, err := tink.Parse(t.Context(), b, failing{class}, nil)
		if !errors.Is(err, class) || errors.Is(err, signet.ErrAuthentication) {
			t.Errorf("got %v, want %v", err, class)
		}
	}
	// A context that has ended.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, kek := range []keyring.AEAD{ours, local} {
		if _, err := tink.Parse(ctx, form{true, kek, nil}.write(t, h), kek, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	}
	if _, err := tink.Parse(t.Context(), b, nil, nil); !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("no key encryption key: got %v", err)
	}
}

// failing is a key encryption key whose owner says err.
type failing struct{ err error }

func (f failing) Encrypt(_, _ []byte) ([]byte, error) { return nil, f.err }
func (f failing) Decrypt(_, _ []byte) ([]byte, error) { return nil, f.err }

// opens is a key encryption key that opens anything to b.
type opens struct{ b []byte }

func (o opens) Encrypt(plaintext, _ []byte) ([]byte, error) { return plaintext, nil }
func (o opens) Decrypt(_, _ []byte) ([]byte, error)         { return o.b, nil }

// TestOpenedContent: what is under the encryption is checked like a cleartext keyset, and wiped.
func TestOpenedContent(t *testing.T) {
	h := newHandle(t)
	inner := form{json: false}.write(t, h)
	outer := form{true, opens{}, nil}.write(t, h)
	kek := opens{bytes.Clone(inner)}
	if _, err := tink.Parse(t.Context(), outer, kek, nil); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kek.b, make([]byte, len(inner))) {
		t.Error("the opened keyset was not wiped")
	}
	for what, c := range map[string]struct {
		b    []byte
		want error
	}{
		"nothing":       {nil, signet.ErrMalformed},
		"no keyset":     {[]byte("plain text"), signet.ErrMalformed},
		"cut":           {inner[:len(inner)-1], signet.ErrMalformed},
		"a byte more":   {append(bytes.Clone(inner), 0), signet.ErrMalformed},
		"a field more":  {append(bytes.Clone(inner), 0x7a, 0), signet.ErrMalformed},
		"JSON":          {form{json: true}.write(t, h), signet.ErrMalformed},
		"empty key":     {[]byte{0x12, 0}, signet.ErrMalformed},
		"too long":      {make([]byte, tink.MaxKeysetLen+1), signet.ErrLimit},
		"without a key": {[]byte{0x08, 1}, signet.ErrMalformed},
	} {
		b := bytes.Clone(c.b)
		ks, err := tink.Parse(t.Context(), outer, opens{b}, nil)
		if ks != nil || !errors.Is(err, c.want) || !typed(err) {
			t.Errorf("%s: got %v, want %v", what, err, c.want)
		}
		if !bytes.Equal(b, make([]byte, len(b))) {
			t.Errorf("%s: not wiped", what)
		}
	}
}

func TestRefusedKeysets(t *testing.T) {
	one := func(h *keyset.Handle, err error) []byte { return form{}.write(t, must(h, err)) }
	envelope := must(keyset.NewHandle(must(aead.CreateKMSEnvelopeAEADKeyTemplate("pkcs11:object=kek", aead.AES256GCMKeyTemplate()))))
	mixed := keyset.NewManagerFromHandle(newHandle(t))
	macID := must(mixed.Add(mac.HMACSHA256Tag256KeyTemplate()))
	mixedHandle := must(mixed.Handle())
	for what, c := range map[string]struct {
		b    []byte
		want error
		text string
	}{
		"a MAC":               {one(keyset.NewHandle(mac.HMACSHA256Tag256KeyTemplate())), signet.ErrUnsupported, "HmacKey"},
		"deterministic":       {one(keyset.NewHandle(daead.AESSIVKeyTemplate())), signet.ErrUnsupported, "AesSivKey"},
		"an envelope":         {one(envelope, nil), signet.ErrUnsupported, "KmsEnvelopeAeadKey"},
		"an AEAD and a MAC":   {form{}.write(t, mixedHandle), signet.ErrUnsupported, fmt.Sprint(macID)},
		"encrypted":           {form{false, messageAEAD(t, rawKeyring(t, 1)), nil}.write(t, newHandle(t)), signet.ErrMalformed, ""},
		"encrypted, in JSON":  {form{true, messageAEAD(t, rawKeyring(t, 1)), nil}.write(t, newHandle(t)), signet.ErrMalformed, ""},
		"nothing":             {nil, io.ErrUnexpectedEOF, ""},
		"an empty object":     {[]byte("{}"), signet.ErrMalformed, ""},
		"another object":      {[]byte(`{"keys": []}`), signet.ErrMalformed, ""},
		"an array":            {[]byte("[]"), signet.ErrMalformed, ""},
		"a long tag":          {bytes.Repeat([]byte{0xff}, 20), signet.ErrMalformed, ""},
		"a length too large":  {[]byte{0x12, 0xff, 0xff, 0xff, 0xff, 0x0f}, io.ErrUnexpectedEOF, ""},
		"no primary key":      {[]byte(`{"primaryKeyId": 7}`), signet.ErrMalformed, ""},
		"too long":            {make([]byte, tink.MaxKeysetLen+1), signet.ErrLimit, fmt.Sprint(tink.MaxKeysetLen)},
		"too long for a form": {bytes.Repeat([]byte(" "), tink.MaxKeysetLen+1), signet.ErrLimit, ""},
	} {
		ks, err := tink.ParseCleartextInsecure(c.b)
		if ks != nil || !errors.Is(err, c.want) || !typed(err) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v, want %v", what, err, c.want)
		}
	}
	for _, json := range []bool{true, false} {
		if ks, err := tink.Parse(t.Context(), form{json: json}.write(t, newHandle(t)), opens{}, nil); ks != nil || !errors.Is(err, signet.ErrMalformed) {
			t.Errorf("a cleartext keyset as an encrypted one: got %v", err)
		}
	}
	if ks, err := tink.FromHandle(nil); ks != nil || !errors.Is(err, signet.ErrMalformed) {
		t.Errorf("no handle: got %v", err)
	}
	// A disabled key does not matter.
	if err := mixed.Disable(macID); err != nil {
		t.Fatal(err)
	}
	ks := fromHandle(t, must(mixed.Handle()))
	if keys := ks.Keys(); len(keys) != 2 || keys[1].Status != "DISABLED" || keys[1].Type != "HmacKey" || keys[1].Primary || !keys[0].Primary {
		t.Errorf("got %+v", keys)
	}
}

func TestKeysetPrintsNoKeys(t *testing.T) {
	h := newHandle(t)
	ks := fromHandle(t, h)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "keyset", ks, "config", tink.Config{Name: "orders", Keyset: ks})
	text := fmt.Sprintf("%v %+v %#v %s %d %x %v %+v %#v", ks, ks, ks, ks, ks, ks, tink.Config{Name: "orders", Keyset: ks}, []*tink.Keyset{ks}, ks) + log.String()
	checkText(t, "formats", text, secretsOf(h))
	want := fmt.Sprintf("Keyset{AesGcmKey %d}", ks.Keys()[0].ID)
	if fmt.Sprint(ks) != want {
		t.Errorf("got %v, want %s", ks, want)
	}
	// The list is the caller's.
	ks.Keys()[0].Type = "changed"
	if ks.Keys()[0].Type != "AesGcmKey" {
		t.Error("the list of keys is shared")
	}
}
