package message

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/signetkeys/signet/keyring"
)

// ErrClosed is what writing to or reading from a closed stream returns.
var ErrClosed = errors.New("message: stream is closed")

// A Writer encrypts what is written to it into one message. Close finishes the message; without it the output is truncated, which every
// reader notices. It is not safe for concurrent use.
type Writer struct {
	dst       io.Writer
	m         *outgoing
	hash      hash.Hash // of everything written, signed suites
	length    int64     // exact length when exact, else the bound, else negative
	exact     bool
	written   int64 // plaintext bytes taken
	seq       uint64
	chunk     int        // plaintext bytes of a full chunk
	workers   int        // goroutines; 0: sealed by the caller
	cur       *sealJob   // being filled; a full one is kept back until more arrives, since the last frame is marked
	queue     []*sealJob // being sealed, oldest first
	free      []*sealJob
	wroteHead bool
	closed    bool
	err       error
}

var (
	_ io.WriteCloser = (*Writer)(nil)
	_ io.ReaderFrom  = (*Writer)(nil)
)

// NewEncryptWriter returns a Writer whose message goes to dst. Materials are fetched here, under ctx, which is not kept; a header is
// written with the first frames. Errors of dst and of limits stick: every later call returns them. Memory use does not depend on the
// length: about two chunks (64 KiB, or 256 KiB with Concurrency, or one frame where that is longer) per chunk in work.
func (c *Client) NewEncryptWriter(ctx context.Context, mm keyring.MaterialsManager, dst io.Writer, o *EncryptOptions) (*Writer, error) {
	if o == nil {
		o = new(EncryptOptions)
	}
	workers, err := checkConcurrency(o.Concurrency)
	if err != nil {
		return nil, err
	}
	w := &Writer{dst: dst, length: keyring.UnknownLength, workers: workers, seq: 1}
	switch {
	case o.Length != nil && *o.Length < 0, o.MaxLength < 0:
		return nil, &keyring.ConfigError{Reason: "the plaintext's length or its bound is negative"}
	case o.Length != nil:
		w.length, w.exact = *o.Length, true
	case o.MaxLength > 0:
		w.length = o.MaxLength
	}
	m, err := c.begin(ctx, mm, w.length, o)
	if err != nil {
		return nil, err
	}
	w.m = m
	if m.h.suite.Signed() {
		w.hash = newSignatureHash(m.h.suite)
	}
	w.chunk = m.frameLen * framesPerChunk(uint32(m.frameLen), w.workers)
	w.cur = w.take()
	return w, nil
}

// Write encrypts p. It takes all of p or fails.
func (w *Writer) Write(p []byte) (int, error) {
	if err := w.ready(len(p)); err != nil {
		return 0, err
	}
	n := len(p)
	for len(p) > 0 {
		if len(w.cur.plain) == w.chunk {
			if err := w.dispatch(w.take()); err != nil {
				return n - len(p), err
			}
		}
		k := min(len(p), w.chunk-len(w.cur.plain))
		w.cur.plain = append(w.cur.plain, p[:k]...)
		w.written += int64(k)
		p = p[k:]
	}
	return n, nil
}

// ReadFrom encrypts everything up to r's EOF without an intermediate copy. It does not close the Writer.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	start := w.written
	if err := w.ready(0); err != nil {
		return 0, err
	}
	for {
		into := w.cur
		if len(into.plain) == w.chunk {
			into = w.take()
		}
		have := len(into.plain)
		if cap(into.plain) == have { // doubles, so that a long frame costs memory only when it comes
			into.plain = slices.Grow(into.plain, min(max(have, chunkLen), w.chunk-have))
		}
		n, err := r.Read(into.plain[have:min(cap(into.plain), w.chunk)])
		into.plain = into.plain[:have+n]
		if n > 0 {
			if err := w.ready(n); err != nil {
				return w.written - start, err
			}
			if into != w.cur {
				if err := w.dispatch(into); err != nil {
					return w.written - start, err
				}
			}
			w.written += int64(n)
		} else if into != w.cur {
			w.free = append(w.free, into)
		}
		if err == io.EOF {
			return w.written - start, nil
		}
		if err != nil {
			return w.written - start, err // the source's error; the Writer itself is still good
		}
	}
}

