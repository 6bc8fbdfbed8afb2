// Package ecsig is ECDSA as message and item footers use it: P-256 with SHA-256 and P-384 with SHA-384, public keys as SEC 1
// compressed points, signatures in DER that are written with one fixed length and read with any. Compressed points of P-521 are here
// too: ECDH keyrings use them.
//
// Keys, signatures and P-256 verification are crypto/ecdsa. P-384 verification, which takes more time than everything else in
// reading a short signed message, runs on github.com/cloudflare/circl/ecc/p384 where that has assembly (amd64, arm64); all of its
// inputs are public. In FIPS 140-3 mode ([fips140.Enabled]) and on other machines it is crypto/ecdsa too. Both accept the same
// signatures.
//
// Callers hash; functions here take the digest. All functions are safe for concurrent use; none retains or changes its inputs.
package ecsig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"

	"github.com/signetkeys/signet"
)

// sizes of a curve, in bytes.
type sizes struct {
	coordinate int // also of a scalar
	digest     int
	signature  int // the fixed DER length
}

// sizesOf reports false for curves that no suite uses.
func sizesOf(curve elliptic.Curve) (sizes, bool) {
	switch curve {
	case elliptic.P256():
		return sizes{coordinate: 32, digest: sha256.Size, signature: 71}, true
	case elliptic.P384():
		return sizes{coordinate: 48, digest: sha512.Size384, signature: 103}, true
	}
	return sizes{}, false
}

func unsupportedCurve(curve elliptic.Curve) error {
	if curve == nil {
		return fmt.Errorf("ecsig: no curve: %w", signet.ErrUnsupported)
	}
	return fmt.Errorf("ecsig: curve %s: %w", curve.Params().Name, signet.ErrUnsupported)
}

// GenerateKey returns a new key pair from the system's secure random source. curve is elliptic.P256() or elliptic.P384(); another is
// [signet.ErrUnsupported].
func GenerateKey(curve elliptic.Curve) (*ecdsa.PrivateKey, error) {
	if _, ok := sizesOf(curve); !ok {
		return nil, unsupportedCurve(curve)
	}
	// Measured against a crypto/ecdh key converted to crypto/ecdsa, which multiplies the base point a second time: half the time.
	return ecdsa.GenerateKey(curve, rand.Reader)
}
