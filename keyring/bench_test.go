package keyring_test

import (
	"context"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// nothing is a provider that costs nothing, so that what is measured is the framework's own work.
type nothing struct{ edk keyring.EncryptedDataKey }

func (p *nothing) Wrap(context.Context, *keyring.Request, []byte) (keyring.EncryptedDataKey, error) {
	return p.edk, nil
}

func (p *nothing) Unwrap(context.Context, *keyring.Request, *keyring.EncryptedDataKey) ([]byte, error) {
	return make([]byte, 32), nil
}

func BenchmarkFramework(b *testing.B) {
	p := &nothing{keyring.EncryptedDataKey{ProviderID: "nothing", ProviderInfo: make([]byte, 24), Ciphertext: make([]byte, 48)}}
	k := keyring.New("nothing", p, p, nil)
	r := request(b, suite.AES256GCMCommit(), testPairs)
	b.Run("OnEncrypt", func(b *testing.B) { benchEncrypt(b, k, r) })
	b.Run("OnDecrypt", func(b *testing.B) { benchDecrypt(b, k, r, []keyring.EncryptedDataKey{p.edk}) })
}

func BenchmarkMulti(b *testing.B) {
	for name, children := range map[string]int{"1child": 1, "2children": 2} {
		var list []keyring.Keyring
		for range children {
			list = append(list, rawAES(b, "child"))
		}
		k := newMulti(b, keyring.MultiOptions{Generator: rawAES(b, "generator"), Children: list})
		r := request(b, suite.AES256GCMCommit(), testPairs)
		b.Run(name+"/OnEncrypt", func(b *testing.B) { benchEncrypt(b, k, r) })
	}
}

func BenchmarkItem(b *testing.B) {
	k := rawAES(b, "item")
	r := request(b, suite.ItemAES256GCM(), testPairs)
	w, err := k.OnEncrypt(b.Context(), r, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("OnEncrypt", func(b *testing.B) { benchEncrypt(b, k, r) })
	b.Run("OnDecrypt", func(b *testing.B) { benchDecrypt(b, k, r, w.EDKs) })
}

func benchEncrypt(b *testing.B, k keyring.Keyring, r *keyring.Request) {
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		w, err := k.OnEncrypt(ctx, r, nil)
		if err != nil {
			b.Fatal(err)
		}
		w.DataKey.Destroy()
	}
}

func benchDecrypt(b *testing.B, k keyring.Keyring, r *keyring.Request, edks []keyring.EncryptedDataKey) {
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		u, err := k.OnDecrypt(ctx, r, edks)
		if err != nil {
			b.Fatal(err)
		}
		u.DataKey.Destroy()
	}
}

// BenchmarkManager is the default manager over a raw AES key, unsigned.
func BenchmarkManager(b *testing.B) {
	m := keyring.NewManager(rawAES(b, "key"))
	ctx := b.Context()
	enc := &keyring.EncryptionRequest{Context: testPairs, Suite: suite.AES256GCMCommit(), Length: 100}
	mat, err := m.EncryptionMaterials(ctx, enc)
	if err != nil {
		b.Fatal(err)
	}
	dec := &keyring.DecryptionRequest{Suite: mat.Suite, Context: mat.Context, EDKs: mat.EDKs}
	b.Run("EncryptionMaterials", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m, err := m.EncryptionMaterials(ctx, enc)
			if err != nil {
				b.Fatal(err)
			}
			m.Release()
		}
	})
	b.Run("DecryptionMaterials", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m, err := m.DecryptionMaterials(ctx, dec)
			if err != nil {
				b.Fatal(err)
			}
			m.Release()
		}
	})
}
