package cache

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/signetkeys/signet/keyring"
)

// An Entry is a value that a cache shares among its users, with its age and use. The value is released once: when the cache has
// discarded the entry and the last lease has ended, never earlier. An Entry is safe for concurrent use.
type Entry struct {
	value   keyring.Releaser
	created time.Time
	wall    int64 // created by the wall clock, in nanoseconds
	maxAge  time.Duration
	key     key // set by a Manager before it shares the entry

	mu        sync.Mutex
	used      Use
	holds     int // one per lease, and one until Discard
	discarded bool
}

// NewEntry takes the value over: materials, or another holder of secrets. created is the time at which the making of the value began, so
// that a slow backend does not prolong its life; a time in the future counts as now. The entry is good for maxAge, which must be positive;
// limits of a retrieval may be shorter.
func NewEntry(value keyring.Releaser, created time.Time, maxAge time.Duration) *Entry {
	if now := time.Now(); created.After(now) {
		created = now
	}
	return &Entry{value: value, created: created, wall: created.UnixNano(), maxAge: maxAge, holds: 1}
}

// Acquire checks the age, counts the use and pins the entry, in one step. It refuses, and counts nothing, when the entry is discarded,
// too old, or cannot take the use. An entry that refused has served its time: its cache removes it.
func (e *Entry) Acquire(use Use, lim Limits) (*Lease, bool) {
	if !e.pin(time.Now(), use, lim) {
		return nil, false
	}
	return &Lease{entry: e}, true
}

// Expired reports whether the entry is older than it may become under any limits.
func (e *Entry) Expired() bool { return e.expired(time.Now(), e.maxAge) }

// Discard ends the cache's hold: nothing is acquired any more, and the value is released with the last lease, or at once. Further calls
// do nothing.
func (e *Entry) Discard() {
	e.mu.Lock()
	if e.discarded {
		e.mu.Unlock()
		return
	}
	e.discarded = true
	e.mu.Unlock()
	e.unpin()
}

// expired goes by the monotonic clock and by the wall clock: the first stands still while a machine sleeps, the second can be set back.
func (e *Entry) expired(now time.Time, maxAge time.Duration) bool {
	maxAge = min(maxAge, e.maxAge)
	return maxAge <= 0 || now.Sub(e.created) > maxAge || time.Duration(now.UnixNano()-e.wall) > maxAge
}

func (e *Entry) pin(now time.Time, use Use, lim Limits) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.discarded || e.expired(now, lim.MaxAge) || !e.used.leaves(use, lim) {
		return false
	}
	e.take(use)
	return true
}

// pinFirst is for the request that made the value, which may use it whatever its age. The entry is not shared yet.
func (e *Entry) pinFirst(use Use) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.take(use)
}

// take is called under the lock, within limits.
func (e *Entry) take(use Use) {
	e.used.Messages += use.Messages
	e.used.Bytes += use.Bytes
	e.holds++
}

func (e *Entry) unpin() {
	e.mu.Lock()
	e.holds--
	last := e.holds == 0
	e.mu.Unlock()
	if last {
		e.value.Release()
	}
}

// leaves reports whether more fits under the limits after u. The sums cannot overflow: what was taken is within some limits.
func (u Use) leaves(more Use, lim Limits) bool {
	return more.Messages <= lim.MaxMessages && u.Messages <= lim.MaxMessages-more.Messages &&
		more.Bytes <= lim.MaxBytes && u.Bytes <= lim.MaxBytes-more.Bytes
}

// A Lease is the right to use an entry's value until Release.
type Lease struct {
	entry    *Entry
	released atomic.Bool
}

var _ keyring.Releaser = (*Lease)(nil)

// Value is what was given to [NewEntry]. It belongs to the entry: use it until Release, change nothing. It panics after Release.
func (l *Lease) Value() any {
	if l.released.Load() {
		panic("cache: lease used after Release")
	}
	return l.entry.value
}

// Release ends the use. Further calls do nothing. It is safe for concurrent use.
func (l *Lease) Release() {
	if !l.released.Swap(true) {
		l.entry.unpin()
	}
}
