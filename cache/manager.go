package cache

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

const (
	// MaxMessagesPerKey is the default and the largest value of Options.MaxMessages.
	MaxMessagesPerKey = 1 << 32
	// MaxBytesPerKey is the default and the largest value of Options.MaxBytes.
	MaxBytesPerKey = math.MaxInt64
	// DefaultTimeout bounds a shared call to the next manager.
	DefaultTimeout = 30 * time.Second
)

// Options of [NewManager].
type Options struct {
	// MaxAge is how long materials are reused, counted from the start of the call that made them. It is required and positive.
	MaxAge time.Duration
	// MaxMessages is how many messages are encrypted under one data key; 0 means MaxMessagesPerKey. With 1 encryption is not cached.
	MaxMessages uint64
	// MaxBytes is how many bytes of plaintext are encrypted under one data key; 0 means MaxBytesPerKey. A message of that length or longer is
	// not cached.
	MaxBytes uint64
	// Partition separates managers that share a cache; it is UTF-8 without 00 bytes. "" means a random one, so that nothing is shared.
	// Managers with one cache and one partition open each other's messages without any call to a key: they must have the same keyring.
	Partition string
	// Timeout bounds the call that requests with one identifier share, which goes on when its callers give up; 0 means DefaultTimeout. It ends the
	// call's context: a next manager or keyring that ignores its context holds up all of these requests.
	Timeout time.Duration
}

// A Manager is a caching materials manager (ESDK spec, framework/caching-cmm). Requests with the same encryption context and suite
// share data keys within the limits, and a message that is read again is opened without its keyring. It is safe for concurrent use.
//
// Not cached, neither read nor written: suites without key derivation, item suites, encryption of an unknown length or of MaxBytes and
// more. The next manager gets such requests unchanged. Failures are not cached, and neither are materials with Degraded attempts: messages
// keep trying all wrapping keys, at the price of a call each.
//
// Requests that miss the same entry at the same time share one call. It carries the values of the first request's context, not its
// cancellation: the next manager must not choose keys by such values, since neither does the cache. The call does not tell the plaintext's
// length. The commitment policy is checked on each request, hit or miss.
//
// Decryption materials from the cache have the Used and Attempts of the call that made the entry: they tell which keys were tried then, and
// no key is tried on a hit.
type Manager struct {
	next       keyring.MaterialsManager
	cache      Cache
	lim        Limits
	timeout    time.Duration
	encryption []byte // prefixes of identifiers
	decryption []byte

	flights flights
	hits    atomic.Uint64
	misses  atomic.Uint64
	passed  atomic.Uint64
}

var _ keyring.MaterialsManager = (*Manager)(nil)

