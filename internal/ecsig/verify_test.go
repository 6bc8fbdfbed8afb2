//lint:file-ignore SA1019 keys that are not on their curve can be made with the raw coordinates only

package ecsig

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"math/big"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"
)

func TestWycheproof(t *testing.T) {
	sum384 := func(b []byte) []byte { d := sha512.Sum384(b); return d[:] }
	for _, c := range []struct {
		file  string
		curve elliptic.Curve
		hash  func([]byte) []byte
	}{
		{"ecdsa_secp256r1_sha256_test.json", elliptic.P256(), func(b []byte) []byte { d := sha256.Sum256(b); return d[:] }},
		{"ecdsa_secp384r1_sha384_test.json", elliptic.P384(), sum384},
		// ECDSA takes the leftmost bits of a longer hash, which gives more edge cases for the curve.
		{"ecdsa_secp384r1_sha512_test.json", elliptic.P384(), func(b []byte) []byte { d := sha512.Sum512(b); return d[:48] }},
	} {
		t.Run(c.file, func(t *testing.T) { testWycheproof(t, c.file, c.curve, c.hash) })
	}
}

func testWycheproof(t *testing.T, name string, curve elliptic.Curve, hash func([]byte) []byte) {
	var file struct {
		TestGroups []struct {
			PublicKey struct{ Uncompressed hexBytes }
			Tests     []struct {
				TcID     int
				Msg, Sig hexBytes
				Result   string
			}
		}
	}
	b, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, g := range file.TestGroups {
		std, err := ecdsa.ParseUncompressedPublicKey(curve, g.PublicKey.Uncompressed)
		if err != nil {
			t.Fatal(err)
		}
		point, err := CompressedPoint(std)
		if err != nil {
			t.Fatal(err)
		}
		pub, err := ParseCompressedPoint(curve, point)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range g.Tests {
			seen[c.Result]++
			digest, want := hash(c.Msg), c.Result == "valid"
			if got := Verify(pub, digest, c.Sig); got != want {
				t.Errorf("%d: Verify is %v, vector is %s", c.TcID, got, c.Result)
			}
			if got := ecdsa.VerifyASN1(std, digest, c.Sig); got != want {
				t.Errorf("%d: crypto/ecdsa is %v, vector is %s", c.TcID, got, c.Result)
			}
			if curve == elliptic.P384() && verifyP384(pub, digest, c.Sig) != want {
				t.Errorf("%d: verifyP384 is %v, vector is %s", c.TcID, !want, c.Result)
			}
		}
	}
	if seen["valid"] < 100 || seen["invalid"] < 100 || len(seen) != 2 {
		t.Errorf("ran %v, want at least 100 valid and 100 invalid", seen)
	}
}

// TestScalars verifies signatures made for chosen u1, u2 and private keys d, so that the double multiplication u1·G + u2·Q meets its
// exceptional cases: Q equal or opposite to multiples of G in circl's table, doublings, intermediate and final infinity, u1 = 0.
func TestScalars(t *testing.T) {
	n := elliptic.P384().Params().N
	at := func(i int64) *big.Int { return new(big.Int).Mod(big.NewInt(i), n) }
	half := new(big.Int).Rsh(n, 1)
	big383 := new(big.Int).Lsh(big.NewInt(1), 383)
	ds := []*big.Int{at(1), at(2), at(3), at(31), at(63), at(-1), at(-2), at(-33), half, big383}
	u1s := []*big.Int{at(0), at(1), at(2), at(31), at(64), at(-1), at(-31), big383, half}
	u2s := []*big.Int{at(1), at(2), at(15), at(-1), at(-32), half}
	if testing.Short() || raceEnabled {
		ds, u2s = ds[:6], u2s[:4]
	}
	infinities := 0
	for _, d := range ds {
		pub := &rawKey(t, d).PublicKey
		for _, u1 := range u1s {
			for _, u2 := range u2s {
				digest, r, s := forScalars(t, d, u1, u2)
				valid := r.Sign() != 0
				if !valid {
					// The sum is infinity; no r makes this a signature.
					infinities++
					r = at(1)
					digest, s = completeFor(r, u1, u2)
				}
				sig := marshalDER(r.Bytes(), s.Bytes())
				if got := verifyP384(pub, digest, sig); got != valid {
					t.Errorf("d %x, u1 %x, u2 %x: verifyP384 is %v", d, u1, u2, got)
				}
				if got := ecdsa.VerifyASN1(pub, digest, sig); got != valid {
					t.Errorf("d %x, u1 %x, u2 %x: crypto/ecdsa is %v", d, u1, u2, got)
				}
				digest[47] ^= 1
				if verifyP384(pub, digest, sig) {
					t.Errorf("d %x, u1 %x, u2 %x: another digest is accepted", d, u1, u2)
				}
			}
		}
	}
	if infinities < 5 {
		t.Errorf("%d cases end at infinity, want at least 5", infinities)
	}
}

