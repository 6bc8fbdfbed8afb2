package message

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/kdf"
	"github.com/signetkeys/signet/keyring/suite"
)

var (
	deriveLabel = []byte("DERIVEKEY")
	commitLabel = []byte("COMMITKEY")
)

// contentKey is what seals header and body of one message.
type contentKey struct {
	aead       cipher.AEAD
	commitment [suite.CommitmentLen]byte // committing suites only
}

// deriveContentKey makes the content key of a message (ESDK spec, framework/algorithm-suites). Suites without key derivation use the data
// key itself. Version 1: HKDF without salt, the suite id and the message id as info. Version 2: one HKDF-SHA512 extract salted with the
// message id, and two expands; the suite id is in the first one only.
func deriveContentKey(s *suite.Suite, dataKey, messageID []byte) (k contentKey, err error) {
	id := [2]byte{byte(s.ID() >> 8), byte(s.ID())}
	if s.MessageVersion() == version1 {
		if s.KDF() == suite.KDFNone {
			err = k.init(dataKey)
		} else {
			var info [2 + 16]byte
			err = k.initHKDF(s, dataKey, append(append(info[:0], id[:]...), messageID...))
		}
		return k, err
	}
	var prk [sha512.Size]byte
	var key [32]byte
	defer clear(prk[:])
	defer clear(key[:])
	if err := kdf.ExtractSHA512(&prk, messageID, dataKey); err != nil {
		return k, err
	}
	if err := kdf.ExpandSHA512(key[:s.DataKeyLen()], &prk, id[:], deriveLabel); err != nil {
		return k, err
	}
	if err := kdf.ExpandSHA512(k.commitment[:], &prk, commitLabel); err != nil {
		return k, err
	}
	err = k.init(key[:s.DataKeyLen()])
	return k, err
}

// deriveWithoutMessageID makes the content key as release 4.0.0 of the .NET client did in suites with HKDF of version 1: the message id is
// missing from the info.
func deriveWithoutMessageID(s *suite.Suite, dataKey []byte) (k contentKey, err error) {
	err = k.initHKDF(s, dataKey, []byte{byte(s.ID() >> 8), byte(s.ID())})
	return k, err
}

func (k *contentKey) initHKDF(s *suite.Suite, dataKey, info []byte) error {
	key, err := kdf.HKDF(s.Hash(), dataKey, nil, info, s.DataKeyLen())
	if err != nil {
		return err
	}
	defer clear(key)
	return k.init(key)
}

func (k *contentKey) init(key []byte) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	if k.aead, err = cipher.NewGCM(block); err != nil { // GODEBUG=fips140=only: the format's IVs are not allowed
		return fmt.Errorf("message: %w: %w", signet.ErrUnsupported, err)
	}
	return nil
}

// commitsTo reports in constant time whether the header's commitment is that of this key. Suites without commitment always do.
func (k *contentKey) commitsTo(h *header) bool {
	return !h.suite.Commits() || subtle.ConstantTimeCompare(k.commitment[:], h.commitment) == 1
}
