package raw_test

import (
	"archive/zip"
	"bytes"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// A peerKey is an entry of the peers' keys.json.
type peerKey struct {
	ID              string `json:"key-id"`
	Material        string
	Sender          string `json:"sender-material"`
	Recipient       string `json:"recipient-material"`
	SenderPublic    []byte `json:"sender-material-public-key"` // SubjectPublicKeyInfo
	RecipientPublic []byte `json:"recipient-material-public-key"`
}

// A peerDescription says which keyring opens a message.
type peerDescription struct {
	Type, Key, Schema, Sender, Recipient string
	Namespace                            string `json:"provider-id"`
	Algorithm                            string `json:"encryption-algorithm"`
	Padding                              string `json:"padding-algorithm"`
	Hash                                 string `json:"padding-hash"`
	Curve                                string `json:"ecc-curve"`
}

func readZip(t *testing.T, z *zip.Reader, name string) []byte {
	t.Helper()
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPeersMessages opens the messages under raw RSA and raw ECDH keys that the peers' from-dafny.zip has.
func TestPeersMessages(t *testing.T) {
	z, err := zip.OpenReader(sharedtest.Vectors(t, "esdk", "from-dafny.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var manifest struct {
		Tests map[string]struct {
			Scenario struct {
				Ciphertext, Result string
				Key                peerDescription `json:"decryptKeyDescription"`
			} `json:"decryption-scenario"`
		}
	}
	if err := json.Unmarshal(readZip(t, &z.Reader, "manifest.json"), &manifest); err != nil {
		t.Fatal(err)
	}
	var keys struct{ Keys map[string]json.RawMessage }
	if err := json.Unmarshal(readZip(t, &z.Reader, "keys.json"), &keys); err != nil {
		t.Fatal(err)
	}
	key := func(name string) (k peerKey) {
		if err := json.Unmarshal(keys.Keys[name], &k); err != nil {
			t.Fatalf("key %q: %v", name, err)
		}
		return k
	}
	counts := map[string]int{}
	client := message.Client{CommitmentPolicy: suite.ForbidEncryptAllowDecrypt}
	for id, c := range manifest.Tests {
		s := c.Scenario
		var good, wrong keyring.Keyring
		what := s.Key.Type
		switch {
		case what == "raw" && s.Key.Algorithm == "rsa":
			what = s.Key.Padding + " " + s.Key.Hash
			if s.Key.Padding == "pkcs1" {
				what = "pkcs1" // the entry has a hash, which means nothing
			}
			good, wrong = peerRSA(t, key(s.Key.Key), &s.Key)
		case what == "raw-ecdh":
			what = s.Key.Schema + " " + s.Key.Curve
			good, wrong = peerECDH(t, key(s.Key.Curve+"-private"), &s.Key)
		default:
			continue
		}
		msg, want := readZip(t, &z.Reader, strings.TrimPrefix(s.Ciphertext, "file://")), readZip(t, &z.Reader, strings.TrimPrefix(s.Result, "file://"))
		got, _, err := client.Decrypt(t.Context(), keyring.NewManager(good), msg, nil)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s, %s: %v", id, what, err)
			continue
		}
		counts[what]++
		if got, _, err := client.Decrypt(t.Context(), keyring.NewManager(wrong), msg, nil); got != nil || !errors.Is(err, signet.ErrNoKey) && !errors.Is(err, signet.ErrAuthentication) {
			t.Errorf("%s, %s, with another key: got %v", id, what, err)
		}
	}
	want := map[string]int{
		"pkcs1": 6, "oaep-mgf1 sha1": 3, "oaep-mgf1 sha256": 4, "oaep-mgf1 sha384": 5, "oaep-mgf1 sha512": 6,
		"discovery ecc-256": 9, "discovery ecc-384": 10, "discovery ecc-521": 8, "static ecc-256": 9, "static ecc-384": 9, "static ecc-521": 5,
	}
	if !maps.Equal(counts, want) {
		t.Errorf("opened %v, want %v", counts, want)
	}
}

// peerRSA returns the keyring of a description, and one over another key of the same names.
func peerRSA(t *testing.T, k peerKey, d *peerDescription) (good, wrong keyring.Keyring) {
	t.Helper()
	private, err := raw.ParseRSAPrivateKey([]byte(k.Material))
	if err != nil {
		t.Fatal(err)
	}
	padding := raw.PKCS1v15
	if d.Padding != "pkcs1" {
		if padding, err = raw.ParseRSAPadding("oaep-" + d.Hash); err != nil {
			t.Fatal(err)
		}
	}
	cfg := raw.RSAConfig{Namespace: d.Namespace, Name: k.ID, Padding: padding, Private: private}
	good = newRSA(t, cfg)
	cfg.Private = rsaKeys()[0]
	return good, newRSA(t, cfg)
}

func peerECDH(t *testing.T, k peerKey, d *peerDescription) (good, wrong keyring.Keyring) {
	t.Helper()
	curve := map[string]ecdh.Curve{"ecc-256": ecdh.P256(), "ecc-384": ecdh.P384(), "ecc-521": ecdh.P521()}[d.Curve]
	material, public := k.Recipient, k.RecipientPublic
	if d.Schema == "static" {
		material = k.Sender
	}
	private, err := raw.ParseECPrivateKey([]byte(material))
	if err != nil {
		t.Fatal(err)
	}
	peer, err := raw.ParseECPublicKey(public)
	if err != nil {
		t.Fatal(fmt.Errorf("%w: %s", err, base64.StdEncoding.EncodeToString(public)))
	}
	if d.Schema == "static" {
		return static(t, private, peer), static(t, private, ecKey(t, curve).PublicKey())
	}
	if !private.PublicKey().Equal(peer) {
		t.Fatal("the recipient's halves do not belong together")
	}
	return discovery(t, private), discovery(t, ecKey(t, curve))
}
