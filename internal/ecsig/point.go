package ecsig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"fmt"

	"github.com/signetkeys/signet"
)

// coordinateLen is the length of a coordinate in bytes, 0 for curves whose points are not read.
func coordinateLen(curve elliptic.Curve) int {
	if curve == elliptic.P521() {
		return 66
	}
	size, _ := sizesOf(curve)
	return size.coordinate
}

// CompressedPoint returns pub as a SEC 1 compressed point: 33 bytes for P-256, 49 for P-384, 67 for P-521. A point that is not on its
// curve is [signet.ErrMalformed], another curve is [signet.ErrUnsupported].
func CompressedPoint(pub *ecdsa.PublicKey) ([]byte, error) {
	n := coordinateLen(pub.Curve)
	if n == 0 {
		return nil, unsupportedCurve(pub.Curve)
	}
	b, err := pub.Bytes() // 04 ‖ X ‖ Y, validated
	if err != nil {
		return nil, fmt.Errorf("ecsig: public key is not on its curve: %w", signet.ErrMalformed)
	}
	b[0] = 2 | b[len(b)-1]&1
	return b[:1+n], nil
}

// ParseCompressedPoint reads what [CompressedPoint] writes. It takes no other form: a length other than 33, 49 or 67 bytes as curve
// demands, a first byte other than 02 or 03, a coordinate not below the field's prime, a point off the curve and the point at infinity
// are [signet.ErrMalformed]. Another curve is [signet.ErrUnsupported].
func ParseCompressedPoint(curve elliptic.Curve, b []byte) (*ecdsa.PublicKey, error) {
	n := coordinateLen(curve)
	if n == 0 {
		return nil, unsupportedCurve(curve)
	}
	if len(b) != 1+n {
		return nil, fmt.Errorf("ecsig: compressed point of %d bytes, want %d for %s: %w", len(b), 1+n, curve.Params().Name, signet.ErrMalformed)
	}
	if b[0] != 2 && b[0] != 3 {
		return nil, fmt.Errorf("ecsig: public key is not a compressed point: first byte %#02x: %w", b[0], signet.ErrMalformed)
	}
	x, y := elliptic.UnmarshalCompressed(curve, b)
	if x == nil {
		return nil, fmt.Errorf("ecsig: public key is not on %s: %w", curve.Params().Name, signet.ErrMalformed)
	}
	point := make([]byte, 1+2*n)
	point[0] = 4
	x.FillBytes(point[1 : 1+n])
	y.FillBytes(point[1+n:])
	pub, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, fmt.Errorf("ecsig: public key is not on %s: %w", curve.Params().Name, signet.ErrMalformed)
	}
	return pub, nil
}
