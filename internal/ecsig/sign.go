package ecsig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"

	"github.com/signetkeys/signet"
)

// maxAttempts bounds the search for a signature of the fixed length. One attempt fails about once in 250.
const maxAttempts = 64

// FixedLen returns the length in bytes of signatures made by [SignFixed]: 71 for P-256, 103 for P-384, 0 for other curves.
func FixedLen(curve elliptic.Curve) int {
	size, _ := sizesOf(curve)
	return size.signature
}

// SignFixed signs digest (32 bytes for P-256, 48 for P-384) and returns a DER signature of exactly [FixedLen] bytes, so that the
// size of a message is known before it is signed. Another digest length is [signet.ErrMalformed], another curve
// [signet.ErrUnsupported].
func SignFixed(priv *ecdsa.PrivateKey, digest []byte) ([]byte, error) {
	size, ok := sizesOf(priv.Curve)
	if !ok {
		return nil, unsupportedCurve(priv.Curve)
	}
	if len(digest) != size.digest {
		return nil, fmt.Errorf("ecsig: digest of %d bytes, want %d: %w", len(digest), size.digest, signet.ErrMalformed)
	}
	for range maxAttempts {
		sig, err := ecdsa.SignASN1(rand.Reader, priv, digest)
		if err != nil {
			return nil, fmt.Errorf("ecsig: signing: %w", err)
		}
		if sig, ok := fixLength(priv.Curve, sig); ok {
			return sig, nil
		}
	}
	return nil, errors.New("ecsig: internal error: no signature of the fixed length")
}

// fixLength returns sig, or the equally valid signature with n - s in place of s, whichever has the fixed length. The fixed length is
// that of two full-size integers of which exactly one has its top bit set and therefore a sign byte. Since n is close to a power of
// two, n - s has the other top bit than s. Neither form fits when r, or s beside an r with its top bit set, has a leading zero byte.
func fixLength(curve elliptic.Curve, sig []byte) ([]byte, bool) {
	want := FixedLen(curve)
	if len(sig) == want {
		return sig, true
	}
	r, s, ok := parseDER(sig)
	if !ok {
		return nil, false
	}
	v := new(big.Int).SetBytes(s)
	if v.Sub(curve.Params().N, v).Sign() <= 0 {
		return nil, false
	}
	negated := v.Bytes()
	if derSize(r, negated) != want {
		return nil, false
	}
	return marshalDER(r, negated), true
}
