package ddb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/cache"
	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/keyring"
)

// puts encrypts one field of n items and decrypts all of them.
func puts(t *testing.T, e *FieldEncryptor, n int) {
	t.Helper()
	ctx := context.Background()
	for i := range n {
		item := Item{"id": num(fmt.Sprint(i)), "a": str(fmt.Sprint("value ", i))}
		stored, err := e.EncryptItem(ctx, item)
		if err != nil {
			t.Fatal(err)
		}
		back, _, err := e.DecryptItem(ctx, stored)
		if err != nil {
			t.Fatal(err)
		}
		sameItem(t, back, item)
	}
}

func TestCalls(t *testing.T) {
	for _, tt := range []struct {
		name           string
		cfg            FieldConfig
		wraps, unwraps int64
	}{
		{"cached", FieldConfig{}, 1, 1},
		{"cached, 0x0478", FieldConfig{Algorithm: "0478"}, 1, 1},
		{"not cached", FieldConfig{DisableCaching: true}, 20, 20},
		{"five values a key", FieldConfig{Cache: &CacheConfig{MaxMessages: 5}}, 4, 4},
		{"bytes of two values", FieldConfig{Cache: &CacheConfig{MaxBytes: 16}}, 10, 10},
		{"bound to the item", FieldConfig{BindKey: true}, 20, 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := &counting{Keyring: testKeyring(t)}
			tt.cfg.Fields, tt.cfg.PartitionKey = []string{"a"}, "id"
			puts(t, newEncryptor(t, Single(k), tt.cfg), 20)
			if k.wraps.Load() != tt.wraps || k.unwraps.Load() != tt.unwraps {
				t.Errorf("got %d wraps and %d unwraps, want %d and %d", k.wraps.Load(), k.unwraps.Load(), tt.wraps, tt.unwraps)
			}
		})
	}
}

func TestDefaultLimits(t *testing.T) {
	k := &counting{Keyring: testKeyring(t)}
	e := newEncryptor(t, Single(k), FieldConfig{Fields: []string{"a"}, Algorithm: "0478"})
	puts(t, e, 100)
	if n := k.wraps.Load(); n != 1 {
		t.Errorf("100 puts took %d wraps", n)
	}
	puts(t, e, 1)
	if n := k.wraps.Load(); n != 2 {
		t.Errorf("101 puts took %d wraps", n)
	}
	sharedtest.Bubble(t, func(t *testing.T) {
		k := &counting{Keyring: testKeyring(t)}
		e := newEncryptor(t, Single(k), FieldConfig{Fields: []string{"a"}, Algorithm: "0478"})
		puts(t, e, 1)
		time.Sleep(300 * time.Second)
		puts(t, e, 1)
		if n := k.wraps.Load(); n != 1 {
			t.Errorf("within the age: %d wraps", n)
		}
		time.Sleep(time.Second)
		puts(t, e, 1)
		if n := k.wraps.Load(); n != 2 {
			t.Errorf("beyond the age: %d wraps", n)
		}
	})
}

// Five fields are five contexts; each tenant and each type is one more.
func TestContextsHaveTheirOwnKeys(t *testing.T) {
	k := &counting{Keyring: testKeyring(t)}
	fields := []string{"a", "b", "c", "d", "e"}
	e := newEncryptor(t, Single(k), FieldConfig{Fields: fields, Algorithm: "0478"})
	put := func(tenant string, v types.AttributeValue, want int64) {
		t.Helper()
		item := Item{}
		for _, f := range fields {
			item[f] = v
		}
		for range 3 {
			if _, err := e.EncryptItem(WithTenant(context.Background(), tenant), item); err != nil {
				t.Fatal(err)
			}
		}
		if n := k.wraps.Load(); n != want {
			t.Errorf("tenant %q: %d wraps, want %d", tenant, n, want)
		}
	}
	put("", str("x"), 5)
	put("a", str("x"), 10)
	put("b", str("x"), 15)
	put("b", num("1"), 20)
	put("b", str("y"), 20)
}

