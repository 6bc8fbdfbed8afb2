package raw

import (
	"crypto/ecdh"
	"crypto/x509"
	"encoding/asn1"
	"math/big"

	"github.com/signetkeys/signet/keyring/internal/ecdhwrap"
)

// keyKind is a structure that holds a key.
type keyKind uint8

const (
	pkcs8Private keyKind = iota + 1
	pkcs1Private
	sec1Private
	spkiPublic
	pkcs1Public
	certificate
)

func (k keyKind) private() bool { return k <= sec1Private }

func (k keyKind) String() string {
	switch k {
	case pkcs8Private:
		return "a PKCS #8 private key"
	case pkcs1Private:
		return "a PKCS #1 RSA private key"
	case sec1Private:
		return "a SEC 1 EC private key"
	case spkiPublic:
		return "a public key"
	case pkcs1Public:
		return "a PKCS #1 RSA public key"
	}
	return "an X.509 certificate"
}

// classify tells the structures apart by their first elements. It demands that nothing follows the structure.
func classify(der []byte) (keyKind, error) {
	var outer asn1.RawValue
	rest, err := asn1.Unmarshal(der, &outer)
	switch {
	case err != nil || outer.Tag != asn1.TagSequence || outer.Class != asn1.ClassUniversal:
		return 0, malformed("the key is not valid DER, or is truncated")
	case len(rest) > 0:
		return 0, malformed("%d bytes follow the key", len(rest))
	}
	var tags [4]int
	n := 0
	for rest = outer.Bytes; len(rest) > 0; n++ {
		var v asn1.RawValue
		if rest, err = asn1.Unmarshal(rest, &v); err != nil {
			return 0, malformed("the key is not valid DER, or is truncated")
		}
		if n < len(tags) && v.Class == asn1.ClassUniversal {
			tags[n] = v.Tag
		}
	}
	const i, s = asn1.TagInteger, asn1.TagSequence
	switch {
	case n >= 3 && [3]int(tags[:]) == [3]int{i, s, asn1.TagOctetString}:
		return pkcs8Private, nil
	case n >= 9 && tags == [4]int{i, i, i, i}:
		return pkcs1Private, nil
	case n >= 2 && tags[0] == i && tags[1] == asn1.TagOctetString:
		return sec1Private, nil
	case n == 2 && tags[0] == i && tags[1] == i:
		return pkcs1Public, nil
	case n == 2 && tags[0] == s && tags[1] == asn1.TagBitString:
		return spkiPublic, nil
	case n == 3 && [3]int(tags[:]) == [3]int{s, s, asn1.TagBitString}:
		// A request for a certificate has the same shape outside and fewer elements inside.
		if elements(outer.Bytes) >= 6 {
			return certificate, nil
		}
		return 0, unsupported("the input is a request for a certificate, or another signed structure, and no key")
	case n == 2 && tags[0] == s && tags[1] == asn1.TagOctetString:
		return 0, unsupported("the private key is encrypted (PKCS #8), and passphrases are not taken: openssl pkey -in FILE -out FILE.new decrypts it")
	case n >= 2 && tags[0] == i && tags[1] == s:
		return 0, unsupported("the input is a PKCS #12 archive: openssl pkcs12 -nodes takes the key out of it")
	}
	return 0, malformed("the input is DER of something else than a key")
}

// elements counts the elements of the first element in der.
func elements(der []byte) int {
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return 0
	}
	n := 0
	for rest := outer.Bytes; len(rest) > 0; n++ {
		var v asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &v); err != nil {
			return 0
		}
	}
	return n
}

func oidRSA() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1} }
func oidEC() asn1.ObjectIdentifier  { return asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1} }

