package cache

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signetkeys/signet"
)

// flights are the calls to the next manager that are under way, at most one per key.
type flights struct {
	mu     sync.Mutex
	m      map[key]*flight
	landed atomic.Uint64 // how many have ended
}

// A flight is one call and those who wait for it. When it lands, each of them that the limits allow gets a pin in order of arrival,
// before the cache sees the entry; the others try again.
type flight struct {
	done    chan struct{} // closed when the rest is final
	waiters []*waiter     // the first one started the flight

	entry *Entry
	share bool
	err   error
	crash *flightPanic
}

type waiter struct {
	use     Use
	granted bool // has a pin on the flight's entry
	left    bool
}

type flightPanic struct {
	value any
	stack []byte
}

var errNoReturn = errors.New("caching manager: the next manager did not return")

// share is what happens on a miss. landed is the count of flights from before the cache was asked. A nil lease without an error tells the
// caller to go past the cache.
func (m *Manager) share(ctx context.Context, k key, use Use, landed uint64, call maker) (*Lease, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, w, lease := m.board(ctx, k, use, landed, call)
		if lease == nil {
			var again bool
			var err error
			if lease, again, err = m.wait(ctx, f, w); !again {
				return lease, err
			}
			landed = m.flights.landed.Load()
			lease, _ = m.cache.Acquire(ctx, k.id, use, m.lim)
		}
		if lease != nil {
			m.hits.Add(1)
			return lease, nil
		}
	}
}

// wait returns what a flight has for one who waits for it. again means that its limits were exhausted by others.
func (m *Manager) wait(ctx context.Context, f *flight, w *waiter) (lease *Lease, again bool, err error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		m.leave(f, w)
		return nil, false, fmt.Errorf("waiting for materials: %w", ctx.Err())
	}
	switch {
	case f.crash != nil:
		panic(fmt.Sprintf("cache: the next manager panicked: %v\n\n%s", f.crash.value, f.crash.stack))
	case f.err != nil:
		return nil, false, f.err
	case w.granted:
		if w != f.waiters[0] {
			m.hits.Add(1)
		}
		return &Lease{entry: f.entry}, false, nil
	}
	return nil, f.share, nil // what cannot be shared is not waited for in turn
}

// board joins the flight for a key or starts one. When a flight has landed since the cache was asked, it asks again, and may return a
// lease instead.
func (m *Manager) board(ctx context.Context, k key, use Use, landed uint64, call maker) (*flight, *waiter, *Lease) {
	m.flights.mu.Lock()
	defer m.flights.mu.Unlock()
	f := m.flights.m[k]
	if f == nil {
		if m.flights.landed.Load() != landed {
			if lease, ok := m.cache.Acquire(ctx, k.id, use, m.lim); ok {
				return nil, nil, lease
			}
		}
		f = &flight{done: make(chan struct{})}
		m.flights.m[k] = f
		m.misses.Add(1)
		go m.fly(context.WithoutCancel(ctx), k, f, call)
	}
	w := &waiter{use: use}
	f.waiters = append(f.waiters, w)
	return f, w, nil
}

// leave gives up what the flight granted, or will grant. What was counted stays counted.
func (m *Manager) leave(f *flight, w *waiter) {
	m.flights.mu.Lock()
	w.left = true
	granted := w.granted
	m.flights.mu.Unlock()
	if granted {
		f.entry.unpin()
	}
}

// fly makes the call. A panic of the next manager is handed to those who wait, as if each had made the call; when there is nobody, it
// goes on here.
func (m *Manager) fly(ctx context.Context, k key, f *flight, call maker) {
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	began := time.Now()
	var res made
	err := errNoReturn
	returned := false
	defer func() {
		var p *flightPanic
		if !returned {
			if v := recover(); v != nil {
				p = &flightPanic{v, debug.Stack()}
			}
		}
		if heard := m.land(ctx, k, f, began, res, err, p); p != nil && !heard {
			panic(p.value)
		}
	}()
	res, err = call(ctx)
	returned = true
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: no data key after %v: %w", signet.ErrUnavailable, m.timeout, err)
	}
}

// land ends a flight and reports whether anybody waited for it. Grants, the cache's entry and the end of the flight are one step for those
// who come later.
func (m *Manager) land(ctx context.Context, k key, f *flight, began time.Time, res made, err error, p *flightPanic) bool {
	m.flights.mu.Lock()
	defer m.flights.mu.Unlock()
	f.err, f.crash = err, p
	if err == nil && p == nil {
		e := NewEntry(res.value, began, m.lim.MaxAge)
		e.key = k
		now := time.Now()
		f.entry, f.share = e, res.share && !e.expired(now, m.lim.MaxAge)
		for i, w := range f.waiters {
			switch {
			case w.left:
			case i == 0:
				e.pinFirst(w.use)
				w.granted = true
			case f.share:
				w.granted = e.pin(now, w.use, m.lim)
			}
		}
		if f.share && res.keep {
			m.cache.Put(ctx, k.id, e)
		} else {
			e.Discard()
		}
	}
	delete(m.flights.m, k)
	m.flights.landed.Add(1)
	close(f.done)
	for _, w := range f.waiters {
		if !w.left {
			return true
		}
	}
	return false
}
