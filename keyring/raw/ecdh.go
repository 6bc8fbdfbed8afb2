package raw

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/internal/ecdhwrap"
)

// ECDHSchema says whose keys agree. The zero value is invalid.
type ECDHSchema uint8

const (
	// ECDHStatic: Private and Peer agree; encrypts and decrypts. Either party opens what either of them wrote. (The field says
	// RawPrivateKeyToStaticPublicKey.)
	ECDHStatic ECDHSchema = iota + 1
	// ECDHEphemeral: a new key pair for each wrapped data key and Peer, the recipient; encrypt-only. (EphemeralPrivateKeyToStaticPublicKey.)
	ECDHEphemeral
	// ECDHDiscovery: Private, the recipient's, and whoever the message says that the sender is; decrypt-only. It opens what either of the other
	// schemas wrote to this recipient. A sender that is not fixed is not authenticated: anybody can write such messages.
	// (PublicKeyDiscovery.)
	ECDHDiscovery
)

func (s ECDHSchema) String() string {
	switch s {
	case ECDHStatic:
		return "static"
	case ECDHEphemeral:
		return "ephemeral"
	case ECDHDiscovery:
		return "discovery"
	}
	return fmt.Sprintf("ECDHSchema(%d)", uint8(s))
}

// ParseECDHSchema reads what [ECDHSchema.String] writes: "static", "ephemeral", "discovery". Errors are [*keyring.ConfigError]; they do not
// repeat the text.
func ParseECDHSchema(s string) (ECDHSchema, error) {
	for schema := ECDHStatic; schema <= ECDHDiscovery; schema++ {
		if schema.String() == s {
			return schema, nil
		}
	}
	return 0, &keyring.ConfigError{Reason: "ECDH schema must be static, ephemeral or discovery"}
}

// ECDHConfig configures [NewECDH].
type ECDHConfig struct {
	// Curve is ecdh.P256(), ecdh.P384() or ecdh.P521(), the curve of the keys. Required.
	Curve ecdh.Curve
	// Schema is required.
	Schema ECDHSchema
	// Private is required for ECDHStatic and ECDHDiscovery and must be nil for ECDHEphemeral.
	Private *ecdh.PrivateKey
	// Peer is the other party's public key: required for ECDHStatic and ECDHEphemeral (the recipient), nil for ECDHDiscovery.
	Peer *ecdh.PublicKey
}

// Format prints the schema and not the keys, for every verb.
func (c ECDHConfig) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "ECDHConfig{%v, %v, keys [secret]}", c.Curve, c.Schema)
}

// MarshalText is Format for encoders.
func (c ECDHConfig) MarshalText() ([]byte, error) { return fmt.Append(nil, c), nil }

// NewECDH makes a keyring that wraps data keys under a key that two parties agree on (ESDK spec, framework/raw-ecdh-keyring): ECDH, the counter
// mode KDF of SP 800-108 with HMAC-SHA-384, a commitment to the key, AES-256-GCM; the encryption context is bound. The public keys,
// in messages in the clear, are what identifies the keyring: there are no names. It also opens what AWS KMS ECDH keyrings wrote, when it has the
// same private key. Errors are [*keyring.ConfigError].
func NewECDH(cfg ECDHConfig) (keyring.Keyring, error) {
	p, reason := newECDHProvider(&cfg)
	if reason != "" {
		return nil, &keyring.ConfigError{Reason: "raw ECDH: " + reason}
	}
	var w keyring.Wrapper
	var u keyring.Unwrapper
	if cfg.Schema != ECDHDiscovery {
		w = p
	}
	if cfg.Schema != ECDHEphemeral {
		u = p
	}
	return keyring.New(ecdhwrap.RawProviderID, w, u, &keyring.Options{Key: p.describe()}), nil
}

type ecdhProvider struct {
	curve    ecdhwrap.Curve
	schema   ECDHSchema
	private  *ecdh.PrivateKey // discovery
	peer     *ecdh.PublicKey  // ephemeral
	own      []byte           // compressed public key of Private; nil for ephemeral
	peerText []byte           // compressed Peer; nil for discovery
	shared   *keyring.Secret  // static: the agreed secret, which never changes
}

var (
	_ keyring.Wrapper   = (*ecdhProvider)(nil)
	_ keyring.Unwrapper = (*ecdhProvider)(nil)
)

