package cache

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/keyring"
)

type result struct {
	mat *keyring.EncryptionMaterials
	err error
}

// together sends n requests at once and waits until all of them wait for the calls that before holds back.
func together(ctx context.Context, m *Manager, n int) <-chan result {
	out := make(chan result, n)
	for range n {
		go func() {
			mat, err := m.EncryptionMaterials(ctx, encRequest(nil, 10))
			out <- result{mat, err}
		}()
	}
	synctest.Wait()
	return out
}

// slow makes a call last d.
func slow(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestOneCallForAll(t *testing.T) {
	for _, capacity := range []int{0, 1, 10} {
		sharedtest.Bubble(t, func(t *testing.T) {
			b, c := newBackend(t), NewLocal(capacity)
			b.before = slow(time.Second)
			m := newManager(t, b, c, Options{})
			out := together(context.Background(), m, 64)
			var mats []*keyring.EncryptionMaterials
			for range 64 {
				r := <-out
				if r.err != nil {
					t.Fatal(r.err)
				}
				mats = append(mats, r.mat)
			}
			if b.count() != 1 {
				t.Errorf("capacity %d: %d calls, want 1", capacity, b.count())
			}
			if s := m.Stats(); s != (Stats{Hits: 63, Misses: 1}) {
				t.Errorf("capacity %d: got %+v", capacity, s)
			}
			c.Clear()
			key := mats[0].DataKey
			for _, mat := range mats {
				if mat.DataKey != key {
					t.Errorf("capacity %d: another key", capacity)
				}
				wantDestroyed(t, key, false, "before the last Release")
				mat.Release()
			}
			wantDestroyed(t, key, true, "after the last Release")
		})
	}
}

// Those who waited count: an entry serves exactly as many as its limits say.
func TestWaitersAreCounted(t *testing.T) {
	for name, o := range map[string]Options{"messages": {MaxMessages: 3}, "bytes": {MaxBytes: 35}} {
		for _, capacity := range []int{0, 1} {
			sharedtest.Bubble(t, func(t *testing.T) {
				b := newBackend(t)
				b.before = slow(time.Second)
				m := newManager(t, b, NewLocal(capacity), o)
				out := together(context.Background(), m, 64)
				uses := map[*keyring.Secret]int{}
				for range 64 {
					r := <-out
					if r.err != nil {
						t.Fatal(r.err)
					}
					uses[r.mat.DataKey]++
				}
				for _, n := range uses {
					if n > 3 {
						t.Errorf("%s, capacity %d: a key was used %d times, want at most 3", name, capacity, n)
					}
				}
				if len(uses) != 22 || b.count() != 22 { // 64 / 3, rounded up
					t.Errorf("%s, capacity %d: %d keys in %d calls, want 22", name, capacity, len(uses), b.count())
				}
			})
		}
	}
}

func TestWaitersHonourTheirContexts(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		b, c := newBackend(t), NewLocal(10)
		b.before = slow(10 * time.Second)
		m := newManager(t, b, c, Options{})
		first, cancel := context.WithCancel(context.Background())
		leader := together(first, m, 1) // starts the call
		short, cancelShort := context.WithTimeout(context.Background(), time.Second)
		defer cancelShort()
		impatient := together(short, m, 1)
		patient := together(context.Background(), m, 1)
		began := time.Now()
		cancel()
		if r := <-leader; !errors.Is(r.err, context.Canceled) {
			t.Errorf("the first: got %v", r.err)
		}
		if r := <-impatient; !errors.Is(r.err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("the impatient: got %v after %v", r.err, time.Since(began))
		}
		r := <-patient
		if r.err != nil || time.Since(began) != 10*time.Second || b.count() != 1 {
			t.Fatalf("the patient: got %v after %v, %d calls", r.err, time.Since(began), b.count())
		}
		c.Clear()
		wantDestroyed(t, r.mat.DataKey, false, "in use")
		r.mat.Release()
		wantDestroyed(t, r.mat.DataKey, true, "after the only Release")
	})
}

