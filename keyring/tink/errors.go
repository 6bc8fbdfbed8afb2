package tink

import (
	"fmt"
	"io"

	"github.com/signetkeys/signet"
)

// A KeysetError says why bytes are not a keyset that can be used. It answers for [signet.ErrMalformed], for [io.ErrUnexpectedEOF] when
// the bytes end too early, or for [signet.ErrUnsupported] when a key is no AEAD that works on its own. It holds nothing of the keys.
type KeysetError struct {
	Offset int64 // bytes from the start; -1 when it is not known
	Reason string
	Err    error // one of the three
}

func (e *KeysetError) Error() string {
	if e.Offset < 0 {
		return "tink keyset: " + e.Reason
	}
	return fmt.Sprintf("tink keyset: %s (at byte %d)", e.Reason, e.Offset)
}

func (e *KeysetError) Unwrap() error { return e.Err }

func malformed(offset int64, reason string) error {
	return &KeysetError{offset, reason, signet.ErrMalformed}
}

func truncated(offset int64) error {
	return &KeysetError{offset, "it ends too early", io.ErrUnexpectedEOF}
}
