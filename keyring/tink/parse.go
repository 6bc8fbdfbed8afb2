package tink

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/signetkeys/signet/keyring"
)

// MaxKeysetLen is the most bytes that a serialized keyset may have: some thousand keys.
const MaxKeysetLen = 256 << 10

// Parse reads an encrypted keyset, in JSON or binary: JSON begins with "{", which no binary keyset does. kek opens it: a message.AEAD for
// a keyset under a keyring, or an AEAD of Tink; when it is a [keyring.AEADWithContext], ctx ends it. associatedData is what the keyset was
// written with, mostly nil.
//
// Errors are [*KeysetError], [*keyring.LimitError] above [MaxKeysetLen], and [*keyring.AEADError] when kek does not open it.
func Parse(ctx context.Context, b []byte, kek keyring.AEAD, associatedData []byte) (*Keyset, error) {
	if kek == nil {
		return nil, &keyring.ConfigError{Reason: "tink keyset: a key encryption key is needed"}
	}
	reader, err := newReader(b, encrypted)
	if err != nil {
		return nil, err
	}
	opened := &opener{kek: kek}
	handle, err := keyset.ReadWithContext(ctx, reader, opened, associatedData)
	clear(opened.plaintext)
	switch {
	case opened.err != nil:
		return nil, opened.err
	case err != nil && opened.plaintext == nil:
		return nil, malformed(-1, "not an encrypted keyset") // Tink's text may show a piece of the input
	case err != nil:
		return nil, errNoKeyset
	}
	return FromHandle(handle)
}

var errNoKeyset = malformed(-1, "what the key encryption key opened is not a keyset of known keys")

// opener is the key encryption key as Tink calls it. It keeps its own error and what it opened, to be wiped.
type opener struct {
	kek       keyring.AEAD
	plaintext []byte
	err       error
}

func (o *opener) EncryptWithContext(context.Context, []byte, []byte) ([]byte, error) {
	return nil, errors.New("tink keyset: internal error: a reader encrypts")
}

func (o *opener) DecryptWithContext(ctx context.Context, ciphertext, associatedData []byte) ([]byte, error) {
	var b []byte
	var err error
	if kek, ok := o.kek.(keyring.AEADWithContext); ok {
		b, err = kek.DecryptWithContext(ctx, ciphertext, associatedData)
	} else if err = ctx.Err(); err == nil {
		b, err = o.kek.Decrypt(ciphertext, associatedData)
	}
	if err != nil {
		o.err = fmt.Errorf("tink keyset: the key encryption key: %w", &keyring.AEADError{Decrypt: true, Err: err})
		return nil, o.err
	}
	o.plaintext = b
	if len(b) > MaxKeysetLen {
		o.err = tooLong(len(b))
	} else if checkBinary(b, cleartext) != nil {
		o.err = errNoKeyset
	}
	return b, o.err
}

// ParseCleartextInsecure reads a keyset that is not encrypted, in JSON or binary. Whoever can read the bytes has the keys; the caller wipes
// them. Errors are [*KeysetError] and [*keyring.LimitError].
func ParseCleartextInsecure(b []byte) (*Keyset, error) {
	reader, err := newReader(b, cleartext)
	if err != nil {
		return nil, err
	}
	handle, err := insecurecleartextkeyset.Read(reader)
	if err != nil {
		return nil, malformed(-1, "not a cleartext keyset of known keys")
	}
	return FromHandle(handle)
}

func tooLong(n int) error {
	return &keyring.LimitError{What: "length of the keyset in bytes", Got: int64(n), Max: MaxKeysetLen}
}

func newReader(b []byte, l layout) (keyset.Reader, error) {
	if len(b) > MaxKeysetLen {
		return nil, tooLong(len(b))
	}
	if isJSON(b) {
		return keyset.NewJSONReader(bytes.NewReader(b)), checkJSON(b)
	}
	return keyset.NewBinaryReader(bytes.NewReader(b)), checkBinary(b, l)
}
