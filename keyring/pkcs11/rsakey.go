package pkcs11

import (
	"context"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/token"
)

// Sizes of RSA keys that data keys are opened with.
const (
	minDecryptBits = 1024 // crypto/rsa refuses less
	maxRSABits     = token.MaxRSA * 8
)

// checkPublic says why a public key is not used, or "".
func checkPublic(pub *rsa.PublicKey) string {
	switch {
	case pub.N == nil || pub.N.Sign() <= 0 || pub.N.Bit(0) == 0:
		return "the modulus is not a positive odd number"
	case pub.N.BitLen() < minDecryptBits || pub.N.BitLen() > maxRSABits:
		return fmt.Sprintf("%d bits; %d to %d are supported", pub.N.BitLen(), minDecryptBits, maxRSABits)
	case pub.E < 3 || pub.E&1 == 0 || pub.E > math.MaxInt32:
		return "the public exponent is not an odd number from 3 to 2^31-1"
	}
	return ""
}

func clonePublic(pub *rsa.PublicKey) *rsa.PublicKey {
	return &rsa.PublicKey{N: new(big.Int).Set(pub.N), E: pub.E}
}

var errNotTold = errors.New("the token does not tell modulus and public exponent")

// public returns the public half that the attributes of either half tell.
func (a *attributes) public() (*rsa.PublicKey, error) {
	if len(a.modulus) == 0 || len(a.exponent) == 0 {
		return nil, errNotTold
	}
	e := new(big.Int).SetBytes(a.exponent)
	if e.BitLen() > 31 {
		return nil, errors.New("the public exponent is not an odd number from 3 to 2^31-1")
	}
	pub := &rsa.PublicKey{N: new(big.Int).SetBytes(a.modulus), E: int(e.Int64())}
	if reason := checkPublic(pub); reason != "" {
		return nil, errors.New(reason)
	}
	return pub, nil
}

// object is the object class of the standard.
func (c KeyClass) object() uint {
	switch c {
	case PrivateKey:
		return ck.ClassPrivateKey
	case PublicKey:
		return ck.ClassPublicKey
	}
	return ck.ClassSecretKey
}

// candidate is a public half on the token, and where it was.
type candidate struct {
	pub  *rsa.PublicKey
	from *attributes
}

// publicObjects returns the public keys that a template matches, without those that are not RSA or not used. Twice the same key counts once.
func publicObjects(m ck.Module, h ck.Session, template []ck.Attribute) ([]candidate, error) {
	_, attrs, err := searchBy(m, h, ck.ClassPublicKey, template, maxMatches)
	if err != nil {
		return nil, err
	}
	var found []candidate
	for _, a := range attrs {
		if pub, err := a.public(); err == nil {
			found = add(found, candidate{pub, a})
		}
	}
	return found, nil
}

// certificates returns the keys of the X.509 certificates that a selector matches. Only the key is looked at.
func certificates(m ck.Module, h ck.Session, s *KeySelector) ([]candidate, error) {
	objects, err := m.FindObjects(h, s.template(ck.ClassCertificate), maxMatches)
	if err != nil {
		return nil, err
	}
	var found []candidate
	for _, o := range objects {
		der, err := m.Attribute(h, o, ck.AValue)
		if err != nil {
			continue // an attribute certificate, or one that is only a URL
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			continue
		}
		if pub, ok := cert.PublicKey.(*rsa.PublicKey); ok && checkPublic(pub) == "" {
			found = add(found, candidate{pub, &attributes{label: s.Label, id: s.ID, keyType: ck.KeyTypeRSA, modulus: pub.N.Bytes()}})
		}
	}
	return found, nil
}

func add(list []candidate, c candidate) []candidate {
	if slices.ContainsFunc(list, func(other candidate) bool { return other.pub.Equal(c.pub) }) {
		return list
	}
	return append(list, c)
}

