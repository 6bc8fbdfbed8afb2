package keyringtest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

const maxField = 1<<16 - 1

// open asks the reader for one EDK.
func (h *harness) open(t testing.TB, r *keyring.Request, e keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
	return h.reader.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{e})
}

func (h *harness) wrongContext(t *testing.T) {
	m := h.make(t, h.k, h.request(t, testContext()))
	change := func(f func(ec keyring.EncryptionContext)) keyring.EncryptionContext {
		ec := maps.Clone(testContext())
		f(ec)
		return ec
	}
	for what, ec := range map[string]keyring.EncryptionContext{
		"no context":      nil,
		"a pair more":     change(func(ec keyring.EncryptionContext) { ec["more"] = canary }),
		"a pair less":     change(func(ec keyring.EncryptionContext) { delete(ec, "empty") }),
		"another value":   change(func(ec keyring.EncryptionContext) { ec["tenant"] = canary + "-b" }),
		"another key":     change(func(ec keyring.EncryptionContext) { ec["Purpose"] = ec["purpose"]; delete(ec, "purpose") }),
		"values swapped":  change(func(ec keyring.EncryptionContext) { ec["purpose"], ec["tenant"] = ec["tenant"], ec["purpose"] }),
		"an empty value":  change(func(ec keyring.EncryptionContext) { ec["tenant"] = "" }),
		"one pair only":   {"purpose": canary + "-a"},
		"an unknown pair": {"x": canary},
	} {
		r := h.request(t, ec)
		for i := range m.edks {
			u, err := h.open(t, r, m.edks[i])
			if h.o.ContextUnbound && !h.suite.IsItem() {
				if err == nil && !same(u.DataKey, m.key) {
					t.Errorf("%s: opened another data key", what)
				}
				continue
			}
			h.refused(t, what, u, err, m, unopened)
		}
	}
}

// misshapen: truncated at every length, extended, and as large as the format can carry.
func (h *harness) misshapen(t *testing.T) {
	r := h.request(t, testContext())
	m := h.make(t, h.k, r)
	try := func(what string, info, ct []byte, i int, want kind) {
		t.Helper()
		e := keyring.EncryptedDataKey{ProviderID: m.edks[i].ProviderID, ProviderInfo: info, Ciphertext: ct}
		u, err := h.open(t, r, e)
		h.refused(t, fmt.Sprintf("encrypted data key %d, %s", i, what), u, err, m, want)
	}
	for i := range m.edks {
		info, ct := m.edks[i].ProviderInfo, m.edks[i].Ciphertext
		for n := range len(ct) {
			try(fmt.Sprintf("ciphertext cut to %d of %d bytes", n, len(ct)), info, bytes.Clone(ct[:n]), i, shapeless)
		}
		for n := range len(info) {
			try(fmt.Sprintf("info cut to %d of %d bytes", n, len(info)), bytes.Clone(info[:n]), ct, i, anyKind)
		}
		try("nothing", nil, nil, i, anyKind)
		try("ciphertext with a byte more", info, append(bytes.Clone(ct), 0), i, shapeless)
		try("ciphertext with a byte in front", info, append([]byte{0}, ct...), i, shapeless)
		try("ciphertext twice", info, append(bytes.Clone(ct), ct...), i, shapeless)
		try("info with a byte more", append(bytes.Clone(info), 0), ct, i, anyKind)
		try("info with a byte in front", append([]byte{0}, info...), ct, i, anyKind)
		try("oversized ciphertext", info, pad(ct, maxField), i, shapeless)
		try("oversized info", pad(info, maxField), ct, i, anyKind)
		try("both oversized", pad(info, maxField), pad(ct, maxField), i, anyKind)
	}
}

func pad(b []byte, n int) []byte { return append(bytes.Clone(b), make([]byte, n-len(b))...) }

// flipped: no changed bit leaves an encrypted data key that opens.
func (h *harness) flipped(t *testing.T) {
	r := h.request(t, testContext())
	m := h.make(t, h.k, r)
	for i := range m.edks {
		for f, want := range []kind{anyKind, unopened} {
			e := cloneEDK(m.edks[i])
			name, field := "info", e.ProviderInfo
			if f == 1 {
				name, field = "ciphertext", e.Ciphertext
			}
			for bit := range 8 * len(field) {
				if !h.o.Thorough && bit%8 != bit/8%8 {
					continue
				}
				field[bit/8] ^= 1 << (bit % 8)
				u, err := h.open(t, r, e)
				ok := h.refused(t, fmt.Sprintf("encrypted data key %d, %s, bit %d flipped", i, name, bit), u, err, m, want)
				field[bit/8] ^= 1 << (bit % 8)
				if !ok {
					break // one report a field is enough
				}
			}
		}
	}
}

// foreigners returns encrypted data keys that are not the keyring's, with what they are.
func (h *harness) foreigners(t testing.TB, r *keyring.Request, own keyring.EncryptedDataKey) map[string]keyring.EncryptedDataKey {
	all := make(map[string]keyring.EncryptedDataKey)
	for _, id := range []string{own.ProviderID + "x", own.ProviderID[:len(own.ProviderID)-1], "", "keyringtest-nobody", own.ProviderID + "\x00"} {
		e := cloneEDK(own)
		e.ProviderID = id
		all[fmt.Sprintf("provider id %q", id)] = e
	}
	if h.o.Foreign != nil {
		for i, k := range h.o.Foreign(t) {
			for j, e := range h.make(t, k, r).edks {
				all[fmt.Sprintf("foreign keyring %d, encrypted data key %d", i, j)] = e
			}
		}
	}
	return all
}

