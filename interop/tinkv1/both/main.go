// Command both links google/tink/go and tink-crypto/tink-go/v2. It is never seen to say anything.
package main

import (
	"fmt"

	_ "github.com/google/tink/go/aead"
	_ "github.com/tink-crypto/tink-go/v2/aead"
)

func main() { fmt.Println("linked both") }
