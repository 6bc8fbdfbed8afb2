package kmstest

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/suite"
)

// Rows about RSA keys, and keys of a usage that does not fit. No emulator has DeriveSharedSecret.
func asymmetricRows() []row {
	const bareID = "GetPublicKey answers with the key's bare id instead of its ARN"
	const anyUsage = "makes data keys with any key"
	out := []row{}
	for _, p := range []kms.RSAPadding{kms.OAEPSHA1, kms.OAEPSHA256} {
		out = append(out,
			row{name: fmt.Sprintf("RSA %s: round trip", p), deviates: map[string]string{moto: bareID}, run: func(ctx context.Context, s *server) error {
				return rsaRoundTrip(ctx, s, p)
			}},
			row{name: fmt.Sprintf("RSA %s: encrypts without KMS", p), deviates: map[string]string{moto: bareID}, run: func(ctx context.Context, s *server) error {
				return rsaOffline(ctx, s, p)
			}},
			row{name: fmt.Sprintf("RSA %s: another context is known to be one", p), deviates: map[string]string{moto: bareID}, run: func(ctx context.Context, s *server) error {
				return rsaContext(ctx, s, p)
			}},
		)
	}
	return append(out,
		row{name: "RSA: other padding", run: rsaOtherPadding, deviates: map[string]string{moto: bareID}},
		row{name: "RSA: last byte changed", run: rsaDamaged, deviates: map[string]string{moto: bareID}},
		row{name: "RSA: signing key", deviates: map[string]string{moto: bareID}, run: func(ctx context.Context, s *server) error {
			arn, err := s.newKey(ctx, signingKey(types.KeySpecRsa2048))
			if err != nil {
				return err
			}
			_, err = kms.NewRSA(ctx, kms.RSAConfig{KeyID: arn, Client: s.client(homeRegion), Padding: kms.OAEPSHA256})
			return wrongUsage(err, arn, "SIGN_VERIFY")
		}},
		row{name: "ECDH: signing key", deviates: map[string]string{moto: bareID}, run: func(ctx context.Context, s *server) error {
			arn, err := s.newKey(ctx, signingKey(types.KeySpecEccNistP256))
			if err != nil {
				return err
			}
			_, err = kms.NewECDH(ctx, kms.ECDHConfig{KeyID: arn, Client: s.client(homeRegion), Curve: ecdh.P256()})
			return wrongUsage(err, arn, "SIGN_VERIFY")
		}},
		row{name: "symmetric keyring of an RSA key", deviates: map[string]string{
			moto: anyUsage, localKMS: "answers InternalFailureException",
		}, run: func(ctx context.Context, s *server) error {
			return symmetricOf(ctx, s, rsaKey())
		}},
		row{name: "symmetric keyring of a signing key", deviates: map[string]string{moto: anyUsage}, run: func(ctx context.Context, s *server) error {
			return symmetricOf(ctx, s, signingKey(types.KeySpecEccNistP256))
		}},
	)
}

func (s *server) rsa(ctx context.Context, p kms.RSAPadding) (keyring.Keyring, string, error) {
	arn, err := s.newKey(ctx, rsaKey())
	if err != nil {
		return nil, "", err
	}
	k, err := kms.NewRSA(ctx, kms.RSAConfig{KeyID: arn, Client: s.client(homeRegion), Padding: p})
	return k, arn, err
}

