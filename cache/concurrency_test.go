package cache

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"sync"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// aead uses the data key while materials are held, as a format does. Its nonce is random, so keys may be shared.
func aead(t *testing.T, s *keyring.Secret) cipher.AEAD {
	block, err := aes.NewCipher(s.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	a, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Every message opens with the true key, whatever the others do to a cache with room for one entry.
func TestContention(t *testing.T) {
	for _, tt := range []struct {
		capacity int
		o        Options
	}{
		{0, Options{}}, {1, Options{}}, {1, Options{MaxMessages: 2}}, {1, Options{MaxBytes: 100}}, {8, Options{MaxMessages: 5}}, {1000, Options{}},
	} {
		t.Run(fmt.Sprintf("capacity %d, %d messages, %d bytes", tt.capacity, tt.o.MaxMessages, tt.o.MaxBytes), func(t *testing.T) {
			c := NewLocal(tt.capacity)
			plain := keyring.NewManager(rawKeyring(t, "kek"))
			m := newManager(t, plain, c, tt.o)
			var wg sync.WaitGroup
			for g := range 64 {
				wg.Go(func() {
					for i := range 64 {
						ec := keyring.EncryptionContext{"context": fmt.Sprint((g + i) % 64)}
						roundTrip(t, m, plain, ec)
					}
				})
			}
			wg.Wait()
			if n := c.Stats().Len; n > tt.capacity {
				t.Errorf("%d entries, capacity %d", n, tt.capacity)
			}
			if len(m.flights.m) != 0 {
				t.Errorf("%d flights are left", len(m.flights.m))
			}
		})
	}
}

func roundTrip(t *testing.T, m, plain keyring.MaterialsManager, ec keyring.EncryptionContext) {
	want := []byte("message of " + ec["context"])
	enc, err := m.EncryptionMaterials(context.Background(), &keyring.EncryptionRequest{Context: ec, Suite: suite.AES256GCMCommit(), Length: int64(len(want))})
	if err != nil {
		t.Error(err)
		return
	}
	ct := aead(t, enc.DataKey).Seal(nil, nil, want, enc.AAD)
	if enc.Context["context"] != ec["context"] {
		t.Errorf("materials of context %v for %v", enc.Context, ec)
	}
	d := decRequest(enc)
	enc.Release()
	for _, mm := range []keyring.MaterialsManager{m, plain} {
		dec, err := mm.DecryptionMaterials(context.Background(), d)
		if err != nil {
			t.Error(err)
			return
		}
		got, err := aead(t, dec.DataKey).Open(nil, nil, ct, dec.AAD)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		dec.Release()
	}
}

// No data key serves more than its limits say, and every use is counted, however requests, waiters and hits interleave.
func TestLimitsAreExactUnderContention(t *testing.T) {
	const messages, bytesLimit = 7, 64
	b := newBackend(t)
	m := newManager(t, b, NewLocal(2), Options{MaxMessages: messages, MaxBytes: bytesLimit})
	var mu sync.Mutex
	used := map[*keyring.Secret]Use{}
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			for i := range 50 {
				length := int64(1 + (g+i)%20)
				mat, err := m.EncryptionMaterials(context.Background(), encRequest(keyring.EncryptionContext{"n": fmt.Sprint(i % 3)}, length))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				u := used[mat.DataKey]
				used[mat.DataKey] = Use{u.Messages + 1, u.Bytes + uint64(length)}
				mu.Unlock()
				mat.Release()
			}
		})
	}
	wg.Wait()
	total := uint64(0)
	for _, u := range used {
		total += u.Messages
		if u.Messages > messages || u.Bytes > bytesLimit {
			t.Errorf("a key was used for %+v", u)
		}
	}
	if s := m.Stats(); total != 64*50 || s.Hits+s.Misses != total || s.Misses != uint64(b.count()) || int(s.Misses) != len(used) {
		t.Errorf("%d messages, %d keys, %d calls, %+v", total, len(used), b.count(), s)
	}
}
