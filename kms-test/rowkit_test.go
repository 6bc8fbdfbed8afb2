package kmstest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/suite"
)

// pairs is the context of rows that have no other.
func pairs() keyring.EncryptionContext {
	return keyring.EncryptionContext{"purpose": "contract", "größe": "\U0001F511"}
}

// newKey makes a key and returns its ARN; nil is a symmetric one.
func (s *server) newKey(ctx context.Context, in *sdk.CreateKeyInput) (string, error) {
	if in == nil {
		in = &sdk.CreateKeyInput{}
	}
	out, err := s.client(homeRegion).CreateKey(ctx, in)
	if err != nil {
		return "", fmt.Errorf("setting up: %w", err)
	}
	return *out.KeyMetadata.Arn, nil
}

// there is nil for the refusal of a request that the SDK repeated because its answer got lost, which MiniStack does now and then under load: what it
// asked for has been done.
func there(err error, code string) error {
	var refusal smithy.APIError
	if errors.As(err, &refusal) && refusal.ErrorCode() == code {
		return nil
	}
	return err
}

// strict makes a keyring of a new symmetric key.
func (s *server) strict(ctx context.Context) (keyring.Keyring, string, error) {
	arn, err := s.newKey(ctx, nil)
	if err != nil {
		return nil, "", err
	}
	k, err := kms.New(ctx, kms.Config{KeyID: arn, Client: s.client(homeRegion)})
	return k, arn, err
}

// discovery makes a keyring of whatever key of the account a data key names.
func (s *server) discovery(region string) (keyring.Keyring, error) {
	return kms.NewDiscovery(kms.DiscoveryConfig{
		Client: s.client(region), Filter: &kms.Filter{Partition: "aws", Accounts: []string{s.account}},
	})
}

// A sealed data key, with the context it was sealed in.
type sealed struct {
	key   *keyring.Secret
	edks  []keyring.EncryptedDataKey
	suite *suite.Suite
	ec    keyring.EncryptionContext
}

// seal has a keyring make a data key.
func seal(ctx context.Context, k keyring.Keyring, ec keyring.EncryptionContext) (*sealed, error) {
	return sealFor(ctx, k, suite.AES256GCMCommit(), ec)
}

func sealFor(ctx context.Context, k keyring.Keyring, s *suite.Suite, ec keyring.EncryptionContext) (*sealed, error) {
	r, err := keyring.NewRequest(s, ec)
	if err != nil {
		return nil, err
	}
	w, err := k.OnEncrypt(ctx, r, nil)
	if err != nil {
		return nil, err
	}
	return &sealed{key: w.DataKey, edks: w.EDKs, suite: s, ec: ec}, nil
}

// changed is a copy with another first encrypted data key.
func (d *sealed) changed(change func(*keyring.EncryptedDataKey)) *sealed {
	out := *d
	out.edks = slices.Clone(d.edks)
	e := &out.edks[0]
	e.ProviderInfo, e.Ciphertext = slices.Clone(e.ProviderInfo), slices.Clone(e.Ciphertext)
	change(e)
	return &out
}

// in is a copy that claims another context.
func (d *sealed) in(ec keyring.EncryptionContext) *sealed {
	out := *d
	out.ec = ec
	return &out
}

// open returns the error of the keyring, or one when it opened another key.
func (d *sealed) open(ctx context.Context, k keyring.Keyring) error {
	r, err := keyring.NewRequest(d.suite, d.ec)
	if err != nil {
		return err
	}
	u, err := k.OnDecrypt(ctx, r, d.edks)
	if err != nil {
		return err
	}
	defer u.DataKey.Destroy()
	if !u.DataKey.Equal(d.key) {
		return errors.New("opened another data key than was sealed")
	}
	return nil
}

// refused is nil when err is for every one of the targets.
func refused(err error, targets ...error) error {
	if err == nil {
		return fmt.Errorf("got no error, want %v", targets)
	}
	for _, target := range targets {
		if !errors.Is(err, target) {
			return fmt.Errorf("got the error %w, want %v", err, target.Error())
		}
	}
	return nil
}

// first returns the first error.
func first(steps ...func() error) error {
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

// rsaKey is a key for encryption.
func rsaKey() *sdk.CreateKeyInput {
	return &sdk.CreateKeyInput{KeySpec: types.KeySpecRsa2048, KeyUsage: types.KeyUsageTypeEncryptDecrypt}
}

// signingKey is a key that cannot encrypt.
func signingKey(spec types.KeySpec) *sdk.CreateKeyInput {
	return &sdk.CreateKeyInput{KeySpec: spec, KeyUsage: types.KeyUsageTypeSignVerify}
}