// lookUpPublic returns the public half that can be had without a login. It is looked up once.
func (k *Keyring) lookUpPublic(ctx context.Context) (*rsa.PublicKey, error) {
	const op = "find key"
	if k.cfg.Public != nil {
		return k.cfg.Public, nil
	}
	if pub := k.public.Load(); pub != nil {
		return pub, nil
	}
	selector := k.cfg.Key
	k.lookups.Add(1)
	found, label, err := token.Peek(ctx, k.mod, k.cfg.selector(), func(m ck.Module, h ck.Session) ([]candidate, error) {
		found, err := publicObjects(m, h, selector.template(ck.ClassPublicKey))
		if err != nil || len(found) > 0 {
			return found, err
		}
		return certificates(m, h, &selector)
	})
	where := k.where
	if label != "" {
		where.token = label
	}
	switch {
	case err != nil:
		return nil, where.fail(op, err)
	case len(found) == 0:
		return nil, where.refuse(op, ErrKeyNotFound, "no RSA public key and no certificate with this label and id can be read without a PIN")
	case len(found) > 1:
		attrs := make([]*attributes, len(found))
		for i := range found {
			attrs[i] = found[i].from
		}
		return nil, ambiguous(attrs, where)
	case is(found[0].from.encrypt, false):
		return nil, where.refuse(op, ErrKeyNotPermitted, "CKA_ENCRYPT of the public key is false")
	}
	k.public.Store(found[0].pub)
	return found[0].pub, nil
}

// findRSA looks the private key up, verifies that it is fit to open data keys, finds its public half, and proves both with a data key of its own
// making.
func findRSA(ctx context.Context, t *token.Token, cfg *Config, where place) (*boundKey, error) {
	handle, a, err := findOne(ctx, t, ck.ClassPrivateKey, cfg, where)
	if err != nil {
		return nil, err
	}
	if err := a.verifyRSA(cfg, where); err != nil {
		return nil, err
	}
	pub, err := pair(ctx, t, a, cfg.Public, where)
	if err != nil {
		return nil, err
	}
	if pub.Size() < cfg.Padding.overhead()+dataKeyLen {
		return nil, where.refuse("verify key", errUnsupported, fmt.Sprintf("an RSA key of %d bits cannot hold a data key with %s", pub.N.BitLen(), cfg.Padding))
	}
	b := &boundKey{handle: handle, attrs: a, public: pub}
	if err := b.prove(ctx, t, cfg.Padding, where); err != nil {
		return nil, err
	}
	return b, nil
}

func (a *attributes) verifyRSA(cfg *Config, where place) error {
	const op = "verify key"
	switch {
	case a.keyType != ck.KeyTypeRSA:
		return where.refuse(op, errUnsupported, fmt.Sprintf("CKA_KEY_TYPE is %s, not RSA", keyTypeName(a.keyType)))
	case a.allowed != nil && !slices.Contains(a.allowed, ck.MechanismRSAOAEP):
		return where.refuse(op, ErrMechanismUnsupported, "CKA_ALLOWED_MECHANISMS of the key does not list CKM_RSA_PKCS_OAEP")
	case is(a.decrypt, false):
		return where.refuse(op, ErrKeyNotPermitted, "CKA_DECRYPT of the key is false")
	case is(a.alwaysAuth, true):
		return where.refuse(op, errUnsupported, "CKA_ALWAYS_AUTHENTICATE of the key is true: it wants the PIN for every use")
	}
	return a.verifyStays(cfg, where)
}

// pair returns the public half of a private key: the configured one, or what the private key itself tells, or the public key or certificate with its id,
// or the public key with its modulus. The halves of one pair may have different labels.
func pair(ctx context.Context, t *token.Token, private *attributes, configured *rsa.PublicKey, where place) (*rsa.PublicKey, error) {
	const op = "verify key"
	if configured != nil {
		if private.modulus != nil && new(big.Int).SetBytes(private.modulus).Cmp(configured.N) != 0 {
			return nil, where.refuse(op, errNotAPair, "the configured public key is another key's")
		}
		return configured, nil
	}
	pub, err := private.public()
	if err == nil {
		return pub, nil
	}
	if err != errNotTold {
		return nil, where.refuse(op, errUnsupported, err.Error())
	}
	found, err := token.Do(ctx, t, func(m ck.Module, h ck.Session) ([]candidate, error) {
		var found []candidate
		if len(private.id) > 0 {
			byID := KeySelector{ID: private.id}
			objects, err := publicObjects(m, h, byID.template(ck.ClassPublicKey))
			if err != nil {
				return nil, err
			}
			signed, err := certificates(m, h, &byID)
			if err != nil {
				return nil, err
			}
			found = append(objects, signed...)
		}
		if private.modulus == nil {
			return found, nil
		}
		found = slices.DeleteFunc(found, func(c candidate) bool { return c.pub.N.Cmp(new(big.Int).SetBytes(private.modulus)) != 0 })
		if len(found) > 0 {
			return found, nil
		}
		return publicObjects(m, h, []ck.Attribute{ck.Ulong(ck.AClass, ck.ClassPublicKey), ck.String(ck.AModulus, string(private.modulus))})
	})
	if err != nil {
		return nil, where.fail(op, err)
	}
	if len(found) == 0 || slices.ContainsFunc(found[1:], func(c candidate) bool { return !c.pub.Equal(found[0].pub) }) {
		return nil, where.refuse(op, ErrKeyNotFound, "the token does not tell the public half of this private key: configure it")
	}
	return found[0].pub, nil
}

