package raw

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rsa"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/signetkeys/signet"
)

// MaxKeyFile is the size of the largest PEM or DER input that the Parse functions take, in bytes.
const MaxKeyFile = 64 << 10

// A KeyError says why input is not the key that was asked for: what it is instead, and what to do where that is known. It answers for
// [signet.ErrUnsupported] when the input is a key or a related thing that is not taken (encrypted, the wrong half, another algorithm),
// for [signet.ErrLimit] when it is too large, and for [signet.ErrMalformed] otherwise. It never holds bytes of the input.
type KeyError struct {
	Reason string
	class  error
}

func (e *KeyError) Error() string { return e.Reason }

// Is answers for the class.
func (e *KeyError) Is(target error) bool { return target == e.class }

func malformed(format string, args ...any) error {
	return &KeyError{fmt.Sprintf(format, args...), signet.ErrMalformed}
}

func unsupported(format string, args ...any) error {
	return &KeyError{fmt.Sprintf(format, args...), signet.ErrUnsupported}
}

// ParseRSAPrivateKey reads an RSA private key of two primes and 1,024 to 16,384 bits: PKCS #8 or PKCS #1, in PEM or DER. Text around the PEM
// block, a byte order mark and line endings of LF or CRLF are fine; a second block, bytes behind DER and encrypted keys are not. Errors are
// [*KeyError]. The caller wipes b.
func ParseRSAPrivateKey(b []byte) (*rsa.PrivateKey, error) {
	k, err := parseKey(b, true)
	if err != nil {
		return nil, err
	}
	return as[*rsa.PrivateKey](k, "an RSA private key")
}

// ParseRSAPublicKey reads an RSA public key: SubjectPublicKeyInfo (which is what AWS KMS returns), PKCS #1 or an X.509 certificate, in PEM or
// DER. Nothing else of a certificate than the key is looked at: neither who signed it nor whether it has expired. Otherwise it is
// like [ParseRSAPrivateKey].
func ParseRSAPublicKey(b []byte) (*rsa.PublicKey, error) {
	k, err := parseKey(b, false)
	if err != nil {
		return nil, err
	}
	return as[*rsa.PublicKey](k, "an RSA public key")
}

// ParseECPrivateKey reads an elliptic curve private key on P-256, P-384 or P-521: PKCS #8 or SEC 1, the latter with or without a block of EC
// PARAMETERS, in PEM or DER. A public key inside must belong to the private one. Explicit curve parameters are [signet.ErrUnsupported].
// Otherwise it is like [ParseRSAPrivateKey].
func ParseECPrivateKey(b []byte) (*ecdh.PrivateKey, error) {
	k, err := parseKey(b, true)
	if err != nil {
		return nil, err
	}
	return as[*ecdh.PrivateKey](k, "an EC private key")
}

// ParseECPublicKey reads an elliptic curve public key on P-256, P-384 or P-521: SubjectPublicKeyInfo (which is what AWS KMS returns) or an X.509
// certificate, in PEM or DER, with an uncompressed or compressed point. Otherwise it is like [ParseRSAPublicKey].
func ParseECPublicKey(b []byte) (*ecdh.PublicKey, error) {
	k, err := parseKey(b, false)
	if err != nil {
		return nil, err
	}
	return as[*ecdh.PublicKey](k, "an EC public key")
}

func as[K any](k any, want string) (K, error) {
	if key, ok := k.(K); ok {
		return key, nil
	}
	var none K
	found := "an EC key"
	switch k.(type) {
	case *rsa.PrivateKey, *rsa.PublicKey:
		found = "an RSA key"
	}
	return none, unsupported("the input is %s; %s is needed", found, want)
}

// parseKey returns the private or the public key in b: *rsa.PrivateKey, *ecdh.PrivateKey, *rsa.PublicKey or *ecdh.PublicKey.
func parseKey(b []byte, private bool) (any, error) {
	if len(b) > MaxKeyFile {
		return nil, &KeyError{fmt.Sprintf("key of %d bytes; at most %d are read", len(b), MaxKeyFile), signet.ErrLimit}
	}
	k, err := findKey(b)
	if err != nil {
		return nil, err
	}
	if k.copied {
		defer clear(k.der)
	}
	switch {
	case private && !k.kind.private():
		return nil, unsupported("the input is %s, the public half; the private key is needed", k.kind)
	case !private && k.kind.private():
		return nil, unsupported("the input is %s; the public key alone is needed, which openssl pkey -pubout writes", k.kind)
	}
	return k.parse()
}

