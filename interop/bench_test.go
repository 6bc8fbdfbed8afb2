package interop

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"strings"
	"testing"
)

var benchSizes = []struct {
	name  string
	bytes int
}{{"100B", 100}, {"1KiB", 1 << 10}, {"64KiB", 64 << 10}, {"1MiB", 1 << 20}}

// plainGCM is the cipher alone, in one call: into a buffer that is there (what no message can be faster than), or without a buffer into new memory,
// which is what an operation that returns its result has to do.
type plainGCM struct {
	aead       cipher.AEAD
	nonce, buf []byte
}

func newPlainGCM(b *testing.B, buf []byte) *plainGCM {
	block, err := aes.NewCipher(testKey(32))
	if err != nil {
		b.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	return &plainGCM{aead, make([]byte, aead.NonceSize()), buf}
}

func (g *plainGCM) Encrypt(_ uint16, _ int64, plaintext []byte, _ map[string]string) ([]byte, error) {
	return g.aead.Seal(g.buf, g.nonce, plaintext, nil), nil
}

func (g *plainGCM) Decrypt(sealed []byte) ([]byte, map[string]string, error) {
	plaintext, err := g.aead.Open(g.buf, g.nonce, sealed, nil)
	return plaintext, nil, err
}

// Each work is done by all of them one after the other, so that a change in the machine's load touches all. Package benchtable makes a table of
// the output: it relies on these names.
func benchmark(b *testing.B, run func(b *testing.B, p peer, suite uint16, plaintext []byte)) {
	all := peers(b, testKey(32))
	all["aes-gcm"] = newPlainGCM(b, make([]byte, 0, 2<<20))
	all["aes-gcm-new"] = newPlainGCM(b, nil)
	for _, suite := range suites {
		for _, size := range benchSizes {
			plaintext := testPlaintext(size.bytes)
			for _, name := range []string{"official", "signet", "aes-gcm", "aes-gcm-new"} {
				if strings.HasPrefix(name, "aes-gcm") && suite != 0x0478 {
					continue
				}
				b.Run(fmt.Sprintf("suite=%04x/size=%s/peer=%s", suite, size.name, name), func(b *testing.B) {
					b.SetBytes(int64(size.bytes))
					b.ReportAllocs()
					run(b, all[name], suite, plaintext)
				})
			}
		}
	}
}

func BenchmarkEncrypt(b *testing.B) {
	benchmark(b, func(b *testing.B, p peer, suite uint16, plaintext []byte) {
		for b.Loop() {
			if _, err := p.Encrypt(suite, 0, plaintext, contexts[1]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecrypt(b *testing.B) {
	benchmark(b, func(b *testing.B, p peer, suite uint16, plaintext []byte) {
		written, err := p.Encrypt(suite, 0, plaintext, contexts[1])
		if err != nil {
			b.Fatal(err)
		}
		message := append([]byte(nil), written...) // the cipher's result lies in the buffer that it opens into
		for b.Loop() {
			if _, _, err := p.Decrypt(message); err != nil {
				b.Fatal(err)
			}
		}
	})
}
