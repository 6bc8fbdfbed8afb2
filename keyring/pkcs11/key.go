package pkcs11

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/token"
	"github.com/signetkeys/signet/keyring/pkcs11/uri"
)

// boundKey is the key as it was found in one login.
type boundKey struct {
	handle token.Handle
	attrs  *attributes
	public *rsa.PublicKey // of an RSA pair
}

// attributes of a secret key, a private key or a public key. A nil pointer is an attribute that the token does not tell, which is not the same as false.
type attributes struct {
	label                                    string
	id                                       []byte
	keyType                                  uint
	bytes                                    uint   // of a secret key; 0 when not told
	modulus, exponent                        []byte // of RSA; nil when not told
	alwaysAuth                               *bool
	encrypt, decrypt, sensitive, extractable *bool
	wrap, unwrap                             *bool
	token, private                           *bool
	allowed                                  []uint // nil when not told or not limited
}

// allows reads a permission: one that is not told is left for the token to decide.
func (a *attributes) allows(flag *bool) bool { return flag == nil || *flag }

func is(flag *bool, want bool) bool { return flag != nil && *flag == want }

// refuse makes an *Error without a call that failed.
func (p place) refuse(op string, kind error, detail string) error {
	return &Error{Op: op, Kind: kind, Detail: detail, Module: p.module, Token: p.token, Key: p.key}
}

// maxMatches is how many matching keys are looked at: enough to tell one from several.
const maxMatches = 3

// search returns the attributes of the objects of a class that match, at most limit, with the objects.
func search(m ck.Module, h ck.Session, class uint, s *KeySelector, limit int) ([]ck.Object, []*attributes, error) {
	return searchBy(m, h, class, s.template(class), limit)
}

func (s *KeySelector) template(class uint) []ck.Attribute {
	template := []ck.Attribute{ck.Ulong(ck.AClass, class)}
	if s.Label != "" { // some HSMs refuse a search for an empty label
		template = append(template, ck.String(ck.ALabel, s.Label))
	}
	if len(s.ID) > 0 {
		template = append(template, ck.String(ck.AID, string(s.ID)))
	}
	return template
}

func searchBy(m ck.Module, h ck.Session, class uint, template []ck.Attribute, limit int) ([]ck.Object, []*attributes, error) {
	objects, err := m.FindObjects(h, template, limit)
	if err != nil {
		return nil, nil, err
	}
	attrs := make([]*attributes, len(objects))
	for i, o := range objects {
		if attrs[i], err = readAttributes(m, h, o, class); err != nil {
			return nil, nil, err
		}
	}
	return objects, attrs, nil
}

// readAttributes asks for one attribute at a time: modules give nothing at all when one of several is missing.
func readAttributes(m ck.Module, h ck.Session, o ck.Object, class uint) (*attributes, error) {
	var firstErr error
	read := func(typ uint) []byte {
		v, err := m.Attribute(h, o, typ)
		if code := ck.Code(err); err != nil && code != ck.RAttributeTypeInvalid && code != ck.RAttributeSensitive && firstErr == nil {
			firstErr = err
		}
		return v
	}
	flag := func(typ uint) *bool {
		if v, ok := ck.AsBool(read(typ)); ok {
			return &v
		}
		return nil
	}
	a := &attributes{label: string(read(ck.ALabel)), id: read(ck.AID), keyType: ^uint(0)}
	if v, ok := ck.AsUlong(read(ck.AKeyType)); ok {
		a.keyType = v
	}
	switch {
	case class == ck.ClassSecretKey:
		if v, ok := ck.AsUlong(read(ck.AValueLen)); ok {
			a.bytes = v
		}
	case a.keyType == ck.KeyTypeRSA:
		a.modulus, a.exponent = read(ck.AModulus), read(ck.APublicExponent)
	}
	if class != ck.ClassPrivateKey {
		a.encrypt, a.wrap = flag(ck.AEncrypt), flag(ck.AWrap)
	}
	if class == ck.ClassPublicKey {
		return a, firstErr
	}
	a.token, a.private = flag(ck.AToken), flag(ck.APrivate)
	a.decrypt, a.unwrap = flag(ck.ADecrypt), flag(ck.AUnwrap)
	a.sensitive, a.extractable = flag(ck.ASensitive), flag(ck.AExtractable)
	if class == ck.ClassPrivateKey {
		a.alwaysAuth = flag(ck.AAlwaysAuth)
	}
	if v, ok := ck.AsUlongs(read(ck.AAllowedMechanisms)); ok && len(v) > 0 {
		a.allowed = v
	}
	return a, firstErr
}