// forScalars returns the digest and signature for which verification computes u1·G + u2·Q with Q = d·G. r is zero when that is
// infinity.
func forScalars(t *testing.T, d, u1, u2 *big.Int) (digest []byte, r, s *big.Int) {
	t.Helper()
	n := elliptic.P384().Params().N
	k := new(big.Int).Mul(u2, d)
	if k.Mod(k.Add(k, u1), n).Sign() == 0 {
		return nil, k, nil
	}
	point, err := rawKey(t, k).PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	r = new(big.Int).SetBytes(point[1:49])
	r.Mod(r, n)
	digest, s = completeFor(r, u1, u2)
	return digest, r, s
}

// completeFor returns digest and s so that a signature (r, s) has u1 = digest/s and u2 = r/s.
func completeFor(r, u1, u2 *big.Int) (digest []byte, s *big.Int) {
	n := elliptic.P384().Params().N
	s = new(big.Int).ModInverse(u2, n)
	s.Mod(s.Mul(s, r), n)
	e := new(big.Int).Mul(u1, s)
	return e.Mod(e, n).FillBytes(make([]byte, 48)), s
}

func rawKey(t *testing.T, d *big.Int) *ecdsa.PrivateKey {
	t.Helper()
	priv, err := ecdsa.ParseRawPrivateKey(elliptic.P384(), d.FillBytes(make([]byte, 48)))
	if err != nil {
		t.Fatal(err)
	}
	return priv
}

// TestCoordinateAboveOrder: r is the coordinate modulo n, so a point with x from n to p - 1 has r = x - n, and x itself is refused.
func TestCoordinateAboveOrder(t *testing.T) {
	curve := elliptic.P384()
	n := curve.Params().N
	x := new(big.Int).Set(n)
	var point *ecdsa.PublicKey
	for point == nil {
		x.Add(x, big.NewInt(1))
		point, _ = ParseCompressedPoint(curve, append([]byte{2}, x.FillBytes(make([]byte, 48))...))
	}
	// Q = R/u2 and u1 = 0: the sum is R. ECDH gives Q's x coordinate; both of its points lead to x.
	u2 := big.NewInt(12345)
	inverse, err := ecdh.P384().NewPrivateKey(new(big.Int).ModInverse(u2, n).FillBytes(make([]byte, 48)))
	if err != nil {
		t.Fatal(err)
	}
	peer, err := point.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	qx, err := inverse.ECDH(peer)
	if err != nil {
		t.Fatal(err)
	}
	r := new(big.Int).Sub(x, n)
	digest, s := completeFor(r, new(big.Int), u2)
	for _, sign := range []byte{2, 3} {
		pub, err := ParseCompressedPoint(curve, append([]byte{sign}, qx...))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			r    *big.Int
			want bool
		}{{r, true}, {x, false}, {new(big.Int).Add(r, big.NewInt(1)), false}} {
			sig := marshalDER(c.r.Bytes(), s.Bytes())
			if got := verifyP384(pub, digest, sig); got != c.want {
				t.Errorf("r = %x: verifyP384 is %v", c.r, got)
			}
			if got := ecdsa.VerifyASN1(pub, digest, sig); got != c.want {
				t.Errorf("r = %x: crypto/ecdsa is %v", c.r, got)
			}
		}
	}
}