type algorithm struct {
	OID        asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

// parse reads the key that k holds.
func (k *found) parse() (any, error) {
	switch k.kind {
	case pkcs8Private:
		return parsePKCS8(k.der)
	case pkcs1Private:
		return parsePKCS1Private(k.der)
	case sec1Private:
		return parseSEC1(k.der, k.parameters)
	case pkcs1Public:
		return parsePKCS1Public(k.der)
	case certificate:
		return parseCertificate(k.der)
	}
	return parseSPKI(k.der)
}

// exactly unmarshals what must be all of der.
func exactly(der []byte, v any, what string) error {
	if rest, err := asn1.Unmarshal(der, v); err != nil || len(rest) > 0 {
		return malformed("%s is not valid DER", what)
	}
	return nil
}

func parsePKCS8(der []byte) (any, error) {
	var info struct { // RFC 5958; attributes and a public key may follow
		Version   int
		Algorithm algorithm
		Key       []byte
	}
	if err := exactly(der, &info, "PKCS #8"); err != nil {
		return nil, err
	}
	defer clear(info.Key)
	switch {
	case info.Version != 0 && info.Version != 1:
		return nil, malformed("PKCS #8 of version %d", info.Version)
	case info.Algorithm.OID.Equal(oidRSA()):
		return parsePKCS1Private(info.Key)
	case info.Algorithm.OID.Equal(oidEC()):
		return parseSEC1(info.Key, info.Algorithm.Parameters.FullBytes)
	}
	return nil, otherAlgorithm(info.Algorithm.OID)
}

func otherAlgorithm(oid asn1.ObjectIdentifier) error {
	name := oid.String()
	switch name {
	case "1.2.840.113549.1.1.7":
		name = "RSAES-OAEP"
	case "1.2.840.113549.1.1.10":
		name = "RSASSA-PSS, for signatures only"
	case "1.2.840.10040.4.1":
		name = "DSA"
	case "1.3.101.110":
		name = "X25519"
	case "1.3.101.111":
		name = "X448"
	case "1.3.101.112":
		name = "Ed25519"
	case "1.3.101.113":
		name = "Ed448"
	}
	return unsupported("the key is of algorithm %s: RSA or EC is needed", name)
}

// checkRSABits keeps crypto/rsa from computing with numbers of any size.
func checkRSABits(n *big.Int) error {
	if bits := n.BitLen(); n.Sign() <= 0 || bits < minRSADecryptBits || bits > maxRSABits {
		return unsupported("RSA key of %d bits: %d to %d are supported", bits, minRSADecryptBits, maxRSABits)
	}
	return nil
}

func parsePKCS1Private(der []byte) (any, error) {
	var head struct {
		Version           int
		N, E, D           *big.Int
		P, Q, DP, DQ, Inv *big.Int
	}
	if err := exactly(der, &head, "PKCS #1"); err != nil {
		return nil, err
	}
	if head.Version != 0 {
		return nil, unsupported("RSA key with more than two primes")
	}
	if err := checkRSABits(head.N); err != nil {
		return nil, err
	}
	for _, n := range [...]*big.Int{head.D, head.P, head.Q, head.DP, head.DQ, head.Inv} {
		if n.BitLen() > head.N.BitLen() { // testing whether a prime of 60 KB is one takes seconds
			return nil, malformed("the RSA private key is not valid: it has numbers longer than its modulus")
		}
	}
	k, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil, malformed("the RSA private key is not valid: its numbers do not belong together")
	}
	return k, nil
}

func parsePKCS1Public(der []byte) (any, error) {
	var head struct{ N, E *big.Int }
	if err := exactly(der, &head, "PKCS #1"); err != nil {
		return nil, err
	}
	if err := checkRSABits(head.N); err != nil {
		return nil, err
	}
	k, err := x509.ParsePKCS1PublicKey(der)
	if err != nil {
		return nil, malformed("the RSA public key is not valid")
	}
	if reason := checkRSAPublic(k, minRSADecryptBits); reason != "" {
		return nil, malformed("the RSA public key is not valid: %s", reason)
	}
	return k, nil
}

func parseSPKI(der []byte) (any, error) {
	var info struct {
		Algorithm algorithm
		Key       asn1.BitString
	}
	if err := exactly(der, &info, "the public key"); err != nil {
		return nil, err
	}
	if info.Key.BitLength%8 != 0 {
		return nil, malformed("the public key is not whole bytes")
	}
	switch {
	case info.Algorithm.OID.Equal(oidRSA()):
		return parsePKCS1Public(info.Key.Bytes)
	case info.Algorithm.OID.Equal(oidEC()):
		curve, err := namedCurve(info.Algorithm.Parameters.FullBytes)
		if err != nil {
			return nil, err
		}
		return parsePoint(curve, info.Key.Bytes)
	}
	return nil, otherAlgorithm(info.Algorithm.OID)
}