// describe names one of several matches.
func (a *attributes) describe() string {
	size := ""
	if n := a.bits(); n > 0 {
		size = fmt.Sprintf(" of %d bits", n)
	}
	return fmt.Sprintf("label %q, %s, %s%s", a.label,
		(&uri.URI{Path: []uri.Attribute{{Name: uri.ID, Value: string(a.id)}}}).KeyName(), keyTypeName(a.keyType), size)
}

// bits is the size of the key, 0 when the token does not tell.
func (a *attributes) bits() int {
	if a.modulus != nil {
		return new(big.Int).SetBytes(a.modulus).BitLen()
	}
	return int(a.bytes) * 8
}

func keyTypeName(t uint) string {
	switch t {
	case ck.KeyTypeAES:
		return "AES"
	case ck.KeyTypeRSA:
		return "RSA"
	case 0x03:
		return "EC"
	case 0x10:
		return "GENERIC-SECRET"
	case 0x13:
		return "DES2"
	case 0x15:
		return "DES3"
	}
	return fmt.Sprintf("CKK %#x", t)
}

// findOne looks the one key of a class up.
func findOne(ctx context.Context, t *token.Token, class uint, cfg *Config, where place) (token.Handle, *attributes, error) {
	const op = "find key"
	none := token.Handle{}
	type result struct {
		objects []ck.Object
		attrs   []*attributes
	}
	epoch := t.Epoch() // before the lookup: an epoch that begins meanwhile makes the handle stale, never wrong
	selector := cfg.Key
	r, err := token.Do(ctx, t, func(m ck.Module, h ck.Session) (result, error) {
		objects, attrs, err := search(m, h, class, &selector, maxMatches)
		return result{objects, attrs}, err
	})
	if err != nil {
		return none, nil, where.fail(op, err)
	}
	switch len(r.objects) {
	case 0:
		return none, nil, notFound(ctx, t, class, where)
	case 1:
		return token.Handle{Object: r.objects[0], Epoch: epoch}, r.attrs[0], nil
	}
	return none, nil, ambiguous(r.attrs, where)
}

// ambiguous lists the keys that match.
func ambiguous(attrs []*attributes, where place) error {
	list := make([]string, len(attrs))
	for i, a := range attrs {
		list[i] = a.describe()
	}
	if len(list) == maxMatches {
		list[maxMatches-1] = "and more"
	}
	return where.refuse("find key", ErrKeyAmbiguous, strings.Join(list, "; ")+": select by object and id together")
}

// findAES looks the one secret key up and verifies that it is fit to wrap data keys.
func findAES(ctx context.Context, t *token.Token, cfg *Config, where place) (*boundKey, error) {
	const op = "find key"
	handle, a, err := findOne(ctx, t, ck.ClassSecretKey, cfg, where)
	if err != nil {
		return nil, err
	}
	if err := a.verifyAES(cfg, where); err != nil {
		return nil, err
	}
	offered, err := t.Offers(ctx, ck.MechanismAESGCM, ck.FlagMechanismEncrypt|ck.FlagMechanismDecrypt)
	if err != nil {
		return nil, where.fail(op, err)
	}
	if !offered {
		return nil, where.refuse(op, ErrMechanismUnsupported, "the token does not offer CKM_AES_GCM, which an AES wrapping key needs: "+
			"enable it in the token's policy (slots.mechanisms of SoftHSM), or use a key on a token that has it")
	}
	return &boundKey{handle: handle, attrs: a}, nil
}

