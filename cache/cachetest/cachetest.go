// Package cachetest checks that a [cache.Cache] keeps the promises on which the caching manager and its callers rely. Authors of caches call
// [Run] from a test of their own.
package cachetest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetkeys/signet/cache"
	"github.com/signetkeys/signet/internal/sharedtest"
)

// Run tests caches that newCache makes, each for at least the given number of entries, or for none when it is 0. A cache may hold more or
// less than that, but never for ever: a cache that was given many more entries has released some.
func Run(t *testing.T, newCache func(capacity int) cache.Cache) {
	t.Run("round trip", func(t *testing.T) { roundTrip(t, newCache(4)) })
	t.Run("pinned entries", func(t *testing.T) { pinned(t, newCache) })
	t.Run("capacity", func(t *testing.T) { capacity(t, newCache) })
	t.Run("age", func(t *testing.T) { sharedtest.Bubble(t, func(t *testing.T) { age(t, newCache(4)) }) })
	t.Run("limits", func(t *testing.T) { limits(t, newCache(4)) })
	t.Run("exact use", func(t *testing.T) { exactUse(t, newCache(4)) })
	t.Run("contention", func(t *testing.T) { contention(t, newCache) })
}

// value counts its releases, and fails the test on a second one.
type value struct {
	t        *testing.T
	name     byte
	released atomic.Int32
}

func (v *value) Release() {
	if v.released.Add(1) != 1 {
		v.t.Errorf("value %d was released twice", v.name)
	}
}

func (v *value) want(released bool, when string) {
	v.t.Helper()
	if got := v.released.Load() != 0; got != released {
		v.t.Errorf("%s: value %d is released: %v, want %v", when, v.name, got, released)
	}
}

var wide = cache.Limits{MaxAge: time.Hour, MaxMessages: 1 << 32, MaxBytes: 1 << 40}

func id(n byte) cache.ID { return cache.ID{n} }

func put(t *testing.T, c cache.Cache, n byte) *value {
	v := &value{t: t, name: n}
	c.Put(context.Background(), id(n), cache.NewEntry(v, time.Now(), time.Hour))
	return v
}

// acquire wants v, or a miss when v is nil.
func acquire(t *testing.T, c cache.Cache, n byte, use cache.Use, lim cache.Limits, v *value) *cache.Lease {
	t.Helper()
	l, ok := c.Acquire(context.Background(), id(n), use, lim)
	switch {
	case ok != (v != nil):
		t.Fatalf("entry %d: found %v, want %v", n, ok, v != nil)
	case ok && l.Value() != v:
		t.Fatalf("entry %d: got another value", n)
	}
	return l
}

func roundTrip(t *testing.T, c cache.Cache) {
	acquire(t, c, 1, cache.Use{}, wide, nil)
	c.Delete(context.Background(), id(1)) // nothing there
	v, w := put(t, c, 1), put(t, c, 2)
	for range 3 {
		acquire(t, c, 1, cache.Use{}, wide, v).Release()
		acquire(t, c, 2, cache.Use{}, wide, w).Release()
	}
	c.Delete(context.Background(), id(1))
	v.want(true, "after Delete")
	w.want(false, "after Delete of another")
	acquire(t, c, 1, cache.Use{}, wide, nil)
	again := put(t, c, 2)
	w.want(true, "replaced")
	acquire(t, c, 2, cache.Use{}, wide, again).Release()
}

func pinned(t *testing.T, newCache func(int) cache.Cache) {
	for name, drop := range map[string]func(c cache.Cache){
		"deleted":  func(c cache.Cache) { c.Delete(context.Background(), id(1)) },
		"replaced": func(c cache.Cache) { put(t, c, 1) },
		"used up":  func(c cache.Cache) { acquire(t, c, 1, cache.Use{Messages: 1 << 33}, wide, nil) },
	} {
		c := newCache(4)
		v := put(t, c, 1)
		a, b := acquire(t, c, 1, cache.Use{}, wide, v), acquire(t, c, 1, cache.Use{}, wide, v)
		drop(c)
		v.want(false, name+" under two leases")
		a.Release()
		a.Release() // does nothing
		v.want(false, name+" under one lease")
		if b.Value() != v {
			t.Errorf("%s: the lease lost its value", name)
		}
		b.Release()
		v.want(true, name+" after the last lease")
		if !panics(func() { b.Value() }) {
			t.Error("a released lease still gives its value")
		}
	}
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}

