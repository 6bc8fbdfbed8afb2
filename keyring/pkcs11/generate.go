package pkcs11

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/module"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/token"
)

// GenerateOptions says which key to make.
type GenerateOptions struct {
	Label string // empty means the label of Config.Key
	ID    []byte // empty means the id of Config.Key, and without one 16 random bytes
	Bits  int    // of an AES key 128, 192 or 256, and 0 means 256; of an RSA key 2048 to 8192 in steps of 256, and 0 means 3072
}

const maxLabel = 255 // bytes; no standard limit, but tokens have them

// GenerateKey makes an AES wrapping key inside the token: it never leaves it, can only encrypt and decrypt with AES-GCM, and cannot be
// changed. The key is read back, verified, and destroyed again when the token made something else. A key with the same label or id, of whatever
// class, must not exist (ErrKeyExists). cfg.Class must be SecretKey.
//
// It is not retried. When ctx ends while the token works, the key may come into being nevertheless.
func GenerateKey(ctx context.Context, cfg Config, o GenerateOptions) (*KeyInfo, error) {
	return generateKey(ctx, module.Process(), cfg, o)
}

func generateKey(ctx context.Context, r *module.Registry, cfg Config, o GenerateOptions) (*KeyInfo, error) {
	if cfg.Class != SecretKey {
		return nil, configError("type=%s names an RSA key, and this makes an AES key", cfg.Class)
	}
	if o.Bits == 0 {
		o.Bits = 256
	}
	if o.Bits != 128 && o.Bits != 192 && o.Bits != 256 {
		return nil, configError("an AES key has 128, 192 or 256 bits, not %d", o.Bits)
	}
	return generateWith(ctx, r, cfg, o, generate)
}

// generateWith completes the options and runs fn in a session that can make keys.
func generateWith(ctx context.Context, r *module.Registry, cfg Config, o GenerateOptions,
	fn func(ck.Module, ck.Session, *token.Token, GenerateOptions, place) (*KeyInfo, error)) (*KeyInfo, error) {
	if o.Label == "" {
		o.Label = cfg.Key.Label
	}
	if len(o.ID) == 0 {
		o.ID = cfg.Key.ID
	}
	id := append([]byte(nil), o.ID...)
	if len(id) == 0 {
		id = make([]byte, 16)
		rand.Read(id)
	}
	o.ID = id
	switch {
	case o.Label == "":
		return nil, configError("a new key needs a label")
	case !utf8.ValidString(o.Label) || len(o.Label) > maxLabel || len(o.ID) > maxLabel:
		return nil, configError("label and id have at most %d bytes, and the label is UTF-8", maxLabel)
	}
	return withToken(ctx, r, cfg, func(t *token.Token, where place) (*KeyInfo, error) {
		where.key = o.Label
		info, err := token.DoReadWrite(ctx, t, func(m ck.Module, h ck.Session) (*KeyInfo, error) { return fn(m, h, t, o, where) })
		if err != nil {
			return nil, where.fail("generate key", err)
		}
		return info, nil
	})
}

// generate runs in one session and owns what it touches.
func generate(m ck.Module, h ck.Session, t *token.Token, o GenerateOptions, where place) (*KeyInfo, error) {
	const op = "generate key"
	if same, err := twin(m, h, o); err != nil {
		return nil, where.fail(op, err)
	} else if same != nil {
		return nil, where.refuse(op, ErrKeyExists, same.describe())
	}
	object, dropped, err := generateWithTemplate(m, h, o)
	if err != nil {
		return nil, where.generateError(op, err)
	}
	a, err := readAttributes(m, h, object, ck.ClassSecretKey)
	if err == nil {
		err = a.check(o)
	}
	if err == nil {
		// Two programs that generate at once do not see each other before.
		var same *attributes
		if same, err = twin(m, h, o, object); same != nil {
			err = where.refuse(op, ErrKeyExists, same.describe()+", made meanwhile")
		}
	}
	if err != nil {
		return nil, where.fail(op, destroy(m, h, err, object))
	}
	info := a.info(t, SecretKey)
	info.Dropped = dropped
	return &info, nil
}

// destroy destroys what should not have been made and returns why, with what could not be destroyed.
func destroy(m ck.Module, h ck.Session, why error, objects ...ck.Object) error {
	for _, o := range objects {
		if err := m.DestroyObject(h, o); err != nil {
			why = fmt.Errorf("%w; destroy it by hand, because that failed: %w", why, err)
		}
	}
	return why
}

// twin returns a key other than own that has the label or the id.
func twin(m ck.Module, h ck.Session, o GenerateOptions, own ...ck.Object) (*attributes, error) {
	for _, class := range []uint{ck.ClassSecretKey, ck.ClassPrivateKey, ck.ClassPublicKey} {
		for _, s := range []KeySelector{{Label: o.Label}, {ID: o.ID}} {
			objects, attrs, err := search(m, h, class, &s, len(own)+1)
			if err != nil {
				return nil, err
			}
			for i := range objects {
				if !slices.Contains(own, objects[i]) {
					return attrs[i], nil
				}
			}
		}
	}
	return nil, nil
}

