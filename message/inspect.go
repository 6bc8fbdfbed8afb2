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
