package keyring_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// before runs f ahead of OnEncrypt of k.
func before(k keyring.Keyring, f func(ctx context.Context) error) keyring.Keyring {
	return &funcs{
		encrypt: func(ctx context.Context, r *keyring.Request, key *keyring.Secret) (*keyring.Wrapped, error) {
			if err := f(ctx); err != nil {
				return nil, err
			}
			return k.OnEncrypt(ctx, r, key)
		},
		decrypt: k.OnDecrypt,
	}
}

var errChild = fmt.Errorf("child failed: %w", signet.ErrUnavailable)

func failing(k keyring.Keyring) keyring.Keyring {
	return before(k, func(context.Context) error { return errChild })
}

// owners names the recorders or raw keys that wrapped each EDK.
func owners(edks []keyring.EncryptedDataKey) string {
	var b strings.Builder
	for _, e := range edks {
		b.WriteByte(e.ProviderInfo[0])
	}
	return b.String()
}

// Children run at once: each waits until all of them have started. They finish in the reverse order and the EDKs keep theirs.
func TestChildrenRunAtOnce(t *testing.T) {
	for _, s := range []*suite.Suite{suite.AES256GCMCommit(), suite.ItemAES256GCM()} {
		sharedtest.Bubble(t, func(t *testing.T) {
			const n = 5
			var barrier sync.WaitGroup
			barrier.Add(n)
			turn := make([]chan struct{}, n+1)
			for i := range turn {
				turn[i] = make(chan struct{})
			}
			var children []keyring.Keyring
			for i := range n {
				k := rawAES(t, string(rune('a'+i)))
				children = append(children, &funcs{
					encrypt: func(ctx context.Context, r *keyring.Request, key *keyring.Secret) (*keyring.Wrapped, error) {
						barrier.Done()
						barrier.Wait() // would be a deadlock if they ran one after the other
						<-turn[i+1]
						defer close(turn[i])
						return k.OnEncrypt(ctx, r, key)
					},
					decrypt: k.OnDecrypt,
				})
			}
			close(turn[n])
			k := newMulti(t, keyring.MultiOptions{Generator: rawAES(t, "G"), Children: children[:3], Optional: children[3:]})
			r := request(t, s, testPairs)
			w, err := k.OnEncrypt(t.Context(), r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := owners(w.EDKs); got != "Gabcde" {
				t.Errorf("order: got %s, want Gabcde", got)
			}
			for i, c := range children {
				u, err := c.OnDecrypt(t.Context(), r, w.EDKs)
				if err != nil || u.Used != i+1 || !u.DataKey.Equal(w.DataKey) || s.IsItem() && !u.SigningKey.Equal(w.SigningKeys[i+1]) {
					t.Errorf("child %d does not open its own: %v", i, err)
				}
			}
		})
	}
}

func TestOptionalChildren(t *testing.T) {
	r := request(t, suite.ItemAES256GCM(), testPairs)
	p := &recorder{id: "recorder", info: "key", wrapErr: errChild}
	broken := keyring.New("recorder", p, p, &keyring.Options{Key: "broken key"})
	nested := newMulti(t, keyring.MultiOptions{Children: []keyring.Keyring{rawAES(t, "n")}, Optional: []keyring.Keyring{broken}})
	k := newMulti(t, keyring.MultiOptions{
		Generator: rawAES(t, "G"), Children: []keyring.Keyring{rawAES(t, "a"), nested},
		Optional: []keyring.Keyring{broken, rawAES(t, "b"), failing(rawAES(t, "c"))},
	})
	w, err := k.OnEncrypt(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := owners(w.EDKs); got != "Ganb" {
		t.Errorf("EDKs of %s, want Ganb", got)
	}
	if len(w.SigningKeys) != len(w.EDKs) {
		t.Errorf("%d signing keys for %d EDKs", len(w.SigningKeys), len(w.EDKs))
	}
	if len(w.Degraded) != 3 {
		t.Fatalf("Degraded: got %v, want three children", w.Degraded)
	}
	for i := range w.Degraded {
		if a := &w.Degraded[i]; a.EDK != -1 || !errors.Is(a.Err, signet.ErrUnavailable) {
			t.Errorf("Degraded %d: got %v", i, a)
		}
	}
	if a := &w.Degraded[0]; a.Provider != "recorder" || a.Key != "broken key" {
		t.Errorf("Degraded does not say which keyring: %v", a)
	}
	for i := range w.EDKs {
		u, err := k.OnDecrypt(t.Context(), r, w.EDKs[i:i+1])
		if err != nil || !u.SigningKey.Equal(w.SigningKeys[i]) {
			t.Errorf("EDK %d: %v", i, err)
		}
	}
}

func TestMinWrapped(t *testing.T) {
	r := request(t, suite.AES256GCMCommit(), nil)
	good, bad := rawAES(t, "a"), failing(rawAES(t, "b"))
	for _, c := range []struct {
		optional []keyring.Keyring
		min      int
		ok       bool
	}{
		{[]keyring.Keyring{bad, bad}, 0, true},
		{[]keyring.Keyring{bad, bad}, 1, true},
		{[]keyring.Keyring{bad, bad}, 2, false},
		{[]keyring.Keyring{good, bad}, 2, true},
		{[]keyring.Keyring{good, bad}, 3, false},
		{[]keyring.Keyring{bad}, 2, false},
		{[]keyring.Keyring{good}, 2, true},
	} {
		w, err := newMulti(t, keyring.MultiOptions{Generator: rawAES(t, "G"), Optional: c.optional, MinWrapped: c.min}).OnEncrypt(t.Context(), r, nil)
		if (err == nil) != c.ok || (w != nil) != c.ok {
			t.Errorf("%d optional children, at least %d: got %v", len(c.optional), c.min, err)
		}
		if we, ok := errors.AsType[*keyring.WrapError](err); !c.ok && (!ok || len(we.Attempts) == 0 || !errors.Is(err, signet.ErrUnavailable)) {
			t.Errorf("got %v, want a WrapError with the children's failures", err)
		}
	}
	// Without any required keyring at least one must have wrapped.
	_, err := newMulti(t, keyring.MultiOptions{Optional: []keyring.Keyring{bad, bad}}).OnEncrypt(t.Context(), r, keyring.RandomSecret(32))
	if !errors.Is(err, signet.ErrUnavailable) {
		t.Errorf("nobody wrapped: got %v", err)
	}
}

// A required child's failure ends the operation and the others' context. A result that comes later is destroyed, and the data key that the late
// child was given is still whole.
func TestRequiredFailureCancelsOthers(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		started, release := make(chan struct{}), make(chan struct{})
		var cancelled error
		var late *keyring.Wrapped
		var whole bool
		deaf := &funcs{encrypt: func(ctx context.Context, r *keyring.Request, key *keyring.Secret) (*keyring.Wrapped, error) {
			before := key.Clone()
			close(started)
			<-ctx.Done()
			cancelled = ctx.Err()
			<-release
			whole = key.Equal(before)
			late = &keyring.Wrapped{EDKs: []keyring.EncryptedDataKey{{}}, SigningKeys: []*keyring.Secret{keyring.RandomSecret(32)}}
			return late, nil
		}}
		quick := rawAES(t, "q")
		var quickResult *keyring.Wrapped
		remembering := &funcs{encrypt: func(ctx context.Context, r *keyring.Request, key *keyring.Secret) (*keyring.Wrapped, error) {
			w, err := quick.OnEncrypt(ctx, r, key)
			quickResult = w
			return w, err
		}}
		fails := before(rawAES(t, "f"), func(context.Context) error {
			<-started
			synctest.Wait() // the quick child is done, the deaf one waits
			return errChild
		})
		var generated *keyring.Wrapped
		g := rawAES(t, "G")
		generator := &funcs{encrypt: func(ctx context.Context, r *keyring.Request, key *keyring.Secret) (*keyring.Wrapped, error) {
			w, err := g.OnEncrypt(ctx, r, key)
			generated = w
			return w, err
		}}
		k := newMulti(t, keyring.MultiOptions{Generator: generator, Children: []keyring.Keyring{deaf, remembering, fails}})
		w, err := k.OnEncrypt(t.Context(), request(t, suite.ItemAES256GCM(), nil), nil)
		if w != nil || !errors.Is(err, errChild) {
			t.Fatalf("got %v, want the child's error", err)
		}
		synctest.Wait()
		if !errors.Is(cancelled, context.Canceled) {
			t.Errorf("the other child's context: got %v, want Canceled", cancelled)
		}
		for what, s := range map[string]*keyring.Secret{
			"generated data key": generated.DataKey, "generator's signing key": generated.SigningKeys[0], "quick child's signing key": quickResult.SigningKeys[0],
		} {
			if !destroyed(s) {
				t.Errorf("the %s was not destroyed", what)
			}
		}
		close(release)
		synctest.Wait()
		if !whole {
			t.Error("the late child's data key was touched")
		}
		if !destroyed(late.SigningKeys[0]) {
			t.Error("the late result was not destroyed")
		}
	})
}

