package message

import (
	"bytes"
	"io"

	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// An Outline is the structure of a whole message, read without any key. Nothing in it is authenticated.
type Outline struct {
	Header       *UnverifiedHeader
	HeaderLen    int   // bytes, with the header authentication
	BodyLen      int64 // bytes
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
	o, err := ParseOutlineFrom(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return o, nil
}

// maxOutlineHeader bounds the memory of ParseOutlineFrom in bytes. Headers of DefaultMaxEDKs encrypted data keys are shorter.
const maxOutlineHeader = 16 << 20

// ParseOutlineFrom is [ParseOutline] for a message of any length: it reads r to its end, and holds the header and 32 KiB in memory. A header
// above 16 MiB is a [*keyring.LimitError]. When the message is damaged behind its header, the Outline holds what was read up to there, beside
// the error; when the header cannot be read it is nil.
func ParseOutlineFrom(r io.Reader) (*Outline, error) {
	in := &input{r: r}
	u, n, err := parseHeaderFrom(in)
	if err != nil {
		return nil, err
	}
	o := &Outline{Header: u, HeaderLen: n}
	if err := o.readBody(in); err != nil {
		return o, err
	}
	if u.Suite.Signed() {
		signature, err := readFooter(in)
		if err != nil {
			return o, err
		}
		o.Signature, o.FooterLen = bytes.Clone(signature), int(in.offset-int64(o.HeaderLen)-o.BodyLen)
	}
	if err := checkEnd(in); err != io.EOF {
		return o, err
	}
	return o, nil
}

// parseHeaderFrom reads a header with its authentication.
func parseHeaderFrom(in *input) (*UnverifiedHeader, int, error) {
	for want := 1; ; want = 2 * len(in.buf) { // parses again only when there is twice as much
		more := in.atLeast(want)
		if more != nil && more != io.EOF {
			return nil, 0, readError(more)
		}
		u, n, err := ParseHeader(in.buf)
		switch {
		case err == nil:
			in.next(n)
			return u, n, nil
		case !wire.IsShort(err) || more == io.EOF:
			return nil, 0, err
		case len(in.buf) > maxOutlineHeader:
			return nil, 0, &keyring.LimitError{What: "length of the header in bytes", Got: int64(len(in.buf)), Max: maxOutlineHeader}
		}
	}
}

func (o *Outline) readBody(in *input) error {
	h := &header{suite: o.Header.Suite, contentType: contentNonFramed, frameLen: o.Header.FrameLength}
	if o.Header.Framed {
		h.contentType = contentFramed
	}
	for seq := uint32(1); ; seq++ {
		if err := in.atLeast(frameHeadMax); err != nil && err != io.EOF {
			return readError(err)
		}
		var f frame
		r := wire.NewReader(in.buf[in.pos:])
		content, err := h.parseFrameHead(&r, &f, seq, in.offset)
		if err != nil {
			return err
		}
		if seq == 1 {
			o.FirstIV = bytes.Clone(f.iv)
		}
		in.next(r.Offset())
		if err := in.skip(int64(content), "body"); err != nil {
			return err
		}
		tag, err := in.take(suite.TagLen, "body")
		if err != nil {
			return err
		}
		o.Frames++
		o.PlaintextLen += int64(content)
		o.BodyLen = in.offset - int64(o.HeaderLen)
		if f.final {
			o.LastTag = bytes.Clone(tag)
			return nil
		}
	}
}

// atLeast reads until n bytes are there. io.EOF means that there are fewer.
func (in *input) atLeast(n int) error {
	for len(in.buf)-in.pos < n {
		if err := in.fill(); err != nil {
			return err
		}
	}
	return nil
}

// skip consumes n bytes without holding them.
func (in *input) skip(n int64, part string) error {
	for {
		k := min(n, int64(len(in.buf)-in.pos))
		in.next(int(k))
		if n -= k; n == 0 {
			return nil
		}
		if err := in.fill(); err == io.EOF {
			return truncated(part)
		} else if err != nil {
			return readError(err)
		}
	}
}
