package message

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"

	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// AssociatedDataName is the pair of the encryption context by which an [AEAD] binds associated data: standard base64 of it. The pair is
// authenticated and not stored; with empty associated data there is none.
const AssociatedDataName = "associated-data"

// AEADOptions are the optional settings of an [AEAD]; nil means defaults.
type AEADOptions struct {
	// Client has the commitment policy and the limit on encrypted data keys. It is copied.
	Client Client
	// Context is stored in every message and required of every message. It is copied.
	Context keyring.EncryptionContext
	// OnDegraded is that of [EncryptOptions]. It is called from every goroutine that encrypts.
	OnDegraded func([]keyring.Attempt)
}

// An AEAD is a keyring as other libraries want to see it: values of it are a keyring.AEAD and a keyring.AEADWithContext, and the AEAD
// of Tink (tink-crypto/tink-go/v2, google/tink/go), for example to encrypt a keyset or the keys of Tink's envelope encryption under an HSM
// key. Its methods are safe for concurrent use. They ask a key for every call, unless the materials manager caches.
//
// A ciphertext is a message with suite 0x0478: committing, not signed. [Client.Decrypt] and every AWS Encryption SDK that can reproduce pairs
// of the context opens it, given [AssociatedDataName]; without associated data, all of them do.
type AEAD struct {
	client       Client
	plain, bound keyring.MaterialsManager // without associated data, and with it
	context      keyring.EncryptionContext
	onDegraded   func([]keyring.Attempt)
}

var (
	_ keyring.AEAD            = (*AEAD)(nil)
	_ keyring.AEADWithContext = (*AEAD)(nil)
)

// NewAEAD makes an AEAD over a materials manager, for example keyring.NewManager(k). It refuses options under which nothing could be
// encrypted: [*keyring.ConfigError], [*keyring.ContextError], [*keyring.LimitError], [*suite.PolicyError].
func NewAEAD(mm keyring.MaterialsManager, o *AEADOptions) (*AEAD, error) {
	if mm == nil {
		return nil, errNoManager
	}
	if o == nil {
		o = new(AEADOptions)
	}
	a := &AEAD{client: o.Client, plain: mm, context: maps.Clone(o.Context), onDegraded: o.OnDegraded}
	if _, err := a.client.maxEDKs(); err != nil {
		return nil, err
	}
	if err := a.client.checkSuite(suite.AES256GCMCommit()); err != nil {
		return nil, err
	}
	if err := checkContextNames(a.context); err != nil {
		return nil, err
	}
	if _, taken := a.context[AssociatedDataName]; taken {
		return nil, &keyring.ContextError{Key: AssociatedDataName, Reason: "belongs to the associated data"}
	}
	if _, err := keyring.AppendContext(nil, a.context); err != nil {
		return nil, err
	}
	var err error
	if a.bound, err = keyring.RequireContext(mm, AssociatedDataName); err != nil {
		return nil, err
	}
	return a, nil
}

// Encrypt is EncryptWithContext without an end.
func (a *AEAD) Encrypt(plaintext, associatedData []byte) ([]byte, error) {
	return a.EncryptWithContext(context.Background(), plaintext, associatedData)
}

// EncryptWithContext encrypts plaintext, which may be empty, into a whole message. Associated data above some 48 KiB is a [*keyring.LimitError]: its
// base64 and all other pairs of the context share 65,535 bytes. Errors are those of [Client.Encrypt].
func (a *AEAD) EncryptWithContext(ctx context.Context, plaintext, associatedData []byte) ([]byte, error) {
	pair, err := associated(associatedData)
	if err != nil {
		return nil, err
	}
	return a.client.Encrypt(ctx, a.manager(pair), plaintext, &EncryptOptions{
		Context: a.expected(pair), Suite: suite.AES256GCMCommit(), OnDegraded: a.onDegraded,
	})
}

// Decrypt is DecryptWithContext without an end.
func (a *AEAD) Decrypt(ciphertext, associatedData []byte) ([]byte, error) {
	return a.DecryptWithContext(context.Background(), ciphertext, associatedData)
}

// DecryptWithContext opens a message with exactly the context of this AEAD and the associated data; nil and empty associated data are the
// same. A message for another purpose, under the same key, has other pairs and is a [*keyring.ContextError]. Other errors are those of
// [Client.Decrypt].
func (a *AEAD) DecryptWithContext(ctx context.Context, ciphertext, associatedData []byte) ([]byte, error) {
	pair, err := associated(associatedData)
	if err != nil {
		return nil, err
	}
	plaintext, header, err := a.client.Decrypt(ctx, a.manager(pair), ciphertext, &DecryptOptions{ReproducedContext: pair})
	if err != nil {
		return nil, err
	}
	if err := sameContext(header.Context, a.expected(pair)); err != nil {
		clear(plaintext)
		return nil, err
	}
	return plaintext, nil
}

// associated is the pair of associated data, nil for empty data.
func associated(data []byte) (keyring.EncryptionContext, error) {
	const most = wire.MaxField / 4 * 3
	switch n := len(data); {
	case n == 0:
		return nil, nil
	case n > most:
		return nil, &keyring.LimitError{What: "length of the associated data in bytes", Got: int64(n), Max: most}
	}
	return keyring.EncryptionContext{AssociatedDataName: base64.StdEncoding.EncodeToString(data)}, nil
}

func (a *AEAD) manager(pair keyring.EncryptionContext) keyring.MaterialsManager {
	if pair == nil {
		return a.plain
	}
	return a.bound
}

// expected is the whole context of a message; it is shared when there is no pair, so nobody changes it.
func (a *AEAD) expected(pair keyring.EncryptionContext) keyring.EncryptionContext {
	if pair == nil {
		return a.context
	}
	ec := maps.Clone(a.context)
	if ec == nil {
		return pair
	}
	maps.Copy(ec, pair)
	return ec
}

// sameContext compares what was authenticated with what was expected, apart from the pair that signed suites add.
func sameContext(got, want keyring.EncryptionContext) error {
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if v, ok := got[k]; !ok || v != want[k] {
			return &keyring.ContextError{Key: k, Reason: "the message does not have it as this AEAD writes it"}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[k]; !ok && k != keyring.PublicKeyName {
			return &keyring.ContextError{Key: k, Reason: "this AEAD does not write it: the message is another's"}
		}
	}
	return nil
}
