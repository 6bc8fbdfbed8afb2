package message

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

const (
	version1 = 0x01
	version2 = 0x02

	contentNonFramed = 0x01
	contentFramed    = 0x02

	// headerTagLen is the length of a version 2 header authentication: a bare tag.
	headerTagLen = suite.TagLen
)

// header is a header body, parsed or to be written (formats: ESDK spec, data-format/message-header). A parsed one consists of views of
// the input.
type header struct {
	suite       *suite.Suite
	messageID   []byte
	contextAAD  []byte // the context block as stored, without its length
	context     keyring.EncryptionContext
	edks        []keyring.EncryptedDataKey
	contentType uint8
	frameLen    uint32 // 0 iff non-framed
	commitment  []byte

	raw    []byte // the whole header body as received: what is authenticated
	edksAt int    // offset of the first EDK in raw
}

// framed reports whether the body consists of frames.
func (h *header) framed() bool { return h.contentType == contentFramed }

// len2 is the exact length of a version 2 header body.
func (h *header) len2() int {
	n := 1 + 2 + len(h.messageID) + 2 + len(h.contextAAD) + 2 + 1 + 4 + suite.CommitmentLen
	for i := range h.edks {
		e := &h.edks[i]
		n += wire.EDKLen(e.ProviderID, e.ProviderInfo, e.Ciphertext)
	}
	return n
}

// append2 appends the header body of a framed version 2 message. Lengths and counts were checked by the caller.
func (h *header) append2(dst []byte) []byte {
	dst = append(dst, version2)
	dst = binary.BigEndian.AppendUint16(dst, h.suite.ID())
	dst = append(dst, h.messageID...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(h.contextAAD)))
	dst = append(dst, h.contextAAD...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(h.edks)))
	for i := range h.edks {
		e := &h.edks[i]
		dst = wire.AppendEDK(dst, e.ProviderID, e.ProviderInfo, e.Ciphertext)
	}
	dst = append(dst, h.contentType)
	dst = binary.BigEndian.AppendUint32(dst, h.frameLen)
	return append(dst, h.commitment...)
}

// parseHeader reads a header body from the start of b. Input that ends too early is io.ErrUnexpectedEOF, whatever else may be wrong
// behind the end; a stream reader calls again with more. More than maxEDKs encrypted data keys are refused when their count is read.
func parseHeader(b []byte, maxEDKs int) (*header, error) {
	r := wire.NewReader(b)
	version := r.U8()
	if r.Short() {
		return nil, truncated("header")
	}
	switch version {
	case version2:
	case version1:
		return nil, &UnsupportedError{"message format version 1"}
	default:
		return nil, &FormatError{0, notAMessage(b)}
	}
	h := new(header)
	if err := h.parseSuite(&r, version); err != nil {
		return nil, err
	}
	h.messageID = r.Bytes(h.suite.MessageIDLen())
	if err := h.parseContext(&r); err != nil {
		return nil, err
	}
	if err := h.parseEDKs(&r, maxEDKs); err != nil {
		return nil, err
	}
	if err := h.parseContent(&r); err != nil {
		return nil, err
	}
	h.commitment = r.Bytes(suite.CommitmentLen)
	if r.Short() {
		return nil, truncated("header")
	}
	h.raw = b[:r.Offset():r.Offset()]
	return h, nil
}

// notAMessage names what b looks like when its first byte is no version: the base64 text of a message begins AY, AgR or AgV.
func notAMessage(b []byte) string {
	if len(b) >= 3 && (string(b[:2]) == "AY" || string(b[:3]) == "AgR" || string(b[:3]) == "AgV") {
		return "not a message; it looks like the base64 text of one, which must be decoded first"
	}
	return fmt.Sprintf("not a message: unknown version 0x%02x", b[0])
}

func (h *header) parseSuite(r *wire.Reader, version uint8) error {
	at := r.Offset()
	id := r.U16()
	if r.Short() {
		return truncated("header")
	}
	s, ok := suite.ByID(id)
	if !ok || s.Format() != suite.Message || s.MessageVersion() != version {
		return &FormatError{at, fmt.Sprintf("algorithm suite 0x%04X is none of message version %d", id, version)}
	}
	h.suite = s
	return nil
}

func (h *header) parseContext(r *wire.Reader) error {
	n := int(r.U16())
	at := r.Offset()
	h.contextAAD = r.Bytes(n)
	if r.Short() {
		return truncated("header")
	}
	ec, err := wire.ParseContext(h.contextAAD)
	if err != nil {
		reason, off := err.Error(), 0
		if se, ok := err.(*wire.SyntaxError); ok {
			reason, off = se.Reason, se.Offset
		}
		return &FormatError{at + off, reason}
	}
	h.context = ec
	return nil
}

func (h *header) parseEDKs(r *wire.Reader, maxEDKs int) error {
	at := r.Offset()
	n := int(r.U16())
	if r.Short() {
		return truncated("header")
	}
	if n == 0 {
		return &FormatError{at, "no encrypted data key"}
	}
	if n > maxEDKs {
		return &keyring.LimitError{What: "encrypted data keys in the message", Got: n, Max: maxEDKs}
	}
	h.edksAt = r.Offset()
	h.edks = make([]keyring.EncryptedDataKey, 0, min(n, r.Len()/6))
	for range n {
		at := r.Offset()
		id, info, ct := r.EDK()
		if r.Short() {
			return truncated("header")
		}
		if !utf8.Valid(id) {
			return &FormatError{at, "provider id is not valid UTF-8"}
		}
		h.edks = append(h.edks, keyring.EncryptedDataKey{ProviderID: string(id), ProviderInfo: info, Ciphertext: ct})
	}
	return nil
}

func (h *header) parseContent(r *wire.Reader) error {
	at := r.Offset()
	h.contentType = r.U8()
	h.frameLen = r.U32()
	switch {
	case r.Short():
		return truncated("header")
	case h.contentType != contentFramed && h.contentType != contentNonFramed:
		return &FormatError{at, fmt.Sprintf("unknown content type 0x%02x", h.contentType)}
	case h.framed() && h.frameLen == 0:
		return &FormatError{at + 1, "framed content with frame length 0"}
	case !h.framed() && h.frameLen != 0:
		return &FormatError{at + 1, "non-framed content with a frame length"}
	}
	return nil
}

// detach replaces all views by views of one copy of the header body, so that they outlive the input.
func (h *header) detach() {
	h.raw = bytes.Clone(h.raw)
	idAt := 3 // version and suite
	h.messageID = h.raw[idAt : idAt+len(h.messageID) : idAt+len(h.messageID)]
	r := wire.NewReader(h.raw)
	r.Bytes(h.edksAt)
	for i := range h.edks {
		_, h.edks[i].ProviderInfo, h.edks[i].Ciphertext = r.EDK()
	}
	h.commitment = h.raw[len(h.raw)-len(h.commitment):]
	h.contextAAD = nil
}
