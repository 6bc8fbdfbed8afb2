package cache

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// A hit must not evade the commitment policy.
func TestPolicyOnHits(t *testing.T) {
	b := newBackend(t)
	m := newManager(t, b, NewLocal(10), Options{})
	r := encRequest(nil, 1)
	encrypt(t, m, r).Release()
	encrypt(t, m, r).Release()
	r.Policy = suite.ForbidEncryptAllowDecrypt
	if _, err := m.EncryptionMaterials(context.Background(), r); !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("encrypt: got %v, want a policy error", err)
	}
	enc := encrypt(t, b, &keyring.EncryptionRequest{Suite: suite.AES256GCM(), Policy: suite.ForbidEncryptAllowDecrypt})
	defer enc.Release()
	d := decRequest(enc)
	d.Policy = suite.RequireEncryptAllowDecrypt
	decrypt(t, m, d).Release()
	calls := b.count()
	decrypt(t, m, d).Release()
	if b.count() != calls {
		t.Error("the second decryption was no hit")
	}
	d.Policy = suite.RequireEncryptRequireDecrypt
	if _, err := m.DecryptionMaterials(context.Background(), d); !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("decrypt: got %v, want a policy error", err)
	}
}

// Requests without a suite under policies with different defaults do not share keys.
func TestDefaultSuitesOfPolicies(t *testing.T) {
	b := newBackend(t)
	m := newManager(t, b, NewLocal(10), Options{})
	for range 3 {
		for _, p := range []suite.CommitmentPolicy{suite.RequireEncryptRequireDecrypt, suite.RequireEncryptAllowDecrypt, suite.ForbidEncryptAllowDecrypt} {
			mat := encrypt(t, m, &keyring.EncryptionRequest{Policy: p, Length: 1})
			if mat.Suite != p.Default() {
				t.Errorf("%s: got suite %s, want %s", p, mat.Suite, p.Default())
			}
			mat.Release()
		}
	}
	if b.count() != 2 {
		t.Errorf("%d calls, want one for each of two defaults", b.count())
	}
}

// Another manager may answer as it likes. Its materials are shared only where they could have been asked for.
func TestSuiteChosenByTheNextManager(t *testing.T) {
	for _, tt := range []struct {
		name          string
		asked, chosen *suite.Suite
		policy        suite.CommitmentPolicy
		share         bool
	}{
		{"as asked", suite.AES256GCMCommit(), suite.AES256GCMCommit(), 0, true},
		{"allowed by the policy", nil, suite.AES256GCMCommit(), 0, true},
		{"refused by the policy", nil, suite.AES256GCM(), 0, false},
		{"not the suite", suite.AES256GCM(), suite.AES256GCMECDSAP384(), suite.ForbidEncryptAllowDecrypt, false},
		{"no key derivation", nil, suite.AES256GCMNoKDF(), suite.ForbidEncryptAllowDecrypt, false},
		{"item", nil, suite.ItemAES256GCM(), 0, false},
	} {
		b := newBackend(t)
		b.afterEnc = func(m *keyring.EncryptionMaterials) { m.Suite = tt.chosen }
		m := newManager(t, b, NewLocal(10), Options{})
		r := &keyring.EncryptionRequest{Suite: tt.asked, Policy: tt.policy, Length: 1}
		first, second := encrypt(t, m, r), encrypt(t, m, r)
		if got := first.DataKey == second.DataKey; got != tt.share || first.Suite != tt.chosen {
			t.Errorf("%s: shared is %v, want %v; suite %s", tt.name, got, tt.share, first.Suite)
		}
		first.Release()
		wantDestroyed(t, first.DataKey, !tt.share, tt.name)
		second.Release()
	}
	b := newBackend(t)
	enc := encrypt(t, b, encRequest(nil, 1))
	defer enc.Release()
	b.afterDec = func(m *keyring.DecryptionMaterials) { m.Suite = suite.AES256GCM() }
	m := newManager(t, b, NewLocal(10), Options{})
	first, second := decrypt(t, m, decRequest(enc)), decrypt(t, m, decRequest(enc))
	if first.DataKey == second.DataKey {
		t.Error("decryption materials of another suite are shared")
	}
	first.Release()
	second.Release()
}

