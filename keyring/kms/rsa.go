package kms

import (
	"bytes"
	"context"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	"math"
	"math/big"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/arn"
	"github.com/signetkeys/signet/keyring"
)

// RSAProviderID is the provider id of encrypted data keys under RSA keys in KMS.
const RSAProviderID = "aws-kms-rsa"

const (
	minRSABits = 2048
	maxRSABits = 16384
	digestLen  = sha512.Size384

	needRSA = "an RSA key with usage ENCRYPT_DECRYPT is needed"
)

// RSAConfig configures [NewRSA]. KeyID and Padding are required, and at least one of PublicKey, to encrypt, and Client, to decrypt.
type RSAConfig struct {
	// KeyID is the ARN of the key; an alias or a bare id is refused, because messages store the ARN.
	KeyID string
	// Client decrypts. Without it the keyring is encrypt-only, and neither makes calls nor needs credentials.
	Client DecryptAPI
	// Region is that of Client. A *kms.Client knows its own, which counts; when it is known, a key of another region is refused ([ErrWrongRegion]).
	Region string
	// PublicKey is the key's public half, with at least 2048 bits; it is copied. Without it GetPublicKey of Client is called once, when the keyring is
	// made; with a Client that is no [PublicKeyAPI] the keyring is decrypt-only. One that is given is not compared with KMS's: what is encrypted
	// under another key cannot be decrypted.
	PublicKey *rsa.PublicKey
	// DecryptOnly makes a keyring that never encrypts and does not fetch the public key, for callers that may not.
	DecryptOnly bool
	// Padding must be the one that the data keys are wrapped with: messages do not store it.
	Padding RSAPadding
	// GrantTokens are sent with every call: at most 10, each of 1 to 8192 characters. They are copied.
	GrantTokens []string
	// Observer is told of every call.
	Observer Observer
}

// NewRSA makes a keyring of an RSA key in KMS with usage ENCRYPT_DECRYPT (specification, aws-kms-rsa-keyring): data keys are made and wrapped in the
// process with the public key, and KMS opens them. It also opens data keys that name a replica of a multi-Region key in another region, by asking its own.
//
// KMS does not bind an encryption context to what is under an RSA key. Instead the SHA-384 digest of the context is wrapped with the data key, and is
// compared after KMS opened both: a difference is [signet.ErrContext] and [signet.ErrAuthentication]. Key policies and CloudTrail do not see the
// context. Since everybody has the public key, a data key under it says nothing about who wrote the message.
//
// Suites with signatures, of messages and of items, are refused both ways ([*keyring.ConfigError]), as the specification has it; use
// [suite.AES256GCMCommit] or [suite.ItemAES256GCM].
//
// Errors: [*keyring.ConfigError], [ErrWrongRegion], those of GetPublicKey ([*Error]; [ErrInvalidUsage] when the key is of another spec or usage), and
// [signet.ErrUnsupported] for SHA-1 under GODEBUG=fips140=only.
func NewRSA(ctx context.Context, c RSAConfig) (keyring.Keyring, error) {
	id, err := arn.ParseID(c.KeyID)
	if err != nil {
		return nil, err
	}
	if missing(c.Client) {
		c.Client = nil
	}
	switch {
	case !id.NamesKey():
		return nil, configError("%.256q is no key ARN, and messages name RSA keys by it", id.Text)
	case c.Padding != OAEPSHA256 && c.Padding != OAEPSHA1:
		return nil, configError("RSA: a padding is required")
	case c.Client == nil && c.PublicKey == nil:
		return nil, configError("RSA: a public key (to encrypt) or a client (to decrypt) is required")
	case c.DecryptOnly && (c.Client == nil || c.PublicKey != nil):
		return nil, configError("RSA: decrypt-only needs a client, and no public key")
	case fips140.Enforced() && c.Padding == OAEPSHA1:
		return nil, fmt.Errorf("KMS keyring: RSA: padding %s is not allowed with GODEBUG=fips140=only: %w", c.Padding, signet.ErrUnsupported)
	}
	p := &rsaProvider{api: c.Client, id: id, padding: c.Padding, common: common{region: regionOf(c.Client, c.Region), observer: c.Observer}}
	if p.grants, err = checkGrants(c.GrantTokens); err != nil {
		return nil, err
	}
	if c.Client != nil {
		if err := checkRegion(id, p.region); err != nil {
			return nil, err
		}
	}
	if err := p.setPublic(ctx, &c); err != nil {
		return nil, err
	}
	var w keyring.Wrapper
	var u keyring.Unwrapper
	if p.public != nil {
		w = p
	}
	if p.api != nil {
		u = p
	}
	return keyring.New(RSAProviderID, w, u, &keyring.Options{Key: id.Text}), nil
}

type rsaProvider struct {
	common
	api     DecryptAPI // nil: encrypt-only
	id      arn.ID
	public  *rsa.PublicKey // nil: decrypt-only
	padding RSAPadding
}

var (
	_ keyring.Wrapper   = (*rsaProvider)(nil)
	_ keyring.Unwrapper = (*rsaProvider)(nil)
)

