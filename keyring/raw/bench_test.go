package raw_test

import (
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

func BenchmarkAES(b *testing.B) {
	k := newAES(b, "space", "name", sequence(0, 32))
	r, err := keyring.NewRequest(suite.AES256GCMCommit(), keyring.EncryptionContext{"purpose": "test", "tenant": "a"})
	if err != nil {
		b.Fatal(err)
	}
	w, err := k.OnEncrypt(b.Context(), r, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("OnEncrypt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w, err := k.OnEncrypt(b.Context(), r, nil)
			if err != nil {
				b.Fatal(err)
			}
			w.DataKey.Destroy()
		}
	})
	b.Run("OnDecrypt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			u, err := k.OnDecrypt(b.Context(), r, w.EDKs)
			if err != nil {
				b.Fatal(err)
			}
			u.DataKey.Destroy()
		}
	})
}
