// Package hierarchy has keyrings that wrap data keys locally under a branch key, a 32-byte key that serves many messages or items. It is
// the hierarchical keyring of the AWS libraries: the same branch key id, version and key bytes open each other's messages and items.
//
// [NewStatic] takes the branch key itself. Use it where something else already protects and distributes the key, and to read what was
// written under a key that is known. The process holds the key, as with keyring/raw; with an HSM at hand prefer keyring/pkcs11.
package hierarchy

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
)

// BranchKeyLen is the length of a branch key in bytes.
const BranchKeyLen = 32

// StaticConfig configures [NewStatic]. Everything is required.
type StaticConfig struct {
	// BranchKeyID names the branch key. It is stored in messages in the clear and compared byte by byte; the AWS key store makes UUIDs.
	BranchKeyID string
	// Version is the UUID of this version of the branch key, as 36 characters: e9ce18a3-edb5-4272-9f86-1cacb7997ff6. It is stored too.
	Version string
	// Key is the branch key: exactly [BranchKeyLen] bytes. It is copied.
	Key []byte
}

// Format prints the names and not the key, for every verb.
func (c StaticConfig) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "StaticConfig{%q, version %q, key [secret]}", c.BranchKeyID, c.Version)
}

// MarshalText is Format for encoders.
func (c StaticConfig) MarshalText() ([]byte, error) { return fmt.Append(nil, c), nil }

// NewStatic makes a keyring that wraps data keys under one version of one branch key (ESDK spec, framework/aws-kms/aws-kms-hierarchical-keyring):
// each is sealed with AES-256-GCM under a key of its own, derived from the branch key and a random salt of 16 bytes, with the
// encryption context as AAD. It reads and writes this version only; a data key under another version of the branch key is a
// [*VersionError]. Errors of NewStatic are [*keyring.ConfigError].
func NewStatic(cfg StaticConfig) (keyring.Keyring, error) {
	reason := ""
	switch {
	case cfg.BranchKeyID == "":
		reason = "the branch key id must not be empty"
	case !utf8.ValidString(cfg.BranchKeyID) || strings.ContainsRune(cfg.BranchKeyID, 0):
		reason = "the branch key id must be valid UTF-8 without zero bytes"
	case len(cfg.BranchKeyID) > wire.MaxField:
		reason = fmt.Sprintf("the branch key id has %d bytes; it may have %d", len(cfg.BranchKeyID), wire.MaxField)
	case len(cfg.Key) != BranchKeyLen:
		reason = fmt.Sprintf("the branch key has %d bytes; it must have exactly %d", len(cfg.Key), BranchKeyLen)
	}
	version, ok := parseVersion(cfg.Version)
	if reason == "" && !ok {
		reason = "the version must be a UUID of 36 characters"
	}
	if reason != "" {
		return nil, &keyring.ConfigError{Reason: "hierarchical keyring: " + reason}
	}
	p := &static{id: cfg.BranchKeyID, version: version, key: keyring.NewSecret(cfg.Key)}
	return keyring.New("hierarchy", p, p, &keyring.Options{Key: cfg.BranchKeyID}), nil
}

// static is the provider over one version of one branch key.
type static struct {
	id      string
	version version
	key     *keyring.Secret
}

var (
	_ keyring.Wrapper   = (*static)(nil)
	_ keyring.Unwrapper = (*static)(nil)
)

func (p *static) Wrap(_ context.Context, r *keyring.Request, plaintext []byte) (keyring.EncryptedDataKey, error) {
	ct, err := seal(p.key.Reveal(), p.id, p.version, r.AAD, plaintext)
	if err != nil {
		return keyring.EncryptedDataKey{}, err
	}
	return keyring.EncryptedDataKey{ProviderID: ProviderID, ProviderInfo: []byte(p.id), Ciphertext: ct}, nil
}

func (p *static) Unwrap(_ context.Context, r *keyring.Request, edk *keyring.EncryptedDataKey) ([]byte, error) {
	if edk.ProviderID != ProviderID {
		return nil, &keyring.Skip{Reason: "provider id differs"}
	}
	if string(edk.ProviderInfo) != p.id {
		return nil, &keyring.Skip{Reason: "branch key id differs"}
	}
	s, err := parseSealed(edk.Ciphertext, r.Suite.WrappedKeyLen())
	if err != nil {
		return nil, err
	}
	if s.version != p.version {
		return nil, &VersionError{BranchKeyID: p.id, Version: s.version.String()}
	}
	return s.open(p.key.Reveal(), p.id, r.AAD)
}
