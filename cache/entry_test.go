package cache

import (
	"testing"
	"time"
)

// The monotonic clock stands still while a machine sleeps, the wall clock can be set back: neither prolongs a life.
func TestBothClocksCount(t *testing.T) {
	now := time.Now()
	lim := Limits{MaxAge: time.Minute}
	e := NewEntry(new(probe), now, time.Minute)
	if !e.pin(now.Add(time.Minute), Use{}, lim) || e.pin(now.Add(time.Minute+1), Use{}, lim) {
		t.Error("the age is not exact")
	}
	e.wall -= int64(time.Minute) // a minute asleep
	if !e.pin(now, Use{}, lim) || e.pin(now.Add(1), Use{}, lim) {
		t.Error("the wall clock does not count")
	}
	e.wall += int64(time.Hour) // set back
	if !e.pin(now, Use{}, lim) || e.pin(now.Add(time.Minute+1), Use{}, lim) {
		t.Error("the monotonic clock does not count")
	}
	future := NewEntry(new(probe), now.Add(time.Hour), time.Minute)
	if future.pin(now.Add(2*time.Minute), Use{}, lim) {
		t.Error("an entry from the future lives longer")
	}
}

func TestDiscardedEntry(t *testing.T) {
	v := new(probe)
	e, lim := NewEntry(v, time.Now(), time.Hour), Limits{MaxAge: time.Hour}
	lease, ok := e.Acquire(Use{}, lim)
	if !ok {
		t.Fatal("a new entry refuses")
	}
	e.Discard()
	e.Discard()
	if _, ok := e.Acquire(Use{}, lim); ok {
		t.Error("a discarded entry was acquired")
	}
	if v.released != 0 || lease.Value() != v {
		t.Error("released under a lease")
	}
	lease.Release()
	if v.released != 1 {
		t.Errorf("released %d times, want once", v.released)
	}
}
