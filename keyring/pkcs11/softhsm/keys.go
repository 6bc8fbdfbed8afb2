package softhsm

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

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
}

// ImportAES puts key bytes on the token with the given serial, so that the same key exists outside of it, which is what tests of
// interoperability need and what nothing else should want. It checks nothing: two keys may have one label.
func ImportAES(ctx context.Context, serial string, pin []byte, label string, key []byte, o *KeyOptions) error {
	if o == nil {
		o = new(KeyOptions)
	}
	id := o.ID
	if len(id) == 0 {
		id = make([]byte, 16)
		rand.Read(id)
	}
	keyType := ck.KeyTypeAES
	if o.Generic {
		keyType = 0x10 // CKK_GENERIC_SECRET
	}
	template := []ck.Attribute{
		ck.Ulong(ck.AClass, ck.ClassSecretKey), ck.Ulong(ck.AKeyType, keyType), ck.String(ck.AValue, string(key)),
		ck.Bool(ck.AToken, true), ck.Bool(ck.APrivate, true), ck.Bool(ck.ASensitive, !o.Extractable), ck.Bool(ck.AExtractable, o.Extractable),
		ck.Bool(ck.AEncrypt, !o.NoEncrypt), ck.Bool(ck.ADecrypt, !o.NoDecrypt), ck.Bool(ck.AWrap, false), ck.Bool(ck.AUnwrap, false),
		ck.String(ck.ALabel, label), ck.String(ck.AID, string(id)),
	}
	if o.Mechanisms != nil {
		template = append(template, ck.Ulong(ck.AAllowedMechanisms, o.Mechanisms...))
	}
	return session(ctx, serial, pin, func(m ck.Module, h ck.Session) error {
		_, err := m.CreateObject(h, template)
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
