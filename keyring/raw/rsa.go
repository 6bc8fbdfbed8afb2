package raw

import (
	"context"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"math"
	"math/big"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
)

// RSAConfig configures [NewRSA]. Namespace, Name, Padding and at least one half of the key are required.
type RSAConfig struct {
	// Namespace is the provider id of the messages' encrypted data keys. It must not start with "aws-kms".
	Namespace string
	// Name is the key's name within the namespace. Namespace and name are stored in messages in the clear and are compared byte by byte.
	Name string
	// Padding must be the one that the data keys are wrapped with: messages do not store it.
	Padding RSAPadding
	// Public wraps data keys: at least 2048 bits. Without it the keyring is decrypt-only; it is never derived from Private, so that
	// a decrypting process does not encrypt by mistake. It is copied.
	Public *rsa.PublicKey
	// Private opens data keys: at least 1024 bits, for old messages, two primes. Without it the keyring is encrypt-only. With both, they must
	// belong together. It is copied and checked, and not changed.
	Private *rsa.PrivateKey
	// InsecurePaddingErrors lets PKCS #1 v1.5 tell whether a data key is padded as it should be, as the AWS clients do. See [NewRSA] for
	// what it is good for. It must not be set where somebody who sends messages learns whether, or how fast, they were refused:
	// that is enough to open data keys (Bleichenbacher's attack).
	InsecurePaddingErrors bool
}

const (
	minRSAEncryptBits = 2048
	minRSADecryptBits = 1024 // crypto/rsa refuses less
	maxRSABits        = 16384
)

// Format prints the names and not the keys, for every verb.
func (c RSAConfig) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "RSAConfig{%q, %q, padding %v, keys [secret]}", c.Namespace, c.Name, c.Padding)
}

// MarshalText is Format for encoders, which would reach the private key.
func (c RSAConfig) MarshalText() ([]byte, error) { return fmt.Append(nil, c), nil }

// NewRSA makes a keyring that wraps data keys with RSA (ESDK spec, framework/raw-rsa-keyring). The encryption context is not bound to the
// wrapped data key; the message's header binds it. Errors are [*keyring.ConfigError], or [signet.ErrUnsupported] for PKCS #1 v1.5 and SHA-1
// under GODEBUG=fips140=only.
//
// PKCS #1 v1.5 has no reliable check of its own, and telling whether the padding is right gives the data key away. Therefore this keyring
// does not tell: a data key of a message that is under another key, another padding or corrupted opens to random bytes, and the message's
// commitment or header refuses them with [signet.ErrAuthentication]. That has consequences:
//
//   - When a message has two or more encrypted data keys under this namespace and name and of this key's length, nobody could tell which
//     is the right one. OnDecrypt then opens none of them; the error says so and answers for [signet.ErrPolicy].
//   - In a multi-keyring, later members get no turn, of whatever name, when the message has an encrypted data key under this namespace and
//     name and of this key's length, even one that is under another key. Make this keyring the last member, and name keys differently. The
//     error of such a message names the encrypted data key that its data key came from.
//   - With a wrong key the error is the header's and not [signet.ErrNoKey].
//
// For trusted messages InsecurePaddingErrors takes these limits away. Items (the DB-ESDK suites) have none of them: there an
// authenticated layer lies between RSA and the data key. OAEP has none of them either.
func NewRSA(cfg RSAConfig) (keyring.Keyring, error) {
	if err := checkNames(cfg.Namespace, cfg.Name, wire.MaxField); err != nil {
		return nil, err
	}
	p := &rsaProvider{namespace: cfg.Namespace, name: cfg.Name, padding: cfg.Padding, explicit: cfg.InsecurePaddingErrors}
	if err := p.setKeys(&cfg); err != nil {
		return nil, err
	}
	if fips140.Enforced() && (p.padding == PKCS1v15 || p.padding == OAEPSHA1) {
		return nil, fmt.Errorf("raw RSA: padding %s is not allowed with GODEBUG=fips140=only: %w", p.padding, signet.ErrUnsupported)
	}
	var w keyring.Wrapper
	var u keyring.Unwrapper
	if p.public != nil {
		w = p
	}
	if p.private != nil {
		u = p
	}
	k := keyring.New(rsaName, w, u, &keyring.Options{Key: p.key()})
	if p.padding == PKCS1v15 && !p.explicit && p.private != nil {
		return &implicitRejection{Keyring: k, p: p}, nil
	}
	return k, nil
}

