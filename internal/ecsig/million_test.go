package ecsig

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	cryptorand "crypto/rand"
	"encoding/binary"
	"flag"
	"math/big"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	millionFlag = flag.Bool("ecsig.million", false, "run TestFastEqualsStd on a million inputs, 40,000 of them with curve arithmetic")
	seedFlag    = flag.Uint64("ecsig.seed", 0, "seed of TestFastEqualsStd; 0 draws one. Signatures themselves stay random.")
)

// TestFastEqualsStd compares verifyP384 with crypto/ecdsa on random and mutated inputs. Most mutations break the encoding or the
// range and cost microseconds; one in every `every` has well-formed values, so that both sides do the curve arithmetic.
func TestFastEqualsStd(t *testing.T) {
	inputs, every := 15_000, 50
	switch {
	case *millionFlag:
		inputs, every = 1_000_000, 25
	case testing.Short() || raceEnabled:
		inputs = 2_000
	}
	seed := *seedFlag
	if seed == 0 {
		var b [8]byte
		cryptorand.Read(b[:])
		seed = binary.LittleEndian.Uint64(b[:])
	}
	workers := runtime.GOMAXPROCS(0)
	var valid, wellFormed atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			g := newGenerator(t, seed, w)
			for i := w; i < inputs && !t.Failed(); i += workers {
				in := g.malformed()
				if i/workers%every == 0 {
					in = g.wellFormed()
				}
				if r, s, ok := parseDER(in.sig); ok && inRange(r) && inRange(s) {
					wellFormed.Add(1)
				}
				got, std := verifyP384(in.pub, in.digest, in.sig), ecdsa.VerifyASN1(in.pub, in.digest, in.sig)
				if got != std || in.known && got != in.valid {
					point, _ := in.pub.Bytes()
					t.Errorf("%s: verifyP384 %v, crypto/ecdsa %v (seed %d, worker %d, input %d): key %x, digest %x, signature %x",
						in.kind, got, std, seed, w, i, point, in.digest, in.sig)
				}
				if got {
					valid.Add(1)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d inputs, %d with r and s in range, %d valid, -ecsig.seed=%d", inputs, wellFormed.Load(), valid.Load(), seed)
	if least := int64(inputs / every); wellFormed.Load() < least*9/10 || valid.Load() < least/4 {
		t.Errorf("%d of the inputs have r and s in range and %d are valid, want at least %d and %d", wellFormed.Load(), valid.Load(), least*9/10, least/4)
	}
}

func inRange(v []byte) bool { return new(big.Int).SetBytes(v).Cmp(elliptic.P384().Params().N) < 0 }

type testInput struct {
	kind         string
	pub          *ecdsa.PublicKey
	digest, sig  []byte
	known, valid bool // the result, where it is known beforehand
}

// generator makes inputs from a pool of keys with one valid signature each.
type generator struct {
	t    *testing.T
	r    *rand.Rand
	pool []signed
}

type signed struct {
	priv        *ecdsa.PrivateKey
	digest, sig []byte
	r, s        *big.Int
}

func newGenerator(t *testing.T, seed uint64, worker int) *generator {
	g := &generator{t: t, r: rand.New(rand.NewPCG(seed, uint64(worker)))}
	for range 16 {
		g.pool = append(g.pool, g.sign(newKey(t, elliptic.P384())))
	}
	return g
}

func (g *generator) sign(priv *ecdsa.PrivateKey) signed {
	digest := g.bytes(48)
	if g.r.IntN(8) == 0 {
		clear(digest[:g.r.IntN(49)]) // small, or zero
	}
	sig, err := ecdsa.SignASN1(cryptorand.Reader, priv, digest)
	if err != nil {
		g.t.Fatal(err)
	}
	r, s, ok := parseDER(sig)
	if !ok {
		g.t.Errorf("parseDER refuses %x of crypto/ecdsa", sig)
	}
	return signed{priv, digest, sig, new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)}
}

func (g *generator) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.r.Uint32())
	}
	return b
}

// wellFormed returns a signature in strict DER with r and s in range, except for rare bit flips that leave it.
func (g *generator) wellFormed() testInput {
	i := g.r.IntN(len(g.pool))
	if g.r.IntN(4) == 0 {
		g.pool[i] = g.sign(g.pool[i].priv)
	}
	b := g.pool[i]
	n := elliptic.P384().Params().N
	in := testInput{pub: &b.priv.PublicKey, digest: bytes.Clone(b.digest), sig: bytes.Clone(b.sig), known: true}
	switch g.r.IntN(12) {
	case 0, 1, 2:
		in.kind, in.valid = "signature", true
	case 3, 4:
		in.kind, in.valid = "n - s", true
		in.sig = marshalDER(b.r.Bytes(), new(big.Int).Sub(n, b.s).Bytes())
	case 5:
		in.kind = "n - r"
		in.sig = marshalDER(new(big.Int).Sub(n, b.r).Bytes(), b.s.Bytes())
	case 6:
		in.kind = "digest bit"
		in.digest[g.r.IntN(48)] ^= 1 << g.r.IntN(8)
	case 7:
		in.kind = "other key"
		in.pub = &g.pool[(i+1+g.r.IntN(len(g.pool)-1))%len(g.pool)].priv.PublicKey
	case 8, 9:
		in.kind = "value bit"
		first := int(in.sig[3])
		at := 4 + g.r.IntN(first)
		if g.r.IntN(2) == 0 {
			at = 4 + first + 2 + g.r.IntN(len(in.sig)-first-6)
		}
		in.sig[at] ^= 1 << g.r.IntN(8)
	case 10:
		in.kind = "random values"
		in.sig = marshalDER(g.scalar().Bytes(), g.scalar().Bytes())
	case 11:
		in.kind, in.known = "special values", false
		values := []*big.Int{big.NewInt(1), big.NewInt(2), new(big.Int).Sub(n, big.NewInt(1)), new(big.Int).Rsh(n, 1), b.r, b.s}
		in.sig = marshalDER(values[g.r.IntN(len(values))].Bytes(), values[g.r.IntN(len(values))].Bytes())
	}
	return in
}

