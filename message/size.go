package message

import (
	"math"

	"github.com/signetkeys/signet/internal/ecsig"
	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// A Shape is what, besides the plaintext's length, decides how long a message that this package writes will be.
type Shape struct {
	Suite       *suite.Suite              // nil: the default, 0x0578
	Context     keyring.EncryptionContext // the caller's; the public key of signed suites is added here
	EDKs        []keyring.EncryptedDataKey
	FrameLength int // bytes; 0 means DefaultFrameLength
}

// CiphertextLen is the exact length in bytes of the message for a plaintext of n bytes, n not negative. The encrypted data keys of a raw AES
// or HSM key have the same length every time, so those of one message (see [ParseHeader]) tell the length of the next. Signatures are
// written with a fixed length. What [Client.Encrypt] would refuse in the shape is an error here, too.
func (s Shape) CiphertextLen(n int64) (int64, error) {
	as := s.Suite
	if as == nil {
		as = suite.RequireEncryptRequireDecrypt.Default()
	}
	if err := checkFormat(as); err != nil {
		return 0, err
	}
	frameLen, err := checkFrameLength(s.FrameLength)
	if err != nil {
		return 0, err
	}
	if err := checkContextNames(s.Context); err != nil {
		return 0, err
	}
	aad, err := keyring.AppendContext(nil, s.Context)
	if err != nil {
		return 0, err
	}
	if n := len(s.EDKs); n > MaxEDKs {
		return 0, &keyring.LimitError{What: "number of encrypted data keys", Got: int64(n), Max: MaxEDKs}
	}
	for i := range s.EDKs {
		if err := checkEDK(&s.EDKs[i]); err != nil {
			return 0, err
		}
	}
	h := header{suite: as, messageID: make([]byte, as.MessageIDLen()), contextAAD: aad, edks: s.EDKs}
	size := int64(h.bodyLen() + headerAuthLen(as))
	if as.Signed() {
		pair := publicKeyPairLen(as, len(aad) == 0)
		if int64(len(aad))+pair > wire.MaxField {
			return 0, &keyring.LimitError{What: "length of the encryption context with the public key in bytes", Got: int64(len(aad)) + pair, Max: wire.MaxField}
		}
		size += pair
	}
	body, err := bodyLen(n, frameLen)
	if err != nil {
		return 0, err
	}
	if size += footerLen(as); body > math.MaxInt64-size {
		return 0, &keyring.LimitError{What: "length of the message in bytes", Got: math.MaxInt64, Max: math.MaxInt64}
	}
	return size + body, nil
}

// publicKeyPairLen is what the reserved pair adds to a stored context.
func publicKeyPairLen(s *suite.Suite, empty bool) int64 {
	point := 1 + (s.Curve().Params().BitSize+7)/8
	n := int64(4 + len(keyring.PublicKeyName) + (point+2)/3*4)
	if empty {
		n += 2
	}
	return n
}

func footerLen(s *suite.Suite) int64 {
	if !s.Signed() {
		return 0
	}
	return int64(2 + ecsig.FixedLen(s.Curve()))
}

// regularFrames is how many frames of n plaintext bytes are not the final one, which is full when n is a multiple of the frame length.
func regularFrames(n int64, frameLen int) int64 {
	if n == 0 {
		return 0
	}
	return (n - 1) / int64(frameLen)
}

// bodyLen is the exact length of a framed body.
func bodyLen(n int64, frameLen int) (int64, error) {
	if n < 0 {
		return 0, &keyring.ConfigError{Reason: "message: negative plaintext length"}
	}
	frames := regularFrames(n, frameLen)
	if frames > finalMarker-1 {
		return 0, &keyring.LimitError{What: "frames of the message; use a larger frame length", Got: frames + 1, Max: finalMarker}
	}
	overhead := frames*regularOverhead + finalOverhead
	if n > math.MaxInt64-overhead {
		return 0, &keyring.LimitError{What: "length of the message in bytes", Got: math.MaxInt64, Max: math.MaxInt64}
	}
	return n + overhead, nil
}
