package pkcs11

import (
	"context"
	"crypto/rsa"

	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/module"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/token"
	"github.com/signetkeys/signet/keyring/pkcs11/uri"
)

// KeyInfo describes a key on a token: a secret key, or the private half of a pair.
type KeyInfo struct {
	Label string
	ID    []byte
	Class KeyClass
	Type  string // "AES", "RSA"
	Bits  int    // 0 when the token does not tell
	// What the key may do. An attribute that the token does not tell counts as false here. A pair whose public half is known encrypts: that takes no token.
	Encrypt, Decrypt, Sensitive, Extractable bool

	Token, Serial string // of the token
	// Public is the public half of an RSA pair, nil when the private half does not tell it.
	Public *rsa.PublicKey
	// Dropped lists the template's optional attributes that the token refused when the key was generated.
	Dropped []string
}

// URI names the key without saying how to get there.
func (k *KeyInfo) URI() *uri.URI {
	u := &uri.URI{Path: []uri.Attribute{{Name: uri.Token, Value: k.Token}}}
	if k.Label != "" {
		u.Path = append(u.Path, uri.Attribute{Name: uri.Object, Value: k.Label})
	}
	if len(k.ID) > 0 {
		u.Path = append(u.Path, uri.Attribute{Name: uri.ID, Value: string(k.ID)})
	}
	u.Path = append(u.Path, uri.Attribute{Name: uri.Type, Value: k.Class.String()})
	return u
}

func (a *attributes) info(t *token.Token, class KeyClass) KeyInfo {
	var public *rsa.PublicKey
	if a.keyType == ck.KeyTypeRSA {
		public, _ = a.public()
	}
	return KeyInfo{Label: a.label, ID: a.id, Class: class, Public: public, Type: keyTypeName(a.keyType), Bits: a.bits(),
		Encrypt: is(a.encrypt, true) || class == PrivateKey && public != nil, Decrypt: is(a.decrypt, true), Sensitive: is(a.sensitive, true), Extractable: is(a.extractable, true),
		Token: t.Label(), Serial: t.Serial()}
}

// maxListed bounds ListKeys: reading one key costs several calls.
const maxListed = 10_000

// ListKeys returns the keys of cfg.Class on the token of cfg, in the order in which the token gives them. Of cfg.Key, what is set must match. It logs in.
func ListKeys(ctx context.Context, cfg Config) ([]KeyInfo, error) {
	return withToken(ctx, module.Process(), cfg, func(t *token.Token, where place) ([]KeyInfo, error) {
		selector := cfg.Key
		attrs, err := token.Do(ctx, t, func(m ck.Module, h ck.Session) ([]*attributes, error) {
			_, attrs, err := search(m, h, cfg.Class.object(), &selector, maxListed)
			return attrs, err
		})
		if err != nil {
			return nil, where.fail("list keys", err)
		}
		if len(attrs) == 0 { // nothing is also what a lost token answers
			if err := t.Probe(ctx, true); err != nil {
				return nil, where.unavailable("list keys", err, "the token does not answer")
			}
		}
		list := make([]KeyInfo, len(attrs))
		for i, a := range attrs {
			list[i] = a.info(t, cfg.Class)
		}
		return list, nil
	})
}

// withToken opens module and token of cfg for the time of fn.
func withToken[T any](ctx context.Context, r *module.Registry, cfg Config, fn func(*token.Token, place) (T, error)) (result T, err error) {
	if cfg.PIN == nil && cfg.PINSource != "" {
		return result, configError("the PIN source is set and PIN is not: pass a function that reads it")
	}
	mod, where, err := cfg.open(ctx, r)
	if err != nil {
		return result, err
	}
	where.key = ""
	defer mod.Close()
	t, err := token.Open(ctx, mod, cfg.selector(), cfg.PIN, token.Options{MaxSessions: cfg.MaxSessions})
	if err != nil {
		return result, where.fail("open token", err)
	}
	defer t.Release()
	where.token = t.Label()
	return fn(t, where)
}

// TokenInfo describes a slot with a token in it.
type TokenInfo struct {
	Label, Serial, Manufacturer, Model string
	Slot                               uint64
	Initialized                        bool
	LoginRequired                      bool
	UserPINSet                         bool
	// What the token says about wrong PINs since the last right one.
	PINCountLow, PINFinalTry, PINLocked bool
	MaxSessions                         int  // 0 means unlimited
	AESGCM                              bool // offers CKM_AES_GCM
	Library                             string
}

// ListTokens returns the slots of a module that hold a token, initialized or not, without logging in. A slot that does not say what
// is in it is left out. modulePath is absolute.
func ListTokens(ctx context.Context, modulePath string) ([]TokenInfo, error) {
	cfg := Config{ModulePath: modulePath}
	mod, where, err := cfg.open(ctx, module.Process())
	if err != nil {
		return nil, err
	}
	defer mod.Close()
	places, err := token.List(ctx, mod)
	if err != nil {
		return nil, where.fail("list tokens", err)
	}
	list := make([]TokenInfo, 0, len(places))
	for i := range places {
		p := &places[i]
		if p.Err != nil {
			continue
		}
		gcm, err := module.Call(ctx, mod, func(m ck.Module) (bool, error) {
			return token.Offers(m, p.Slot, ck.MechanismAESGCM, ck.FlagMechanismEncrypt|ck.FlagMechanismDecrypt)
		})
		flag := func(f uint) bool { return p.Info.Flags&f != 0 }
		list = append(list, TokenInfo{
			Label: p.Info.Label, Serial: p.Info.Serial, Manufacturer: p.Info.Manufacturer, Model: p.Info.Model, Slot: uint64(p.Slot),
			Initialized: flag(ck.FlagTokenInitialized), LoginRequired: flag(ck.FlagLoginRequired), UserPINSet: flag(ck.FlagUserPINInitialized),
			PINCountLow: flag(ck.FlagUserPINCountLow), PINFinalTry: flag(ck.FlagUserPINFinalTry), PINLocked: flag(ck.FlagUserPINLocked),
			MaxSessions: p.Info.SessionLimit(), AESGCM: err == nil && gcm, Library: p.Library.Description,
		})
	}
	return list, nil
}
