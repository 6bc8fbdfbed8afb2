package module

import (
	"errors"
	"sync"
	"time"
)

// ErrShut is returned by [Gate.Enter] when nobody may enter any more.
var ErrShut = errors.New("closed")

// Gate counts who is inside and can be shut. The zero value is open.
type Gate struct {
	mu     sync.Mutex
	inside int
	shut   bool
	empty  chan struct{} // closed when the last one leaves a shut gate
}

// Enter counts the caller in, who then calls Leave.
func (g *Gate) Enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return ErrShut
	}
	g.inside++
	return nil
}

// Leave counts the caller out.
func (g *Gate) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.inside == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

// Shut lets nobody in any more and waits until everybody left. It reports false when the gate was shut before.
func (g *Gate) Shut() bool {
	g.mu.Lock()
	if g.shut {
		g.mu.Unlock()
		return false
	}
	g.shut = true
	var empty chan struct{}
	if g.inside > 0 {
		empty = make(chan struct{})
		g.empty = empty
	}
	g.mu.Unlock()
	if empty != nil {
		<-empty
	}
	return true
}

// ShutWithin shuts the gate if everybody leaves within d, and leaves it open otherwise.
func (g *Gate) ShutWithin(d time.Duration) bool {
	g.mu.Lock()
	if g.shut {
		g.mu.Unlock()
		return false
	}
	g.shut = true
	if g.inside == 0 {
		g.mu.Unlock()
		return true
	}
	empty := make(chan struct{})
	g.empty = empty
	g.mu.Unlock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-empty:
		return true
	case <-timer.C:
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside == 0 {
		return true
	}
	g.shut, g.empty = false, nil
	return false
}

// Reopen undoes Shut.
func (g *Gate) Reopen() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = false
}