func (g *generator) scalar() *big.Int {
	n := elliptic.P384().Params().N
	v := new(big.Int).SetBytes(g.bytes(48 - g.r.IntN(3)))
	return v.Add(v.Mod(v, new(big.Int).Sub(n, big.NewInt(1))), big.NewInt(1))
}

// malformed returns an input that crypto/ecdsa nearly always refuses before it computes.
func (g *generator) malformed() testInput {
	b := g.pool[g.r.IntN(len(g.pool))]
	in := testInput{pub: &b.priv.PublicKey, digest: b.digest, sig: bytes.Clone(b.sig)}
	split := 4 + int(in.sig[3]) // where the second INTEGER begins
	switch g.r.IntN(10) {
	case 0:
		in.kind = "truncated"
		in.sig = in.sig[:g.r.IntN(len(in.sig))]
	case 1:
		in.kind = "trailing bytes"
		in.sig = append(in.sig, g.bytes(1+g.r.IntN(8))...)
	case 2:
		in.kind = "trailing bytes in the sequence"
		in.sig = append(in.sig, g.bytes(1+g.r.IntN(8))...)
		in.sig[1] = byte(len(in.sig) - 2)
	case 3:
		in.kind = "tag or length"
		in.sig[[]int{0, 1, 2, 3, split, split + 1}[g.r.IntN(6)]] ^= byte(1 + g.r.IntN(255))
	case 4:
		in.kind = "values out of range"
		in.sig = sequenceOf(g.integer(b.r), g.integer(b.s))
	case 5:
		in.kind = "long-form length"
		forms := [][]byte{{0x30, 0x81, in.sig[1]}, {0x30, 0x82, 0, in.sig[1]}, {0x30, 0x80}, {0x30, 0x84, 0, 0, 0, in.sig[1]}}
		in.sig = append(forms[g.r.IntN(len(forms))], in.sig[2:]...)
	case 6:
		in.kind = "byte inserted"
		at := g.r.IntN(len(in.sig) + 1)
		in.sig = append(in.sig[:at:at], append(g.bytes(1), in.sig[at:]...)...)
		in.sig[1] += byte(g.r.IntN(2))
	case 7:
		in.kind = "byte removed"
		at := g.r.IntN(len(in.sig))
		in.sig = append(in.sig[:at:at], in.sig[at+1:]...)
	case 8:
		in.kind = "random bytes"
		in.sig = g.bytes(g.r.IntN(140))
	case 9:
		in.kind = "random integers"
		in.sig = sequenceOf(g.bytes(g.r.IntN(52)), g.integer(b.s))
	}
	return in
}

// integer returns the content of an INTEGER that is wrong in some way, or right.
func (g *generator) integer(v *big.Int) []byte {
	n := elliptic.P384().Params().N
	signed := func(v *big.Int) []byte {
		b := v.Bytes()
		if len(b) == 0 || b[0]&0x80 != 0 {
			b = append([]byte{0}, b...)
		}
		return b
	}
	switch g.r.IntN(9) {
	case 0:
		return nil
	case 1:
		return []byte{0}
	case 2:
		return append([]byte{0}, signed(v)...) // not minimal
	case 3:
		return append([]byte{0x80 | byte(g.r.Uint32())}, v.Bytes()...) // negative
	case 4:
		return signed(n)
	case 5:
		return signed(new(big.Int).Add(n, v))
	case 6:
		return append([]byte{0}, bytes.Repeat([]byte{0xff}, 48)...)
	case 7:
		return signed(new(big.Int).Lsh(v, uint(8+g.r.IntN(700))))
	default:
		return signed(v)
	}
}

// sequenceOf wraps two INTEGER contents in DER with lengths up to 255.
func sequenceOf(r, s []byte) []byte {
	header := func(tag byte, n int) []byte {
		if n < 0x80 {
			return []byte{tag, byte(n)}
		}
		return []byte{tag, 0x81, byte(n)}
	}
	body := append(header(tagInteger, len(r)), r...)
	body = append(append(body, header(tagInteger, len(s))...), s...)
	return append(header(tagSequence, len(body)), body...)
}

func FuzzVerify(f *testing.F) {
	priv := newKey(f, elliptic.P384())
	digest := make([]byte, 48)
	sig, err := SignFixed(priv, digest)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(digest, sig)
	f.Add(digest, sig[:len(sig)-1])
	f.Add(digest, append(bytes.Clone(sig), 0))
	f.Add(digest, sequenceOf([]byte{0}, []byte{1}))
	f.Fuzz(func(t *testing.T, digest, sig []byte) {
		if len(digest) != 48 {
			digest = make([]byte, 48)
		}
		if got, want := verifyP384(&priv.PublicKey, digest, sig), ecdsa.VerifyASN1(&priv.PublicKey, digest, sig); got != want {
			t.Errorf("digest %x, signature %x: got %v, want %v", digest, sig, got, want)
		}
		if r, s, ok := parseDER(sig); ok && !bytes.Equal(marshalDER(r, s), sig) {
			t.Errorf("%x written back as %x", sig, marshalDER(r, s))
		}
	})
}
