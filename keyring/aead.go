package keyring

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/wire"
)

// An AEAD encrypts and authenticates bytes, and authenticates associated data with them. Values of tink-crypto/tink-go/v2 and of
// google/tink/go satisfy it; so does *message.AEAD. It is safe for concurrent use, keeps and changes no argument, and its results are
// the caller's.
type AEAD interface {
	Encrypt(plaintext, associatedData []byte) ([]byte, error)
	Decrypt(ciphertext, associatedData []byte) ([]byte, error)
}

// An AEADWithContext is an AEAD, usually a remote one, that can be told to give up. What takes an AEAD asks for it and prefers it.
type AEADWithContext interface {
	EncryptWithContext(ctx context.Context, plaintext, associatedData []byte) ([]byte, error)
	DecryptWithContext(ctx context.Context, ciphertext, associatedData []byte) ([]byte, error)
}

// AEADConfig configures [NewAEAD]. Everything is required.
type AEADConfig struct {
	// ProviderID is the provider id of the messages' encrypted data keys. It must not start with "aws-kms". An AEAD of a Tink keyset under
	// the provider id "tink" is what keyring/tink makes.
	ProviderID string
	// Name is the key's name: the provider information of the encrypted data keys. Provider id and name are stored in the clear and
	// compared byte by byte.
	Name string
	// AEAD wraps the data keys. When it is an [AEADWithContext] too, it is called with the operation's context.
	AEAD AEAD
}

// NewAEAD makes a keyring of an AEAD: an encrypted data key is the AEAD's ciphertext, with the canonical encryption context as associated
// data ([Request.AAD]). No AWS library reads such an encrypted data key by itself. Errors are [*ConfigError]; what the AEAD fails with
// reaches traces as [*AEADError].
func NewAEAD(cfg AEADConfig) (Keyring, error) {
	reason := ""
	switch {
	case cfg.AEAD == nil:
		reason = "an AEAD is needed"
	case cfg.ProviderID == "" || cfg.Name == "":
		reason = "provider id and name must not be empty"
	case !utf8.ValidString(cfg.ProviderID) || !utf8.ValidString(cfg.Name):
		reason = "provider id and name must be valid UTF-8"
	case strings.HasPrefix(cfg.ProviderID, "aws-kms"):
		reason = `the provider id must not start with "aws-kms", which belongs to AWS KMS keyrings`
	case max(len(cfg.ProviderID), len(cfg.Name)) > wire.MaxField:
		reason = fmt.Sprintf("provider id or name has more than %d bytes", wire.MaxField)
	}
	if reason != "" {
		return nil, &ConfigError{"AEAD keyring: " + reason}
	}
	p := &aeadProvider{id: cfg.ProviderID, name: cfg.Name, aead: cfg.AEAD}
	p.remote, _ = cfg.AEAD.(AEADWithContext)
	return New("aead", p, p, &Options{Key: cfg.ProviderID + "/" + cfg.Name}), nil
}

type aeadProvider struct {
	id, name string
	aead     AEAD
	remote   AEADWithContext // nil when the AEAD is none
}

var (
	_ Wrapper   = (*aeadProvider)(nil)
	_ Unwrapper = (*aeadProvider)(nil)
)

func (p *aeadProvider) Wrap(ctx context.Context, r *Request, plaintext []byte) (EncryptedDataKey, error) {
	ct, err := p.encrypt(ctx, plaintext, r.AAD)
	if err != nil {
		return EncryptedDataKey{}, &AEADError{Err: err}
	}
	if len(ct) == 0 {
		return EncryptedDataKey{}, errors.New("the AEAD returned neither a ciphertext nor an error")
	}
	return EncryptedDataKey{ProviderID: p.id, ProviderInfo: []byte(p.name), Ciphertext: ct}, nil
}

func (p *aeadProvider) Unwrap(ctx context.Context, r *Request, edk *EncryptedDataKey) ([]byte, error) {
	if edk.ProviderID != p.id {
		return nil, &Skip{"provider id differs"}
	}
	if string(edk.ProviderInfo) != p.name {
		return nil, &Skip{"key name differs"}
	}
	b, err := p.decrypt(ctx, edk.Ciphertext, r.AAD)
	if err != nil {
		return nil, &AEADError{Decrypt: true, Err: err}
	}
	return b, nil
}

func (p *aeadProvider) encrypt(ctx context.Context, plaintext, aad []byte) ([]byte, error) {
	if p.remote != nil {
		return p.remote.EncryptWithContext(ctx, plaintext, aad)
	}
	return p.aead.Encrypt(plaintext, aad)
}

func (p *aeadProvider) decrypt(ctx context.Context, ciphertext, aad []byte) ([]byte, error) {
	if p.remote != nil {
		return p.remote.DecryptWithContext(ctx, ciphertext, aad)
	}
	return p.aead.Decrypt(ciphertext, aad)
}

// An AEADError is the failure of an AEAD that a caller gave. Most AEADs do not tell a wrong key from a backend that is down: unless Err
// answers for a class of package signet or says that the context ended, a failed Decrypt answers for [signet.ErrAuthentication].
type AEADError struct {
	Decrypt bool
	Err     error
}

func (e *AEADError) Error() string {
	switch {
	case !e.Decrypt:
		return fmt.Sprintf("AEAD did not encrypt: %v", e.Err)
	case e.explained():
		return fmt.Sprintf("AEAD did not decrypt: %v", e.Err)
	}
	return fmt.Sprintf("%v; the AEAD says: %v", ErrDidNotOpen, e.Err)
}

func (e *AEADError) Unwrap() error { return e.Err }

// Is answers for signet.ErrAuthentication as the type says.
func (e *AEADError) Is(target error) bool {
	return target == signet.ErrAuthentication && e.Decrypt && !e.explained()
}

// explained reports whether the AEAD's own error has a class.
func (e *AEADError) explained() bool {
	for _, class := range []error{
		context.Canceled, context.DeadlineExceeded,
		signet.ErrMalformed, signet.ErrPolicy, signet.ErrLimit, signet.ErrContext, signet.ErrNotFound, signet.ErrNoKey, signet.ErrAccessDenied,
		signet.ErrAuthentication, signet.ErrThrottled, signet.ErrUnavailable, signet.ErrUnsupported,
	} {
		if errors.Is(e.Err, class) {
			return true
		}
	}
	return false
}
