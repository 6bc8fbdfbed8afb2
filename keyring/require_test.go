package keyring_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/cache"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

func require(t testing.TB, next keyring.MaterialsManager, keys ...string) keyring.MaterialsManager {
	t.Helper()
	m, err := keyring.RequireContext(next, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRequireContextConfig(t *testing.T) {
	next := keyring.NewManager(rawAES(t, "a"))
	for name, c := range map[string]struct {
		next keyring.MaterialsManager
		keys []string
	}{
		"no key":        {next, nil},
		"reserved key":  {next, []string{"a", "aws-crypto-x"}},
		"public key":    {next, []string{keyring.PublicKeyName}},
		"bare prefix":   {next, []string{keyring.ReservedPrefix}},
		"no next":       {nil, []string{"a"}},
		"nothing given": {nil, nil},
	} {
		m, err := keyring.RequireContext(c.next, c.keys...)
		if _, ok := errors.AsType[*keyring.ConfigError](err); !ok || m != nil || !errors.Is(err, signet.ErrPolicy) {
			t.Errorf("%s: got %v, %v, want a ConfigError", name, m, err)
		}
	}
	keys := []string{"b", "a"}
	m := require(t, next, keys...)
	keys[0] = "other" // the manager has its own copy
	mat, err := m.EncryptionMaterials(t.Context(), &keyring.EncryptionRequest{Context: keyring.EncryptionContext{"a": "1", "b": "2"}})
	if err != nil || !slices.Equal(mat.RequiredKeys, []string{"a", "b"}) {
		t.Errorf("got required keys %v, %v", mat.RequiredKeys, err)
	}
}

// For the context {a, b, c} every subset of required keys, and for each every set of pairs that is reproduced: the message opens exactly
// when the required pairs are among them. Pairs that are stored may be repeated.
func TestRequireContextSubsets(t *testing.T) {
	full := keyring.EncryptionContext{"a": "1", "b": "2", "c": "3"}
	names := []string{"a", "b", "c"}
	subset := func(mask int) (keys []string, pairs keyring.EncryptionContext) {
		pairs = keyring.EncryptionContext{}
		for i, k := range names {
			if mask>>i&1 == 1 {
				keys, pairs[k] = append(keys, k), full[k]
			}
		}
		return keys, pairs
	}
	next := keyring.NewManager(rawAES(t, "a"))
	client := new(message.Client)
	for _, s := range []*suite.Suite{suite.AES256GCMCommit(), suite.AES256GCMCommitECDSAP384()} {
		for mask := 1; mask < 8; mask++ {
			keys, want := subset(mask)
			m := require(t, next, keys...)
			msg, err := client.Encrypt(t.Context(), m, []byte("x"), &message.EncryptOptions{Context: full, Suite: s})
			if err != nil {
				t.Fatal(err)
			}
			u, _, err := message.ParseHeader(msg)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range names {
				if _, stored := u.Context[k]; stored == slices.Contains(keys, k) {
					t.Errorf("required %v: %q stored: %v", keys, k, stored)
				}
			}
			for give := range 8 {
				_, pairs := subset(give)
				got, h, err := client.Decrypt(t.Context(), m, msg, &message.DecryptOptions{ReproducedContext: pairs})
				if mask&give != mask {
					if ce, ok := errors.AsType[*keyring.ContextError](err); !ok || !slices.Contains(keys, ce.Key) || got != nil || h != nil {
						t.Errorf("required %v, reproduced %v: got %v, want a ContextError", keys, pairs, err)
					}
					continue
				}
				if err != nil || string(got) != "x" || h.Context["a"] != "1" || h.Context["b"] != "2" || h.Context["c"] != "3" {
					t.Errorf("required %v, reproduced %v: got %q, %v", keys, pairs, got, err)
				}
			}
			for what, change := range map[string]func(keyring.EncryptionContext){
				"another value": func(ec keyring.EncryptionContext) { ec[keys[0]] = "changed" },
				"a pair more":   func(ec keyring.EncryptionContext) { ec["d"] = "4" },
			} {
				pairs := maps.Clone(want)
				change(pairs)
				if got, _, err := client.Decrypt(t.Context(), m, msg, &message.DecryptOptions{ReproducedContext: pairs}); err == nil || got != nil {
					t.Errorf("required %v: opened with %s", keys, what)
				}
			}
			// The manager is not needed to decrypt, only the pairs.
			if _, _, err := client.Decrypt(t.Context(), next, msg, &message.DecryptOptions{ReproducedContext: want}); err != nil {
				t.Errorf("required %v: with the plain manager: %v", keys, err)
			}
		}
	}
}

func TestRequireContextMissingOnEncrypt(t *testing.T) {
	called := false
	k := &funcs{encrypt: func(context.Context, *keyring.Request, *keyring.Secret) (*keyring.Wrapped, error) {
		called = true
		return nil, errors.New("not reached")
	}}
	m := require(t, keyring.NewManager(k), "a", "b")
	for _, ec := range []keyring.EncryptionContext{nil, {"a": "1"}, {"a": "1", "B": "2"}} {
		mat, err := m.EncryptionMaterials(t.Context(), &keyring.EncryptionRequest{Context: ec})
		if ce, ok := errors.AsType[*keyring.ContextError](err); !ok || mat != nil || ce.Key == "" {
			t.Errorf("%v: got %v, want a ContextError", ec, err)
		}
	}
	if called {
		t.Error("the keyring was asked although a required pair is missing")
	}
	if _, err := m.DecryptionMaterials(t.Context(), &keyring.DecryptionRequest{Suite: suite.AES256GCMCommit()}); !errors.Is(err, signet.ErrContext) {
		t.Errorf("decrypting without pairs: got %v", err)
	}
}

// fixedManager returns prepared results, as a faulty or shared manager would.
type fixedManager struct {
	enc *keyring.EncryptionMaterials
	dec *keyring.DecryptionMaterials
	err error
}

func (m *fixedManager) EncryptionMaterials(context.Context, *keyring.EncryptionRequest) (*keyring.EncryptionMaterials, error) {
	return m.enc, m.err
}

func (m *fixedManager) DecryptionMaterials(context.Context, *keyring.DecryptionRequest) (*keyring.DecryptionMaterials, error) {
	return m.dec, m.err
}

// The inner materials may be shared: they stay as they are, and the outer ones release them once.
func TestRequireContextCopies(t *testing.T) {
	var o owner
	inner := &keyring.EncryptionMaterials{
		Suite: suite.AES256GCMCommit(), Context: keyring.EncryptionContext{"a": "1", "b": "2", "c": "3"},
		RequiredKeys: []string{"b"}, DataKey: keyring.RandomSecret(32), Owner: &o,
	}
	next := &fixedManager{enc: inner, dec: &keyring.DecryptionMaterials{Suite: inner.Suite, Context: inner.Context, DataKey: inner.DataKey, Owner: &o}}
	m := require(t, require(t, next, "c", "c"), "b", "a")
	mat, err := m.EncryptionMaterials(t.Context(), &keyring.EncryptionRequest{Context: inner.Context})
	if err != nil || !slices.Equal(mat.RequiredKeys, []string{"a", "b", "c"}) {
		t.Fatalf("got required keys %v, %v, want a b c", mat.RequiredKeys, err)
	}
	if mat == inner || !slices.Equal(inner.RequiredKeys, []string{"b"}) {
		t.Errorf("the inner materials were changed: required keys %v", inner.RequiredKeys)
	}
	for range 3 {
		mat.Release()
	}
	if o != 1 {
		t.Errorf("the owner was told %d times, want once", o)
	}
	dec, err := m.DecryptionMaterials(t.Context(), &keyring.DecryptionRequest{Reproduced: inner.Context})
	if err != nil {
		t.Fatal(err)
	}
	dec.Copy().Release()
	dec.Release()
	if o != 2 {
		t.Errorf("the owner was told %d times, want twice", o)
	}
}

func TestCopyReleasesSecretsOnce(t *testing.T) {
	enc := &keyring.EncryptionMaterials{DataKey: keyring.RandomSecret(32)}
	dec := &keyring.DecryptionMaterials{DataKey: keyring.RandomSecret(32)}
	for what, c := range map[string]struct {
		key      *keyring.Secret
		releaser keyring.Releaser
	}{"encryption": {enc.DataKey, enc.Copy().Copy()}, "decryption": {dec.DataKey, dec.Copy().Copy()}} {
		if destroyed(c.key) {
			t.Errorf("%s: the data key died before Release", what)
		}
		c.releaser.Release()
		if !destroyed(c.key) {
			t.Errorf("%s: the data key survived Release", what)
		}
	}
}

// A manager that loses or changes what is required is found out, and its materials are released.
func TestRequireContextFaultyNext(t *testing.T) {
	asked := keyring.EncryptionContext{"a": "1"}
	for what, got := range map[string]keyring.EncryptionContext{"lost": {}, "changed": {"a": "2"}} {
		var o owner
		next := &fixedManager{
			enc: &keyring.EncryptionMaterials{Context: got, Owner: &o},
			dec: &keyring.DecryptionMaterials{Context: got, Owner: &o},
		}
		m := require(t, next, "a")
		if mat, err := m.EncryptionMaterials(t.Context(), &keyring.EncryptionRequest{Context: asked}); mat != nil || !errors.Is(err, signet.ErrContext) {
			t.Errorf("%s, encrypting: got %v", what, err)
		}
		if mat, err := m.DecryptionMaterials(t.Context(), &keyring.DecryptionRequest{Reproduced: asked}); mat != nil || !errors.Is(err, signet.ErrContext) {
			t.Errorf("%s, decrypting: got %v", what, err)
		}
		if o != 2 {
			t.Errorf("%s: %d of 2 materials released", what, o)
		}
	}
	failure := errors.New("no service")
	for _, next := range []*fixedManager{{err: failure}, {}} {
		m := require(t, next, "a")
		mat, err := m.EncryptionMaterials(t.Context(), &keyring.EncryptionRequest{Context: asked})
		if mat != nil || err == nil || (next.err != nil && !errors.Is(err, failure)) {
			t.Errorf("next returned %v: got %v, %v", next.err, mat, err)
		}
		dec, err := m.DecryptionMaterials(t.Context(), &keyring.DecryptionRequest{Reproduced: asked})
		if dec != nil || err == nil || (next.err != nil && !errors.Is(err, failure)) {
			t.Errorf("next returned %v: got %v, %v", next.err, dec, err)
		}
	}
}

// Over a caching manager: data keys are shared, what is required is not lost, and a message is never opened without the pairs.
func TestRequireContextOverCache(t *testing.T) {
	var calls int
	k := rawAES(t, "a")
	counting := &funcs{
		encrypt: func(ctx context.Context, r *keyring.Request, key *keyring.Secret) (*keyring.Wrapped, error) {
			calls++
			return k.OnEncrypt(ctx, r, key)
		},
		decrypt: func(ctx context.Context, r *keyring.Request, edks []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
			calls++
			return k.OnDecrypt(ctx, r, edks)
		},
	}
	caching, err := cache.NewManager(keyring.NewManager(counting), cache.NewLocal(10), cache.Options{MaxAge: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	m := require(t, caching, "tenant")
	client := new(message.Client)
	ec := keyring.EncryptionContext{"tenant": "t1", "purpose": "p"}
	var msgs [][]byte
	for _, mm := range []keyring.MaterialsManager{m, caching, m} {
		msg, err := client.Encrypt(t.Context(), mm, []byte("x"), &message.EncryptOptions{Context: ec})
		if err != nil {
			t.Fatal(err)
		}
		msgs = append(msgs, msg)
	}
	if calls != 1 {
		t.Errorf("%d wraps, want 1", calls)
	}
	for i, want := range []bool{false, true, false} {
		if stored := bytes.Contains(msgs[i], []byte("tenant")); stored != want {
			t.Errorf("message %d: pair stored: %v, want %v", i, stored, want)
		}
	}
	with := &message.DecryptOptions{ReproducedContext: keyring.EncryptionContext{"tenant": "t1"}}
	for range 2 {
		for i, msg := range msgs {
			if got, _, err := client.Decrypt(t.Context(), m, msg, with); err != nil || string(got) != "x" {
				t.Errorf("message %d: got %q, %v", i, got, err)
			}
			if _, _, err := client.Decrypt(t.Context(), m, msg, nil); !errors.Is(err, signet.ErrContext) {
				t.Errorf("message %d without the pair: got %v", i, err)
			}
		}
	}
	if calls != 3 { // two identifiers: with the pair stored, and with it required
		t.Errorf("%d calls, want 3", calls)
	}
}

// Item suites: required pairs are part of what the keyrings authenticate.
func TestRequireContextItems(t *testing.T) {
	m := require(t, keyring.NewManager(rawAES(t, "a")), "table")
	ec := keyring.EncryptionContext{"table": "T", "other": "o"}
	for _, s := range []*suite.Suite{suite.ItemAES256GCM(), suite.ItemAES256GCMECDSAP384()} {
		enc, err := m.EncryptionMaterials(t.Context(), &keyring.EncryptionRequest{Suite: s, Context: ec})
		if err != nil {
			t.Fatal(err)
		}
		stored := maps.Clone(enc.Context)
		for _, k := range enc.RequiredKeys {
			delete(stored, k)
		}
		r := &keyring.DecryptionRequest{Suite: s, Context: stored, EDKs: enc.EDKs, Reproduced: keyring.EncryptionContext{"table": "T"}}
		dec, err := m.DecryptionMaterials(t.Context(), r)
		if err != nil || !dec.DataKey.Equal(enc.DataKey) || !slices.Equal(dec.RequiredKeys, []string{"table"}) {
			t.Fatalf("%s: got %v, %v", s, dec, err)
		}
		dec.Release()
		r.Reproduced = keyring.EncryptionContext{"table": "U"}
		if _, err := m.DecryptionMaterials(t.Context(), r); !errors.Is(err, signet.ErrNoKey) {
			t.Errorf("%s, another value: got %v, want ErrNoKey", s, err)
		}
		enc.Release()
	}
}

func ExampleRequireContext() {
	k, err := raw.NewAES(raw.AESConfig{Namespace: "example", Name: "key-1", Key: make([]byte, 32)})
	if err != nil {
		fmt.Println(err)
		return
	}
	mm, err := keyring.RequireContext(keyring.NewManager(k), "patient")
	if err != nil {
		fmt.Println(err)
		return
	}
	client, ctx := new(message.Client), context.Background()
	pairs := keyring.EncryptionContext{"patient": "4711", "purpose": "letter"}
	msg, err := client.Encrypt(ctx, mm, []byte("hello"), &message.EncryptOptions{Context: pairs})
	if err != nil {
		fmt.Println(err)
		return
	}
	// The message does not say who the patient is; whoever decrypts has to.
	_, _, err = client.Decrypt(ctx, mm, msg, nil)
	fmt.Println(err)
	plaintext, _, err := client.Decrypt(ctx, mm, msg, &message.DecryptOptions{
		ReproducedContext: keyring.EncryptionContext{"patient": "4711"},
	})
	fmt.Println(string(plaintext), bytes.Contains(msg, []byte("4711")), err)
	// Output:
	// encryption context: pair "patient": required, but not reproduced
	// hello false <nil>
}
