package ecsig

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/signetkeys/signet"
)

func pointCurves() []elliptic.Curve { return append(curves(), elliptic.P521()) }

// newPoint is the public half of a new key, on any curve whose points are read.
func newPoint(t testing.TB, curve elliptic.Curve) *ecdsa.PublicKey {
	t.Helper()
	priv, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &priv.PublicKey
}

func TestCompressedPointRoundTrip(t *testing.T) {
	for _, curve := range pointCurves() {
		first := map[byte]int{}
		for range 40 {
			pub := newPoint(t, curve)
			b, err := CompressedPoint(pub)
			if err != nil {
				t.Fatal(err)
			}
			if want := 1 + (curve.Params().BitSize+7)/8; len(b) != want {
				t.Fatalf("%s: %d bytes, want %d", curve.Params().Name, len(b), want)
			}
			first[b[0]]++
			got, err := ParseCompressedPoint(curve, b)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Equal(pub) {
				t.Errorf("%s: %x parsed to another key", curve.Params().Name, b)
			}
		}
		if first[2] == 0 || first[3] == 0 || first[2]+first[3] != 40 {
			t.Errorf("%s: first bytes %v, want both 02 and 03", curve.Params().Name, first)
		}
	}
}

func TestCompressedBasePoint(t *testing.T) {
	for curve, want := range map[elliptic.Curve]string{
		elliptic.P256(): "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
		elliptic.P521(): "0200c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
		elliptic.P384(): "03aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
	} {
		one := make([]byte, (curve.Params().BitSize+7)/8)
		one[len(one)-1] = 1
		priv, err := ecdsa.ParseRawPrivateKey(curve, one)
		if err != nil {
			t.Fatal(err)
		}
		b, err := CompressedPoint(&priv.PublicKey)
		if got := hex.EncodeToString(b); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", curve.Params().Name, got, err, want)
		}
	}
}

func TestParseCompressedPointRefuses(t *testing.T) {
	for _, curve := range pointCurves() {
		pub := newPoint(t, curve)
		good, err := CompressedPoint(pub)
		if err != nil {
			t.Fatal(err)
		}
		uncompressed, err := pub.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		with := func(first byte, x []byte) []byte { return append([]byte{first}, x...) }
		prime := curve.Params().P.Bytes()
		cases := map[string][]byte{
			"empty":              {},
			"infinity":           {0},
			"infinity, padded":   make([]byte, len(good)),
			"trailing byte":      append(bytes.Clone(good), 0),
			"uncompressed":       uncompressed,
			"hybrid":             append([]byte{6 | uncompressed[len(uncompressed)-1]&1}, uncompressed[1:]...),
			"x is the prime":     with(2, prime),
			"x is all ones":      with(3, bytes.Repeat([]byte{0xff}, len(good)-1)),
			"x is off the curve": with(2, offCurve(curve)),
		}
		for i := range good {
			cases["truncated to "+string(rune('0'+i/10))+string(rune('0'+i%10))] = good[:i]
		}
		for first := range 256 {
			if first != 2 && first != 3 {
				cases["first byte "+hex.EncodeToString([]byte{byte(first)})] = with(byte(first), good[1:])
			}
		}
		for name, b := range cases {
			if pub, err := ParseCompressedPoint(curve, b); pub != nil || !errors.Is(err, signet.ErrMalformed) {
				t.Errorf("%s, %s: got %v, %v, want ErrMalformed", curve.Params().Name, name, pub, err)
			}
		}
	}
	p256, p384 := elliptic.P256(), elliptic.P384()
	b, err := CompressedPoint(newPoint(t, p256))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseCompressedPoint(p384, b); !errors.Is(err, signet.ErrMalformed) {
		t.Errorf("P-256 point as P-384: got %v, want ErrMalformed", err)
	}
}

// offCurve returns a coordinate x with no point.
func offCurve(curve elliptic.Curve) []byte {
	b := make([]byte, 1+(curve.Params().BitSize+7)/8)
	b[0] = 2
	for {
		if x, _ := elliptic.UnmarshalCompressed(curve, b); x == nil {
			return b[1:]
		}
		b[len(b)-1]++
	}
}

func TestUnsupportedCurve(t *testing.T) {
	for _, curve := range []elliptic.Curve{elliptic.P224(), elliptic.P521(), nil} {
		_, generate := GenerateKey(curve)
		_, sign := SignFixed(&ecdsa.PrivateKey{PublicKey: ecdsa.PublicKey{Curve: curve}}, make([]byte, 48))
		errs := map[string]error{"GenerateKey": generate, "SignFixed": sign}
		if curve != elliptic.P521() {
			_, errs["ParseCompressedPoint"] = ParseCompressedPoint(curve, make([]byte, 49))
			_, errs["CompressedPoint"] = CompressedPoint(&ecdsa.PublicKey{Curve: curve})
		}
		for name, err := range errs {
			if !errors.Is(err, signet.ErrUnsupported) {
				t.Errorf("%s: got %v, want ErrUnsupported", name, err)
			}
		}
		if Verify(&ecdsa.PublicKey{Curve: curve}, make([]byte, 48), nil) || FixedLen(curve) != 0 {
			t.Errorf("%v: Verify or FixedLen take it", curve)
		}
	}
}

// Whatever parses writes back as the same bytes; nothing panics.
func FuzzParseCompressedPoint(f *testing.F) {
	for _, curve := range pointCurves() {
		b, err := CompressedPoint(newPoint(f, curve))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, curve := range pointCurves() {
			pub, err := ParseCompressedPoint(curve, b)
			if err != nil {
				if !errors.Is(err, signet.ErrMalformed) {
					t.Errorf("%x: got %v, want ErrMalformed", b, err)
				}
				continue
			}
			if got, err := CompressedPoint(pub); err != nil || !bytes.Equal(got, b) {
				t.Errorf("%x: written back as %x, %v", b, got, err)
			}
		}
	})
}
