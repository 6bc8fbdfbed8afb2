package keyring_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/keyringtest"
	"github.com/signetkeys/signet/keyring/suite"
)

// member answers after a time, with an error or by opening. It notes when it was asked and what came of its context.
type member struct {
	keyring.Keyring
	takes time.Duration
	fails error
	deaf  bool // to its context

	asked     time.Time
	cancelled bool
	gave      *keyring.Unwrapped
}

func (m *member) OnDecrypt(ctx context.Context, r *keyring.Request, edks []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
	m.asked = time.Now()
	if m.deaf {
		time.Sleep(m.takes)
		m.cancelled = ctx.Err() != nil
		ctx = context.WithoutCancel(ctx)
	} else {
		select {
		case <-time.After(m.takes):
		case <-ctx.Done():
			m.cancelled = true
			return nil, ctx.Err()
		}
	}
	if m.fails != nil {
		return nil, m.fails
	}
	u, err := m.Keyring.OnDecrypt(ctx, r, edks)
	m.gave = u
	return u, err
}

const (
	ms    = time.Millisecond
	never = time.Hour
)

func hedged(t testing.TB, members []*member) keyring.Keyring {
	var list []keyring.Keyring
	for _, m := range members {
		list = append(list, m)
	}
	return newMulti(t, keyring.MultiOptions{Generator: list[0], Children: list[1:], Hedge: 100 * ms})
}

