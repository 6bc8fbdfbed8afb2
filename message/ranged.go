package message

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/signetkeys/signet/keyring"
)

// A RangeReader decrypts parts of one message without the rest. What it returns is authentic and at its place. It is safe for concurrent use
// until Close.
type RangeReader struct {
	src    io.ReaderAt
	m      *incoming
	head   *Header
	body   int64 // offset of the first frame
	frames int64
	size   int64 // plaintext bytes
}

var _ io.ReaderAt = (*RangeReader)(nil)

// OpenAt opens a framed, unsigned message of size bytes in src for reading in parts: header and final frame are verified here, so the
// plaintext's length is authentic; every other frame when it is read. Signed messages are refused ([*keyring.ConfigError]): their signature
// covers only the whole. So are messages with a non-framed body.
func (c *Client) OpenAt(ctx context.Context, mm keyring.MaterialsManager, src io.ReaderAt, size int64, o *DecryptOptions) (*RangeReader, error) {
	if o == nil {
		o = new(DecryptOptions)
	}
	limit, err := checkMaxFrameLength(o.MaxFrameLength)
	if err != nil {
		return nil, err
	}
	in := input{r: io.NewSectionReader(src, 0, size)}
	h, err := c.readHeader(&in)
	if err != nil {
		return nil, err
	}
	if h.suite.Signed() || !h.framed() {
		return nil, &keyring.ConfigError{Reason: "message: only framed messages of unsigned suites can be read in parts"}
	}
	if int64(h.frameLen) > limit {
		return nil, &keyring.LimitError{What: "frame length in bytes (MaxFrameLength)", Got: int64(h.frameLen), Max: limit}
	}
	auth, err := in.take(headerAuthLen(h.suite), "header authentication")
	if err != nil {
		return nil, err
	}
	r := &RangeReader{src: src, body: in.offset}
	if r.m, err = c.open(ctx, mm, h, auth, o); err != nil {
		return nil, err
	}
	if err := r.openFinal(size); err != nil {
		r.m.mat.Release()
		return nil, err
	}
	r.head = r.m.header()
	return r, nil
}

// openFinal finds the final frame by the message's length and verifies it.
func (r *RangeReader) openFinal(size int64) error {
	frameLen := int64(r.m.h.frameLen)
	body := size - r.body - finalOverhead
	if body < 0 {
		return truncated("body")
	}
	regular, content := body/(frameLen+regularOverhead), body%(frameLen+regularOverhead)
	if content > frameLen || regular >= finalMarker {
		return &FormatError{r.body, "the message's length is not that of whole frames"}
	}
	r.frames, r.size = regular+1, regular*frameLen+content
	_, err := r.frame(regular, nil)
	return err
}

// Header is what the message authenticates. It is read-only.
func (r *RangeReader) Header() *Header { return r.head }

// Size is the length of the plaintext in bytes.
func (r *RangeReader) Size() int64 { return r.size }

// ReadAt decrypts len(p) bytes from offset off. It returns io.EOF with fewer bytes at the end of the plaintext. Bytes in front of a frame that
// is not authentic are returned with the error.
func (r *RangeReader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("message: negative offset")
	}
	frameLen := int64(r.m.h.frameLen)
	var buf []byte
	for n < len(p) && off < r.size {
		if buf, err = r.frame(off/frameLen, buf); err != nil {
			return n, err
		}
		k := copy(p[n:], buf[off%frameLen:])
		n, off = n+k, off+int64(k)
		clear(buf)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// frame reads and opens frame i, counted from 0. buf is storage to use again.
func (r *RangeReader) frame(i int64, buf []byte) ([]byte, error) {
	h := r.m.h
	frameLen := int64(h.frameLen)
	at := r.body + i*(frameLen+regularOverhead)
	n := frameLen + regularOverhead
	if i == r.frames-1 {
		n = r.size - i*frameLen + finalOverhead
	}
	raw := make([]byte, n)
	if k, err := r.src.ReadAt(raw, at); int64(k) < n {
		if err == nil || err == io.EOF {
			return nil, truncated("body")
		}
		return nil, fmt.Errorf("message: reading: %w", err)
	}
	f, used, err := h.parseFrame(raw, uint32(i)+1, at)
	if err != nil {
		return nil, err
	}
	if f.final != (i == r.frames-1) || int64(used) != n {
		return nil, &FormatError{at, "a final frame inside the message, or none at its end"}
	}
	body := r.m.body
	return body.openFrame(buf[:0], h, &f)
}

// Close releases the keys. No call may be under way or follow.
func (r *RangeReader) Close() error {
	r.m.mat.Release()
	return nil
}
