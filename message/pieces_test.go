package message

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/keyring"
)

// pieces reads at most n bytes at once, as a network does.
type pieces struct {
	r io.Reader
	n int
}

func (p pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(p.n, len(b))]) }

// A long header that arrives in small pieces is not parsed again with every piece: that took 1 GiB of allocations for these 3 MB, and 17 GiB
// and as many seconds for the 12 MB that 64 encrypted data keys may have, before anything is authentic.
func TestLongHeaderInPieces(t *testing.T) {
	f := forge{frameLen: 10, frames: []string{"0123456789", "x"}}
	field := strings.Repeat("a", 65535)
	for range 16 {
		f.edks = append(f.edks, keyring.EncryptedDataKey{ProviderID: field, ProviderInfo: []byte(field), Ciphertext: []byte(field)})
	}
	msg := f.message(t)
	mm := keyring.NewManager(fixedKeyring{testKey})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := new(Client).NewDecryptReader(context.Background(), mm, pieces{bytes.NewReader(msg), 1460}, nil)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); string(got) != "0123456789x" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 20*uint64(len(msg)) {
		t.Errorf("%d bytes allocated for a header of %d", n, len(msg))
	}
}

// Headers in pieces of every kind end as whole ones do.
func TestHeaderErrorsInPieces(t *testing.T) {
	f := forge{frameLen: 10, frames: []string{"x"}, edks: []keyring.EncryptedDataKey{fixedEDK, {ProviderID: "\xff"}, fixedEDK}}
	msg := f.message(t)
	mm := keyring.NewManager(fixedKeyring{testKey})
	for n := range len(msg) {
		_, _, want := new(Client).Decrypt(context.Background(), mm, msg[:n], nil)
		_, err := new(Client).NewDecryptReader(context.Background(), mm, iotest.OneByteReader(bytes.NewReader(msg[:n])), nil)
		if err == nil || err.Error() != want.Error() {
			t.Fatalf("%d bytes: got %v, want %v", n, err, want)
		}
	}
}

func TestNegativeOptions(t *testing.T) {
	mm := keyring.NewManager(fixedKeyring{testKey})
	msg := forge{frameLen: 10, frames: []string{"x"}}.message(t)
	var ce *keyring.ConfigError
	if _, err := new(Client).NewEncryptWriter(context.Background(), mm, io.Discard, &EncryptOptions{Concurrency: -1}); !errors.As(err, &ce) {
		t.Errorf("writer: got %v", err)
	}
	if _, err := new(Client).NewDecryptReader(context.Background(), mm, bytes.NewReader(msg), &DecryptOptions{Concurrency: -1}); !errors.As(err, &ce) {
		t.Errorf("reader: got %v", err)
	}
	if _, err := new(Client).OpenAt(context.Background(), mm, bytes.NewReader(msg), int64(len(msg)), &DecryptOptions{MaxFrameLength: -1}); !errors.As(err, &ce) {
		t.Errorf("ranges, MaxFrameLength -1: got %v", err)
	}
}

// With a concurrency of 1, as with 0, frames that are here are released although the source has no more yet.
func TestFramesAreReleasedAtOnce(t *testing.T) {
	msg := forge{frameLen: 10, frames: []string{"0123456789", "x"}}.message(t)
	for _, n := range []int{0, 1} {
		sharedtest.Bubble(t, func(t *testing.T) {
			pr, pw := io.Pipe()
			defer pr.Close()
			go pw.Write(msg[:len(msg)-1])
			r, err := new(Client).NewDecryptReader(context.Background(), keyring.NewManager(fixedKeyring{testKey}), pr, &DecryptOptions{Concurrency: n})
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan string, 1)
			go func() {
				b := make([]byte, 10)
				k, _ := r.Read(b)
				done <- string(b[:k])
			}()
			synctest.Wait()
			select {
			case got := <-done:
				if got != "0123456789" {
					t.Errorf("concurrency %d: got %q", n, got)
				}
			default:
				t.Errorf("concurrency %d: a whole frame is not released before more arrives", n)
			}
		})
	}
}
