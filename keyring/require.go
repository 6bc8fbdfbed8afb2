package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// RequireContext returns a manager that authenticates the named pairs of the encryption context without storing them (ESDK spec,
// framework/required-encryption-context-cmm): whoever decrypts must know them. Encrypting without one of the pairs, and decrypting without
// reproducing all of them, is a [*ContextError].
//
// At least one key is needed, and none may start with [ReservedPrefix] ([*ConfigError] otherwise). Managers of this kind can be stacked.
// A caching manager belongs inside, as next: outside, it would answer from its cache without asking for the pairs.
func RequireContext(next MaterialsManager, keys ...string) (MaterialsManager, error) {
	if next == nil || len(keys) == 0 {
		return nil, &ConfigError{"required-context manager: a manager and at least one key are needed"}
	}
	for _, k := range keys {
		if strings.HasPrefix(k, ReservedPrefix) {
			return nil, &ConfigError{fmt.Sprintf("required-context manager: key %.64q: names that start with %q are reserved", k, ReservedPrefix)}
		}
	}
	keys = slices.Clone(keys)
	slices.Sort(keys)
	return &requirer{next, slices.Compact(keys)}, nil
}

type requirer struct {
	next MaterialsManager
	keys []string // ascending, each once
}

var _ MaterialsManager = (*requirer)(nil)

func (m *requirer) EncryptionMaterials(ctx context.Context, r *EncryptionRequest) (*EncryptionMaterials, error) {
	if err := m.check(r.Context, "required, but not in the encryption context"); err != nil {
		return nil, err
	}
	inner, err := m.next.EncryptionMaterials(ctx, r)
	if err != nil {
		return nil, err
	}
	if inner == nil {
		return nil, errNoMaterials
	}
	if err := m.kept(r.Context, inner.Context); err != nil {
		inner.Release()
		return nil, err
	}
	mat := inner.Copy()
	required := slices.Concat(inner.RequiredKeys, m.keys)
	slices.Sort(required)
	mat.RequiredKeys = slices.Compact(required)
	return mat, nil
}

func (m *requirer) DecryptionMaterials(ctx context.Context, r *DecryptionRequest) (*DecryptionMaterials, error) {
	if err := m.check(r.Reproduced, "required, but not reproduced"); err != nil {
		return nil, err
	}
	mat, err := m.next.DecryptionMaterials(ctx, r)
	if err != nil {
		return nil, err
	}
	if mat == nil {
		return nil, errNoMaterials
	}
	if err := m.kept(r.Reproduced, mat.Context); err != nil {
		mat.Release()
		return nil, err
	}
	return mat, nil
}

var errNoMaterials = errors.New("required-context manager: the next manager returned neither materials nor an error")

func (m *requirer) check(ec EncryptionContext, reason string) error {
	for _, k := range m.keys {
		if _, ok := ec[k]; !ok {
			return &ContextError{k, reason}
		}
	}
	return nil
}

// kept reports a required pair that the next manager lost or changed: it would not be authenticated as the caller gave it.
func (m *requirer) kept(asked, got EncryptionContext) error {
	for _, k := range m.keys {
		if v, ok := got[k]; !ok || v != asked[k] {
			return &ContextError{k, "required, but the next manager's materials do not have it as given"}
		}
	}
	return nil
}
