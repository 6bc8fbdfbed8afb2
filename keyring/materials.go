package keyring

import (
	"context"
	"crypto/ecdsa"
	"fmt"

	"github.com/signetkeys/signet/keyring/suite"
)

// A MaterialsManager (the field says cryptographic materials manager, CMM) assembles what a format needs for one operation. It is safe for
// concurrent use.
type MaterialsManager interface {
	EncryptionMaterials(ctx context.Context, r *EncryptionRequest) (*EncryptionMaterials, error)
	DecryptionMaterials(ctx context.Context, r *DecryptionRequest) (*DecryptionMaterials, error)
}

// UnknownLength says that neither the plaintext's length nor a bound for it is known.
const UnknownLength = -1

// An EncryptionRequest is what a format asks of a manager. Managers read it and do not keep it.
type EncryptionRequest struct {
	Context EncryptionContext
	Suite   *suite.Suite           // nil: the policy's default
	Policy  suite.CommitmentPolicy // not applied to item suites
	Length  int64                  // plaintext bytes, or an upper bound, or UnknownLength; feeds the byte limit of caches
}

// EncryptionMaterials are immutable: formats read them, and call [EncryptionMaterials.Release] exactly when done with the secrets.
// Cached materials are shared between operations.
type EncryptionMaterials struct {
	Suite        *suite.Suite
	Context      EncryptionContext // the full context; signed suites: with the public key
	AAD          []byte            // its canonical bytes
	RequiredKeys []string          // keys of Context that are authenticated but not stored, ascending
	EDKs         []EncryptedDataKey
	DataKey      *Secret
	SigningKey   *ecdsa.PrivateKey // signed suites; nil otherwise
	SigningKeys  []*Secret         // item suites: one per EDK
	Degraded     []Attempt         // optional keyrings that did not wrap the data key

	// Owner, when set, is told by Release instead of destroying the secrets: they belong to a cache, or to the materials that these are a
	// copy of.
	Owner    Releaser
	released bool
}

// A Releaser owns the secrets of shared materials.
type Releaser interface{ Release() }

// Release ends the use of the secrets. Further calls do nothing. It is not safe for concurrent use.
func (m *EncryptionMaterials) Release() {
	if m == nil || m.released {
		return
	}
	m.released = true
	if m.Owner != nil {
		m.Owner.Release()
		return
	}
	m.Destroy()
}

// Copy returns materials that a manager may change before it passes them on: fields may be replaced, what they refer to is shared and may
// not. Releasing the copy releases m, which its holder must then not do itself.
func (m *EncryptionMaterials) Copy() *EncryptionMaterials {
	c := *m
	c.Owner = m
	return &c
}

// Destroy wipes the secrets. It is for their owner: the default manager's materials through Release, and caches.
func (m *EncryptionMaterials) Destroy() {
	m.DataKey.Destroy()
	for _, s := range m.SigningKeys {
		s.Destroy()
	}
	m.SigningKey = nil // the standard library gives no way to wipe it
}

// Format prints no secrets, for every verb, also of copies and fields.
func (m EncryptionMaterials) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "EncryptionMaterials{suite %v, %d EDKs, %s}", m.Suite, len(m.EDKs), redacted)
}

// MarshalText is Format for encoders, which would reach the signing key.
func (m EncryptionMaterials) MarshalText() ([]byte, error) { return fmt.Append(nil, m), nil }

// A DecryptionRequest is what a format asks of a manager. Managers read it and do not keep it.
type DecryptionRequest struct {
	Suite      *suite.Suite
	Context    EncryptionContext // as stored
	Reproduced EncryptionContext // pairs that the caller knows; those that are not stored become required keys
	EDKs       []EncryptedDataKey
	Policy     suite.CommitmentPolicy
}

// DecryptionMaterials are immutable: formats read them, and call [DecryptionMaterials.Release] exactly when done with the secrets.
type DecryptionMaterials struct {
	Suite           *suite.Suite
	Context         EncryptionContext // stored and reproduced pairs
	AAD             []byte            // its canonical bytes
	RequiredKeys    []string          // keys of Context that were reproduced and are not stored, ascending
	DataKey         *Secret
	SigningKey      *Secret          // item suites: the key of the EDK that opened
	VerificationKey *ecdsa.PublicKey // signed suites; nil otherwise
	Used            int              // index of the EDK that opened
	Attempts        []Attempt        // what was tried before it

	// Owner, when set, is told by Release instead of destroying the secrets: they belong to a cache, or to the materials that these are a
	// copy of.
	Owner    Releaser
	released bool
}

// Release ends the use of the secrets. Further calls do nothing. It is not safe for concurrent use.
func (m *DecryptionMaterials) Release() {
	if m == nil || m.released {
		return
	}
	m.released = true
	if m.Owner != nil {
		m.Owner.Release()
		return
	}
	m.Destroy()
}

// Copy returns materials that a manager may change before it passes them on; see [EncryptionMaterials.Copy].
func (m *DecryptionMaterials) Copy() *DecryptionMaterials {
	c := *m
	c.Owner = m
	return &c
}

// Destroy wipes the secrets; see [EncryptionMaterials.Destroy].
func (m *DecryptionMaterials) Destroy() {
	m.DataKey.Destroy()
	m.SigningKey.Destroy()
}

// Format prints no secrets, for every verb.
func (m DecryptionMaterials) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "DecryptionMaterials{suite %v, %s}", m.Suite, redacted)
}

// MarshalText is Format for encoders.
func (m DecryptionMaterials) MarshalText() ([]byte, error) { return fmt.Append(nil, m), nil }
