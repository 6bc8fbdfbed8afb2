//go:build (amd64 || arm64) && !purego

package ecsig

import (
	"crypto/ecdsa"
	"math/big"

	"github.com/cloudflare/circl/ecc/p384"
)

const haveP384 = true

// verifyP384 is ECDSA verification (FIPS 186-5, 6.4.2) on P-384 in variable time. digest has 48 bytes.
func verifyP384(pub *ecdsa.PublicKey, digest, sig []byte) bool {
	const size = 48
	rBytes, sBytes, ok := parseDER(sig)
	if !ok || len(rBytes) > size || len(sBytes) > size {
		return false
	}
	curve := p384.P384()
	n := curve.Params().N
	r, s := new(big.Int).SetBytes(rBytes), new(big.Int).SetBytes(sBytes)
	if r.Cmp(n) >= 0 || s.Cmp(n) >= 0 {
		return false
	}
	point, err := pub.Bytes() // 04 ‖ X ‖ Y; refuses a point off the curve, for which CombinedMult is not defined
	if err != nil {
		return false
	}

	// u1 may be zero, u2 may not: n is prime and r and s lie between 1 and n - 1.
	w := s.ModInverse(s, n)
	u1 := new(big.Int).SetBytes(digest)
	u1.Mod(u1.Mul(u1, w), n)
	u2 := w.Mod(w.Mul(w, r), n)

	qx, qy := new(big.Int).SetBytes(point[1:1+size]), new(big.Int).SetBytes(point[1+size:])
	x, y := curve.CombinedMult(qx, qy, u1.Bytes(), u2.Bytes())
	if curve.IsAtInfinity(x, y) {
		return false
	}
	return x.Mod(x, n).Cmp(r) == 0
}
