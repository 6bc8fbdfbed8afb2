package cache

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/signetkeys/signet/internal/sharedtest"
)

// probe is a value that remembers its release.
type probe struct{ released int }

func (p *probe) Release() { p.released++ }

// modelEntry and model say in the plainest way what Local does.
type modelEntry struct {
	id      ID
	value   *probe
	created time.Time
	maxAge  time.Duration
	used    Use
}

type model struct {
	capacity int
	entries  []*modelEntry // most recently used first
	stats    LocalStats
}

func (m *model) find(id ID) int {
	return slices.IndexFunc(m.entries, func(e *modelEntry) bool { return e.id == id })
}

func (m *model) prune() {
	if n := len(m.entries); n > 0 && time.Since(m.entries[n-1].created) > m.entries[n-1].maxAge {
		m.entries = m.entries[:n-1]
	}
}

func (m *model) acquire(id ID, use Use, lim Limits) *probe {
	defer m.prune()
	i := m.find(id)
	if i < 0 {
		m.stats.Misses++
		return nil
	}
	e := m.entries[i]
	m.entries = slices.Delete(m.entries, i, i+1)
	if time.Since(e.created) > min(e.maxAge, lim.MaxAge) || e.used.Messages+use.Messages > lim.MaxMessages || e.used.Bytes+use.Bytes > lim.MaxBytes {
		m.stats.Misses++
		return nil
	}
	m.stats.Hits++
	e.used.Messages += use.Messages
	e.used.Bytes += use.Bytes
	m.entries = slices.Insert(m.entries, 0, e)
	return e.value
}

func (m *model) put(e *modelEntry) {
	if m.capacity == 0 {
		return
	}
	m.delete(e.id)
	m.prune()
	if len(m.entries) == m.capacity {
		m.entries = m.entries[:m.capacity-1]
		m.stats.Evictions++
	}
	m.entries = slices.Insert(m.entries, 0, e)
}

func (m *model) delete(id ID) {
	if i := m.find(id); i >= 0 {
		m.entries = slices.Delete(m.entries, i, i+1)
	}
}

func TestLocalAgainstModel(t *testing.T) {
	for seed := range uint64(40) {
		sharedtest.Bubble(t, func(t *testing.T) { againstModel(t, rand.New(rand.NewPCG(seed, 0)), int(seed)%5) })
	}
}

func againstModel(t *testing.T, r *rand.Rand, capacity int) {
	ctx := context.Background()
	l, m := NewLocal(capacity), &model{capacity: capacity}
	var values []*probe
	leases := map[*Lease]*probe{}
	for step := range 800 {
		id := ID{byte(r.IntN(8))}
		switch op := r.IntN(20); {
		case op < 6:
			v, age := new(probe), time.Duration(1+r.IntN(20))*time.Second
			values = append(values, v)
			m.put(&modelEntry{id: id, value: v, created: time.Now(), maxAge: age})
			l.Put(ctx, id, NewEntry(v, time.Now(), age))
		case op < 13:
			use := Use{Messages: uint64(r.IntN(2)), Bytes: uint64(r.IntN(10))}
			lim := Limits{MaxAge: time.Duration(1+r.IntN(20)) * time.Second, MaxMessages: uint64(3 + r.IntN(3)), MaxBytes: uint64(20 + r.IntN(20))}
			want := m.acquire(id, use, lim)
			lease, ok := l.Acquire(ctx, id, use, lim)
			if ok != (want != nil) || ok && lease.Value() != want {
				t.Fatalf("step %d: Acquire: got %v, want %v", step, ok, want != nil)
			}
			if ok {
				leases[lease] = want
			}
		case op < 14:
			m.delete(id)
			l.Delete(ctx, id)
		case op < 15 && r.IntN(20) == 0:
			m.entries = nil
			l.Clear()
		case op < 18:
			for lease := range leases {
				lease.Release()
				delete(leases, lease)
				break
			}
		default:
			time.Sleep(time.Duration(r.IntN(4000)) * time.Millisecond)
		}
		compare(t, step, l, m, values, leases)
	}
}

// compare wants a value released exactly when the model has no entry for it and no lease holds it.
func compare(t *testing.T, step int, l *Local, m *model, values []*probe, leases map[*Lease]*probe) {
	t.Helper()
	want := m.stats
	want.Len = len(m.entries)
	if got := l.Stats(); got != want {
		t.Fatalf("step %d: got %+v, want %+v", step, got, want)
	}
	alive := map[*probe]bool{}
	for _, e := range m.entries {
		alive[e.value] = true
	}
	for _, v := range leases {
		alive[v] = true
	}
	for i, v := range values {
		if want := map[bool]int{true: 0, false: 1}[alive[v]]; v.released != want {
			t.Fatalf("step %d: value %d was released %d times, want %d", step, i, v.released, want)
		}
	}
}

func TestLocalPutsOneEntryTwice(t *testing.T) {
	l, v := NewLocal(2), new(probe)
	e := NewEntry(v, time.Now(), time.Hour)
	l.Put(context.Background(), ID{1}, e)
	l.Put(context.Background(), ID{1}, e)
	if lease, ok := l.Acquire(context.Background(), ID{1}, Use{}, Limits{MaxAge: time.Hour}); !ok || v.released != 0 {
		t.Errorf("found %v, released %d times", ok, v.released)
	} else {
		lease.Release()
	}
	l.Clear()
	if v.released != 1 {
		t.Errorf("released %d times, want 1", v.released)
	}
}

func TestNegativeCapacity(t *testing.T) {
	l, v := NewLocal(-1), new(probe)
	l.Put(context.Background(), ID{}, NewEntry(v, time.Now(), time.Hour))
	if v.released != 1 || l.Stats().Len != 0 {
		t.Errorf("released %d times, %d entries", v.released, l.Stats().Len)
	}
}
