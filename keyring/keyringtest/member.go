package keyringtest

import (
	"context"
	"errors"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
)

// member: the keyring in every role of a multi-keyring, beside members that are slow or fail.
func (h *harness) member(t *testing.T) {
	run := func(name string, f func(*harness, *testing.T)) { t.Run(name, func(t *testing.T) { f(h, t) }) }
	if !h.o.NoGenerate {
		run("Generator", (*harness).asGenerator)
	}
	if h.o.NoWrap {
		run("RefusedAsChild", (*harness).refusedAsChild)
		return
	}
	run("Child", (*harness).asChild)
	run("OptionalChild", (*harness).asOptional)
	run("SlowChild", (*harness).asSlowChild)
	run("BesideSlowChild", (*harness).besideSlowChild)
	run("BesideFailingChild", (*harness).besideFailingChild)
	run("LateChild", (*harness).asLateChild)
}

func multi(t testing.TB, o keyring.MultiOptions) keyring.Keyring {
	t.Helper()
	m, err := keyring.NewMulti(o)
	if err != nil {
		t.Fatalf("NewMulti: %v", err)
	}
	return m
}

// both checks that the parts of m that k and its neighbour wrapped open at their keyrings, and that together they were all.
func (h *harness) both(t testing.TB, r *keyring.Request, m *made, mine, theirs []int, neighbour keyring.Keyring) {
	t.Helper()
	if len(mine)+len(theirs) != len(m.edks) {
		t.Fatalf("%d encrypted data keys, want %d", len(m.edks), len(mine)+len(theirs))
	}
	for _, i := range mine {
		opens(t, h.reader, r, m.edks[i:i+1], 0, m.key, m.signingKey(i))
	}
	for _, i := range theirs {
		opens(t, neighbour, r, m.edks[i:i+1], 0, m.key, m.signingKey(i))
	}
	if len(mine) > 0 {
		u := opens(t, h.reader, r, m.edks, mine[0], m.key, m.signingKey(mine[0]))
		if len(u.Attempts) < mine[0] {
			t.Errorf("the trace has %d attempts before encrypted data key %d", len(u.Attempts), mine[0])
		}
	}
}

// count is how many EDKs the keyring makes: one, unless it is several keyrings itself.
func (h *harness) count(t testing.TB, r *keyring.Request) int {
	t.Helper()
	return len(h.make(t, h.k, r).edks)
}

func span(from, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = from + i
	}
	return out
}

func (h *harness) asGenerator(t *testing.T) {
	r := h.request(t, testContext())
	n := h.count(t, r)
	mem := newMemory(t, "child")
	k := multi(t, keyring.MultiOptions{Generator: h.k, Children: []keyring.Keyring{mem}, Optional: []keyring.Keyring{failing{}}})
	w, err := k.OnEncrypt(t.Context(), r, nil)
	if err != nil {
		t.Fatalf("OnEncrypt: %v", err)
	}
	if len(w.Degraded) != 1 || !errors.Is(w.Degraded[0].Err, errFailing) {
		t.Errorf("Degraded: got %v, want the failing child", w.Degraded)
	}
	m := shape(t, h.suite, nil, w)
	h.both(t, r, m, span(0, n), span(n, 1), mem)
	opens(t, k, r, m.edks[n:], 0, m.key, m.signingKey(n))

	k = multi(t, keyring.MultiOptions{Generator: h.k, Children: []keyring.Keyring{mem, failing{}}})
	if w, err := k.OnEncrypt(t.Context(), r, nil); w != nil || !errors.Is(err, errFailing) {
		t.Errorf("a required child fails: got %v, want its error", err)
	}
}

func (h *harness) refusedAsChild(t *testing.T) {
	r := h.request(t, testContext())
	k, err := keyring.NewMulti(keyring.MultiOptions{Generator: newMemory(t, "generator"), Children: []keyring.Keyring{h.k}})
	if err == nil {
		_, err = k.OnEncrypt(t.Context(), r, nil)
	}
	if !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("got %v, want an error of class signet.ErrPolicy", err)
	}
}

func (h *harness) asChild(t *testing.T) {
	r := h.request(t, testContext())
	n := h.count(t, r)
	mem := newMemory(t, "generator")
	k := multi(t, keyring.MultiOptions{Generator: mem, Children: []keyring.Keyring{h.k}})
	m := wrapped(t, k, r, nil)
	h.both(t, r, m, span(1, n), span(0, 1), mem)
	reader := multi(t, keyring.MultiOptions{Generator: mem, Optional: []keyring.Keyring{h.reader}}) // it may be decrypt-only
	opens(t, reader, r, m.edks[1:], 0, m.key, m.signingKey(1))
}

