package kms

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/hex"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/signetkeys/signet/internal/arn"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/internal/ecdhwrap"
)

// ECDHConfig configures [NewECDH]. KeyID and Client are required.
type ECDHConfig struct {
	// KeyID is the ARN of this party's key; an alias or a bare id is refused.
	KeyID string
	// Client makes the calls. A *kms.Client of the SDK is one; it is not closed and not changed.
	Client AgreementAPI
	// Region is that of Client. A *kms.Client knows its own, which counts; when it is known, a key of another region is refused ([ErrWrongRegion]).
	Region string
	// Recipient is the other party's public key; its private half may be in KMS or anywhere else. With it the keyring encrypts, and either party opens
	// what either of them wrote. (The field says KmsPrivateKeyToStaticPublicKey.) Nil is discovery: the keyring decrypts only, whatever sender a
	// message names, when KeyID is the recipient's. A sender that is not fixed is not authenticated: anybody can write such messages.
	// (KmsPublicKeyDiscovery.)
	Recipient *ecdh.PublicKey
	// Curve, when it is not nil, must be that of the key: ecdh.P256(), ecdh.P384() or ecdh.P521().
	Curve ecdh.Curve
	// GrantTokens are sent with every call: at most 10, each of 1 to 8192 characters. They are copied.
	GrantTokens []string
	// Observer is told of every call.
	Observer Observer
}

// NewECDH makes a keyring of an elliptic curve key in KMS with usage KEY_AGREEMENT (specification, aws-kms-ecdh-keyring). KMS agrees on a secret with
// the other party's public key, DeriveSharedSecret, once for each data key that is wrapped or opened; the rest is the raw ECDH keyring's, which opens
// what this one wrote when it has the other private key, and the reverse. Messages have the two public keys and not the key's ARN. The encryption
// context is bound to the data key, and KMS does not see it: key policies cannot ask for it.
//
// GetPublicKey is called once, here. Errors: [*keyring.ConfigError], [ErrWrongRegion], and those of GetPublicKey ([*Error]; [ErrInvalidUsage] when the key is
// of another spec or usage).
func NewECDH(ctx context.Context, c ECDHConfig) (keyring.Keyring, error) {
	id, err := arn.ParseID(c.KeyID)
	if err != nil {
		return nil, err
	}
	switch {
	case missing(c.Client):
		return nil, configError("ECDH: a client is needed")
	case !id.NamesKey():
		return nil, configError("%.256q is no key ARN, which ECDH needs", id.Text)
	}
	p := &ecdhProvider{api: c.Client, keyID: id.Text, common: common{region: regionOf(c.Client, c.Region), observer: c.Observer}}
	if p.grants, err = checkGrants(c.GrantTokens); err != nil {
		return nil, err
	}
	if err := checkRegion(id, p.region); err != nil {
		return nil, err
	}
	for what, curve := range map[string]ecdh.Curve{"the curve": c.Curve, "the recipient's curve": curveOf(c.Recipient)} {
		if _, ok := ecdhwrap.CurveOf(curve); curve != nil && !ok {
			return nil, configError("ECDH: %s must be P-256, P-384 or P-521", what)
		}
	}
	if err := p.setKeys(ctx, &c); err != nil {
		return nil, err
	}
	var w keyring.Wrapper
	if p.peer != nil {
		w = p
	}
	return keyring.New(ecdhwrap.KMSProviderID, w, p, &keyring.Options{Key: p.describe()}), nil
}

func curveOf(k *ecdh.PublicKey) ecdh.Curve {
	if k == nil {
		return nil
	}
	return k.Curve()
}

type ecdhProvider struct {
	common
	api      AgreementAPI
	keyID    string
	curve    ecdhwrap.Curve
	own      []byte // compressed public key of KeyID
	peer     []byte // compressed Recipient; nil for discovery
	peerSPKI []byte
}

var (
	_ keyring.Wrapper   = (*ecdhProvider)(nil)
	_ keyring.Unwrapper = (*ecdhProvider)(nil)
)

const needAgreement = "a key on P-256, P-384 or P-521 (ECC_NIST_…) with usage KEY_AGREEMENT is needed"

