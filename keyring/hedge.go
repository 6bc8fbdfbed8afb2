package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"github.com/signetkeys/signet"
)

type opened struct {
	i     int
	u     *Unwrapped
	err   error
	panic *childPanic
}

// A race is a decrypt whose members may be asked while earlier ones have not answered.
type race struct {
	m        *multi
	r        *Request
	edks     []EncryptedDataKey
	started  int
	waiting  int
	attempts [][]Attempt // by member; nil for one that has not failed
	done     chan opened
}

// hedged asks the members in their order: the next one when the one asked last has failed, or has not answered within m.hedge.
func (m *multi) hedged(ctx context.Context, r *Request, edks []EncryptedDataKey) (*Unwrapped, error) {
	n := len(m.readers)
	// A member that ignores its context can outlive this call: it gets a request of its own, and its result finds room.
	c := &race{m: m, r: cloneRequest(r), edks: cloneEDKs(edks), attempts: make([][]Attempt, n), done: make(chan opened, n)}
	raceCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer c.drain()
	timer := time.NewTimer(m.hedge)
	defer timer.Stop()
	if ctx.Err() == nil {
		c.start(raceCtx)
	}
	for c.waiting > 0 {
		var a opened
		select {
		case a = <-c.done:
		case <-timer.C:
			if c.started < n {
				c.start(raceCtx)
				timer.Reset(m.hedge)
			}
			continue
		case <-ctx.Done():
			return nil, c.failed(ctx)
		}
		c.waiting--
		if a.panic != nil {
			panic(a.panic)
		}
		if a.err == nil {
			a.u.Attempts = c.before(a)
			return a.u, nil
		}
		c.attempts[a.i] = memberAttempts(a.i, a.err)
		if ctx.Err() != nil {
			break
		}
		if a.i == c.started-1 && c.started < n {
			c.start(raceCtx)
			timer.Reset(m.hedge)
		}
	}
	return nil, c.failed(ctx)
}

// start asks the next member.
func (c *race) start(ctx context.Context) {
	i := c.started
	c.started++
	c.waiting++
	go func() {
		defer func() {
			if v := recover(); v != nil {
				c.done <- opened{i: i, panic: &childPanic{v, debug.Stack()}}
			}
		}()
		u, err := c.m.readers[i].OnDecrypt(ctx, c.r, c.edks)
		if err == nil && u == nil {
			err = errNoResult
		}
		if err != nil {
			u.destroy()
			u = nil
		}
		c.done <- opened{i: i, u: u, err: err}
	}()
}

// before is the trace of a success: what was tried, by member. Earlier members that have not answered are told.
func (c *race) before(a opened) []Attempt {
	var trace []Attempt
	for i, failed := range c.attempts[:c.started] {
		switch {
		case i == a.i:
			trace = append(trace, a.u.Attempts...)
		case failed == nil && i < a.i:
			trace = append(trace, silent("member", i, c.m.readers[i], fmt.Errorf("%w: no answer within %v", signet.ErrUnavailable, c.m.hedge)))
		default:
			trace = append(trace, failed...)
		}
	}
	return trace
}

// failed is the error when nobody opened. Members that were not waited for, or not asked, have the end of ctx as their reason.
func (c *race) failed(ctx context.Context) error {
	fail := &UnwrapError{EDKs: len(c.edks)}
	ended := ctx.Err()
	for i, failed := range c.attempts[:c.started] {
		if failed == nil {
			failed = []Attempt{silent("member", i, c.m.readers[i], ended)}
		}
		fail.Attempts = append(fail.Attempts, failed...)
	}
	if c.started < len(c.attempts) {
		fail.Attempts = append(fail.Attempts, Attempt{EDK: -1, Provider: "member", Key: fmt.Sprint(c.started), Err: ended})
	}
	return fail
}

// drain destroys what members return that nobody waits for any more. A panic among them is dropped like a late result.
func (c *race) drain() {
	if c.waiting == 0 {
		return
	}
	go func() {
		for range c.waiting {
			(<-c.done).u.destroy()
		}
	}()
}

var errNoResult = errors.New("the member returned no result")

// memberAttempts is the trace of a member that failed; it is never nil.
func memberAttempts(i int, err error) []Attempt {
	var ue *UnwrapError
	if errors.As(err, &ue) {
		return append([]Attempt{}, ue.Attempts...)
	}
	return []Attempt{{EDK: -1, Provider: "member", Key: fmt.Sprint(i), Err: err}}
}

func cloneRequest(r *Request) *Request {
	return &Request{Suite: r.Suite, Context: maps.Clone(r.Context), AAD: bytes.Clone(r.AAD)}
}

func cloneEDKs(edks []EncryptedDataKey) []EncryptedDataKey {
	edks = slices.Clone(edks)
	for i := range edks {
		e := &edks[i]
		e.ProviderInfo, e.Ciphertext = bytes.Clone(e.ProviderInfo), bytes.Clone(e.Ciphertext)
	}
	return edks
}
