// Package kmsfake answers the calls of KMS in the process, for tests of faults that no emulator has.
package kmsfake

import (
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha1" // the hashes of OAEP
	_ "crypto/sha256"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
)

// Asymmetric holds RSA and elliptic curve keys and answers GetPublicKey, Decrypt and DeriveSharedSecret as KMS does (API reference). It refuses
// what KMS refuses: another usage, an algorithm that is not the key's, an encryption context, a point of another curve. It is safe for concurrent
// use once Edit is set.
type Asymmetric struct {
	// Edit, when it is set, may change an answer, a pointer to an Output of the SDK, or replace it by an error.
	Edit func(out any) error

	mu    sync.Mutex
	keys  map[string]asymmetricKey
	calls []AsymmetricCall
}

// AsymmetricCall is one call that arrived.
type AsymmetricCall struct {
	Op, KeyID   string
	Algorithm   string // of Decrypt and DeriveSharedSecret
	GrantTokens []string
	Context     map[string]string
	PublicKey   []byte // of DeriveSharedSecret
}

type asymmetricKey struct {
	private any
	spec    types.KeySpec
	usage   types.KeyUsageType
}

// Add adds a key: *rsa.PrivateKey or *ecdh.PrivateKey. Two ARNs with the same key are replicas.
func (f *Asymmetric) Add(arn string, private any, usage types.KeyUsageType) {
	var spec types.KeySpec
	switch k := private.(type) {
	case *rsa.PrivateKey:
		spec = types.KeySpec(fmt.Sprintf("RSA_%d", k.N.BitLen()))
	case *ecdh.PrivateKey:
		spec = types.KeySpec(fmt.Sprintf("ECC_NIST_%s%s", fmt.Sprint(k.Curve())[:1], fmt.Sprint(k.Curve())[2:]))
	default:
		panic(fmt.Sprintf("kmsfake: a key of type %T", private))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.keys == nil {
		f.keys = map[string]asymmetricKey{}
	}
	f.keys[arn] = asymmetricKey{private, spec, usage}
}

// Calls returns what arrived, and forgets it.
func (f *Asymmetric) Calls() []AsymmetricCall {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

// arrived logs a call and returns its key.
func (f *Asymmetric) arrived(ctx context.Context, c AsymmetricCall) (asymmetricKey, error) {
	if err := ctx.Err(); err != nil {
		return asymmetricKey{}, err
	}
	c.GrantTokens, c.Context, c.PublicKey = slices.Clone(c.GrantTokens), maps.Clone(c.Context), slices.Clone(c.PublicKey)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, c)
	k, ok := f.keys[c.KeyID]
	if !ok {
		return k, &types.NotFoundException{Message: aws.String("Key '" + c.KeyID + "' does not exist")}
	}
	return k, nil
}

func (f *Asymmetric) edit(out any) error {
	if f.Edit == nil {
		return nil
	}
	return f.Edit(out)
}

func invalid(format string, args ...any) error {
	return refusal("ValidationException", format, args...)
}

func refusal(code, format string, args ...any) error {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...)}
}

func wrongUsage(k asymmetricKey) error {
	return &types.InvalidKeyUsageException{Message: aws.String(fmt.Sprintf("key usage is %s, spec %s", k.usage, k.spec))}
}

// GetPublicKey is the operation of KMS.
func (f *Asymmetric) GetPublicKey(ctx context.Context, in *sdk.GetPublicKeyInput, _ ...func(*sdk.Options)) (*sdk.GetPublicKeyOutput, error) {
	id := aws.ToString(in.KeyId)
	k, err := f.arrived(ctx, AsymmetricCall{Op: "GetPublicKey", KeyID: id, GrantTokens: in.GrantTokens})
	if err != nil {
		return nil, err
	}
	out := &sdk.GetPublicKeyOutput{KeyId: &id, KeySpec: k.spec, KeyUsage: k.usage}
	var public any
	switch p := k.private.(type) {
	case *rsa.PrivateKey:
		public = &p.PublicKey
		if k.usage == types.KeyUsageTypeEncryptDecrypt {
			out.EncryptionAlgorithms = []types.EncryptionAlgorithmSpec{types.EncryptionAlgorithmSpecRsaesOaepSha1, types.EncryptionAlgorithmSpecRsaesOaepSha256}
		}
	case *ecdh.PrivateKey:
		public = p.PublicKey()
		if k.usage == types.KeyUsageTypeKeyAgreement {
			out.KeyAgreementAlgorithms = []types.KeyAgreementAlgorithmSpec{types.KeyAgreementAlgorithmSpecEcdh}
		}
	}
	if out.PublicKey, err = x509.MarshalPKIXPublicKey(public); err != nil {
		return nil, err
	}
	if err := f.edit(out); err != nil {
		return nil, err
	}
	return out, nil
}