// setKeys asks KMS for the public key and checks that the other party's fits.
func (p *ecdhProvider) setKeys(ctx context.Context, c *ECDHConfig) error {
	q := p.request("GetPublicKey", p.keyID, nil)
	q.need = needAgreement
	public, out, err := getPublicKey(ctx, p.api, q, types.KeyUsageTypeKeyAgreement, p.grants, p.observer)
	if err != nil {
		return err
	}
	ec, ok := public.(*ecdsa.PublicKey)
	if !ok {
		return q.unusable(out)
	}
	own, err := ec.ECDH()
	if err != nil {
		return q.unusable(out)
	}
	if p.curve, ok = ecdhwrap.CurveOf(own.Curve()); !ok {
		return q.unusable(out)
	}
	if c.Curve != nil && c.Curve != p.curve.ECDH {
		return configError("ECDH: key %.256q is on %s and not on %v, the configured curve", p.keyID, p.curve.Title, c.Curve)
	}
	p.own = p.curve.Compress(own)
	if c.Recipient == nil {
		return nil
	}
	if c.Recipient.Curve() != p.curve.ECDH {
		return configError("ECDH: key %.256q is on %s and the recipient's public key on %v", p.keyID, p.curve.Title, c.Recipient.Curve())
	}
	p.peer = p.curve.Compress(c.Recipient)
	p.peerSPKI, err = x509.MarshalPKIXPublicKey(c.Recipient)
	return err
}

// describe names the key by its ARN and, as messages do not have that, by the first bytes of the points that they have.
func (p *ecdhProvider) describe() string {
	short := func(point []byte) string { return hex.EncodeToString(point[:9]) }
	s := fmt.Sprintf("%s (%s %s", p.keyID, p.curve.Title, short(p.own))
	if p.peer != nil {
		s += " and " + short(p.peer)
	}
	return s + ")"
}

func (p *ecdhProvider) Wrap(ctx context.Context, r *keyring.Request, plaintext []byte) (keyring.EncryptedDataKey, error) {
	shared, err := p.agree(ctx, p.peerSPKI)
	if err != nil {
		return keyring.EncryptedDataKey{}, err
	}
	defer clear(shared)
	return p.curve.Wrap(ecdhwrap.KMSProviderID, shared, ecdhwrap.Parties{Sender: p.own, Recipient: p.peer}, r, plaintext)
}

// Unwrap also takes what raw ECDH keyrings wrote to this key.
func (p *ecdhProvider) Unwrap(ctx context.Context, r *keyring.Request, edk *keyring.EncryptedDataKey) ([]byte, error) {
	if edk.ProviderID != ecdhwrap.KMSProviderID && edk.ProviderID != ecdhwrap.RawProviderID {
		return nil, &keyring.Skip{Reason: "provider id differs"}
	}
	parties, reason := p.curve.Parties(edk)
	if reason == "" {
		reason = p.mine(parties)
	}
	if reason != "" {
		return nil, &keyring.Skip{Reason: reason}
	}
	if err := ecdhwrap.CheckShape(r, edk); err != nil {
		return nil, err
	}
	other := p.peerSPKI
	if p.peer == nil {
		sender, err := p.curve.Parse(parties.Sender)
		if err != nil {
			return nil, fmt.Errorf("%w: the sender's public key is not a point of %s", keyring.ErrShape, p.curve.Title)
		}
		if other, err = x509.MarshalPKIXPublicKey(sender); err != nil {
			return nil, err
		}
	}
	shared, err := p.agree(ctx, other)
	if err != nil {
		return nil, err
	}
	defer clear(shared)
	return p.curve.Unwrap(shared, parties, r, edk)
}

// mine says why the keys in a message are not those of this keyring, or "".
func (p *ecdhProvider) mine(who ecdhwrap.Parties) string {
	switch {
	case p.peer == nil:
		if !bytes.Equal(who.Recipient, p.own) {
			return "recipient's public key differs"
		}
	case bytes.Equal(who.Recipient, p.own) && bytes.Equal(who.Sender, p.peer):
	case bytes.Equal(who.Recipient, p.peer) && bytes.Equal(who.Sender, p.own):
	default:
		return "public keys of the two parties differ"
	}
	return ""
}

// agree returns the secret that KMS and the holder of the other key share; the caller wipes it.
func (p *ecdhProvider) agree(ctx context.Context, other []byte) ([]byte, error) {
	q := p.request("DeriveSharedSecret", p.keyID, nil)
	q.need = needAgreement
	return deriveSharedSecret(ctx, p.api, q, other, p.curve.SecretLen(), p.grants, p.observer)
}
