// Package interop compares signet with other implementations of the formats that it reads and writes. It is a module of its own, so
// that nobody who uses signet downloads them.
//
// The file at hand is the official AWS Encryption SDK for Go: a client with the strictest commitment policy, which is also signet's
// default. It must be used from one goroutine at a time: release 0.4.0 has data races.
package interop

import (
	"context"
	"fmt"

	mpl "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygenerated"
	mpltypes "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygeneratedtypes"
	esdk "github.com/aws/aws-encryption-sdk/releases/go/encryption-sdk/awscryptographyencryptionsdksmithygenerated"
	esdktypes "github.com/aws/aws-encryption-sdk/releases/go/encryption-sdk/awscryptographyencryptionsdksmithygeneratedtypes"
)

// Official encrypts and decrypts with the official client under one raw AES key.
type Official struct {
	client  *esdk.Client
	keyring mpltypes.IKeyring
}

// NewOfficial returns an official client for a wrapping key of 16, 24 or 32 bytes.
func NewOfficial(namespace, name string, key []byte) (*Official, error) {
	algs := map[int]mpltypes.AesWrappingAlg{
		16: mpltypes.AesWrappingAlgAlgAes128GcmIv12Tag16,
		24: mpltypes.AesWrappingAlgAlgAes192GcmIv12Tag16,
		32: mpltypes.AesWrappingAlgAlgAes256GcmIv12Tag16,
	}
	alg, ok := algs[len(key)]
	if !ok {
		return nil, fmt.Errorf("a raw AES key has 16, 24 or 32 bytes, not %d", len(key))
	}
	providers, err := mpl.NewClient(mpltypes.MaterialProvidersConfig{})
	if err != nil {
		return nil, err
	}
	keyring, err := providers.CreateRawAesKeyring(context.Background(), mpltypes.CreateRawAesKeyringInput{
		KeyNamespace: namespace, KeyName: name, WrappingAlg: alg, WrappingKey: key,
	})
	if err != nil {
		return nil, err
	}
	policy := mpltypes.ESDKCommitmentPolicyRequireEncryptRequireDecrypt
	client, err := esdk.NewClient(esdktypes.AwsEncryptionSdkConfig{CommitmentPolicy: &policy})
	if err != nil {
		return nil, err
	}
	return &Official{client: client, keyring: keyring}, nil
}

// Encrypt writes one message. The suite is given by its number, 0x0478 or 0x0578; frameLength 0 is the client's default, 4096.
func (o *Official) Encrypt(suite uint16, frameLength int64, plaintext []byte, ec map[string]string) ([]byte, error) {
	id := mpltypes.ESDKAlgorithmSuiteId(fmt.Sprintf("0x%04X", suite))
	in := esdktypes.EncryptInput{Plaintext: plaintext, AlgorithmSuiteId: &id, EncryptionContext: ec, Keyring: o.keyring}
	if frameLength != 0 {
		in.FrameLength = &frameLength
	}
	out, err := o.client.Encrypt(context.Background(), in)
	if err != nil {
		return nil, err
	}
	return out.Ciphertext, nil
}

// Decrypt opens a message and returns its plaintext and its encryption context, the pair with the signing key included.
func (o *Official) Decrypt(message []byte) ([]byte, map[string]string, error) {
	out, err := o.client.Decrypt(context.Background(), esdktypes.DecryptInput{Ciphertext: message, Keyring: o.keyring})
	if err != nil {
		return nil, nil, err
	}
	return out.Plaintext, out.EncryptionContext, nil
}
