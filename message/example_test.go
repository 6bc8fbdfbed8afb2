package message_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

func exampleKeyring() keyring.Keyring {
	key := make([]byte, 32)
	rand.Read(key)
	k, err := raw.NewAES(raw.AESConfig{Namespace: "example", Name: "kek-1", Key: key})
	if err != nil {
		panic(err)
	}
	return k
}

func Example() {
	ctx := context.Background()
	k := exampleKeyring()
	msg, err := message.Encrypt(ctx, k, []byte("hello"), keyring.EncryptionContext{"purpose": "example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	plaintext, header, err := message.Decrypt(ctx, k, msg)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, purpose %s\n", plaintext, header.Context["purpose"])
	// Output: hello, purpose example
}

func ExampleClient() {
	ctx := context.Background()
	mm := keyring.NewManager(exampleKeyring())
	client := message.Client{MaxEncryptedDataKeys: 1}
	msg, err := client.Encrypt(ctx, mm, make([]byte, 10000), &message.EncryptOptions{
		Suite:       suite.AES256GCMCommit(), // no signature
		FrameLength: 1024,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	plaintext, _, err := client.Decrypt(ctx, mm, msg, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(plaintext))
	// Output: 10000
}

func ExampleParseHeader() {
	msg, err := message.Encrypt(context.Background(), exampleKeyring(), []byte("hello"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	h, _, err := message.ParseHeader(msg)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(h.Suite, h.EDKs[0].ProviderID)
	// Output: AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384 (0x0578) example
}

// The keyring as an AEAD, for libraries that take one. Anybody who knows the associated data and has the key opens it as a message.
func ExampleNewAEAD() {
	k := exampleKeyring()
	aead, err := message.NewAEAD(keyring.NewManager(k), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ciphertext, err := aead.Encrypt([]byte("hello"), []byte("invoice 7"))
	if err != nil {
		fmt.Println(err)
		return
	}
	plaintext, err := aead.Decrypt(ciphertext, []byte("invoice 7"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = aead.Decrypt(ciphertext, []byte("invoice 8"))
	fmt.Printf("%s; as invoice 8: %v\n", plaintext, errors.Is(err, signet.ErrAuthentication))
	// Output: hello; as invoice 8: true
}
