package keyring_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"log"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
)

func newRaw(name string) keyring.Keyring {
	key := make([]byte, 32)
	rand.Read(key)
	k, err := raw.NewAES(raw.AESConfig{Namespace: "example.com", Name: name, Key: key})
	if err != nil {
		log.Fatal(err)
	}
	return k
}

// Two keyrings wrap every data key, and each of them can open it alone. A third, optional one may fail; the result says so.
func ExampleNewMulti() {
	daily, disaster := newRaw("daily"), newRaw("disaster")
	k, err := keyring.NewMulti(keyring.MultiOptions{Generator: daily, Children: []keyring.Keyring{disaster}})
	if err != nil {
		log.Fatal(err)
	}
	// Package message does this for you; here is what it asks of a keyring.
	ctx := context.Background()
	r, err := keyring.NewRequest(suite.AES256GCMCommit(), keyring.EncryptionContext{"purpose": "backup"})
	if err != nil {
		log.Fatal(err)
	}
	w, err := k.OnEncrypt(ctx, r, nil)
	if err != nil {
		log.Fatal(err)
	}
	u, err := disaster.OnDecrypt(ctx, r, w.EDKs)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("encrypted data keys:", len(w.EDKs), "degraded:", len(w.Degraded))
	fmt.Println("opened with number", u.Used, "after", u.Attempts[0].String())

	_, err = newRaw("other").OnDecrypt(ctx, r, w.EDKs)
	fmt.Println(errors.Is(err, signet.ErrNoKey), err)
	// Output:
	// encrypted data keys: 2 degraded: 0
	// opened with number 1 after EDK 0 ("example.com", key "daily"): raw-aes example.com/disaster: skipped: key name differs
	// true no key could decrypt: none of 2 encrypted data keys opened: EDK 0 ("example.com", key "daily"): raw-aes example.com/other: skipped: key name differs; EDK 1 ("example.com", key "disaster"): raw-aes example.com/other: skipped: key name differs
}

// vault stands for a backend of your own; here it seals with AES-GCM in memory.
type vault struct{ aead cipher.AEAD }

func (v *vault) Wrap(_ context.Context, r *keyring.Request, plaintext []byte) (keyring.EncryptedDataKey, error) {
	return keyring.EncryptedDataKey{
		ProviderID: "vault", ProviderInfo: []byte("key-1"), Ciphertext: v.aead.Seal(nil, nil, plaintext, r.AAD),
	}, nil
}

func (v *vault) Unwrap(_ context.Context, r *keyring.Request, e *keyring.EncryptedDataKey) ([]byte, error) {
	if e.ProviderID != "vault" || !bytes.Equal(e.ProviderInfo, []byte("key-1")) {
		return nil, &keyring.Skip{Reason: "another key"}
	}
	if len(e.Ciphertext) != r.Suite.WrappedKeyLen()+v.aead.Overhead() {
		return nil, keyring.ErrShape
	}
	plaintext, err := v.aead.Open(nil, nil, e.Ciphertext, r.AAD)
	if err != nil {
		return nil, keyring.ErrDidNotOpen
	}
	return plaintext, nil
}

// A backend of your own is a Wrapper and an Unwrapper. New adds the rules that all keyrings share; keyringtest.Run checks the result.
func ExampleNew() {
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		log.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		log.Fatal(err)
	}
	v := &vault{aead}
	k := keyring.New("vault", v, v, &keyring.Options{Key: "key-1"})

	r, err := keyring.NewRequest(suite.AES256GCMCommit(), keyring.EncryptionContext{"tenant": "a"})
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
	fmt.Println(u.DataKey.Equal(w.DataKey))

	other, err := keyring.NewRequest(suite.AES256GCMCommit(), keyring.EncryptionContext{"tenant": "b"})
	if err != nil {
		log.Fatal(err)
	}
	_, err = k.OnDecrypt(context.Background(), other, w.EDKs)
	fmt.Println(err)
	// Output:
	// true
	// no key could decrypt: the encrypted data key did not open: EDK 0 ("vault", key "key-1"): vault key-1: authentication failed: did not open: wrong key, changed context or corrupted
}