// The same bytes do not open from the cache of another keyring.
func TestKeyringsShareNothing(t *testing.T) {
	one, two := rawKeyring(t, "test", "one", sequence(32)), rawKeyring(t, "test", "two", sequence(16))
	current := one
	var mu sync.Mutex
	local := cache.NewLocal(100)
	e := newEncryptor(t, resolverFunc(func(context.Context, string) (keyring.Keyring, error) {
		mu.Lock()
		defer mu.Unlock()
		return current, nil
	}), FieldConfig{Fields: []string{"a"}, Cache: &CacheConfig{Cache: local}})
	ctx := context.Background()
	stored, err := e.EncryptItem(ctx, Item{"a": str("canary")})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.DecryptItem(ctx, stored); err != nil {
		t.Fatal(err)
	}
	if local.Stats().Len == 0 {
		t.Error("the given cache is not used")
	}
	current = two
	out, _, err := e.DecryptItem(ctx, stored)
	refused(t, "another keyring", out, err, "a", signet.ErrNoKey)
}

func TestManagersAreBounded(t *testing.T) {
	ctx := context.Background()
	made := 0
	e := newEncryptor(t, resolverFunc(func(context.Context, string) (keyring.Keyring, error) {
		made++
		return &counting{Keyring: testKeyring(t)}, nil
	}), FieldConfig{Fields: []string{"a"}, Algorithm: "0478", Cache: &CacheConfig{MaxKeyrings: 10, Capacity: 5}})
	for range 50 {
		if _, err := e.EncryptItem(ctx, Item{"a": str("x")}); err != nil {
			t.Fatal(err)
		}
	}
	if made != 50 || len(e.managers.index) != 10 || e.managers.order.Len() != 10 {
		t.Errorf("%d keyrings, %d managers", made, len(e.managers.index))
	}
	// The least recently used one goes.
	a, b, c := &counting{Keyring: testKeyring(t)}, &counting{Keyring: testKeyring(t)}, &counting{Keyring: testKeyring(t)}
	m := newManagers(&CacheConfig{MaxAge: 1, Cache: cache.NewLocal(1), MaxKeyrings: 2})
	of := func(k keyring.Keyring) keyring.MaterialsManager {
		mm, err := m.of(k)
		if err != nil {
			t.Fatal(err)
		}
		return mm
	}
	ma, mb := of(a), of(b)
	if of(a) != ma || of(c) == mb || of(a) != ma || of(b) == mb {
		t.Error("the wrong manager was dropped")
	}
}

func TestDegradedIsReported(t *testing.T) {
	broken := keyring.New("broken", wrapFunc(func() error { return errors.New("unplugged") }), nil, nil)
	k, err := keyring.NewMulti(keyring.MultiOptions{Generator: testKeyring(t), Optional: []keyring.Keyring{broken}})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	got := map[string]int{}
	e := newEncryptor(t, Single(k), FieldConfig{Fields: []string{"a", "b"}, OnDegraded: func(attribute string, attempts []keyring.Attempt) {
		mu.Lock()
		defer mu.Unlock()
		got[attribute] += len(attempts)
	}})
	if _, err := e.EncryptItem(context.Background(), Item{"a": str("x"), "b": str("y")}); err != nil {
		t.Fatal(err)
	}
	if got["a"] != 1 || got["b"] != 1 {
		t.Errorf("got %v", got)
	}
}

type wrapFunc func() error

func (f wrapFunc) Wrap(context.Context, *keyring.Request, []byte) (keyring.EncryptedDataKey, error) {
	return keyring.EncryptedDataKey{}, f()
}

func TestParallel(t *testing.T) {
	for _, n := range []int{0, 1, 2, 17} {
		for _, limit := range []int{1, 2, 100} {
			var mu sync.Mutex
			running, most := 0, 0
			seen := map[int]int{}
			if err := parallel(n, limit, func(i int) error {
				mu.Lock()
				running++
				most = max(most, running)
				seen[i]++
				mu.Unlock()
				mu.Lock()
				running--
				mu.Unlock()
				return nil
			}); err != nil || len(seen) != n || most > limit {
				t.Errorf("%d, limit %d: %v, %d done, %d at once", n, limit, err, len(seen), most)
			}
			for i, times := range seen {
				if times != 1 {
					t.Errorf("%d was done %d times", i, times)
				}
			}
		}
	}
	first, last := errors.New("first"), errors.New("last")
	done := 0
	if err := parallel(10, 1, func(i int) error {
		done++
		if i == 3 {
			return first
		}
		return nil
	}); err != first || done != 4 {
		t.Errorf("got %v after %d", err, done)
	}
	both := make(chan struct{})
	if err := parallel(2, 2, func(i int) error {
		if i == 0 {
			<-both
			return first
		}
		close(both)
		return last
	}); err != first {
		t.Errorf("got %v, want the error of the smallest index", err)
	}
}
