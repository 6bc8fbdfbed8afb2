package cache_test

import (
	"context"
	"fmt"
	"time"

	"github.com/signetkeys/signet/cache"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
)

// Messages of one context share a data key; the keyring is asked once for ten of them.
func ExampleNewManager() {
	k, err := raw.NewAES(raw.AESConfig{Namespace: "example", Name: "k1", Key: []byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		fmt.Println(err)
		return
	}
	mm, err := cache.NewManager(keyring.NewManager(k), cache.NewLocal(100), cache.Options{
		MaxAge: 5 * time.Minute, MaxMessages: 10, MaxBytes: 1 << 20,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 25 {
		materials, err := mm.EncryptionMaterials(context.Background(), &keyring.EncryptionRequest{
			Context: keyring.EncryptionContext{"tenant": "acme", "field": "email"},
			Length:  100,
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		// A format encrypts here; message.Client does all of this.
		materials.Release()
	}
	s := mm.Stats()
	fmt.Printf("25 messages: %d calls made, %d saved\n", s.Misses+s.Bypassed, s.Hits)
	// Output: 25 messages: 3 calls made, 22 saved
}