func TestHedge(t *testing.T) {
	unavailable, denied := fmt.Errorf("a: %w", signet.ErrUnavailable), fmt.Errorf("b: %w", signet.ErrAccessDenied)
	for _, c := range []struct {
		name    string
		members []*member
		asked   []time.Duration // -1 for never
		took    time.Duration
		used    int // -1 for failure
		trace   string
		also    error
	}{
		{"first is in time", []*member{{takes: 99 * ms}, {}}, []time.Duration{0, -1}, 99 * ms, 0, "", nil},
		{"second takes over", []*member{{takes: never}, {takes: 20 * ms}, {}}, []time.Duration{0, 100 * ms, -1}, 120 * ms, 1, "member 0", nil},
		{"first is late and first", []*member{{takes: 150 * ms}, {takes: 100 * ms}}, []time.Duration{0, 100 * ms}, 150 * ms, 0, "", nil},
		{"first fails", []*member{{takes: 10 * ms, fails: unavailable}, {takes: 10 * ms}}, []time.Duration{0, 10 * ms}, 20 * ms, 1, "member 0", nil},
		{"delay begins anew", []*member{{takes: 10 * ms, fails: unavailable}, {takes: never}, {takes: 5 * ms}}, []time.Duration{0, 10 * ms, 110 * ms}, 115 * ms, 2, "member 0, member 1", nil},
		{"earlier failure starts nobody", []*member{{takes: 150 * ms, fails: unavailable}, {takes: 90 * ms}, {}}, []time.Duration{0, 100 * ms, -1}, 190 * ms, 1, "member 0", nil},
		{"later failure is told", []*member{{takes: 150 * ms}, {takes: 10 * ms, fails: denied}, {takes: never}}, []time.Duration{0, 100 * ms, 110 * ms}, 150 * ms, 0, "member 1", nil},
		{"all fail", []*member{{takes: 300 * ms, fails: unavailable}, {takes: 10 * ms, fails: denied}}, []time.Duration{0, 100 * ms}, 300 * ms, -1, "member 0, member 1", signet.ErrAccessDenied},
		{"only a hanging one is left", []*member{{takes: 10 * ms, fails: denied}, {takes: 5 * time.Second}}, []time.Duration{0, 10 * ms}, 5010 * ms, 1, "member 0", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			sharedtest.Bubble(t, func(t *testing.T) {
				for i, m := range c.members {
					m.Keyring = rawAES(t, string(rune('a'+i)))
				}
				k, r := hedged(t, c.members), request(t, suite.ItemAES256GCM(), testPairs)
				w, err := k.OnEncrypt(t.Context(), r, nil)
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				// Foreign EDKs are skipped, and the traces of that are not this test's matter.
				u, err := k.OnDecrypt(t.Context(), r, w.EDKs)
				if took := time.Since(start); took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
				synctest.Wait()
				for i, m := range c.members {
					if at := m.asked.Sub(start); c.asked[i] < 0 != m.asked.IsZero() || c.asked[i] >= 0 && at != c.asked[i] {
						t.Errorf("member %d: asked after %v, want %v", i, at, c.asked[i])
					}
					if lost := i != c.used && m.takes >= 100*ms && m.fails == nil && c.asked[i] >= 0; lost && !m.cancelled {
						t.Errorf("member %d lost and was not cancelled", i)
					}
				}
				if c.used < 0 {
					ue, ok := errors.AsType[*keyring.UnwrapError](err)
					if !ok || u != nil || !errors.Is(err, signet.ErrNoKey) || !errors.Is(err, c.also) || members(ue.Attempts) != c.trace {
						t.Errorf("got %v, want an UnwrapError", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if u.Used != c.used || !u.DataKey.Equal(w.DataKey) || !u.SigningKey.Equal(w.SigningKeys[c.used]) {
					t.Errorf("EDK %d opened, want %d with its keys", u.Used, c.used)
				}
				if got := members(u.Attempts); got != c.trace {
					t.Errorf("trace: got %s, want %s", got, c.trace)
				}
			})
		})
	}
}

// members are the members in a trace that failed as a whole.
func members(trace []keyring.Attempt) string {
	var names []string
	for _, a := range trace {
		if a.EDK < 0 {
			names = append(names, a.Provider+" "+a.Key)
		}
	}
	return strings.Join(names, ", ")
}

// The trace is in the order of the members, whatever the order in which they failed.
func TestHedgedTraceIsOrdered(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		all := []*member{{takes: 450 * ms}, {takes: 300 * ms}, {takes: 150 * ms}, {takes: 150 * ms}} // end at 450, 400, 350, 450
		for i, m := range all {
			m.Keyring = rawAES(t, string(rune('a'+i)))
			if i < 3 {
				m.fails = &keyring.UnwrapError{Attempts: []keyring.Attempt{{EDK: i, Provider: "p", Key: string(rune('a' + i)), Err: errChild}}}
			}
		}
		all[0].takes -= time.Millisecond
		k, r := hedged(t, all), request(t, suite.AES256GCMCommit(), nil)
		w, err := k.OnEncrypt(t.Context(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		u, err := k.OnDecrypt(t.Context(), r, w.EDKs)
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, a := range u.Attempts {
			keys = append(keys, a.Key)
		}
		if got := strings.Join(keys, " "); got != "a b c tests/d tests/d tests/d" { // three EDKs that the last one skipped
			t.Errorf("got %s", got)
		}
	})
}

// A member that ignores its context outlives the call: its late result is destroyed, and what it reads stays as it was.
func TestHedgeDestroysLateResults(t *testing.T) {
	for _, first := range []error{nil, errChild} {
		sharedtest.Bubble(t, func(t *testing.T) {
			late := &member{Keyring: rawAES(t, "a"), takes: time.Second, deaf: true, fails: first}
			quick := &member{Keyring: rawAES(t, "b"), takes: 10 * ms}
			k, r := hedged(t, []*member{late, quick}), request(t, suite.ItemAES256GCM(), keyring.EncryptionContext{"pair": "value"})
			w, err := k.OnEncrypt(t.Context(), r, nil)
			if err != nil {
				t.Fatal(err)
			}
			u, err := k.OnDecrypt(t.Context(), r, w.EDKs)
			if err != nil || u.Used != 1 {
				t.Fatalf("got %v, %v", u, err)
			}
			for i := range w.EDKs { // the caller's again
				clear(w.EDKs[i].Ciphertext)
				clear(w.EDKs[i].ProviderInfo)
			}
			clear(r.AAD)
			r.Context["pair"] = "another"
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if !late.cancelled {
				t.Error("the loser was not cancelled")
			}
			if first != nil {
				return
			}
			if late.gave == nil || !destroyed(late.gave.DataKey) || !destroyed(late.gave.SigningKey) {
				t.Error("the loser's result was not destroyed, or the loser read what the caller changed")
			}
			if destroyed(u.DataKey) || destroyed(u.SigningKey) {
				t.Error("the winner's result was destroyed")
			}
		})
	}
}

func TestHedgeEndsWithItsContext(t *testing.T) {
	for name, deaf := range map[string]bool{"heeding": false, "deaf": true} {
		t.Run(name, func(t *testing.T) {
			sharedtest.Bubble(t, func(t *testing.T) {
				slow := func(name string) *member {
					return &member{Keyring: rawAES(t, name), takes: 10 * time.Second, deaf: deaf}
				}
				all := []*member{slow("a"), slow("b"), slow("c"), slow("d")}
				k, r := hedged(t, all), request(t, suite.ItemAES256GCM(), nil)
				w, err := k.OnEncrypt(t.Context(), r, nil)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 250*ms)
				defer cancel()
				start := time.Now()
				u, err := k.OnDecrypt(ctx, r, w.EDKs)
				if took := time.Since(start); took != 250*ms {
					t.Errorf("took %v", took)
				}
				ue, ok := errors.AsType[*keyring.UnwrapError](err)
				if !ok || u != nil || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, signet.ErrNoKey) {
					t.Fatalf("got %v, want an UnwrapError of the deadline", err)
				}
				if got := members(ue.Attempts); got != "member 0, member 1, member 2, member 3" {
					t.Errorf("trace: got %s", got)
				}
				if !all[3].asked.IsZero() {
					t.Error("a member was asked too early")
				}
				time.Sleep(20 * time.Second)
				synctest.Wait()
				for i, m := range all[:3] {
					if deaf && (m.gave == nil || !destroyed(m.gave.DataKey)) {
						t.Errorf("member %d: the late result was not destroyed", i)
					}
				}
				ended, cancel := context.WithCancel(t.Context())
				cancel()
				all[0].asked = time.Time{}
				if _, err := k.OnDecrypt(ended, r, w.EDKs); !errors.Is(err, context.Canceled) || errors.Is(err, signet.ErrNoKey) || !all[0].asked.IsZero() {
					t.Errorf("ended before: got %v", err)
				}
			})
		})
	}
}

