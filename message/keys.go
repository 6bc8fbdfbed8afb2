package message

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha512"

	"github.com/signetkeys/signet/internal/kdf"
	"github.com/signetkeys/signet/keyring/suite"
)

var (
	deriveLabel = []byte("DERIVEKEY")
	commitLabel = []byte("COMMITKEY")
)

// deriveContentKey makes the AEAD that seals header and body, and the commitment to the data key (ESDK spec, framework/algorithm-suites,
// committing suites): one HKDF-SHA512 extract over the data key, salted with the message id, and two expands. The suite id is in the
// first one only.
func deriveContentKey(s *suite.Suite, dataKey, messageID []byte) (cipher.AEAD, [suite.CommitmentLen]byte, error) {
	var commitment [suite.CommitmentLen]byte
	var prk [sha512.Size]byte
	var key [32]byte
	defer clear(prk[:])
	defer clear(key[:])
	if err := kdf.ExtractSHA512(&prk, messageID, dataKey); err != nil {
		return nil, commitment, err
	}
	id := [2]byte{byte(s.ID() >> 8), byte(s.ID())}
	if err := kdf.ExpandSHA512(key[:s.DataKeyLen()], &prk, id[:], deriveLabel); err != nil {
		return nil, commitment, err
	}
	if err := kdf.ExpandSHA512(commitment[:], &prk, commitLabel); err != nil {
		return nil, commitment, err
	}
	block, err := aes.NewCipher(key[:s.DataKeyLen()])
	if err != nil {
		return nil, commitment, err
	}
	aead, err := cipher.NewGCM(block)
	return aead, commitment, err
}