func (p place) generateError(op string, err error) error {
	e := p.fail(op, err)
	var typed *Error
	if errors.As(e, &typed) && ck.Code(err) == ck.RGeneralError {
		typed.Detail = "the token may be read-only for this user, full, or gone"
	}
	return e
}

// template of an AES wrapping key. A key that can wrap keys could be used with decrypt to read other keys of the token, so it can
// not. The attributes from optional on may be refused by a token; SENSITIVE, EXTRACTABLE and PRIVATE never are optional.
func template(o GenerateOptions) (required []ck.Attribute, optional []namedAttributes) {
	required = []ck.Attribute{
		ck.Ulong(ck.AClass, ck.ClassSecretKey), ck.Ulong(ck.AKeyType, ck.KeyTypeAES), ck.Ulong(ck.AValueLen, uint(o.Bits/8)),
		ck.Bool(ck.AToken, true), ck.Bool(ck.APrivate, true), ck.Bool(ck.ASensitive, true), ck.Bool(ck.AExtractable, false),
		ck.Bool(ck.AEncrypt, true), ck.Bool(ck.ADecrypt, true), ck.Bool(ck.AWrap, false), ck.Bool(ck.AUnwrap, false),
		ck.String(ck.ALabel, o.Label), ck.String(ck.AID, string(o.ID)),
	}
	optional = []namedAttributes{
		{name: "CKA_ALLOWED_MECHANISMS", attrs: []ck.Attribute{ck.Ulong(ck.AAllowedMechanisms, ck.MechanismAESGCM)}},
		{name: "CKA_MODIFIABLE", attrs: []ck.Attribute{ck.Bool(ck.AModifiable, false)}},
		{name: "CKA_SIGN, CKA_VERIFY, CKA_DERIVE", attrs: []ck.Attribute{ck.Bool(ck.ASign, false), ck.Bool(ck.AVerify, false), ck.Bool(ck.ADerive, false)}},
	}
	return required, optional
}

type namedAttributes struct {
	name   string
	attrs  []ck.Attribute
	public []ck.Attribute // of the public half of a pair
}

func generateWithTemplate(m ck.Module, h ck.Session, o GenerateOptions) (object ck.Object, dropped []string, err error) {
	required, optional := template(o)
	dropped, err = dropping(optional, func(kept []namedAttributes) error {
		full := slices.Clone(required)
		for _, n := range kept {
			full = append(full, n.attrs...)
		}
		object, err = m.GenerateKey(h, ck.MechanismAESKeyGen, full)
		return err
	})
	return object, dropped, err
}

// dropping calls generate, without optional attributes in their order as long as the token objects to the template. It returns which. To the first of
// them, CKA_ALLOWED_MECHANISMS, NSS objects with CKR_GENERAL_ERROR.
func dropping(optional []namedAttributes, generate func(kept []namedAttributes) error) ([]string, error) {
	var dropped []string
	for {
		err := generate(optional)
		objects := false
		switch ck.Code(err) {
		case ck.RTemplateInconsistent, ck.RAttributeTypeInvalid, ck.RAttributeValueInvalid:
			objects = len(optional) > 0
		case ck.RGeneralError:
			objects = len(optional) > 0 && len(dropped) == 0
		}
		if !objects {
			return dropped, err
		}
		dropped = append(dropped, optional[0].name)
		optional = optional[1:]
	}
}

// check compares what the token made with what was asked for.
func (a *attributes) check(o GenerateOptions) error {
	return notAsAsked(map[string]bool{
		"CKA_LABEL": a.label != o.Label, "CKA_ID": string(a.id) != string(o.ID), "CKA_KEY_TYPE": a.keyType != ck.KeyTypeAES,
		"CKA_VALUE_LEN": a.bytes != 0 && a.bytes != uint(o.Bits/8), "CKA_SENSITIVE": !is(a.sensitive, true),
		"CKA_EXTRACTABLE": !is(a.extractable, false), "CKA_ENCRYPT": !is(a.encrypt, true), "CKA_DECRYPT": !is(a.decrypt, true),
		"CKA_WRAP": is(a.wrap, true), "CKA_UNWRAP": is(a.unwrap, true), "CKA_TOKEN": is(a.token, false), "CKA_PRIVATE": is(a.private, false),
	})
}

func notAsAsked(attributes map[string]bool) error {
	var wrong []string
	for name, bad := range attributes {
		if bad {
			wrong = append(wrong, name)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return fmt.Errorf("the token made a key whose %s is not as asked for", strings.Join(wrong, ", "))
}
