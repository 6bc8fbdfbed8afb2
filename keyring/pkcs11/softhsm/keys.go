package softhsm

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/module"
)

// KeyOptions change the attributes of an imported key; nil means a wrapping key as package pkcs11 generates it: not extractable, sensitive, for
// encrypting and decrypting.
type KeyOptions struct {
	ID          []byte // empty means 16 random bytes
	NoEncrypt   bool
	NoDecrypt   bool
	Extractable bool // the token would give the key out
	// Mechanisms limits the key to these mechanism numbers; nil leaves it unlimited.
	Mechanisms []uint
	// Generic makes a generic secret instead of an AES key.
	Generic bool

	// NoPublic and NoPrivate leave half of an RSA pair out; HidePublic makes the public half readable after a login only.
	NoPublic, NoPrivate, HidePublic bool
	// PublicLabel is another label for the public half.
	PublicLabel string
	// AlwaysAuthenticate makes an RSA key that wants the PIN for every use.
	AlwaysAuthenticate bool
}

// orNew returns o, or the default, with an ID.
func (o *KeyOptions) orNew() KeyOptions {
	if o == nil {
		o = new(KeyOptions)
	}
	c := *o
	if len(c.ID) == 0 {
		c.ID = make([]byte, 16)
		rand.Read(c.ID)
	}
	return c
}

// ImportAES puts key bytes on the token with the given serial, so that the same key exists outside of it, which is what tests of
// interoperability need and what nothing else should want. It checks nothing: two keys may have one label.
func ImportAES(ctx context.Context, serial string, pin []byte, label string, key []byte, opts *KeyOptions) error {
	o := opts.orNew()
	keyType := ck.KeyTypeAES
	if o.Generic {
		keyType = 0x10 // CKK_GENERIC_SECRET
	}
	template := []ck.Attribute{
		ck.Ulong(ck.AClass, ck.ClassSecretKey), ck.Ulong(ck.AKeyType, keyType), ck.String(ck.AValue, string(key)),
		ck.Bool(ck.AToken, true), ck.Bool(ck.APrivate, true), ck.Bool(ck.ASensitive, !o.Extractable), ck.Bool(ck.AExtractable, o.Extractable),
		ck.Bool(ck.AEncrypt, !o.NoEncrypt), ck.Bool(ck.ADecrypt, !o.NoDecrypt), ck.Bool(ck.AWrap, false), ck.Bool(ck.AUnwrap, false),
		ck.String(ck.ALabel, label), ck.String(ck.AID, string(o.ID)),
	}
	if o.Mechanisms != nil {
		template = append(template, ck.Ulong(ck.AAllowedMechanisms, o.Mechanisms...))
	}
	return session(ctx, serial, pin, func(m ck.Module, h ck.Session) error {
		_, err := m.CreateObject(h, template)
		return err
	})
}

// ImportRSA puts an RSA pair of two primes on the token with the given serial, both halves under one label and id, as ImportAES does with AES keys. The
// key must have been made or validated by crypto/rsa.
func ImportRSA(ctx context.Context, serial string, pin []byte, label string, key *rsa.PrivateKey, opts *KeyOptions) error {
	if len(key.Primes) != 2 {
		return errors.New("softhsm: an RSA key of two primes is required")
	}
	o := opts.orNew()
	number := func(typ uint, n *big.Int) ck.Attribute { return ck.String(typ, string(n.Bytes())) }
	one := big.NewInt(1)
	p, q := key.Primes[0], key.Primes[1]
	common := []ck.Attribute{ck.Ulong(ck.AKeyType, ck.KeyTypeRSA), ck.Bool(ck.AToken, true), ck.String(ck.AID, string(o.ID)),
		number(ck.AModulus, key.N), number(ck.APublicExponent, big.NewInt(int64(key.E)))}
	publicLabel := label
	if o.PublicLabel != "" {
		publicLabel = o.PublicLabel
	}
	public := append(slices.Clone(common), ck.Ulong(ck.AClass, ck.ClassPublicKey), ck.String(ck.ALabel, publicLabel), ck.Bool(ck.APrivate, o.HidePublic),
		ck.Bool(ck.AEncrypt, !o.NoEncrypt), ck.Bool(ck.AWrap, false), ck.Bool(ck.AVerify, false))
	private := append(slices.Clone(common), ck.Ulong(ck.AClass, ck.ClassPrivateKey), ck.String(ck.ALabel, label), ck.Bool(ck.APrivate, true),
		ck.Bool(ck.ASensitive, !o.Extractable), ck.Bool(ck.AExtractable, o.Extractable), ck.Bool(ck.ADecrypt, !o.NoDecrypt),
		ck.Bool(ck.AUnwrap, false), ck.Bool(ck.ASign, false), ck.Bool(ck.AAlwaysAuth, o.AlwaysAuthenticate),
		number(ck.APrivateExponent, key.D), number(ck.APrime1, p), number(ck.APrime2, q),
		number(ck.AExponent1, new(big.Int).Mod(key.D, new(big.Int).Sub(p, one))), number(ck.AExponent2, new(big.Int).Mod(key.D, new(big.Int).Sub(q, one))),
		number(ck.ACoefficient, new(big.Int).ModInverse(q, p)))
	if o.Mechanisms != nil {
		private = append(private, ck.Ulong(ck.AAllowedMechanisms, o.Mechanisms...))
	}
	return session(ctx, serial, pin, func(m ck.Module, h ck.Session) error {
		if !o.NoPublic {
			if _, err := m.CreateObject(h, public); err != nil {
				return err
			}
		}
		if o.NoPrivate {
			return nil
		}
		_, err := m.CreateObject(h, private)
		return err
	})
}

// DeleteKeys destroys every secret key with the label on the token with the given serial and returns how many there were.
func DeleteKeys(ctx context.Context, serial string, pin []byte, label string) (int, error) {
	n := 0
	err := session(ctx, serial, pin, func(m ck.Module, h ck.Session) error {
		objects, err := m.FindObjects(h, []ck.Attribute{ck.Ulong(ck.AClass, ck.ClassSecretKey), ck.String(ck.ALabel, label)}, 1000)
		if err != nil {
			return err
		}
		for _, o := range objects {
			if err := m.DestroyObject(h, o); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// session runs fn in a read-write session of its own, logged in.
func session(ctx context.Context, serial string, pin []byte, fn func(ck.Module, ck.Session) error) error {
	path, err := Module()
	if err != nil {
		return err
	}
	return with(ctx, path, func(m *module.Module) error {
		_, err := module.Exclusive(ctx, m, func() (struct{}, error) { return struct{}{}, inSession(m, serial, pin, fn) })
		return err
	})
}

func inSession(m *module.Module, serial string, pin []byte, fn func(ck.Module, ck.Session) error) error {
	slots, err := m.Raw().SlotList()
	if err != nil {
		return err
	}
	for _, s := range slots {
		info, err := m.Raw().TokenInfo(s)
		if err != nil || info.Serial != serial {
			continue
		}
		h, err := m.OpenSession(s, true)
		if err != nil {
			return err
		}
		defer m.CloseSession(h)
		if err := m.LoginAs(h, ck.User, pin); err != nil && ck.Code(err) != ck.RUserAlreadyLoggedIn {
			return err
		}
		return fn(m.Raw(), h)
	}
	return errors.Join(fmt.Errorf("softhsm: no token with serial %s", serial), signet.ErrNotFound)
}