// Decrypt is the operation of KMS, for RSA keys.
func (f *Asymmetric) Decrypt(ctx context.Context, in *sdk.DecryptInput, _ ...func(*sdk.Options)) (*sdk.DecryptOutput, error) {
	id := aws.ToString(in.KeyId)
	k, err := f.arrived(ctx, AsymmetricCall{Op: "Decrypt", KeyID: id, Algorithm: string(in.EncryptionAlgorithm), GrantTokens: in.GrantTokens, Context: in.EncryptionContext})
	if err != nil {
		return nil, err
	}
	private, ok := k.private.(*rsa.PrivateKey)
	hash := map[types.EncryptionAlgorithmSpec]crypto.Hash{
		types.EncryptionAlgorithmSpecRsaesOaepSha1: crypto.SHA1, types.EncryptionAlgorithmSpecRsaesOaepSha256: crypto.SHA256,
	}[in.EncryptionAlgorithm]
	switch {
	case !ok || k.usage != types.KeyUsageTypeEncryptDecrypt || hash == 0:
		return nil, wrongUsage(k)
	case len(in.EncryptionContext) > 0:
		return nil, invalid("EncryptionContext is not supported with algorithm %s", in.EncryptionAlgorithm)
	}
	plaintext, err := rsa.DecryptOAEP(hash.New(), nil, private, in.CiphertextBlob, nil)
	if err != nil {
		return nil, &types.InvalidCiphertextException{}
	}
	out := &sdk.DecryptOutput{KeyId: &id, EncryptionAlgorithm: in.EncryptionAlgorithm, Plaintext: plaintext}
	if err := f.edit(out); err != nil {
		return nil, err
	}
	return out, nil
}

// DeriveSharedSecret is the operation of KMS.
func (f *Asymmetric) DeriveSharedSecret(ctx context.Context, in *sdk.DeriveSharedSecretInput, _ ...func(*sdk.Options)) (*sdk.DeriveSharedSecretOutput, error) {
	id := aws.ToString(in.KeyId)
	k, err := f.arrived(ctx, AsymmetricCall{
		Op: "DeriveSharedSecret", KeyID: id, Algorithm: string(in.KeyAgreementAlgorithm), GrantTokens: in.GrantTokens, PublicKey: in.PublicKey,
	})
	if err != nil {
		return nil, err
	}
	private, ok := k.private.(*ecdh.PrivateKey)
	if !ok || k.usage != types.KeyUsageTypeKeyAgreement {
		return nil, wrongUsage(k)
	}
	if in.KeyAgreementAlgorithm != types.KeyAgreementAlgorithmSpecEcdh {
		return nil, invalid("key agreement algorithm %q", in.KeyAgreementAlgorithm)
	}
	parsed, err := x509.ParsePKIXPublicKey(in.PublicKey)
	if err != nil {
		return nil, invalid("public key: %v", err)
	}
	ec, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return nil, invalid("public key is a %T", parsed)
	}
	public, err := ec.ECDH()
	if err != nil {
		return nil, invalid("public key: %v", err)
	}
	secret, err := private.ECDH(public)
	if err != nil {
		return nil, invalid("public key: %v", err)
	}
	out := &sdk.DeriveSharedSecretOutput{KeyId: &id, KeyAgreementAlgorithm: in.KeyAgreementAlgorithm, SharedSecret: secret}
	if err := f.edit(out); err != nil {
		return nil, err
	}
	return out, nil
}
