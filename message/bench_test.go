package message

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"fmt"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

var benchContext = keyring.EncryptionContext{"purpose": "benchmark", "tenant": "a"}

func sizeName(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%dMiB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%dKiB", n>>10)
	}
	return fmt.Sprintf("%dB", n)
}

func BenchmarkEncrypt(b *testing.B) { benchmark(b, true) }
func BenchmarkDecrypt(b *testing.B) { benchmark(b, false) }

func benchmark(b *testing.B, encrypt bool) {
	ctx := context.Background()
	mm := keyring.NewManager(rawKeyring(b, "kek", 1))
	var c Client
	for _, s := range []*suite.Suite{s0478, s0578} {
		for _, n := range []int{100, 1 << 10, 64 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("%04X/%s", s.ID(), sizeName(n)), func(b *testing.B) {
				plaintext := make([]byte, n)
				o := &EncryptOptions{Context: benchContext, Suite: s}
				msg, err := c.Encrypt(ctx, mm, plaintext, o)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					if encrypt {
						_, err = c.Encrypt(ctx, mm, plaintext, o)
					} else {
						_, _, err = c.Decrypt(ctx, mm, msg, nil)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkGCM is the floor of an unsigned message: the standard library's AES-256-GCM over the same frames, one output allocated for each
// operation as a message has to.
func BenchmarkGCM(b *testing.B) {
	for _, n := range []int{64 << 10, 1 << 20} {
		b.Run(sizeName(n), func(b *testing.B) {
			block, err := aes.NewCipher(make([]byte, 32))
			if err != nil {
				b.Fatal(err)
			}
			aead, err := cipher.NewGCM(block)
			if err != nil {
				b.Fatal(err)
			}
			plaintext := make([]byte, n)
			nonce, aad := make([]byte, 12), make([]byte, 72)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				out := make([]byte, 0, n+n/DefaultFrameLength*32)
				for i := 0; i < n; i += DefaultFrameLength {
					out = aead.Seal(out, nonce, plaintext[i:i+DefaultFrameLength], aad)
				}
			}
		})
	}
}

// Allocations are a promise: at most 20 for a small unsigned message, either way.
func TestAllocations(t *testing.T) {
	ctx := context.Background()
	mm := keyring.NewManager(rawKeyring(t, "kek", 1))
	var c Client
	plaintext := make([]byte, 100)
	o := &EncryptOptions{Context: benchContext, Suite: s0478}
	msg, err := c.Encrypt(ctx, mm, plaintext, o)
	if err != nil {
		t.Fatal(err)
	}
	enc := testing.AllocsPerRun(100, func() { _, err = c.Encrypt(ctx, mm, plaintext, o) })
	if err != nil {
		t.Fatal(err)
	}
	dec := testing.AllocsPerRun(100, func() { _, _, err = c.Decrypt(ctx, mm, msg, nil) })
	if err != nil {
		t.Fatal(err)
	}
	most := 20.0
	if raceEnabled || fips140.Enabled() {
		most = 60 // the race detector, and key derivation inside the FIPS module, allocate more
	}
	if enc > most || dec > most {
		t.Errorf("%v allocations to encrypt, %v to decrypt, want at most %v", enc, dec, most)
	}
}
