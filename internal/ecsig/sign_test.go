package ecsig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"math/big"
	"testing"

	"github.com/signetkeys/signet"
)

func TestSignFixed(t *testing.T) {
	signatures := 2000
	if testing.Short() || raceEnabled {
		signatures = 100
	}
	for curve, want := range map[elliptic.Curve]int{elliptic.P256(): 71, elliptic.P384(): 103} {
		if got := FixedLen(curve); got != want {
			t.Errorf("%s: FixedLen is %d, want %d", curve.Params().Name, got, want)
		}
		priv := newKey(t, curve)
		digest := make([]byte, curve.Params().BitSize/8)
		for range signatures {
			rand.Read(digest)
			sig, err := SignFixed(priv, digest)
			if err != nil {
				t.Fatal(err)
			}
			if len(sig) != want {
				t.Fatalf("%s: %x has %d bytes, want %d", curve.Params().Name, sig, len(sig), want)
			}
			if !ecdsa.VerifyASN1(&priv.PublicKey, digest, sig) {
				t.Fatalf("%s: crypto/ecdsa refuses %x of %x", curve.Params().Name, sig, digest)
			}
		}
	}
}

func TestSignFixedRefusesDigestLength(t *testing.T) {
	priv := newKey(t, elliptic.P384())
	for _, n := range []int{0, 32, 47, 49, 64} {
		if _, err := SignFixed(priv, make([]byte, n)); !errors.Is(err, signet.ErrMalformed) {
			t.Errorf("%d bytes: got %v, want ErrMalformed", n, err)
		}
	}
}

func TestFixLength(t *testing.T) {
	for _, curve := range curves() {
		n := curve.Params().N
		bits := n.BitLen()
		high := new(big.Int).Lsh(big.NewInt(1), uint(bits-1)) // top bit set
		low := new(big.Int).Rsh(high, 2)
		short := new(big.Int).Rsh(high, 10)
		tiny := big.NewInt(1)
		for _, c := range []struct {
			name   string
			r, s   *big.Int
			fits   bool
			negate bool
		}{
			{"high r, low s", high, low, true, false},
			{"low r, high s", low, high, true, false},
			{"high r, high s", high, high, true, true},
			{"low r, low s", low, low, true, true},
			{"low r, short s", low, short, true, true},
			{"low r, s = 1", low, tiny, true, true},
			{"high r, short s", high, short, false, false},
			{"short r, low s", short, low, false, false},
			{"short r, high s", short, high, false, false},
			{"low r, s = n - 1", low, new(big.Int).Sub(n, tiny), true, false},
			{"high r, s = n - 1", high, new(big.Int).Sub(n, tiny), false, false},
		} {
			t.Run(curve.Params().Name+", "+c.name, func(t *testing.T) {
				got, ok := fixLength(curve, marshalDER(c.r.Bytes(), c.s.Bytes()))
				if ok != c.fits {
					t.Fatalf("fits: %v, want %v", ok, c.fits)
				}
				if !ok {
					return
				}
				s := c.s
				if c.negate {
					s = new(big.Int).Sub(n, c.s)
				}
				gotR, gotS, ok := parseDER(got)
				if !ok || len(got) != FixedLen(curve) || new(big.Int).SetBytes(gotR).Cmp(c.r) != 0 || new(big.Int).SetBytes(gotS).Cmp(s) != 0 {
					t.Errorf("got %x, want r %x, s %x in %d bytes", got, c.r, s, FixedLen(curve))
				}
			})
		}
	}
}