func destroyed(s *keyring.Secret) (yes bool) {
	defer func() { yes = recover() != nil }()
	s.Reveal()
	return
}

// A child that nobody waits for any more reads a request of its own: the caller may change what it passed.
func TestLateChildHasItsOwnRequest(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		var seen keyring.EncryptionContext
		var aad []byte
		late := &funcs{encrypt: func(_ context.Context, r *keyring.Request, _ *keyring.Secret) (*keyring.Wrapped, error) {
			time.Sleep(time.Minute)
			seen, aad = maps.Clone(r.Context), bytes.Clone(r.AAD)
			return nil, errChild
		}}
		k, err := keyring.NewMulti(keyring.MultiOptions{Generator: rawAES(t, "g"), Optional: []keyring.Keyring{late}, OptionalTimeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		ec := keyring.EncryptionContext{"a": "b"}
		r := request(t, suite.AES256GCMCommit(), ec)
		want := bytes.Clone(r.AAD)
		w, err := k.OnEncrypt(t.Context(), r, nil)
		if err != nil || len(w.Degraded) != 1 {
			t.Fatalf("got %+v, %v", w, err)
		}
		r.Context["a"] = "changed"
		clear(r.AAD)
		time.Sleep(time.Hour)
		synctest.Wait()
		if seen["a"] != "b" || !bytes.Equal(aad, want) {
			t.Errorf("the late child saw %v and %x", seen, aad)
		}
	})
}

