package main

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/hierarchy"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

func encryptWith(t testing.TB, k keyring.Keyring, err error) files {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	msg, err := new(message.Client).Encrypt(t.Context(), keyring.NewManager(k), plaintext, &message.EncryptOptions{Suite: suite.AES256GCMCommit()})
	if err != nil {
		t.Fatal(err)
	}
	return files{"ciphertexts/c": msg}
}

// withKey puts one key into the keys file.
func (f files) withKey(t testing.TB, name string, key obj) files {
	return f.with(files{"keys.json": toJSON(t, obj{"manifest": obj{"type": "keys", "version": 3}, "keys": obj{name: key}})})
}

func privatePEM(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestRSA(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key := func(bits int, decrypt bool, encoding string) obj {
		return obj{"decrypt": decrypt, "type": "private", "algorithm": "rsa", "bits": bits, "encoding": encoding, "material": privatePEM(t, private), "key-id": "name"}
	}
	description := func(padding, hash string) obj {
		return obj{"type": "raw", "key": "rsa", "provider-id": namespace, "encryption-algorithm": "rsa", "padding-algorithm": padding, "padding-hash": hash}
	}
	var c files
	for _, p := range []struct {
		padding, hash string
		raw           raw.RSAPadding
	}{
		{"oaep-mgf1", "sha1", raw.OAEPSHA1}, {"oaep-mgf1", "sha256", raw.OAEPSHA256}, {"oaep-mgf1", "sha384", raw.OAEPSHA384},
		{"oaep-mgf1", "sha512", raw.OAEPSHA512}, {"pkcs1", "sha1", raw.PKCS1v15},
	} {
		k, err := raw.NewRSA(raw.RSAConfig{Namespace: namespace, Name: "name", Padding: p.raw, Public: &private.PublicKey})
		c = encryptWith(t, k, err)
		f := manifest(t, 5, scenario5("positive-esdk", "0478", description(p.padding, p.hash), obj{}), c)
		expect(t, 0, onePassed, []string{f.withKey(t, "rsa", key(2048, true, "pem")).dir(t)})
		expect(t, 0, oneSkipped, []string{f.withKey(t, "rsa", key(2048, false, "pem")).dir(t)}, "the key is encrypt-only")
		expect(t, 1, oneFailed, []string{f.withKey(t, "rsa", key(4096, true, "pem")).dir(t)}, "2048 bits and not the declared 4096")
		expect(t, 1, oneFailed, []string{f.withKey(t, "rsa", key(2048, true, "der")).dir(t)}, `encoding "der"`)
	}
	for _, d := range []obj{description("oaep-mgf1", "md5"), description("oaep", "sha256"), description("", "")} {
		f := manifest(t, 5, scenario5("positive-esdk", "0478", d, obj{}), c).withKey(t, "rsa", key(2048, true, "pem"))
		expect(t, 1, oneFailed, []string{f.dir(t)}, "unknown padding")
	}
}

func TestECDH(t *testing.T) {
	for bits, curve := range map[int]ecdh.Curve{256: ecdh.P256(), 384: ecdh.P384(), 521: ecdh.P521()} {
		sender, err := curve.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		recipient, err := curve.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKIXPublicKey(recipient.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		key := obj{"decrypt": true, "type": "ecc-private", "algorithm": "ecdh", "bits": bits, "encoding": "pem",
			"sender-material": privatePEM(t, sender), "recipient-material": privatePEM(t, recipient),
			"recipient-material-public-key": base64.StdEncoding.EncodeToString(der), "public-key-encoding": "base64-der"}
		k, err := raw.NewECDH(raw.ECDHConfig{Curve: curve, Schema: raw.ECDHStatic, Private: sender, Peer: recipient.PublicKey()})
		c := encryptWith(t, k, err)
		for _, d := range []struct {
			schema, sender, curve string
			status                int
			text                  string
		}{
			{"static", "ecc", fmt.Sprintf("ecc-%d", bits), 0, ""},
			{"discovery", "discovery", fmt.Sprintf("ecc-%d", bits), 0, ""},
			{"static", "ecc", "ecc-128", 1, `on "ecc-128" is declared`},
			{"ephemeral", "ephemeral", fmt.Sprintf("ecc-%d", bits), 3, "the key is encrypt-only"},
			{"telepathic", "ecc", fmt.Sprintf("ecc-%d", bits), 1, `unknown schema "telepathic"`},
		} {
			description := obj{"type": "raw-ecdh", "sender": d.sender, "recipient": "ecc", "sender-public-key": "sender-material-public-key",
				"recipient-public-key": "recipient-material-public-key", "ecc-curve": d.curve, "schema": d.schema}
			dir := manifest(t, 5, scenario5("positive-esdk", "0478", description, obj{}), c).withKey(t, "ecc", key).dir(t)
			switch d.status {
			case 0:
				expect(t, 0, onePassed, []string{dir})
			case 1:
				expect(t, 1, oneFailed, []string{dir}, d.text)
			case 3:
				expect(t, 0, oneSkipped, []string{dir}, d.text)
			}
		}
	}
}

func TestHierarchy(t *testing.T) {
	cfg := hierarchy.StaticConfig{BranchKeyID: "branch", Version: "e9ce18a3-edb5-4272-9f86-1cacb7997ff6", Key: bytes.Repeat([]byte{4}, 32)}
	k, err := hierarchy.NewStatic(cfg)
	c := encryptWith(t, k, err)
	for version, status := range map[string]int{cfg.Version: 0, "e9ce18a3-edb5-4272-9f86-1cacb7997ff7": 1} {
		key := obj{"type": "static-branch-key", "key-id": "branch", "branchKeyVersion": version, "branchKey": base64.StdEncoding.EncodeToString(cfg.Key)}
		dir := manifest(t, 5, scenario5("positive-esdk", "0478", obj{"type": "aws-kms-hierarchy", "key": "b"}, obj{}), c).withKey(t, "b", key).dir(t)
		if status == 0 {
			expect(t, 0, onePassed, []string{dir})
		} else {
			expect(t, 1, oneFailed, []string{dir}, "version "+cfg.Version+" of branch key")
		}
	}
}