func rsaRoundTrip(ctx context.Context, s *server, p kms.RSAPadding) error {
	k, arn, err := s.rsa(ctx, p)
	if err != nil {
		return err
	}
	for _, su := range []*suite.Suite{suite.AES128GCM(), suite.AES256GCMCommit(), suite.ItemAES256GCM()} {
		for _, ec := range []keyring.EncryptionContext{nil, pairs()} {
			d, err := sealFor(ctx, k, su, ec)
			if err != nil {
				return err
			}
			if e := d.edks[0]; e.ProviderID != kms.RSAProviderID || string(e.ProviderInfo) != arn {
				return fmt.Errorf("the data key names %q %q, want %q", e.ProviderID, e.ProviderInfo, arn)
			}
			if err := d.open(ctx, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// rsaOffline: who has the public key only encrypts, and does not decrypt.
func rsaOffline(ctx context.Context, s *server, p kms.RSAPadding) error {
	k, arn, err := s.rsa(ctx, p)
	if err != nil {
		return err
	}
	out, err := s.client(homeRegion).GetPublicKey(ctx, &sdk.GetPublicKeyInput{KeyId: &arn})
	if err != nil {
		return err
	}
	public, err := x509.ParsePKIXPublicKey(out.PublicKey)
	if err != nil {
		return err
	}
	offline, err := kms.NewRSA(ctx, kms.RSAConfig{KeyID: arn, PublicKey: public.(*rsa.PublicKey), Padding: p})
	if err != nil {
		return err
	}
	d, err := seal(ctx, offline, pairs())
	if err != nil {
		return err
	}
	return first(
		func() error { return d.open(ctx, k) },
		func() error {
			if d.open(ctx, offline) == nil {
				return errors.New("a keyring without a client opens a data key")
			}
			return nil
		},
	)
}

func rsaContext(ctx context.Context, s *server, p kms.RSAPadding) error {
	k, _, err := s.rsa(ctx, p)
	if err != nil {
		return err
	}
	d, err := seal(ctx, k, pairs())
	if err != nil {
		return err
	}
	return refused(d.in(nil).open(ctx, k), signet.ErrNoKey, signet.ErrContext, signet.ErrAuthentication)
}

func rsaOtherPadding(ctx context.Context, s *server) error {
	k, arn, err := s.rsa(ctx, kms.OAEPSHA256)
	if err != nil {
		return err
	}
	other, err := kms.NewRSA(ctx, kms.RSAConfig{KeyID: arn, Client: s.client(homeRegion), Padding: kms.OAEPSHA1})
	if err != nil {
		return err
	}
	d, err := seal(ctx, k, pairs())
	if err != nil {
		return err
	}
	return refused(d.open(ctx, other), signet.ErrNoKey)
}

func rsaDamaged(ctx context.Context, s *server) error {
	k, _, err := s.rsa(ctx, kms.OAEPSHA256)
	if err != nil {
		return err
	}
	d, err := seal(ctx, k, pairs())
	if err != nil {
		return err
	}
	d = d.changed(func(e *keyring.EncryptedDataKey) { e.Ciphertext[len(e.Ciphertext)-1] ^= 1 })
	return refused(d.open(ctx, k), signet.ErrNoKey, signet.ErrAuthentication)
}

// wrongUsage is the error of a key that cannot do what is asked, which names the key and what it is for.
func wrongUsage(err error, arn, usage string) error {
	if err := refused(err, kms.ErrInvalidUsage, signet.ErrUnsupported); err != nil {
		return err
	}
	if !strings.Contains(err.Error(), arn) || !strings.Contains(err.Error(), usage) {
		return fmt.Errorf("the error does not name key and usage: %w", err)
	}
	return nil
}

// symmetricOf: neither makes nor wraps nor opens data keys.
func symmetricOf(ctx context.Context, s *server, in *sdk.CreateKeyInput) error {
	arn, err := s.newKey(ctx, in)
	if err != nil {
		return err
	}
	k, err := kms.New(ctx, kms.Config{KeyID: arn, Client: s.client(homeRegion)})
	if err != nil {
		return err
	}
	_, err = seal(ctx, k, nil)
	if err := wrongUsage(err, arn, ""); err != nil {
		return err
	}
	r, err := keyring.NewRequest(suite.AES256GCMCommit(), nil)
	if err != nil {
		return err
	}
	_, err = k.OnEncrypt(ctx, r, keyring.NewSecret(random(32)))
	return wrongUsage(err, arn, "")
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
