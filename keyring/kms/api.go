package kms

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/kms"
)

// EncryptAPI is what a keyring calls to make and wrap data keys. A *kms.Client of the AWS SDK is one, and so is whatever wraps it.
type EncryptAPI interface {
	GenerateDataKey(ctx context.Context, in *kms.GenerateDataKeyInput, o ...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error)
	Encrypt(ctx context.Context, in *kms.EncryptInput, o ...func(*kms.Options)) (*kms.EncryptOutput, error)
}

// DecryptAPI is what a keyring calls to open data keys.
type DecryptAPI interface {
	Decrypt(ctx context.Context, in *kms.DecryptInput, o ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

// API is what a keyring of a symmetric key calls: GenerateDataKey, Encrypt, Decrypt.
type API interface {
	EncryptAPI
	DecryptAPI
}

// PublicKeyAPI is what fetches the public half of an asymmetric key.
type PublicKeyAPI interface {
	GetPublicKey(ctx context.Context, in *kms.GetPublicKeyInput, o ...func(*kms.Options)) (*kms.GetPublicKeyOutput, error)
}

// AgreementAPI is what a keyring of an ECDH key calls.
type AgreementAPI interface {
	PublicKeyAPI
	DeriveSharedSecret(ctx context.Context, in *kms.DeriveSharedSecretInput, o ...func(*kms.Options)) (*kms.DeriveSharedSecretOutput, error)
}

// DescribeAPI resolves an alias or a bare key id to the key's ARN, once, when a keyring is made.
type DescribeAPI interface {
	DescribeKey(ctx context.Context, in *kms.DescribeKeyInput, o ...func(*kms.Options)) (*kms.DescribeKeyOutput, error)
}
