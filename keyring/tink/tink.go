// Package tink connects signet with Tink (github.com/tink-crypto/tink-go/v2): keysets wrap data keys, and signet's keyrings are KMS clients of Tink.
package tink

import (
	_ "github.com/tink-crypto/tink-go/v2/aead"
	_ "github.com/tink-crypto/tink-go/v2/core/registry"
	_ "github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	_ "github.com/tink-crypto/tink-go/v2/keyset"
	_ "github.com/tink-crypto/tink-go/v2/tink"
	_ "github.com/tink-crypto/tink-go/v2/testing/fakekms"
)
