package keyringtest

import (
	"bytes"
	"crypto/subtle"
	"maps"
	"slices"
	"testing"

	"github.com/signetkeys/signet/keyring"
)

// generate: OnEncrypt without a data key makes one, a new one each time.
func (h *harness) generate(t *testing.T) {
	r := h.request(t, testContext())
	if h.o.NoGenerate {
		if w, err := h.k.OnEncrypt(t.Context(), r, nil); err == nil || w != nil {
			t.Fatal("NoGenerate is set and the keyring made a data key")
		}
		return
	}
	a, b := wrapped(t, h.k, r, nil), wrapped(t, h.k, r, nil)
	if a.key.Equal(b.key) {
		t.Fatal("two data keys are equal")
	}
	hidden(t, a, b)
	h.opens(t, r, a)
	h.opens(t, r, b)
}

// hidden: encrypted data keys show neither their data key nor, by one keystream for both, the difference of two. a and b are of one keyring.
func hidden(t testing.TB, a, b *made) {
	t.Helper()
	key, n := a.key.Reveal(), a.key.Len()
	difference, got := make([]byte, n), make([]byte, n)
	subtle.XORBytes(difference, key, b.key.Reveal())
	for i := range a.edks {
		x := a.edks[i].Ciphertext
		if bytes.Contains(x, key) || bytes.Contains(a.edks[i].ProviderInfo, key) {
			t.Fatalf("encrypted data key %d holds the data key in the clear", i)
		}
		if i >= len(b.edks) {
			continue
		}
		for y := b.edks[i].Ciphertext; len(x) >= n && len(y) >= n; x, y = x[1:], y[1:] {
			subtle.XORBytes(got, x[:n], y[:n])
			if bytes.Equal(got, difference) {
				t.Fatalf("encrypted data key %d: two data keys are encrypted with one keystream: a nonce was used twice", i)
			}
		}
	}
}

// wrap: OnEncrypt with a data key wraps that one, which stays the caller's.
func (h *harness) wrap(t *testing.T) {
	r := h.request(t, testContext())
	key := keyring.RandomSecret(h.suite.DataKeyLen())
	if h.o.NoWrap {
		if w, err := h.k.OnEncrypt(t.Context(), r, key); err == nil || w != nil {
			t.Fatal("NoWrap is set and the keyring wrapped a data key")
		}
		return
	}
	a, b := wrapped(t, h.k, r, key), wrapped(t, h.k, r, key)
	h.opens(t, r, a)
	h.opens(t, r, b)
	for i := range a.signing {
		if a.signing[i].Equal(b.signing[i]) {
			t.Fatal("two calls gave one signing key: an intermediate key was used twice")
		}
	}
	zero := keyring.NewSecret(make([]byte, h.suite.DataKeyLen())) // a legal key
	z := wrapped(t, h.k, r, zero)
	hidden(t, a, z)
	h.opens(t, r, z)
	for _, n := range []int{1, h.suite.DataKeyLen() - 1, h.suite.DataKeyLen() + 1, 64} {
		if w, err := h.k.OnEncrypt(t.Context(), r, keyring.RandomSecret(n)); err == nil || w != nil {
			t.Errorf("wrapped a data key of %d bytes under a suite of %d", n, h.suite.DataKeyLen())
		}
	}
}

func (h *harness) emptyContext(t *testing.T) {
	for _, ec := range []keyring.EncryptionContext{nil, {}} {
		r := h.request(t, ec)
		h.opens(t, r, h.make(t, h.k, r))
	}
	r := h.request(t, nil)
	m := h.make(t, h.k, r)
	h.opens(t, &keyring.Request{Suite: h.suite, AAD: []byte{}}, m) // nil and empty bytes are one
}

// snapshot is a copy of a request, to compare with later.
type snapshot struct {
	r       keyring.Request
	context keyring.EncryptionContext
	aad     []byte
}

func snap(r *keyring.Request) snapshot {
	return snapshot{*r, maps.Clone(r.Context), bytes.Clone(r.AAD)}
}

func (s *snapshot) check(t testing.TB, when string, r *keyring.Request) {
	t.Helper()
	if r.Suite != s.r.Suite || !maps.Equal(r.Context, s.context) || !bytes.Equal(r.AAD, s.aad) ||
		len(r.AAD) > 0 && &r.AAD[0] != &s.r.AAD[0] {
		t.Errorf("%s changed the request", when)
	}
}

