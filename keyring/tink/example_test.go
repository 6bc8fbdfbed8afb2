package tink_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/tink"
	"github.com/signetkeys/signet/message"
)

// exampleKeyring stands for a keyring over an HSM or a KMS.
func exampleKeyring() keyring.Keyring {
	key := make([]byte, 32)
	rand.Read(key)
	k, err := raw.NewAES(raw.AESConfig{Namespace: "example.com", Name: "kek", Key: key})
	if err != nil {
		log.Fatal(err)
	}
	return k
}

// A keyset that is kept encrypted under a keyring wraps data keys; then it is rotated, and what is older still opens.
func Example() {
	ctx := context.Background()
	kek, err := message.NewAEAD(keyring.NewManager(exampleKeyring()), nil)
	if err != nil {
		log.Fatal(err)
	}
	// As tinkey does: a keyset of one key, written under the key encryption key.
	manager := keyset.NewManager()
	write := func() []byte {
		id, err := manager.Add(aead.AES256GCMKeyTemplate())
		if err != nil {
			log.Fatal(err)
		}
		if err := manager.SetPrimary(id); err != nil {
			log.Fatal(err)
		}
		handle, err := manager.Handle()
		if err != nil {
			log.Fatal(err)
		}
		var file bytes.Buffer
		if err := handle.Write(keyset.NewJSONWriter(&file), kek); err != nil {
			log.Fatal(err)
		}
		return file.Bytes()
	}
	open := func(file []byte) keyring.Keyring {
		keys, err := tink.Parse(ctx, file, kek, nil)
		if err != nil {
			log.Fatal(err)
		}
		k, err := tink.New(tink.Config{Name: "orders", Keyset: keys})
		if err != nil {
			log.Fatal(err)
		}
		return k
	}

	msg, err := message.Encrypt(ctx, open(write()), []byte("hello"), nil)
	if err != nil {
		log.Fatal(err)
	}
	plaintext, _, err := message.Decrypt(ctx, open(write()), msg) // with one more key, which is the primary one now
	fmt.Println(string(plaintext), err)
	// Output: hello <nil>
}

// Tink finds the keys of a keyset that names them by URI in a registry. It is global, so registering is the program's business.
func ExampleNewKMSClient() {
	k := exampleKeyring()
	client, err := tink.NewKMSClient(tink.KMSClientConfig{
		Prefix: "pkcs11:",
		Open:   func(keyURI string) (keyring.Keyring, error) { return k, nil }, // for example by a Mux of package config
	})
	if err != nil {
		log.Fatal(err)
	}
	registry.RegisterKMSClient(client)

	template, err := aead.CreateKMSEnvelopeAEADKeyTemplate("pkcs11:token=payments;object=kek", aead.AES256GCMKeyTemplate())
	if err != nil {
		log.Fatal(err)
	}
	handle, err := keyset.NewHandle(template) // holds the URI and no key
	if err != nil {
		log.Fatal(err)
	}
	a, err := aead.New(handle)
	if err != nil {
		log.Fatal(err)
	}
	ciphertext, err := a.Encrypt([]byte("hello"), []byte("invoice 7"))
	if err != nil {
		log.Fatal(err)
	}
	plaintext, err := a.Decrypt(ciphertext, []byte("invoice 7"))
	fmt.Println(string(plaintext), err)
	// Output: hello <nil>
}
