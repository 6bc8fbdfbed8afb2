package cache

import (
	"bytes"
	"context"
	"errors"
	"maps"

	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
)

var errNothing = errors.New("caching manager: the next manager returned neither materials nor an error")

// A made value is what the next manager returned, and what may be done with it.
type made struct {
	value keyring.Releaser
	share bool // those who waited for it may use it
	keep  bool // the cache may have it
}

// A maker calls the next manager. The call may outlive its caller, so a maker refers to copies only.
type maker func(ctx context.Context) (made, error)

// encryptMiss returns a lease on new materials, or on those that another request has just got; a nil lease tells the caller to go past
// the cache.
func (m *Manager) encryptMiss(ctx context.Context, k key, use Use, landed uint64, r *keyring.EncryptionRequest) (*Lease, error) {
	inner := *r
	inner.Context = maps.Clone(r.Context)
	inner.Length = keyring.UnknownLength // the materials serve messages of any length
	return m.share(ctx, k, use, landed, func(ctx context.Context) (made, error) {
		mat, err := m.next.EncryptionMaterials(ctx, &inner)
		if err != nil {
			return made{}, err
		}
		if mat == nil {
			return made{}, errNothing
		}
		// Another manager may choose the suite as it likes. All requests with this key allow the suites that this one's policy allows.
		share := cacheable(mat.Suite) && inner.Policy.CheckEncrypt(mat.Suite) == nil && (inner.Suite == nil || mat.Suite == inner.Suite)
		return made{value: mat, share: share, keep: share && len(mat.Degraded) == 0}, nil
	})
}

// decryptMiss is encryptMiss for decryption.
func (m *Manager) decryptMiss(ctx context.Context, k key, landed uint64, r *keyring.DecryptionRequest) (*Lease, error) {
	inner := *r
	inner.Context = maps.Clone(r.Context)
	inner.Reproduced = maps.Clone(r.Reproduced)
	inner.EDKs = make([]keyring.EncryptedDataKey, len(r.EDKs))
	for i, e := range r.EDKs {
		inner.EDKs[i] = keyring.EncryptedDataKey{
			ProviderID: e.ProviderID, ProviderInfo: bytes.Clone(e.ProviderInfo), Ciphertext: bytes.Clone(e.Ciphertext),
		}
	}
	return m.share(ctx, k, Use{}, landed, func(ctx context.Context) (made, error) {
		mat, err := m.next.DecryptionMaterials(ctx, &inner)
		if err != nil {
			return made{}, err
		}
		if mat == nil {
			return made{}, errNothing
		}
		share := mat.Suite == inner.Suite
		return made{value: mat, share: share, keep: share}, nil
	})
}

// writable reports whether the encrypted data keys have a serialized form. Others are for the next manager to refuse.
func writable(edks []keyring.EncryptedDataKey) bool {
	for i := range edks {
		e := &edks[i]
		if len(e.ProviderID) > wire.MaxField || len(e.ProviderInfo) > wire.MaxField || len(e.Ciphertext) > wire.MaxField {
			return false
		}
	}
	return true
}
