package ddb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
)

func tenantKeyring(t *testing.T, name string) keyring.Keyring {
	return rawKeyring(t, "test", name, []byte((name + strings.Repeat("-", 32))[:32]))
}

func TestTenantMap(t *testing.T) {
	ctx := context.Background()
	def, a, b := tenantKeyring(t, "default"), tenantKeyring(t, "a"), tenantKeyring(t, "b")
	tenants := map[string]keyring.Keyring{"a": a, "b": b}
	var reported []string
	m, err := NewTenantMap(TenantMapConfig{Default: def, Tenants: tenants, OnUnknown: func(id string) { reported = append(reported, id) }})
	if err != nil {
		t.Fatal(err)
	}
	tenants["a"], tenants["c"] = b, b // the map was copied
	for _, tt := range []struct {
		tenant string
		want   keyring.Keyring
	}{{"a", a}, {"b", b}, {"", def}, {"c", def}, {"A", def}, {"a ", def}, {"c", def}} {
		if got, err := m.Resolve(ctx, tt.tenant); err != nil || got != tt.want {
			t.Errorf("%q: got another keyring, %v", tt.tenant, err)
		}
	}
	if got := fmt.Sprintf("%q", reported); got != `["c" "A" "a "]` {
		t.Errorf("reported %s", got)
	}
	strict, err := NewTenantMap(TenantMapConfig{Default: def, Tenants: map[string]keyring.Keyring{"a": a}, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	if k, err := strict.Resolve(ctx, "canary"); k != nil || !errors.Is(err, signet.ErrNotFound) || strings.Contains(err.Error(), "canary") {
		t.Errorf("strict: got %v, %v", k, err)
	}
	if k, err := strict.Resolve(ctx, ""); k != def || err != nil {
		t.Errorf("strict, no tenant: got %v, %v", k, err)
	}
	closed, err := NewTenantMap(TenantMapConfig{Tenants: map[string]keyring.Keyring{"a": a}, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	if k, err := closed.Resolve(ctx, ""); k != nil || !errors.Is(err, signet.ErrNotFound) {
		t.Errorf("strict without default: got %v, %v", k, err)
	}
	// Without a callback nothing is kept.
	quiet, err := NewTenantMap(TenantMapConfig{Default: def})
	if err != nil {
		t.Fatal(err)
	}
	if k, err := quiet.Resolve(ctx, "x"); k != def || err != nil || len(quiet.reported) != 0 {
		t.Errorf("got %v, %v", k, err)
	}
}

func TestTenantMapRefused(t *testing.T) {
	k := tenantKeyring(t, "k")
	for name, cfg := range map[string]TenantMapConfig{
		"no default":         {Tenants: map[string]keyring.Keyring{"a": k}},
		"nil default":        {Default: (*counting)(nil)},
		"nil default strict": {Default: (*counting)(nil), Strict: true},
		"empty tenant":       {Default: k, Tenants: map[string]keyring.Keyring{"": k}},
		"blank tenant":       {Default: k, Tenants: map[string]keyring.Keyring{" \t": k}},
		"nil keyring":        {Default: k, Tenants: map[string]keyring.Keyring{"a": nil}},
		"nil pointer":        {Default: k, Tenants: map[string]keyring.Keyring{"a": (*counting)(nil)}},
	} {
		if m, err := NewTenantMap(cfg); m != nil || !errors.Is(err, signet.ErrPolicy) {
			t.Errorf("%s: got %v, want a policy error", name, err)
		}
	}
}

func TestUnknownTenantsAreBounded(t *testing.T) {
	calls := 0
	m, err := NewTenantMap(TenantMapConfig{Default: tenantKeyring(t, "d"), OnUnknown: func(string) { calls++ }})
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxReported + 100 {
		for range 2 {
			if _, err := m.Resolve(context.Background(), fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(m.reported) != maxReported || calls != maxReported+200 {
		t.Errorf("kept %d, called %d times", len(m.reported), calls)
	}
}

// Each tenant's data opens for that tenant alone, whatever the keyrings, the cache, and the order of calls.
func TestTenantIsolation(t *testing.T) {
	shared := tenantKeyring(t, "shared")
	own, err := NewTenantMap(TenantMapConfig{Default: shared, Tenants: map[string]keyring.Keyring{
		"a": tenantKeyring(t, "a"), "b": tenantKeyring(t, "b")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]Resolver{"own keyrings": own, "one keyring": Single(shared)} {
		e := newEncryptor(t, r, FieldConfig{Fields: []string{"x"}})
		tenants := []string{"a", "b", "unknown", ""}
		var stored []Item
		for _, writer := range tenants {
			s, err := e.EncryptItem(WithTenant(context.Background(), writer), Item{"x": str("canary")})
			if err != nil {
				t.Fatal(err)
			}
			stored = append(stored, s)
		}
		for range 2 { // the second time with everything cached
			for w := range tenants {
				for r := range tenants {
					out, _, err := e.DecryptItem(WithTenant(context.Background(), tenants[r]), stored[w])
					if w == r {
						if err != nil {
							t.Errorf("%s: %q does not read its own: %v", name, tenants[r], err)
						}
						continue
					}
					refused(t, fmt.Sprintf("%s: %q reads %q", name, tenants[r], tenants[w]), out, err, "x", signet.ErrContext)
				}
			}
		}
	}
}

func TestResolverErrors(t *testing.T) {
	ctx := context.Background()
	down := errors.New("the directory is down")
	for name, tt := range map[string]struct {
		k     keyring.Keyring
		err   error
		class error
	}{
		"error":          {nil, down, down},
		"nothing":        {nil, nil, signet.ErrPolicy},
		"nil pointer":    {(*counting)(nil), nil, signet.ErrPolicy},
		"not comparable": {uncomparable{tenantKeyring(t, "k"), nil}, nil, signet.ErrPolicy},
	} {
		e := newEncryptor(t, resolverFunc(func(context.Context, string) (keyring.Keyring, error) { return tt.k, tt.err }), FieldConfig{Fields: []string{"a"}})
		if out, err := e.EncryptItem(ctx, Item{"a": str("x")}); out != nil || !errors.Is(err, tt.class) {
			t.Errorf("%s: got %v, %v", name, out, err)
		}
		if out, _, err := e.DecryptItem(ctx, Item{"a": str("x")}); out != nil || !errors.Is(err, tt.class) {
			t.Errorf("%s: got %v, %v", name, out, err)
		}
	}
	// It gets the caller's context and tenant.
	canceled, cancel := context.WithCancel(WithTenant(ctx, "acme"))
	cancel()
	e := newEncryptor(t, resolverFunc(func(ctx context.Context, tenant string) (keyring.Keyring, error) {
		if tenant != "acme" {
			t.Errorf("got tenant %q", tenant)
		}
		return nil, ctx.Err()
	}), FieldConfig{Fields: []string{"a"}})
	if _, err := e.EncryptItem(canceled, Item{"a": str("x")}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// uncomparable is a keyring that panics when it is compared.
type uncomparable struct {
	keyring.Keyring
	_ []int
}

func TestConcurrentTenants(t *testing.T) {
	tenants := map[string]keyring.Keyring{}
	for i := range 8 {
		name := fmt.Sprint("t", i)
		tenants[name] = tenantKeyring(t, name)
	}
	m, err := NewTenantMap(TenantMapConfig{Default: tenantKeyring(t, "d"), Tenants: tenants, OnUnknown: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	// A cache and a set of managers that are too small, so that all is evicted all the time.
	e := newEncryptor(t, m, FieldConfig{Fields: []string{"a", "b", "c"}, Algorithm: "0478", Cache: &CacheConfig{MaxMessages: 3, Capacity: 2, MaxKeyrings: 2}})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			ctx := WithTenant(context.Background(), fmt.Sprint("t", i%9))
			for j := range 30 {
				item := Item{"id": num(fmt.Sprint(j)), "a": str(fmt.Sprint(i, j)), "b": num(fmt.Sprint(j)), "c": bin(byte(i))}
				stored, err := e.EncryptItem(ctx, item)
				if err != nil {
					t.Error(err)
					return
				}
				back, _, err := e.DecryptItem(ctx, stored)
				if err != nil {
					t.Error(err)
					return
				}
				sameItem(t, back, item)
			}
		})
	}
	wg.Wait()
	if n := e.managers.order.Len(); n > 2 || len(e.managers.index) != n {
		t.Errorf("%d managers are kept, %d indexed", n, len(e.managers.index))
	}
}
