package cache

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
)

// backend is a real manager over a raw AES keyring, with a count and a gate in front.
type backend struct {
	inner keyring.MaterialsManager

	mu       sync.Mutex
	calls    int
	lastEnc  *keyring.EncryptionRequest
	lastDec  *keyring.DecryptionRequest
	before   func(ctx context.Context) error // what a call does first
	afterEnc func(*keyring.EncryptionMaterials)
	afterDec func(*keyring.DecryptionMaterials)
}

func rawKeyring(t testing.TB, name string) keyring.Keyring {
	t.Helper()
	k, err := raw.NewAES(raw.AESConfig{Namespace: "test", Name: name, Key: bytes.Repeat([]byte{7}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newBackend(t testing.TB) *backend {
	return &backend{inner: keyring.NewManager(rawKeyring(t, "kek"))}
}

func (b *backend) enter(ctx context.Context) error {
	b.mu.Lock()
	b.calls++
	before := b.before
	b.mu.Unlock()
	if before != nil {
		return before(ctx)
	}
	return nil
}

func (b *backend) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls
}

func (b *backend) EncryptionMaterials(ctx context.Context, r *keyring.EncryptionRequest) (*keyring.EncryptionMaterials, error) {
	b.mu.Lock()
	b.lastEnc = r
	b.mu.Unlock()
	if err := b.enter(ctx); err != nil {
		return nil, err
	}
	mat, err := b.inner.EncryptionMaterials(ctx, r)
	if err == nil && b.afterEnc != nil {
		b.afterEnc(mat)
	}
	return mat, err
}

func (b *backend) DecryptionMaterials(ctx context.Context, r *keyring.DecryptionRequest) (*keyring.DecryptionMaterials, error) {
	b.mu.Lock()
	b.lastDec = r
	b.mu.Unlock()
	if err := b.enter(ctx); err != nil {
		return nil, err
	}
	mat, err := b.inner.DecryptionMaterials(ctx, r)
	if err == nil && b.afterDec != nil {
		b.afterDec(mat)
	}
	return mat, err
}

func newManager(t testing.TB, b keyring.MaterialsManager, c Cache, o Options) *Manager {
	t.Helper()
	if o.MaxAge == 0 {
		o.MaxAge = time.Minute
	}
	m, err := NewManager(b, c, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func encRequest(ec keyring.EncryptionContext, length int64) *keyring.EncryptionRequest {
	return &keyring.EncryptionRequest{Context: ec, Suite: suite.AES256GCMCommit(), Length: length}
}

// decRequest asks for what encryption materials were stored as.
func decRequest(m *keyring.EncryptionMaterials) *keyring.DecryptionRequest {
	return &keyring.DecryptionRequest{Suite: m.Suite, Context: m.Context, EDKs: m.EDKs}
}

func encrypt(t testing.TB, m keyring.MaterialsManager, r *keyring.EncryptionRequest) *keyring.EncryptionMaterials {
	t.Helper()
	mat, err := m.EncryptionMaterials(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return mat
}

func decrypt(t testing.TB, m keyring.MaterialsManager, r *keyring.DecryptionRequest) *keyring.DecryptionMaterials {
	t.Helper()
	mat, err := m.DecryptionMaterials(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return mat
}

// destroyed reports whether a secret panics on use.
func destroyed(s *keyring.Secret) (yes bool) {
	defer func() { yes = recover() != nil }()
	s.Reveal()
	return false
}

func wantDestroyed(t testing.TB, s *keyring.Secret, want bool, when string) {
	t.Helper()
	if got := destroyed(s); got != want {
		t.Errorf("%s: destroyed is %v, want %v", when, got, want)
	}
}
