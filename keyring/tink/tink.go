// Package tink connects signet with Tink, github.com/tink-crypto/tink-go/v2, in both directions.
//
// A keyset wraps data keys:
//
//	keys, err := tink.Parse(ctx, file, kek, nil) // kek: any AEAD, for example a message.AEAD over an HSM keyring
//	k, err := tink.New(tink.Config{Name: "orders", Keyset: keys})
//
// New data keys are wrapped under the keyset's primary key, and every enabled key opens: to rotate, add a key to the keyset, make it the
// primary one and keep the old ones as long as there are messages under them.
//
// And keyrings are a KMS to Tink: [NewKMSClient] makes a registry.KMSClient. For one keyring, message.NewAEAD is enough.
//
// Messages have Tink's ciphertext in their encrypted data keys, under the provider id [ProviderID], so AWS libraries cannot open them by
// themselves. For keys that they share, use keyring/raw.
//
// A program that links github.com/google/tink/go cannot link this package: the two register the same protobuf names and panic. Use
// keyring.NewAEAD and message.NewAEAD there, which need neither.
package tink

import (
	"context"
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
)

// ProviderID is the provider id of encrypted data keys under a keyset; the provider information is the keyset's name. The key's id is in
// the ciphertext, as everywhere in Tink.
const ProviderID = "tink"

// Config configures [New]. Everything is required.
type Config struct {
	// Name is what messages call the keyset. It is stored in the clear, compared byte by byte, and stays when keys are rotated.
	Name   string
	Keyset *Keyset
}

// New makes a keyring that wraps data keys with a keyset: an encrypted data key is Tink's ciphertext under the primary key, with the
// canonical encryption context as associated data. Errors are [*keyring.ConfigError].
func New(cfg Config) (keyring.Keyring, error) {
	reason := ""
	switch {
	case cfg.Keyset == nil || cfg.Keyset.aead == nil:
		reason = "a keyset is needed"
	case cfg.Name == "":
		reason = "name must not be empty"
	case !utf8.ValidString(cfg.Name):
		reason = "name must be valid UTF-8"
	case len(cfg.Name) > wire.MaxField:
		reason = fmt.Sprintf("name has more than %d bytes", wire.MaxField)
	}
	if reason != "" {
		return nil, &keyring.ConfigError{Reason: "tink keyring: " + reason}
	}
	p := &provider{cfg.Name, cfg.Keyset}
	return keyring.New("tink", p, p, &keyring.Options{Key: cfg.Name}), nil
}

type provider struct {
	name string
	keys *Keyset
}

var (
	_ keyring.Wrapper   = (*provider)(nil)
	_ keyring.Unwrapper = (*provider)(nil)
	_ keyring.AEAD      = tink.AEAD(nil)
)

func (p *provider) Wrap(_ context.Context, r *keyring.Request, plaintext []byte) (keyring.EncryptedDataKey, error) {
	ct, err := p.keys.aead.Encrypt(plaintext, r.AAD)
	if err != nil {
		return keyring.EncryptedDataKey{}, &keyring.AEADError{Err: err}
	}
	return keyring.EncryptedDataKey{ProviderID: ProviderID, ProviderInfo: []byte(p.name), Ciphertext: ct}, nil
}

func (p *provider) Unwrap(_ context.Context, r *keyring.Request, edk *keyring.EncryptedDataKey) ([]byte, error) {
	if edk.ProviderID != ProviderID {
		return nil, &keyring.Skip{Reason: "provider id differs"}
	}
	if string(edk.ProviderInfo) != p.name {
		return nil, &keyring.Skip{Reason: "keyset name differs"}
	}
	n := r.Suite.WrappedKeyLen()
	if got := len(edk.Ciphertext); got < n+minOverhead || got > n+maxOverhead {
		return nil, fmt.Errorf("%w: encrypted data key has %d bytes", keyring.ErrShape, got)
	}
	if !p.keys.knows(edk.Ciphertext) {
		return nil, fmt.Errorf("%w; no enabled key of the keyset has the key id %d", keyring.ErrDidNotOpen, binary.BigEndian.Uint32(edk.Ciphertext[1:]))
	}
	b, err := p.keys.aead.Decrypt(edk.Ciphertext, r.AAD)
	if err != nil {
		return nil, keyring.ErrDidNotOpen
	}
	return b, nil
}

// What the AEADs of Tink add to a plaintext, in bytes: at least a nonce of 12 and a tag of 10 (AES-CTR-HMAC), at most a prefix of 5, a
// nonce of 24 (XChaCha20-Poly1305, XAES-GCM) and a tag of 64.
const (
	minOverhead = 12 + 10
	maxOverhead = prefixLen + 24 + 64
	prefixLen   = 5
)
