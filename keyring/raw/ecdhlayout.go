package raw

import (
	"crypto/ecdh"
	"crypto/elliptic"
	"encoding/binary"
	"fmt"

	"github.com/signetkeys/signet/internal/ecsig"
	"github.com/signetkeys/signet/keyring"
)

// The layout of raw ECDH (ESDK spec, framework/raw-ecdh-keyring, as the implementations have it):
//
//	provider information: 01 ‖ u32 length ‖ recipient's compressed point ‖ u32 length ‖ sender's compressed point
//	ciphertext:           salt 32 ‖ commitment 32 ‖ wrapped key ‖ tag 16
//	fixed information:    "ecdh-key-derivation" 00 curve 00 "HMAC_SHA384" 00 sender ‖ recipient 00 01 00 ‖ canonical encryption context
const (
	ecdhProviderID    = "raw-ecdh"
	ecdhKMSProviderID = "aws-kms-ecdh" // the same layout, written by AWS KMS keyrings
	ecdhInfoVersion   = 1
	ecdhSaltLen       = 32
	ecdhCommitmentLen = 32
	ecdhPrefixLen     = ecdhSaltLen + ecdhCommitmentLen
)

// ecCurve is a curve of the keyring.
type ecCurve struct {
	ecdh     ecdh.Curve
	elliptic elliptic.Curve
	name     string // in the fixed information
	title    string // for people
	pointLen int    // of a compressed point
}

func ecCurves() [3]ecCurve {
	return [...]ecCurve{
		{ecdh.P256(), elliptic.P256(), "p256", "P-256", 33},
		{ecdh.P384(), elliptic.P384(), "p384", "P-384", 49},
		{ecdh.P521(), elliptic.P521(), "p521", "P-521", 67},
	}
}

func ecCurveOf(curve ecdh.Curve) (ecCurve, bool) {
	for _, c := range ecCurves() {
		if c.ecdh == curve {
			return c, true
		}
	}
	return ecCurve{}, false
}

// compress returns the compressed point of a key, which crypto/ecdh has checked to be on its curve.
func (c *ecCurve) compress(pub *ecdh.PublicKey) []byte {
	b := pub.Bytes() // 04 ‖ X ‖ Y
	b[0] = 2 | b[len(b)-1]&1
	return b[:c.pointLen:c.pointLen]
}

// parse reads a compressed point. The point at infinity and points off the curve are signet.ErrMalformed.
func (c *ecCurve) parse(b []byte) (*ecdh.PublicKey, error) {
	pub, err := ecsig.ParseCompressedPoint(c.elliptic, b)
	if err != nil {
		return nil, err
	}
	return pub.ECDH()
}

func (c *ecCurve) infoLen() int { return 1 + 2*(4+c.pointLen) }

func (c *ecCurve) appendInfo(dst, recipient, sender []byte) []byte {
	dst = append(dst, ecdhInfoVersion)
	for _, point := range [...][]byte{recipient, sender} {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(point)))
		dst = append(dst, point...)
	}
	return dst
}

// parseInfo returns views of info. When it is not for this curve, reason says why.
func (c *ecCurve) parseInfo(info []byte) (recipient, sender []byte, reason string) {
	if len(info) != c.infoLen() {
		return nil, nil, fmt.Sprintf("provider information has %d bytes instead of the %d of %s", len(info), c.infoLen(), c.title)
	}
	if info[0] != ecdhInfoVersion {
		return nil, nil, fmt.Sprintf("provider information of version %d", info[0])
	}
	second := 1 + 4 + c.pointLen
	if n := uint32(c.pointLen); binary.BigEndian.Uint32(info[1:]) != n || binary.BigEndian.Uint32(info[second:]) != n {
		return nil, nil, "public keys are not of " + c.title
	}
	return info[5:second:second], info[second+4:], ""
}

// fixedInfo is the KDF's label and the AAD of the wrapped key.
func (c *ecCurve) fixedInfo(sender, recipient []byte, r *keyring.Request) []byte {
	const scheme, hash = "ecdh-key-derivation", "HMAC_SHA384"
	b := make([]byte, 0, len(scheme)+len(c.name)+len(hash)+2*c.pointLen+len(r.AAD)+6)
	b = append(b, scheme...)
	b = append(b, 0)
	b = append(b, c.name...)
	b = append(b, 0)
	b = append(b, hash...)
	b = append(b, 0)
	b = append(b, sender...)
	b = append(b, recipient...)
	b = append(b, 0, ecdhInfoVersion, 0)
	return append(b, r.AAD...)
}
