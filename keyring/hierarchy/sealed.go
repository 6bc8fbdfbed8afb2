package hierarchy

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"

	"github.com/signetkeys/signet/internal/kdf"
	"github.com/signetkeys/signet/keyring"
)

// ProviderID is the provider id of data keys under branch keys. It is also the label of the key derivation and begins the AAD.
const ProviderID = "aws-kms-hierarchy"

// A data key under a branch key: salt, IV, version of the branch key, sealed key, tag.
const (
	saltLen   = 16
	ivLen     = 12
	tagLen    = 16
	headLen   = saltLen + ivLen + versionLen
	sealedKey = headLen + tagLen // and the key itself
)

type sealed struct {
	salt, iv []byte
	version  version
	key      []byte // with the tag
}

// parseSealed cuts an encrypted data key whose plaintext has keyLen bytes; the result has views of it.
func parseSealed(b []byte, keyLen int) (s sealed, err error) {
	if want := sealedKey + keyLen; len(b) != want {
		return s, fmt.Errorf("%w: encrypted data key has %d bytes instead of %d", keyring.ErrShape, len(b), want)
	}
	s.salt, s.iv, s.key = b[:saltLen], b[saltLen:saltLen+ivLen], b[headLen:]
	copy(s.version[:], b[saltLen+ivLen:])
	return s, nil
}

// seal wraps plaintext under a branch key. aad is the canonical encryption context.
func seal(branchKey []byte, id string, v version, aad, plaintext []byte) ([]byte, error) {
	b := make([]byte, headLen, sealedKey+len(plaintext))
	salt, iv := b[:saltLen], b[saltLen:saltLen+ivLen]
	rand.Read(b[:saltLen+ivLen]) // never fails (crypto/rand)
	copy(b[saltLen+ivLen:], v[:])
	aead, err := wrappingKey(branchKey, salt)
	if err != nil {
		return nil, err
	}
	return aead.Seal(b, iv, plaintext, boundContext(id, v, aad)), nil
}

func (s *sealed) open(branchKey []byte, id string, aad []byte) ([]byte, error) {
	aead, err := wrappingKey(branchKey, s.salt)
	if err != nil {
		return nil, err
	}
	b, err := aead.Open(nil, s.iv, s.key, boundContext(id, s.version, aad))
	if err != nil {
		return nil, keyring.ErrDidNotOpen
	}
	return b, nil
}

// wrappingKey derives the key of one data key. The written specification leaves the label out where it describes unwrapping; it is in
// both directions.
func wrappingKey(branchKey, salt []byte) (cipher.AEAD, error) {
	var key [32]byte
	defer clear(key[:])
	if err := kdf.CounterHMAC(crypto.SHA256, key[:], branchKey, []byte(ProviderID), salt); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// boundContext is what a data key is authenticated with.
func boundContext(id string, v version, aad []byte) []byte {
	b := make([]byte, 0, len(ProviderID)+len(id)+versionLen+len(aad))
	b = append(b, ProviderID...)
	b = append(b, id...)
	b = append(b, v[:]...)
	return append(b, aad...)
}
