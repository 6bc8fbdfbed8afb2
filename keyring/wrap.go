package keyring

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha512"
	"fmt"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/kdf"
)

// Intermediate key wrapping (DB-ESDK suites; formats: MPL, raw and KMS keyrings under 0x67xx suites): the provider wraps a fresh 32-byte
// intermediate key; the data key is sealed under a key derived from it, and a second derived key signs the item for this EDK.
// The IV is zero: an intermediate key must never serve two data keys, which is why it is made here for each call and cached nowhere.
const (
	intermediateLen  = 32
	signingKeyLen    = 32
	sealedDataKeyLen = 32 + 16
)

var (
	intermediateMAC = []byte("AWS_MPL_INTERMEDIATE_KEYWRAP_MAC")
	intermediateENC = []byte("AWS_MPL_INTERMEDIATE_KEYWRAP_ENC")
)

// intermediateKeys derives the key-encryption AEAD and the signing key of one EDK.
func intermediateKeys(intermediate []byte) (cipher.AEAD, *Secret, error) {
	var prk [sha512.Size]byte
	var key [32]byte
	defer clear(prk[:])
	defer clear(key[:])
	if err := kdf.ExtractSHA512(&prk, nil, intermediate); err != nil {
		return nil, nil, err
	}
	if err := kdf.ExpandSHA512(key[:], &prk, intermediateENC); err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil { // GODEBUG=fips140=only: the format's IV is not allowed
		return nil, nil, fmt.Errorf("%w: %w", signet.ErrUnsupported, err)
	}
	if err := kdf.ExpandSHA512(key[:], &prk, intermediateMAC); err != nil {
		return nil, nil, err
	}
	return aead, NewSecret(key[:]), nil
}

func (k *single) wrapItem(ctx context.Context, r *Request, dataKey *Secret) (*Wrapped, error) {
	intermediate, edk, err := k.fresh(ctx, r, intermediateLen)
	if err != nil {
		return nil, err
	}
	defer intermediate.Destroy()
	aead, signingKey, err := intermediateKeys(intermediate.Reveal())
	if err != nil {
		return nil, err
	}
	res := &Wrapped{SigningKeys: []*Secret{signingKey}}
	if dataKey == nil {
		dataKey = RandomSecret(r.Suite.DataKeyLen())
		res.DataKey = dataKey
	}
	ct := make([]byte, 0, sealedDataKeyLen+len(edk.Ciphertext))
	ct = aead.Seal(ct, make([]byte, aead.NonceSize()), dataKey.Reveal(), r.AAD)
	edk.Ciphertext = append(ct, edk.Ciphertext...)
	res.EDKs = []EncryptedDataKey{edk}
	return res, nil
}

func (k *single) openItem(ctx context.Context, r *Request, edk *EncryptedDataKey) (*Unwrapped, error) {
	if len(edk.Ciphertext) < sealedDataKeyLen {
		// Too short for the layout; the provider still says whether it is its own.
		b, err := k.unwrap.Unwrap(ctx, r, &EncryptedDataKey{ProviderID: edk.ProviderID, ProviderInfo: edk.ProviderInfo})
		if err == nil {
			clear(b)
			err = fmt.Errorf("%w: shorter than %d bytes", ErrShape, sealedDataKeyLen)
		}
		return nil, err
	}
	inner := *edk
	inner.Ciphertext = edk.Ciphertext[sealedDataKeyLen:]
	intermediate, err := k.unwrapExact(ctx, r, &inner)
	if err != nil {
		return nil, err
	}
	defer clear(intermediate)
	aead, signingKey, err := intermediateKeys(intermediate)
	if err != nil {
		return nil, err
	}
	dataKey, err := aead.Open(nil, make([]byte, aead.NonceSize()), edk.Ciphertext[:sealedDataKeyLen], r.AAD)
	if err != nil {
		signingKey.Destroy()
		return nil, ErrDidNotOpen
	}
	defer clear(dataKey)
	return &Unwrapped{DataKey: NewSecret(dataKey), SigningKey: signingKey}, nil
}
