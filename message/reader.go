package message

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/signetkeys/signet/internal/ecsig"
	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
)

// A Reader decrypts one message while it is read. io.EOF means that all of it is authentic and that nothing follows; any other error
// sticks. It is not safe for concurrent use.
//
// Unsigned suites: a frame is released once its tag is verified, so that a truncated message is noticed only at its end. Signed suites: see
// [Client.NewDecryptReader].
type Reader struct {
	src     input
	m       *incoming
	head    *Header
	maxLen  int64 // of a frame
	workers int   // goroutines; 0: opened by the caller
	perJob  int   // frames in a job
	seq     uint64
	final   bool // the final frame has been cut off the input

	// Signed suites: hash runs over the message in wire order. In a second pass the digest was verified in the first one.
	hash       hash.Hash
	verified   []byte
	unverified bool

	queue []*openJob // being opened, oldest first
	ready []byte     // plaintext to release
	cur   *openJob   // whose plain ready is a view of
	free  []*openJob
	end   error // what follows the queued plaintext: io.EOF or why not
	err   error
	done  bool
}

var (
	_ io.ReadCloser = (*Reader)(nil)
	_ io.WriterTo   = (*Reader)(nil)
)

// NewDecryptReader reads the header from src, unwraps the data key under ctx, which is not kept, and returns a Reader of the plaintext.
// The header is authentic when it returns.
//
// A signed message proves its origin only at its end. So it is refused ([*keyring.ConfigError]) unless src is an [io.Seeker] that can
// seek, or o.ReleaseUnverified is set. With a seeker the message is read twice: a first pass, in this call, verifies the signature, and the
// returned Reader decrypts and checks that the message is still the one that was verified. With ReleaseUnverified frames are released before the
// signature is checked, except the final one.
//
// Memory use does not depend on the length of the message, but on its frame length; see [DecryptOptions.MaxFrameLength].
func (c *Client) NewDecryptReader(ctx context.Context, mm keyring.MaterialsManager, src io.Reader, o *DecryptOptions) (*Reader, error) {
	if o == nil {
		o = new(DecryptOptions)
	}
	workers, err := checkConcurrency(o.Concurrency)
	if err != nil {
		return nil, err
	}
	maxLen, err := checkMaxFrameLength(o.MaxFrameLength)
	if err != nil {
		return nil, err
	}
	r := &Reader{src: input{r: src}, workers: workers, maxLen: maxLen, seq: 1}
	h, err := c.readHeader(&r.src)
	if err != nil {
		return nil, err
	}
	auth, err := r.src.take(headerAuthLen(h.suite), "header authentication")
	if err != nil {
		return nil, err
	}
	seeker, start, err := signedSource(h, src, &r.src, o)
	if err != nil {
		return nil, err
	}
	auth = slices.Clone(auth)
	if r.m, err = c.open(ctx, mm, h, auth, o); err != nil {
		return nil, err
	}
	r.perJob = framesPerChunk(h.frameLen, r.workers)
	if job := int64(r.perJob) * (int64(h.frameLen) + regularOverhead); job <= 2*parallelChunkLen {
		r.src.want = int(job) + finalOverhead // room for one job's frames
	}
	if h.suite.Signed() {
		r.hash = newSignatureHash(h.suite)
		r.hash.Write(h.raw)
		r.hash.Write(auth)
		r.unverified = seeker == nil
	}
	if seeker != nil {
		if err := r.firstPass(seeker, start); err != nil {
			r.m.mat.Release()
			return nil, err
		}
		r.hash.Write(h.raw)
		r.hash.Write(auth)
	}
	r.head = r.m.header()
	return r, nil
}

// Header is what the message authenticates. It is read-only.
func (r *Reader) Header() *Header { return r.head }

// Unverified reports whether bytes read so far are still waiting for the signature over them: a signed message read with ReleaseUnverified,
// before io.EOF.
func (r *Reader) Unverified() bool { return r.unverified }