func (h *harness) foreign(t *testing.T) {
	r := h.request(t, testContext())
	m := h.make(t, h.k, r)
	last := len(m.edks) - 1
	for what, e := range h.foreigners(t, r, m.edks[0]) {
		u, err := h.open(t, r, e)
		if !h.refused(t, what, u, err, m, skipped) {
			continue
		}
		u = opens(t, h.reader, r, []keyring.EncryptedDataKey{e, m.edks[last]}, 1, m.key, m.signingKey(last))
		if len(u.Attempts) == 0 || u.Attempts[0].EDK != 0 || !isSkip(u.Attempts[0].Err) {
			t.Errorf("%s first: the trace does not begin with its Skip: %v", what, u.Attempts)
		}
		u = opens(t, h.reader, r, []keyring.EncryptedDataKey{m.edks[0], e}, 0, m.key, m.signingKey(0))
		if u.Attempts != nil {
			t.Errorf("%s second: the trace has attempts although the first one opened", what)
		}
	}
	// Skipped ones do not use up a limit on tries.
	e := cloneEDK(m.edks[0])
	e.ProviderID = "keyringtest-nobody"
	many := make([]keyring.EncryptedDataKey, 300, 301)
	for i := range many {
		many[i] = e
	}
	many = append(many, m.edks[0])
	opens(t, h.reader, r, many, 300, m.key, m.signingKey(0))
	u, err := h.reader.OnDecrypt(t.Context(), r, many[:300])
	h.refused(t, "300 foreign encrypted data keys", u, err, m, skipped)
}

func (h *harness) otherKey(t *testing.T) {
	if h.o.OtherKey == nil {
		t.Skip("Options.OtherKey is not set")
	}
	r := h.request(t, testContext())
	m := h.make(t, h.k, r)
	other := h.make(t, h.o.OtherKey(t), r)
	for i := range other.edks {
		u, err := h.open(t, r, other.edks[i])
		h.refused(t, "made under another key of the same name", u, err, other, unopened)
	}
	both := append(cloneEDKs(other.edks[:1]), m.edks[0])
	u := opens(t, h.reader, r, both, 1, m.key, m.signingKey(0))
	if !slices.ContainsFunc(u.Attempts, func(a keyring.Attempt) bool { return a.EDK == 0 && !isSkip(a.Err) }) {
		t.Errorf("the trace has no failure of encrypted data key 0: %v", u.Attempts)
	}
}

// otherSuite: a data key wrapped for a suite of another key length, or of the other format, does not open, and the next one does.
func (h *harness) otherSuite(t *testing.T) {
	r := h.request(t, testContext())
	m := h.make(t, h.k, r)
	for _, s := range h.o.suites() {
		if s.DataKeyLen() == h.suite.DataKeyLen() && s.IsItem() == h.suite.IsItem() {
			continue
		}
		foreign := *r
		foreign.Suite = s
		o := h.make(t, h.k, &foreign)
		u, err := h.open(t, r, o.edks[0])
		h.refused(t, "made for "+s.String(), u, err, o, shapeless|unopened)
		opens(t, h.reader, r, append(cloneEDKs(o.edks[:1]), m.edks[0]), 1, m.key, m.signingKey(0))
	}
	if h.suite.IsItem() { // a message's data key of the intermediate key's length
		foreign := *r
		foreign.Suite = suite.AES256GCMCommit()
		o := h.make(t, h.k, &foreign)
		u, err := h.open(t, r, o.edks[0])
		h.refused(t, "made for "+foreign.Suite.String(), u, err, o, shapeless|unopened)
	}
}

// order: the first that opens wins, and the trace says what happened before.
func (h *harness) order(t *testing.T) {
	r := h.request(t, testContext())
	u, err := h.reader.OnDecrypt(t.Context(), r, nil)
	if err == nil || u != nil {
		t.Fatal("no encrypted data key at all: no error")
	}
	if !isUnwrapError(err) {
		t.Errorf("no encrypted data key at all: error is %T, want *keyring.UnwrapError", err)
	}
	a, b := h.make(t, h.k, r), h.make(t, h.k, r)
	foreign := cloneEDK(a.edks[0])
	foreign.ProviderID += "x"
	broken := cloneEDK(a.edks[0])
	broken.Ciphertext[len(broken.Ciphertext)-1] ^= 0x80
	edks := []keyring.EncryptedDataKey{foreign, broken, a.edks[0], b.edks[0]}
	u = opens(t, h.reader, r, edks, 2, a.key, a.signingKey(0))
	if len(u.Attempts) < 2 {
		t.Fatalf("the trace has %d attempts, want those of encrypted data keys 0 and 1", len(u.Attempts))
	}
	if at := u.Attempts[0]; at.EDK != 0 || !isSkip(at.Err) {
		t.Errorf("first attempt: got %v, want a Skip of encrypted data key 0", &at)
	}
	if at := u.Attempts[1]; at.EDK != 1 || isSkip(at.Err) || at.Err == nil {
		t.Errorf("second attempt: got %v, want the failure of encrypted data key 1", &at)
	}
	for i := range u.Attempts {
		at := &u.Attempts[i]
		checkText(t, "trace", at.Err, a)
		if at.MessageProvider != "" && at.EDK >= 0 && at.EDK < len(edks) && at.MessageProvider != edks[at.EDK].ProviderID {
			t.Errorf("attempt %d: got message provider %q, want %q or nothing", i, at.MessageProvider, edks[at.EDK].ProviderID)
		}
	}
	u, err = h.reader.OnDecrypt(t.Context(), r, edks[:2])
	h.refused(t, "a foreign and a broken one", u, err, a, unopened)
}
