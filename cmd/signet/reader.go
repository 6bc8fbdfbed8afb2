package main

import (
	"context"
	"io"
)

// fileReader reads a regular file until the command is interrupted.
type fileReader struct {
	in          *input
	interrupted func() error
}

func (r *fileReader) Read(p []byte) (int, error) {
	if err := r.interrupted(); err != nil {
		return 0, err
	}
	n, err := r.in.file.Read(p)
	if r.in.count != nil {
		r.in.count(int64(n))
	}
	if err != nil && err != io.EOF {
		err = withoutPath(err)
	}
	return n, err
}

func (r *fileReader) Seek(offset int64, whence int) (int64, error) {
	if r.in.count == nil {
		return r.in.file.Seek(offset, whence)
	}
	before, err := r.in.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	after, err := r.in.file.Seek(offset, whence)
	if err == nil && after < before {
		r.in.count(after - before)
	}
	return after, err
}

// pipeLen is how much is read from a pipe at once, in bytes.
const pipeLen = 128 << 10

// pipeReader reads a pipe or a terminal until the command is interrupted. A read that waits for bytes cannot be interrupted itself, so it is
// made in a goroutine, which ends with the process.
type pipeReader struct {
	done  <-chan struct{}
	in    *input
	asked chan []byte // buffers to fill
	full  chan piece
	cur   piece
	buf   []byte
	begun bool
}

type piece struct {
	b   []byte
	err error
}

func newPipeReader(done <-chan struct{}, in *input) *pipeReader {
	return &pipeReader{done: done, in: in, asked: make(chan []byte, 1), full: make(chan piece, 1)}
}

func (r *pipeReader) Read(p []byte) (int, error) {
	for len(r.cur.b) == 0 {
		if r.cur.err != nil {
			return 0, r.cur.err
		}
		if !r.begun {
			r.begun, r.buf = true, make([]byte, pipeLen)
			go r.serve()
		}
		r.asked <- r.buf
		select {
		case r.cur = <-r.full:
		case <-r.done:
			r.cur.err = context.Canceled
			close(r.asked)
		}
		if r.in.count != nil {
			r.in.count(int64(len(r.cur.b)))
		}
	}
	n := copy(p, r.cur.b)
	r.cur.b = r.cur.b[n:]
	return n, nil
}

// serve fills one buffer at a time: the buffer belongs to the reader again when the piece arrives.
func (r *pipeReader) serve() {
	for buf := range r.asked {
		n, err := r.in.file.Read(buf)
		if err != nil && err != io.EOF {
			err = withoutPath(err)
		}
		r.full <- piece{buf[:n], err}
		if err != nil {
			return
		}
	}
}