// notFound tells a key that is not there from a token that cannot say. Modules answer a search with nothing at all when their token is gone or somebody
// logged out.
func notFound(ctx context.Context, t *token.Token, class uint, where place) error {
	const op = "find key"
	if err := t.Probe(ctx, true); err != nil {
		return where.unavailable(op, err, "no key was found and the token does not answer")
	}
	in, err := t.LoggedIn(ctx)
	if err != nil {
		return where.unavailable(op, err, "no key was found and the token does not say whether the login lasts")
	}
	if !in {
		return where.refuse(op, ErrDeviceUnavailable, "the login is gone: other code of this process logged out")
	}
	if class == ck.ClassPrivateKey {
		return where.refuse(op, ErrKeyNotFound, "no private key on the token has this label and id")
	}
	return where.refuse(op, ErrKeyNotFound, "no secret key on the token has this label and id")
}

// unavailable is fail for a token that does not answer, whatever code it chose.
func (p place) unavailable(op string, err error, detail string) error {
	e := p.fail(op, err)
	var typed *Error
	if errors.As(e, &typed) && typed.Err == nil && typed.Kind != ErrDeviceHung {
		typed.Kind = ErrDeviceUnavailable
		if typed.Detail == "" {
			typed.Detail = detail
		}
	}
	return e
}

func (a *attributes) verifyAES(cfg *Config, where place) error {
	const op = "verify key"
	switch {
	case a.keyType != ck.KeyTypeAES:
		return where.refuse(op, errUnsupported, fmt.Sprintf("CKA_KEY_TYPE is %s, not AES", keyTypeName(a.keyType)))
	case a.bytes != 0 && a.bytes != 16 && a.bytes != 24 && a.bytes != 32:
		return where.refuse(op, errUnsupported, fmt.Sprintf("CKA_VALUE_LEN is %d, not 16, 24 or 32", a.bytes))
	case a.allowed != nil && !slices.Contains(a.allowed, ck.MechanismAESGCM):
		return where.refuse(op, ErrMechanismUnsupported, "CKA_ALLOWED_MECHANISMS of the key does not list CKM_AES_GCM")
	case is(a.encrypt, false) && is(a.decrypt, false):
		return where.refuse(op, ErrKeyNotPermitted, "CKA_ENCRYPT and CKA_DECRYPT of the key are both false")
	}
	return a.verifyStays(cfg, where)
}

// verifyStays refuses a key that the token would give out.
func (a *attributes) verifyStays(cfg *Config, where place) error {
	const op = "verify key"
	switch {
	case cfg.AllowExtractable:
	case is(a.extractable, true):
		return where.refuse(op, ErrKeyExtractable, "CKA_EXTRACTABLE is true: make a key that is not, or allow it in the configuration")
	case is(a.sensitive, false):
		return where.refuse(op, ErrKeyExtractable, "CKA_SENSITIVE is false: make a key that is, or allow it in the configuration")
	}
	return nil
}

// decryptError decides what a failed decrypt says about: the data or the token. Tokens use the same codes for both, so the token is asked.
func (k *Keyring) decryptError(ctx context.Context, t *token.Token, where place, err error) error {
	var call *ck.Error
	if !errors.As(err, &call) {
		return err
	}
	class := token.Classify(err)
	if class == token.ClassUnclear && call.Func == "C_Decrypt" {
		if probe := t.Probe(ctx, false); probe != nil {
			return where.unavailable("unwrap", probe, "the token does not answer")
		}
		class = token.ClassData
	}
	if class == token.ClassData {
		return &Error{Op: "unwrap", Kind: keyring.ErrDidNotOpen, Function: call.Func, Code: call.Code, Module: where.module, Token: where.token, Key: where.key}
	}
	return err
}
