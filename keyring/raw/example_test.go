package raw_test

import (
	"context"
	"fmt"
	"log"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
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
