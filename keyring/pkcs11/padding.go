package pkcs11

import (
	"crypto"
	_ "crypto/sha1" // the hashes of OAEP
	_ "crypto/sha256"
	_ "crypto/sha512"
	"fmt"

	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
)

// RSAPadding is how RSA pads data keys: OAEP with one hash, for OAEP and MGF1 alike, and an empty label. Tokens differ in what they can do: SoftHSM
// 2.6 knows SHA-1 only.
type RSAPadding uint8

// The paddings. SHA-1 is for tokens and messages that know nothing else.
const (
	OAEPSHA256 RSAPadding = iota
	OAEPSHA384
	OAEPSHA512
	OAEPSHA1
)

type oaep struct {
	name, hashName string
	hash           crypto.Hash
	mechanism      ck.Hash
}

func (p RSAPadding) oaep() oaep {
	switch p {
	case OAEPSHA256:
		return oaep{"oaep-sha256", "SHA-256", crypto.SHA256, ck.SHA256}
	case OAEPSHA384:
		return oaep{"oaep-sha384", "SHA-384", crypto.SHA384, ck.SHA384}
	case OAEPSHA512:
		return oaep{"oaep-sha512", "SHA-512", crypto.SHA512, ck.SHA512}
	case OAEPSHA1:
		return oaep{"oaep-sha1", "SHA-1", crypto.SHA1, ck.SHA1}
	}
	return oaep{name: fmt.Sprintf("RSAPadding(%d)", uint8(p))}
}

// String is the name that [ParseRSAPadding] reads and that the raw RSA keyring uses too.
func (p RSAPadding) String() string { return p.oaep().name }

// overhead is how many bytes of the modulus the padding needs (RFC 8017, 7.1.1).
func (p RSAPadding) overhead() int { return 2*p.oaep().hash.Size() + 2 }

// ParseRSAPadding reads "oaep-sha256", "oaep-sha384", "oaep-sha512" or "oaep-sha1". Errors are [*keyring.ConfigError].
func ParseRSAPadding(s string) (RSAPadding, error) {
	for p := OAEPSHA256; p <= OAEPSHA1; p++ {
		if p.String() == s {
			return p, nil
		}
	}
	return 0, configError("%s must be oaep-sha256, oaep-sha384, oaep-sha512 or oaep-sha1", PaddingAttribute)
}
