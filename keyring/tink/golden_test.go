package tink_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/tink"
)

// TestGoldenV1: keysets of google/tink/go, in every form, and messages under them. interop/tinkv1 wrote the file.
func TestGoldenV1(t *testing.T) {
	var golden struct {
		Keysets []struct {
			Name              string
			Keyset            []byte
			KEKKeyset, KEKRaw []byte
			AssociatedData    []byte
			Messages          [][]byte
			Plaintext         []byte
		}
	}
	if err := json.Unmarshal(must(os.ReadFile("testdata/v1.json")), &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Keysets) != 8 {
		t.Errorf("%d keysets, want 8", len(golden.Keysets))
	}
	for _, g := range golden.Keysets {
		t.Run(string(g.Plaintext), func(t *testing.T) {
			f := form{ad: g.AssociatedData}
			switch {
			case g.KEKKeyset != nil:
				f.kek = must(aead.New(must(insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(g.KEKKeyset))))))
			case g.KEKRaw != nil:
				f.kek = messageAEAD(t, must(raw.NewAES(raw.AESConfig{Namespace: "tinkv1", Name: "kek", Key: g.KEKRaw})))
			}
			ks, err := f.parse(t, g.Keyset)
			if err != nil {
				t.Fatal(err)
			}
			k := must(tink.New(tink.Config{Name: g.Name, Keyset: ks}))
			if len(g.Messages) != 1 {
				t.Fatalf("%d messages", len(g.Messages))
			}
			decrypts(t, k, g.Messages[0], string(g.Plaintext))
			decrypts(t, k, encrypt(t, k, "new"), "new")
		})
	}
}
