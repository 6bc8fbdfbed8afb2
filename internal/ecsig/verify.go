package ecsig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
)

// Verify reports whether sig is a valid signature of digest under pub, a key of crypto/ecdsa or [ParseCompressedPoint] on P-256 or
// P-384. digest has 32 or 48 bytes as the curve demands. sig must be strict DER with r and s from 1 to n - 1: BER, superfluous
// zeros and trailing bytes are refused; s may lie in either half. Everything that is not valid is false. All inputs are public:
// the time taken depends on them.
func Verify(pub *ecdsa.PublicKey, digest, sig []byte) bool {
	size, ok := sizesOf(pub.Curve)
	if !ok || len(digest) != size.digest {
		return false
	}
	if fast(pub.Curve) {
		return verifyP384(pub, digest, sig)
	}
	return ecdsa.VerifyASN1(pub, digest, sig)
}

// fast reports whether signatures on curve may be verified by verifyP384 instead of crypto/ecdsa.
func fast(curve elliptic.Curve) bool {
	return haveP384 && curve == elliptic.P384() && !fips140.Enabled()
}