// NewManager puts a cache in front of next. Options that are out of range are refused with a [*keyring.ConfigError].
func NewManager(next keyring.MaterialsManager, c Cache, o Options) (*Manager, error) {
	if o.MaxMessages == 0 {
		o.MaxMessages = MaxMessagesPerKey
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = MaxBytesPerKey
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	reason := ""
	switch {
	case next == nil || c == nil:
		reason = "a manager and a cache are needed"
	case o.MaxAge <= 0:
		reason = fmt.Sprintf("the maximal age must be positive, and is %v", o.MaxAge)
	case o.MaxMessages > MaxMessagesPerKey:
		reason = fmt.Sprintf("at most %d messages may share a data key, and %d are asked for", uint64(MaxMessagesPerKey), o.MaxMessages)
	case o.MaxBytes > MaxBytesPerKey:
		reason = fmt.Sprintf("at most %d bytes may share a data key, and %d are asked for", uint64(MaxBytesPerKey), o.MaxBytes)
	case o.Timeout < 0:
		reason = fmt.Sprintf("the timeout must not be negative, and is %v", o.Timeout)
	case !utf8.ValidString(o.Partition) || strings.Contains(o.Partition, "\x00"):
		reason = "the partition must be UTF-8 without zero bytes"
	}
	if reason != "" {
		return nil, &keyring.ConfigError{Reason: "caching manager: " + reason}
	}
	if o.Partition == "" {
		o.Partition = rand.Text()
	}
	return &Manager{
		next: next, cache: c, timeout: o.Timeout,
		lim:        Limits{MaxAge: o.MaxAge, MaxMessages: o.MaxMessages, MaxBytes: o.MaxBytes},
		encryption: idPrefix(forEncrypt, o.Partition),
		decryption: idPrefix(forDecrypt, o.Partition),
		flights:    flights{m: make(map[key]*flight)},
	}, nil
}

// Stats counts requests. Each hit is a call to the keyring that was saved.
type Stats struct {
	Hits     uint64 // answered from the cache, or by the call of another request
	Misses   uint64 // calls to the next manager whose result was to be cached, failed ones included
	Bypassed uint64 // calls to the next manager that had nothing to do with the cache
}

// Stats returns the counts so far.
func (m *Manager) Stats() Stats {
	return Stats{Hits: m.hits.Load(), Misses: m.misses.Load(), Bypassed: m.passed.Load()}
}

// cacheable: a data key that is the content key itself is for one message, and one that is wrapped for an item is bound to that item.
func cacheable(s *suite.Suite) bool { return s.KDF() != suite.KDFNone && !s.IsItem() }

// EncryptionMaterials fulfils [keyring.MaterialsManager].
func (m *Manager) EncryptionMaterials(ctx context.Context, r *keyring.EncryptionRequest) (*keyring.EncryptionMaterials, error) {
	def := r.Policy.Default()
	s := r.Suite
	if s == nil {
		s = def
	}
	if err := r.Policy.CheckEncrypt(s); err != nil {
		return nil, err
	}
	if !cacheable(s) || r.Length < 0 || uint64(r.Length) >= m.lim.MaxBytes || m.lim.MaxMessages == 1 {
		return m.encryptPast(ctx, r)
	}
	k, err := encryptionKey(m.encryption, r.Suite, def, r.Context)
	if err != nil {
		return nil, err
	}
	use := Use{Messages: 1, Bytes: uint64(r.Length)}
	landed := m.flights.landed.Load()
	lease, ok := m.cache.Acquire(ctx, k.id, use, m.lim)
	if ok {
		m.hits.Add(1)
	} else if lease, err = m.encryptMiss(ctx, k, use, landed, r); err != nil {
		return nil, err
	}
	if lease == nil {
		return m.encryptPast(ctx, r)
	}
	return m.encryptShared(ctx, k, lease, r)
}

// encryptShared hands out a lease's materials. Those of another key are from a cache that mixes entries up.
func (m *Manager) encryptShared(ctx context.Context, k key, lease *Lease, r *keyring.EncryptionRequest) (*keyring.EncryptionMaterials, error) {
	shared, ok := lease.Value().(*keyring.EncryptionMaterials)
	if !ok || lease.entry.key != k {
		lease.Release()
		return m.encryptPast(ctx, r)
	}
	mat := new(keyring.EncryptionMaterials)
	*mat = *shared
	mat.Owner = lease
	return mat, nil
}

func (m *Manager) encryptPast(ctx context.Context, r *keyring.EncryptionRequest) (*keyring.EncryptionMaterials, error) {
	m.passed.Add(1)
	return m.next.EncryptionMaterials(ctx, r)
}

// DecryptionMaterials fulfils [keyring.MaterialsManager].
func (m *Manager) DecryptionMaterials(ctx context.Context, r *keyring.DecryptionRequest) (*keyring.DecryptionMaterials, error) {
	if err := r.Policy.CheckDecrypt(r.Suite); err != nil {
		return nil, err
	}
	if !cacheable(r.Suite) || !writable(r.EDKs) {
		return m.decryptPast(ctx, r)
	}
	// The merge also compares what is stored with what is expected, which a hit must not skip.
	ec, required, err := keyring.MergeContext(r.Context, r.Reproduced)
	if err != nil {
		return nil, err
	}
	k, err := decryptionKey(m.decryption, r.Suite, r.EDKs, ec, required)
	if err != nil {
		return nil, err
	}
	landed := m.flights.landed.Load()
	lease, ok := m.cache.Acquire(ctx, k.id, Use{}, m.lim)
	if ok {
		m.hits.Add(1)
	} else if lease, err = m.decryptMiss(ctx, k, landed, r); err != nil {
		return nil, err
	}
	if lease == nil {
		return m.decryptPast(ctx, r)
	}
	return m.decryptShared(ctx, k, lease, r)
}

func (m *Manager) decryptShared(ctx context.Context, k key, lease *Lease, r *keyring.DecryptionRequest) (*keyring.DecryptionMaterials, error) {
	shared, ok := lease.Value().(*keyring.DecryptionMaterials)
	if !ok || lease.entry.key != k {
		lease.Release()
		return m.decryptPast(ctx, r)
	}
	mat := new(keyring.DecryptionMaterials)
	*mat = *shared
	mat.Owner = lease
	return mat, nil
}

func (m *Manager) decryptPast(ctx context.Context, r *keyring.DecryptionRequest) (*keyring.DecryptionMaterials, error) {
	m.passed.Add(1)
	return m.next.DecryptionMaterials(ctx, r)
}
