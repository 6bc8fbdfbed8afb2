package message

import (
	"crypto/cipher"
	"encoding/binary"

	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring/suite"
)

// Frame layouts (ESDK spec, data-format/message-body), in bytes.
const (
	finalMarker = 0xFFFFFFFF

	regularOverhead = 4 + suite.IVLen + suite.TagLen         // sequence, IV, tag
	finalOverhead   = 4 + 4 + suite.IVLen + 4 + suite.TagLen // marker, sequence, IV, content length, tag
	nonFramedHead   = suite.IVLen + 8
	frameHeadMax    = finalOverhead - suite.TagLen // what parseFrameHead needs to see at most

	// maxNonFramed is the exclusive bound of a non-framed body: what AES-GCM can seal under one IV.
	maxNonFramed = 1<<36 - 32
)

// The strings of the body AAD.
const (
	aadFrame      = "AWSKMSEncryptionClient Frame"
	aadFinalFrame = "AWSKMSEncryptionClient Final Frame"
	aadNonFramed  = "AWSKMSEncryptionClient Single Block"
)

// frame is one piece of a body as it stands in the message; the slices are views. A non-framed body is a single final piece.
type frame struct {
	seq    uint32
	final  bool
	iv     []byte
	sealed []byte // ciphertext and tag
}

// contentLen is the length of the frame's plaintext in bytes.
func (f *frame) contentLen() int { return len(f.sealed) - suite.TagLen }

// parseFrame reads the frame that must have sequence number seq from the start of b; at is its offset in the message, for errors.
func (h *header) parseFrame(b []byte, seq uint32, at int64) (f frame, n int, err error) {
	r := wire.NewReader(b)
	content, err := h.parseFrameHead(&r, &f, seq, at)
	if err != nil {
		return f, 0, err
	}
	if content+suite.TagLen > uint64(r.Len()) {
		return f, 0, truncated("body")
	}
	f.sealed = r.Bytes(int(content) + suite.TagLen)
	return f, r.Offset(), nil
}

// parseFrameHead reads what stands before a frame's ciphertext, and returns the ciphertext's length in bytes without the tag.
func (h *header) parseFrameHead(r *wire.Reader, f *frame, seq uint32, at int64) (content uint64, err error) {
	if !h.framed() {
		*f = frame{seq: 1, final: true, iv: r.Bytes(suite.IVLen)}
		content = r.U64()
		switch {
		case r.Short():
			return 0, truncated("body")
		case content >= maxNonFramed:
			return 0, &FormatError{at + suite.IVLen, "non-framed body is longer than AES-GCM allows"}
		}
		return content, nil
	}
	f.seq = r.U32()
	content = uint64(h.frameLen)
	if f.seq == finalMarker {
		f.final = true
		f.seq = r.U32()
	}
	if r.Short() {
		return 0, truncated("body")
	}
	if f.seq != seq {
		return 0, &FormatError{at, "frame out of order"}
	}
	f.iv = r.Bytes(suite.IVLen)
	if f.final {
		content = uint64(r.U32())
		if !r.Short() && content > uint64(h.frameLen) {
			return 0, &FormatError{at, "final frame is longer than the frame length"}
		}
	}
	if r.Short() {
		return 0, truncated("body")
	}
	return content, nil
}

var zeroIV [suite.IVLen]byte

// bodyCipher seals and opens the pieces of one body. A copy may work beside it; one of them serves one goroutine.
type bodyCipher struct {
	aead  cipher.AEAD
	idLen int
	iv    [suite.IVLen]byte
	aad   [32 + len(aadNonFramed) + 4 + 8]byte // message id, string, sequence, content length
}

func (c *bodyCipher) init(aead cipher.AEAD, messageID []byte) {
	c.aead = aead
	c.idLen = copy(c.aad[:], messageID)
}

// setAAD returns the AAD of one piece (ESDK spec, data-format/message-body-aad).
func (c *bodyCipher) setAAD(text string, seq uint32, content int) []byte {
	b := append(c.aad[:c.idLen], text...)
	b = binary.BigEndian.AppendUint32(b, seq)
	return binary.BigEndian.AppendUint64(b, uint64(content))
}

// appendFrame appends one sealed frame. A writer's IV is the sequence number: unique under a content key that serves one message.
func (c *bodyCipher) appendFrame(dst, plaintext []byte, seq uint32, final bool) []byte {
	binary.BigEndian.PutUint32(c.iv[suite.IVLen-4:], seq)
	text := aadFrame
	if final {
		text = aadFinalFrame
		dst = binary.BigEndian.AppendUint32(dst, finalMarker)
	}
	dst = binary.BigEndian.AppendUint32(dst, seq)
	dst = append(dst, c.iv[:]...)
	if final {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(plaintext)))
	}
	return c.aead.Seal(dst, c.iv[:], plaintext, c.setAAD(text, seq, len(plaintext)))
}

// appendFrames appends plaintext as sealed frames from sequence number seq on, and returns the next number. With final the last of them,
// possibly empty, is the final frame; without, plaintext is a multiple of the frame length.
func (c *bodyCipher) appendFrames(dst, plaintext []byte, frameLen int, seq uint32, final bool) ([]byte, uint32) {
	for ; len(plaintext) > frameLen || !final && len(plaintext) > 0; seq++ {
		dst = c.appendFrame(dst, plaintext[:frameLen], seq, false)
		plaintext = plaintext[frameLen:]
	}
	if final {
		dst = c.appendFrame(dst, plaintext, seq, true)
		seq++
	}
	return dst, seq
}

// openFrame appends the plaintext of one piece. The stored IV is used: messages with other IVs than the writer's exist.
func (c *bodyCipher) openFrame(dst []byte, h *header, f *frame) ([]byte, error) {
	text := aadFrame
	switch {
	case !h.framed():
		text = aadNonFramed
	case f.final:
		text = aadFinalFrame
	}
	out, err := c.aead.Open(dst, f.iv, f.sealed, c.setAAD(text, f.seq, f.contentLen()))
	if err != nil {
		return dst, &AuthenticationError{LayerBody}
	}
	return out, nil
}
