package raw_test

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"fmt"
	"log"
	"os"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

func ExampleNewAES() {
	key := make([]byte, 32) // from where you keep keys
	k, err := raw.NewAES(raw.AESConfig{Namespace: "example.com", Name: "orders-2026", Key: key})
	if err != nil {
		log.Fatal(err)
	}
	// Formats do what follows; package message is the usual way to use a keyring.
	r, err := keyring.NewRequest(suite.AES256GCMCommit(), keyring.EncryptionContext{"purpose": "orders"})
	if err != nil {
		log.Fatal(err)
	}
	w, err := k.OnEncrypt(context.Background(), r, nil)
	if err != nil {
		log.Fatal(err)
	}
	u, err := k.OnDecrypt(context.Background(), r, w.EDKs)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(w.EDKs[0].ProviderID, u.DataKey.Equal(w.DataKey), u.DataKey)

	_, err = raw.NewAES(raw.AESConfig{Namespace: "example.com", Name: "orders-2026", Key: append(key, '\n')})
	fmt.Println(err)
	// Output:
	// example.com true [secret]
	// raw AES key has 33 bytes; it must have exactly 16, 24 or 32
}

// A producer that encrypts with a public key and cannot decrypt.
func ExampleNewRSA() {
	text, err := os.ReadFile("testdata/keys/rsa-spki.pem") // what openssl pkey -pubout and AWS KMS write
	if err != nil {
		log.Fatal(err)
	}
	public, err := raw.ParseRSAPublicKey(text)
	if err != nil {
		log.Fatal(err)
	}
	k, err := raw.NewRSA(raw.RSAConfig{Namespace: "example.com", Name: "inbox-2026", Padding: raw.OAEPSHA256, Public: public})
	if err != nil {
		log.Fatal(err)
	}
	msg, err := message.Encrypt(context.Background(), k, []byte("for the inbox"), nil)
	if err != nil {
		log.Fatal(err)
	}
	_, _, err = message.Decrypt(context.Background(), k, msg)
	fmt.Println(err)

	_, err = raw.ParseRSAPrivateKey(text)
	fmt.Println(err)
	// Output:
	// no key could decrypt: the encrypted data key did not open: raw-rsa example.com/inbox-2026: this keyring is encrypt-only
	// the input is a public key, the public half; the private key is needed
}

// Two parties, each with a private key and the other one's public key, read each other's messages.
func ExampleNewECDH() {
	alice, err := ecdh.P384().GenerateKey(rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	bob, err := ecdh.P384().GenerateKey(rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	at := func(own *ecdh.PrivateKey, peer *ecdh.PublicKey) keyring.Keyring {
		k, err := raw.NewECDH(raw.ECDHConfig{Curve: ecdh.P384(), Schema: raw.ECDHStatic, Private: own, Peer: peer})
		if err != nil {
			log.Fatal(err)
		}
		return k
	}
	msg, err := message.Encrypt(context.Background(), at(alice, bob.PublicKey()), []byte("hello"), nil)
	if err != nil {
		log.Fatal(err)
	}
	text, _, err := message.Decrypt(context.Background(), at(bob, alice.PublicKey()), msg)
	fmt.Printf("%s %v\n", text, err)
	// Output: hello <nil>
}
