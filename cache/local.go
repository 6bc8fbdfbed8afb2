package cache

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// Local is a cache in memory that drops the least recently used entry when it is full. The field calls it
// LocalCryptoMaterialsCache.
//
// There is no background work: each call looks at the least recently used entry and drops it when it is too old. Keys of a cache that
// nobody calls stay in memory; [Local.Clear] wipes them.
type Local struct {
	capacity int

	mu    sync.Mutex
	index map[ID]*list.Element // of *slot
	order list.List            // most recently used first
	stats LocalStats
}

var _ Cache = (*Local)(nil)

type slot struct {
	id    ID
	entry *Entry
}

// LocalStats counts what a [Local] did.
type LocalStats struct {
	Hits, Misses uint64 // results of Acquire
	Evictions    uint64 // entries dropped to make room; those that were too old or used up are not counted
	Len          int    // entries now
}

// NewLocal makes a cache of at most capacity entries. With 0, or less, it stores nothing; concurrent requests then still share calls.
func NewLocal(capacity int) *Local {
	return &Local{capacity: capacity, index: make(map[ID]*list.Element)}
}

// Acquire fulfils [Cache]. The context is not used.
func (l *Local) Acquire(_ context.Context, id ID, use Use, lim Limits) (*Lease, bool) {
	now := time.Now()
	var e, spent *Entry
	l.mu.Lock()
	el, ok := l.index[id]
	if ok {
		e = el.Value.(*slot).entry
		if ok = e.pin(now, use, lim); ok {
			l.order.MoveToFront(el)
		} else {
			spent = l.remove(el)
		}
	}
	if ok {
		l.stats.Hits++
	} else {
		l.stats.Misses++
	}
	stale := l.prune(now)
	l.mu.Unlock()
	discard(spent, stale)
	if !ok {
		return nil, false
	}
	return &Lease{entry: e}, true
}

// Put fulfils [Cache]. The context is not used.
func (l *Local) Put(_ context.Context, id ID, e *Entry) {
	if l.capacity <= 0 {
		e.Discard()
		return
	}
	now := time.Now()
	var old, evicted *Entry
	l.mu.Lock()
	if el, ok := l.index[id]; ok {
		if old = l.remove(el); old == e {
			old = nil
		}
	}
	stale := l.prune(now)
	if l.order.Len() >= l.capacity {
		evicted = l.remove(l.order.Back())
		l.stats.Evictions++
	}
	l.index[id] = l.order.PushFront(&slot{id, e})
	l.mu.Unlock()
	discard(old, stale, evicted)
}

// Delete fulfils [Cache]. The context is not used.
func (l *Local) Delete(_ context.Context, id ID) {
	var old *Entry
	l.mu.Lock()
	if el, ok := l.index[id]; ok {
		old = l.remove(el)
	}
	l.mu.Unlock()
	discard(old)
}

// Clear removes all entries. Their keys are wiped at once, or with the last use that is under way.
func (l *Local) Clear() {
	l.mu.Lock()
	entries := make([]*Entry, 0, l.order.Len())
	for el := l.order.Front(); el != nil; el = l.order.Front() {
		entries = append(entries, l.remove(el))
	}
	l.mu.Unlock()
	discard(entries...)
}

// Stats returns the counts so far.
func (l *Local) Stats() LocalStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Len = l.order.Len()
	return s
}

// remove takes an element out and leaves the entry for discard. It is called under the lock.
func (l *Local) remove(el *list.Element) *Entry {
	s := l.order.Remove(el).(*slot)
	delete(l.index, s.id)
	return s.entry
}

// prune removes the least recently used entry when it is too old. It is called under the lock.
func (l *Local) prune(now time.Time) *Entry {
	el := l.order.Back()
	if el == nil {
		return nil
	}
	if e := el.Value.(*slot).entry; !e.expired(now, e.maxAge) {
		return nil
	}
	return l.remove(el)
}

// discard is called without the lock: releasing a value runs its owner's code.
func discard(entries ...*Entry) {
	for _, e := range entries {
		if e != nil {
			e.Discard()
		}
	}
}
