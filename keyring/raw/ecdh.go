package raw

import (
	"bytes"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/kdf"
	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
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
	return keyring.New("raw-ecdh", w, u, &keyring.Options{Key: p.describe()}), nil
}

type ecdhProvider struct {
	curve    ecCurve
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
	curve, ok := ecCurveOf(cfg.Curve)
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
	case needPrivate && cfg.Private.Curve() != curve.ecdh:
		return nil, "the private key is not on " + curve.title
	case needPeer && cfg.Peer.Curve() != curve.ecdh:
		return nil, "the peer's public key is not on " + curve.title
	}
	p := &ecdhProvider{curve: curve, schema: cfg.Schema, peer: cfg.Peer}
	if needPrivate {
		p.own = curve.compress(cfg.Private.PublicKey())
	}
	if needPeer {
		p.peerText = curve.compress(cfg.Peer)
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
		return fmt.Sprintf("%s %s and %s", p.curve.title, short(p.own), short(p.peerText))
	case ECDHEphemeral:
		return fmt.Sprintf("%s to %s", p.curve.title, short(p.peerText))
	}
	return fmt.Sprintf("%s %s", p.curve.title, short(p.own))
}

func (p *ecdhProvider) Wrap(_ context.Context, r *keyring.Request, plaintext []byte) (keyring.EncryptedDataKey, error) {
	sender, shared := p.own, p.shared
	if p.schema == ECDHEphemeral {
		private, err := p.curve.ecdh.GenerateKey(rand.Reader)
		if err != nil {
			return keyring.EncryptedDataKey{}, fmt.Errorf("raw ECDH: %w: %w", err, signet.ErrUnsupported)
		}
		if shared, err = agree(private, p.peer); err != nil {
			return keyring.EncryptedDataKey{}, err
		}
		defer shared.Destroy()
		sender = p.curve.compress(private.PublicKey())
	}
	fixed := p.curve.fixedInfo(sender, p.peerText, r)
	ct := make([]byte, ecdhPrefixLen, ecdhPrefixLen+len(plaintext)+wire.AESTagLen)
	rand.Read(ct[:ecdhSaltLen]) // never fails (crypto/rand)
	aead, commitment, err := ecdhKeys(shared, fixed, ct[:ecdhSaltLen])
	if err != nil {
		return keyring.EncryptedDataKey{}, err
	}
	copy(ct[ecdhSaltLen:], commitment[:])
	ct = aead.Seal(ct, zeroIV[:], plaintext, fixed)
	info := p.curve.appendInfo(make([]byte, 0, p.curve.infoLen()), p.peerText, sender)
	return keyring.EncryptedDataKey{ProviderID: ecdhProviderID, ProviderInfo: info, Ciphertext: ct}, nil
}

func (p *ecdhProvider) Unwrap(_ context.Context, r *keyring.Request, edk *keyring.EncryptedDataKey) ([]byte, error) {
	if edk.ProviderID != ecdhProviderID && edk.ProviderID != ecdhKMSProviderID {
		return nil, &keyring.Skip{Reason: "provider id differs"}
	}
	recipient, sender, reason := p.curve.parseInfo(edk.ProviderInfo)
	if reason == "" {
		reason = p.mine(recipient, sender)
	}
	if reason != "" {
		return nil, &keyring.Skip{Reason: reason}
	}
	if want := ecdhPrefixLen + r.Suite.WrappedKeyLen() + wire.AESTagLen; len(edk.Ciphertext) != want {
		return nil, fmt.Errorf("%w: encrypted data key has %d bytes instead of %d", keyring.ErrShape, len(edk.Ciphertext), want)
	}
	shared := p.shared
	if p.schema == ECDHDiscovery {
		public, err := p.curve.parse(sender)
		if err != nil {
			return nil, fmt.Errorf("%w: the sender's public key is not a point of %s", keyring.ErrShape, p.curve.title)
		}
		if shared, err = agree(p.private, public); err != nil {
			return nil, err
		}
		defer shared.Destroy()
	}
	salt, commitment := edk.Ciphertext[:ecdhSaltLen], edk.Ciphertext[ecdhSaltLen:ecdhPrefixLen]
	fixed := p.curve.fixedInfo(sender, recipient, r)
	aead, want, err := ecdhKeys(shared, fixed, salt)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(commitment, want[:]) != 1 {
		return nil, keyring.ErrDidNotOpen
	}
	b, err := aead.Open(nil, zeroIV[:], edk.Ciphertext[ecdhPrefixLen:], fixed)
	if err != nil {
		return nil, keyring.ErrDidNotOpen
	}
	return b, nil
}

// mine says why the keys in a message are not those of this keyring, or "".
func (p *ecdhProvider) mine(recipient, sender []byte) string {
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

// ecdhKeys derives the wrapping key and the commitment to it. The IV of the wrapping key is zero: salt makes the key new for each wrap.
func ecdhKeys(shared *keyring.Secret, fixed, salt []byte) (aead cipher.AEAD, commitment [ecdhCommitmentLen]byte, err error) {
	var okm [ecdhCommitmentLen + 32]byte
	defer clear(okm[:])
	if err := kdf.CounterHMAC(crypto.SHA384, okm[:], shared.Reveal(), fixed, salt); err != nil {
		return nil, commitment, err
	}
	copy(commitment[:], okm[:])
	block, err := aes.NewCipher(okm[ecdhCommitmentLen:])
	if err == nil {
		aead, err = cipher.NewGCM(block)
	}
	if err != nil {
		return nil, commitment, fmt.Errorf("raw ECDH: %w: %w", err, signet.ErrUnsupported)
	}
	return aead, commitment, nil
}
