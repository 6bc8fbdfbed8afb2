package kdf

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"testing"

	"github.com/signetkeys/signet"
)

// Computed with two independent libraries: branch keys use the first form, raw ECDH the second.
func TestCounterKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		hash    crypto.Hash
		label   string
		context []byte
		want    string
	}{
		{crypto.SHA256, "aws-kms-hierarchy", sequence(0, 16), "3f3660f5328edd328214ee0b79a0018d022e9d7118c50c94f06c966a135959c3"},
		{crypto.SHA384, "label", sequence(0, 32), "b022b08d25a051dccdc462338ef45f06be24788705afbc95e38ba780e84aac05f5e67fd9d6d0ce0ae6cdf1a9303bf274d1f00fed77a3f4ef8b006dc884df7484"},
	} {
		out := make([]byte, len(c.want)/2)
		if err := CounterHMAC(c.hash, out, sequence(0, 32), []byte(c.label), c.context); err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(out); got != c.want {
			t.Errorf("%v: got %s, want %s", c.hash, got, c.want)
		}
	}
}

// Every output length up to several blocks, against the definition written out.
func TestCounterLengths(t *testing.T) {
	key, label, context := sequence(7, 48), []byte("label"), sequence(90, 20)
	for h, newHash := range map[crypto.Hash]func() hash.Hash{crypto.SHA256: sha256.New, crypto.SHA384: sha512.New384} {
		for n := range 200 {
			var want []byte
			for i := uint32(1); len(want) < n; i++ {
				m := hmac.New(newHash, key)
				m.Write(binary.BigEndian.AppendUint32(nil, i))
				m.Write(append(append(append([]byte{}, label...), 0), context...))
				m.Write(binary.BigEndian.AppendUint32(nil, uint32(8*n)))
				want = m.Sum(want)
			}
			got := make([]byte, n)
			if err := CounterHMAC(h, got, key, label, context); err != nil || !bytes.Equal(got, want[:n]) {
				t.Errorf("%v, %d bytes: got %x, %v, want %x", h, n, got, err, want[:n])
			}
		}
	}
}

func TestCounterRefuses(t *testing.T) {
	for _, h := range []crypto.Hash{0, crypto.SHA1, crypto.SHA512} {
		out := []byte{1, 2, 3}
		if err := CounterHMAC(h, out, sequence(0, 32), nil, nil); !errors.Is(err, signet.ErrUnsupported) || !bytes.Equal(out, []byte{1, 2, 3}) {
			t.Errorf("%v: got %v, %x, want ErrUnsupported and the output untouched", h, err, out)
		}
	}
}

func BenchmarkCounterHMAC(b *testing.B) {
	for _, c := range []struct {
		name string
		hash crypto.Hash
		n    int
	}{{"SHA256/32", crypto.SHA256, 32}, {"SHA384/64", crypto.SHA384, 64}} {
		b.Run(c.name, func(b *testing.B) {
			key, label, context, out := sequence(0, 32), sequence(0, 100), sequence(0, 32), make([]byte, c.n)
			b.ReportAllocs()
			for b.Loop() {
				if err := CounterHMAC(c.hash, out, key, label, context); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
