package pkcs11

import (
	"context"
	"crypto/rsa"
	"errors"
	"io"
	"sync/atomic"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/module"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/token"
)

// Keyring wraps data keys under one AES key or RSA pair in a token. It is safe for concurrent use. Close it when done.
type Keyring struct {
	keyring.Keyring

	cfg   Config
	where place
	mod   *module.Module
	gate  module.Gate // operations of this keyring

	binding chan struct{} // held by the one goroutine that opens the token or looks the key up
	token   atomic.Pointer[token.Token]
	key     atomic.Pointer[boundKey]
	public  atomic.Pointer[rsa.PublicKey] // found without a login

	wraps, unwraps, randoms, lookups atomic.Uint64
}

var (
	_ keyring.Keyring        = (*Keyring)(nil)
	_ keyring.EncryptChecker = (*Keyring)(nil)
	_ io.Closer              = (*Keyring)(nil)
)

// New checks the configuration, loads the module and initializes it. Token, login and key follow with the first operation, so that a keyring
// for an HSM that is away can be part of a multi-keyring; call [Keyring.Check] to have them now. ctx bounds New and is not kept.
//
// Errors: *[Error] for the module, with ErrModuleNotFound, ErrModuleUnusable or ErrDeviceUnavailable; *keyring.ConfigError for the
// configuration; signet.ErrUnsupported in a build without cgo.
func New(ctx context.Context, cfg Config) (*Keyring, error) {
	return newKeyring(ctx, module.Process(), cfg)
}

func newKeyring(ctx context.Context, r *module.Registry, cfg Config) (*Keyring, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	mod, where, err := cfg.open(ctx, r)
	if err != nil {
		return nil, err
	}
	k := &Keyring{cfg: cfg, where: where, mod: mod, binding: make(chan struct{}, 1)}
	var w keyring.Wrapper = (*provider)(k)
	var u keyring.Unwrapper = (*provider)(k)
	switch cfg.Class {
	case PrivateKey:
		w, u = (*rsaProvider)(k), (*rsaProvider)(k)
	case PublicKey:
		w, u = (*rsaProvider)(k), nil
	}
	k.Keyring = keyring.New("pkcs11", w, u, &keyring.Options{Key: cfg.path().KeyName()})
	return k, nil
}

// open loads the configured module.
func (c *Config) open(ctx context.Context, r *module.Registry) (*module.Module, place, error) {
	where := place{token: c.Token.Label, key: c.keyLabel()}
	path, err := c.resolveModule()
	if err != nil {
		var config *keyring.ConfigError
		if errors.As(err, &config) {
			return nil, where, err
		}
		return nil, where, where.fail("load module", err)
	}
	where.module = path
	mod, err := r.OpenWith(ctx, path, c.InitParams)
	if err != nil {
		return nil, where, place{module: path}.fail("load module", err)
	}
	return mod, where, nil
}

// Check finds the token, logs in, finds the key and verifies it, all of which otherwise happens with the first operation, and asks the
// token whether it is still there. Of an RSA pair it also opens a data key of its own making; without a PIN it only looks for the public half.
func (k *Keyring) Check(ctx context.Context) error {
	if err := k.gate.Enter(); err != nil {
		return k.where.fail("check", err)
	}
	defer k.gate.Leave()
	if k.withoutLogin() {
		_, err := k.lookUpPublic(ctx)
		return err
	}
	t, _, err := k.bind(ctx)
	if err != nil {
		return err
	}
	if err := t.Probe(ctx, true); err != nil {
		return place{k.where.module, t.Label(), k.where.key}.unavailable("check", err, "the token does not answer")
	}
	return nil
}

// CanEncrypt reports whether the key may encrypt. Before the key was looked up, it is taken to be able to, and RSA always is.
func (k *Keyring) CanEncrypt() bool {
	b := k.key.Load()
	return k.cfg.Class != SecretKey || b == nil || b.attrs.allows(b.attrs.encrypt)
}

// Name and Namespace are what encrypted data keys of this keyring carry.
func (k *Keyring) Name() string { return k.cfg.Name }

// Namespace: see Name.
func (k *Keyring) Namespace() string { return k.cfg.Namespace }

// Stats counts what a keyring asked of its token, whether it succeeded or not.
type Stats struct {
	Wraps   uint64 // data keys sealed: C_Encrypt, or RSA in this process
	Unwraps uint64 // data keys opened: C_Decrypt
	Randoms uint64 // random bytes drawn for a data key: C_GenerateRandom
	Lookups uint64 // searches for the key
}

// Stats returns the counts since New.
func (k *Keyring) Stats() Stats {
	return Stats{Wraps: k.wraps.Load(), Unwraps: k.unwraps.Load(), Randoms: k.randoms.Load(), Lookups: k.lookups.Load()}
}

// Close waits for the operations of this keyring, closes its sessions unless other keyrings share them, and lets the module go. Operations
// that begin later fail with ErrClosed; a second Close does nothing. An error says that the module was left as it is because a call in it does not
// return.
func (k *Keyring) Close() error {
	if !k.gate.Shut() {
		return nil
	}
	var errs []error
	if t := k.token.Swap(nil); t != nil {
		errs = append(errs, t.Release())
	}
	errs = append(errs, k.mod.Close())
	if err := errors.Join(errs...); err != nil {
		return k.where.fail("close", err)
	}
	return nil
}

// bind returns the token and the key, opening and looking up what is missing. One goroutine at a time does that; others wait with their context.
func (k *Keyring) bind(ctx context.Context) (*token.Token, *boundKey, error) {
	if t, b := k.token.Load(), k.key.Load(); t != nil && b != nil && b.handle.Epoch == t.Epoch() {
		return t, b, nil
	}
	select {
	case k.binding <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, k.where.fail("find key", ctx.Err())
	}
	defer func() { <-k.binding }()
	t := k.token.Load()
	if t == nil {
		var err error
		if t, err = token.Open(ctx, k.mod, k.cfg.selector(), k.cfg.PIN, token.Options{MaxSessions: k.cfg.MaxSessions}); err != nil {
			return nil, nil, place{module: k.where.module, token: k.where.token}.fail("open token", err)
		}
		k.token.Store(t)
	}
	if b := k.key.Load(); b != nil && b.handle.Epoch == t.Epoch() {
		return t, b, nil
	}
	k.lookups.Add(1)
	find := findAES
	if k.cfg.Class != SecretKey {
		find = findRSA
	}
	b, err := find(ctx, t, &k.cfg, place{k.where.module, t.Label(), k.where.key})
	if err != nil {
		return nil, nil, err
	}
	k.key.Store(b)
	return t, b, nil
}

// use runs op with the key. When the module does not know the handle any more, the key is looked up once more: it was deleted, which
// the lookup then says, or replaced, or the login is another one.
func (k *Keyring) use(ctx context.Context, name string, op func(*token.Token, *boundKey) error) error {
	if err := k.gate.Enter(); err != nil {
		return k.where.fail(name, err)
	}
	defer k.gate.Leave()
	for again := false; ; again = true {
		t, b, err := k.bind(ctx)
		if err != nil {
			return err
		}
		err = op(t, b)
		if err == nil {
			return nil
		}
		if !again && token.Classify(err) == token.ClassLogin {
			k.key.CompareAndSwap(b, nil)
			continue
		}
		return place{k.where.module, t.Label(), k.where.key}.fail(name, err)
	}
}
