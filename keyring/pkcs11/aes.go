package pkcs11

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/token"
)

// provider is the AES-GCM backend of a Keyring, in the layout of the AWS Encryption SDK's raw AES keyring (ESDK spec,
// framework/raw-aes-keyring).
type provider Keyring

var (
	_ keyring.Wrapper   = (*provider)(nil)
	_ keyring.Unwrapper = (*provider)(nil)
	_ keyring.Generator = (*provider)(nil)
)

// Wrap seals a data key in the token.
func (p *provider) Wrap(ctx context.Context, r *keyring.Request, plaintext []byte) (keyring.EncryptedDataKey, error) {
	k := (*Keyring)(p)
	return k.seal(ctx, "wrap", len(plaintext), func(t *token.Token, h token.Handle, iv *[wire.AESIVLen]byte, dst []byte) (int, error) {
		k.wraps.Add(1)
		return t.Encrypt(ctx, h, iv, r.AAD, dst, plaintext)
	})
}

// Generate makes a data key of n bytes from the random bytes of the token and of the operating system together, and seals it.
func (p *provider) Generate(ctx context.Context, r *keyring.Request, n int) ([]byte, keyring.EncryptedDataKey, error) {
	k := (*Keyring)(p)
	if n <= 0 || n > token.MaxInput {
		return nil, keyring.EncryptedDataKey{}, k.where.fail("generate", fmt.Errorf("internal error: data key of %d bytes", n))
	}
	key := make([]byte, n)
	edk, err := k.seal(ctx, "generate", n, func(t *token.Token, h token.Handle, iv *[wire.AESIVLen]byte, dst []byte) (int, error) {
		rand.Read(key)
		k.randoms.Add(1)
		k.wraps.Add(1)
		return t.Generate(ctx, h, iv, r.AAD, dst, key)
	})
	if err != nil {
		clear(key)
		return nil, keyring.EncryptedDataKey{}, err
	}
	return key, edk, nil
}

// seal runs one encryption of n bytes and makes the encrypted data key of it.
func (k *Keyring) seal(ctx context.Context, name string, n int, encrypt func(*token.Token, token.Handle, *[wire.AESIVLen]byte, []byte) (int, error)) (keyring.EncryptedDataKey, error) {
	var iv [wire.AESIVLen]byte
	sealed := make([]byte, n+wire.AESTagLen)
	err := k.use(ctx, name, func(t *token.Token, b *boundKey) error {
		where := place{k.where.module, t.Label(), k.where.key}
		if !b.attrs.allows(b.attrs.encrypt) {
			return where.refuse(name, ErrKeyNotPermitted, "CKA_ENCRYPT of the key is false")
		}
		rand.Read(iv[:])
		got, err := encrypt(t, b.handle, &iv, sealed)
		switch {
		case err != nil:
			return err
		case got != len(sealed):
			return where.refuse(name, ErrNotInteroperable,
				fmt.Sprintf("the token made %d bytes of %d where AES-GCM with a 128-bit tag makes %d", got, n, len(sealed)))
		case iv == [wire.AESIVLen]byte{}:
			return where.refuse(name, ErrNotInteroperable, "the token used an IV of zeros or did not say which it used")
		}
		return nil
	})
	if err != nil {
		return keyring.EncryptedDataKey{}, err
	}
	info := wire.AppendAESInfo(make([]byte, 0, wire.AESInfoLen(k.cfg.Name)), k.cfg.Name, iv[:])
	return keyring.EncryptedDataKey{ProviderID: k.cfg.Namespace, ProviderInfo: info, Ciphertext: sealed}, nil
}

// Unwrap opens a data key in the token. What is not of this key, or not of its shape, does not reach the token.
func (p *provider) Unwrap(ctx context.Context, r *keyring.Request, edk *keyring.EncryptedDataKey) ([]byte, error) {
	k := (*Keyring)(p)
	if edk.ProviderID != k.cfg.Namespace {
		return nil, &keyring.Skip{Reason: "provider id differs"}
	}
	stored, reason := wire.ParseAESInfo(edk.ProviderInfo, k.cfg.Name)
	if reason != "" {
		return nil, &keyring.Skip{Reason: reason}
	}
	n := r.Suite.WrappedKeyLen()
	if len(edk.Ciphertext) != n+wire.AESTagLen {
		return nil, k.where.refuse("unwrap", keyring.ErrShape, fmt.Sprintf("%d bytes instead of %d", len(edk.Ciphertext), n+wire.AESTagLen))
	}
	iv := [wire.AESIVLen]byte(stored)
	opened := make([]byte, len(edk.Ciphertext))
	err := k.use(ctx, "unwrap", func(t *token.Token, b *boundKey) error {
		where := place{k.where.module, t.Label(), k.where.key}
		if !b.attrs.allows(b.attrs.decrypt) {
			return where.refuse("unwrap", ErrKeyNotPermitted, "CKA_DECRYPT of the key is false")
		}
		k.unwraps.Add(1)
		got, err := t.Decrypt(ctx, b.handle, &iv, r.AAD, opened, edk.Ciphertext)
		if err != nil {
			return k.decryptError(ctx, t, where, err)
		}
		if got != n {
			return where.refuse("unwrap", ErrNotInteroperable, fmt.Sprintf("the token opened %d bytes to %d", len(opened), got))
		}
		return nil
	})
	if err != nil {
		clear(opened)
		return nil, err
	}
	clear(opened[n:])
	return opened[:n:n], nil
}
