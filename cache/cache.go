// Package cache lets several messages share one data key, so that fewer calls go to an HSM or a KMS. [NewManager] puts a cache in front of a
// materials manager; [NewLocal] is the cache for one process. Like this:
//
//	mm, err := cache.NewManager(keyring.NewManager(k), cache.NewLocal(1000), cache.Options{
//		MaxAge: 5 * time.Minute, MaxMessages: 100, MaxBytes: 100 << 20,
//	})
//
// Caching trades security for calls. A data key that leaks opens every message that shares it, keys stay in memory for up to MaxAge, and
// whoever loses access to the wrapping key can still read and write from the cache until then. Keep the limits as small as the calls
// allow. Messages share a key only when their encryption contexts are equal: a context that differs in every message (an item's key, a
// time stamp) is never found again, and caching saves nothing.
//
// What is cached lives in this process only. A cache is not a store: nothing in it can be saved or sent.
package cache

import (
	"context"
	"crypto/sha512"
	"time"
)

// An ID names an entry: a SHA-384 digest over everything that a request must have in common with the one that made the entry.
type ID [sha512.Size384]byte

// Use is what one retrieval takes out of an entry's limits.
type Use struct {
	Messages uint64
	Bytes    uint64 // plaintext
}

// Limits say how far an entry may be used. MaxAge must be positive: an entry is good while its age is at most MaxAge, and nothing is
// acquired under another MaxAge. MaxMessages and MaxBytes bound the sums of the uses, including the one that is asked for.
type Limits struct {
	MaxAge      time.Duration
	MaxMessages uint64
	MaxBytes    uint64
}

// A Cache maps identifiers to entries. It is safe for concurrent use. [Local] is one; package cachetest checks others.
//
// The rules that are hard to keep are in [Entry]: an implementation looks up, calls [Entry.Acquire], and calls [Entry.Discard] on each
// entry that it does not keep any longer. It does not call a [Manager], which may hold a lock while it calls the cache.
type Cache interface {
	// Acquire checks the age, counts the use and pins the entry in one step. False is a miss: there is no entry, or it cannot take this
	// use, and then it is removed. The caller releases the lease.
	Acquire(ctx context.Context, id ID, use Use, lim Limits) (*Lease, bool)
	// Put takes the entry over, in place of another with the same identifier. A cache that does not keep it discards it.
	Put(ctx context.Context, id ID, e *Entry)
	// Delete removes the entry. An identifier without one is left alone.
	Delete(ctx context.Context, id ID)
}
