package message

import (
	"bytes"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// An UnverifiedHeader is what a message claims about itself. Nothing in it is authenticated: show it, never decide by it. It shares no
// memory with the message.
type UnverifiedHeader struct {
	Version     int
	Suite       *suite.Suite
	MessageID   []byte
	Context     keyring.EncryptionContext // the stored pairs
	EDKs        []keyring.EncryptedDataKey
	Framed      bool
	FrameLength uint32 // bytes; 0 when not framed
	Commitment  []byte // committing suites
	IV          []byte // header authentication: version 1
	Tag         []byte // header authentication
}

// ParseHeader reads the header at the start of b without any key, and returns its length with the header authentication. It is for tools;
// to use a message, decrypt it. A header that ends too early is [io.ErrUnexpectedEOF].
func ParseHeader(b []byte) (*UnverifiedHeader, int, error) {
	h, err := parseHeader(b, MaxEDKs)
	if err != nil {
		return nil, 0, err
	}
	n := len(h.raw) + headerAuthLen(h.suite)
	if n > len(b) {
		return nil, 0, truncated("header authentication")
	}
	h.detach()
	return &UnverifiedHeader{
		Version: int(h.suite.MessageVersion()), Suite: h.suite, MessageID: h.messageID, Context: h.context, EDKs: h.edks,
		Framed: h.framed(), FrameLength: h.frameLen, Commitment: h.commitment, IV: bytes.Clone(b[len(h.raw) : n-suite.TagLen]), Tag: bytes.Clone(b[n-suite.TagLen : n]),
	}, n, nil
}

// An Outline is the structure of a whole message, read without any key. Nothing in it is authenticated.
type Outline struct {
	Header       *UnverifiedHeader
	HeaderLen    int   // bytes, with the header authentication
	BodyLen      int   // bytes
	FooterLen    int   // bytes; 0 for unsigned suites
	Frames       int64 // 1 for a non-framed body
	PlaintextLen int64 // bytes
	FirstIV      []byte
	LastTag      []byte
	Signature    []byte // DER; nil for unsigned suites
}

// ParseOutline walks a whole message without any key: every length is checked, no byte may follow the end, nothing is decrypted. Errors are
// those of [Client.Decrypt] for the same malformed input. It is for tools.
func ParseOutline(b []byte) (*Outline, error) {
	u, n, err := ParseHeader(b)
	if err != nil {
		return nil, err
	}
	o := &Outline{Header: u, HeaderLen: n}
	h := &header{suite: u.Suite, contentType: contentNonFramed, frameLen: u.FrameLength}
	if u.Framed {
		h.contentType = contentFramed
	}
	for seq := uint32(1); ; seq++ {
		f, size, err := h.parseFrame(b[n:], seq, int64(n))
		if err != nil {
			return nil, err
		}
		if seq == 1 {
			o.FirstIV = bytes.Clone(f.iv)
		}
		n += size
		o.Frames++
		o.PlaintextLen += int64(f.contentLen())
		if f.final {
			o.LastTag = bytes.Clone(f.sealed[f.contentLen():])
			break
		}
	}
	o.BodyLen = n - o.HeaderLen
	if u.Suite.Signed() {
		signature, size, err := parseFooter(b[n:], int64(n))
		if err != nil {
			return nil, err
		}
		o.Signature, o.FooterLen = bytes.Clone(signature), size
		n += size
	}
	if n != len(b) {
		return nil, errTrailing(int64(n))
	}
	return o, nil
}
