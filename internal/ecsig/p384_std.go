//go:build purego || !(amd64 || arm64)

package ecsig

import "crypto/ecdsa"

const haveP384 = false

// verifyP384 is crypto/ecdsa where circl has no assembly: its portable P-384 is slower.
func verifyP384(pub *ecdsa.PublicKey, digest, sig []byte) bool {
	return ecdsa.VerifyASN1(pub, digest, sig)
}