// When a child panics, the panic reaches the caller and the data key is destroyed: the generator's, and what the other children hold.
func TestPanicDestroysTheDataKey(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	defer cancel()
	for name, ctx := range map[string]context.Context{"in place": context.WithoutCancel(ended), "in a goroutine": ended} {
		for _, s := range []*suite.Suite{suite.AES256GCMCommit(), suite.ItemAES256GCM()} {
			var made *keyring.Wrapped
			g := rawAES(t, "g")
			generator := &funcs{encrypt: func(ctx context.Context, r *keyring.Request, key *keyring.Secret) (*keyring.Wrapped, error) {
				w, err := g.OnEncrypt(ctx, r, key)
				made = w
				return w, err
			}}
			bad := &funcs{encrypt: func(context.Context, *keyring.Request, *keyring.Secret) (*keyring.Wrapped, error) { panic("bad child") }}
			k, err := keyring.NewMulti(keyring.MultiOptions{Generator: generator, Children: []keyring.Keyring{bad}})
			if err != nil {
				t.Fatal(err)
			}
			func() {
				defer func() {
					if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), "bad child") {
						t.Errorf("%s: got %v, want the child's panic", name, v)
					}
				}()
				k.OnEncrypt(ctx, request(t, s, nil), nil)
			}()
			if made == nil || !destroyed(made.DataKey) {
				t.Errorf("%s: the data key is still there", name)
			}
			for _, key := range made.SigningKeys {
				if !destroyed(key) {
					t.Errorf("%s: a signing key is still there", name)
				}
			}
		}
	}
}

type slowWrapper struct{}

func (slowWrapper) Wrap(ctx context.Context, _ *keyring.Request, _ []byte) (keyring.EncryptedDataKey, error) {
	time.Sleep(time.Minute)
	return keyring.EncryptedDataKey{}, ctx.Err()
}

// Members that time out or fail are named by their keys, and those that have no name by their place in Children and Optional.
func TestSilentMembersAreNamed(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		hangs := keyring.New("fake", slowWrapper{}, nil, &keyring.Options{Key: "slow key"})
		k, err := keyring.NewMulti(keyring.MultiOptions{Generator: rawAES(t, "g"), Optional: []keyring.Keyring{readOnly{rawAES(t, "r")}, failing(rawAES(t, "f")), hangs}, OptionalTimeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		w, err := k.OnEncrypt(t.Context(), request(t, suite.AES256GCMCommit(), nil), nil)
		if err != nil || len(w.Degraded) != 2 {
			t.Fatalf("got %+v, %v", w, err)
		}
		if a := w.Degraded[0]; a.Provider != "child" || a.Key != "1" || !errors.Is(a.Err, errChild) {
			t.Errorf("got %v", a)
		}
		if a := w.Degraded[1]; a.Provider != "fake" || a.Key != "slow key" || !errors.Is(a.Err, signet.ErrUnavailable) {
			t.Errorf("got %v", a)
		}
		time.Sleep(time.Hour) // the late one ends
	})
}

