package interop

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"testing"
)

var benchSizes = []struct {
	name  string
	bytes int
}{{"100B", 100}, {"1KiB", 1 << 10}, {"64KiB", 64 << 10}, {"1MiB", 1 << 20}}

// The two run one after the other for the same work, so that a change in the machine's load touches both. Package benchtable makes a table
// of the output: it relies on these names.
func benchmark(b *testing.B, run func(b *testing.B, p peer, suite uint16, plaintext []byte)) {
	all := peers(b, testKey(32))
	for _, suite := range suites {
		for _, size := range benchSizes {
			plaintext := testPlaintext(size.bytes)
			for _, name := range []string{"official", "signet"} {
				b.Run(fmt.Sprintf("suite=%04x/size=%s/peer=%s", suite, size.name, name), func(b *testing.B) {
					b.SetBytes(int64(size.bytes))
					b.ReportAllocs()
					run(b, all[name], suite, plaintext)
				})
			}
		}
	}
}

// benchmarkGCM is the cipher alone, in one call and into a buffer that is there: what no message can be faster than.
func benchmarkGCM(b *testing.B, run func(b *testing.B, aead cipher.AEAD, nonce, buf, plaintext []byte)) {
	block, err := aes.NewCipher(testKey(32))
	if err != nil {
		b.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range benchSizes {
		plaintext := testPlaintext(size.bytes)
		buf := make([]byte, 0, len(plaintext)+aead.Overhead())
		b.Run(fmt.Sprintf("suite=0478/size=%s/peer=aes-gcm", size.name), func(b *testing.B) {
			b.SetBytes(int64(size.bytes))
			b.ReportAllocs()
			run(b, aead, make([]byte, aead.NonceSize()), buf, plaintext)
		})
	}
}

func BenchmarkEncrypt(b *testing.B) {
	benchmarkGCM(b, func(b *testing.B, aead cipher.AEAD, nonce, buf, plaintext []byte) {
		for b.Loop() {
			aead.Seal(buf, nonce, plaintext, nil)
		}
	})
	benchmark(b, func(b *testing.B, p peer, suite uint16, plaintext []byte) {
		for b.Loop() {
			if _, err := p.Encrypt(suite, 0, plaintext, contexts[1]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecrypt(b *testing.B) {
	benchmarkGCM(b, func(b *testing.B, aead cipher.AEAD, nonce, buf, plaintext []byte) {
		sealed := aead.Seal(nil, nonce, plaintext, nil)
		for b.Loop() {
			if _, err := aead.Open(buf, nonce, sealed, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	benchmark(b, func(b *testing.B, p peer, suite uint16, plaintext []byte) {
		message, err := p.Encrypt(suite, 0, plaintext, contexts[1])
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, _, err := p.Decrypt(message); err != nil {
				b.Fatal(err)
			}
		}
	})
}
