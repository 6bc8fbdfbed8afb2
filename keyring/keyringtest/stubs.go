package keyringtest

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"

	"github.com/signetkeys/signet/keyring"
)

// memory is a small sound provider, for the other members of a multi-keyring: AES-GCM under a key of its own.
type memory struct {
	name string
	aead cipher.AEAD
}

func newMemory(t testing.TB, name string) keyring.Keyring {
	t.Helper()
	key := make([]byte, 32)
	rand.Read(key)
	p := &memory{name, newGCM(t, key)}
	return keyring.New("memory", p, p, &keyring.Options{Key: name})
}

func newGCM(t testing.TB, key []byte) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

func (p *memory) Wrap(_ context.Context, r *keyring.Request, plaintext []byte) (keyring.EncryptedDataKey, error) {
	return keyring.EncryptedDataKey{
		ProviderID: "keyringtest-memory", ProviderInfo: []byte(p.name), Ciphertext: p.aead.Seal(nil, nil, plaintext, r.AAD),
	}, nil
}

func (p *memory) Unwrap(_ context.Context, r *keyring.Request, e *keyring.EncryptedDataKey) ([]byte, error) {
	if e.ProviderID != "keyringtest-memory" || !bytes.Equal(e.ProviderInfo, []byte(p.name)) {
		return nil, &keyring.Skip{Reason: "another key"}
	}
	if want := r.Suite.WrappedKeyLen() + p.aead.Overhead(); len(e.Ciphertext) != want {
		return nil, fmt.Errorf("%w: %d bytes instead of %d", keyring.ErrShape, len(e.Ciphertext), want)
	}
	b, err := p.aead.Open(nil, nil, e.Ciphertext, r.AAD)
	if err != nil {
		return nil, keyring.ErrDidNotOpen
	}
	return b, nil
}

var errFailing = errors.New("failing keyring")

// failing cannot do anything.
type failing struct{}

func (failing) OnEncrypt(context.Context, *keyring.Request, *keyring.Secret) (*keyring.Wrapped, error) {
	return nil, errFailing
}

func (failing) OnDecrypt(_ context.Context, _ *keyring.Request, edks []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
	return nil, &keyring.UnwrapError{EDKs: len(edks), Attempts: []keyring.Attempt{{EDK: -1, Provider: "failing", Err: errFailing}}}
}

// gate holds up OnEncrypt of a keyring until it is opened. A deaf one ignores the context while it waits, and lets the keyring ignore it too.
type gate struct {
	keyring.Keyring
	deaf    bool
	started chan struct{} // closed when OnEncrypt has been called
	open    chan struct{}
	done    chan struct{} // closed when OnEncrypt has returned
	err     error         // of OnEncrypt, valid when done is closed
}

func newGate(k keyring.Keyring, deaf bool) *gate {
	return &gate{Keyring: k, deaf: deaf, started: make(chan struct{}), open: make(chan struct{}), done: make(chan struct{})}
}

func (g *gate) OnEncrypt(ctx context.Context, r *keyring.Request, key *keyring.Secret) (w *keyring.Wrapped, err error) {
	close(g.started)
	defer func() {
		g.err = err
		close(g.done)
	}()
	if g.deaf {
		<-g.open
		return g.Keyring.OnEncrypt(context.WithoutCancel(ctx), r, key)
	}
	select {
	case <-g.open:
		return g.Keyring.OnEncrypt(ctx, r, key)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
