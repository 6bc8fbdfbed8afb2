// Package tinkv1 tests signet with github.com/google/tink/go, the frozen predecessor of github.com/tink-crypto/tink-go/v2. It is a module of its
// own, the only place where that library is imported: a program cannot link both, which a test here shows.
//
// What needs the other library runs in another process, v2side; this package has what the two say to each other. To run everything:
//
//	cd interop/tinkv1 && go test -count=1 ./...
//
// (go test does not see that v2side changed, hence -count=1.)
package tinkv1

// A Request asks v2side, by JSON on its standard input, to open a keyset and use it with signet's keyring/tink.
type Request struct {
	Name           string // of the keyset
	Keyset         []byte // as google/tink/go wrote it, JSON or binary
	KEKKeyset      []byte // cleartext keyset under which it is encrypted
	KEKRaw         []byte // or a raw AES key: a message.AEAD over a raw keyring "tinkv1", "kek" encrypted it. Neither: it is not encrypted
	AssociatedData []byte
	Messages       [][]byte // to decrypt
	Plaintext      []byte   // to encrypt
}

// A Response is what came of a Request.
type Response struct {
	Error      string   // the keyset did not open
	Class      string   // "authentication", "malformed", "unsupported" or "other"
	Keys       []string // type and id of each key
	Plaintexts [][]byte // one for each message, nil for one that did not open
	Message    []byte   // the plaintext, encrypted
}
