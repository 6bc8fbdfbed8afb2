package ddb

import (
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// Info says what was authenticated with a decrypted item.
type Info struct {
	Attributes []AttributeInfo // those that were decrypted, by ascending name
}

// AttributeInfo says what was authenticated with one decrypted attribute.
type AttributeInfo struct {
	Name     string
	Type     string // DynamoDB's name of the decrypted type: "S", "N", "BOOL", ...
	Suite    *suite.Suite
	Context  keyring.EncryptionContext // read-only
	EDKs     []keyring.EncryptedDataKey
	Used     int               // index of the encrypted data key that opened
	Attempts []keyring.Attempt // what was tried before it
}
