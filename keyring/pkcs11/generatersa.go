package pkcs11

import (
	"context"
	"math/big"
	"slices"

	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/module"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/token"
)

// GenerateRSAKey makes an RSA pair inside the token. The private half never leaves it, can only decrypt with RSA-OAEP, and cannot be changed; the
// public half can be read without a login and only encrypts; its exponent is 65537. Both are read back and verified, and both are destroyed
// again when the token made something else. The rest is as in [GenerateKey], but cfg.Class does not matter. It takes the token seconds.
func GenerateRSAKey(ctx context.Context, cfg Config, o GenerateOptions) (*KeyInfo, error) {
	return generateRSAKey(ctx, module.Process(), cfg, o)
}

func generateRSAKey(ctx context.Context, r *module.Registry, cfg Config, o GenerateOptions) (*KeyInfo, error) {
	if o.Bits == 0 {
		o.Bits = 3072
	}
	if o.Bits < minEncryptBits || o.Bits > 8192 || o.Bits%256 != 0 {
		return nil, configError("an RSA key has 2048 to 8192 bits in steps of 256, not %d", o.Bits)
	}
	return generateWith(ctx, r, cfg, o, generatePair)
}

const publicExponent = 65537

// generatePair runs in one session and owns what it touches.
func generatePair(m ck.Module, h ck.Session, t *token.Token, o GenerateOptions, where place) (*KeyInfo, error) {
	const op = "generate key"
	if same, err := twin(m, h, o); err != nil {
		return nil, where.fail(op, err)
	} else if same != nil {
		return nil, where.refuse(op, ErrKeyExists, same.describe())
	}
	var public, private ck.Object
	publicTemplate, privateTemplate, optional := pairTemplates(o)
	dropped, err := dropping(optional, func(kept []namedAttributes) (err error) {
		fullPublic, fullPrivate := slices.Clone(publicTemplate), slices.Clone(privateTemplate)
		for _, n := range kept {
			fullPublic, fullPrivate = append(fullPublic, n.public...), append(fullPrivate, n.attrs...)
		}
		public, private, err = m.GenerateKeyPair(h, ck.MechanismRSAKeyGen, fullPublic, fullPrivate)
		return err
	})
	if err != nil {
		return nil, where.generateError(op, err)
	}
	a, err := readPair(m, h, o, public, private)
	if err == nil {
		var same *attributes // as in generate
		if same, err = twin(m, h, o, public, private); same != nil {
			err = where.refuse(op, ErrKeyExists, same.describe()+", made meanwhile")
		}
	}
	if err != nil {
		return nil, where.fail(op, destroy(m, h, err, private, public))
	}
	info := a.info(t, PrivateKey)
	info.Encrypt, info.Dropped = true, dropped
	return &info, nil
}

// pairTemplates: a private key that can unwrap could bring foreign keys into the token, and one that signs could be made to decrypt. Some tokens want
// CKA_SIGN and CKA_VERIFY to agree, so they are dropped together. See template.
func pairTemplates(o GenerateOptions) (public, private []ck.Attribute, optional []namedAttributes) {
	public = []ck.Attribute{
		ck.Ulong(ck.AClass, ck.ClassPublicKey), ck.Ulong(ck.AKeyType, ck.KeyTypeRSA), ck.Ulong(ck.AModulusBits, uint(o.Bits)),
		ck.String(ck.APublicExponent, string(big.NewInt(publicExponent).Bytes())), ck.Bool(ck.AToken, true), ck.Bool(ck.APrivate, false),
		ck.Bool(ck.AEncrypt, true), ck.Bool(ck.AWrap, false),
		ck.String(ck.ALabel, o.Label), ck.String(ck.AID, string(o.ID)),
	}
	private = []ck.Attribute{
		ck.Ulong(ck.AClass, ck.ClassPrivateKey), ck.Ulong(ck.AKeyType, ck.KeyTypeRSA), ck.Bool(ck.AToken, true), ck.Bool(ck.APrivate, true),
		ck.Bool(ck.ASensitive, true), ck.Bool(ck.AExtractable, false), ck.Bool(ck.ADecrypt, true), ck.Bool(ck.AUnwrap, false),
		ck.String(ck.ALabel, o.Label), ck.String(ck.AID, string(o.ID)),
	}
	optional = []namedAttributes{
		{name: "CKA_ALLOWED_MECHANISMS", attrs: []ck.Attribute{ck.Ulong(ck.AAllowedMechanisms, ck.MechanismRSAOAEP)}},
		{name: "CKA_MODIFIABLE", attrs: []ck.Attribute{ck.Bool(ck.AModifiable, false)}},
		{name: "CKA_SIGN, CKA_VERIFY, CKA_ALWAYS_AUTHENTICATE",
			attrs:  []ck.Attribute{ck.Bool(ck.ASign, false), ck.Bool(ck.AAlwaysAuth, false)},
			public: []ck.Attribute{ck.Bool(ck.AVerify, false)}},
	}
	return public, private, optional
}

// readPair compares what the token made with what was asked for. It returns the attributes of the private half, with the public half.
func readPair(m ck.Module, h ck.Session, o GenerateOptions, public, private ck.Object) (*attributes, error) {
	pub, err := readAttributes(m, h, public, ck.ClassPublicKey)
	if err != nil {
		return nil, err
	}
	a, err := readAttributes(m, h, private, ck.ClassPrivateKey)
	if err != nil {
		return nil, err
	}
	key, err := pub.public()
	if err != nil {
		return nil, err
	}
	err = notAsAsked(map[string]bool{
		"CKA_LABEL":           a.label != o.Label || pub.label != o.Label,
		"CKA_ID":              string(a.id) != string(o.ID) || string(pub.id) != string(o.ID),
		"CKA_KEY_TYPE":        a.keyType != ck.KeyTypeRSA || pub.keyType != ck.KeyTypeRSA,
		"CKA_MODULUS_BITS":    key.N.BitLen() != o.Bits,
		"CKA_MODULUS":         a.modulus != nil && new(big.Int).SetBytes(a.modulus).Cmp(key.N) != 0,
		"CKA_PUBLIC_EXPONENT": key.E != publicExponent,
		"CKA_SENSITIVE":       !is(a.sensitive, true),
		"CKA_EXTRACTABLE":     !is(a.extractable, false),
		"CKA_ENCRYPT":         !is(pub.encrypt, true),
		"CKA_DECRYPT":         !is(a.decrypt, true),
		"CKA_WRAP":            is(pub.wrap, true),
		"CKA_UNWRAP":          is(a.unwrap, true),
		"CKA_TOKEN":           is(a.token, false),
		"CKA_PRIVATE":         is(a.private, false),
	})
	a.modulus, a.exponent = pub.modulus, pub.exponent
	return a, err
}