// A multi-keyring of optional members that are all out of reach is unavailable, and not wrongly made.
func TestOptionalMembersOnly(t *testing.T) {
	k, err := keyring.NewMulti(keyring.MultiOptions{Optional: []keyring.Keyring{failing(rawAES(t, "a")), failing(rawAES(t, "b"))}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.OnEncrypt(t.Context(), request(t, suite.AES256GCMCommit(), nil), keyring.RandomSecret(32))
	if w != nil || !errors.Is(err, signet.ErrUnavailable) || errors.Is(err, signet.ErrPolicy) {
		t.Errorf("got %v, want ErrUnavailable alone", err)
	}
}

// The caller's context ends the wait for children that ignore it, for one child as for several, required or optional.
func TestContextEndsTheWait(t *testing.T) {
	for _, c := range []struct {
		name     string
		children int
		required bool
	}{{"one required", 1, true}, {"two required", 2, true}, {"one optional", 1, false}, {"two optional", 2, false}} {
		t.Run(c.name, func(t *testing.T) {
			sharedtest.Bubble(t, func(t *testing.T) {
				release := make(chan struct{})
				var mu sync.Mutex
				var late []*keyring.Wrapped
				var children []keyring.Keyring
				for range c.children {
					k := rawAES(t, "a")
					children = append(children, &funcs{encrypt: func(ctx context.Context, r *keyring.Request, key *keyring.Secret) (*keyring.Wrapped, error) {
						<-release
						w, err := k.OnEncrypt(context.WithoutCancel(ctx), r, key)
						mu.Lock()
						defer mu.Unlock()
						if err == nil {
							late = append(late, w)
						}
						return w, err
					}})
				}
				o := keyring.MultiOptions{Generator: rawAES(t, "G"), Children: children}
				if !c.required {
					o.Children, o.Optional = nil, children
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				w, err := newMulti(t, o).OnEncrypt(ctx, request(t, suite.ItemAES256GCM(), nil), nil)
				if w != nil || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want DeadlineExceeded", err)
				}
				if d := time.Since(start); d != time.Second {
					t.Errorf("returned after %v, want 1s", d)
				}
				close(release)
				synctest.Wait()
				if len(late) != c.children {
					t.Fatalf("%d children finished late, want %d", len(late), c.children)
				}
				for _, w := range late {
					if !destroyed(w.SigningKeys[0]) {
						t.Error("a late result was not destroyed")
					}
				}
			})
		})
	}
}

// Optional children that honour an ended context do not turn it into a degraded success.
func TestEndedContextIsNotDegradation(t *testing.T) {
	for n := 1; n <= 3; n++ {
		sharedtest.Bubble(t, func(t *testing.T) {
			var optional []keyring.Keyring
			for range n {
				optional = append(optional, before(rawAES(t, "a"), func(ctx context.Context) error {
					<-ctx.Done()
					return ctx.Err()
				}))
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			w, err := newMulti(t, keyring.MultiOptions{Generator: rawAES(t, "G"), Optional: optional}).OnEncrypt(ctx, request(t, suite.AES256GCMCommit(), nil), nil)
			if w != nil || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%d optional children: got %v, want DeadlineExceeded", n, err)
			}
		})
	}
}

// endable is a context in the moment in which it has ended and a select has not seen that yet.
type endable struct {
	context.Context
	ended atomic.Bool
}

func (c *endable) Err() error {
	if c.ended.Load() {
		return context.Canceled
	}
	return c.Context.Err()
}

func TestFailureAfterTheEndIsNotDegradation(t *testing.T) {
	for n := 1; n <= 3; n++ {
		base, cancel := context.WithCancel(t.Context())
		defer cancel()
		ctx := &endable{Context: base}
		end := before(rawAES(t, "a"), func(context.Context) error {
			ctx.ended.Store(true)
			return errChild
		})
		k := newMulti(t, keyring.MultiOptions{Generator: rawAES(t, "G"), Optional: slices.Repeat([]keyring.Keyring{end}, n)})
		if w, err := k.OnEncrypt(ctx, request(t, suite.AES256GCMCommit(), nil), nil); w != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("%d optional children: got %v, want Canceled", n, err)
		}
	}
}

func TestNewMultiRefuses(t *testing.T) {
	a := rawAES(t, "a")
	p := &recorder{id: "recorder"}
	reader := keyring.New("reader", nil, p, nil)
	noGenerator := newMulti(t, keyring.MultiOptions{Children: []keyring.Keyring{a}})
	withGenerator := newMulti(t, keyring.MultiOptions{Generator: a})
	onlyReaders := newMulti(t, keyring.MultiOptions{Optional: []keyring.Keyring{reader}})
	list := func(ks ...keyring.Keyring) []keyring.Keyring { return ks }
	for _, c := range []struct {
		name string
		o    keyring.MultiOptions
		says string // "" means accepted
	}{
		{"nothing", keyring.MultiOptions{}, "no keyring"},
		{"empty lists", keyring.MultiOptions{Children: list(), Optional: list()}, "no keyring"},
		{"decrypt-only generator", keyring.MultiOptions{Generator: reader}, "generator is decrypt-only"},
		{"decrypt-only child", keyring.MultiOptions{Generator: a, Children: list(a, reader)}, "child 1 is decrypt-only"},
		{"decrypt-only optional child", keyring.MultiOptions{Generator: a, Optional: list(reader)}, ""},
		{"decrypt-only multi as a child", keyring.MultiOptions{Generator: a, Children: list(onlyReaders)}, "decrypt-only"},
		{"decrypt-only multi as an optional child", keyring.MultiOptions{Generator: a, Optional: list(onlyReaders)}, ""},
		{"decrypt-only multi as generator", keyring.MultiOptions{Generator: onlyReaders}, "decrypt-only"},
		{"nil child", keyring.MultiOptions{Generator: a, Children: list(nil)}, "child 0 is nil"},
		{"nil optional child", keyring.MultiOptions{Generator: a, Optional: list(a, nil)}, "child 1 is nil"},
		{"multi without a generator as generator", keyring.MultiOptions{Generator: noGenerator}, "without a generator"},
		{"multi with a generator as a child", keyring.MultiOptions{Generator: a, Children: list(withGenerator)}, "with a generator"},
		{"multi with a generator as an optional child", keyring.MultiOptions{Generator: a, Optional: list(withGenerator)}, "with a generator"},
		{"multi without a generator as a child", keyring.MultiOptions{Generator: a, Children: list(noGenerator)}, ""},
		{"multi with a generator as generator", keyring.MultiOptions{Generator: withGenerator}, ""},
		{"negative minimum", keyring.MultiOptions{Generator: a, MinWrapped: -1}, "MinWrapped"},
		{"minimum too high", keyring.MultiOptions{Generator: a, Optional: list(a, reader), MinWrapped: 3}, "MinWrapped"},
		{"highest minimum", keyring.MultiOptions{Generator: a, Optional: list(a, reader), MinWrapped: 2}, ""},
	} {
		k, err := keyring.NewMulti(c.o)
		_, typed := errors.AsType[*keyring.ConfigError](err)
		switch {
		case c.says == "" && (err != nil || k == nil):
			t.Errorf("%s: %v", c.name, err)
		case c.says != "" && (k != nil || !typed || !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: got %v, want a ConfigError with %q", c.name, err, c.says)
		}
	}
	for k, want := range map[keyring.Keyring]bool{noGenerator: true, withGenerator: true, onlyReaders: false} {
		if got := k.(keyring.EncryptChecker).CanEncrypt(); got != want {
			t.Errorf("CanEncrypt: got %v, want %v", got, want)
		}
	}
	r := request(t, suite.AES256GCMCommit(), nil)
	if _, err := noGenerator.OnEncrypt(t.Context(), r, nil); !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("no generator and no data key: got %v", err)
	}
	if _, err := withGenerator.OnEncrypt(t.Context(), r, keyring.RandomSecret(32)); !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("generator and a data key: got %v", err)
	}
	if _, err := onlyReaders.OnEncrypt(t.Context(), r, keyring.RandomSecret(32)); err == nil {
		t.Error("only readers, and it wrapped")
	}
}

