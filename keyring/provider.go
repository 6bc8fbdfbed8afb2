package keyring

import (
	"context"
	"errors"
	"fmt"

	"github.com/signetkeys/signet"
)

// A Wrapper encrypts data keys under one wrapping key. It neither keeps nor changes plaintext, and sets all fields of the EDK that
// it returns.
type Wrapper interface {
	Wrap(ctx context.Context, r *Request, plaintext []byte) (EncryptedDataKey, error)
}

// An Unwrapper opens encrypted data keys. For one that is not its own it returns a [*Skip]; it checks the shape of the EDK before it calls
// a backend. The returned bytes become the framework's, which wipes them.
type Unwrapper interface {
	Unwrap(ctx context.Context, r *Request, edk *EncryptedDataKey) ([]byte, error)
}

// A Generator is a Wrapper whose backend makes random keys: n bytes and their wrapped form in one step.
type Generator interface {
	Generate(ctx context.Context, r *Request, n int) ([]byte, EncryptedDataKey, error)
}

// Options of [New]; nil means defaults.
type Options struct {
	// Key identifies the wrapping key to people, in traces and errors: a name or ARN, never a secret.
	Key string
	// MaxTries bounds how many EDKs of one message are given to the backend; those that the provider skips do not count.
	// 0 means DefaultMaxTries.
	MaxTries int
}

// DefaultMaxTries is how many encrypted data keys of one message a keyring sends to its backend.
const DefaultMaxTries = 64

// New makes a Keyring of a provider. A nil u makes it encrypt-only, a nil w decrypt-only; both nil is a programming error and panics.
// When w is also a [Generator], it makes the keys that are random.
//
// The framework's rules, which no provider repeats: message suites wrap the data key itself, item suites wrap a fresh 32-byte
// intermediate key, which protects the data key and gives the signing key; lengths of all results are checked; a data key is opened by
// the first EDK that fits, others are reported in the trace; the number of tries is bounded; once the context has ended no provider is called.
func New(name string, w Wrapper, u Unwrapper, o *Options) Keyring {
	if w == nil && u == nil {
		panic("keyring: internal error: New without a wrapper and an unwrapper")
	}
	k := &single{name: name, wrap: w, unwrap: u, maxTries: DefaultMaxTries}
	if o != nil {
		k.key = o.Key
		if o.MaxTries > 0 {
			k.maxTries = o.MaxTries
		}
	}
	k.generate, _ = w.(Generator)
	return k
}

type single struct {
	name, key string
	wrap      Wrapper
	unwrap    Unwrapper
	generate  Generator
	maxTries  int
}

var (
	_ Keyring        = (*single)(nil)
	_ EncryptChecker = (*single)(nil)
)

// CanEncrypt reports whether the keyring was made with a wrapper.
func (k *single) CanEncrypt() bool { return k.wrap != nil }

func (k *single) attempt(edk int, err error) Attempt {
	return Attempt{EDK: edk, Provider: k.name, Key: k.key, Err: err}
}

// attemptAt adds what the message says about the EDK. It is called for EDKs that did not open, so it costs the first one nothing.
func (k *single) attemptAt(edks []EncryptedDataKey, i int, err error) Attempt {
	a := k.attempt(i, err)
	a.MessageProvider, a.MessageKey = edks[i].ProviderID, keyNameIn(edks[i].ProviderInfo)
	return a
}

func (k *single) wrapError(reason string, err error) error {
	return &WrapError{Reason: reason, Attempts: []Attempt{k.attempt(-1, err)}}
}

func (k *single) OnEncrypt(ctx context.Context, r *Request, dataKey *Secret) (*Wrapped, error) {
	if k.wrap == nil {
		return nil, k.wrapError("cannot encrypt", &ConfigError{"this keyring is decrypt-only"})
	}
	if err := ctx.Err(); err != nil {
		return nil, k.wrapError("the operation was ended", err)
	}
	if dataKey != nil && dataKey.Len() != r.Suite.DataKeyLen() {
		return nil, k.wrapError("wrong input", fmt.Errorf("the data key has %d bytes and suite %s needs %d", dataKey.Len(), r.Suite, r.Suite.DataKeyLen()))
	}
	var res *Wrapped
	var err error
	if r.Suite.IsItem() {
		res, err = k.wrapItem(ctx, r, dataKey)
	} else {
		res, err = k.wrapMessage(ctx, r, dataKey)
	}
	if err != nil {
		return nil, k.wrapError("the keyring failed", err)
	}
	if err := checkEDKs(r.Suite, res.EDKs); err != nil {
		res.destroy()
		return nil, k.wrapError("the keyring's result is unusable", err)
	}
	return res, nil
}