// inputsUnchanged: neither call changes its arguments, whether it succeeds or fails.
func (h *harness) inputsUnchanged(t *testing.T) {
	r := h.request(t, testContext())
	r.AAD = append(r.AAD, "beyond the end"...)[:len(r.AAD)] // an append to it would show
	tail := r.AAD[len(r.AAD):cap(r.AAD)]
	wantTail := bytes.Clone(tail)
	before := snap(r)
	m := h.make(t, h.k, r)
	before.check(t, "OnEncrypt", r)
	if !h.o.NoWrap {
		key := keyring.RandomSecret(h.suite.DataKeyLen())
		want := bytes.Clone(key.Reveal())
		wrapped(t, h.k, r, key)
		if !bytes.Equal(key.Reveal(), want) {
			t.Error("OnEncrypt changed the data key")
		}
		before.check(t, "OnEncrypt with a data key", r)
	}
	edks := cloneEDKs(m.edks)
	opens(t, h.reader, r, m.edks, 0, m.key, m.signingKey(0))
	checkEDKs := func(when string, got []keyring.EncryptedDataKey) {
		t.Helper()
		if !slices.EqualFunc(got, edks, equalEDK) {
			t.Errorf("%s changed the encrypted data keys", when)
		}
	}
	checkEDKs("OnDecrypt", m.edks)
	before.check(t, "OnDecrypt", r)
	bad := cloneEDKs(m.edks[:1])
	bad[0].Ciphertext[0] ^= 1
	edks = cloneEDKs(bad)
	u, err := h.reader.OnDecrypt(t.Context(), r, bad)
	h.refused(t, "flipped ciphertext", u, err, m, unopened)
	checkEDKs("a failed OnDecrypt", bad)
	before.check(t, "a failed OnDecrypt", r)
	if !bytes.Equal(tail, wantTail) {
		t.Error("wrote behind the end of Request.AAD")
	}
}

// resultsIndependent: results share no memory with inputs or each other, so any of them may be overwritten or destroyed.
func (h *harness) resultsIndependent(t *testing.T) {
	r := h.request(t, testContext())
	a, b := h.make(t, h.k, r), h.make(t, h.k, r)
	wantB := cloneEDKs(b.edks)
	pristine := cloneEDKs(a.edks)

	// Writing to, or appending behind, one field of one EDK shows nowhere else.
	for i := range a.edks {
		e := &a.edks[i]
		fields := [][]byte{e.ProviderInfo, e.Ciphertext}
		for f, field := range fields {
			scribble(field[len(field):cap(field)])
			scribble(field)
			other := fields[1-f]
			want := [][]byte{pristine[i].ProviderInfo, pristine[i].Ciphertext}[1-f]
			if !bytes.Equal(other, want) {
				t.Fatalf("fields of encrypted data key %d share memory", i)
			}
			for j := range a.edks {
				if j != i && !equalEDK(a.edks[j], pristine[j]) {
					t.Fatalf("encrypted data keys %d and %d share memory", i, j)
				}
			}
			copy(field, [][]byte{pristine[i].ProviderInfo, pristine[i].Ciphertext}[f])
		}
	}
	for i := range a.edks {
		scribble(a.edks[i].ProviderInfo)
		scribble(a.edks[i].Ciphertext)
	}
	if !slices.EqualFunc(b.edks, wantB, equalEDK) {
		t.Fatal("the results of two calls share memory")
	}

	// The request's bytes may be overwritten after the call.
	r2 := h.request(t, testContext())
	c := h.make(t, h.k, r2)
	wantC := cloneEDKs(c.edks)
	scribble(r2.AAD)
	if !slices.EqualFunc(c.edks, wantC, equalEDK) {
		t.Fatal("the result of OnEncrypt shares memory with Request.AAD")
	}

	// Opened secrets are the caller's own: the EDKs may be overwritten, and each may be destroyed.
	want := b.key.Clone()
	edks := cloneEDKs(b.edks)
	u1 := opens(t, h.reader, r, edks, 0, want, b.signingKey(0))
	u2 := opens(t, h.reader, r, edks, 0, want, b.signingKey(0))
	for i := range edks {
		scribble(edks[i].ProviderInfo)
		scribble(edks[i].Ciphertext)
	}
	if !same(u1.DataKey, want) {
		t.Fatal("an opened data key shares memory with its encrypted data key")
	}
	u1.DataKey.Destroy()
	u1.SigningKey.Destroy()
	if !same(u2.DataKey, want) || h.suite.IsItem() && !same(u2.SigningKey, b.signing[0]) {
		t.Fatal("destroying one result changed another")
	}
	b.key.Destroy()
	if !same(u2.DataKey, want) {
		t.Fatal("destroying the data key that was wrapped changed an opened one")
	}
	u3 := opens(t, h.reader, r, b.edks, 0, want, b.signingKey(0))
	if u2.DataKey.Destroy(); !same(u3.DataKey, want) {
		t.Fatal("destroying one result changed a later one")
	}
}

// same compares, and counts a destroyed secret as another one.
func same(got, want *keyring.Secret) (equal bool) {
	defer func() {
		if recover() != nil {
			equal = false
		}
	}()
	return got.Equal(want)
}

func scribble(b []byte) {
	for i := range b {
		b[i] ^= 0xA5
	}
}