// setPublic takes the public key from the configuration or from KMS.
func (p *rsaProvider) setPublic(ctx context.Context, c *RSAConfig) error {
	if c.DecryptOnly {
		return nil
	}
	if pub := c.PublicKey; pub != nil {
		if reason := checkRSAPublic(pub); reason != "" {
			return configError("RSA: the public key: %s", reason)
		}
		p.public = &rsa.PublicKey{N: new(big.Int).Set(pub.N), E: pub.E}
		return nil
	}
	api, ok := c.Client.(PublicKeyAPI)
	if !ok {
		return nil
	}
	q := p.request("GetPublicKey", p.id.Text, nil)
	q.need = needRSA
	public, out, err := getPublicKey(ctx, api, q, types.KeyUsageTypeEncryptDecrypt, p.grants, p.observer)
	if err != nil {
		return err
	}
	pub, ok := public.(*rsa.PublicKey)
	if !ok {
		return q.unusable(out)
	}
	if len(out.EncryptionAlgorithms) > 0 && !slices.Contains(out.EncryptionAlgorithms, p.padding.algorithm()) {
		return q.unusable(out)
	}
	if reason := checkRSAPublic(pub); reason != "" {
		return q.wrong("the public key: %s", reason)
	}
	p.public = pub
	return nil
}

// checkRSAPublic says why a public key is not used, or "".
func checkRSAPublic(pub *rsa.PublicKey) string {
	switch {
	case pub.N == nil || pub.N.Sign() <= 0 || pub.N.Bit(0) == 0:
		return "the modulus is not a positive odd number"
	case pub.N.BitLen() < minRSABits || pub.N.BitLen() > maxRSABits:
		return fmt.Sprintf("%d bits; %d to %d are supported", pub.N.BitLen(), minRSABits, maxRSABits)
	case pub.E < 3 || pub.E&1 == 0 || pub.E > math.MaxInt32:
		return "the public exponent is not an odd number from 3 to 2^31-1"
	}
	return ""
}

// checkSuite refuses signed suites.
func (p *rsaProvider) checkSuite(r *keyring.Request) error {
	if r.Suite.Signed() {
		return configError("RSA: suite %s is signed, and RSA keys in KMS serve unsigned suites only", r.Suite)
	}
	return nil
}

// Wrap makes no call. The digest stands in front of the key: SHA-384 of no bytes when the context is empty.
func (p *rsaProvider) Wrap(_ context.Context, r *keyring.Request, plaintext []byte) (keyring.EncryptedDataKey, error) {
	if err := p.checkSuite(r); err != nil {
		return keyring.EncryptedDataKey{}, err
	}
	digest := sha512.Sum384(r.AAD)
	b := slices.Concat(digest[:], plaintext)
	defer clear(b)
	ct, err := rsa.EncryptOAEP(p.padding.hash().New(), rand.Reader, p.public, b, nil)
	if err != nil {
		return keyring.EncryptedDataKey{}, fmt.Errorf("KMS keyring: RSA: %w: %w", err, signet.ErrUnsupported)
	}
	return keyring.EncryptedDataKey{ProviderID: RSAProviderID, ProviderInfo: []byte(p.id.Text), Ciphertext: ct}, nil
}

// errDigest is certain, other than what AES-GCM can tell: KMS opened the data key, so it is the right key and unchanged.
var errDigest = fmt.Errorf("%w: %w: KMS opened the data key, and it was wrapped with another encryption context", signet.ErrAuthentication, signet.ErrContext)

func (p *rsaProvider) Unwrap(ctx context.Context, r *keyring.Request, edk *keyring.EncryptedDataKey) ([]byte, error) {
	key, err := named(edk, RSAProviderID)
	if err != nil {
		return nil, err
	}
	if !arn.Related(key, p.id.ARN) {
		return nil, &keyring.Skip{Reason: "it names another KMS key"}
	}
	if err := p.checkSuite(r); err != nil {
		return nil, err
	}
	if err := p.checkLen(len(edk.Ciphertext)); err != nil {
		return nil, err
	}
	q := p.request("Decrypt", p.id.Text, nil)
	q.need = needRSA
	in := &sdk.DecryptInput{CiphertextBlob: edk.Ciphertext, EncryptionAlgorithm: p.padding.algorithm(), GrantTokens: p.grants}
	b, err := decrypt(ctx, p.api, q, in, 0, p.observer)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	if want := digestLen + r.Suite.WrappedKeyLen(); len(b) != want {
		return nil, fmt.Errorf("%w: KMS opened %d bytes of it instead of %d", keyring.ErrShape, len(b), want)
	}
	digest := sha512.Sum384(r.AAD)
	if subtle.ConstantTimeCompare(b[:digestLen], digest[:]) != 1 {
		return nil, errDigest
	}
	return bytes.Clone(b[digestLen:]), nil
}

// checkLen refuses ciphertexts that cannot be of the key. Without the public key only the bounds are known.
func (p *rsaProvider) checkLen(n int) error {
	if p.public != nil && n != p.public.Size() {
		return fmt.Errorf("%w: encrypted data key has %d bytes instead of the %d of this RSA key", keyring.ErrShape, n, p.public.Size())
	}
	if n < minRSABits/8 || n > maxRSABits/8 {
		return fmt.Errorf("%w: encrypted data key has %d bytes, which no RSA key in KMS makes", keyring.ErrShape, n)
	}
	return nil
}