// The lists of the options may be reused by the caller.
func TestNewMultiCopiesLists(t *testing.T) {
	children := []keyring.Keyring{rawAES(t, "a"), nil, nil}[:1]
	k := newMulti(t, keyring.MultiOptions{Generator: rawAES(t, "G"), Children: children, Optional: []keyring.Keyring{rawAES(t, "b")}})
	children[0] = failing(rawAES(t, "x"))
	if children[:3][1] != nil {
		t.Error("NewMulti wrote behind the caller's list")
	}
	w, err := k.OnEncrypt(t.Context(), request(t, suite.AES256GCMCommit(), nil), nil)
	if err != nil || owners(w.EDKs) != "Gab" {
		t.Errorf("got %v", err)
	}
}

// badResults are what a keyring may not return without an error.
func badResults(item bool) map[string]*keyring.Wrapped {
	edk := []keyring.EncryptedDataKey{{ProviderID: "bad", ProviderInfo: []byte("b")}}
	m := map[string]*keyring.Wrapped{
		"nothing":       nil,
		"empty":         {},
		"no EDK":        {SigningKeys: []*keyring.Secret{}},
		"long EDK":      {EDKs: []keyring.EncryptedDataKey{{ProviderInfo: make([]byte, 65536)}}, SigningKeys: []*keyring.Secret{keyring.RandomSecret(32)}},
		"long provider": {EDKs: []keyring.EncryptedDataKey{{ProviderID: strings.Repeat("x", 65536)}}, SigningKeys: []*keyring.Secret{keyring.RandomSecret(32)}},
	}
	if item {
		m["no signing key"] = &keyring.Wrapped{EDKs: edk}
		m["nil signing key"] = &keyring.Wrapped{EDKs: edk, SigningKeys: []*keyring.Secret{nil}}
		m["short signing key"] = &keyring.Wrapped{EDKs: edk, SigningKeys: []*keyring.Secret{keyring.RandomSecret(31)}}
		m["two signing keys"] = &keyring.Wrapped{EDKs: edk, SigningKeys: []*keyring.Secret{keyring.RandomSecret(32), keyring.RandomSecret(32)}}
		m["256 EDKs"] = &keyring.Wrapped{EDKs: slices.Repeat(edk, 256), SigningKeys: slices.Repeat([]*keyring.Secret{keyring.RandomSecret(32)}, 256)}
	}
	return m
}

