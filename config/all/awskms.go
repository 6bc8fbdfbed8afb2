package all

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/aws/smithy-go/logging"
	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/internal/arn"
	"github.com/signetkeys/signet/internal/uritext"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/raw"
)

// The attributes of awskms URIs.
const (
	kmsRegion     = "region"
	kmsEndpoint   = "endpoint"
	kmsProfile    = "profile"
	kmsMRK        = "mrk"
	kmsDiscovery  = "discovery"
	kmsAccount    = "account"
	kmsPartition  = "partition"
	kmsAnyAccount = "allow-any-account"
	kmsPadding    = "padding"
	kmsPublic     = "public"
	kmsAgreement  = "agreement"
	kmsPeer       = "peer"
)

// KMSKey is what an awskms URI says.
type KMSKey struct {
	// KeyID is an ARN, an alias or a key id; "" for discovery.
	KeyID string
	// Region, Endpoint and Profile are "" where the URI says nothing: the ARN, and the configuration of the SDK, say it then.
	Region, Endpoint, Profile string

	uri *config.URI
}

// KMS reads an awskms or aws-kms URI. Errors are [*config.URIError].
func KMS(text string) (*KMSKey, error) {
	scheme, rest, _ := strings.Cut(text, ":")
	for _, slashes := range []string{"///", "//"} { // as in URLs of gocloud.dev and of Tink
		if after, ok := strings.CutPrefix(rest, slashes); ok {
			rest = after
			break
		}
	}
	u, err := config.ParseURI(scheme+":"+rest, kmsRegion, kmsEndpoint, kmsProfile, kmsMRK, kmsDiscovery, kmsAccount, kmsPartition, kmsAnyAccount,
		kmsPadding, kmsPublic, kmsAgreement, kmsPeer)
	if err != nil {
		return nil, err
	}
	k := &KMSKey{KeyID: strings.Join(u.Path, "/"), uri: u}
	k.Region, _ = u.Lookup(kmsRegion)
	k.Endpoint, _ = u.Lookup(kmsEndpoint)
	k.Profile, _ = u.Lookup(kmsProfile)
	return k, k.Check()
}

func (k *KMSKey) fail(attribute, reason string) error {
	return &config.URIError{Scheme: k.uri.Scheme, Offset: -1, Attribute: attribute, Reason: reason}
}

// Check refuses what cannot be right, also in fields that were changed. Errors are [*config.URIError].
func (k *KMSKey) Check() error {
	for _, name := range []string{kmsMRK, kmsDiscovery, kmsAnyAccount} {
		if v, ok := k.uri.Lookup(name); ok && v != "true" && v != "false" {
			return k.fail(name, "must be true or false")
		}
	}
	if k.Endpoint != "" {
		e, err := url.Parse(k.Endpoint)
		if err != nil || e.Scheme != "http" && e.Scheme != "https" || e.Hostname() == "" || e.User != nil || e.RawQuery != "" {
			return k.fail(kmsEndpoint, "must be http://HOST:PORT or https://HOST:PORT")
		}
	}
	discovery := k.flag(kmsDiscovery)
	switch {
	case discovery && k.KeyID != "":
		return k.fail(kmsDiscovery, "a discovery keyring takes the keys that messages name, so the URI names none: awskms:?discovery=true&account=ID")
	case !discovery && k.KeyID == "":
		return k.fail("", "names no key: awskms:///ARN, awskms:///alias/NAME?region=REGION, or awskms:?discovery=true&account=ID")
	}
	only := func(allowed bool, what string, names ...string) error {
		for _, name := range names {
			if _, ok := k.uri.Lookup(name); ok && !allowed {
				return k.fail(name, "belongs to "+what)
			}
		}
		return nil
	}
	rsaKey, agreement := k.RSA(), k.Agreement()
	if err := errors.Join(
		only(discovery, "discovery=true", kmsAccount, kmsPartition, kmsAnyAccount),
		only(rsaKey, "RSA keys, which padding=oaep-sha256 or oaep-sha1 chooses", kmsPublic),
		only(agreement, "ECDH keys, which agreement=static or discovery chooses", kmsPeer),
		only(!rsaKey && !agreement, "symmetric keys", kmsMRK, kmsDiscovery),
	); err != nil {
		return err
	}
	if rsaKey && agreement {
		return k.fail(kmsAgreement, "and padding contradict each other: a key is of RSA or of ECDH")
	}
	if _, ok := k.uri.Lookup(kmsPartition); ok && k.flag(kmsAnyAccount) {
		return k.fail(kmsPartition, "belongs to account: allow-any-account=true has no filter")
	}
	if _, filtered := k.uri.Lookup(kmsAccount); discovery && filtered == k.flag(kmsAnyAccount) {
		return k.fail(kmsAccount, "discovery needs account=ID,ID, or allow-any-account=true, by which whoever writes a message chooses the key")
	}
	return nil
}