// When everybody has left, the key that is made nevertheless serves the next one.
func TestCallWithoutWaiters(t *testing.T) {
	for _, capacity := range []int{0, 1} {
		sharedtest.Bubble(t, func(t *testing.T) {
			b, c := newBackend(t), NewLocal(capacity)
			b.before = slow(time.Second)
			var key *keyring.Secret
			b.afterEnc = func(m *keyring.EncryptionMaterials) { key = m.DataKey }
			m := newManager(t, b, c, Options{MaxMessages: 2})
			ctx, cancel := context.WithCancel(context.Background())
			out := together(ctx, m, 2)
			cancel()
			<-out
			<-out
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if c.Stats().Len != capacity {
				t.Errorf("%d entries, want %d", c.Stats().Len, capacity)
			}
			wantDestroyed(t, key, capacity == 0, "without an owner")
			if _, err := m.EncryptionMaterials(ctx, encRequest(keyring.EncryptionContext{"new": ""}, 1)); !errors.Is(err, context.Canceled) || b.count() != 1 {
				t.Errorf("got %v, %d calls: a call for one who has left already", err, b.count())
			}
		})
	}
}

func TestSharedCallHasItsOwnTimeout(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		b := newBackend(t)
		b.before = slow(time.Hour)
		m := newManager(t, b, NewLocal(1), Options{Timeout: 5 * time.Second})
		began := time.Now()
		_, err := m.EncryptionMaterials(context.Background(), encRequest(nil, 1))
		if !errors.Is(err, signet.ErrUnavailable) || time.Since(began) != 5*time.Second {
			t.Errorf("got %v after %v, want unavailable after 5 s", err, time.Since(began))
		}
	})
}

func TestFailureIsForItsWaiters(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		b := newBackend(t)
		boom := errors.New("boom")
		b.before = func(ctx context.Context) error { return errors.Join(slow(time.Second)(ctx), boom) }
		m := newManager(t, b, NewLocal(1), Options{})
		out := together(context.Background(), m, 64)
		for range 64 {
			if r := <-out; !errors.Is(r.err, boom) {
				t.Fatalf("got %v", r.err)
			}
		}
		if b.count() != 1 {
			t.Errorf("%d calls, want 1", b.count())
		}
		b.before = nil
		encrypt(t, m, encRequest(nil, 1)).Release()
	})
}

// A call that takes longer than the maximal age: its caller has the key, nobody else.
func TestCallOlderThanTheMaximalAge(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		b, c := newBackend(t), NewLocal(10)
		b.before = slow(2 * time.Second)
		m := newManager(t, b, c, Options{MaxAge: time.Second})
		began := time.Now()
		out := together(context.Background(), m, 8)
		keys := map[*keyring.Secret]bool{}
		for range 8 {
			r := <-out
			if r.err != nil {
				t.Fatal(r.err)
			}
			keys[r.mat.DataKey] = true
			r.mat.Release()
		}
		if len(keys) != 8 || c.Stats().Len != 0 {
			t.Errorf("%d keys for 8 messages; %d entries", len(keys), c.Stats().Len)
		}
		if got := time.Since(began); got != 4*time.Second {
			t.Errorf("took %v, want one shared call and then all at once", got)
		}
		if s := m.Stats(); s != (Stats{Misses: 1, Bypassed: 7}) {
			t.Errorf("got %+v", s)
		}
	})
}

// The age is that of the call's beginning.
func TestSlowCallDoesNotProlongTheAge(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		b := newBackend(t)
		b.before = slow(20 * time.Second)
		m := newManager(t, b, NewLocal(10), Options{MaxAge: time.Minute})
		encrypt(t, m, encRequest(nil, 1)).Release()
		time.Sleep(40 * time.Second)
		encrypt(t, m, encRequest(nil, 1)).Release()
		if b.count() != 1 {
			t.Errorf("at the maximal age: %d calls, want 1", b.count())
		}
		time.Sleep(time.Nanosecond)
		encrypt(t, m, encRequest(nil, 1)).Release()
		if b.count() != 2 {
			t.Errorf("above the maximal age: %d calls, want 2", b.count())
		}
	})
}