// A member that fails after the end of the context starts no other.
func TestHedgedFailureAfterTheEnd(t *testing.T) {
	base, cancel := context.WithCancel(t.Context())
	defer cancel()
	ctx := &endable{Context: base}
	asked := 0
	stop := &funcs{decrypt: func(context.Context, *keyring.Request, []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
		asked++
		ctx.ended.Store(true)
		return nil, errChild
	}}
	k := newMulti(t, keyring.MultiOptions{Children: []keyring.Keyring{stop, stop}, Hedge: never})
	_, err := k.OnDecrypt(ctx, request(t, suite.AES256GCMCommit(), nil), make([]keyring.EncryptedDataKey, 1))
	if !errors.Is(err, context.Canceled) || errors.Is(err, signet.ErrNoKey) || asked != 1 {
		t.Errorf("got %v after %d members", err, asked)
	}
}

func TestHedgedPanics(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		panics := func(after time.Duration) keyring.Keyring {
			return &funcs{decrypt: func(context.Context, *keyring.Request, []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
				time.Sleep(after)
				panic("the member's own")
			}}
		}
		a := rawAES(t, "a")
		r := request(t, suite.ItemAES256GCM(), nil)
		w, err := newMulti(t, keyring.MultiOptions{Generator: a}).OnEncrypt(t.Context(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		late := &member{Keyring: a, takes: 10 * time.Second, deaf: true}
		func() {
			defer func() {
				v := recover()
				if s, ok := v.(fmt.Stringer); !ok || !strings.Contains(s.String(), "the member's own") || !strings.Contains(s.String(), "hedge_test.go") {
					t.Errorf("recovered %v", v)
				}
			}()
			_, err := newMulti(t, keyring.MultiOptions{Children: []keyring.Keyring{late, panics(10 * ms)}, Hedge: 100 * ms}).OnDecrypt(t.Context(), r, w.EDKs)
			t.Errorf("no panic: %v", err)
		}()
		// Nobody waits for it any more.
		u, err := newMulti(t, keyring.MultiOptions{Children: []keyring.Keyring{panics(time.Second), a}, Hedge: 100 * ms}).OnDecrypt(t.Context(), r, w.EDKs)
		if err != nil || u.Used != 0 {
			t.Errorf("after a late panic: got %v, %v", u, err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if late.gave == nil || !destroyed(late.gave.DataKey) {
			t.Error("the result beside a panic was not destroyed")
		}
	})
}

func TestHedgeBadMembers(t *testing.T) {
	nothing := &funcs{decrypt: func(context.Context, *keyring.Request, []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
		return nil, nil
	}}
	both := &keyring.Unwrapped{DataKey: keyring.RandomSecret(32)}
	contradicts := &funcs{decrypt: func(context.Context, *keyring.Request, []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
		return both, errChild
	}}
	k := newMulti(t, keyring.MultiOptions{Children: []keyring.Keyring{nothing, contradicts}, Hedge: never})
	u, err := k.OnDecrypt(t.Context(), request(t, suite.AES256GCMCommit(), nil), nil)
	if ue, ok := errors.AsType[*keyring.UnwrapError](err); u != nil || !ok || len(ue.Attempts) != 2 || !errors.Is(err, signet.ErrUnavailable) {
		t.Errorf("got %v, %v", u, err)
	}
	if !destroyed(both.DataKey) {
		t.Error("a result that came with an error was not destroyed")
	}
	if k, err := keyring.NewMulti(keyring.MultiOptions{Generator: rawAES(t, "a"), Hedge: -1}); k != nil || !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("a negative hedge: got %v", err)
	}
}

func TestHedgedConformance(t *testing.T) {
	a, b := rawAES(t, "a"), rawAES(t, "b")
	keyringtest.Run(t, keyringtest.Options{
		New: func(t testing.TB) keyring.Keyring {
			return newMulti(t, keyring.MultiOptions{Generator: a, Children: []keyring.Keyring{b}, Hedge: never})
		},
		OtherKey: func(t testing.TB) keyring.Keyring {
			return newMulti(t, keyring.MultiOptions{Generator: rawAES(t, "a"), Children: []keyring.Keyring{rawAES(t, "b")}, Hedge: never})
		},
		Foreign: func(t testing.TB) []keyring.Keyring { return []keyring.Keyring{rawAES(t, "d")} },
		NoWrap:  true,
	})
}

// Without Hedge a decrypt starts no goroutine and makes no copy.
func TestNoHedgeCostsNothing(t *testing.T) {
	a := rawAES(t, "a")
	r := request(t, suite.AES256GCMCommit(), testPairs)
	plain, multi := a, newMulti(t, keyring.MultiOptions{Generator: a, Children: []keyring.Keyring{rawAES(t, "b")}})
	w, err := a.OnEncrypt(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	allocs := func(k keyring.Keyring) float64 {
		return testing.AllocsPerRun(100, func() {
			u, err := k.OnDecrypt(t.Context(), r, w.EDKs)
			if err != nil {
				t.Fatal(err)
			}
			u.DataKey.Destroy()
		})
	}
	if one, two := allocs(plain), allocs(multi); two > one+1 { // the error that is not needed
		t.Errorf("%v allocations, and %v for the member alone", two, one)
	}
}
