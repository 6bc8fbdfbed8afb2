package kmstest

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/suite"
)

// Rows about data keys that something else than a keyring made or changed.
func otherCallRows() []row {
	noReEncrypt := map[string]string{miniStack: "has no ReEncrypt"}
	return []row{
		{name: "made by GenerateDataKeyWithoutPlaintext", run: madeBefore},
		{name: "ReEncrypt to another key", run: reEncrypted, deviates: noReEncrypt},
		{name: "ReEncrypt into another context", run: reEncryptedContext, deviates: noReEncrypt},
		{name: "key material rotated", run: rotated, deviates: map[string]string{localKMS: "has no RotateKeyOnDemand", miniStack: "has no RotateKeyOnDemand"}},
	}
}

// madeBefore is a data key that nobody has seen yet: two openings yield one key.
func madeBefore(ctx context.Context, s *server) error {
	k, arn, err := s.strict(ctx)
	if err != nil {
		return err
	}
	out, err := s.client(homeRegion).GenerateDataKeyWithoutPlaintext(ctx, &sdk.GenerateDataKeyWithoutPlaintextInput{
		KeyId: &arn, KeySpec: types.DataKeySpecAes256, EncryptionContext: pairs(),
	})
	if err != nil {
		return err
	}
	r, err := keyring.NewRequest(suite.AES256GCMCommit(), pairs())
	if err != nil {
		return err
	}
	edk := keyring.EncryptedDataKey{ProviderID: kms.ProviderID, ProviderInfo: []byte(arn), Ciphertext: out.CiphertextBlob}
	u, err := k.OnDecrypt(ctx, r, []keyring.EncryptedDataKey{edk})
	if err != nil {
		return err
	}
	again := &sealed{key: u.DataKey, edks: []keyring.EncryptedDataKey{edk}, suite: r.Suite, ec: pairs()}
	return again.open(ctx, k)
}

// reEncrypt moves a data key, as a tool that is not signet may.
func reEncrypt(ctx context.Context, s *server, d *sealed, to string, ec keyring.EncryptionContext) (*sealed, error) {
	out, err := s.client(homeRegion).ReEncrypt(ctx, &sdk.ReEncryptInput{
		CiphertextBlob: d.edks[0].Ciphertext, SourceEncryptionContext: d.ec, DestinationKeyId: &to, DestinationEncryptionContext: ec,
	})
	if err != nil {
		return nil, err
	}
	return d.in(ec).changed(func(e *keyring.EncryptedDataKey) {
		e.ProviderInfo, e.Ciphertext = []byte(*out.KeyId), out.CiphertextBlob
	}), nil
}

func reEncrypted(ctx context.Context, s *server) error {
	from, _, err := s.strict(ctx)
	if err != nil {
		return err
	}
	to, arn, err := s.strict(ctx)
	if err != nil {
		return err
	}
	d, err := seal(ctx, from, pairs())
	if err != nil {
		return err
	}
	moved, err := reEncrypt(ctx, s, d, arn, pairs())
	if err != nil {
		return err
	}
	return first(
		func() error { return moved.open(ctx, to) },
		func() error { return refused(moved.open(ctx, from), signet.ErrNoKey) },
		func() error { return d.open(ctx, from) },
	)
}

func reEncryptedContext(ctx context.Context, s *server) error {
	k, arn, err := s.strict(ctx)
	if err != nil {
		return err
	}
	d, err := seal(ctx, k, pairs())
	if err != nil {
		return err
	}
	moved, err := reEncrypt(ctx, s, d, arn, keyring.EncryptionContext{"purpose": "another"})
	if err != nil {
		return err
	}
	return first(
		func() error { return moved.open(ctx, k) },
		func() error { return refused(moved.in(pairs()).open(ctx, k), kms.ErrInvalidCiphertext) },
	)
}

// rotated: what was sealed before the key's material changed opens after it.
func rotated(ctx context.Context, s *server) error {
	k, arn, err := s.strict(ctx)
	if err != nil {
		return err
	}
	d, err := seal(ctx, k, pairs())
	if err != nil {
		return err
	}
	if _, err := s.client(homeRegion).RotateKeyOnDemand(ctx, &sdk.RotateKeyOnDemandInput{KeyId: &arn}); err != nil {
		return err
	}
	after, err := seal(ctx, k, pairs())
	if err != nil {
		return err
	}
	return first(func() error { return d.open(ctx, k) }, func() error { return after.open(ctx, k) })
}
