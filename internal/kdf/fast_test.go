package kdf

import (
	"bytes"
	"crypto"
	"crypto/fips140"
	"crypto/hkdf"
	"crypto/hmac"
	cryptorand "crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/signetkeys/signet"
)

var seedFlag = flag.Uint64("kdf.seed", 0, "seed of TestFastEqualsStd; 0 draws one")

// TestFastEqualsStd compares the composed HMAC and HKDF with crypto/hmac and crypto/hkdf on a million random and mutated inputs;
// ten thousand with -short or -race.
func TestFastEqualsStd(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		var b [8]byte
		cryptorand.Read(b[:])
		seed = binary.LittleEndian.Uint64(b[:])
	}
	inputs := 1_000_000
	if testing.Short() || raceEnabled {
		inputs = 10_000
	}
	workers := runtime.GOMAXPROCS(0)
	t.Logf("%d inputs, %d workers, -kdf.seed=%d", inputs, workers, seed)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(w)))
			in := randomInput(r)
			for i := w; i < inputs && !t.Failed(); i += workers {
				if r.IntN(2) == 0 {
					in = randomInput(r)
				} else {
					in.mutate(r)
				}
				if err := in.compare(); err != nil {
					t.Errorf("worker %d, input %d: %v", w, i, err)
				}
			}
		})
	}
	wg.Wait()
}

// input is a key, a message in two parts and an output length for any of the three operations.
type input struct {
	op        int
	key, a, b []byte
	n         int
}

func randomInput(r *rand.Rand) *input {
	return &input{op: r.IntN(3), key: randomBytes(r), a: randomBytes(r), b: randomBytes(r), n: r.IntN(65)}
}

// randomBytes favours short inputs and the neighbourhood of the block size and of the stack buffer's end.
func randomBytes(r *rand.Rand) []byte {
	var n int
	switch r.IntN(8) {
	case 0:
		n = blockSize - 2 + r.IntN(5)
	case 1:
		n = inlineSize - 2 + r.IntN(5)
	case 2:
		n = r.IntN(600)
	default:
		n = r.IntN(65)
	}
	b := make([]byte, n)
	for i := 0; i < n; i += 8 {
		var w [8]byte
		binary.LittleEndian.PutUint64(w[:], r.Uint64())
		copy(b[i:], w[:])
	}
	return b
}

