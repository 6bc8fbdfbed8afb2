package token

import (
	"context"
	"errors"
	"time"

	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/module"
)

// idleLimit is how long a session is kept that is not needed.
const idleLimit = 5 * time.Minute

// acquire enters the module's gate and takes a session, waiting for one with ctx. Every success is followed by put or drop, or by the worker of
// an abandoned call.
func (t *Token) acquire(ctx context.Context) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := t.mod.Gate.Enter(); err != nil {
		return nil, err
	}
	for {
		if err := t.waitSlot(ctx); err != nil {
			t.mod.Gate.Leave()
			return nil, err
		}
		if s := t.pop(); s != nil {
			return s, nil
		}
		s, err := t.openSession(ctx)
		switch {
		case err == nil:
			return s, nil
		case errors.Is(err, errLeft):
			return nil, ctx.Err() // slot and gate stay with the call that was left
		case errors.Is(err, errShrunk):
		default:
			t.leave()
			return nil, err
		}
	}
}

func (t *Token) waitSlot(ctx context.Context) error {
	select {
	case t.slots <- struct{}{}:
		return nil
	default:
	}
	t.mu.Lock()
	hung := t.hung
	t.mu.Unlock()
	select {
	case t.slots <- struct{}{}:
		return nil
	case <-hung:
		return &Failure{Kind: KindHung, Detail: "calls to the token do not return and hold every session"}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pop returns the session that was used last, of this epoch.
func (t *Token) pop() *session {
	epoch := t.epoch.Load()
	for {
		t.mu.Lock()
		n := len(t.idle)
		if n == 0 {
			t.mu.Unlock()
			return nil
		}
		s := t.idle[n-1]
		t.idle[n-1] = nil
		t.idle = t.idle[:n-1]
		t.mu.Unlock()
		if s.epoch == epoch {
			return s
		}
		s.retire()
	}
}

// openSession is the one place where work sessions are made. A session counts as live while it is being opened.
func (t *Token) openSession(ctx context.Context) (*session, error) {
	epoch := t.epoch.Load()
	t.mu.Lock()
	t.live++
	t.mu.Unlock()
	h, err := module.Await(ctx, func() (ck.Session, error) { return t.mod.OpenSession(t.slot, t.readWrite) }, t.lateSession)
	if err == nil {
		return &session{t: t, h: h, epoch: epoch}, nil
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		t.abandon(1) // as in abandonable
		return nil, errLeft
	}
	if t.shrink(err) {
		return nil, errShrunk
	}
	return nil, err
}

var (
	errLeft   = errors.New("left while opening a session")
	errShrunk = errors.New("the token has no further session")
)

// lateSession takes what an abandoned openSession left.
func (t *Token) lateSession(h ck.Session, err error) {
	if err == nil {
		t.mod.CloseSession(h)
	}
	t.mu.Lock()
	t.live--
	t.mu.Unlock()
	t.abandon(-1)
	t.leave()
}

// shrink counts out the session that did not open. When the token's limit was the reason and others are open, the slot that the caller
// holds is kept for ever, so that the pool has the size that the token allows.
func (t *Token) shrink(err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.live--
	if ck.Code(err) != ck.RSessionCount || t.live == 0 {
		return false
	}
	t.shrunk++
	t.checkHung()
	return true
}

// put gives a session back after a success. One of an earlier epoch is closed.
func (t *Token) put(s *session) {
	now := time.Now()
	s.since = now
	var retired *session
	t.mu.Lock()
	if s.epoch == t.epoch.Load() && !t.closed {
		t.idle = append(t.idle, s)
		if oldest := t.idle[0]; len(t.idle) > 1 && now.Sub(oldest.since) > idleLimit {
			retired = oldest
			t.idle = append(t.idle[:0], t.idle[1:]...)
		}
	} else {
		retired = s
	}
	t.mu.Unlock()
	if retired != nil {
		retired.retire()
	}
	t.leave()
}

// drop closes a session after an error, whatever the error: a failed operation may leave the session unusable.
func (t *Token) drop(s *session) {
	s.wipe()
	if s.worker {
		t.closers.Add(1)
		s.inUse = true
		close(s.start) // slot and gate pass to the worker
		return
	}
	t.closeSession(s)
	t.leave()
}

func (t *Token) leave() {
	<-t.slots
	t.mod.Gate.Leave()
}

func (t *Token) closeSession(s *session) {
	t.mod.CloseSession(s.h) // an error means that it is gone already
	t.mu.Lock()
	t.live--
	t.mu.Unlock()
}

// abandon changes the number of calls that nobody waits for.
func (t *Token) abandon(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.abandoned += n
	t.checkHung()
}

func (t *Token) checkHung() {
	all := t.abandoned >= t.max-t.shrunk
	select {
	case <-t.hung:
		if !all {
			t.hung = make(chan struct{})
		}
	default:
		if all {
			close(t.hung)
		}
	}
}

// Sessions returns how many work sessions are open.
func (t *Token) Sessions() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.live
}
