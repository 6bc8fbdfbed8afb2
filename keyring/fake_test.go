package keyring_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
)

// call is one call of a provider, with copies of what it saw and returned.
type call struct {
	op        string
	plaintext []byte
	edk       keyring.EncryptedDataKey
	n         int
}

// recorder is a provider that writes down its calls. Its wrapping is reversible and no encryption: plaintext, then the AAD.
type recorder struct {
	id, info string

	mu    sync.Mutex
	calls []call

	wrapErr, unwrapErr error
	resize             int      // bytes that Generate and Unwrap return too many
	gave               [][]byte // what they returned, which the framework wipes
}

const recorded = "recorded:"

func (p *recorder) record(c call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, c)
}

func (p *recorder) ops() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b bytes.Buffer
	for _, c := range p.calls {
		fmt.Fprintf(&b, "%s%d ", c.op, max(c.n, len(c.plaintext)))
	}
	p.calls = nil
	return string(bytes.TrimSpace(b.Bytes()))
}

func (p *recorder) give(b []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gave = append(p.gave, b)
	return b
}

func (p *recorder) seal(r *keyring.Request, plaintext []byte) keyring.EncryptedDataKey {
	ct := slices.Concat([]byte(recorded), plaintext, r.AAD)
	return keyring.EncryptedDataKey{ProviderID: p.id, ProviderInfo: []byte(p.info), Ciphertext: ct}
}

func (p *recorder) Wrap(_ context.Context, r *keyring.Request, plaintext []byte) (keyring.EncryptedDataKey, error) {
	p.record(call{op: "wrap", plaintext: bytes.Clone(plaintext)})
	if p.wrapErr != nil {
		return keyring.EncryptedDataKey{}, p.wrapErr
	}
	return p.seal(r, plaintext), nil
}

func (p *recorder) Unwrap(_ context.Context, r *keyring.Request, e *keyring.EncryptedDataKey) ([]byte, error) {
	if e.ProviderID != p.id || string(e.ProviderInfo) != p.info {
		return nil, &keyring.Skip{Reason: "another key"}
	}
	p.record(call{op: "unwrap", edk: *e})
	if p.unwrapErr != nil {
		return nil, p.unwrapErr
	}
	b, ok := bytes.CutPrefix(e.Ciphertext, []byte(recorded))
	if b, ok2 := bytes.CutSuffix(b, r.AAD); ok && ok2 {
		return p.give(append(bytes.Clone(b), make([]byte, p.resize)...)), nil
	}
	return nil, keyring.ErrDidNotOpen
}

// generating is a recorder whose backend makes keys.
type generating struct{ *recorder }

func (p generating) Generate(_ context.Context, r *keyring.Request, n int) ([]byte, keyring.EncryptedDataKey, error) {
	s := keyring.RandomSecret(n)
	b := bytes.Clone(s.Reveal())
	p.record(call{op: "generate", n: n, plaintext: bytes.Clone(b)})
	if p.wrapErr != nil {
		return nil, keyring.EncryptedDataKey{}, p.wrapErr
	}
	edk := p.seal(r, b)
	return p.give(append(b, make([]byte, p.resize)...)), edk, nil
}

var testPairs = keyring.EncryptionContext{"purpose": "value-canary", "tenant": "value-canary-2"}

func request(t testing.TB, s *suite.Suite, ec keyring.EncryptionContext) *keyring.Request {
	t.Helper()
	r, err := keyring.NewRequest(s, ec)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func rawAES(t testing.TB, name string) keyring.Keyring {
	t.Helper()
	key := keyring.RandomSecret(32)
	k, err := raw.NewAES(raw.AESConfig{Namespace: "tests", Name: name, Key: key.Reveal()})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newMulti(t testing.TB, o keyring.MultiOptions) keyring.Keyring {
	t.Helper()
	k, err := keyring.NewMulti(o)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var oneOfEach = []*suite.Suite{suite.AES128GCM(), suite.AES192GCM(), suite.AES256GCMCommit(), suite.ItemAES256GCM(), suite.ItemAES256GCMECDSAP384()}

// funcs is a keyring of functions, for misbehaviour.
type funcs struct {
	encrypt func(context.Context, *keyring.Request, *keyring.Secret) (*keyring.Wrapped, error)
	decrypt func(context.Context, *keyring.Request, []keyring.EncryptedDataKey) (*keyring.Unwrapped, error)
}

func (f *funcs) OnEncrypt(ctx context.Context, r *keyring.Request, key *keyring.Secret) (*keyring.Wrapped, error) {
	return f.encrypt(ctx, r, key)
}

func (f *funcs) OnDecrypt(ctx context.Context, r *keyring.Request, edks []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
	return f.decrypt(ctx, r, edks)
}
