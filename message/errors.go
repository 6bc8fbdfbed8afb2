package message

import (
	"fmt"
	"io"

	"github.com/signetkeys/signet"
)

// A FormatError says where a message stopped being what the format allows. It answers for [signet.ErrMalformed].
type FormatError struct {
	Offset int64 // bytes from the start of the message
	Reason string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("message: %s (at byte %d)", e.Reason, e.Offset)
}

// Is makes a FormatError a format error.
func (e *FormatError) Is(target error) bool { return target == signet.ErrMalformed }

// A Layer is the part of a message whose authentication failed.
type Layer uint8

const (
	LayerCommitment Layer = iota + 1 // the data key is not the one the header commits to
	LayerHeader                      // the header's tag
	LayerBody                        // a frame's tag, or that of a non-framed body
	LayerSignature                   // the footer's signature
)

func (l Layer) String() string {
	switch l {
	case LayerCommitment:
		return "key commitment"
	case LayerHeader:
		return "header"
	case LayerBody:
		return "body"
	case LayerSignature:
		return "signature"
	}
	return fmt.Sprintf("Layer(%d)", uint8(l))
}

// An AuthenticationError reports that a message was changed, or that its pieces or keys do not belong together. It answers for
// [signet.ErrAuthentication]. Within one layer every cause gives the same error.
type AuthenticationError struct{ Layer Layer }

func (e *AuthenticationError) Error() string {
	return fmt.Sprintf("message: authentication of the %s failed: the message was changed or is not under this key", e.Layer)
}

// Is makes an AuthenticationError an authentication failure.
func (e *AuthenticationError) Is(target error) bool { return target == signet.ErrAuthentication }

// truncated is the error of input that ends inside the named part.
func truncated(part string) error {
	return fmt.Errorf("message: truncated in the %s: %w", part, io.ErrUnexpectedEOF)
}

// LengthError reports a plaintext that is longer, or with an exact length shorter, than was declared. It answers for signet.ErrLimit.
type LengthError struct {
	Declared int64 // bytes
	Exact    bool  // false: Declared was a bound
	Got      int64 // bytes, as far as they were counted
}

func (e *LengthError) Error() string {
	switch {
	case !e.Exact:
		return fmt.Sprintf("message: plaintext is longer than the bound of %d bytes", e.Declared)
	case e.Got > e.Declared:
		return fmt.Sprintf("message: plaintext is longer than the declared %d bytes", e.Declared)
	}
	return fmt.Sprintf("message: plaintext ended after %d of the declared %d bytes", e.Got, e.Declared)
}

// Is makes a LengthError answer for its class.
func (e *LengthError) Is(target error) bool { return target == signet.ErrLimit }
