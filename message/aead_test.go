package message

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

func newAEAD(t testing.TB, k keyring.Keyring, o *AEADOptions) *AEAD {
	t.Helper()
	a, err := NewAEAD(keyring.NewManager(k), o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAEADRoundTrip(t *testing.T) {
	k := rawKeyring(t, "kek", 1)
	a := newAEAD(t, k, &AEADOptions{Context: keyring.EncryptionContext{"purpose": "keyset"}})
	for _, n := range []int{0, 1, 32, 4095, 4096, 4097, 20000} {
		for _, ad := range [][]byte{nil, {}, {0}, []byte("associated"), bytes.Repeat([]byte{0xff}, 3000)} {
			plaintext, before := pattern(n), bytes.Clone(ad)
			ct, err := a.Encrypt(plaintext, ad)
			if err != nil {
				t.Fatal(err)
			}
			got, err := a.Decrypt(ct, ad)
			if err != nil || !bytes.Equal(got, plaintext) {
				t.Errorf("%d bytes, %d bytes of associated data: got %d bytes, %v", n, len(ad), len(got), err)
			}
			if !bytes.Equal(plaintext, pattern(n)) || !bytes.Equal(ad, before) {
				t.Error("an input was changed")
			}
			for _, other := range [][]byte{nil, {0}, {0, 0}, []byte("Associated"), append(bytes.Clone(ad), 0)} {
				if bytes.Equal(other, ad) {
					continue
				}
				if got, err := a.Decrypt(ct, other); got != nil || !errors.Is(err, signet.ErrAuthentication) {
					t.Errorf("associated data %.12x opened as %.12x: %v", ad, other, err)
				}
			}
		}
	}
	// nil and empty are the same
	ct, err := a.Encrypt([]byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.Decrypt(ct, []byte{}); err != nil || string(got) != "x" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestAEADIsAMessage: what an AEAD writes, any client opens that gives the pair, and the reverse. The associated data is not stored.
func TestAEADIsAMessage(t *testing.T) {
	k := rawKeyring(t, "kek", 1)
	mm := keyring.NewManager(k)
	a := newAEAD(t, k, &AEADOptions{Context: keyring.EncryptionContext{"purpose": "keyset"}})
	pair := keyring.EncryptionContext{"associated-data": "AAEC/w=="}
	ad := []byte{0, 1, 2, 255}

	ct, err := a.Encrypt([]byte("secret"), ad)
	if err != nil {
		t.Fatal(err)
	}
	h, _, err := ParseHeader(ct)
	if err != nil || h.Suite != suite.AES256GCMCommit() {
		t.Fatalf("suite %v, %v", h.Suite, err)
	}
	if len(h.Context) != 1 || h.Context["purpose"] != "keyset" {
		t.Errorf("stored context %v", h.Context)
	}
	for _, text := range []string{string(ad), base64.StdEncoding.EncodeToString(ad), AssociatedDataName} {
		if bytes.Contains(ct, []byte(text)) {
			t.Errorf("the message holds %q", text)
		}
	}
	got, header, err := new(Client).Decrypt(t.Context(), mm, ct, &DecryptOptions{ReproducedContext: pair})
	if err != nil || string(got) != "secret" || header.Context["associated-data"] != "AAEC/w==" {
		t.Errorf("another client: got %q, %v", got, err)
	}
	if got, _, err := new(Client).Decrypt(t.Context(), mm, ct, nil); got != nil || !errors.Is(err, signet.ErrAuthentication) {
		t.Errorf("without the pair: got %v", err)
	}

	// Another client may sign, and store the pair.
	for _, s := range []*suite.Suite{suite.AES256GCMCommit(), suite.AES256GCMCommitECDSAP384()} {
		stored := keyring.EncryptionContext{"purpose": "keyset", "associated-data": "AAEC/w=="}
		msg, err := new(Client).Encrypt(t.Context(), mm, []byte("other"), &EncryptOptions{Context: stored, Suite: s})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := a.Decrypt(msg, ad); err != nil || string(got) != "other" {
			t.Errorf("%s: got %q, %v", s, got, err)
		}
		if got, err := a.Decrypt(msg, nil); got != nil || !errors.Is(err, signet.ErrContext) {
			t.Errorf("%s: opened without its associated data: %v", s, err)
		}
	}
}

// TestAEADOtherContext: a message under the same key for another purpose does not open.
func TestAEADOtherContext(t *testing.T) {
	k := rawKeyring(t, "kek", 1)
	for _, c := range []struct {
		mine, message keyring.EncryptionContext
		key           string
	}{
		{nil, keyring.EncryptionContext{"purpose": "files"}, "purpose"},
		{keyring.EncryptionContext{"purpose": "keyset"}, nil, "purpose"},
		{keyring.EncryptionContext{"purpose": "keyset"}, keyring.EncryptionContext{"purpose": "files"}, "purpose"},
		{keyring.EncryptionContext{"purpose": "keyset"}, keyring.EncryptionContext{"purpose": "keyset", "tenant": "canary"}, "tenant"},
	} {
		msg, err := Encrypt(t.Context(), k, []byte("x"), c.message)
		if err != nil {
			t.Fatal(err)
		}
		got, err := newAEAD(t, k, &AEADOptions{Context: c.mine}).Decrypt(msg, nil)
		var ce *keyring.ContextError
		if got != nil || !errors.As(err, &ce) || ce.Key != c.key || !errors.Is(err, signet.ErrContext) {
			t.Errorf("%v reads %v: got %v, want a ContextError of %q", c.mine, c.message, err, c.key)
		}
		if err != nil && bytes.Contains([]byte(err.Error()), []byte("canary")) {
			t.Errorf("the error shows a value: %v", err)
		}
	}
}

// TestAEADForgeries: no changed bit, no cut and no byte more leaves a ciphertext that opens.
func TestAEADForgeries(t *testing.T) {
	two, err := keyring.NewMulti(keyring.MultiOptions{Generator: rawKeyring(t, "a", 1), Children: []keyring.Keyring{rawKeyring(t, "b", 2)}})
	if err != nil {
		t.Fatal(err)
	}
	a := newAEAD(t, two, nil)
	ad := []byte("associated")
	ct, err := a.Encrypt([]byte("secret"), ad)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, b []byte) {
		t.Helper()
		got, err := a.Decrypt(b, ad)
		if got != nil || err == nil {
			t.Errorf("%s: opened", what)
		} else if k := kind(err); len(k) > 5 && k[:5] == "other" {
			t.Errorf("%s: untyped error %v", what, err)
		}
	}
	for bit := range 8 * len(ct) {
		b := bytes.Clone(ct)
		b[bit/8] ^= 1 << (bit % 8)
		refused(fmt.Sprintf("bit %d", bit), b)
	}
	for n := range ct {
		refused(fmt.Sprintf("%d bytes", n), ct[:n])
	}
	refused("a byte more", append(bytes.Clone(ct), 0))
	refused("twice", append(bytes.Clone(ct), ct...))
	b, err := newAEAD(t, rawKeyring(t, "a", 3), nil).Encrypt([]byte("secret"), ad)
	if err != nil {
		t.Fatal(err)
	}
	refused("another key", b)
}

func TestAEADOptions(t *testing.T) {
	mm := keyring.NewManager(rawKeyring(t, "kek", 1))
	long := string(make([]byte, 65536))
	for what, c := range map[string]struct {
		o    AEADOptions
		want error
	}{
		"policy":          {AEADOptions{Client: Client{CommitmentPolicy: suite.ForbidEncryptAllowDecrypt}}, signet.ErrPolicy},
		"limit":           {AEADOptions{Client: Client{MaxEncryptedDataKeys: -1}}, signet.ErrPolicy},
		"reserved name":   {AEADOptions{Context: keyring.EncryptionContext{"aws-crypto-x": ""}}, signet.ErrContext},
		"own name":        {AEADOptions{Context: keyring.EncryptionContext{AssociatedDataName: ""}}, signet.ErrContext},
		"not UTF-8":       {AEADOptions{Context: keyring.EncryptionContext{"a": "\xff"}}, signet.ErrContext},
		"too long a pair": {AEADOptions{Context: keyring.EncryptionContext{"a": long}}, signet.ErrLimit},
	} {
		if a, err := NewAEAD(mm, &c.o); a != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", what, err, c.want)
		}
	}
	if a, err := NewAEAD(nil, nil); a != nil || !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("no manager: got %v", err)
	}
	// The options are copied.
	ec := keyring.EncryptionContext{"purpose": "keyset"}
	a, err := NewAEAD(mm, &AEADOptions{Context: ec})
	if err != nil {
		t.Fatal(err)
	}
	ct, err := a.Encrypt([]byte("x"), []byte("y"))
	if err != nil {
		t.Fatal(err)
	}
	ec["purpose"] = "changed"
	if _, err := a.Decrypt(ct, []byte("y")); err != nil {
		t.Error(err)
	}
}

func TestAEADLongAssociatedData(t *testing.T) {
	a := newAEAD(t, rawKeyring(t, "kek", 1), nil)
	// count, two lengths and the name leave 65,514 bytes for base64
	longest := make([]byte, 65514/4*3)
	ct, err := a.Encrypt([]byte("x"), longest)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.Decrypt(ct, longest); err != nil || string(got) != "x" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, n := range []int{len(longest) + 1, 49149, 49150, 1 << 20} {
		if _, err := a.Encrypt([]byte("x"), make([]byte, n)); !errors.Is(err, signet.ErrLimit) {
			t.Errorf("encrypt with %d bytes: got %v, want ErrLimit", n, err)
		}
		if _, err := a.Decrypt(ct, make([]byte, n)); !errors.Is(err, signet.ErrLimit) {
			t.Errorf("decrypt with %d bytes: got %v, want ErrLimit", n, err)
		}
	}
}

func TestAEADContextEnds(t *testing.T) {
	a := newAEAD(t, rawKeyring(t, "kek", 1), nil)
	ct, err := a.Encrypt([]byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.EncryptWithContext(ctx, []byte("x"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("encrypt: got %v", err)
	}
	if _, err := a.DecryptWithContext(ctx, ct, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("decrypt: got %v", err)
	}
}

func TestAEADDegraded(t *testing.T) {
	dead := keyring.New("dead", deadWrapper{}, nil, nil)
	k, err := keyring.NewMulti(keyring.MultiOptions{Generator: rawKeyring(t, "kek", 1), Optional: []keyring.Keyring{dead}})
	if err != nil {
		t.Fatal(err)
	}
	var told []keyring.Attempt
	a := newAEAD(t, k, &AEADOptions{OnDegraded: func(as []keyring.Attempt) { told = append(told, as...) }})
	if _, err := a.Encrypt([]byte("x"), nil); err != nil || len(told) != 1 || told[0].Provider != "dead" {
		t.Errorf("got %v, told %v", err, told)
	}
}

func TestAEADConcurrent(t *testing.T) {
	a := newAEAD(t, rawKeyring(t, "kek", 1), &AEADOptions{Context: keyring.EncryptionContext{"purpose": "keyset"}})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 20 {
				ad := []byte{byte(i), byte(j)}[:j%3]
				ct, err := a.Encrypt(ad, ad)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := a.Decrypt(ct, ad); err != nil || !bytes.Equal(got, ad) {
					t.Errorf("got %x, %v", got, err)
				}
			}
		})
	}
	group.Wait()
}