// dataKeyLen is the longest key that a suite has wrapped, in bytes.
const dataKeyLen = 32

// prove opens a data key that was wrapped for it, because tokens list mechanisms whose parameters they then refuse. When that fails, it finds
// out in the same way what the token can do.
func (b *boundKey) prove(ctx context.Context, t *token.Token, p RSAPadding, where place) error {
	const op = "verify key"
	err := b.try(ctx, t, p)
	if err == nil {
		return nil
	}
	if !blamesMechanism(err) {
		return where.fail(op, err)
	}
	if probe := t.Probe(ctx, true); probe != nil {
		return where.unavailable(op, probe, "the token does not answer")
	}
	var works []RSAPadding
	for other := OAEPSHA256; other <= OAEPSHA1; other++ {
		if other == p || other == OAEPSHA1 && fips140.Enforced() || b.public.Size() < other.overhead()+dataKeyLen {
			continue
		}
		if otherErr := b.try(ctx, t, other); otherErr == nil {
			works = append(works, other)
		} else if !blamesMechanism(otherErr) {
			return where.fail(op, otherErr)
		}
	}
	e := &Error{Op: op, Kind: ErrMechanismUnsupported, Detail: describeWorking(p, works), Module: where.module, Token: where.token, Key: where.key}
	var call *ck.Error
	if errors.As(err, &call) {
		e.Function, e.Code = call.Func, call.Code
	}
	return e
}

func describeWorking(p RSAPadding, works []RSAPadding) string {
	if len(works) == 0 {
		return "this token does not open what RSA-OAEP wrapped under this key's public half, with any hash: it cannot do RSA-OAEP, or the public half is another key's"
	}
	names := make([]string, len(works))
	for i, w := range works {
		names[i] = w.oaep().hashName
	}
	return fmt.Sprintf("this token does only %s with RSA-OAEP, not %s: use %s=%s", strings.Join(names, ", "), p.oaep().hashName, PaddingAttribute, works[0])
}

var errWrongPlaintext = errors.New("the token opened a data key to something else")

// blamesMechanism reports whether a failure of try is one of mechanism and parameters, and not of the token, the session or the key's permissions.
func blamesMechanism(err error) bool {
	if errors.Is(err, errWrongPlaintext) {
		return true
	}
	switch ck.Code(err) {
	case ck.ROK, ck.RKeyFunctionNotPermitted, ck.RKeyTypeInconsistent, ck.RKeySizeRange:
		return false
	}
	switch token.Classify(err) {
	case token.ClassData, token.ClassUnclear, token.ClassPermanent:
		return true
	}
	return false
}

// try wraps a random key and opens it in the token.
func (b *boundKey) try(ctx context.Context, t *token.Token, p RSAPadding) error {
	want := make([]byte, dataKeyLen)
	rand.Read(want)
	ct, err := rsa.EncryptOAEP(p.oaep().hash.New(), rand.Reader, b.public, want, nil)
	if err != nil {
		return err
	}
	got := make([]byte, len(ct))
	n, err := t.DecryptOAEP(ctx, b.handle, p.oaep().mechanism, got, ct)
	if err != nil {
		return err
	}
	if n != len(want) || subtle.ConstantTimeCompare(got[:n], want) != 1 {
		return errWrongPlaintext
	}
	return nil
}
