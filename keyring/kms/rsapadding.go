package kms

import (
	"crypto"
	_ "crypto/sha1" // the hashes of OAEP
	_ "crypto/sha256"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/signetkeys/signet/keyring"
)

// RSAPadding is how a data key is padded before RSA. The zero value is invalid. KMS has OAEP with one hash, used for OAEP and for MGF1 alike, and an
// empty label.
type RSAPadding uint8

// The paddings of KMS. Messages do not store which one was used. SHA-1 is for messages that exist.
const (
	OAEPSHA256 RSAPadding = iota + 1 // RSAES_OAEP_SHA_256
	OAEPSHA1                         // RSAES_OAEP_SHA_1
)

// String is the name that [ParseRSAPadding] reads and that the raw RSA keyring uses too.
func (p RSAPadding) String() string {
	switch p {
	case OAEPSHA256:
		return "oaep-sha256"
	case OAEPSHA1:
		return "oaep-sha1"
	}
	return fmt.Sprintf("RSAPadding(%d)", uint8(p))
}

// ParseRSAPadding reads "oaep-sha256" or "oaep-sha1". Errors are [*keyring.ConfigError]; they do not repeat the text.
func ParseRSAPadding(s string) (RSAPadding, error) {
	for p := OAEPSHA256; p <= OAEPSHA1; p++ {
		if p.String() == s {
			return p, nil
		}
	}
	return 0, &keyring.ConfigError{Reason: "RSA padding of KMS must be oaep-sha256 or oaep-sha1"}
}

func (p RSAPadding) hash() crypto.Hash {
	if p == OAEPSHA1 {
		return crypto.SHA1
	}
	return crypto.SHA256
}

func (p RSAPadding) algorithm() types.EncryptionAlgorithmSpec {
	if p == OAEPSHA1 {
		return types.EncryptionAlgorithmSpecRsaesOaepSha1
	}
	return types.EncryptionAlgorithmSpecRsaesOaepSha256
}
