package kms_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// A program without access to KMS encrypts with the public key, which "aws kms get-public-key" writes. Who may use the key decrypts, with a
// Client in the configuration.
func ExampleNewRSA() {
	ctx := context.Background()
	public, err := raw.ParseRSAPublicKey(publicPEM())
	if err != nil {
		log.Fatal(err)
	}
	k, err := kms.NewRSA(ctx, kms.RSAConfig{
		KeyID:     "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
		PublicKey: public,
		Padding:   kms.OAEPSHA256,
	})
	if err != nil {
		log.Fatal(err)
	}
	var c message.Client
	ciphertext, err := c.Encrypt(ctx, keyring.NewManager(k), []byte("a secret"), &message.EncryptOptions{
		Suite:   suite.AES256GCMCommit(), // RSA keys in KMS are for suites without signatures
		Context: keyring.EncryptionContext{"purpose": "example"},
	})
	fmt.Println(len(ciphertext) > 0, err)
	// Output: true <nil>
}

func publicPEM() []byte {
	der, err := x509.MarshalPKIXPublicKey(&rsaKeys()[0].PublicKey)
	if err != nil {
		log.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// This party's private key is in KMS, the other one's anywhere: it reads what is written here with a raw or a KMS ECDH keyring of its own.
func ExampleNewECDH() {
	ctx := context.Background()
	pem, err := os.ReadFile("recipient.pem")
	if err != nil {
		log.Fatal(err)
	}
	recipient, err := raw.ParseECPublicKey(pem)
	if err != nil {
		log.Fatal(err)
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	k, err := kms.NewECDH(ctx, kms.ECDHConfig{
		KeyID:     "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
		Client:    sdk.NewFromConfig(cfg),
		Recipient: recipient,
	})
	if err != nil {
		log.Fatal(err)
	}
	ciphertext, err := message.Encrypt(ctx, k, []byte("a secret"), keyring.EncryptionContext{"purpose": "example"})
	fmt.Println(len(ciphertext), err)
}
