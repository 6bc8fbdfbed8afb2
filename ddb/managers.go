package ddb

import (
	"container/list"
	"fmt"
	"reflect"
	"sync"

	"github.com/signetkeys/signet/cache"
	"github.com/signetkeys/signet/keyring"
)

// managers keeps a materials manager per keyring, the most recently used ones. All share one cache and none shares a partition, so that a
// message never opens without the keyring that the resolver chose.
type managers struct {
	cfg *CacheConfig // nil: no caching

	mu    sync.Mutex
	index map[keyring.Keyring]*list.Element // of *managed
	order list.List                         // most recently used first
}

type managed struct {
	keyring keyring.Keyring
	manager keyring.MaterialsManager
}

func newManagers(cfg *CacheConfig) *managers {
	return &managers{cfg: cfg, index: make(map[keyring.Keyring]*list.Element)}
}

func (m *managers) of(k keyring.Keyring) (keyring.MaterialsManager, error) {
	if isNil(k) {
		return nil, configError("the resolver returned no keyring and no error")
	}
	if m.cfg == nil {
		return keyring.NewManager(k), nil
	}
	if !reflect.ValueOf(k).Comparable() {
		return nil, configError("a keyring of type %T cannot be compared, so data keys cannot be cached for it: use a pointer to it, or disable caching", k)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if el, ok := m.index[k]; ok {
		m.order.MoveToFront(el)
		return el.Value.(*managed).manager, nil
	}
	mm, err := cache.NewManager(keyring.NewManager(k), m.cfg.Cache, m.cfg.options())
	if err != nil {
		return nil, fmt.Errorf("field encryptor: %w", err)
	}
	if m.order.Len() >= m.cfg.MaxKeyrings {
		oldest := m.order.Remove(m.order.Back()).(*managed)
		delete(m.index, oldest.keyring)
	}
	m.index[k] = m.order.PushFront(&managed{k, mm})
	return mm, nil
}
