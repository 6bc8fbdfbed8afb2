package kmstest

import (
	"context"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/keyringtest"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/suite"
)

// relabelled makes data keys under one key that say they are under another.
type relabelled struct {
	keyring.Keyring
	arn string
}

func (k *relabelled) OnEncrypt(ctx context.Context, r *keyring.Request, dataKey *keyring.Secret) (*keyring.Wrapped, error) {
	w, err := k.Keyring.OnEncrypt(ctx, r, dataKey)
	if err != nil {
		return nil, err
	}
	for i := range w.EDKs {
		w.EDKs[i].ProviderInfo = []byte(k.arn)
	}
	return w, nil
}

// The suite for keyrings of any kind, with RSA keys. For symmetric keys it runs over a fake in keyring/kms: no emulator authenticates all of its own
// ciphertexts, in which the suite changes every byte.
func TestConformance(t *testing.T) {
	for _, name := range []string{localKMS, miniStack} {
		t.Run(name, func(t *testing.T) {
			s := start(t, name)
			_, arn, err := s.rsa(t.Context(), kms.OAEPSHA256)
			if err != nil {
				t.Fatal(err)
			}
			must := func(k keyring.Keyring, _ string, err error) keyring.Keyring {
				if err != nil {
					t.Fatal(err)
				}
				return k
			}
			keyringtest.Run(t, keyringtest.Options{
				New: func(t testing.TB) keyring.Keyring {
					k, err := kms.NewRSA(t.Context(), kms.RSAConfig{KeyID: arn, Client: s.client(homeRegion), Padding: kms.OAEPSHA256})
					return must(k, arn, err)
				},
				OtherKey: func(t testing.TB) keyring.Keyring { return &relabelled{must(s.rsa(t.Context(), kms.OAEPSHA256)), arn} },
				Foreign: func(t testing.TB) []keyring.Keyring {
					k := must(s.rsa(t.Context(), kms.OAEPSHA256))
					return []keyring.Keyring{must(s.strict(t.Context())), k, &relabelled{k, arn + "0"}, &relabelled{k, arn[:len(arn)-1]}}
				},
				Suites: []*suite.Suite{suite.AES128GCM(), suite.AES192GCM(), suite.AES256GCMCommit(), suite.ItemAES256GCM()},
			})
		})
	}
}
