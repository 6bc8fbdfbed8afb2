package pkcs11

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/token"
)

// rsaProvider is the RSA-OAEP backend of a Keyring, in the layout of the AWS Encryption SDK's raw RSA keyring (ESDK spec,
// framework/raw-rsa-keyring): wrapped in this process, opened in the token. RSA does not bind the encryption context; the message's header does.
type rsaProvider Keyring

var (
	_ keyring.Wrapper   = (*rsaProvider)(nil)
	_ keyring.Unwrapper = (*rsaProvider)(nil)
)

// minEncryptBits is the smallest key that new data keys are wrapped under.
const minEncryptBits = 2048

// PublicKey returns the public half of an RSA pair; the caller owns the copy. It finds the key first when no operation has, and logs in for it
// as [Keyring.OnEncrypt] does. For an AES key it is an error.
func (k *Keyring) PublicKey(ctx context.Context) (*rsa.PublicKey, error) {
	if k.cfg.Class == SecretKey {
		return nil, k.where.refuse("find key", errUnsupported, "an AES key has no public half")
	}
	pub, err := k.publicHalf(ctx, "find key")
	if err != nil {
		return nil, err
	}
	return clonePublic(pub), nil
}

// withoutLogin reports whether the keyring takes the public half without a login, because it is encrypt-only or has no PIN.
func (k *Keyring) withoutLogin() bool {
	return k.cfg.Class == PublicKey || k.cfg.Class == PrivateKey && k.cfg.PIN == nil
}

// publicHalf returns the key that wraps. With a PIN that is the one of the pair which was proven in the token, so that no data key is wrapped that the
// token could not open; once it is, no session is used.
func (k *Keyring) publicHalf(ctx context.Context, op string) (*rsa.PublicKey, error) {
	if err := k.gate.Enter(); err != nil {
		return nil, k.where.fail(op, err)
	}
	defer k.gate.Leave()
	if k.withoutLogin() {
		return k.lookUpPublic(ctx)
	}
	_, b, err := k.bind(ctx)
	if err != nil {
		return nil, err
	}
	return b.public, nil
}

// Wrap seals a data key with the public half, in this process.
func (p *rsaProvider) Wrap(ctx context.Context, _ *keyring.Request, plaintext []byte) (keyring.EncryptedDataKey, error) {
	k := (*Keyring)(p)
	pub, err := k.publicHalf(ctx, "wrap")
	if err != nil {
		return keyring.EncryptedDataKey{}, err
	}
	if n := pub.N.BitLen(); n < minEncryptBits {
		return keyring.EncryptedDataKey{}, k.where.refuse("wrap", errUnsupported, fmt.Sprintf("an RSA key of %d bits: at least %d are required", n, minEncryptBits))
	}
	k.wraps.Add(1)
	ct, err := rsa.EncryptOAEP(k.cfg.Padding.oaep().hash.New(), rand.Reader, pub, plaintext, nil)
	if err != nil {
		return keyring.EncryptedDataKey{}, k.where.fail("wrap", err)
	}
	return keyring.EncryptedDataKey{ProviderID: k.cfg.Namespace, ProviderInfo: []byte(k.cfg.Name), Ciphertext: ct}, nil
}

// Unwrap opens a data key in the token. What is not of this key, or not of its shape, does not reach the token.
func (p *rsaProvider) Unwrap(ctx context.Context, r *keyring.Request, edk *keyring.EncryptedDataKey) ([]byte, error) {
	k := (*Keyring)(p)
	if edk.ProviderID != k.cfg.Namespace {
		return nil, &keyring.Skip{Reason: "provider id differs"}
	}
	if string(edk.ProviderInfo) != k.cfg.Name {
		return nil, &keyring.Skip{Reason: "key name differs"}
	}
	if n := len(edk.Ciphertext); n < minDecryptBits/8 || n > token.MaxRSA {
		return nil, k.where.refuse("unwrap", keyring.ErrShape, fmt.Sprintf("%d bytes, which is no RSA modulus' length", n))
	}
	if pub := k.cfg.Public; pub != nil && len(edk.Ciphertext) != pub.Size() {
		return nil, k.where.wrongSize(len(edk.Ciphertext), pub)
	}
	opened := make([]byte, len(edk.Ciphertext))
	want, got := r.Suite.WrappedKeyLen(), 0
	err := k.use(ctx, "unwrap", func(t *token.Token, b *boundKey) error {
		where := place{k.where.module, t.Label(), k.where.key}
		if len(edk.Ciphertext) != b.public.Size() {
			return where.wrongSize(len(edk.Ciphertext), b.public)
		}
		// No wrapped key is as large as the modulus, and tokens differ in what they make of one that is.
		if bytes.Compare(edk.Ciphertext, b.public.N.FillBytes(make([]byte, len(opened)))) >= 0 {
			return where.refuse("unwrap", errRSA, "")
		}
		k.unwraps.Add(1)
		var err error
		got, err = t.DecryptOAEP(ctx, b.handle, k.cfg.Padding.oaep().mechanism, opened, edk.Ciphertext)
		if err != nil {
			return k.rsaDecryptError(ctx, t, where, err)
		}
		if got != want {
			return where.refuse("unwrap", errRSA, "")
		}
		return nil
	})
	if err != nil {
		clear(opened)
		return nil, err
	}
	clear(opened[got:])
	return opened[:got:got], nil
}

func (p place) wrongSize(n int, pub *rsa.PublicKey) error {
	return p.refuse("unwrap", keyring.ErrShape, fmt.Sprintf("%d bytes instead of the %d of this RSA key", n, pub.Size()))
}

// rsaDecryptError makes one error of everything that C_Decrypt may say about a ciphertext, without the return value: who can tell a bad padding from a
// number out of range, by text, code or an extra call, can open data keys (Manger's attack). Only a token that does not answer is told apart.
func (k *Keyring) rsaDecryptError(ctx context.Context, t *token.Token, where place, err error) error {
	var call *ck.Error
	if !errors.As(err, &call) || call.Func != "C_Decrypt" {
		return err
	}
	switch token.Classify(err) {
	case token.ClassData, token.ClassUnclear, token.ClassPermanent:
		if probe := t.Probe(ctx, false); probe != nil {
			return where.unavailable("unwrap", probe, "the token does not answer")
		}
		return where.refuse("unwrap", errRSA, "")
	}
	return err
}
