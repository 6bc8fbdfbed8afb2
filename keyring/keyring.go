// Package keyring is the contract between data formats and keys. A [Keyring] makes and opens data keys; a [MaterialsManager] (the field says
// CMM) asks a keyring and returns everything a format needs for one operation.
//
// To encrypt something, use package message or ddb with a keyring from a provider package (keyring/raw, keyring/pkcs11) or config/all. To
// use several keys at once, [NewMulti]. To add a backend, implement [Wrapper] and [Unwrapper] and let [New] apply the framework's rules;
// then run package keyringtest on it.
//
// Keyrings, managers and providers are safe for concurrent use. Inputs are never changed, and results never alias them
// or each other, with one exception: the Context of decryption materials may be the request's own map, which neither side changes then.
package keyring

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring/suite"
)

// An EncryptionContext is the set of string pairs that is authenticated with data and bound to its wrapped data keys. It is not secret:
// messages store it in the clear. Keys and values are valid UTF-8; keys starting with [ReservedPrefix] are the formats' own.
type EncryptionContext map[string]string

const (
	// ReservedPrefix starts the names of pairs that only formats and managers add.
	ReservedPrefix = "aws-crypto-"
	// PublicKeyName is the pair of signed suites that holds the verification key: standard base64 of a compressed SEC1 point.
	PublicKeyName = "aws-crypto-public-key"
)

// An EncryptedDataKey (EDK) is a data key under one wrapping key, as a message stores it. Each field has at most 65,535 bytes.
type EncryptedDataKey struct {
	ProviderID   string // compared byte by byte; taken from a message, it is untrusted text
	ProviderInfo []byte
	Ciphertext   []byte
}

// A Request is what one operation tells its keyrings. Keyrings and providers read it, never change it, and do not keep it.
type Request struct {
	Suite   *suite.Suite
	Context EncryptionContext // the full context: stored and reproduced pairs, public key
	AAD     []byte            // its canonical bytes, made once per operation; empty for an empty context
}

// NewRequest serializes the context. The error is for a context that is too large ([signet.ErrLimit]) or not UTF-8 ([signet.ErrContext]).
func NewRequest(s *suite.Suite, ec EncryptionContext) (*Request, error) {
	aad, err := AppendContext(nil, ec)
	if err != nil {
		return nil, err
	}
	return &Request{Suite: s, Context: ec, AAD: aad}, nil
}

// AppendContext appends the canonical bytes of a context: nothing for an empty one, else count and pairs in ascending order of the keys'
// bytes (ESDK spec, framework/structures, serialization). They never exceed 65,535 bytes. Errors are [*LimitError] and [*ContextError].
func AppendContext(dst []byte, ec EncryptionContext) ([]byte, error) {
	b, err := wire.AppendContext(dst, ec)
	if err == nil {
		return b, nil
	}
	var we *wire.ContextError
	if errors.As(err, &we) && we.Class == signet.ErrContext {
		return dst, &ContextError{Key: we.Key, Reason: we.Reason}
	}
	return dst, &LimitError{What: "encryption context: length of a key, a value or all pairs in bytes", Got: contextLen(ec), Max: wire.MaxField}
}

// contextLen is the length of the canonical bytes of a context that may be too long.
func contextLen(ec EncryptionContext) int64 {
	n := int64(2)
	for k, v := range ec {
		n += 4 + int64(len(k)) + int64(len(v))
	}
	return n
}

// Keyring wraps and unwraps data keys. Most are made by [New] or [NewMulti].
type Keyring interface {
	// OnEncrypt wraps dataKey, which stays the caller's; with nil it makes a data key first and returns it. It returns at least one
	// EDK or an error.
	OnEncrypt(ctx context.Context, r *Request, dataKey *Secret) (*Wrapped, error)
	// OnDecrypt opens the first data key that it can. Nothing tried and nothing opened are both errors, of type [*UnwrapError].
	OnDecrypt(ctx context.Context, r *Request, edks []EncryptedDataKey) (*Unwrapped, error)
}

// Wrapped is the result of [Keyring.OnEncrypt]. Its secrets belong to the caller, who destroys them.
type Wrapped struct {
	DataKey     *Secret            // set when it was made here
	EDKs        []EncryptedDataKey // in the order of the keyrings
	SigningKeys []*Secret          // item suites: one of 32 bytes per EDK, in order
	Degraded    []Attempt          // optional children that failed
}

// Unwrapped is the result of [Keyring.OnDecrypt]. Its secrets belong to the caller, who destroys them.
type Unwrapped struct {
	DataKey    *Secret
	SigningKey *Secret   // item suites: the key of the EDK that opened, 32 bytes
	Used       int       // index of the EDK that opened
	Attempts   []Attempt // what was tried before it; nil when the first one opened
}

// complete says what is missing from a result that came with no error: a third party's keyring may return anything.
func (w *Wrapped) complete(s *suite.Suite) error {
	switch {
	case w == nil:
		return errors.New("no result")
	case len(w.EDKs) == 0:
		return errors.New("no encrypted data key")
	case !s.IsItem():
		return nil
	case len(w.SigningKeys) != len(w.EDKs):
		return fmt.Errorf("%d signing keys for %d encrypted data keys", len(w.SigningKeys), len(w.EDKs))
	}
	for i, k := range w.SigningKeys {
		if k == nil || k.Len() != signingKeyLen {
			return fmt.Errorf("signing key %d does not have %d bytes", i, signingKeyLen)
		}
	}
	return nil
}

func (w *Wrapped) destroy() {
	if w == nil {
		return
	}
	w.DataKey.Destroy()
	for _, s := range w.SigningKeys {
		s.Destroy()
	}
}

func (u *Unwrapped) destroy() {
	if u == nil {
		return
	}
	u.DataKey.Destroy()
	u.SigningKey.Destroy()
}

// An EncryptChecker is a keyring that knows whether it can encrypt. [NewMulti] refuses a generator or child that says no; a keyring without
// this method is taken to be able to.
type EncryptChecker interface{ CanEncrypt() bool }

func canEncrypt(k Keyring) bool {
	c, ok := k.(EncryptChecker)
	return !ok || c.CanEncrypt()
}

// Limits on what a keyring may return and a format may store.
const (
	maxMessageEDKs = wire.MaxField
	maxItemEDKs    = 255
)

func checkEDKs(s *suite.Suite, edks []EncryptedDataKey) error {
	limit := maxMessageEDKs
	if s.IsItem() {
		limit = maxItemEDKs
	}
	if len(edks) == 0 {
		return &ConfigError{"the keyring returned no encrypted data key"}
	}
	if len(edks) > limit {
		return &LimitError{What: "encrypted data keys", Got: int64(len(edks)), Max: int64(limit)}
	}
	for i := range edks {
		e := &edks[i]
		if !utf8.ValidString(e.ProviderID) {
			return &ConfigError{"the provider id of an encrypted data key is not valid UTF-8"}
		}
		for _, f := range [...]struct {
			what string
			n    int
		}{{"provider id", len(e.ProviderID)}, {"provider information", len(e.ProviderInfo)}, {"encrypted data key", len(e.Ciphertext)}} {
			if f.n > wire.MaxField {
				return &LimitError{What: "length of the " + f.what + " in bytes", Got: int64(f.n), Max: wire.MaxField}
			}
		}
	}
	return nil
}
