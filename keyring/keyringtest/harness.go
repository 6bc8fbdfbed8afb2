package keyringtest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

type harness struct {
	o         Options
	suite     *suite.Suite
	k, reader keyring.Keyring
}

// Every context value holds the canary; no error may show it.
const canary = "canary-value-9c51e0"

func testContext() keyring.EncryptionContext {
	return keyring.EncryptionContext{"purpose": canary + "-a", "tenant": canary + "-ü€𝄞", "": canary, "empty": ""}
}

func (h *harness) request(t testing.TB, ec keyring.EncryptionContext) *keyring.Request {
	t.Helper()
	r, err := keyring.NewRequest(h.suite, ec)
	if err != nil {
		t.Fatalf("request: %v", err)
	}
	return r
}

// made is a data key and its wrapped forms.
type made struct {
	key     *keyring.Secret
	edks    []keyring.EncryptedDataKey
	signing []*keyring.Secret
}

func (m *made) secrets() []*keyring.Secret { return append([]*keyring.Secret{m.key}, m.signing...) }

// make wraps a fresh data key in the way that the keyring can, and checks the result's shape.
func (h *harness) make(t testing.TB, k keyring.Keyring, r *keyring.Request) *made {
	t.Helper()
	var key *keyring.Secret
	if h.o.NoGenerate {
		key = keyring.RandomSecret(r.Suite.DataKeyLen())
	}
	return wrapped(t, k, r, key)
}

// wrapped calls OnEncrypt with key, which may be nil, and checks the result's shape.
func wrapped(t testing.TB, k keyring.Keyring, r *keyring.Request, key *keyring.Secret) *made {
	t.Helper()
	w, err := k.OnEncrypt(t.Context(), r, key)
	if err != nil {
		t.Fatalf("OnEncrypt (data key given: %v): %v", key != nil, err)
	}
	return shape(t, r.Suite, key, w)
}

func shape(t testing.TB, s *suite.Suite, key *keyring.Secret, w *keyring.Wrapped) *made {
	t.Helper()
	switch {
	case key == nil && w.DataKey == nil:
		t.Fatal("OnEncrypt without a data key returned none")
	case key == nil && w.DataKey.Len() != s.DataKeyLen():
		t.Fatalf("made a data key of %d bytes, want %d", w.DataKey.Len(), s.DataKeyLen())
	case key != nil && w.DataKey != nil:
		t.Fatal("OnEncrypt with a data key returned one of its own")
	case len(w.EDKs) == 0:
		t.Fatal("OnEncrypt returned no encrypted data key and no error")
	case s.IsItem() && len(w.SigningKeys) != len(w.EDKs):
		t.Fatalf("item suite: %d signing keys for %d encrypted data keys", len(w.SigningKeys), len(w.EDKs))
	case !s.IsItem() && len(w.SigningKeys) != 0:
		t.Fatalf("message suite: %d signing keys", len(w.SigningKeys))
	}
	for i, sk := range w.SigningKeys {
		if sk.Len() != 32 {
			t.Fatalf("signing key %d has %d bytes, want 32", i, sk.Len())
		}
		for j := range i {
			if sk.Equal(w.SigningKeys[j]) {
				t.Fatalf("signing keys %d and %d are equal: an intermediate key was used twice", i, j)
			}
		}
	}
	if key == nil {
		key = w.DataKey
	}
	return &made{key, w.EDKs, w.SigningKeys}
}

// opens checks that k opens edks, whose signing keys are signing, with the EDK at index used.
func opens(t testing.TB, k keyring.Keyring, r *keyring.Request, edks []keyring.EncryptedDataKey, used int, key, signing *keyring.Secret) *keyring.Unwrapped {
	t.Helper()
	u, err := k.OnDecrypt(t.Context(), r, edks)
	if err != nil {
		t.Fatalf("OnDecrypt: %v", err)
	}
	switch {
	case u == nil || !same(u.DataKey, key):
		t.Fatal("OnDecrypt returned another data key")
	case u.Used != used:
		t.Fatalf("OnDecrypt used encrypted data key %d, want %d", u.Used, used)
	case r.Suite.IsItem() && (!same(u.SigningKey, signing)):
		t.Fatal("OnDecrypt returned another signing key")
	case !r.Suite.IsItem() && u.SigningKey != nil:
		t.Fatal("message suite: OnDecrypt returned a signing key")
	}
	return u
}