func checkDestroyed(t *testing.T, what string, w *keyring.Wrapped) {
	t.Helper()
	if w == nil {
		return
	}
	for _, k := range append([]*keyring.Secret{w.DataKey}, w.SigningKeys...) {
		if k != nil && !destroyed(k) {
			t.Errorf("%s: a secret was not destroyed", what)
		}
	}
}

func returning(w *keyring.Wrapped) keyring.Keyring {
	return &funcs{encrypt: func(context.Context, *keyring.Request, *keyring.Secret) (*keyring.Wrapped, error) { return w, nil }}
}

func TestMultiChecksMembers(t *testing.T) {
	for _, s := range []*suite.Suite{suite.AES256GCMCommit(), suite.ItemAES256GCM()} {
		r := request(t, s, nil)
		for name := range badResults(s.IsItem()) {
			result := func() *keyring.Wrapped { return badResults(s.IsItem())[name] }
			for _, n := range []int{1, 2} {
				bad := result()
				children := []keyring.Keyring{rawAES(t, "a"), returning(bad)}[2-n:]
				w, err := newMulti(t, keyring.MultiOptions{Generator: rawAES(t, "G"), Children: children}).OnEncrypt(t.Context(), r, nil)
				if err == nil || w != nil {
					t.Errorf("%s: %s from a child: no error", s, name)
				}
				checkDestroyed(t, name+" from a child", bad)
			}
			bad := result()
			if bad != nil {
				bad.DataKey = keyring.RandomSecret(32)
			}
			w, err := newMulti(t, keyring.MultiOptions{Generator: returning(bad)}).OnEncrypt(t.Context(), r, nil)
			if _, ok := errors.AsType[*keyring.WrapError](err); w != nil || !ok {
				t.Errorf("%s: %s from the generator: got %v, want a WrapError", s, name, err)
			}
			checkDestroyed(t, name+" from the generator", bad)
		}
		own := rawAES(t, "o")
		for name, k := range map[string]keyring.Keyring{
			"a child with its own data key": newMulti(t, keyring.MultiOptions{Generator: rawAES(t, "G"), Children: []keyring.Keyring{&funcs{
				encrypt: func(ctx context.Context, r *keyring.Request, _ *keyring.Secret) (*keyring.Wrapped, error) {
					return own.OnEncrypt(ctx, r, nil)
				},
			}}}),
			"a generator without a data key": newMulti(t, keyring.MultiOptions{Generator: &funcs{
				encrypt: func(ctx context.Context, r *keyring.Request, _ *keyring.Secret) (*keyring.Wrapped, error) {
					return own.OnEncrypt(ctx, r, keyring.RandomSecret(32))
				},
			}}),
			"a generator with a short data key": newMulti(t, keyring.MultiOptions{Generator: &funcs{
				encrypt: func(ctx context.Context, r *keyring.Request, _ *keyring.Secret) (*keyring.Wrapped, error) {
					w, err := own.OnEncrypt(ctx, r, nil)
					w.DataKey = keyring.RandomSecret(16)
					return w, err
				},
			}}),
		} {
			if w, err := k.OnEncrypt(t.Context(), r, nil); err == nil || w != nil {
				t.Errorf("%s: %s: no error", s, name)
			}
		}
	}
}