func (h *harness) asOptional(t *testing.T) {
	r := h.request(t, testContext())
	n := h.count(t, r)
	mem := newMemory(t, "generator")
	k := multi(t, keyring.MultiOptions{Generator: mem, Optional: []keyring.Keyring{failing{}, h.k}, MinWrapped: 2})
	w, err := k.OnEncrypt(t.Context(), r, nil)
	if err != nil {
		t.Fatalf("OnEncrypt: %v", err)
	}
	if len(w.Degraded) != 1 || !errors.Is(w.Degraded[0].Err, errFailing) {
		t.Errorf("Degraded: got %v, want the failing child", w.Degraded)
	}
	h.both(t, r, shape(t, h.suite, nil, w), span(1, n), span(0, 1), mem)
}

// start runs OnEncrypt and returns its result when asked.
func start(t testing.TB, ctx context.Context, k keyring.Keyring, r *keyring.Request) func() (*keyring.Wrapped, error) {
	var w *keyring.Wrapped
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		w, err = k.OnEncrypt(ctx, r, nil)
	}()
	return func() (*keyring.Wrapped, error) {
		t.Helper()
		wait(t, "OnEncrypt of the multi-keyring", done)
		return w, err
	}
}

// asSlowChild: the keyring is the last to finish and keeps its place.
func (h *harness) asSlowChild(t *testing.T) {
	r := h.request(t, testContext())
	n := h.count(t, r)
	mem, quick, slow := newMemory(t, "generator"), newGate(newMemory(t, "quick"), false), newGate(h.k, false)
	k := multi(t, keyring.MultiOptions{Generator: mem, Children: []keyring.Keyring{slow, quick}})
	result := start(t, t.Context(), k, r)
	close(quick.open)
	wait(t, "the quick child", quick.done)
	wait(t, "the slow child's start", slow.started)
	close(slow.open)
	w, err := result()
	if err != nil {
		t.Fatalf("OnEncrypt: %v", err)
	}
	m := shape(t, h.suite, nil, w)
	h.both(t, r, m, span(1, n), []int{0, n + 1}, multi(t, keyring.MultiOptions{Children: []keyring.Keyring{mem, quick}}))
}

// besideSlowChild: the keyring does not wait for a slow one.
func (h *harness) besideSlowChild(t *testing.T) {
	r := h.request(t, testContext())
	n := h.count(t, r)
	mem, slow, mine := newMemory(t, "generator"), newGate(newMemory(t, "slow"), false), newGate(h.k, false)
	k := multi(t, keyring.MultiOptions{Generator: mem, Children: []keyring.Keyring{slow, mine}})
	result := start(t, t.Context(), k, r)
	wait(t, "the slow child's start", slow.started)
	close(mine.open)
	wait(t, "the keyring beside a slow child", mine.done)
	close(slow.open)
	w, err := result()
	if err != nil {
		t.Fatalf("OnEncrypt: %v", err)
	}
	m := shape(t, h.suite, nil, w)
	h.both(t, r, m, span(2, n), []int{0, 1}, multi(t, keyring.MultiOptions{Children: []keyring.Keyring{mem, slow}}))
}

func (h *harness) besideFailingChild(t *testing.T) {
	r := h.request(t, testContext())
	for _, children := range [][]keyring.Keyring{{h.k, failing{}}, {failing{}, h.k}} {
		k := multi(t, keyring.MultiOptions{Generator: newMemory(t, "generator"), Children: children})
		if w, err := k.OnEncrypt(t.Context(), r, nil); w != nil || !errors.Is(err, errFailing) {
			t.Errorf("a required child fails: got %v, want its error", err)
		}
	}
}

// asLateChild: the operation is over before the keyring gets to wrap. What it then uses must still be there.
func (h *harness) asLateChild(t *testing.T) {
	r := h.request(t, testContext())
	for _, how := range []string{"a sibling failed", "the context ended"} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		late := newGate(h.k, true)
		sibling := newMemory(t, "sibling")
		if how == "a sibling failed" {
			sibling = failing{}
		}
		k := multi(t, keyring.MultiOptions{Generator: newMemory(t, "generator"), Children: []keyring.Keyring{late, sibling}})
		result := start(t, ctx, k, r)
		wait(t, "the late child's start", late.started)
		if how == "the context ended" {
			cancel()
		}
		if w, err := result(); w != nil || err == nil {
			t.Errorf("%s: no error", how)
		} else {
			checkText(t, how, err, nil)
		}
		close(late.open)
		wait(t, "the late child", late.done)
		if late.err != nil {
			t.Errorf("%s: the late child failed: %v", how, late.err)
		}
	}
}