func TestVerifyRefusesKeyOffCurve(t *testing.T) {
	priv := newKey(t, elliptic.P384())
	digest := make([]byte, 48)
	sig, err := SignFixed(priv, digest)
	if err != nil {
		t.Fatal(err)
	}
	p := elliptic.P384().Params().P
	for name, change := range map[string]func(x, y *big.Int){
		"y + 1":    func(_, y *big.Int) { y.Add(y, big.NewInt(1)) },
		"x + p":    func(x, _ *big.Int) { x.Add(x, p) },
		"-y":       func(_, y *big.Int) { y.Neg(y) },
		"infinity": func(x, y *big.Int) { x.SetInt64(0); y.SetInt64(0) },
	} {
		//lint:ignore SA1019 raw coordinates are the only way to a key that is off the curve
		pub := &ecdsa.PublicKey{Curve: priv.Curve, X: new(big.Int).Set(priv.X), Y: new(big.Int).Set(priv.Y)}
		if !verifyP384(pub, digest, sig) {
			t.Fatal("the unchanged key is refused")
		}
		//lint:ignore SA1019 as above
		change(pub.X, pub.Y)
		if verifyP384(pub, digest, sig) || Verify(pub, digest, sig) {
			t.Errorf("%s: accepted", name)
		}
		if b, err := CompressedPoint(pub); err == nil {
			t.Errorf("%s: CompressedPoint gives %x", name, b)
		}
	}
}

func TestVerifyRefusesDigestLength(t *testing.T) {
	for _, curve := range curves() {
		priv := newKey(t, curve)
		digest := make([]byte, curve.Params().BitSize/8)
		sig, err := SignFixed(priv, digest)
		if err != nil {
			t.Fatal(err)
		}
		if !Verify(&priv.PublicKey, digest, sig) {
			t.Errorf("%s: refused", curve.Params().Name)
		}
		// crypto/ecdsa takes both of these: the extra byte is cut off, leading zeros do not count.
		for _, d := range [][]byte{append(digest, 0), digest[1:]} {
			if Verify(&priv.PublicKey, d, sig) {
				t.Errorf("%s: digest of %d bytes accepted", curve.Params().Name, len(d))
			}
		}
	}
}

// TestPath shows which implementation Verify takes: crypto/ecdsa and circl differ in their number of allocations.
func TestPath(t *testing.T) {
	wantFast := haveP384 && !fips140.Enabled()
	if got := fast(elliptic.P384()); got != wantFast {
		t.Errorf("fast(P-384) = %v with fips140.Enabled() = %v", got, fips140.Enabled())
	}
	if fast(elliptic.P256()) {
		t.Error("fast(P-256) = true")
	}
	priv := newKey(t, elliptic.P384())
	digest := make([]byte, 48)
	sig, err := SignFixed(priv, digest)
	if err != nil {
		t.Fatal(err)
	}
	allocs := func(verify func(*ecdsa.PublicKey, []byte, []byte) bool) float64 {
		return testing.AllocsPerRun(5, func() {
			if !verify(&priv.PublicKey, digest, sig) {
				t.Error("refused")
			}
		})
	}
	std, circl, taken := allocs(ecdsa.VerifyASN1), allocs(verifyP384), allocs(Verify)
	if haveP384 && circl < std+10 {
		t.Fatalf("the paths cannot be told apart: %v and %v allocations", std, circl)
	}
	if tookFast := taken >= std+10; tookFast != wantFast {
		t.Errorf("Verify makes %v allocations, crypto/ecdsa %v, circl %v; want fast = %v", taken, std, circl, wantFast)
	}
	t.Logf("fast=%v: %v allocations, crypto/ecdsa %v, verifyP384 %v", fast(elliptic.P384()), taken, std, circl)
}

// TestFIPSModeTakesStd runs TestPath in FIPS 140-3 mode, and with it off.
func TestFIPSModeTakesStd(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"on", "only", "off"} {
		t.Run(mode, func(t *testing.T) {
			cmd := exec.Command(exe, "-test.run=^(TestPath|TestVerifyRefuses.*|TestCompressedPointRoundTrip)$", "-test.v")
			cmd.Env = append(os.Environ(), "GODEBUG=fips140="+mode)
			out, err := cmd.CombinedOutput()
			if err != nil && strings.Contains(string(out), "FIPS 140-3 mode is incompatible") {
				t.Skip("this build has no FIPS 140-3 mode")
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			want := "fast=false"
			if mode == "off" && haveP384 {
				want = "fast=true"
			}
			if !strings.Contains(string(out), want) {
				t.Errorf("got no %q in\n%s", want, out)
			}
		})
	}
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = b
	return err
}
