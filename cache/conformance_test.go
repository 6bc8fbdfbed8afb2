package cache_test

import (
	"context"
	"sync"
	"testing"

	"github.com/signetkeys/signet/cache"
	"github.com/signetkeys/signet/cache/cachetest"
)

func TestLocalConforms(t *testing.T) {
	cachetest.Run(t, func(n int) cache.Cache { return cache.NewLocal(n) })
}

// A cache made outside of the package, with another way to choose what goes.
func TestForeignConforms(t *testing.T) {
	cachetest.Run(t, func(n int) cache.Cache { return &arbitrary{capacity: n} })
}

// arbitrary drops any entry when it is full, and does not hold a lock while entries decide.
type arbitrary struct {
	capacity int
	mu       sync.Mutex
	entries  map[cache.ID]*cache.Entry
}

func (c *arbitrary) Acquire(_ context.Context, id cache.ID, use cache.Use, lim cache.Limits) (*cache.Lease, bool) {
	c.mu.Lock()
	e := c.entries[id]
	c.mu.Unlock()
	if e == nil {
		return nil, false
	}
	l, ok := e.Acquire(use, lim)
	if !ok {
		c.mu.Lock()
		if c.entries[id] == e {
			delete(c.entries, id)
		}
		c.mu.Unlock()
		e.Discard()
	}
	return l, ok
}

func (c *arbitrary) Put(_ context.Context, id cache.ID, e *cache.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.capacity == 0 {
		e.Discard()
		return
	}
	if old := c.entries[id]; old != nil {
		delete(c.entries, id)
		old.Discard()
	}
	for other, old := range c.entries {
		if len(c.entries) < c.capacity && !old.Expired() {
			break
		}
		delete(c.entries, other)
		old.Discard()
	}
	if c.entries == nil {
		c.entries = make(map[cache.ID]*cache.Entry)
	}
	c.entries[id] = e
}

func (c *arbitrary) Delete(_ context.Context, id cache.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[id]; e != nil {
		delete(c.entries, id)
		e.Discard()
	}
}
