package matrix

import (
	"math/rand/v2"
	"testing"

	"github.com/signetkeys/signet/interop/peers"
	"github.com/signetkeys/signet/keyring/pkcs11"
	"github.com/signetkeys/signet/keyring/raw"
	softhsmtest "github.com/signetkeys/signet/softhsm-test"
)

// TestSoftHSM: messages under AES and RSA keys inside a token, both ways with every peer that holds the same keys in software.
func TestSoftHSM(t *testing.T) {
	token := softhsmtest.New(t)
	signet := new(Signet)
	hsm := func(cfg pkcs11.Config, like *peers.Keyring) *pkcs11.Keyring {
		t.Helper()
		cfg.Namespace, cfg.Name = like.Namespace, like.Name
		k, err := pkcs11.New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := k.Close(); err != nil {
				t.Error(err)
			}
		})
		signet.Use(like, k)
		return k
	}
	var kinds []*Kind
	var keyrings []*pkcs11.Keyring
	for _, bits := range []int{128, 192, 256} {
		k := AES(bits)
		token.ImportAES(k.Name, k.Key)
		keyrings = append(keyrings, hsm(token.Config(k.Name), k))
		kinds = append(kinds, &Kind{Name: k.Name, Write: []*peers.Keyring{k}, Read: []*peers.Keyring{k}})
	}
	k, err := RSA("oaep-sha1", 2048) // the only hash that SoftHSM 2.6 knows
	if err != nil {
		t.Fatal(err)
	}
	private, err := raw.ParseRSAPrivateKey([]byte(k.PrivatePEM))
	if err != nil {
		t.Fatal(err)
	}
	token.ImportRSA("rsa", private, nil)
	keyrings = append(keyrings, hsm(token.RSAConfig("rsa", pkcs11.OAEPSHA1), k))
	kinds = append(kinds, &Kind{Name: k.Name, Write: []*peers.Keyring{k}, Read: []*peers.Keyring{k}})

	started := 0
	for _, name := range peers.Names() {
		t.Run(name, func(t *testing.T) {
			p, _ := start(t, name)
			started++
			r := &run{t: t, name: name, peer: p, caps: capabilities(t), signet: signet, rand: rand.New(rand.NewPCG(seed(t), 0)),
				count: &PeerCount{Disabled: map[string]int{}}}
			r.all(kinds)
			want := len(kinds) * len(messageSuites())
			if r.count.Writes.Messages < want || r.count.Reads.Messages < want {
				t.Errorf("%d and %d messages, want at least %d each way", r.count.Writes.Messages, r.count.Reads.Messages, want)
			}
			t.Logf("%s wrote %d messages for the token, read %d", name, r.count.Writes.Messages, r.count.Reads.Messages)
		})
	}
	for i, k := range keyrings {
		if s := k.Stats(); started > 0 && s.Unwraps == 0 {
			t.Errorf("the token opened nothing under %s: %+v", kinds[i].Name, s)
		}
	}
}
