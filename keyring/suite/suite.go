// Package suite has the algorithm suites of the AWS Encryption SDK message format and of the AWS Database Encryption SDK item
// format as immutable values, and the commitment policies that choose among them. It does no I/O and holds no keys.
//
// Most programs never name a suite: the zero [CommitmentPolicy] picks [AES256GCMCommitECDSAP384].
// Facts: ESDK spec, framework/algorithm-suites; DB-ESDK, structured-encryption.
package suite

import (
	"crypto"
	"crypto/elliptic"
	"fmt"
	"strings"

	"github.com/signetkeys/signet"
)

// A KDF says how a suite makes the content key from the data key.
type KDF uint8

const (
	// KDFNone uses the data key as it is. Materials of such suites are never cached.
	KDFNone KDF = iota + 1
	// KDFHKDF is HKDF (RFC 5869) with the suite's [Suite.Hash].
	KDFHKDF
)

// Format says which container a suite belongs to.
type Format uint8

const (
	// Message is an AWS Encryption SDK message, version 1 or 2.
	Message Format = iota + 1
	// Item is an AWS Database Encryption SDK item. Its data keys are wrapped under an intermediate key.
	Item
)

// Sizes common to every suite, in bytes. The cipher is always AES-GCM.
const (
	IVLen         = 12
	TagLen        = 16
	CommitmentLen = 32
)

// A Suite is one algorithm suite. Values are immutable, made only by this package, and equal suites are the same pointer.
type Suite struct {
	id      uint16
	name    string
	format  Format
	version uint8
	keyLen  int
	kdf     KDF
	hash    crypto.Hash
	commits bool
	curve   elliptic.Curve
}

// ID is the suite's identifier on the wire.
func (s *Suite) ID() uint16 { return s.id }

// Name is the suite's name in the field's spelling, without the "ALG_" prefix that some libraries add.
func (s *Suite) Name() string { return s.name }

// String is the name and the identifier, for messages to people.
func (s *Suite) String() string { return fmt.Sprintf("%s (0x%04X)", s.name, s.id) }

// Format is the container the suite belongs to.
func (s *Suite) Format() Format { return s.format }

// IsItem reports whether data keys of this suite are wrapped under an intermediate key (DB-ESDK suites).
func (s *Suite) IsItem() bool { return s.format == Item }

// MessageVersion is 1 or 2 for message suites and 0 for item suites.
func (s *Suite) MessageVersion() uint8 { return s.version }

// MessageIDLen is the length of a message identifier in bytes: 16 in version 1, 32 in version 2 and in items.
func (s *Suite) MessageIDLen() int {
	if s.version == 1 {
		return 16
	}
	return 32
}

// DataKeyLen is the length of the data key and of the content key, in bytes: 16, 24 or 32.
func (s *Suite) DataKeyLen() int { return s.keyLen }

// WrappedKeyLen is the length in bytes of what a provider wraps: the data key in messages, the 32-byte intermediate key in items.
func (s *Suite) WrappedKeyLen() int {
	if s.format == Item {
		return 32
	}
	return s.keyLen
}

// KDF is how the content key is derived.
func (s *Suite) KDF() KDF { return s.kdf }

// Hash is the hash of the key derivation, 0 when there is none.
func (s *Suite) Hash() crypto.Hash { return s.hash }

// Commits reports whether the header commits to the data key.
func (s *Suite) Commits() bool { return s.commits }

// Signed reports whether the message or item ends with an ECDSA signature.
func (s *Suite) Signed() bool { return s.curve != nil }

// Curve is the curve of the signature, nil when there is none.
func (s *Suite) Curve() elliptic.Curve { return s.curve }

// SignatureHash is the hash that is signed: SHA-256 with P-256, SHA-384 with P-384, 0 when there is no signature.
func (s *Suite) SignatureHash() crypto.Hash {
	switch s.curve {
	case nil:
		return 0
	case elliptic.P256():
		return crypto.SHA256
	default:
		return crypto.SHA384
	}
}

