package cache

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
)

// The position of the data key that opened belongs to one order of the data keys: another order is not served from the cache.
func TestOrderOfDataKeys(t *testing.T) {
	var ks [2]keyring.Keyring
	for i := range ks {
		k, err := raw.NewAES(raw.AESConfig{Namespace: "n", Name: string(rune('a' + i)), Key: make([]byte, 32)})
		if err != nil {
			t.Fatal(err)
		}
		ks[i] = k
	}
	both, err := keyring.NewMulti(keyring.MultiOptions{Generator: ks[0], Children: ks[1:]})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	mat, err := keyring.NewManager(both).EncryptionMaterials(ctx, &keyring.EncryptionRequest{Suite: suite.AES256GCMCommit()})
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewManager(keyring.NewManager(ks[1]), NewLocal(10), Options{MaxAge: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	edks := slices.Clone(mat.EDKs)
	for round := range 3 {
		for _, want := range []int{1, 0} {
			dec, err := m.DecryptionMaterials(ctx, &keyring.DecryptionRequest{Suite: mat.Suite, Context: mat.Context, EDKs: edks})
			if err != nil || dec.Used != want || !dec.DataKey.Equal(mat.DataKey) {
				t.Fatalf("round %d: used %+v, %v, want %d", round, dec, err, want)
			}
			dec.Release()
			slices.Reverse(edks)
		}
	}
	if s := m.Stats(); s.Hits == 0 {
		t.Errorf("nothing was served from the cache: %+v", s)
	}
}
