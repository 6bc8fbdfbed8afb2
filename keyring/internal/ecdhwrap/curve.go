package ecdhwrap

import (
	"crypto/ecdh"
	"crypto/elliptic"

	"github.com/signetkeys/signet/internal/ecsig"
)

// A Curve is one that ECDH keyrings use. Methods are safe for concurrent use.
type Curve struct {
	ECDH     ecdh.Curve
	Elliptic elliptic.Curve
	Name     string // in the fixed information
	Title    string // for people
	PointLen int    // bytes of a compressed point
}

// Curves lists P-256, P-384 and P-521, in this order.
func Curves() [3]Curve {
	return [...]Curve{
		{ecdh.P256(), elliptic.P256(), "p256", "P-256", 33},
		{ecdh.P384(), elliptic.P384(), "p384", "P-384", 49},
		{ecdh.P521(), elliptic.P521(), "p521", "P-521", 67},
	}
}

// CurveOf finds a curve; false means that ECDH keyrings do not use it.
func CurveOf(curve ecdh.Curve) (Curve, bool) {
	for _, c := range Curves() {
		if c.ECDH == curve {
			return c, true
		}
	}
	return Curve{}, false
}

// SecretLen is the length of an agreed secret, the x coordinate of a point, in bytes.
func (c *Curve) SecretLen() int { return c.PointLen - 1 }

// Compress returns the compressed point of a key, which crypto/ecdh has checked to be on its curve. It is the caller's.
func (c *Curve) Compress(pub *ecdh.PublicKey) []byte {
	b := pub.Bytes() // 04 ‖ X ‖ Y
	b[0] = 2 | b[len(b)-1]&1
	return b[:c.PointLen:c.PointLen]
}

// Parse reads a compressed point. The point at infinity and points off the curve are signet.ErrMalformed.
func (c *Curve) Parse(b []byte) (*ecdh.PublicKey, error) {
	pub, err := ecsig.ParseCompressedPoint(c.Elliptic, b)
	if err != nil {
		return nil, err
	}
	return pub.ECDH()
}