var (
	p256 = elliptic.P256()
	p384 = elliptic.P384()

	aes128NoKDF         = &Suite{0x0014, "AES_128_GCM_IV12_TAG16_NO_KDF", Message, 1, 16, KDFNone, 0, false, nil}
	aes192NoKDF         = &Suite{0x0046, "AES_192_GCM_IV12_TAG16_NO_KDF", Message, 1, 24, KDFNone, 0, false, nil}
	aes256NoKDF         = &Suite{0x0078, "AES_256_GCM_IV12_TAG16_NO_KDF", Message, 1, 32, KDFNone, 0, false, nil}
	aes128HKDF          = &Suite{0x0114, "AES_128_GCM_IV12_TAG16_HKDF_SHA256", Message, 1, 16, KDFHKDF, crypto.SHA256, false, nil}
	aes192HKDF          = &Suite{0x0146, "AES_192_GCM_IV12_TAG16_HKDF_SHA256", Message, 1, 24, KDFHKDF, crypto.SHA256, false, nil}
	aes256HKDF          = &Suite{0x0178, "AES_256_GCM_IV12_TAG16_HKDF_SHA256", Message, 1, 32, KDFHKDF, crypto.SHA256, false, nil}
	aes128HKDFECDSAP256 = &Suite{0x0214, "AES_128_GCM_IV12_TAG16_HKDF_SHA256_ECDSA_P256", Message, 1, 16, KDFHKDF, crypto.SHA256, false, p256}
	aes192HKDFECDSAP384 = &Suite{0x0346, "AES_192_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384", Message, 1, 24, KDFHKDF, crypto.SHA384, false, p384}
	aes256HKDFECDSAP384 = &Suite{0x0378, "AES_256_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384", Message, 1, 32, KDFHKDF, crypto.SHA384, false, p384}
	aes256Commit        = &Suite{0x0478, "AES_256_GCM_HKDF_SHA512_COMMIT_KEY", Message, 2, 32, KDFHKDF, crypto.SHA512, true, nil}
	aes256CommitECDSA   = &Suite{0x0578, "AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384", Message, 2, 32, KDFHKDF, crypto.SHA512, true, p384}
	item                = &Suite{0x6700, "AES_256_GCM_HKDF_SHA512_COMMIT_KEY_SYMSIG_HMAC_SHA384", Item, 0, 32, KDFHKDF, crypto.SHA512, true, nil}
	itemECDSA           = &Suite{0x6701, "AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384_SYMSIG_HMAC_SHA384", Item, 0, 32, KDFHKDF, crypto.SHA512, true, p384}
)

// AES128GCMNoKDF is 0x0014, message version 1.
func AES128GCMNoKDF() *Suite { return aes128NoKDF }

// AES192GCMNoKDF is 0x0046, message version 1.
func AES192GCMNoKDF() *Suite { return aes192NoKDF }

// AES256GCMNoKDF is 0x0078, message version 1.
func AES256GCMNoKDF() *Suite { return aes256NoKDF }

// AES128GCM is 0x0114: HKDF-SHA256, message version 1.
func AES128GCM() *Suite { return aes128HKDF }

// AES192GCM is 0x0146: HKDF-SHA256, message version 1.
func AES192GCM() *Suite { return aes192HKDF }

// AES256GCM is 0x0178: HKDF-SHA256, message version 1.
func AES256GCM() *Suite { return aes256HKDF }

// AES128GCMECDSAP256 is 0x0214: HKDF-SHA256, signed, message version 1.
func AES128GCMECDSAP256() *Suite { return aes128HKDFECDSAP256 }

// AES192GCMECDSAP384 is 0x0346: HKDF-SHA384, signed, message version 1.
func AES192GCMECDSAP384() *Suite { return aes192HKDFECDSAP384 }

// AES256GCMECDSAP384 is 0x0378: HKDF-SHA384, signed, message version 1.
func AES256GCMECDSAP384() *Suite { return aes256HKDFECDSAP384 }

// AES256GCMCommit is 0x0478: HKDF-SHA512, key commitment, message version 2.
func AES256GCMCommit() *Suite { return aes256Commit }

// AES256GCMCommitECDSAP384 is 0x0578: HKDF-SHA512, key commitment, signed, message version 2. It is the default.
func AES256GCMCommitECDSAP384() *Suite { return aes256CommitECDSA }

// ItemAES256GCM is 0x6700, the item suite without ECDSA.
func ItemAES256GCM() *Suite { return item }

// ItemAES256GCMECDSAP384 is 0x6701, the item suite with ECDSA.
func ItemAES256GCMECDSAP384() *Suite { return itemECDSA }

var all = [...]*Suite{
	aes128NoKDF, aes192NoKDF, aes256NoKDF, aes128HKDF, aes192HKDF, aes256HKDF,
	aes128HKDFECDSAP256, aes192HKDFECDSAP384, aes256HKDFECDSAP384, aes256Commit, aes256CommitECDSA,
	item, itemECDSA,
}

// All returns every suite in ascending order of identifier.
func All() []*Suite { return append([]*Suite(nil), all[:]...) }

// ByID returns the suite with this identifier, or false. Identifiers of the two formats never overlap; a message reader must still
// refuse an item suite ([Suite.Format]).
func ByID(id uint16) (*Suite, bool) {
	switch id { // the two that nearly every call asks for
	case 0x0478:
		return aes256Commit, true
	case 0x0578:
		return aes256CommitECDSA, true
	}
	for _, s := range all {
		if s.id == id {
			return s, true
		}
	}
	return nil, false
}

// ByName parses a suite's name: the field's spelling with or without "ALG_", or the identifier as four hexadecimal digits with or
// without "0x". Case does not matter. The error of an unknown name answers for [signet.ErrPolicy] and lists the names.
func ByName(name string) (*Suite, error) {
	n := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(name)), "ALG_")
	hex := strings.TrimPrefix(n, "0X")
	for _, s := range all {
		if n == s.name || hex == fmt.Sprintf("%04X", s.id) {
			return s, nil
		}
	}
	return nil, &UnknownError{Name: name}
}

// UnknownError reports a suite name that no suite has.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.String()
	}
	return fmt.Sprintf("unknown algorithm suite %q; known: %s", e.Name, strings.Join(names, ", "))
}

// Is makes an UnknownError a configuration error.
func (e *UnknownError) Is(target error) bool { return target == signet.ErrPolicy }