// RSA reports whether the key is used as an RSA key, which wraps data keys of unsigned suites only.
func (k *KMSKey) RSA() bool {
	_, ok := k.uri.Lookup(kmsPadding)
	return ok
}

// Agreement reports whether the key is used as an ECDH key.
func (k *KMSKey) Agreement() bool {
	_, ok := k.uri.Lookup(kmsAgreement)
	return ok
}

// RSAKey returns what the URI says of an RSA key: the public key that it names, or nil, and the padding. Errors are [*config.URIError] and
// [*config.SourceError].
func (k *KMSKey) RSAKey(env config.Env) (*rsa.PublicKey, kms.RSAPadding, error) {
	text, _ := k.uri.Lookup(kmsPadding)
	padding, err := kms.ParseRSAPadding(text)
	if err != nil {
		return nil, 0, k.fail(kmsPadding, "must be oaep-sha256 or oaep-sha1")
	}
	public, err := readKey(k.uri, &env, kmsPublic, "public key", raw.ParseRSAPublicKey)
	return public, padding, err
}

func (k *KMSKey) flag(name string) bool {
	v, _ := k.uri.Lookup(name)
	return v == "true"
}

// String is the URI in one form. There is nothing secret in it.
func (k *KMSKey) String() string {
	text := k.uri.String()
	if k.KeyID == "" {
		return text
	}
	return k.uri.Scheme + ":///" + strings.TrimPrefix(text, k.uri.Scheme+":")
}

func redactKMS(text string) (string, error) {
	k, err := KMS(text)
	if err != nil {
		return "", err
	}
	return k.String(), nil
}

// Client makes the SDK's client for the key, and names its region. What the URI does not say comes from the SDK's own configuration: variables and
// files of AWS, profiles, roles. They are read if env has variables; an Env that reaches nothing has no AWS configuration either. An endpoint on
// loopback, wherever it is configured, is an emulator or a tunnel: it is never sent the credentials of the machine's role, those of the instance
// metadata service. (Those that a container's or a function's environment names are configured like any other.) Each attempt to get credentials
// from AWS STS or another service is given up after [kms.AttemptTimeout]. An ARN of another region is [kms.ErrWrongRegion].
func (k *KMSKey) Client(ctx context.Context, env config.Env, o ...func(*sdk.Options)) (*sdk.Client, string, error) {
	if env.LookupEnv == nil {
		return nil, "", &config.SourceError{What: "AWS configuration", Kind: "environment", Name: "AWS_*", Err: errors.New("environment variables are not available here")}
	}
	var load []func(*awsconfig.LoadOptions) error
	if k.Profile != "" {
		load = append(load, awsconfig.WithSharedConfigProfile(k.Profile))
	}
	region := k.Region
	id, err := arn.ParseID(k.KeyID)
	switch {
	case k.KeyID == "": // discovery
	case err != nil:
		return nil, "", k.fail("", err.Error())
	case id.IsARN && region == "":
		region = id.ARN.Region
	case id.IsARN && region != id.ARN.Region:
		return nil, "", fmt.Errorf("%w: it is in %s and the client in %s", kms.ErrWrongRegion, id.ARN.Region, region)
	}
	if region != "" {
		load = append(load, awsconfig.WithRegion(region))
	}
	if k.Endpoint != "" {
		o = append([]func(*sdk.Options){func(op *sdk.Options) { op.BaseEndpoint = aws.String(k.Endpoint) }}, o...)
	}
	client, err := k.newClient(ctx, region, load, o)
	if err == nil && uritext.Loopback(aws.ToString(client.Options().BaseEndpoint)) {
		client, err = k.newClient(ctx, region, append(load, awsconfig.WithEC2IMDSClientEnableState(imds.ClientDisabled)), o)
	}
	if err != nil {
		return nil, "", err
	}
	return client, client.Options().Region, nil
}

