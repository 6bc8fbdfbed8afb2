package message

import (
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

// CiphertextLen is the exact length in bytes of the message for a plaintext of n bytes. The encrypted data keys of a raw AES or HSM key have
// the same length every time, so those of one message (see [ParseHeader]) tell the length of the next. Signatures are written with a
// fixed length. Errors are those of an encryption context that cannot be written.
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
	aad, err := wire.AppendContext(nil, s.Context)
	if err != nil {
		return 0, err
	}
	h := header{suite: as, messageID: make([]byte, as.MessageIDLen()), contextAAD: aad, edks: s.EDKs}
	size := int64(h.bodyLen() + headerAuthLen(as))
	if as.Signed() {
		size += publicKeyPairLen(as, len(aad) == 0)
	}
	body, err := bodyLen(n, frameLen)
	return size + body + footerLen(as), err
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
	frames := regularFrames(n, frameLen)
	if n < 0 || frames > finalMarker-1 {
		return 0, &keyring.LimitError{What: "frames of the message; use a larger frame length", Got: int(frames) + 1, Max: finalMarker}
	}
	return n + frames*regularOverhead + finalOverhead, nil
}
