package cache

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
	"slices"

	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// Identifiers (ESDK spec, framework/caching-cmm 0.4.0) are SHA-384 digests of fields joined by 00:
//
//	encrypt, no suite given:  01, 01, P, 00, S
//	encrypt, suite given:     01, 01, P, 01, suite id, S
//	decrypt:                  01, 02, P, suite id, E, S
//
// P is the partition, E the sorted entries of the encrypted data keys, S the canonical context. Signet adds two forms, which the specified
// ones cannot equal. Without a suite, under a policy whose default is not the newest suite, encryption has 01, 01, P, 02, default's id, S:
// requests under other policies do not share its entries. On decryption S is the whole context, stored and reproduced, and when
// some keys are required (reproduced and not stored), 00 and R follow: their u16 count, then each key behind a u16 length, ascending.
//
// A partition has no 00 byte, so the fields up to the suite id are unambiguous. E and S are not: 00 also starts many entries. Hence a key
// has the length of E beside the digest; with it, S begins at a known place and ends by its own count, and R is what follows.

// A key is an identifier and what makes it unambiguous. The same encrypted data keys in another order have the same identifier and another key:
// what the materials say of their position would be wrong.
type key struct {
	id    ID
	edks  int      // length of E in bytes
	order [32]byte // digest of several encrypted data keys as they stand in the message
}

const (
	joint      = 0x00
	version    = 0x01
	forEncrypt = 0x01
	forDecrypt = 0x02

	noSuite    = 0x00
	givenSuite = 0x01
	anySuite   = 0x02 // none given, and the policy's default is not the newest
)

// idPrefix is the constant beginning of a manager's identifiers.
func idPrefix(operation byte, partition string) []byte {
	return append(append([]byte{version, joint, operation, joint}, partition...), joint)
}

// encryptionKey is the key of a request; def is the default suite of its policy.
func encryptionKey(prefix []byte, given, def *suite.Suite, ec keyring.EncryptionContext) (key, error) {
	var stack [512]byte
	b := append(stack[:0], prefix...)
	switch {
	case given != nil:
		b = append(b, givenSuite, joint)
		b = append(binary.BigEndian.AppendUint16(b, given.ID()), joint)
	case def == suite.AES256GCMCommitECDSAP384():
		b = append(b, noSuite, joint)
	default:
		b = append(b, anySuite, joint)
		b = append(binary.BigEndian.AppendUint16(b, def.ID()), joint)
	}
	b, err := keyring.AppendContext(b, ec)
	if err != nil {
		return key{}, err
	}
	return key{id: sha512.Sum384(b)}, nil
}

// decryptionKey is the key of a request with the whole context and the ascending required keys among it. The fields of the encrypted data
// keys are within [wire.MaxField].
func decryptionKey(prefix []byte, s *suite.Suite, edks []keyring.EncryptedDataKey, ec keyring.EncryptionContext, required []string) (key, error) {
	var stack [1024]byte
	b := append(stack[:0], prefix...)
	b = append(binary.BigEndian.AppendUint16(b, s.ID()), joint)
	start := len(b)
	var k key
	if len(edks) == 1 {
		b = wire.AppendEDK(b, edks[0].ProviderID, edks[0].ProviderInfo, edks[0].Ciphertext)
	} else {
		b, k.order = appendSorted(b, edks)
	}
	k.edks = len(b) - start
	b = append(b, joint)
	b, err := keyring.AppendContext(b, ec)
	if err != nil {
		return key{}, err
	}
	if len(required) > 0 {
		b = append(b, joint)
		b = binary.BigEndian.AppendUint16(b, uint16(len(required)))
		for _, name := range required {
			b = binary.BigEndian.AppendUint16(b, uint16(len(name)))
			b = append(b, name...)
		}
	}
	k.id = sha512.Sum384(b)
	return k, nil
}

// appendSorted appends the entries in ascending order and returns a digest of them in the order given.
func appendSorted(b []byte, edks []keyring.EncryptedDataKey) ([]byte, [32]byte) {
	size := 0
	for i := range edks {
		size += wire.EDKLen(edks[i].ProviderID, edks[i].ProviderInfo, edks[i].Ciphertext)
	}
	entries := make([][]byte, len(edks))
	text := make([]byte, 0, size) // never grows, so entries stay views of it
	for i := range edks {
		start := len(text)
		text = wire.AppendEDK(text, edks[i].ProviderID, edks[i].ProviderInfo, edks[i].Ciphertext)
		entries[i] = text[start:]
	}
	order := sha512.Sum512_256(text)
	slices.SortFunc(entries, bytes.Compare)
	for _, e := range entries {
		b = append(b, e...)
	}
	return b, order
}