// found is the DER of a key and what it is.
type found struct {
	kind   keyKind
	der    []byte
	copied bool // der is not the caller's
	// parameters are those of an EC PARAMETERS block beside a SEC 1 key.
	parameters []byte
}

// findKey finds the one key in PEM or DER.
func findKey(b []byte) (*found, error) {
	if len(b) == 0 {
		return nil, malformed("the key is empty")
	}
	// A SEQUENCE; text may begin with this byte too, a zero.
	if b[0] == 0x30 && !bytes.Contains(b, []byte(begin)) {
		kind, err := classify(b)
		if err != nil {
			return nil, err
		}
		return &found{kind: kind, der: b}, nil
	}
	return findPEM(b)
}

const begin = "-----BEGIN "

func findPEM(b []byte) (*found, error) {
	switch {
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}), bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		return nil, unsupported("the input is UTF-16 text: save it as UTF-8 or ASCII")
	case bytes.HasPrefix(b, []byte("ssh-")), bytes.HasPrefix(b, []byte("ecdsa-sha2-")):
		return nil, unsupported("the input is an SSH public key: ssh-keygen -e -m PKCS8 converts it")
	}
	b = bytes.TrimPrefix(b, []byte("\uFEFF"))
	// encoding/pem passes over a damaged block in silence, and over all but the first; here they count.
	count := bytes.Count(b, []byte("\n"+begin))
	if bytes.HasPrefix(b, []byte(begin)) {
		count++
	}
	var key *found
	var parameters []byte
	var labels []string
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		labels = append(labels, block.Type)
		if block.Type == "EC PARAMETERS" && parameters == nil {
			parameters = block.Bytes
			continue
		}
		if key != nil || len(labels) > 2 {
			return nil, malformed("the input has more than one PEM block (%s): keep the one that is needed", list(labels))
		}
		k, err := fromBlock(block)
		if err != nil {
			return nil, err
		}
		key = k
	}
	switch {
	case count > len(labels):
		return nil, malformed("the input has a damaged PEM block")
	case key == nil && parameters != nil:
		return nil, unsupported("the input has EC PARAMETERS and no key")
	case key == nil:
		return nil, malformed("the input is neither PEM nor DER: no line begins with %s", strings.TrimSpace(begin))
	case parameters != nil && key.kind != sec1Private:
		return nil, malformed("the input has a block of EC PARAMETERS, which belongs to EC PRIVATE KEY only")
	}
	key.parameters = parameters
	return key, nil
}

// list prints labels of PEM blocks, which are text from the input, shortened.
func list(labels []string) string {
	var b strings.Builder
	for i, l := range labels {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%.32q", l)
	}
	return b.String()
}

func fromBlock(block *pem.Block) (*found, error) {
	const decrypt = "openssl pkey -in FILE -out FILE.new decrypts it"
	_, dek := block.Headers["DEK-Info"]
	if dek || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, unsupported("the private key is encrypted (Proc-Type), and passphrases are not taken: %s", decrypt)
	}
	var want keyKind
	switch block.Type {
	case "PRIVATE KEY":
		want = pkcs8Private
	case "RSA PRIVATE KEY":
		want = pkcs1Private
	case "EC PRIVATE KEY":
		want = sec1Private
	case "PUBLIC KEY":
		want = spkiPublic
	case "RSA PUBLIC KEY":
		want = pkcs1Public
	case "CERTIFICATE", "X509 CERTIFICATE":
		want = certificate
	case "ENCRYPTED PRIVATE KEY":
		return nil, unsupported("the private key is encrypted (PKCS #8), and passphrases are not taken: %s", decrypt)
	case "OPENSSH PRIVATE KEY":
		return nil, unsupported("the input is an OpenSSH private key: ssh-keygen -p -m PKCS8 converts the file")
	default:
		return nil, unsupported("the input is a PEM block of %.32q, which is no RSA or EC key", block.Type)
	}
	kind, err := classify(block.Bytes)
	if err != nil {
		return nil, err
	}
	if kind != want {
		return nil, malformed("the PEM block says %q and holds %s", block.Type, kind)
	}
	return &found{kind: kind, der: block.Bytes, copied: true}, nil
}
