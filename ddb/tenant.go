package ddb

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync"

	"github.com/signetkeys/signet/keyring"
)

// A Resolver chooses the keyring of a call. It is safe for concurrent use and may block. The tenant is what [WithTenant] said, "" when nothing
// did; whether "" means a default is for the resolver to decide. It returns the same keyring for the same key every time: data keys are
// cached per keyring, which is compared with ==. A nil keyring without an error is an error of the call.
type Resolver interface {
	Resolve(ctx context.Context, tenant string) (keyring.Keyring, error)
}

type tenantKey struct{}

// WithTenant names the tenant of the calls that get the returned context: its keyring is used, and it is authenticated with each value as
// the pair "context". Identifiers are compared byte by byte. "" takes the tenant away.
func WithTenant(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, tenantKey{}, id)
}

func tenantOf(ctx context.Context) string {
	id, _ := ctx.Value(tenantKey{}).(string)
	return id
}

// Single resolves every tenant to k. A nil k is refused by [NewFieldEncryptor]. Tenants still do not open each other's values, because the
// tenant is authenticated with them.
func Single(k keyring.Keyring) Resolver { return single{k} }

type single struct{ keyring keyring.Keyring }

func (s single) Resolve(context.Context, string) (keyring.Keyring, error) { return s.keyring, nil }

// isNil also finds a nil pointer within the interface, the usual result of an ignored error.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan:
		return r.IsNil()
	}
	return false
}

// TenantMapConfig configures [NewTenantMap].
type TenantMapConfig struct {
	// Default is the keyring of calls without a tenant and, unless Strict, of tenants that Tenants does not have. It is required unless
	// Strict; a strict map without a default refuses calls without a tenant.
	Default keyring.Keyring
	// Tenants has the keyrings by tenant identifier. The map is copied.
	Tenants map[string]keyring.Keyring
	// Strict makes an unknown tenant a [*TenantError]. Without it a misspelt tenant silently shares the default key.
	Strict bool
	// OnUnknown, when set, is called the first time that an unknown tenant gets the default keyring. It must be safe for concurrent use.
	OnUnknown func(tenant string)
}

// maxReported bounds the memory for reported tenants, 32 bytes each: an identifier may come from a request. Beyond it tenants are
// reported each time.
const maxReported = 10000

// A TenantMap is a [Resolver] over a fixed map of keyrings. It is safe for concurrent use.
type TenantMap struct {
	cfg TenantMapConfig

	mu       sync.Mutex
	reported map[[sha256.Size]byte]struct{}
}

var _ Resolver = (*TenantMap)(nil)

// NewTenantMap checks the configuration: nil keyrings and blank identifiers are refused with a [*keyring.ConfigError].
func NewTenantMap(cfg TenantMapConfig) (*TenantMap, error) {
	if isNil(cfg.Default) && !(cfg.Strict && cfg.Default == nil) {
		return nil, &keyring.ConfigError{Reason: "tenant map: the default keyring is nil"}
	}
	for id, k := range cfg.Tenants {
		if strings.TrimSpace(id) == "" {
			return nil, &keyring.ConfigError{Reason: "tenant map: a tenant identifier is blank"}
		}
		if isNil(k) {
			return nil, &keyring.ConfigError{Reason: fmt.Sprintf("tenant map: the keyring of tenant %.64q is nil", id)}
		}
	}
	cfg.Tenants = maps.Clone(cfg.Tenants)
	return &TenantMap{cfg: cfg, reported: make(map[[sha256.Size]byte]struct{})}, nil
}

// Resolve fulfils [Resolver]. Identifiers are case-sensitive.
func (m *TenantMap) Resolve(_ context.Context, tenant string) (keyring.Keyring, error) {
	if k, ok := m.cfg.Tenants[tenant]; ok {
		return k, nil
	}
	switch {
	case tenant == "" && m.cfg.Default == nil:
		return nil, &TenantError{"the call names no tenant and there is no default keyring"}
	case tenant == "":
	case m.cfg.Strict:
		return nil, &TenantError{"unknown tenant"}
	default:
		m.report(tenant)
	}
	return m.cfg.Default, nil
}

func (m *TenantMap) report(tenant string) {
	if m.cfg.OnUnknown == nil {
		return
	}
	sum := sha256.Sum256([]byte(tenant))
	m.mu.Lock()
	_, known := m.reported[sum]
	if !known && len(m.reported) < maxReported {
		m.reported[sum] = struct{}{}
	}
	m.mu.Unlock()
	if !known {
		m.cfg.OnUnknown(tenant)
	}
}
