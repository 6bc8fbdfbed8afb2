package kms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/signetkeys/signet/internal/arn"
	"github.com/signetkeys/signet/keyring"
)

// New makes a keyring of one symmetric KMS key (specification, aws-kms-keyring). It opens the data keys that name this key, byte by byte. It makes
// no call, except for resolving a KeyID that is no key ARN. Errors: [*keyring.ConfigError], [ErrWrongRegion], malformed identifiers, and those of
// DescribeKey ([*Error]).
func New(ctx context.Context, c Config) (keyring.Keyring, error) { return newStrict(ctx, c, false) }

// NewMRK is New for a multi-Region key (specification, aws-kms-mrk-keyring): it also opens data keys that name a replica of it in another region, by
// asking its own region. For other keys it is New.
func NewMRK(ctx context.Context, c Config) (keyring.Keyring, error) { return newStrict(ctx, c, true) }

func newStrict(ctx context.Context, c Config, mrk bool) (keyring.Keyring, error) {
	if missing(c.Client) {
		return nil, configError("a client is needed")
	}
	id, err := arn.ParseID(c.KeyID)
	if err != nil {
		return nil, err
	}
	grants, err := checkGrants(c.GrantTokens)
	if err != nil {
		return nil, err
	}
	region := regionOf(c.Client, c.Region)
	if err := checkRegion(id, region); err != nil {
		return nil, err
	}
	if !c.EncryptOnly {
		if id, err = resolve(ctx, id, c.Client, region, grants, c.Observer); err != nil {
			return nil, err
		}
	}
	p := &symmetric{api: c.Client, id: id, mrk: mrk, common: common{region: region, grants: grants, observer: c.Observer}}
	name := "aws-kms"
	if mrk {
		name = "aws-kms-mrk"
	}
	o := &keyring.Options{Key: id.Text}
	if c.EncryptOnly {
		return keyring.New(name, p, nil, o), nil
	}
	return keyring.New(name, p, p, o), nil
}

// common is what all providers of this package have.
type common struct {
	region   string
	grants   []string
	observer Observer
}

func (c *common) request(op, key string, ec map[string]string) *request {
	return &request{op: op, key: key, region: c.region, context: ec}
}

type symmetric struct {
	common
	api API
	id  arn.ID
	mrk bool
}

var (
	_ keyring.Wrapper   = (*symmetric)(nil)
	_ keyring.Generator = (*symmetric)(nil)
	_ keyring.Unwrapper = (*symmetric)(nil)
)

func (p *symmetric) Generate(ctx context.Context, r *keyring.Request, n int) ([]byte, keyring.EncryptedDataKey, error) {
	key, blob, keyARN, err := generate(ctx, p.api, p.request("GenerateDataKey", p.id.Text, r.Context), n, p.grants, p.observer)
	if err != nil {
		return nil, keyring.EncryptedDataKey{}, p.explained(ctx, err)
	}
	return key, keyring.EncryptedDataKey{ProviderID: ProviderID, ProviderInfo: []byte(keyARN), Ciphertext: blob}, nil
}

func (p *symmetric) Wrap(ctx context.Context, r *keyring.Request, plaintext []byte) (keyring.EncryptedDataKey, error) {
	if len(plaintext) > maxPlaintext {
		return keyring.EncryptedDataKey{}, &keyring.LimitError{What: "plaintext of KMS Encrypt in bytes (encrypt more with package message)", Got: int64(len(plaintext)), Max: maxPlaintext}
	}
	blob, keyARN, err := encrypt(ctx, p.api, p.request("Encrypt", p.id.Text, r.Context), plaintext, p.grants, p.observer)
	if err != nil {
		return keyring.EncryptedDataKey{}, p.explained(ctx, err)
	}
	return keyring.EncryptedDataKey{ProviderID: ProviderID, ProviderInfo: []byte(keyARN), Ciphertext: blob}, nil
}

// explained adds the spec and usage of a key that cannot do this to the error of a call, when the client can ask for them and the caller may.
func (p *symmetric) explained(ctx context.Context, err error) error {
	var e, found *Error
	d, ok := p.api.(DescribeAPI)
	if !ok || !errors.As(err, &e) || e.kind != ErrInvalidUsage {
		return err
	}
	_, described := describe(ctx, d, p.request("DescribeKey", p.id.Text, nil), p.grants, p.observer)
	if !errors.As(described, &found) || found.kind != ErrInvalidUsage || found.spec == "" {
		return err
	}
	full := *e // the observer has e
	full.detail = found.spec
	return &full
}

func (p *symmetric) Unwrap(ctx context.Context, r *keyring.Request, edk *keyring.EncryptedDataKey) ([]byte, error) {
	named, err := named(edk, ProviderID)
	if err != nil {
		return nil, err
	}
	if named != p.id.ARN && !(p.mrk && arn.Related(named, p.id.ARN)) {
		return nil, &keyring.Skip{Reason: "it names another KMS key"}
	}
	return p.open(ctx, p.api, p.id.Text, r, edk)
}

