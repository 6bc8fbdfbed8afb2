// Package raw has keyrings over wrapping keys that the process itself holds. An HSM or a KMS keeps its keys better: prefer
// keyring/pkcs11 where there is a token.
//
//	k, err := raw.NewAES(raw.AESConfig{Namespace: "example.com", Name: "orders-2026", Key: key})
//
// [NewAES], [NewRSA] and [NewECDH] are the raw keyrings of every AWS Encryption SDK: the same namespace, key name and key open each
// other's messages, and those of a keyring/pkcs11 key with the same bytes. RSA and ECDH let a process encrypt that cannot decrypt.
//
// [ParseRSAPublicKey], [ParseRSAPrivateKey], [ParseECPublicKey] and [ParseECPrivateKey] read keys from PEM and DER.
//
// Not protected: keys in the memory of the process, and, with RSA, the encryption context of a wrapped data key by itself.
package raw

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
)

// AESConfig configures [NewAES]. Everything is required.
type AESConfig struct {
	// Namespace is the provider id of the messages' encrypted data keys. It must not start with "aws-kms".
	Namespace string
	// Name is the key's name within the namespace. Namespace and name are stored in messages in the clear and are compared byte by byte.
	Name string
	// Key is the wrapping key: exactly 16, 24 or 32 bytes, used as they are. It is copied.
	Key []byte
}

// Format prints the names and not the key, for every verb.
func (c AESConfig) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "AESConfig{%q, %q, key [secret]}", c.Namespace, c.Name)
}

// MarshalText is Format for encoders.
func (c AESConfig) MarshalText() ([]byte, error) { return fmt.Append(nil, c), nil }

// NewAES makes a keyring that wraps data keys with AES-GCM under a raw key (ESDK spec, framework/raw-aes-keyring): random 12-byte IV,
// 16-byte tag, the encryption context as AAD. Errors are [*keyring.ConfigError], and under GODEBUG=fips140=only, which does not allow the
// format's IVs, one that answers for signet.ErrUnsupported. The number of wraps under one key should stay below 2^32, the bound for random IVs.
func NewAES(cfg AESConfig) (keyring.Keyring, error) {
	if err := checkNames(cfg.Namespace, cfg.Name, wire.MaxAESName); err != nil {
		return nil, err
	}
	switch len(cfg.Key) {
	case 16, 24, 32:
	default:
		return nil, &keyring.ConfigError{Reason: fmt.Sprintf("raw AES key has %d bytes; it must have exactly 16, 24 or 32", len(cfg.Key))}
	}
	block, err := aes.NewCipher(cfg.Key)
	if err != nil {
		return nil, &keyring.ConfigError{Reason: "raw AES key: " + err.Error()}
	}
	aead, err := cipher.NewGCM(block)
	if err != nil { // GODEBUG=fips140=only: the format's IVs are not allowed
		return nil, fmt.Errorf("raw AES key: %w: %w", signet.ErrUnsupported, err)
	}
	p := &aesProvider{namespace: cfg.Namespace, name: cfg.Name, aead: aead}
	return keyring.New("raw-aes", p, p, &keyring.Options{Key: cfg.Namespace + "/" + cfg.Name}), nil
}

func checkNames(namespace, name string, maxName int) error {
	reason := ""
	switch {
	case namespace == "" || name == "":
		reason = "namespace and name must not be empty"
	case !utf8.ValidString(namespace) || !utf8.ValidString(name):
		reason = "namespace and name must be valid UTF-8"
	case strings.HasPrefix(namespace, "aws-kms"):
		reason = `the namespace must not start with "aws-kms", which belongs to AWS KMS keyrings`
	case len(namespace) > wire.MaxField || len(name) > maxName:
		reason = fmt.Sprintf("namespace (at most %d bytes) or name (at most %d bytes) is too long", wire.MaxField, maxName)
	}
	if reason != "" {
		return &keyring.ConfigError{Reason: "raw keyring: " + reason}
	}
	return nil
}

type aesProvider struct {
	namespace, name string
	aead            cipher.AEAD
}

var zeroIV [wire.AESIVLen]byte

var (
	_ keyring.Wrapper   = (*aesProvider)(nil)
	_ keyring.Unwrapper = (*aesProvider)(nil)
)

func (p *aesProvider) Wrap(_ context.Context, r *keyring.Request, plaintext []byte) (keyring.EncryptedDataKey, error) {
	infoLen := wire.AESInfoLen(p.name)
	buf := make([]byte, 0, infoLen+len(plaintext)+wire.AESTagLen)
	buf = wire.AppendAESInfo(buf, p.name, zeroIV[:])
	iv := buf[infoLen-wire.AESIVLen:]
	rand.Read(iv) // never fails (crypto/rand)
	ct := p.aead.Seal(buf[infoLen:infoLen], iv, plaintext, r.AAD)
	return keyring.EncryptedDataKey{ProviderID: p.namespace, ProviderInfo: buf[:infoLen:infoLen], Ciphertext: ct}, nil
}

func (p *aesProvider) Unwrap(_ context.Context, r *keyring.Request, edk *keyring.EncryptedDataKey) ([]byte, error) {
	if edk.ProviderID != p.namespace {
		return nil, &keyring.Skip{Reason: "provider id differs"}
	}
	iv, reason := wire.ParseAESInfo(edk.ProviderInfo, p.name)
	if iv == nil {
		return nil, &keyring.Skip{Reason: reason}
	}
	if want := r.Suite.WrappedKeyLen() + wire.AESTagLen; len(edk.Ciphertext) != want {
		return nil, fmt.Errorf("%w: encrypted data key has %d bytes instead of %d", keyring.ErrShape, len(edk.Ciphertext), want)
	}
	b, err := p.aead.Open(nil, iv, edk.Ciphertext, r.AAD)
	if err != nil {
		return nil, keyring.ErrDidNotOpen
	}
	return b, nil
}