func TestDecryptionRequests(t *testing.T) {
	b := newBackend(t)
	ec := keyring.EncryptionContext{"stored": "1", "required": "2"}
	enc := encrypt(t, b, encRequest(ec, 1))
	defer enc.Release()
	m := newManager(t, b, NewLocal(10), Options{})
	request := func(stored, reproduced keyring.EncryptionContext) *keyring.DecryptionRequest {
		return &keyring.DecryptionRequest{Suite: enc.Suite, Context: stored, Reproduced: reproduced, EDKs: enc.EDKs}
	}
	one, other := keyring.EncryptionContext{"stored": "1"}, keyring.EncryptionContext{"required": "2"}
	// Each pair is one entry: the second call is a hit.
	for i, r := range []*keyring.DecryptionRequest{
		request(ec, nil), request(ec, one), // the reproduced pair is stored
		request(one, other), request(one, ec),
		request(other, one), request(other, ec),
		request(nil, ec), request(nil, maps.Clone(ec)),
	} {
		calls := b.count()
		mat := decrypt(t, m, r)
		if want := 1 - i%2; b.count()-calls != want {
			t.Errorf("request %d: %d calls, want %d", i, b.count()-calls, want)
		}
		plain := decrypt(t, keyring.NewManager(rawKeyring(t, "kek")), r)
		if !mat.DataKey.Equal(enc.DataKey) || !maps.Equal(mat.Context, ec) || !slices.Equal(mat.RequiredKeys, plain.RequiredKeys) {
			t.Errorf("request %d: got context %v, required %v, want required %v", i, mat.Context, mat.RequiredKeys, plain.RequiredKeys)
		}
		mat.Release()
		plain.Release()
	}
	// With everything cached, expectations still count.
	for name, r := range map[string]*keyring.DecryptionRequest{
		"differs from stored": request(ec, keyring.EncryptionContext{"stored": "9"}),
		"reserved":            request(ec, keyring.EncryptionContext{keyring.PublicKeyName: "x"}),
		"not UTF-8":           request(keyring.EncryptionContext{"\xff": ""}, nil),
	} {
		if _, err := m.DecryptionMaterials(context.Background(), r); !errors.Is(err, signet.ErrContext) {
			t.Errorf("%s: got %v, want a context error", name, err)
		}
	}
	for name, r := range map[string]*keyring.DecryptionRequest{
		"value differs":      request(one, keyring.EncryptionContext{"required": "9"}),
		"one pair is absent": request(one, nil),
		"one pair too many":  request(ec, keyring.EncryptionContext{"more": ""}),
	} {
		if _, err := m.DecryptionMaterials(context.Background(), r); !errors.Is(err, signet.ErrAuthentication) {
			t.Errorf("%s: got %v, want an authentication error", name, err)
		}
	}
	if _, err := m.EncryptionMaterials(context.Background(), encRequest(keyring.EncryptionContext{"\xff": ""}, 1)); !errors.Is(err, signet.ErrContext) {
		t.Errorf("encrypt: got %v, want a context error", err)
	}
}

// Signed suites: sharers have one signing key, and its public half in the context.
func TestSignedMaterials(t *testing.T) {
	b := newBackend(t)
	m := newManager(t, b, NewLocal(10), Options{})
	r := &keyring.EncryptionRequest{Context: keyring.EncryptionContext{"a": "b"}, Length: 1}
	first, second := encrypt(t, m, r), encrypt(t, m, r)
	if first.SigningKey == nil || first.SigningKey != second.SigningKey || !maps.Equal(first.Context, second.Context) || first == second {
		t.Error("signed materials are not shared, or are one struct")
	}
	for range 2 {
		d := decrypt(t, m, decRequest(first))
		if d.VerificationKey == nil || !d.VerificationKey.Equal(&first.SigningKey.PublicKey) {
			t.Error("another verification key")
		}
		d.Release()
	}
	first.Release()
	if first.Release(); destroyed(second.DataKey) || second.SigningKey == nil {
		t.Error("one release ended the use of another")
	}
	second.Release()
	if b.count() != 2 {
		t.Errorf("%d calls, want 2", b.count())
	}
}

func TestPartitions(t *testing.T) {
	c := NewLocal(10)
	calls := func(p1, p2 string) int {
		b := newBackend(t)
		for _, p := range []string{p1, p2} {
			m := newManager(t, b, c, Options{Partition: p})
			encrypt(t, m, encRequest(nil, 1)).Release()
		}
		return b.count()
	}
	if got := calls("", ""); got != 2 {
		t.Errorf("random partitions share: %d calls, want 2", got)
	}
	if got := calls("a", "b"); got != 2 {
		t.Errorf("different partitions share: %d calls, want 2", got)
	}
	if got := calls("c", "c"); got != 1 {
		t.Errorf("one partition: %d calls, want 1", got)
	}
}

// A cache that mixes entries up costs calls, never the wrong key.
func TestMixedUpCache(t *testing.T) {
	b := newBackend(t)
	m := newManager(t, b, &oneEntry{}, Options{})
	var encs []*keyring.EncryptionMaterials
	for _, v := range []string{"1", "2"} {
		mat := encrypt(t, m, encRequest(keyring.EncryptionContext{"v": v}, 1))
		if mat.Context["v"] != v {
			t.Errorf("got the materials of %v", mat.Context)
		}
		encs = append(encs, mat)
	}
	for _, enc := range encs {
		mat := decrypt(t, m, decRequest(enc))
		if !mat.DataKey.Equal(enc.DataKey) {
			t.Error("got another data key")
		}
		mat.Release()
		enc.Release()
	}
	if s := m.Stats(); s.Bypassed != 3 {
		t.Errorf("got %+v, want 3 bypassed", s)
	}
}

// oneEntry answers every identifier with the first entry that it got.
type oneEntry struct{ e *Entry }

func (c *oneEntry) Acquire(_ context.Context, _ ID, use Use, lim Limits) (*Lease, bool) {
	if c.e == nil {
		return nil, false
	}
	return c.e.Acquire(use, lim)
}

func (c *oneEntry) Put(_ context.Context, _ ID, e *Entry) {
	if c.e == nil {
		c.e = e
		return
	}
	e.Discard()
}

func (c *oneEntry) Delete(context.Context, ID) {}

// A caching manager over a caching manager: the outer entry holds a lease of the inner one.
func TestStacked(t *testing.T) {
	b, inner, outer := newBackend(t), NewLocal(10), NewLocal(10)
	m := newManager(t, newManager(t, b, inner, Options{}), outer, Options{MaxAge: time.Second})
	enc := encrypt(t, b, encRequest(nil, 1))
	defer enc.Release()
	mat := decrypt(t, m, decRequest(enc))
	inner.Clear()
	wantDestroyed(t, mat.DataKey, false, "the outer entry is alive")
	mat.Release()
	again := decrypt(t, m, decRequest(enc))
	outer.Clear()
	wantDestroyed(t, again.DataKey, false, "pinned")
	key := again.DataKey
	again.Release()
	wantDestroyed(t, key, true, "nobody holds it")
}