// Too many EDKs together are a limit, however well each keyring did.
func TestMultiBoundsEDKs(t *testing.T) {
	a := rawAES(t, "a")
	r := request(t, suite.ItemAES256GCM(), nil)
	for n, ok := range map[int]bool{254: true, 255: false} {
		w, err := newMulti(t, keyring.MultiOptions{Generator: a, Children: slices.Repeat([]keyring.Keyring{a}, n)}).OnEncrypt(t.Context(), r, nil)
		if ok != (err == nil) || ok != (w != nil) || !ok && !errors.Is(err, signet.ErrLimit) {
			t.Errorf("%d children: got %v, want success %v or ErrLimit", n, err, ok)
		}
	}
}

func TestMultiDecrypt(t *testing.T) {
	a, b, c := rawAES(t, "a"), rawAES(t, "b"), rawAES(t, "c")
	r := request(t, suite.AES256GCMCommit(), testPairs)
	w, err := newMulti(t, keyring.MultiOptions{Generator: c, Children: []keyring.Keyring{b}}).OnEncrypt(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The order of the keyrings decides, then that of the EDKs.
	u, err := newMulti(t, keyring.MultiOptions{Children: []keyring.Keyring{a, b, c}}).OnDecrypt(t.Context(), r, w.EDKs)
	if err != nil || u.Used != 1 {
		t.Fatalf("used %v: %v", u, err)
	}
	var trace []string
	for i := range u.Attempts {
		trace = append(trace, u.Attempts[i].String())
	}
	want := []string{
		"EDK 0 (\"tests\", key \"c\"): raw-aes tests/a: skipped: key name differs", "EDK 1 (\"tests\", key \"b\"): raw-aes tests/a: skipped: key name differs",
		"EDK 0 (\"tests\", key \"c\"): raw-aes tests/b: skipped: key name differs",
	}
	if !slices.Equal(trace, want) {
		t.Errorf("trace: got %q, want %q", trace, want)
	}

	untyped := &funcs{decrypt: func(context.Context, *keyring.Request, []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
		return nil, errChild
	}}
	nothing := &funcs{decrypt: func(context.Context, *keyring.Request, []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
		return nil, nil
	}}
	if u, err := newMulti(t, keyring.MultiOptions{Children: []keyring.Keyring{untyped, nothing, c}}).OnDecrypt(t.Context(), r, w.EDKs); err != nil || u.Used != 0 || len(u.Attempts) != 2 {
		t.Errorf("after two members that fail: %v, %v", u, err)
	}
	_, err = newMulti(t, keyring.MultiOptions{Children: []keyring.Keyring{a, untyped, nothing}}).OnDecrypt(t.Context(), r, w.EDKs)
	ue, ok := errors.AsType[*keyring.UnwrapError](err)
	if !ok || len(ue.Attempts) != 4 || ue.EDKs != 2 || !errors.Is(err, signet.ErrUnavailable) {
		t.Errorf("nobody opens: got %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	stop := &funcs{decrypt: func(context.Context, *keyring.Request, []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
		asked++
		cancel()
		return nil, errChild
	}}
	_, err = newMulti(t, keyring.MultiOptions{Children: []keyring.Keyring{stop, stop, c}}).OnDecrypt(ctx, r, w.EDKs)
	if !errors.Is(err, context.Canceled) || errors.Is(err, signet.ErrNoKey) || asked != 1 {
		t.Errorf("cancelled on the way: got %v after %d members", err, asked)
	}
}
