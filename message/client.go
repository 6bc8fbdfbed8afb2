package message

import (
	"context"
	"fmt"
	"math"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

const (
	// DefaultFrameLength is the plaintext length of a frame in bytes, as in every AWS Encryption SDK.
	DefaultFrameLength = 4096
	// MaxFrameLength is the largest frame length that is written, in bytes: the Python client reads no larger one.
	MaxFrameLength = math.MaxInt32
	// DefaultMaxEDKs is how many encrypted data keys a message may have unless the client says otherwise.
	DefaultMaxEDKs = 64
	// MaxEDKs is how many the format can hold.
	MaxEDKs = 65535
)

// A Client holds the settings of message operations. The zero value is ready: the strictest commitment policy and DefaultMaxEDKs. It is
// safe for concurrent use as long as nobody changes its fields.
type Client struct {
	CommitmentPolicy suite.CommitmentPolicy
	// MaxEncryptedDataKeys bounds the encrypted data keys of messages written and read; 0 means DefaultMaxEDKs.
	MaxEncryptedDataKeys int
}

// EncryptOptions are the optional settings of one encryption; nil means defaults.
type EncryptOptions struct {
	// Context is authenticated with the message and stored in it in the clear. Names starting with "aws-crypto-" are refused.
	Context keyring.EncryptionContext
	// Suite is the algorithm suite; nil means the commitment policy's default.
	Suite *suite.Suite
	// FrameLength is the plaintext length of a frame in bytes, 1 to MaxFrameLength; 0 means DefaultFrameLength.
	FrameLength int
	// OnDegraded, when set, is told which optional keyrings did not wrap the data key of this message. Without it a degraded message is
	// written all the same; inspect shows which keys it has.
	OnDegraded func([]keyring.Attempt)

	// The rest is for streams; [Client.Encrypt] ignores it.

	// Length, when not nil, is the exact length of the plaintext in bytes: less or more is an error.
	Length *int64
	// MaxLength, when positive, bounds the plaintext in bytes; ignored when Length is given. Length or MaxLength let a caching manager
	// count bytes; without either it does not cache.
	MaxLength int64
	// Concurrency is how many chunks of frames are encrypted at once; 0 and 1 mean one after the other.
	Concurrency int
}

// DecryptOptions are the optional settings of one decryption; nil means defaults.
type DecryptOptions struct {
	// ReproducedContext has pairs that the caller knows. One that the message stores must be equal; others are taken as pairs that were
	// authenticated without being stored, so that a pair nobody authenticated makes decryption fail.
	ReproducedContext keyring.EncryptionContext
	// RequireContext has pairs that the message's context must have, stored or reproduced; otherwise [*keyring.ContextError].
	RequireContext keyring.EncryptionContext
	// AllowNET400Faults opens messages of release 4.0.0 of the .NET client that it wrote against the format: suites with HKDF of version 1
	// without the message id in the derivation, and headers authenticated with two superfluous zero bytes. Off, they fail.
	AllowNET400Faults bool

	// The rest is for streams; [Client.Decrypt] ignores it.

	// ReleaseUnverified lets a stream reader of a signed message release frames before the signature is verified. What was read must
	// not be acted on until io.EOF.
	ReleaseUnverified bool
	// MaxFrameLength bounds what a stream reader holds in memory for one frame, or for a non-framed body, in bytes; 0 means
	// DefaultMaxFrameLength.
	MaxFrameLength int64
	// Concurrency is how many chunks of frames are decrypted at once; 0 and 1 mean one after the other.
	Concurrency int
}

// DefaultMaxFrameLength is the largest frame that a stream reader accepts unless told otherwise, in bytes.
const DefaultMaxFrameLength = 64 << 20

// Encrypt encrypts plaintext under a keyring with the default suite (0x0578) and frame length. The encryption context may be nil. The
// result is a whole message. With a multi-keyring that has optional members, use [Client.Encrypt]: it can tell when one of them did not
// wrap the data key.
func Encrypt(ctx context.Context, k keyring.Keyring, plaintext []byte, ec keyring.EncryptionContext) ([]byte, error) {
	return new(Client).Encrypt(ctx, keyring.NewManager(k), plaintext, &EncryptOptions{Context: ec})
}

// Decrypt opens a whole message that any key of the keyring can open. The header says what was authenticated with it: compare its
// context with what you expect.
func Decrypt(ctx context.Context, k keyring.Keyring, ciphertext []byte) ([]byte, *Header, error) {
	return new(Client).Decrypt(ctx, keyring.NewManager(k), ciphertext, nil)
}

// maxEDKs is the effective limit.
func (c *Client) maxEDKs() (int, error) {
	switch n := c.MaxEncryptedDataKeys; {
	case n == 0:
		return DefaultMaxEDKs, nil
	case n < 0 || n > MaxEDKs:
		return 0, &keyring.ConfigError{Reason: fmt.Sprintf("MaxEncryptedDataKeys is %d; it must be 1 to %d, or 0 for %d", n, MaxEDKs, DefaultMaxEDKs)}
	default:
		return n, nil
	}
}

func checkFrameLength(n int) (int, error) {
	switch {
	case n == 0:
		return DefaultFrameLength, nil
	case n < 0 || n > MaxFrameLength:
		return 0, &keyring.ConfigError{Reason: fmt.Sprintf("frame length is %d; it must be 1 to %d", n, MaxFrameLength)}
	}
	return n, nil
}

// checkMaxFrameLength returns how long a frame may be for a reader.
func checkMaxFrameLength(n int64) (int64, error) {
	switch {
	case n < 0:
		return 0, &keyring.ConfigError{Reason: "MaxFrameLength is negative"}
	case n == 0:
		return DefaultMaxFrameLength, nil
	}
	return n, nil
}

// checkConcurrency returns how many goroutines work beside the caller's: none for a concurrency of 1.
func checkConcurrency(n int) (int, error) {
	switch {
	case n < 0:
		return 0, &keyring.ConfigError{Reason: fmt.Sprintf("Concurrency is %d; it must not be negative", n)}
	case n == 1:
		return 0, nil
	}
	return n, nil
}

// checkFormat refuses suites that are no message suites.
func checkFormat(s *suite.Suite) error {
	if s.Format() != suite.Message {
		return &suite.PolicyError{Suite: s, Reason: "not a message suite"}
	}
	return nil
}
