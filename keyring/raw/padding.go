package raw

import (
	"crypto"
	_ "crypto/sha1" // the hashes of OAEP
	_ "crypto/sha256"
	_ "crypto/sha512"
	"fmt"

	"github.com/signetkeys/signet/keyring"
)

// RSAPadding is how a data key is padded before RSA. The zero value is invalid. Each OAEP value stands for one hash, used for OAEP and for
// MGF1 alike, and an empty label.
type RSAPadding uint8

// The paddings of the raw RSA keyring. New keys should use OAEP with SHA-256 or longer; SHA-1 is for tokens and messages that know
// nothing else, and PKCS #1 v1.5 for old messages only.
const (
	OAEPSHA256 RSAPadding = iota + 1
	OAEPSHA384
	OAEPSHA512
	OAEPSHA1
	PKCS1v15
)

func (p RSAPadding) String() string {
	switch p {
	case OAEPSHA256:
		return "oaep-sha256"
	case OAEPSHA384:
		return "oaep-sha384"
	case OAEPSHA512:
		return "oaep-sha512"
	case OAEPSHA1:
		return "oaep-sha1"
	case PKCS1v15:
		return "pkcs1"
	}
	return fmt.Sprintf("RSAPadding(%d)", uint8(p))
}

// hash is 0 for PKCS #1 v1.5.
func (p RSAPadding) hash() crypto.Hash {
	switch p {
	case OAEPSHA256:
		return crypto.SHA256
	case OAEPSHA384:
		return crypto.SHA384
	case OAEPSHA512:
		return crypto.SHA512
	case OAEPSHA1:
		return crypto.SHA1
	}
	return 0
}

// overhead is how many bytes of the modulus a padding needs (RFC 8017, 7.1.1 and 7.2.1).
func (p RSAPadding) overhead() int {
	if p == PKCS1v15 {
		return 11
	}
	return 2*p.hash().Size() + 2
}

// ParseRSAPadding reads what [RSAPadding.String] writes: "oaep-sha256", "oaep-sha384", "oaep-sha512", "oaep-sha1", "pkcs1". Errors are
// [*keyring.ConfigError]; they do not repeat the text.
func ParseRSAPadding(s string) (RSAPadding, error) {
	for p := OAEPSHA256; p <= PKCS1v15; p++ {
		if p.String() == s {
			return p, nil
		}
	}
	return 0, &keyring.ConfigError{Reason: "RSA padding must be oaep-sha256, oaep-sha384, oaep-sha512, oaep-sha1 or pkcs1"}
}