// ready checks the state and that n more bytes are within the declared length.
func (w *Writer) ready(n int) error {
	switch {
	case w.err != nil:
		return w.err
	case w.closed:
		return ErrClosed
	case w.length >= 0 && int64(n) > w.length-w.written:
		return w.fail(&LengthError{Declared: w.length, Exact: w.exact, Got: w.written + int64(n)})
	}
	return nil
}

// Close seals the final frame, signs and writes the rest. It does not close dst. A second Close returns what the first one returned.
func (w *Writer) Close() error {
	if w.err != nil || w.closed {
		return w.err
	}
	if w.exact && w.written < w.length {
		return w.fail(&LengthError{Declared: w.length, Exact: true, Got: w.written})
	}
	if err := w.start(w.cur, true); err != nil {
		return err
	}
	for len(w.queue) > 0 {
		if err := w.flushOldest(); err != nil {
			return err
		}
	}
	if w.hash != nil {
		foot, err := w.m.appendSignature(nil, w.hash.Sum(nil))
		if err != nil {
			return w.fail(err)
		}
		if err := w.emit(foot); err != nil {
			return err
		}
	}
	w.closed = true
	w.release()
	return nil
}

// Abort gives up: it releases the keys and leaves what was written as a truncated message. After Close it does nothing.
func (w *Writer) Abort() {
	if w.err == nil && !w.closed {
		w.fail(ErrClosed)
	}
}

func (w *Writer) take() *sealJob {
	if n := len(w.free); n > 0 {
		j := w.free[n-1]
		w.free = w.free[:n-1]
		return j
	}
	return new(sealJob)
}

// dispatch seals the full current chunk and goes on with next.
func (w *Writer) dispatch(next *sealJob) error {
	if err := w.start(w.cur, false); err != nil {
		return err
	}
	w.cur = next
	for len(w.queue) > w.workers {
		if err := w.flushOldest(); err != nil {
			return err
		}
	}
	return nil
}

// start seals j, in a goroutine when there are several workers, and queues it.
func (w *Writer) start(j *sealJob, final bool) error {
	frames := uint64(regularFrames(int64(len(j.plain)), w.m.frameLen)) + 1
	if last := w.seq + frames - 1; last > finalMarker || !final && last == finalMarker {
		return w.fail(&keyring.LimitError{What: "frames of the message; use a larger frame length", Got: int64(last), Max: finalMarker})
	}
	seq := uint32(w.seq)
	w.seq += frames
	body, frameLen := w.m.body, w.m.frameLen // a copy of the cipher for this chunk
	seal := func() {
		if need := sealedLen(len(j.plain), frameLen); cap(j.sealed) < need {
			j.sealed = make([]byte, 0, need)
		}
		j.sealed, _ = body.appendFrames(j.sealed[:0], j.plain, frameLen, seq, final)
	}
	w.queue = append(w.queue, j)
	if w.workers == 0 {
		seal()
		return nil
	}
	j.done = make(chan struct{})
	go func() {
		defer close(j.done)
		seal()
	}()
	return nil
}

func (w *Writer) flushOldest() error {
	j := w.queue[0]
	w.queue = w.queue[:copy(w.queue, w.queue[1:])]
	if j.done != nil {
		<-j.done
		j.done = nil
	}
	err := w.emit(j.sealed)
	clear(j.plain)
	j.plain = j.plain[:0]
	w.free = append(w.free, j)
	return err
}

func (w *Writer) emit(b []byte) error {
	if !w.wroteHead {
		w.wroteHead = true
		if err := w.emit(w.m.appendHeader(make([]byte, 0, w.m.headerLen()))); err != nil {
			return err
		}
	}
	n, err := w.dst.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return w.fail(fmt.Errorf("message: writing: %w", err))
	}
	if w.hash != nil {
		w.hash.Write(b)
	}
	return nil
}

// fail makes err stick and wipes what is left.
func (w *Writer) fail(err error) error {
	w.err = err
	w.release()
	return err
}

func (w *Writer) release() {
	for _, j := range append(w.queue, w.cur) {
		if j.done != nil {
			<-j.done
		}
		clear(j.plain[:cap(j.plain)])
	}
	w.queue, w.free, w.cur = nil, nil, &sealJob{}
	w.m.mat.Release()
	w.m.body.aead = nil
}