func parseCertificate(der []byte) (any, error) {
	var c struct {
		TBS struct {
			Version                                    asn1.RawValue `asn1:"optional,explicit,tag:0"`
			Serial                                     *big.Int
			Signature, Issuer, Validity, Subject, Info asn1.RawValue
		}
		Algorithm, Signature asn1.RawValue
	}
	if err := exactly(der, &c, "the certificate"); err != nil {
		return nil, err
	}
	k, err := parseSPKI(c.TBS.Info.FullBytes) // first: it knows better than package x509 why a key is not taken
	if err != nil {
		return nil, err
	}
	if _, err := x509.ParseCertificate(der); err != nil {
		return nil, malformed("the certificate is not valid")
	}
	return k, nil
}

// namedCurve reads EC parameters (RFC 5480, 2.1.1).
func namedCurve(der []byte) (ecdhwrap.Curve, error) {
	var v asn1.RawValue
	if err := exactly(der, &v, "the curve of the EC key"); err != nil {
		return ecdhwrap.Curve{}, err
	}
	if v.Class == asn1.ClassUniversal && v.Tag == asn1.TagSequence {
		return ecdhwrap.Curve{}, unsupported("the EC key has explicit curve parameters: openssl pkey -ec_param_enc named_curve writes it with the curve's name")
	}
	var oid asn1.ObjectIdentifier
	if err := exactly(der, &oid, "the curve of the EC key"); err != nil {
		return ecdhwrap.Curve{}, err
	}
	for i, known := range []asn1.ObjectIdentifier{{1, 2, 840, 10045, 3, 1, 7}, {1, 3, 132, 0, 34}, {1, 3, 132, 0, 35}} {
		if oid.Equal(known) {
			return ecdhwrap.Curves()[i], nil
		}
	}
	return ecdhwrap.Curve{}, unsupported("the EC key is on curve %s: P-256, P-384 and P-521 are supported", oid)
}

func parsePoint(curve ecdhwrap.Curve, point []byte) (*ecdh.PublicKey, error) {
	var k *ecdh.PublicKey
	var err error
	if len(point) == curve.PointLen {
		k, err = curve.Parse(point)
	} else {
		k, err = curve.ECDH.NewPublicKey(point)
	}
	if err != nil {
		return nil, malformed("the public key is not a point of %s", curve.Title)
	}
	return k, nil
}

// parseSEC1 reads an EC private key (RFC 5915); parameters, when not nil, come from what it is in or beside.
func parseSEC1(der, parameters []byte) (any, error) {
	var key struct {
		Version    int
		Scalar     []byte
		Parameters asn1.RawValue  `asn1:"optional,explicit,tag:0"`
		Public     asn1.BitString `asn1:"optional,explicit,tag:1"`
	}
	if err := exactly(der, &key, "the EC private key"); err != nil {
		return nil, err
	}
	defer clear(key.Scalar)
	if key.Version != 1 {
		return nil, malformed("EC private key of version %d", key.Version)
	}
	inside := key.Parameters.Bytes
	if len(inside) == 0 && len(parameters) == 0 {
		return nil, malformed("the EC private key does not say on which curve it is")
	}
	var curve ecdhwrap.Curve
	for _, p := range [...][]byte{inside, parameters} {
		if len(p) == 0 {
			continue
		}
		c, err := namedCurve(p)
		if err != nil {
			return nil, err
		}
		if curve.ECDH != nil && curve.ECDH != c.ECDH {
			return nil, malformed("the EC private key says that it is on %s and on %s", curve.Title, c.Title)
		}
		curve = c
	}
	scalar := fixedScalar(key.Scalar, curve)
	defer clear(scalar)
	k, err := curve.ECDH.NewPrivateKey(scalar)
	if err != nil {
		return nil, malformed("the EC private key is not a scalar of %s", curve.Title)
	}
	if key.Public.BitLength > 0 {
		public, err := parsePoint(curve, key.Public.Bytes)
		if err != nil {
			return nil, err
		}
		if !public.Equal(k.PublicKey()) {
			return nil, malformed("the public key in the EC private key belongs to another one")
		}
	}
	return k, nil
}

// fixedScalar gives a scalar the length of its curve: some writers leave out leading zeros or add them. One that is too large stays so.
func fixedScalar(b []byte, curve ecdhwrap.Curve) []byte {
	n := curve.PointLen - 1
	for len(b) > n && b[0] == 0 {
		b = b[1:]
	}
	if len(b) >= n {
		return b
	}
	fixed := make([]byte, n)
	copy(fixed[n-len(b):], b)
	return fixed
}
