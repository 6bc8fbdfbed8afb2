package ddb

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/signetkeys/signet/keyring"
)

// TenantKeys configures [OpenTenantMap]: the keys of tenants by id, for example the ARNs of AWS KMS keys.
type TenantKeys struct {
	// Default is the key of calls without a tenant and, unless Strict, of tenants that Tenants does not have. It is required unless
	// Strict.
	Default string
	// Tenants has the keys by tenant identifier. Several tenants may have the same key. The map is read and not kept.
	Tenants map[string]string
	// Strict and OnUnknown are those of [TenantMapConfig].
	Strict    bool
	OnUnknown func(tenant string)
}

// OpenTenantMap opens each key once and maps the tenants to the keyrings. open is told the id as it is configured; with AWS KMS it calls
// New of package keyring/kms. It is called for one key after the other, so that a key that cannot be used is an error when the program
// starts and not on a tenant's first write; that error names the key and answers for the classes of open's. An empty id is a
// [*keyring.ConfigError]. Keyrings are not closed by the map.
func OpenTenantMap(ctx context.Context, open func(ctx context.Context, keyID string) (keyring.Keyring, error), keys TenantKeys) (*TenantMap, error) {
	cfg := TenantMapConfig{Strict: keys.Strict, OnUnknown: keys.OnUnknown, Tenants: make(map[string]keyring.Keyring, len(keys.Tenants))}
	opened := make(map[string]keyring.Keyring)
	get := func(id string) (keyring.Keyring, error) {
		if strings.TrimSpace(id) == "" {
			return nil, &keyring.ConfigError{Reason: "tenant map: null or empty key ARN"}
		}
		if k, ok := opened[id]; ok {
			return k, nil
		}
		k, err := open(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("tenant map: opening key %.255q: %w", id, err)
		}
		if k == nil {
			return nil, &keyring.ConfigError{Reason: fmt.Sprintf("tenant map: opening key %.255q gave a nil keyring", id)}
		}
		opened[id] = k
		return k, nil
	}
	var err error
	if keys.Default != "" || !keys.Strict {
		if cfg.Default, err = get(keys.Default); err != nil {
			return nil, err
		}
	}
	for _, tenant := range slices.Sorted(maps.Keys(keys.Tenants)) {
		if cfg.Tenants[tenant], err = get(keys.Tenants[tenant]); err != nil {
			return nil, err
		}
	}
	return NewTenantMap(cfg)
}