// mutate changes one bit, cuts, extends or swaps a field.
func (in *input) mutate(r *rand.Rand) {
	field := []*[]byte{&in.key, &in.a, &in.b}[r.IntN(3)]
	switch b := *field; r.IntN(5) {
	case 0, 1:
		if len(b) > 0 {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
	case 2:
		*field = b[:r.IntN(len(b)+1)]
	case 3:
		*field = append(b, byte(r.Uint32()))
	case 4:
		in.a, in.b, in.op = in.b, in.a, r.IntN(3)
	}
}

func (in *input) compare() error {
	var got, want []byte
	switch in.op {
	case 0:
		var dst [64]byte
		macFast(&dst, in.key, [][]byte{in.a, in.b}, nil)
		m := hmac.New(sha512.New, in.key)
		m.Write(in.a)
		m.Write(in.b)
		got, want = dst[:], m.Sum(nil)
	case 1:
		var prk [64]byte
		extractFast(&prk, in.a, in.key)
		std, err := hkdf.Extract(sha512.New, in.key, in.a)
		if err != nil {
			return err
		}
		got, want = prk[:], std
	case 2:
		var prk [64]byte
		copy(prk[:], in.key)
		got = make([]byte, in.n)
		expandFast(got, &prk, [][]byte{in.a, in.b})
		std, err := hkdf.Expand(sha512.New, prk[:], string(in.a)+string(in.b), in.n)
		if err != nil {
			return err
		}
		want = std
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("op %d, key %x, parts %x and %x, length %d: got %x, want %x", in.op, in.key, in.a, in.b, in.n, got, want)
	}
	return nil
}

func FuzzFastEqualsStd(f *testing.F) {
	f.Add(0, []byte("key"), []byte("DERIVEKEY"), []byte(nil), uint8(32))
	f.Add(1, make([]byte, blockSize+1), make([]byte, inlineSize), []byte{1}, uint8(64))
	f.Add(2, make([]byte, blockSize), make([]byte, inlineSize), []byte{}, uint8(0))
	f.Fuzz(func(t *testing.T, op int, key, a, b []byte, n uint8) {
		in := &input{op: int(uint(op) % 3), key: key, a: a, b: b, n: int(n % 65)}
		if err := in.compare(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestLengths crosses key, message and output lengths around every boundary, through the exported functions.
func TestLengths(t *testing.T) {
	lengths := []int{0, 1, 13, 14, 63, 64, 65, 127, 128, 129, 191, 192, 193, 255, 256, 257, 300, 5000}
	for _, k := range lengths {
		key := sequence(byte(k), k)
		for _, m := range lengths {
			msg := sequence(3, m)
			var dst [64]byte
			if err := HMACSHA512(&dst, key, msg[:m/3], nil, msg[m/3:]); err != nil {
				t.Fatal(err)
			}
			h := hmac.New(sha512.New, key)
			h.Write(msg)
			if want := h.Sum(nil); !bytes.Equal(dst[:], want) {
				t.Errorf("key %d, message %d: got %x, want %x", k, m, dst, want)
			}
		}
		for _, n := range []int{0, 1, 32, 64, 65, 128, 129, 255 * 64} {
			want, err := hkdf.Key(sha512.New, key, key[:k/2], "info", n)
			if err != nil {
				t.Fatal(err)
			}
			if got := public512(t, key, key[:k/2], []byte("info"), n); !bytes.Equal(got, want) {
				t.Errorf("key %d, output %d: got %x, want %x", k, n, got, want)
			}
		}
	}
}

// Outputs may overlap inputs, and inputs are not changed.
func TestOverlap(t *testing.T) {
	key, msg := sequence(7, 64), sequence(9, 40)
	var want, got [64]byte
	if err := HMACSHA512(&want, key, msg, key); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(key, sequence(7, 64)) || !bytes.Equal(msg, sequence(9, 40)) {
		t.Error("inputs were changed")
	}
	copy(got[:], key)
	if err := HMACSHA512(&got, got[:], msg, got[:]); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("overlapping: got %x, want %x", got, want)
	}
}

// TestPath shows by its allocations which implementation the exported functions take: the composed one makes none, crypto/hkdf many.
func TestPath(t *testing.T) {
	if fast() == fips140.Enabled() {
		t.Errorf("fast() = %v with fips140.Enabled() = %v", fast(), fips140.Enabled())
	}
	var ikm, salt, out [32]byte
	label := []byte("DERIVEKEY")
	allocs := testing.AllocsPerRun(100, func() {
		var prk, mac [64]byte
		if ExtractSHA512(&prk, salt[:], ikm[:]) != nil || ExpandSHA512(out[:], &prk, label) != nil || HMACSHA512(&mac, ikm[:], label) != nil {
			t.Error("refused")
		}
	})
	if std := allocs >= 10; std != fips140.Enabled() || !std && allocs != 0 {
		t.Errorf("%v allocations with fips140.Enabled() = %v", allocs, fips140.Enabled())
	}
	t.Logf("fast=%v allocs=%v", fast(), allocs)
}

// TestFIPSModeTakesStd runs the tests of the exported functions in FIPS 140-3 mode, and with it off.
func TestFIPSModeTakesStd(t *testing.T) {
	for mode, want := range map[string]string{"on": "fast=false", "off": "fast=true"} {
		t.Run(mode, func(t *testing.T) {
			out := rerun(t, mode, "^(TestPath|TestMessageV[12]KnownAnswers|TestLengths)$")
			if !strings.Contains(out, want) {
				t.Errorf("got no %q in\n%s", want, out)
			}
		})
	}
}

// TestEnforcedShortKeys: where crypto/hmac panics and crypto/hkdf refuses, all functions return ErrUnsupported.
func TestEnforcedShortKeys(t *testing.T) {
	if !fips140.Enforced() {
		if out := rerun(t, "only", "^(TestPath|TestEnforcedShortKeys)$"); !strings.Contains(out, "PASS: TestEnforcedShortKeys") {
			t.Errorf("did not run:\n%s", out)
		}
		return
	}
	for _, n := range []int{0, 13, 14} {
		var dst [64]byte
		key := make([]byte, n)
		_, err := HKDF(crypto.SHA256, key, nil, nil, 32)
		for name, err := range map[string]error{"HKDF": err, "ExtractSHA512": ExtractSHA512(&dst, nil, key), "HMACSHA512": HMACSHA512(&dst, key)} {
			if refused := errors.Is(err, signet.ErrUnsupported); refused != (n < minApprovedKey) || !refused && err != nil {
				t.Errorf("%s with a key of %d bytes: %v", name, n, err)
			}
		}
	}
}

// rerun runs tests of this binary as a process of its own with the given fips140 setting and returns what they printed.
func rerun(t *testing.T, mode, tests string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run="+tests, "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140="+mode)
	out, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(string(out), "FIPS 140-3 mode is incompatible") {
		t.Skip("this build has no FIPS 140-3 mode")
	}
	if err != nil {
		t.Fatalf("fips140=%s: %v\n%s", mode, err, out)
	}
	return string(out)
}