// named returns the key that an encrypted data key of the provider id names.
func named(edk *keyring.EncryptedDataKey, providerID string) (arn.ARN, error) {
	if edk.ProviderID != providerID {
		return arn.ARN{}, &keyring.Skip{Reason: "provider id differs"}
	}
	if !utf8.Valid(edk.ProviderInfo) {
		return arn.ARN{}, fmt.Errorf("%w: its key name is not UTF-8", keyring.ErrShape)
	}
	a, err := arn.Parse(string(edk.ProviderInfo))
	if err != nil {
		return arn.ARN{}, fmt.Errorf("%w: its key name: %w", keyring.ErrShape, err)
	}
	if !a.IsKey() {
		return arn.ARN{}, fmt.Errorf("%w: its key name is an alias", keyring.ErrShape)
	}
	return a, nil
}

// open asks KMS, with the id of the key that it must be.
func (c *common) open(ctx context.Context, api DecryptAPI, keyID string, r *keyring.Request, edk *keyring.EncryptedDataKey) ([]byte, error) {
	switch n := len(edk.Ciphertext); {
	case n == 0:
		return nil, fmt.Errorf("%w: empty", keyring.ErrShape)
	case n > maxCiphertext:
		return nil, &keyring.LimitError{What: "ciphertext of KMS Decrypt in bytes", Got: int64(n), Max: maxCiphertext}
	}
	q := c.request("Decrypt", keyID, r.Context)
	in := &sdk.DecryptInput{CiphertextBlob: edk.Ciphertext, EncryptionContext: q.context, GrantTokens: c.grants}
	return decrypt(ctx, api, q, in, r.Suite.WrappedKeyLen(), c.observer)
}

// NewDiscovery makes a keyring that decrypts only, with whatever key of the filter a data key names (specification, aws-kms-discovery-keyring).
// Errors are [*keyring.ConfigError].
func NewDiscovery(c DiscoveryConfig) (keyring.Keyring, error) { return newDiscovery(c, false) }

// NewMRKDiscovery is NewDiscovery which asks its own region's replica for data keys that name a multi-Region key of another region (specification,
// aws-kms-mrk-discovery-keyring).
func NewMRKDiscovery(c DiscoveryConfig) (keyring.Keyring, error) { return newDiscovery(c, true) }

func newDiscovery(c DiscoveryConfig, mrk bool) (keyring.Keyring, error) {
	region := regionOf(c.Client, c.Region)
	switch {
	case missing(c.Client):
		return nil, configError("a client is needed")
	case c.Filter == nil && !c.AllowAnyAccount:
		return nil, configError("discovery needs a filter of partition and accounts, or AllowAnyAccount")
	case c.Filter != nil && c.AllowAnyAccount:
		return nil, configError("a filter and AllowAnyAccount contradict each other")
	case mrk && region == "":
		return nil, configError("discovery of multi-Region keys needs the region of the client")
	}
	if err := c.Filter.check(); err != nil {
		return nil, err
	}
	grants, err := checkGrants(c.GrantTokens)
	if err != nil {
		return nil, err
	}
	p := &discovery{api: c.Client, mrk: mrk, common: common{region: region, grants: grants, observer: c.Observer}}
	key := "any account"
	if f := c.Filter; f != nil {
		p.filter = &Filter{Partition: f.Partition, Accounts: slices.Clone(f.Accounts)}
		key = fmt.Sprintf("%s, accounts %v", f.Partition, f.Accounts)
	}
	if region != "" {
		key += " in " + region
	}
	name := "aws-kms-discovery"
	if mrk {
		name = "aws-kms-mrk-discovery"
	}
	return keyring.New(name, nil, p, &keyring.Options{Key: key}), nil
}

type discovery struct {
	common
	api    DecryptAPI
	filter *Filter
	mrk    bool
}

func (p *discovery) Unwrap(ctx context.Context, r *keyring.Request, edk *keyring.EncryptedDataKey) ([]byte, error) {
	key, err := named(edk, ProviderID)
	if err != nil {
		return nil, err
	}
	if f := p.filter; f != nil && (key.Partition != f.Partition || !slices.Contains(f.Accounts, key.Account)) {
		return nil, &keyring.Skip{Reason: "its KMS key is not of the filter's partition and accounts"}
	}
	if p.region != "" && key.Region != p.region {
		if !p.mrk || !key.IsMRK() {
			return nil, &keyring.Skip{Reason: "its KMS key is of another region"}
		}
		key = key.InRegion(p.region)
	}
	return p.open(ctx, p.api, key.String(), r, edk)
}