func newECDHProvider(cfg *ECDHConfig) (*ecdhProvider, string) {
	curve, ok := ecdhwrap.CurveOf(cfg.Curve)
	if !ok {
		return nil, "the curve must be P-256, P-384 or P-521"
	}
	needPrivate, needPeer := cfg.Schema != ECDHEphemeral, cfg.Schema != ECDHDiscovery
	switch {
	case cfg.Schema < ECDHStatic || cfg.Schema > ECDHDiscovery:
		return nil, "a schema is required: static, ephemeral or discovery"
	case needPrivate && cfg.Private == nil:
		return nil, fmt.Sprintf("schema %s needs a private key", cfg.Schema)
	case !needPrivate && cfg.Private != nil:
		return nil, "schema ephemeral takes no private key: it makes a new one for each data key"
	case needPeer && cfg.Peer == nil:
		return nil, fmt.Sprintf("schema %s needs the peer's public key", cfg.Schema)
	case !needPeer && cfg.Peer != nil:
		return nil, "schema discovery takes no public key: messages say who the sender is"
	case needPrivate && cfg.Private.Curve() != curve.ECDH:
		return nil, "the private key is not on " + curve.Title
	case needPeer && cfg.Peer.Curve() != curve.ECDH:
		return nil, "the peer's public key is not on " + curve.Title
	}
	p := &ecdhProvider{curve: curve, schema: cfg.Schema, peer: cfg.Peer}
	if needPrivate {
		p.own = curve.Compress(cfg.Private.PublicKey())
	}
	if needPeer {
		p.peerText = curve.Compress(cfg.Peer)
	}
	switch cfg.Schema {
	case ECDHDiscovery:
		p.private = cfg.Private
	case ECDHStatic:
		shared, err := cfg.Private.ECDH(cfg.Peer)
		if err != nil {
			return nil, "the keys do not agree on a secret"
		}
		defer clear(shared)
		p.shared = keyring.NewSecret(shared)
	}
	return p, ""
}

// describe names the keys by the first bytes of their compressed points, as messages store them.
func (p *ecdhProvider) describe() string {
	short := func(point []byte) string { return hex.EncodeToString(point[:9]) }
	switch p.schema {
	case ECDHStatic:
		return fmt.Sprintf("%s %s and %s", p.curve.Title, short(p.own), short(p.peerText))
	case ECDHEphemeral:
		return fmt.Sprintf("%s to %s", p.curve.Title, short(p.peerText))
	}
	return fmt.Sprintf("%s %s", p.curve.Title, short(p.own))
}

func (p *ecdhProvider) Wrap(_ context.Context, r *keyring.Request, plaintext []byte) (keyring.EncryptedDataKey, error) {
	sender, shared := p.own, p.shared
	if p.schema == ECDHEphemeral {
		private, err := p.curve.ECDH.GenerateKey(rand.Reader)
		if err != nil {
			return keyring.EncryptedDataKey{}, fmt.Errorf("raw ECDH: %w: %w", err, signet.ErrUnsupported)
		}
		if shared, err = agree(private, p.peer); err != nil {
			return keyring.EncryptedDataKey{}, err
		}
		defer shared.Destroy()
		sender = p.curve.Compress(private.PublicKey())
	}
	parties := ecdhwrap.Parties{Sender: sender, Recipient: p.peerText}
	return p.curve.Wrap(ecdhwrap.RawProviderID, shared.Reveal(), parties, r, plaintext)
}

func (p *ecdhProvider) Unwrap(_ context.Context, r *keyring.Request, edk *keyring.EncryptedDataKey) ([]byte, error) {
	if edk.ProviderID != ecdhwrap.RawProviderID && edk.ProviderID != ecdhwrap.KMSProviderID {
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
	shared := p.shared
	if p.schema == ECDHDiscovery {
		public, err := p.curve.Parse(parties.Sender)
		if err != nil {
			return nil, fmt.Errorf("%w: the sender's public key is not a point of %s", keyring.ErrShape, p.curve.Title)
		}
		if shared, err = agree(p.private, public); err != nil {
			return nil, err
		}
		defer shared.Destroy()
	}
	return p.curve.Unwrap(shared.Reveal(), parties, r, edk)
}

// mine says why the keys in a message are not those of this keyring, or "".
func (p *ecdhProvider) mine(who ecdhwrap.Parties) string {
	recipient, sender := who.Recipient, who.Sender
	switch {
	case p.schema == ECDHDiscovery:
		if !bytes.Equal(recipient, p.own) {
			return "recipient's public key differs"
		}
	case bytes.Equal(recipient, p.own) && bytes.Equal(sender, p.peerText):
	case bytes.Equal(recipient, p.peerText) && bytes.Equal(sender, p.own):
	default:
		return "public keys of the two parties differ"
	}
	return ""
}

func agree(private *ecdh.PrivateKey, public *ecdh.PublicKey) (*keyring.Secret, error) {
	b, err := private.ECDH(public)
	if err != nil {
		return nil, fmt.Errorf("raw ECDH: %w: the keys do not agree on a secret", signet.ErrMalformed)
	}
	defer clear(b)
	return keyring.NewSecret(b), nil
}