// A manager that panics or ends its goroutine does not leave anybody waiting.
func TestCrashReachesTheWaiters(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		b := newBackend(t)
		b.before = func(ctx context.Context) error {
			panic(errors.Join(errors.New("broken backend"), slow(time.Second)(ctx)))
		}
		m := newManager(t, b, NewLocal(1), Options{})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				defer func() {
					if text, _ := recover().(string); !strings.Contains(text, "broken backend") || !strings.Contains(text, "backend).enter") {
						t.Errorf("got panic %q, want the backend's with its stack", text)
					}
				}()
				_, err := m.EncryptionMaterials(context.Background(), encRequest(nil, 1))
				t.Errorf("got error %v, want a panic", err)
			})
		}
		wg.Wait()
		b.before = func(context.Context) error { runtime.Goexit(); return nil }
		if _, err := m.EncryptionMaterials(context.Background(), encRequest(nil, 1)); !errors.Is(err, errNoReturn) {
			t.Errorf("got %v", err)
		}
		b.before = nil
		encrypt(t, m, encRequest(nil, 1)).Release()
	})
}

// One who leaves at the moment in which the flight lands gives its pin back.
func TestLeavingWithAPin(t *testing.T) {
	b, c := newBackend(t), NewLocal(1)
	var key *keyring.Secret
	b.afterEnc = func(m *keyring.EncryptionMaterials) { key = m.DataKey }
	m := newManager(t, b, c, Options{})
	r := encRequest(nil, 1)
	k, err := encryptionKey(m.encryption, r.Suite, r.Suite, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, w, _ := m.board(context.Background(), k, Use{Messages: 1}, 0, func(ctx context.Context) (made, error) {
		mat, err := b.EncryptionMaterials(ctx, r)
		return made{value: mat, share: true, keep: true}, err
	})
	<-f.done
	m.leave(f, w)
	wantDestroyed(t, key, false, "cached")
	c.Clear()
	wantDestroyed(t, key, true, "nobody holds it")
}

// A flight that lands between the look into the cache and the start of another makes that other unnecessary.
func TestMissThatHasJustBeenFilled(t *testing.T) {
	b := newBackend(t)
	m := newManager(t, b, NewLocal(1), Options{})
	r := encRequest(nil, 1)
	k, err := encryptionKey(m.encryption, r.Suite, r.Suite, nil)
	if err != nil {
		t.Fatal(err)
	}
	landed := m.flights.landed.Load()
	encrypt(t, m, r).Release()
	lease, err := m.encryptMiss(context.Background(), k, Use{Messages: 1}, landed, r)
	if err != nil || lease == nil || b.count() != 1 {
		t.Fatalf("got %v, %v, %d calls, want the entry of the first", lease, err, b.count())
	}
	lease.Release()
}

func TestNothingReturned(t *testing.T) {
	m := newManager(t, nothing{}, NewLocal(1), Options{})
	if _, err := m.EncryptionMaterials(context.Background(), encRequest(nil, 1)); !errors.Is(err, errNothing) {
		t.Errorf("got %v", err)
	}
	if _, err := m.DecryptionMaterials(context.Background(), &keyring.DecryptionRequest{Suite: mustSuite(t, 0x0478)}); !errors.Is(err, errNothing) {
		t.Errorf("got %v", err)
	}
}

type nothing struct{}

func (nothing) EncryptionMaterials(context.Context, *keyring.EncryptionRequest) (*keyring.EncryptionMaterials, error) {
	return nil, nil
}

func (nothing) DecryptionMaterials(context.Context, *keyring.DecryptionRequest) (*keyring.DecryptionMaterials, error) {
	return nil, nil
}
