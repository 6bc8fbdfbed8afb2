package peers_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/signetkeys/signet/interop/peers"
)

// start starts every peer. A peer that is not built is skipped loudly, or a failure where SIGNET_REQUIRE_PEERS is 1.
func start(t *testing.T) []*peer {
	t.Helper()
	dir, err := peers.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	var all []*peer
	for _, name := range peers.Names() {
		p, err := peers.Start(dir, name, nil)
		if errors.Is(err, peers.ErrNotBuilt) && os.Getenv("SIGNET_REQUIRE_PEERS") != "1" {
			t.Logf("SKIPPED: %v", err)
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		t.Cleanup(func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
		hello, err := p.Do(&peers.Request{Op: "hello"})
		if err != nil {
			t.Errorf("%s: hello: %v", name, err)
			continue
		}
		if hello.Peer != name || hello.Library == "" || len(hello.Versions) == 0 || hello.Capabilities == nil {
			t.Errorf("%s: the answer to hello is %+v", name, hello)
			continue
		}
		all = append(all, &peer{p, name, hello.Capabilities})
	}
	if len(all) == 0 {
		t.Skip("no peer is built: run interop/setup")
	}
	return all
}

type peer struct {
	*peers.Peer
	name   string
	offers *peers.Offers
}

func aesKeyring(size int) *peers.Keyring {
	key := make([]byte, size)
	rand.Read(key)
	return &peers.Keyring{Type: "raw-aes", Namespace: "peers", Name: fmt.Sprintf("aes %d é", 8*size), Key: key}
}

func rsaKeyring(t testing.TB, padding string) *peers.Keyring {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, private := pems(t, &k.PublicKey, k)
	return &peers.Keyring{Type: "raw-rsa", Namespace: "peers", Name: "rsa " + padding, Padding: padding, PublicPEM: public, PrivatePEM: private}
}

func pems(t testing.TB, public, private any) (string, string) {
	t.Helper()
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func ecPair(t testing.TB, curve string) (public, private string) {
	t.Helper()
	c := map[string]ecdh.Curve{"p256": ecdh.P256(), "p384": ecdh.P384(), "p521": ecdh.P521()}[curve]
	k, err := c.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pems(t, k.PublicKey(), k)
}

func policyFor(suite string) string {
	if suite == "0478" || suite == "0578" {
		return ""
	}
	return "forbid-encrypt-allow-decrypt"
}

var contexts = []map[string]string{
	nil,
	{"purpose": "test", "A": "upper case", "a": "lower case", "é": "ü", "Ω": "ω"},
	{"\U0001F600": "non-BMP sorts after \uFFFD in UTF-8 and before it in UTF-16", "\uFFFD": "\U0001F511", "\uE000": "private use"},
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// exchange encrypts with one peer and decrypts with every peer.
func exchange(t *testing.T, all []*peer, writer *peer, r peers.Request, readerKeyring *peers.Keyring) (messages, reads int) {
	plaintext := *r.Plaintext
	r.Op = "encrypt"
	out, err := writer.Do(&r)
	if err != nil {
		t.Errorf("%s cannot encrypt under suite %s, %s, %d bytes, context %q: %v", writer.name, r.Suite, r.Keyring.Type, len(plaintext), r.Context, err)
		return 0, 0
	}
	if out.Suite != r.Suite {
		t.Errorf("%s encrypted with suite %s, want %s", writer.name, out.Suite, r.Suite)
	}
	for _, reader := range all {
		got, err := reader.Do(&peers.Request{Op: "decrypt", Keyring: readerKeyring, Ciphertext: &out.Ciphertext, CommitmentPolicy: r.CommitmentPolicy})
		switch {
		case err != nil:
			t.Errorf("%s cannot read %s: suite %s, %s, %d bytes, context %q: %v", reader.name, writer.name, r.Suite, r.Keyring.Type, len(plaintext), r.Context, err)
		case !bytes.Equal(got.Plaintext, plaintext):
			t.Errorf("%s reads other bytes from %s", reader.name, writer.name)
		case got.Suite != r.Suite:
			t.Errorf("%s reads suite %s, want %s", reader.name, got.Suite, r.Suite)
		default:
			for k, v := range r.Context {
				if got.Context[k] != v {
					t.Errorf("%s reads %q for %q in a message of %s, want %q", reader.name, got.Context[k], k, writer.name, v)
				}
			}
		}
		reads++
	}
	return 1, reads
}

func TestEveryPairEverySuite(t *testing.T) {
	all := start(t)
	keyrings := []*peers.Keyring{aesKeyring(32), aesKeyring(24), aesKeyring(16), rsaKeyring(t, "oaep-sha256")}
	messages, reads := 0, 0
	for _, writer := range all {
		for s, suite := range writer.offers.Suites {
			for i, size := range []int{0, 1, 4096, 10000} {
				for _, k := range []*peers.Keyring{keyrings[(s+i)%3], keyrings[3]} {
					b := random(size)
					m, r := exchange(t, all, writer, peers.Request{Keyring: k, Suite: suite, Plaintext: &b, Context: contexts[(s+i)%3],
						CommitmentPolicy: policyFor(suite)}, k)
					messages, reads = messages+m, reads+r
				}
			}
		}
	}
	t.Logf("%d messages, %d reads", messages, reads)
}
