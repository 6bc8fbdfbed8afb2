package interop

import (
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