func (k *single) wrapMessage(ctx context.Context, r *Request, dataKey *Secret) (*Wrapped, error) {
	if dataKey != nil {
		edk, err := k.wrap.Wrap(ctx, r, dataKey.Reveal())
		if err != nil {
			return nil, err
		}
		return &Wrapped{EDKs: []EncryptedDataKey{edk}}, nil
	}
	fresh, edk, err := k.fresh(ctx, r, r.Suite.DataKeyLen())
	if err != nil {
		return nil, err
	}
	return &Wrapped{DataKey: fresh, EDKs: []EncryptedDataKey{edk}}, nil
}

// fresh returns a new random key of n bytes and its wrapped form.
func (k *single) fresh(ctx context.Context, r *Request, n int) (*Secret, EncryptedDataKey, error) {
	if k.generate == nil {
		s := RandomSecret(n)
		edk, err := k.wrap.Wrap(ctx, r, s.Reveal())
		if err != nil {
			s.Destroy()
			return nil, EncryptedDataKey{}, err
		}
		return s, edk, nil
	}
	b, edk, err := k.generate.Generate(ctx, r, n)
	if err != nil {
		return nil, EncryptedDataKey{}, err
	}
	defer clear(b)
	if len(b) != n {
		return nil, EncryptedDataKey{}, fmt.Errorf("the backend generated %d bytes instead of %d", len(b), n)
	}
	return NewSecret(b), edk, nil
}

func (k *single) OnDecrypt(ctx context.Context, r *Request, edks []EncryptedDataKey) (*Unwrapped, error) {
	fail := &UnwrapError{EDKs: len(edks)}
	if k.unwrap == nil {
		fail.Attempts = []Attempt{k.attempt(-1, &ConfigError{"this keyring is encrypt-only"})}
		return nil, fail
	}
	tries := 0
	for i := range edks {
		if err := ctx.Err(); err != nil {
			fail.Attempts = append(fail.Attempts, k.attemptAt(edks, i, err))
			break
		}
		res, err := k.open(ctx, r, &edks[i])
		if err == nil {
			res.Used, res.Attempts = i, fail.Attempts
			return res, nil
		}
		fail.Attempts = append(fail.Attempts, k.attemptAt(edks, i, err))
		var skip *Skip
		if errors.As(err, &skip) {
			continue
		}
		if tries++; tries == k.maxTries && i+1 < len(edks) {
			fail.Attempts = append(fail.Attempts, k.attemptAt(edks, i+1, &LimitError{What: "encrypted data keys to try", Got: int64(len(edks)), Max: int64(k.maxTries)}))
			break
		}
	}
	return nil, fail
}

func (k *single) open(ctx context.Context, r *Request, edk *EncryptedDataKey) (*Unwrapped, error) {
	if r.Suite.IsItem() {
		return k.openItem(ctx, r, edk)
	}
	b, err := k.unwrapExact(ctx, r, edk)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	return &Unwrapped{DataKey: NewSecret(b)}, nil
}

// unwrapExact asks the provider and checks the length of what it opened.
func (k *single) unwrapExact(ctx context.Context, r *Request, edk *EncryptedDataKey) ([]byte, error) {
	b, err := k.unwrap.Unwrap(ctx, r, edk)
	if err != nil {
		return nil, err
	}
	if want := r.Suite.WrappedKeyLen(); len(b) != want {
		clear(b)
		return nil, fmt.Errorf("%w: the opened key has %d bytes and suite %s needs %d", signet.ErrMalformed, len(b), r.Suite, want)
	}
	return b, nil
}