const rsaName = "raw-rsa"

type rsaProvider struct {
	namespace, name string
	padding         RSAPadding
	explicit        bool // PKCS #1 v1.5: report bad padding
	public          *rsa.PublicKey
	private         *rsa.PrivateKey
}

var (
	_ keyring.Wrapper   = (*rsaProvider)(nil)
	_ keyring.Unwrapper = (*rsaProvider)(nil)
)

func (p *rsaProvider) key() string { return p.namespace + "/" + p.name }

// setKeys copies and checks the keys.
func (p *rsaProvider) setKeys(cfg *RSAConfig) error {
	fail := func(format string, args ...any) error {
		return &keyring.ConfigError{Reason: "raw RSA: " + fmt.Sprintf(format, args...)}
	}
	switch {
	case cfg.Padding < OAEPSHA256 || cfg.Padding > PKCS1v15:
		return fail("a padding is required")
	case cfg.InsecurePaddingErrors && cfg.Padding != PKCS1v15:
		return fail("InsecurePaddingErrors is for PKCS #1 v1.5 only")
	case cfg.Public == nil && cfg.Private == nil:
		return fail("a public key (to encrypt) or a private key (to decrypt) is required")
	}
	if pub := cfg.Public; pub != nil {
		if reason := checkRSAPublic(pub, minRSAEncryptBits); reason != "" {
			return fail("public key: %s", reason)
		}
		p.public = &rsa.PublicKey{N: new(big.Int).Set(pub.N), E: pub.E}
	}
	if priv := cfg.Private; priv != nil {
		if reason := checkRSAPublic(&priv.PublicKey, minRSADecryptBits); reason != "" {
			return fail("private key: %s", reason)
		}
		if p.private = cloneRSA(priv); p.private == nil {
			return fail("private key: not a complete and consistent key of two primes")
		}
		if most := priv.Size() - cfg.Padding.overhead(); most < maxWrapped {
			return fail("private key: with %d bits and padding %s it cannot hold a data key", priv.N.BitLen(), cfg.Padding)
		}
	}
	if p.public != nil && p.private != nil && !p.public.Equal(&p.private.PublicKey) {
		return fail("the public and the private key do not belong together")
	}
	return nil
}

// maxWrapped is the longest key that a suite has wrapped, in bytes.
const maxWrapped = 32

// checkRSAPublic says why a public key is not used, or "".
func checkRSAPublic(pub *rsa.PublicKey, minBits int) string {
	switch {
	case pub.N == nil || pub.N.Sign() <= 0 || pub.N.Bit(0) == 0:
		return "the modulus is not a positive odd number"
	case pub.N.BitLen() < minBits:
		return fmt.Sprintf("%d bits; at least %d are required", pub.N.BitLen(), minBits)
	case pub.N.BitLen() > maxRSABits:
		return fmt.Sprintf("%d bits; at most %d are supported", pub.N.BitLen(), maxRSABits)
	case pub.E < 3 || pub.E&1 == 0 || pub.E > math.MaxInt32:
		return "the public exponent is not an odd number from 3 to 2^31-1"
	}
	return ""
}

// cloneRSA returns a precomputed copy, nil when the key is not valid or has not exactly two primes: crypto/rsa is not constant time with more.
func cloneRSA(priv *rsa.PrivateKey) *rsa.PrivateKey {
	if priv.D == nil || len(priv.Primes) != 2 || priv.Primes[0] == nil || priv.Primes[1] == nil {
		return nil
	}
	k := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Set(priv.N), E: priv.E},
		D:         new(big.Int).Set(priv.D),
		Primes:    []*big.Int{new(big.Int).Set(priv.Primes[0]), new(big.Int).Set(priv.Primes[1])},
	}
	k.Precompute()
	if k.Validate() != nil {
		return nil
	}
	return k
}