func capacity(t *testing.T, newCache func(int) cache.Cache) {
	none := newCache(0)
	v := put(t, none, 1)
	v.want(true, "without room")
	acquire(t, none, 1, cache.Use{}, wide, nil)

	c := newCache(2)
	var values []*value
	for n := range byte(200) {
		v := put(t, c, n)
		values = append(values, v)
		v.want(false, "just put")
	}
	released := 0
	for n, v := range values {
		gone := v.released.Load() != 0
		if gone {
			released++
			acquire(t, c, byte(n), cache.Use{}, wide, nil)
		}
		c.Delete(context.Background(), id(byte(n)))
		v.want(true, "after Delete")
	}
	if released < 100 {
		t.Errorf("%d of 200 entries were dropped by a cache for 2", released)
	}
}

func age(t *testing.T, c cache.Cache) {
	short := wide
	short.MaxAge = time.Minute
	v := put(t, c, 1)
	time.Sleep(time.Minute)
	acquire(t, c, 1, cache.Use{}, short, v).Release()
	time.Sleep(time.Nanosecond)
	acquire(t, c, 1, cache.Use{}, short, nil)
	v.want(true, "too old")

	v = put(t, c, 2)
	time.Sleep(time.Hour + 1)
	forever := wide
	forever.MaxAge = 1000 * time.Hour
	acquire(t, c, 2, cache.Use{}, forever, nil)
	v.want(true, "older than it may become")

	v = put(t, c, 3)
	acquire(t, c, 3, cache.Use{}, cache.Limits{MaxMessages: 1, MaxBytes: 1}, nil)
	v.want(true, "no age given")
}

func limits(t *testing.T, c cache.Cache) {
	few := cache.Limits{MaxAge: time.Hour, MaxMessages: 3, MaxBytes: 100}
	v := put(t, c, 1)
	for range 3 {
		acquire(t, c, 1, cache.Use{Messages: 1}, few, v).Release()
	}
	acquire(t, c, 1, cache.Use{}, few, v).Release() // a use of nothing always fits
	acquire(t, c, 1, cache.Use{Messages: 1}, few, nil)
	v.want(true, "no messages left")
	acquire(t, c, 1, cache.Use{}, few, nil)

	v = put(t, c, 2)
	acquire(t, c, 2, cache.Use{Messages: 1, Bytes: 60}, few, v).Release()
	acquire(t, c, 2, cache.Use{Messages: 1, Bytes: 40}, few, v).Release()
	acquire(t, c, 2, cache.Use{Messages: 1, Bytes: 1}, few, nil)
	v.want(true, "no bytes left")

	for _, huge := range []cache.Use{{Messages: 1<<64 - 1}, {Bytes: 1<<64 - 1}} { // sums that would wrap
		v = put(t, c, 3)
		acquire(t, c, 3, cache.Use{Messages: 1, Bytes: 1}, few, v).Release()
		acquire(t, c, 3, huge, few, nil)
		v.want(true, "more than fits")
	}
}

// exactUse: concurrent requests use up exactly what there is.
func exactUse(t *testing.T, c cache.Cache) {
	few := cache.Limits{MaxAge: time.Hour, MaxMessages: 1000, MaxBytes: 1 << 40}
	v := put(t, c, 1)
	var got atomic.Int32
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 100 {
				if l, ok := c.Acquire(context.Background(), id(1), cache.Use{Messages: 1}, few); ok {
					got.Add(1)
					l.Release()
				}
			}
		})
	}
	wg.Wait()
	if got.Load() != 1000 {
		t.Errorf("got %d uses, want 1000", got.Load())
	}
	v.want(true, "used up")
}

// contention: whatever others do to a cache for one entry, a lease has the value of its identifier, alive.
func contention(t *testing.T, newCache func(int) cache.Cache) {
	c := newCache(1)
	var all sync.Map
	var wg sync.WaitGroup
	for n := range byte(32) {
		wg.Go(func() {
			for i := range 200 {
				k := (n + byte(i)) % 8
				l, ok := c.Acquire(context.Background(), id(k), cache.Use{Messages: 1}, wide)
				if !ok {
					all.Store(put(t, c, k), nil)
					continue
				}
				v := l.Value().(*value)
				if v.name != k {
					t.Errorf("got value %d, want %d", v.name, k)
				}
				if i%16 == 0 {
					c.Delete(context.Background(), id(k))
				}
				v.want(false, "under a lease")
				l.Release()
			}
		})
	}
	wg.Wait()
	for k := range byte(8) {
		c.Delete(context.Background(), id(k))
	}
	all.Range(func(v, _ any) bool {
		v.(*value).want(true, "deleted in the end")
		return true
	})
}
