package module

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
)

// Await runs fn and returns its results. A call into a module cannot be stopped, so when ctx ends first, Await returns the error of ctx
// while fn goes on; its results then go to drop. fn must own everything that it touches. Without a cancellable ctx fn runs in the
// caller's goroutine.
func Await[T any](ctx context.Context, fn func() (T, error), drop func(T, error)) (T, error) {
	if ctx.Done() == nil {
		return fn()
	}
	var state atomic.Bool // set by the first of: fn returned, the caller left
	type outcome struct {
		v   T
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		v, err := fn()
		if state.CompareAndSwap(false, true) {
			done <- outcome{v, err}
		} else if drop != nil {
			drop(v, err)
		}
	}()
	select {
	case o := <-done:
		return o.v, o.err
	case <-ctx.Done():
		if state.CompareAndSwap(false, true) {
			var zero T
			return zero, ctx.Err()
		}
		o := <-done
		return o.v, o.err
	}
}

// Call runs fn inside the gate: while it runs, the module is not finalized. It honours ctx as [Await] does.
func Call[T any](ctx context.Context, m *Module, fn func(ck.Module) (T, error)) (T, error) {
	if err := m.Gate.Enter(); err != nil {
		var zero T
		return zero, err
	}
	return Await(ctx, func() (T, error) {
		defer m.Gate.Leave()
		return fn(m.ck)
	}, nil)
}

// Raw returns the module's functions. The caller is inside the gate while it uses them.
func (m *Module) Raw() ck.Module { return m.ck }

// OpenSession and CloseSession are the calls of the same names, one at a time per module. The caller is inside the gate.
func (m *Module) OpenSession(s ck.Slot, readWrite bool) (ck.Session, error) {
	m.sessions.Lock()
	defer m.sessions.Unlock()
	return m.ck.OpenSession(s, readWrite)
}

// CloseSession: see OpenSession.
func (m *Module) CloseSession(h ck.Session) error {
	m.sessions.Lock()
	defer m.sessions.Unlock()
	return m.ck.CloseSession(h)
}

// Exclusive runs fn alone: no other Share, Exclusive, Open or Close of the module runs meanwhile. It is for setting tokens up.
func Exclusive[T any](ctx context.Context, m *Module, fn func() (T, error)) (T, error) {
	var zero T
	if err := m.lock(ctx); err != nil {
		return zero, err
	}
	if err := m.Gate.Enter(); err != nil {
		m.unlock()
		return zero, err
	}
	return Await(ctx, func() (T, error) {
		defer m.unlock()
		defer m.Gate.Leave()
		return fn()
	}, nil)
}

// LoginAs is C_Login without the latch, for a token that is being set up and whose PINs were set a moment ago.
func (m *Module) LoginAs(h ck.Session, user uint, pin []byte) error {
	m.sessions.Lock()
	defer m.sessions.Unlock()
	return m.ck.Login(h, user, pin)
}

// Share returns the value that is shared under key, made by open when there is none. Only one open runs at a time per module, which is what
// makes a wrong PIN be tried once. check is called on an existing value, also under the lock. Each success needs one [Unshare]; the
// last one closes the value. done is called once, when neither check nor open will run any more, which may be after Share returned.
func Share[T io.Closer](ctx context.Context, m *Module, key string, check func(T) error, open func() (T, error), done func()) (T, error) {
	var zero T
	if err := m.lock(ctx); err != nil {
		done()
		return zero, err
	}
	if c, ok := m.shared[key]; ok {
		defer m.unlock()
		defer done()
		v := c.value.(T)
		if err := check(v); err != nil {
			return zero, err
		}
		c.refs++
		return v, nil
	}
	if err := m.Gate.Enter(); err != nil {
		m.unlock()
		done()
		return zero, err
	}
	// The lock passes to the call, which may outlast ctx.
	return Await(ctx, func() (T, error) {
		defer m.unlock()
		defer m.Gate.Leave()
		defer done()
		v, err := open()
		if err == nil {
			m.shared[key] = &sharedValue{v, 1}
		}
		return v, err
	}, func(_ T, err error) {
		if err == nil {
			m.unshare(key)
		}
	})
}

// Unshare gives up one use of the value under key. Like [Module.Close] it returns ErrBusy after two seconds when the module hangs.
func (m *Module) Unshare(key string) error { return patiently(func() error { return m.unshare(key) }) }

func (m *Module) unshare(key string) error {
	m.lock(context.Background())
	defer m.unlock()
	c, ok := m.shared[key]
	if !ok {
		return nil
	}
	if c.refs--; c.refs > 0 {
		return nil
	}
	delete(m.shared, key)
	return c.value.Close()
}
