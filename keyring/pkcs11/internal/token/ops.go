package token

import (
	"context"
	"fmt"
	"time"

	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/module"
)

// Handle is an object of one epoch.
type Handle struct {
	Object ck.Object
	Epoch  uint64
}

// Encrypt seals src with AES-GCM into dst, which has room for len(src)+16 bytes, and returns the length of the result. src has at most [MaxInput] bytes. iv is
// what the token used afterwards: a token that insists on its own overwrites it. When ctx ends first the error is that of ctx and
// nothing of the caller's is touched any more.
func (t *Token) Encrypt(ctx context.Context, key Handle, iv *[12]byte, aad, dst, src []byte) (int, error) {
	return t.crypt(ctx, opEncrypt, key, 0, iv, aad, dst, src)
}

// Decrypt opens src into dst, which has room for len(src) bytes. Otherwise it is like Encrypt.
func (t *Token) Decrypt(ctx context.Context, key Handle, iv *[12]byte, aad, dst, src []byte) (int, error) {
	return t.crypt(ctx, opDecrypt, key, 0, iv, aad, dst, src)
}

// DecryptOAEP opens src, which has the length of the key's modulus and at most [MaxRSA] bytes, into dst, which has room for as many. The rest is as in
// Encrypt.
func (t *Token) DecryptOAEP(ctx context.Context, key Handle, hash ck.Hash, dst, src []byte) (int, error) {
	return t.crypt(ctx, opOAEP, key, hash, nil, nil, dst, src)
}

// Generate mixes random bytes of the token into secret, which holds random bytes already, so that neither source is trusted alone, and seals
// it into dst like Encrypt. A token without a random generator only seals. secret is changed on success only.
func (t *Token) Generate(ctx context.Context, key Handle, iv *[12]byte, aad, dst, secret []byte) (int, error) {
	if !t.rng {
		return t.crypt(ctx, opEncrypt, key, 0, iv, aad, dst, secret)
	}
	return t.crypt(ctx, opGenerate, key, 0, iv, aad, dst, secret)
}

// crypt runs one operation: hash is for RSA, iv and aad are for AES.
func (t *Token) crypt(ctx context.Context, kind opKind, key Handle, hash ck.Hash, iv *[12]byte, aad, dst, src []byte) (int, error) {
	limit := MaxInput
	if kind == opOAEP {
		limit = MaxRSA
	}
	if len(src) > limit {
		return 0, fmt.Errorf("input of %d bytes is longer than %d", len(src), limit)
	}
	s, err := t.acquire(ctx)
	if err != nil {
		return 0, err
	}
	if key.Epoch != s.epoch {
		t.put(s)
		return 0, ErrStale
	}
	// src is copied always: Generate must not change the caller's bytes when it fails.
	in := s.in[:len(src)]
	copy(in, src)
	o := &s.op
	o.kind, o.key, o.hash, o.src, o.n = kind, key.Object, hash, in, 0
	if iv != nil {
		o.iv = *iv
		o.gcm.IV = &o.iv
	}
	direct := ctx.Done() == nil
	if direct {
		o.gcm.AAD, o.dst = aad, dst
		err = s.direct()
	} else {
		s.aad = append(s.aad[:0], aad...)
		o.gcm.AAD, o.dst = s.aad, s.out[:min(len(dst), len(s.out))]
		var left bool
		if err, left = s.abandonable(ctx); left {
			return 0, err
		}
	}
	if err != nil {
		t.drop(s)
		return 0, err
	}
	n := o.n
	if iv != nil {
		*iv = o.iv
	}
	if kind == opGenerate {
		copy(src, in)
	}
	clear(in)
	if !direct {
		copy(dst, o.dst[:n])
		clear(o.dst) // modules may write more than they return
	}
	o.gcm.AAD, o.src, o.dst = nil, nil, nil
	t.put(s)
	return n, nil
}

// Do runs fn with a work session. fn runs in another goroutine, and maybe for longer than Do, when ctx can be cancelled; so it must own
// what it touches. It returns the module's errors as they are; after any error the session is closed.
func Do[T any](ctx context.Context, t *Token, fn func(ck.Module, ck.Session) (T, error)) (T, error) {
	var zero T
	s, err := t.acquire(ctx)
	if err != nil {
		return zero, err
	}
	var result T
	s.op = op{kind: opFunc, fn: func(m ck.Module, h ck.Session) (err error) {
		result, err = fn(m, h)
		return err
	}}
	var left bool
	if ctx.Done() == nil {
		err = s.direct()
	} else {
		err, left = s.abandonable(ctx)
	}
	if left {
		return zero, err
	}
	if err != nil {
		t.drop(s)
		return zero, err
	}
	s.op = op{}
	t.put(s)
	return result, nil
}

// DoReadWrite runs fn with a read-write session of its own, which is closed afterwards. The rest is as in [Do].
func DoReadWrite[T any](ctx context.Context, t *Token, fn func(ck.Module, ck.Session) (T, error)) (T, error) {
	return module.Call(ctx, t.mod, func(m ck.Module) (T, error) {
		h, err := t.mod.OpenSession(t.slot, true)
		if err != nil {
			var zero T
			return zero, err
		}
		defer t.mod.CloseSession(h)
		return fn(m, h)
	})
}

// probeInterval is how long a passed probe is believed.
const probeInterval = time.Second

// Probe asks the token whether it is there and the same, which C_GetSessionInfo and even C_OpenSession of some modules do not notice. With
// fresh false, a probe that passed within the last second is believed. At most one runs at a time.
func (t *Token) Probe(ctx context.Context, fresh bool) error {
	select {
	case t.probing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-t.probing }()
	if !fresh && !t.passed.IsZero() && time.Since(t.passed) < probeInterval {
		return nil
	}
	info, err := module.Call(ctx, t.mod, func(m ck.Module) (ck.TokenInfo, error) { return m.TokenInfo(t.slot) })
	if err != nil {
		return err
	}
	if info.Label != t.info.Label || info.Serial != t.info.Serial {
		return &Failure{Kind: KindUnavailable, Detail: fmt.Sprintf("the slot holds another token now, %q with serial %s", info.Label, info.Serial)}
	}
	if t.rng {
		if _, err := Do(ctx, t, func(m ck.Module, h ck.Session) (struct{}, error) {
			var b [1]byte
			return struct{}{}, m.GenerateRandom(h, b[:])
		}); err != nil {
			return err
		}
	}
	t.passed = time.Now()
	return nil
}

// LoggedIn reports whether the module still takes the user for logged in. When other code logged out, private objects are not found and
// no call says why.
func (t *Token) LoggedIn(ctx context.Context) (bool, error) {
	if t.pin == nil {
		return true, nil
	}
	state, err := Do(ctx, t, func(m ck.Module, h ck.Session) (uint, error) { return m.SessionState(h) })
	return state == ck.StateROUser || state == ck.StateRWUser, err
}
