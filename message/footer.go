package message

import (
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"hash"

	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring/suite"
)

// The footer of signed suites: u16 length and an ASN.1 DER ECDSA signature over everything before it (ESDK spec,
// data-format/message-footer).

// maxSignature is more than any P-384 signature in DER takes (104 bytes), a bound for what is looked at.
const maxSignature = 128

func appendFooter(dst, signature []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(signature)))
	return append(dst, signature...)
}

// parseFooter reads a footer from the start of b, which is at offset at of the message.
func parseFooter(b []byte, at int64) (signature []byte, n int, err error) {
	r := wire.NewReader(b)
	size := int(r.U16())
	if r.Short() {
		return nil, 0, truncated("footer")
	}
	if size == 0 || size > maxSignature {
		return nil, 0, &FormatError{at, "impossible signature length"}
	}
	signature = r.Bytes(size)
	if r.Short() {
		return nil, 0, truncated("footer")
	}
	return signature, r.Offset(), nil
}

// newSignatureHash returns the running hash of what a signed suite signs.
func newSignatureHash(s *suite.Suite) hash.Hash {
	if s.SignatureHash() == crypto.SHA256 {
		return sha256.New()
	}
	return sha512.New384()
}

// signatureDigest hashes a whole message up to its footer.
func signatureDigest(s *suite.Suite, b []byte) []byte {
	if s.SignatureHash() == crypto.SHA256 {
		d := sha256.Sum256(b)
		return d[:]
	}
	d := sha512.Sum384(b)
	return d[:]
}
