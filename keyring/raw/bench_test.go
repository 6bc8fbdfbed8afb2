package raw_test

import (
	"crypto/ecdh"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
)

// benchmark measures one data key wrapped by a keyring and opened by another.
func benchmark(b *testing.B, writer, reader keyring.Keyring) {
	r := request(b, suite.AES256GCMCommit(), keyring.EncryptionContext{"purpose": "test", "tenant": "a"})
	w := wrap(b, writer, r)
	b.Run("OnEncrypt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w, err := writer.OnEncrypt(b.Context(), r, nil)
			if err != nil {
				b.Fatal(err)
			}
			w.DataKey.Destroy()
		}
	})
	b.Run("OnDecrypt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			u, err := reader.OnDecrypt(b.Context(), r, w.EDKs)
			if err != nil {
				b.Fatal(err)
			}
			u.DataKey.Destroy()
		}
	})
}

func BenchmarkAES(b *testing.B) {
	k := newAES(b, "space", "name", sequence(0, 32))
	benchmark(b, k, k)
}

func BenchmarkRSA2048(b *testing.B) {
	key := rsaKeys()[0]
	for _, p := range []raw.RSAPadding{raw.OAEPSHA256, raw.PKCS1v15} {
		b.Run(p.String(), func(b *testing.B) {
			k := newRSA(b, raw.RSAConfig{Padding: p, Public: &key.PublicKey, Private: key})
			benchmark(b, k, k)
		})
	}
}

func BenchmarkECDH(b *testing.B) {
	for _, c := range []struct {
		name  string
		curve ecdh.Curve
	}{{"P-256", ecdh.P256()}, {"P-384", ecdh.P384()}, {"P-521", ecdh.P521()}} {
		me, peer := ecKey(b, c.curve), ecKey(b, c.curve)
		b.Run(c.name+"/static", func(b *testing.B) { benchmark(b, static(b, me, peer.PublicKey()), static(b, peer, me.PublicKey())) })
		b.Run(c.name+"/ephemeral", func(b *testing.B) { benchmark(b, ephemeral(b, peer.PublicKey()), discovery(b, peer)) })
	}
}
