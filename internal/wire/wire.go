// Package wire has the byte layouts that several packages read and write: big-endian integers, the encryption context, encrypted data key
// entries and the layouts of raw AES and of ECDH keyrings. Every layout has one home; append and parse stand side by side.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/signetkeys/signet"
)

// MaxField is the largest length that a u16 length prefix can carry, in bytes.
const MaxField = 1<<16 - 1

// A SyntaxError says where input stopped being what the format allows. It answers for [signet.ErrMalformed].
type SyntaxError struct {
	Offset int // bytes from the start of what was parsed
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s (at byte %d)", e.Reason, e.Offset) }

// Is makes a SyntaxError a format error.
func (e *SyntaxError) Is(target error) bool { return target == signet.ErrMalformed }

// ErrShort is what a reader that ran past the end of its input reports: the input is truncated.
var ErrShort = fmt.Errorf("truncated: %w", io.ErrUnexpectedEOF)

// IsShort reports whether err means that more input could help.
func IsShort(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }

// A Reader cuts big-endian fields off a byte slice without copying. After a read past the end every read returns zero values and
// [Reader.Short] is true, so a parser may check once per decision instead of once per field.
type Reader struct {
	buf   []byte
	pos   int
	short bool
}

// NewReader reads from b, which it neither copies nor changes.
func NewReader(b []byte) Reader { return Reader{buf: b} }

// Short reports whether a read ran past the end.
func (r *Reader) Short() bool { return r.short }

// Offset is the number of bytes read so far.
func (r *Reader) Offset() int { return r.pos }

// Len is the number of bytes left.
func (r *Reader) Len() int { return len(r.buf) - r.pos }

// Bytes returns the next n bytes as a view of the input.
func (r *Reader) Bytes(n int) []byte {
	if r.short || n < 0 || n > len(r.buf)-r.pos {
		r.short = true
		return nil
	}
	b := r.buf[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	return b
}

// U8 reads one byte.
func (r *Reader) U8() uint8 {
	if b := r.Bytes(1); b != nil {
		return b[0]
	}
	return 0
}

// U16 reads two bytes.
func (r *Reader) U16() uint16 {
	if b := r.Bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

// U32 reads four bytes.
func (r *Reader) U32() uint32 {
	if b := r.Bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// U64 reads eight bytes.
func (r *Reader) U64() uint64 {
	if b := r.Bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// Field reads a u16 length and that many bytes.
func (r *Reader) Field() []byte { return r.Bytes(int(r.U16())) }
