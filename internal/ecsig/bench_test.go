package ecsig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"testing"
)

func benchCurves(b *testing.B, f func(b *testing.B, priv *ecdsa.PrivateKey, digest, sig []byte)) {
	for _, curve := range curves() {
		b.Run(curve.Params().Name, func(b *testing.B) {
			priv := newKey(b, curve)
			digest := make([]byte, curve.Params().BitSize/8)
			digest[0] = 1
			sig, err := SignFixed(priv, digest)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			f(b, priv, digest, sig)
		})
	}
}

func BenchmarkGenerateKey(b *testing.B) {
	benchCurves(b, func(b *testing.B, priv *ecdsa.PrivateKey, _, _ []byte) {
		for b.Loop() {
			if _, err := GenerateKey(priv.Curve); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSignFixed(b *testing.B) {
	benchCurves(b, func(b *testing.B, priv *ecdsa.PrivateKey, digest, _ []byte) {
		for b.Loop() {
			if _, err := SignFixed(priv, digest); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	benchCurves(b, func(b *testing.B, priv *ecdsa.PrivateKey, digest, sig []byte) {
		for b.Loop() {
			if !Verify(&priv.PublicKey, digest, sig) {
				b.Fatal("refused")
			}
		}
	})
}

func BenchmarkVerifyStd(b *testing.B) {
	benchCurves(b, func(b *testing.B, priv *ecdsa.PrivateKey, digest, sig []byte) {
		for b.Loop() {
			if !ecdsa.VerifyASN1(&priv.PublicKey, digest, sig) {
				b.Fatal("refused")
			}
		}
	})
}

func BenchmarkParseCompressedPoint(b *testing.B) {
	benchCurves(b, func(b *testing.B, priv *ecdsa.PrivateKey, _, _ []byte) {
		point, err := CompressedPoint(&priv.PublicKey)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := ParseCompressedPoint(priv.Curve, point); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func curves() []elliptic.Curve { return []elliptic.Curve{elliptic.P256(), elliptic.P384()} }

func newKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	priv, err := GenerateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	return priv
}
