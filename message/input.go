package message

import (
	"io"
	"slices"
)

// input collects bytes of the source. Its buffer doubles as bytes arrive, never by what a message declares.
type input struct {
	r      io.Reader
	buf    []byte
	pos    int   // start of the unused bytes
	offset int64 // of pos in the message
	read   int64 // bytes read from r
	want   int   // capacity aimed at in one step
	err    error // of the source, sticky
}

const inputLen = 32 << 10

// fill reads more bytes. io.EOF means that there are none; views of the buffer are invalid afterwards.
func (in *input) fill() error {
	if in.err != nil {
		return in.err
	}
	if in.pos > 0 {
		in.buf = in.buf[:copy(in.buf, in.buf[in.pos:])]
		in.pos = 0
	}
	if len(in.buf) == cap(in.buf) || cap(in.buf) < in.want {
		in.buf = slices.Grow(in.buf, max(inputLen, len(in.buf), in.want-len(in.buf)))
	}
	for range 100 {
		n, err := in.r.Read(in.buf[len(in.buf):cap(in.buf)])
		in.buf = in.buf[:len(in.buf)+n]
		in.read += int64(n)
		in.err = err
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	in.err = io.ErrNoProgress
	return in.err
}

// next consumes n bytes, which are there.
func (in *input) next(n int) []byte {
	b := in.buf[in.pos : in.pos+n]
	in.pos += n
	in.offset += int64(n)
	return b
}

// take consumes n bytes, reading until they are there.
func (in *input) take(n int, part string) ([]byte, error) {
	for len(in.buf)-in.pos < n {
		if err := in.fill(); err == io.EOF {
			return nil, truncated(part)
		} else if err != nil {
			return nil, readError(err)
		}
	}
	return in.next(n), nil
}

// startsWithFinal reports whether the next frame is a final one, as far as the marker is there to see.
func (in *input) startsWithFinal() bool {
	b := in.buf[in.pos:]
	return len(b) < 4 || string(b[:4]) == "\xff\xff\xff\xff"
}