func (k *KMSKey) newClient(ctx context.Context, region string, load []func(*awsconfig.LoadOptions) error, o []func(*sdk.Options)) (*sdk.Client, error) {
	cfg, err := k.load(ctx, load)
	if err != nil {
		return nil, err
	}
	c, err := kms.NewSupplier(cfg, o...)(ctx, region)
	if err != nil {
		return nil, uriError(k.uri.Scheme, err)
	}
	client, ok := c.(*sdk.Client)
	if !ok {
		return nil, fmt.Errorf("KMS client is a %T", c)
	}
	return client, nil
}

// load reads the AWS configuration. Its HTTP client is also that of whatever gives credentials. The SDK writes nothing to standard error, where a
// program's own messages are: what keeps it from working is in the errors.
func (k *KMSKey) load(ctx context.Context, options []func(*awsconfig.LoadOptions) error) (aws.Config, error) {
	options = append(options[:len(options):len(options)], awsconfig.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(kms.AttemptTimeout)),
		awsconfig.WithLogger(logging.Nop{}))
	cfg, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, &config.SourceError{What: "AWS configuration", Kind: "profile", Name: k.Profile, Err: fmt.Errorf("%w: %w", signet.ErrPolicy, err)}
	}
	return cfg, nil
}

func openKMS(ctx context.Context, text string, env config.Env) (keyring.Keyring, error) {
	k, err := KMS(text)
	if err != nil {
		return nil, err
	}
	return k.Open(ctx, env, nil)
}

// Open makes the keyring that the URI describes. The observer, if any, is told of its calls.
func (k *KMSKey) Open(ctx context.Context, env config.Env, o kms.Observer) (keyring.Keyring, error) {
	client, region, err := k.Client(ctx, env)
	if err != nil {
		return nil, err
	}
	made, err := k.keyring(ctx, env, client, region, o)
	if err != nil {
		var call *kms.Error
		var source *config.SourceError
		if errors.Is(err, signet.ErrMalformed) && !errors.As(err, &call) && !errors.As(err, &source) {
			return nil, k.fail("", err.Error())
		}
		return nil, uriError(k.uri.Scheme, err)
	}
	return made, nil
}

func (k *KMSKey) keyring(ctx context.Context, env config.Env, client *sdk.Client, region string, o kms.Observer) (keyring.Keyring, error) {
	if k.flag(kmsDiscovery) {
		d := kms.DiscoveryConfig{Client: client, Region: region, AllowAnyAccount: k.flag(kmsAnyAccount), Observer: o}
		if accounts, ok := k.uri.Lookup(kmsAccount); ok {
			d.Filter = &kms.Filter{Partition: "aws", Accounts: strings.Split(accounts, ",")}
			if p, ok := k.uri.Lookup(kmsPartition); ok {
				d.Filter.Partition = p
			}
		}
		if k.flag(kmsMRK) {
			return kms.NewMRKDiscovery(d)
		}
		return kms.NewDiscovery(d)
	}
	if k.RSA() {
		public, padding, err := k.RSAKey(env)
		if err != nil {
			return nil, err
		}
		return kms.NewRSA(ctx, kms.RSAConfig{KeyID: k.KeyID, Client: client, Region: region, PublicKey: public, Padding: padding, Observer: o})
	}
	if schema, ok := k.uri.Lookup(kmsAgreement); ok {
		peer, err := readKey(k.uri, &env, kmsPeer, "public key of the peer", raw.ParseECPublicKey)
		switch {
		case err != nil:
			return nil, err
		case schema != "static" && schema != "discovery":
			return nil, k.fail(kmsAgreement, "must be static or discovery")
		case (peer != nil) != (schema == "static"):
			return nil, k.fail(kmsPeer, "the public key of the other side belongs to agreement=static, and only to it")
		}
		return kms.NewECDH(ctx, kms.ECDHConfig{KeyID: k.KeyID, Client: client, Region: region, Recipient: peer, Observer: o})
	}
	c := kms.Config{KeyID: k.KeyID, Client: client, Region: region, Observer: o}
	if k.flag(kmsMRK) {
		return kms.NewMRK(ctx, c)
	}
	return kms.New(ctx, c)
}
