package pkcs11_test

import (
	"context"
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
