package keyringtest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/signetkeys/signet/keyring"
)

// patience bounds what must return soon. It is far above any backend's latency, and passes only when something hangs.
const patience = 30 * time.Second

func isUnwrapError(err error) bool {
	var ue *keyring.UnwrapError
	return errors.As(err, &ue)
}

// within fails the test when f does not return.
func within(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	wait(t, what, done)
}

func wait(t testing.TB, what string, c <-chan struct{}) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c:
	case <-timer.C:
		t.Fatalf("%s: nothing after %v", what, patience)
	}
}

// cancelled: under a context that has ended, calls return soon with its error.
func (h *harness) cancelled(t *testing.T) {
	r := h.request(t, testContext())
	m := h.make(t, h.k, r)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancelLate := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancelLate()
	for _, ctx := range []context.Context{gone, late} {
		check := func(what string, none bool, err error) {
			switch {
			case err == nil || !none:
				t.Errorf("%s under a context that has ended succeeded", what)
			case !errors.Is(err, ctx.Err()):
				t.Errorf("%s: got %v, want an error that is %v", what, err, ctx.Err())
			default:
				checkText(t, what, err, m)
			}
		}
		if !h.o.NoGenerate {
			within(t, "OnEncrypt", func() {
				w, err := h.k.OnEncrypt(ctx, r, nil)
				check("OnEncrypt", w == nil, err)
			})
		}
		if !h.o.NoWrap {
			within(t, "OnEncrypt with a data key", func() {
				w, err := h.k.OnEncrypt(ctx, r, m.key)
				check("OnEncrypt with a data key", w == nil, err)
			})
		}
		within(t, "OnDecrypt", func() {
			u, err := h.reader.OnDecrypt(ctx, r, m.edks)
			check("OnDecrypt", u == nil, err)
			if !isUnwrapError(err) {
				t.Errorf("OnDecrypt: error is %T, want *keyring.UnwrapError", err)
			}
		})
	}
	h.opens(t, r, m) // it has not been harmed
}

// concurrent: 32 goroutines share one keyring.
func (h *harness) concurrent(t *testing.T) {
	const goroutines, rounds = 32, 4
	shared := h.request(t, testContext())
	common := h.make(t, h.k, shared)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			ec := testContext()
			ec["worker"] = strconv.Itoa(g)
			r, err := keyring.NewRequest(h.suite, ec)
			if err != nil {
				t.Error(err)
				return
			}
			for range rounds {
				var key *keyring.Secret
				if h.o.NoGenerate || !h.o.NoWrap && g%2 == 0 {
					key = keyring.RandomSecret(h.suite.DataKeyLen())
				}
				w, err := h.k.OnEncrypt(t.Context(), r, key)
				if err != nil {
					t.Errorf("OnEncrypt: %v", err)
					return
				}
				if key == nil {
					key = w.DataKey
				}
				u, err := h.reader.OnDecrypt(t.Context(), r, w.EDKs)
				if err != nil {
					t.Errorf("OnDecrypt: %v", err)
					return
				}
				if !same(u.DataKey, key) || h.suite.IsItem() && !same(u.SigningKey, w.SigningKeys[0]) {
					t.Error("concurrent calls mixed up their keys")
				}
				u.DataKey.Destroy()
				u.SigningKey.Destroy()
				if u, err = h.reader.OnDecrypt(t.Context(), shared, common.edks); err != nil || !same(u.DataKey, common.key) {
					t.Errorf("OnDecrypt of a shared encrypted data key: wrong key or %v", err)
				}
			}
		})
	}
	wg.Wait()
}