// opens checks that each EDK of m opens by itself.
func (h *harness) opens(t testing.TB, r *keyring.Request, m *made) {
	t.Helper()
	for i := range m.edks {
		u := opens(t, h.reader, r, m.edks[i:i+1], 0, m.key, m.signingKey(i))
		u.DataKey.Destroy()
		u.SigningKey.Destroy()
	}
	if u := opens(t, h.reader, r, m.edks, 0, m.key, m.signingKey(0)); u.Attempts != nil {
		t.Fatalf("the first encrypted data key opened and the trace has %d attempts", len(u.Attempts))
	}
}

func (m *made) signingKey(i int) *keyring.Secret {
	if m.signing == nil {
		return nil
	}
	return m.signing[i]
}

// A kind is a set of ways in which an encrypted data key may be refused.
type kind uint8

const (
	skipped kind = 1 << iota // every attempt is a Skip
	shapeless
	unopened
	anyKind = skipped | shapeless | unopened
)

// refused checks the error of an OnDecrypt that must not open anything. It reports whether it was right.
func (h *harness) refused(t testing.TB, what string, u *keyring.Unwrapped, err error, m *made, want kind) bool {
	t.Helper()
	if u != nil || err == nil {
		t.Errorf("%s: opened", what)
		return false
	}
	checkText(t, what, err, m)
	var ue *keyring.UnwrapError
	if !errors.As(err, &ue) || !errors.Is(err, signet.ErrNoKey) {
		t.Errorf("%s: error is %T, want *keyring.UnwrapError: %v", what, err, err)
		return false
	}
	if len(ue.Attempts) == 0 {
		t.Errorf("%s: the error has no attempts", what)
		return false
	}
	got := skipped
	for i := range ue.Attempts {
		a := &ue.Attempts[i]
		if a.EDK < -1 || a.EDK >= ue.EDKs {
			t.Errorf("%s: attempt %d is about encrypted data key %d of %d", what, i, a.EDK, ue.EDKs)
		}
		if a.Err == nil || a.Provider == "" {
			t.Errorf("%s: attempt %d has no provider or no error: %v", what, i, a)
		}
		if !isSkip(a.Err) {
			got &^= skipped
		}
	}
	if got == 0 && errors.Is(err, signet.ErrMalformed) {
		got |= shapeless
	}
	if got == 0 && errors.Is(err, signet.ErrAuthentication) {
		got |= unopened
	}
	if got&want != 0 {
		return true
	}
	if want != skipped && got&skipped == 0 && slices.ContainsFunc(h.o.Refusals, func(c error) bool { return errors.Is(err, c) }) {
		return true
	}
	t.Errorf("%s: wrong kind of error, want %s: %v", what, want, err)
	return false
}

func isSkip(err error) bool {
	var s *keyring.Skip
	return errors.As(err, &s)
}

func (k kind) String() string {
	var names []string
	for i, n := range []string{"a Skip", "ErrMalformed", "ErrAuthentication"} {
		if k&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, " or ")
}

// checkText fails when an error shows a context value, a secret or a ciphertext.
func checkText(t testing.TB, what string, err error, m *made) {
	t.Helper()
	text := fmt.Sprintf("%v %+v", err, err)
	if strings.Contains(text, canary) {
		t.Errorf("%s: the error shows a context value", what)
	}
	if m == nil {
		return
	}
	var bs [][]byte
	for _, s := range m.secrets() {
		if s != nil {
			bs = append(bs, s.Reveal())
		}
	}
	for i := range m.edks {
		bs = append(bs, m.edks[i].Ciphertext)
	}
	for _, b := range bs {
		if len(b) < 16 {
			continue
		}
		b = b[:16]
		decimal := strings.Trim(fmt.Sprint(b), "[]")
		for _, form := range []string{string(b), hex.EncodeToString(b), base64.StdEncoding.EncodeToString(b)[:20], decimal} {
			if strings.Contains(text, form) || strings.Contains(strings.ToLower(text), form) {
				t.Errorf("%s: the error shows key or ciphertext bytes", what)
			}
		}
	}
}

func cloneEDK(e keyring.EncryptedDataKey) keyring.EncryptedDataKey {
	e.ProviderInfo, e.Ciphertext = bytes.Clone(e.ProviderInfo), bytes.Clone(e.Ciphertext)
	return e
}

func cloneEDKs(es []keyring.EncryptedDataKey) []keyring.EncryptedDataKey {
	out := make([]keyring.EncryptedDataKey, len(es))
	for i := range es {
		out[i] = cloneEDK(es[i])
	}
	return out
}

func equalEDK(a, b keyring.EncryptedDataKey) bool {
	return a.ProviderID == b.ProviderID && bytes.Equal(a.ProviderInfo, b.ProviderInfo) && bytes.Equal(a.Ciphertext, b.Ciphertext)
}
