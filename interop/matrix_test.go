package interop

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// peer is an implementation of the message format under one raw AES key.
type peer interface {
	Encrypt(suite uint16, frameLength int64, plaintext []byte, ec map[string]string) ([]byte, error)
	Decrypt(message []byte) ([]byte, map[string]string, error)
}

const (
	namespace = "interop"
	keyName   = "kek-1"
)

var (
	suites   = []uint16{0x0478, 0x0578}
	contexts = []map[string]string{
		nil,
		{"purpose": "interop"},
		{"b": "2", "a": "1", "aa": "3", "B": "4", "": "empty key", "empty value": ""},
		{"größe": "naïve", "日本": "語"},
		// Above U+FFFF, where the order of UTF-16 differs from that of UTF-8: U+1F600 sorts after U+FF5E in UTF-8 only.
		{"\U0001F600": "\U0001F511", "\uFF5E": "\U00010000", "z": "\uFFFD"},
	}
)

// testKey is a key of n bytes that begins and ends with zero, so that trimming would show.
func testKey(n int) []byte {
	k := make([]byte, n)
	for i := range k {
		k[i] = byte(i * 7)
	}
	k[n-1] = 0
	return k
}

func testPlaintext(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*31 + i>>8)
	}
	return p
}

// peers returns both implementations under the same key.
func peers(t testing.TB, key []byte) map[string]peer {
	t.Helper()
	official, err := NewOfficial(namespace, keyName, key)
	if err != nil {
		t.Fatal(err)
	}
	signet, err := NewSignet(namespace, keyName, key)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]peer{"official": official, "signet": signet}
}

// stored is a context without the pairs that formats add.
func stored(ec map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range ec {
		if !strings.HasPrefix(k, "aws-crypto-") {
			out[k] = v
		}
	}
	return out
}

// TestMatrix: what each implementation writes, both read.
func TestMatrix(t *testing.T) {
	for _, keyLen := range []int{16, 24, 32} {
		all := peers(t, testKey(keyLen))
		for _, suite := range suites {
			for _, frameLen := range []int{17, 4096} {
				t.Run(fmt.Sprintf("aes%d/%04x/frame=%d", keyLen*8, suite, frameLen), func(t *testing.T) {
					for _, size := range []int{0, 1, frameLen - 1, frameLen, frameLen + 1, 3 * frameLen} {
						for i, ec := range contexts {
							testPair(t, all, suite, int64(frameLen), testPlaintext(size), ec, fmt.Sprintf("size %d, context %d", size, i))
						}
					}
				})
			}
		}
	}
}

func testPair(t *testing.T, all map[string]peer, suite uint16, frameLen int64, plaintext []byte, ec map[string]string, what string) {
	t.Helper()
	for _, writer := range slices.Sorted(maps.Keys(all)) {
		message, err := all[writer].Encrypt(suite, frameLen, plaintext, ec)
		if err != nil {
			t.Errorf("%s: %s does not encrypt: %v", what, writer, err)
			continue
		}
		for _, reader := range slices.Sorted(maps.Keys(all)) {
			got, gotContext, err := all[reader].Decrypt(message)
			if err != nil {
				t.Errorf("%s: %s does not open what %s wrote: %v", what, reader, writer, err)
				continue
			}
			if !bytes.Equal(got, plaintext) {
				t.Errorf("%s: %s reads other bytes than %s wrote: got %d bytes, want %d", what, reader, writer, len(got), len(plaintext))
			}
			if want := stored(ec); !maps.Equal(stored(gotContext), want) {
				t.Errorf("%s: %s reads another context than %s wrote: got %q, want %q", what, reader, writer, stored(gotContext), want)
			}
			if _, signed := gotContext["aws-crypto-public-key"]; signed != (suite == 0x0578) {
				t.Errorf("%s: %s: context of suite %04x has a public key: %v", what, reader, suite, signed)
			}
		}
	}
}

// TestDefaultFrameLength: with the defaults of both, a message of more than one frame is read by both.
func TestDefaultFrameLength(t *testing.T) {
	all := peers(t, testKey(32))
	for _, suite := range suites {
		testPair(t, all, suite, 0, testPlaintext(10_000), contexts[1], fmt.Sprintf("suite %04x", suite))
	}
}