func (p *rsaProvider) Wrap(_ context.Context, _ *keyring.Request, plaintext []byte) (keyring.EncryptedDataKey, error) {
	var ct []byte
	var err error
	if p.padding == PKCS1v15 {
		//lint:ignore SA1019 the format has it, and other clients read nothing else under such keys
		ct, err = rsa.EncryptPKCS1v15(rand.Reader, p.public, plaintext)
	} else {
		ct, err = rsa.EncryptOAEP(p.padding.hash().New(), rand.Reader, p.public, plaintext, nil)
	}
	if err != nil {
		return keyring.EncryptedDataKey{}, fmt.Errorf("raw RSA: %w: %w", err, signet.ErrUnsupported)
	}
	return keyring.EncryptedDataKey{ProviderID: p.namespace, ProviderInfo: []byte(p.name), Ciphertext: ct}, nil
}

// errRSA is keyring.ErrDidNotOpen without the context, which RSA does not bind. It is the only error for whatever went wrong inside.
var errRSA = fmt.Errorf("%w: did not open: wrong key, wrong padding or corrupted", signet.ErrAuthentication)

func (p *rsaProvider) Unwrap(_ context.Context, r *keyring.Request, edk *keyring.EncryptedDataKey) ([]byte, error) {
	if edk.ProviderID != p.namespace {
		return nil, &keyring.Skip{Reason: "provider id differs"}
	}
	if string(edk.ProviderInfo) != p.name {
		return nil, &keyring.Skip{Reason: "key name differs"}
	}
	if want := p.private.Size(); len(edk.Ciphertext) != want {
		return nil, fmt.Errorf("%w: encrypted data key has %d bytes instead of the %d of this RSA key", keyring.ErrShape, len(edk.Ciphertext), want)
	}
	return p.open(edk.Ciphertext, r.Suite.WrappedKeyLen())
}

// open returns n bytes, or from OAEP perhaps another number.
func (p *rsaProvider) open(ct []byte, n int) ([]byte, error) {
	if p.padding != PKCS1v15 {
		b, err := rsa.DecryptOAEP(p.padding.hash().New(), nil, p.private, ct, nil)
		if err != nil {
			return nil, errRSA
		}
		return b, nil
	}
	if p.explicit {
		//lint:ignore SA1019 what makes it dangerous is why InsecurePaddingErrors is called so
		b, err := rsa.DecryptPKCS1v15(nil, p.private, ct)
		if err != nil || len(b) != n { // one error: padding and length are not told apart
			clear(b)
			return nil, errRSA
		}
		return b, nil
	}
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	// The error is about public facts only: a ciphertext that is not below the modulus. Otherwise b holds n padded bytes or is unchanged.
	//lint:ignore SA1019 old messages need it
	if err := rsa.DecryptPKCS1v15SessionKey(nil, p.private, ct, b); err != nil {
		clear(b)
		return nil, errRSA
	}
	return b, nil
}

// implicitRejection is a PKCS #1 v1.5 keyring that opens everything to something. In a message it therefore insists on being the only one to
// try: going on to the next encrypted data key after bad padding would tell by the result that the padding was bad.
type implicitRejection struct {
	keyring.Keyring
	p *rsaProvider
}

var _ keyring.EncryptChecker = (*implicitRejection)(nil)

// CanEncrypt reports whether the public key is there.
func (k *implicitRejection) CanEncrypt() bool { return k.p.public != nil }

func (k *implicitRejection) OnDecrypt(ctx context.Context, r *keyring.Request, edks []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
	if r.Suite.IsItem() {
		return k.Keyring.OnDecrypt(ctx, r, edks)
	}
	first := -1
	for i := range edks {
		e := &edks[i]
		if e.ProviderID != k.p.namespace || string(e.ProviderInfo) != k.p.name || len(e.Ciphertext) != k.p.private.Size() {
			continue
		}
		if first >= 0 {
			err := &keyring.ConfigError{Reason: fmt.Sprintf("encrypted data key %d has the same namespace and name, and PKCS #1 v1.5 does not tell "+
				"safely which one is under this key: give each key a name of its own, or see InsecurePaddingErrors", first)}
			return nil, &keyring.UnwrapError{EDKs: len(edks), Attempts: []keyring.Attempt{{EDK: i, Provider: rsaName, Key: k.p.key(), Err: err}}}
		}
		first = i
	}
	return k.Keyring.OnDecrypt(ctx, r, edks)
}
