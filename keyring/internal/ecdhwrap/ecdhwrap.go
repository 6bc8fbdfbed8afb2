// Package ecdhwrap wraps data keys under a secret that two parties agreed on by ECDH: the counter mode KDF of SP 800-108 with HMAC-SHA-384, a
// commitment to the derived key, AES-256-GCM (ESDK spec, framework/raw-ecdh-keyring). Keyrings of keys in the process and of keys in KMS differ
// only in how they come to the secret.
package ecdhwrap

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"fmt"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/kdf"
	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
)

// Provider ids of the encrypted data keys.
const (
	RawProviderID = "raw-ecdh"     // the writer had its private key in the process
	KMSProviderID = "aws-kms-ecdh" // the writer's private key is in AWS KMS
)

// Parties are the compressed points of the two that agree, as messages store them.
type Parties struct{ Sender, Recipient []byte }

// Wrap wraps a data key under a shared secret. Nothing is kept; shared stays the caller's.
func (c *Curve) Wrap(providerID string, shared []byte, p Parties, r *keyring.Request, plaintext []byte) (keyring.EncryptedDataKey, error) {
	fixed := c.fixedInfo(p, r)
	ct := make([]byte, wire.ECDHPrefixLen, wire.ECDHPrefixLen+len(plaintext)+wire.AESTagLen)
	salt := ct[:wire.ECDHSaltLen]
	rand.Read(salt) // never fails (crypto/rand)
	aead, commitment, err := derive(shared, fixed, salt)
	if err != nil {
		return keyring.EncryptedDataKey{}, err
	}
	copy(ct[wire.ECDHSaltLen:], commitment[:])
	ct = aead.Seal(ct, zeroIV[:], plaintext, fixed)
	info := wire.AppendECDHInfo(make([]byte, 0, wire.ECDHInfoLen(c.PointLen)), p.Recipient, p.Sender)
	return keyring.EncryptedDataKey{ProviderID: providerID, ProviderInfo: info, Ciphertext: ct}, nil
}

// Parties returns the points that an encrypted data key names, as views of it. reason says why they are not points of this curve; whether they are
// on it is not checked.
func (c *Curve) Parties(edk *keyring.EncryptedDataKey) (p Parties, reason string) {
	p.Recipient, p.Sender, reason = wire.ParseECDHInfo(edk.ProviderInfo, c.PointLen)
	return p, reason
}

// CheckShape refuses a ciphertext that cannot hold a wrapped key of the suite: [keyring.ErrShape].
func CheckShape(r *keyring.Request, edk *keyring.EncryptedDataKey) error {
	if want := wire.ECDHPrefixLen + r.Suite.WrappedKeyLen() + wire.AESTagLen; len(edk.Ciphertext) != want {
		return fmt.Errorf("%w: encrypted data key has %d bytes instead of %d", keyring.ErrShape, len(edk.Ciphertext), want)
	}
	return nil
}

// Unwrap opens the ciphertext of an encrypted data key. A secret, parties or context other than those it was made with, and any change of it, are
// [keyring.ErrDidNotOpen]; what CheckShape refuses it refuses, too.
func (c *Curve) Unwrap(shared []byte, p Parties, r *keyring.Request, edk *keyring.EncryptedDataKey) ([]byte, error) {
	if err := CheckShape(r, edk); err != nil {
		return nil, err
	}
	ciphertext := edk.Ciphertext
	salt, commitment := ciphertext[:wire.ECDHSaltLen], ciphertext[wire.ECDHSaltLen:wire.ECDHPrefixLen]
	fixed := c.fixedInfo(p, r)
	aead, want, err := derive(shared, fixed, salt)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(commitment, want[:]) != 1 {
		return nil, keyring.ErrDidNotOpen
	}
	b, err := aead.Open(nil, zeroIV[:], ciphertext[wire.ECDHPrefixLen:], fixed)
	if err != nil {
		return nil, keyring.ErrDidNotOpen
	}
	return b, nil
}

// zeroIV: a wrapping key is used once, because its salt is new for each wrap.
var zeroIV [wire.AESIVLen]byte

func (c *Curve) fixedInfo(p Parties, r *keyring.Request) []byte {
	const most = 64 // of the constant parts
	return wire.AppendECDHFixedInfo(make([]byte, 0, most+2*c.PointLen+len(r.AAD)), c.Name, p.Sender, p.Recipient, r.AAD)
}

// derive returns the wrapping key and the commitment to it.
func derive(shared, fixed, salt []byte) (aead cipher.AEAD, commitment [wire.ECDHCommitmentLen]byte, err error) {
	var okm [wire.ECDHCommitmentLen + 32]byte
	defer clear(okm[:])
	if err := kdf.CounterHMAC(crypto.SHA384, okm[:], shared, fixed, salt); err != nil {
		return nil, commitment, err
	}
	copy(commitment[:], okm[:])
	block, err := aes.NewCipher(okm[wire.ECDHCommitmentLen:])
	if err == nil {
		aead, err = cipher.NewGCM(block)
	}
	if err != nil { // GODEBUG=fips140=only: the format's IV is not allowed
		return nil, commitment, fmt.Errorf("ECDH: %w: %w", err, signet.ErrUnsupported)
	}
	return aead, commitment, nil
}
