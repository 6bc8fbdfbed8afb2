package pkcs11_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/signetkeys/signet/keyring/pkcs11"
	"github.com/signetkeys/signet/keyring/pkcs11/uri"
)

// A keyring over a key in a token, with the PIN from the environment; the URI is read by package keyring/pkcs11/uri. It needs such a token, so
// it is compiled and not run.
func Example() {
	u, err := uri.Parse("pkcs11:token=payments;object=kek-2026?module-name=softhsm2&pin-source=env:SIGNET_PIN")
	if err != nil {
		log.Fatal(err)
	}
	cfg, err := pkcs11.FromURI(u)
	if err != nil {
		log.Fatal(err)
	}
	cfg.PIN = func(context.Context) ([]byte, error) { return []byte(os.Getenv("SIGNET_PIN")), nil }

	ctx := context.Background()
	k, err := pkcs11.New(ctx, cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer k.Close()
	switch err := k.Check(ctx); {
	case errors.Is(err, pkcs11.ErrKeyNotFound):
		fmt.Println("make the key first: pkcs11.GenerateKey")
	case err != nil:
		log.Fatal(err)
	}
}

// An RSA pair whose private half never leaves the token, and its public half for those who only encrypt. It is compiled and not run.
func ExampleGenerateRSAKey() {
	ctx := context.Background()
	cfg := pkcs11.Config{ModuleName: "softhsm2", Token: pkcs11.TokenSelector{Label: "payments"}, Class: pkcs11.PrivateKey,
		Key: pkcs11.KeySelector{Label: "kek-rsa"}, Padding: pkcs11.OAEPSHA1, // the only one that SoftHSM 2.6 does
		PIN: func(context.Context) ([]byte, error) { return []byte(os.Getenv("SIGNET_PIN")), nil }}
	info, err := pkcs11.GenerateRSAKey(ctx, cfg, pkcs11.GenerateOptions{Bits: 3072})
	if err != nil {
		log.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(info.Public)
	if err != nil {
		log.Fatal(err)
	}
	pem.Encode(os.Stdout, &pem.Block{Type: "PUBLIC KEY", Bytes: der})

	k, err := pkcs11.New(ctx, cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer k.Close()
	if err := k.Check(ctx); errors.Is(err, pkcs11.ErrMechanismUnsupported) {
		fmt.Println("this token needs another Padding:", err)
	}
}
