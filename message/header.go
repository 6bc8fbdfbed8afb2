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

	// typeCustomer is the only type of version 1 messages.
	typeCustomer = 0x80
)

// headerAuthLen is the length of the header authentication: IV and tag in version 1, the tag alone in version 2.
func headerAuthLen(s *suite.Suite) int {
	if s.MessageVersion() == version1 {
		return suite.IVLen + suite.TagLen
	}
	return suite.TagLen
}

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

	detached bool // raw is a copy of our own
}

// framed reports whether the body consists of frames.
func (h *header) framed() bool { return h.contentType == contentFramed }

// bodyLen is the exact length of the header body in bytes.
func (h *header) bodyLen() int {
	n := 1 + 2 + len(h.messageID) + 2 + len(h.contextAAD) + 2 + 1 + 4
	for i := range h.edks {
		e := &h.edks[i]
		n += wire.EDKLen(e.ProviderID, e.ProviderInfo, e.Ciphertext)
	}
	if h.suite.MessageVersion() == version1 {
		return n + 1 + 4 + 1 // type, reserved, IV length
	}
	return n + suite.CommitmentLen
}

// append appends the header body. Lengths and counts were checked by the caller.
func (h *header) append(dst []byte) []byte {
	v1 := h.suite.MessageVersion() == version1
	dst = append(dst, h.suite.MessageVersion())
	if v1 {
		dst = append(dst, typeCustomer)
	}
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
	if v1 {
		dst = append(dst, 0, 0, 0, 0, suite.IVLen)
	}
	dst = binary.BigEndian.AppendUint32(dst, h.frameLen)
	if v1 {
		return dst
	}
	return append(dst, h.commitment...)
}

// parseHeader reads a header body from the start of b. Input that ends too early is io.ErrUnexpectedEOF, whatever else may be wrong
// behind the end; a stream reader calls again with more. More than maxEDKs encrypted data keys are refused when their count is read.
func parseHeader(b []byte, maxEDKs int) (*header, error) {
	h := new(header)
	if err := h.parse(b, maxEDKs); err != nil {
		return nil, err
	}
	return h, nil
}

// parse does the work of parseHeader. After input that ended in the EDKs or behind them, edksAt is set.
func (h *header) parse(b []byte, maxEDKs int) error {
	r := wire.NewReader(b)
	version := r.U8()
	if r.Short() {
		return truncated("header")
	}
	switch version {
	case version2:
	case version1:
		if t := r.U8(); !r.Short() && t != typeCustomer {
			return &FormatError{1, fmt.Sprintf("unknown message type 0x%02x", t)}
		}
	default:
		return &FormatError{0, notAMessage(b)}
	}
	if err := h.parseSuite(&r, version); err != nil {
		return err
	}
	h.messageID = r.Bytes(h.suite.MessageIDLen())
	if err := h.parseContext(&r); err != nil {
		return err
	}
	if err := h.parseEDKs(&r, maxEDKs); err != nil {
		return err
	}
	if err := h.parseContent(&r); err != nil {
		return err
	}
	if version == version2 {
		h.commitment = r.Bytes(suite.CommitmentLen)
	}
	if r.Short() {
		return truncated("header")
	}
	h.raw = b[:r.Offset():r.Offset()]
	return nil
}

// An edkWalk finds the end of the EDKs in a header that arrives in pieces, so that the header is parsed a few times, not with every piece.
type edkWalk struct {
	at   int // offset of the first entry that is not there in full
	left int // entries from there on
}

// short reports whether entries are missing from b, the header so far.
func (w *edkWalk) short(b []byte) bool {
	for w.left > 0 {
		r := wire.NewReader(b[w.at:])
		if r.EDK(); r.Short() {
			return true
		}
		w.at += r.Offset()
		w.left--
	}
	return false
}

// notAMessage names what b looks like when its first byte is no version: the base64 text of a message begins AY, AgR or AgV.
func notAMessage(b []byte) string {
	if len(b) >= 3 && (string(b[:2]) == "AY" || string(b[:3]) == "AgR" || string(b[:3]) == "AgV") {
		return "not a message; it looks like the base64 text of one, which must be decoded first"
	}
	return fmt.Sprintf("not a message: unknown version 0x%02x", b[0])
}

func (h *header) parseSuite(r *wire.Reader, version uint8) error {
	at := int64(r.Offset())
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
	at := int64(r.Offset())
	h.contextAAD = r.Bytes(n)
	if r.Short() {
		return truncated("header")
	}
	ec, err := wire.ParseContext(h.contextAAD)
	if err != nil {
		reason, off := err.Error(), int64(0)
		if se, ok := err.(*wire.SyntaxError); ok {
			reason, off = se.Reason, int64(se.Offset)
		}
		return &FormatError{at + off, reason}
	}
	h.context = ec
	return nil
}

func (h *header) parseEDKs(r *wire.Reader, maxEDKs int) error {
	at := int64(r.Offset())
	n := int(r.U16())
	if r.Short() {
		return truncated("header")
	}
	if n == 0 {
		return &FormatError{at, "no encrypted data key"}
	}
	if n > maxEDKs {
		return &keyring.LimitError{What: "encrypted data keys in the message", Got: int64(n), Max: int64(maxEDKs)}
	}
	h.edksAt = r.Offset()
	h.edks = make([]keyring.EncryptedDataKey, 0, min(n, r.Len()/6))
	for range n {
		at := int64(r.Offset())
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
	at := int64(r.Offset())
	h.contentType = r.U8()
	if h.suite.MessageVersion() == version1 {
		reserved, ivLen := r.U32(), r.U8()
		if r.Short() {
			return truncated("header")
		}
		if reserved != 0 {
			return &FormatError{at + 1, "reserved bytes are not zero"}
		}
		if ivLen != suite.IVLen {
			return &FormatError{at + 5, fmt.Sprintf("IV length is %d instead of %d", ivLen, suite.IVLen)}
		}
	}
	frameAt := int64(r.Offset())
	h.frameLen = r.U32()
	switch {
	case r.Short():
		return truncated("header")
	case h.contentType != contentFramed && h.contentType != contentNonFramed:
		return &FormatError{at, fmt.Sprintf("unknown content type 0x%02x", h.contentType)}
	case h.framed() && h.frameLen == 0:
		return &FormatError{frameAt, "framed content with frame length 0"}
	case !h.framed() && h.frameLen != 0:
		return &FormatError{frameAt, "non-framed content with a frame length"}
	}
	return nil
}

// detach replaces all views by views of one copy of the header body, so that they outlive the input.
func (h *header) detach() {
	if h.detached {
		return
	}
	h.detached = true
	h.raw = bytes.Clone(h.raw)
	idAt := 3 // version and suite
	if h.suite.MessageVersion() == version1 {
		idAt++ // type
	}
	h.messageID = h.raw[idAt : idAt+len(h.messageID) : idAt+len(h.messageID)]
	r := wire.NewReader(h.raw)
	r.Bytes(h.edksAt)
	for i := range h.edks {
		_, h.edks[i].ProviderInfo, h.edks[i].Ciphertext = r.EDK()
	}
	if h.commitment != nil {
		h.commitment = h.raw[len(h.raw)-len(h.commitment):]
	}
	h.contextAAD = nil
}
