package matrix

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/signetkeys/signet/interop/peers"
)

// Kind is a way to protect data keys: keyrings that write, and keyrings that read what any of them wrote.
type Kind struct {
	Name  string // "raw-rsa oaep-sha1"
	Path  string // of the peer, as in peers.Request; signet has one
	Write []*peers.Keyring
	Read  []*peers.Keyring
}

// Kinds makes new keys and returns every kind of keyring under them.
func Kinds() ([]*Kind, error) {
	var kinds []*Kind
	add := func(name, path string, write, read []*peers.Keyring) {
		kinds = append(kinds, &Kind{name, path, write, read})
	}
	one := func(k *peers.Keyring) []*peers.Keyring { return []*peers.Keyring{k} }

	var aes *peers.Keyring
	for _, bits := range []int{128, 192, 256} {
		aes = AES(bits)
		add(fmt.Sprintf("raw-aes %d", bits), "", one(aes), one(aes))
	}
	add("raw-aes 256, master key", "master-key", one(aes), one(aes))

	var rsaBoth, rsaPrivate *peers.Keyring
	for _, p := range []struct {
		padding string
		bits    int
	}{{"pkcs1", 2048}, {"oaep-sha1", 2048}, {"oaep-sha256", 3072}, {"oaep-sha384", 2048}, {"oaep-sha512", 3072}} {
		both, err := RSA(p.padding, p.bits)
		if err != nil {
			return nil, err
		}
		public, private := *both, *both
		public.PrivatePEM, private.PublicPEM = "", ""
		add("raw-rsa "+p.padding, "", []*peers.Keyring{both, &public}, []*peers.Keyring{both, &private})
		rsaBoth, rsaPrivate = both, &private
	}

	var static, discovery *peers.Keyring
	for _, curve := range []string{"p256", "p384", "p521"} {
		publicA, privateA, err := ECPair(curve)
		if err != nil {
			return nil, err
		}
		publicB, privateB, err := ECPair(curve)
		if err != nil {
			return nil, err
		}
		a := &peers.Keyring{Type: "raw-ecdh", Curve: curve, Schema: "static", PrivatePEM: privateA, PublicPEM: publicB}
		b := &peers.Keyring{Type: "raw-ecdh", Curve: curve, Schema: "static", PrivatePEM: privateB, PublicPEM: publicA}
		discovery = &peers.Keyring{Type: "raw-ecdh", Curve: curve, Schema: "discovery", PrivatePEM: privateB}
		ephemeral := &peers.Keyring{Type: "raw-ecdh", Curve: curve, Schema: "ephemeral", PublicPEM: publicB}
		add("raw-ecdh static "+curve, "", one(a), []*peers.Keyring{a, b, discovery})
		add("raw-ecdh ephemeral "+curve, "", one(ephemeral), one(discovery))
		static = a
	}

	multi := &peers.Keyring{Type: "multi", Generator: aes, Children: []*peers.Keyring{rsaBoth}}
	add("multi aes, rsa", "", one(multi), []*peers.Keyring{multi, aes, rsaPrivate, {Type: "multi", Children: []*peers.Keyring{rsaBoth, aes}}})
	mixed := &peers.Keyring{Type: "multi", Generator: rsaBoth, Children: []*peers.Keyring{static, aes}}
	add("multi rsa, ecdh, aes", "", one(mixed), []*peers.Keyring{mixed, static, discovery, aes, rsaPrivate})
	return kinds, nil
}

// AES returns a raw AES keyring under a new key of 128, 192 or 256 bits.
func AES(bits int) *peers.Keyring {
	key := make([]byte, bits/8)
	rand.Read(key)
	return &peers.Keyring{Type: "raw-aes", Namespace: "matrix", Name: fmt.Sprintf("aes-%d é", bits), Key: key}
}

// RSA returns a raw RSA keyring under a new key.
func RSA(padding string, bits int) (*peers.Keyring, error) {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, err
	}
	public, private, err := PEMs(&k.PublicKey, k)
	if err != nil {
		return nil, err
	}
	return &peers.Keyring{Type: "raw-rsa", Namespace: "matrix", Name: "rsa " + padding, Padding: padding, PublicPEM: public, PrivatePEM: private}, nil
}

// ECPair returns a new pair of keys on p256, p384 or p521, in PEM.
func ECPair(curve string) (public, private string, err error) {
	c, err := ecdhCurve(curve)
	if err != nil {
		return "", "", err
	}
	k, err := c.GenerateKey(rand.Reader)
	if err != nil {
		return "", "", err
	}
	return PEMs(k.PublicKey(), k)
}

// PEMs returns the SPKI of a public and the PKCS #8 of a private key.
func PEMs(public, private any) (string, string, error) {
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", "", err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})), nil
}

func ecdhCurve(name string) (ecdh.Curve, error) {
	c, ok := map[string]ecdh.Curve{"p256": ecdh.P256(), "p384": ecdh.P384(), "p521": ecdh.P521()}[name]
	if !ok {
		return nil, fmt.Errorf("no curve %q", name)
	}
	return c, nil
}