// Read releases authenticated plaintext.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, r.err
	}
	for len(r.ready) == 0 {
		if err := r.advance(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

// WriteTo writes all plaintext to w. Its error is that of the message or of w; nil means that the whole message is authentic.
func (r *Reader) WriteTo(w io.Writer) (total int64, err error) {
	for {
		for len(r.ready) > 0 {
			n, err := w.Write(r.ready)
			total += int64(n)
			r.ready = r.ready[n:]
			if err == nil && len(r.ready) > 0 {
				err = io.ErrShortWrite
			}
			if err != nil {
				return total, err
			}
		}
		if err := r.advance(); err != nil {
			if err == io.EOF {
				err = nil
			}
			return total, err
		}
	}
}

// Close releases the keys and wipes what was not read. It returns the error that reading ended with, if any, but not an error when the message was
// not read to its end. It does not close the source.
func (r *Reader) Close() error {
	if r.err == nil {
		r.fail(ErrClosed)
		return nil
	}
	if r.err == io.EOF || errors.Is(r.err, ErrClosed) {
		return nil
	}
	return r.err
}

// advance makes the next plaintext ready, or returns the sticky error.
func (r *Reader) advance() error {
	if r.err != nil {
		return r.err
	}
	if r.cur != nil {
		clear(r.cur.plain)
		r.free = append(r.free, r.cur)
		r.cur, r.ready = nil, nil
	}
	for r.end == nil && len(r.queue) <= r.workers && !(r.final && len(r.queue) > 0) {
		r.end = r.fetch()
	}
	if len(r.queue) == 0 {
		return r.fail(r.end)
	}
	j := r.queue[0]
	r.queue = r.queue[:copy(r.queue, r.queue[1:])]
	if j.done != nil {
		<-j.done
	}
	if j.err != nil { // what opened before the bad frame is authentic and goes out first
		r.discard()
		r.end = j.err
	}
	r.cur, r.ready = j, j.plain
	return nil
}

// discard drops jobs behind one that failed.
func (r *Reader) discard() {
	for _, j := range r.queue {
		if j.done != nil {
			<-j.done
		}
		clear(j.plain)
	}
	r.queue = nil
}

func (r *Reader) fail(err error) error {
	r.err = err
	if err == io.EOF {
		r.unverified = false
	}
	r.discard()
	if r.cur != nil {
		clear(r.cur.plain)
	}
	r.cur, r.ready, r.free = nil, nil, nil
	if !r.done {
		r.done = true
		r.m.mat.Release()
		r.m.body.aead = nil
	}
	return err
}

// fetch cuts the next frames off the input and starts opening them. It returns io.EOF or the error that follows what was queued.
func (r *Reader) fetch() error {
	if r.final {
		return checkEnd(&r.src)
	}
	j := r.takeJob()
	var err error
	for j.frames < r.perJob && !r.final {
		if j.frames > 0 {
			// The final frame of a signed message stays back until the signature is verified: it makes a job of its own.
			if r.hash != nil && r.src.startsWithFinal() {
				break
			}
			// Frames that are here are released without waiting for more, unless throughput was asked for.
			if r.workers == 0 && len(r.src.buf)-r.src.pos < int(min(int64(r.m.h.frameLen), r.maxLen))+regularOverhead {
				break
			}
		}
		if err = r.cutFrame(j); err != nil {
			break
		}
	}
	if err == nil && r.final && r.hash != nil {
		if err = r.checkSignature(); err != nil {
			j.frames = 0
		}
	}
	if j.frames > 0 {
		r.start(j)
	}
	return err
}

func (r *Reader) takeJob() *openJob {
	if n := len(r.free); n > 0 {
		j := r.free[n-1]
		r.free = r.free[:n-1]
		j.raw, j.frames, j.err, j.done = j.raw[:0], 0, nil, nil
		return j
	}
	return new(openJob)
}

// cutFrame moves one frame from the input to the job.
func (r *Reader) cutFrame(j *openJob) error {
	for {
		f, n, err := r.m.h.parseFrame(r.src.buf[r.src.pos:], uint32(r.seq), r.src.offset)
		have := int64(f.contentLen())
		if err != nil {
			have = int64(len(r.src.buf)-r.src.pos) - finalOverhead
		}
		if have > r.maxLen {
			return &keyring.LimitError{What: "length of a frame or non-framed body in bytes (MaxFrameLength)", Got: have, Max: r.maxLen}
		}
		if err == nil {
			raw := r.src.next(n)
			if r.hash != nil {
				r.hash.Write(raw)
			}
			if j.frames == 0 {
				j.seq = f.seq
			}
			j.raw = append(j.raw, raw...)
			j.frames++
			r.seq++
			r.final = f.final
			return nil
		}
		if !wire.IsShort(err) {
			return err
		}
		if more := r.src.fill(); more == io.EOF {
			return err
		} else if more != nil {
			return readError(more)
		}
	}
}

func readError(err error) error { return fmt.Errorf("message: reading: %w", err) }

func (r *Reader) start(j *openJob) {
	body, h := r.m.body, r.m.h
	r.queue = append(r.queue, j)
	if r.workers == 0 {
		j.open(body, h)
		return
	}
	j.done = make(chan struct{})
	go func() {
		defer close(j.done)
		j.open(body, h)
	}()
}

// checkSignature reads the footer and compares: with the signature, or in a second pass with what was verified before.
func (r *Reader) checkSignature() error {
	signature, err := readFooter(&r.src)
	if err != nil {
		return err
	}
	digest := r.hash.Sum(nil)
	if r.verified != nil {
		if subtle.ConstantTimeCompare(digest, r.verified) != 1 {
			return &AuthenticationError{LayerSignature}
		}
		return nil
	}
	if !ecsig.Verify(r.m.mat.VerificationKey, digest, signature) {
		return &AuthenticationError{LayerSignature}
	}
	return nil
}

func readFooter(in *input) ([]byte, error) {
	for {
		signature, n, err := parseFooter(in.buf[in.pos:], in.offset)
		if err == nil {
			in.next(n)
			return signature, nil
		}
		if !wire.IsShort(err) {
			return nil, err
		}
		if more := in.fill(); more == io.EOF {
			return nil, err
		} else if more != nil {
			return nil, readError(more)
		}
	}
}

// checkEnd makes sure that nothing follows: then it returns io.EOF.
func checkEnd(in *input) error {
	if in.pos == len(in.buf) {
		err := in.fill()
		if err == io.EOF {
			return io.EOF
		}
		if err != nil {
			return readError(err)
		}
	}
	return errTrailing(in.offset)
}

// signedSource decides how a signed message is read: in two passes when the source can seek (the result is where it began), in one when
// the caller allows it, else not at all.
func signedSource(h *header, src io.Reader, in *input, o *DecryptOptions) (io.Seeker, int64, error) {
	if !h.suite.Signed() || o.ReleaseUnverified {
		return nil, 0, nil
	}
	if s, ok := src.(io.Seeker); ok {
		if at, err := s.Seek(0, io.SeekCurrent); err == nil {
			return s, at - in.read, nil
		}
	}
	return nil, 0, &keyring.ConfigError{Reason: "message: a signed message from a source that cannot seek would be released before its signature is verified; " +
		"read it from a file, decrypt it in memory, or allow it (ReleaseUnverified)"}
}

// firstPass verifies the signature over the whole message and rewinds the source to the body.
func (r *Reader) firstPass(s io.Seeker, start int64) error {
	body := r.src.offset
	for !r.final {
		j := r.takeJob()
		if err := r.cutFrame(j); err != nil {
			return err
		}
		r.free = append(r.free, j)
	}
	digest := r.hash.Sum(nil)
	if err := r.checkSignature(); err != nil {
		return err
	}
	if err := checkEnd(&r.src); err != io.EOF {
		return err
	}
	if _, err := s.Seek(start+body, io.SeekStart); err != nil {
		return fmt.Errorf("message: rewinding: %w", err)
	}
	r.src = input{r: r.src.r, buf: r.src.buf[:0], want: r.src.want, offset: body, read: body}
	r.verified, r.seq, r.final = digest, 1, false
	r.hash.Reset()
	return nil
}

// readHeader reads a header body; the input stands behind it.
func (c *Client) readHeader(in *input) (*header, error) {
	maxEDKs, err := c.maxEDKs()
	if err != nil {
		return nil, err
	}
	var walk edkWalk
	for {
		h := new(header)
		err := h.parse(in.buf[in.pos:], maxEDKs)
		if err == nil {
			in.next(len(h.raw))
			h.detach() // before the buffer is used again
			return h, nil
		}
		if !wire.IsShort(err) {
			return nil, err
		}
		if h.edksAt > 0 && walk.at == 0 {
			walk = edkWalk{h.edksAt, int(binary.BigEndian.Uint16(in.buf[in.pos+h.edksAt-2:]))}
		}
		more := in.fill()
		for more == nil && walk.short(in.buf[in.pos:]) {
			more = in.fill()
		}
		if more == io.EOF {
			_, err = parseHeader(in.buf[in.pos:], maxEDKs) // of all there is
			return nil, err
		} else if more != nil {
			return nil, readError(more)
		}
	}
}
