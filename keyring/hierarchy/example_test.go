package hierarchy_test

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/signetkeys/signet/keyring/hierarchy"
	"github.com/signetkeys/signet/message"
)

func ExampleNewStatic() {
	key := make([]byte, hierarchy.BranchKeyLen) // from where you keep it
	rand.Read(key)
	k, err := hierarchy.NewStatic(hierarchy.StaticConfig{
		BranchKeyID: "bd3842ff-3076-4092-9918-4395730050b8",
		Version:     "e9ce18a3-edb5-4272-9f86-1cacb7997ff6",
		Key:         key,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	msg, err := message.Encrypt(context.Background(), k, []byte("hello"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	plaintext, _, err := message.Decrypt(context.Background(), k, msg)
	fmt.Println(string(plaintext), err)
	// Output: hello <nil>
}
