package message

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// plain hides every method but Read, so that the source cannot seek.
type plain struct{ io.Reader }

func streamDecrypt(src io.Reader, o *DecryptOptions) ([]byte, error) {
	r, err := anyClient.NewDecryptReader(context.Background(), keyring.NewManager(fixedKeyring{testKey}), src, o)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(plain{r})
}

func streamEncrypt(t testing.TB, c *Client, plaintext []byte, step int, o *EncryptOptions) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := c.NewEncryptWriter(context.Background(), keyring.NewManager(fixedKeyring{testKey}), &out, o)
	if err != nil {
		t.Fatal(err)
	}
	for len(plaintext) > 0 {
		n := min(step, len(plaintext))
		if k, err := w.Write(plaintext[:n]); k != n || err != nil {
			t.Fatal(k, err)
		}
		plaintext = plaintext[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

func TestStreamGrid(t *testing.T) {
	for _, s := range []*suite.Suite{suite.AES128GCMNoKDF(), s0178, s0378, s0478, s0578} {
		for _, frameLen := range []int{1, 16, 4096} {
			for _, workers := range []int{0, 1, 3} {
				full := frameLen * framesPerChunk(uint32(frameLen), workers)
				lengths := []int{0, 1, frameLen - 1, frameLen, frameLen + 1, 3 * frameLen, full}
				if s == s0478 && frameLen > 1 {
					lengths = append(lengths, full-1, full+1, 2*full, 4*full+5)
				}
				for _, n := range lengths {
					want := pattern(n)
					steps := []int{n + 1, 4096}
					if n < 100 {
						steps = append(steps, 1, 7)
					}
					for _, step := range steps {
						name := fmt.Sprintf("%04x frame %d workers %d length %d step %d", s.ID(), frameLen, workers, n, step)
						msg := streamEncrypt(t, writerOf(s), want, step, &EncryptOptions{Suite: s, FrameLength: frameLen, Concurrency: workers})
						if got, _, err := decryptFixed(msg); err != nil || !bytes.Equal(got, want) {
							t.Fatalf("%s: one-shot got %d bytes, %v", name, len(got), err)
						}
						size, err := Shape{Suite: s, EDKs: []keyring.EncryptedDataKey{fixedEDK}, FrameLength: frameLen}.CiphertextLen(int64(n))
						if err != nil || size != int64(len(msg)) {
							t.Fatalf("%s: %d bytes, promised %d, %v", name, len(msg), size, err)
						}
						for how, src := range map[string]io.Reader{
							"seekable": bytes.NewReader(msg), "pipe": plain{bytes.NewReader(msg)},
							"one byte": iotest.OneByteReader(bytes.NewReader(msg)), "data with EOF": iotest.DataErrReader(bytes.NewReader(msg)),
						} {
							if how == "one byte" && len(msg) > 10000 {
								continue
							}
							got, err := streamDecrypt(src, &DecryptOptions{Concurrency: workers, ReleaseUnverified: how != "seekable"})
							if err != nil || !bytes.Equal(got, want) {
								t.Fatalf("%s, %s: got %d bytes, %v", name, how, len(got), err)
							}
						}
					}
				}
			}
		}
	}
}

func TestStreamIsAReader(t *testing.T) {
	want := pattern(10000)
	msg := streamEncrypt(t, new(Client), want, 999, &EncryptOptions{Suite: s0478, FrameLength: 100})
	r, err := new(Client).NewDecryptReader(context.Background(), keyring.NewManager(fixedKeyring{testKey}), bytes.NewReader(msg), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(plain{r}, want); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestReadFromAndWriteTo(t *testing.T) {
	for _, s := range []*suite.Suite{s0478, s0578} {
		for _, workers := range []int{0, 2} {
			for _, n := range []int{0, 1, 64 << 10, 256 << 10, 1<<20 + 3} {
				want := pattern(n)
				var out, back bytes.Buffer
				ctx, mm := context.Background(), keyring.NewManager(fixedKeyring{testKey})
				w, err := new(Client).NewEncryptWriter(ctx, mm, &out, &EncryptOptions{Suite: s, Concurrency: workers})
				if err != nil {
					t.Fatal(err)
				}
				if k, err := io.Copy(w, iotest.HalfReader(plain{bytes.NewReader(want)})); k != int64(n) || err != nil {
					t.Fatal(k, err)
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				r, err := new(Client).NewDecryptReader(ctx, mm, bytes.NewReader(out.Bytes()), &DecryptOptions{Concurrency: workers})
				if err != nil {
					t.Fatal(err)
				}
				if k, err := io.Copy(&back, r); k != int64(n) || err != nil || !bytes.Equal(back.Bytes(), want) {
					t.Fatalf("%04x length %d workers %d: got %d bytes, %v", s.ID(), n, workers, k, err)
				}
			}
		}
	}
}

// released reads until an error and returns what came out before it; the error must stick and io.Copy must see it.
func released(t *testing.T, msg []byte, o *DecryptOptions) ([]byte, error) {
	t.Helper()
	ctx, mm := context.Background(), keyring.NewManager(fixedKeyring{testKey})
	r, err := anyClient.NewDecryptReader(ctx, mm, plain{bytes.NewReader(msg)}, o)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(plain{r})
	if _, again := r.Read(make([]byte, 1)); err != nil && again != err {
		t.Fatalf("the error did not stick: %v, then %v", err, again)
	}
	if err != nil && r.Close() != err {
		t.Fatalf("Close hides the error %v", err)
	}
	r, rerr := anyClient.NewDecryptReader(ctx, mm, plain{bytes.NewReader(msg)}, o)
	if rerr != nil {
		t.Fatal(rerr)
	}
	var copied bytes.Buffer
	if _, cerr := io.Copy(&copied, r); kind(cerr) != kind(err) || !bytes.Equal(copied.Bytes(), got) {
		t.Fatalf("io.Copy got %d bytes, %v; Read got %d, %v", copied.Len(), cerr, len(got), err)
	}
	return got, err
}

// For every truncation: an error, and released bytes that are whole authentic frames; the final frame of a signed message never.
func TestStreamTruncatedAtEveryLength(t *testing.T) {
	for name, f := range shapes() {
		msg := f.message(t)
		o, err := ParseOutline(msg)
		if err != nil {
			t.Fatal(err)
		}
		var whole bytes.Buffer
		for _, p := range f.frames {
			whole.WriteString(p)
		}
		for _, workers := range []int{0, 2} {
			for n := range msg {
				got, err := released(t, msg[:n], &DecryptOptions{ReleaseUnverified: true, Concurrency: workers})
				if kind(err) != "truncated" || !bytes.HasPrefix(whole.Bytes(), got) {
					t.Fatalf("%s: cut at %d: got %q, %s", name, n, got, kind(err))
				}
				allowed := allowedPlaintext(f, n-o.HeaderLen, n >= len(msg)-o.FooterLen && o.FooterLen == 0)
				if len(got) > allowed {
					t.Fatalf("%s: cut at %d: released %d bytes, at most %d are authentic", name, n, len(got), allowed)
				}
			}
		}
	}
}

// allowedPlaintext is how much plaintext n bytes of body can authenticate; final says whether the final piece may go out.
func allowedPlaintext(f forge, n int, final bool) int {
	total := 0
	for i, p := range f.frames {
		need := regularOverhead + len(p)
		if i == len(f.frames)-1 {
			if !final {
				return total
			}
			need = finalOverhead + len(p)
		}
		if n -= need; n < 0 {
			return total
		}
		total += len(p)
	}
	return total
}

func TestStreamEveryBitFlipped(t *testing.T) {
	for name, f := range shapes() {
		msg := f.message(t)
		var whole bytes.Buffer
		for _, p := range f.frames {
			whole.WriteString(p)
		}
		step := 1
		if f.suite.Signed() {
			step = 5
		}
		for i := 0; i < len(msg); i += step {
			bad := bytes.Clone(msg)
			bad[i] ^= 1 << (i % 8)
			got, err := released(t, bad, &DecryptOptions{ReleaseUnverified: true})
			if err == nil || !bytes.HasPrefix(whole.Bytes(), got) {
				t.Fatalf("%s: byte %d: got %q, %v", name, i, got, err)
			}
			if f.suite.Signed() && len(got) > whole.Len()-len(f.frames[len(f.frames)-1]) {
				t.Fatalf("%s: byte %d: the final frame of a signed message went out: %q", name, i, got)
			}
		}
		for what, tail := range map[string][]byte{"a byte": {0}, "a message": msg} {
			got, err := released(t, append(bytes.Clone(msg), tail...), &DecryptOptions{ReleaseUnverified: true})
			if kind(err) != "malformed" || !bytes.Equal(got, whole.Bytes()) {
				t.Errorf("%s with %s behind it: got %q, %v", name, what, got, err)
			}
		}
	}
}

func TestSignedStreams(t *testing.T) {
	ctx, mm := context.Background(), keyring.NewManager(fixedKeyring{testKey})
	msg := forge{suite: s0578, frameLen: 4, frames: []string{"aaaa", "bbbb", "cc"}}.message(t)
	var config *keyring.ConfigError
	if _, err := anyClient.NewDecryptReader(ctx, mm, plain{bytes.NewReader(msg)}, nil); !errors.As(err, &config) {
		t.Errorf("signed message from a pipe: %v", err)
	}
	// An offset source: the message does not start at 0.
	src := bytes.NewReader(append([]byte("prefix"), msg...))
	src.Seek(6, io.SeekStart)
	if got, err := streamDecrypt(src, nil); err != nil || string(got) != "aaaabbbbcc" {
		t.Errorf("got %q, %v", got, err)
	}
	// Two passes: a bad signature is found before anything is released.
	bad := bytes.Clone(msg)
	bad[len(bad)-1] ^= 1
	if _, err := anyClient.NewDecryptReader(ctx, mm, bytes.NewReader(bad), nil); kind(err) != "signature" {
		t.Errorf("bad signature: %v", err)
	}
	for n := range msg {
		if _, err := anyClient.NewDecryptReader(ctx, mm, bytes.NewReader(msg[:n]), nil); kind(err) != "truncated" {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	// The message is exchanged between the passes: another one under the same data key, whose frames are authentic by themselves.
	other := forge{suite: s0578, frameLen: 4, frames: []string{"aaaa", "XXXX", "cc"}}.message(t)
	o, _ := ParseOutline(other)
	swap := &swapping{Reader: bytes.NewReader(msg)}
	r, err := anyClient.NewDecryptReader(ctx, mm, swap, nil)
	if err != nil {
		t.Fatal(err)
	}
	copy(msg[o.HeaderLen:], other[o.HeaderLen:]) // the reader reads msg itself
	got, err := io.ReadAll(plain{r})
	if kind(err) != "signature" || bytes.Contains(got, []byte("cc")) {
		t.Errorf("exchanged between the passes: got %q, %v", got, err)
	}
	// Released unverified: said so until the end.
	msg = forge{suite: s0578, frameLen: 4, frames: []string{"aaaa", "bbbb", "cc"}}.message(t)
	r, err = anyClient.NewDecryptReader(ctx, mm, plain{bytes.NewReader(msg)}, &DecryptOptions{ReleaseUnverified: true})
	if err != nil || !r.Unverified() {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(plain{r}); err != nil || r.Unverified() {
		t.Errorf("at the end: %v, unverified %v", err, r.Unverified())
	}
}

type swapping struct{ *bytes.Reader }

func TestWriterStates(t *testing.T) {
	ctx, mm := context.Background(), keyring.NewManager(fixedKeyring{testKey})
	length := func(n int64) *int64 { return &n }
	open := func(dst io.Writer, o *EncryptOptions) *Writer {
		t.Helper()
		w, err := new(Client).NewEncryptWriter(ctx, mm, dst, o)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	var out bytes.Buffer
	w := open(&out, nil)
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Error("closing twice:", err)
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, ErrClosed) {
		t.Error("write after close:", err)
	}
	if _, err := w.ReadFrom(bytes.NewReader([]byte("x"))); !errors.Is(err, ErrClosed) {
		t.Error("read from after close:", err)
	}
	if got, _, err := decryptFixed(out.Bytes()); err != nil || len(got) != 0 {
		t.Error(got, err)
	}
	for _, tt := range []struct {
		name  string
		o     EncryptOptions
		write int
		want  string
	}{
		{"exact", EncryptOptions{Length: length(5)}, 5, "ok"},
		{"short", EncryptOptions{Length: length(5)}, 4, "limit"},
		{"long", EncryptOptions{Length: length(5)}, 6, "limit"},
		{"zero", EncryptOptions{Length: length(0)}, 0, "ok"},
		{"zero, long", EncryptOptions{Length: length(0)}, 1, "limit"},
		{"bound", EncryptOptions{MaxLength: 5}, 5, "ok"},
		{"below the bound", EncryptOptions{MaxLength: 5}, 1, "ok"},
		{"above the bound", EncryptOptions{MaxLength: 5}, 6, "limit"},
	} {
		for _, readFrom := range []bool{false, true} {
			var out bytes.Buffer
			w := open(&out, &tt.o)
			var err error
			if readFrom {
				_, err = w.ReadFrom(bytes.NewReader(make([]byte, tt.write)))
			} else {
				_, err = w.Write(make([]byte, tt.write))
			}
			if cerr := w.Close(); err == nil {
				err = cerr
			} else if cerr != err {
				t.Errorf("%s: the error did not stick: %v, then %v", tt.name, err, cerr)
			}
			if kind(err) != tt.want {
				t.Errorf("%s: got %s (%v), want %s", tt.name, kind(err), err, tt.want)
			}
		}
	}
	for _, o := range []EncryptOptions{{Length: length(-1)}, {MaxLength: -1}} {
		if _, err := new(Client).NewEncryptWriter(ctx, mm, io.Discard, &o); kind(err) != "policy" {
			t.Errorf("negative length: %v", err)
		}
	}
	// A destination that fails.
	for _, workers := range []int{0, 2} {
		w = open(failingWriter{}, &EncryptOptions{Concurrency: workers})
		var err error
		for range 40 {
			if _, err = w.Write(make([]byte, 100<<10)); err != nil {
				break
			}
		}
		if err == nil {
			err = w.Close()
		}
		if !errors.Is(err, errFull) || !errors.Is(w.Close(), errFull) {
			t.Errorf("workers %d: got %v", workers, err)
		}
	}
	w = open(io.Discard, nil)
	w.Abort()
	if err := w.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("close after abort: %v", err)
	}
	// The source's error is not the writer's.
	out.Reset()
	w = open(&out, nil)
	if _, err := w.ReadFrom(iotest.ErrReader(errFull)); !errors.Is(err, errFull) {
		t.Error(err)
	}
	if _, err := w.Write([]byte("still good")); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	// The frame counter ends before it wraps.
	w = open(io.Discard, &EncryptOptions{FrameLength: 1, Suite: s0478})
	w.seq = finalMarker - 10
	if _, err := w.Write(make([]byte, 5)); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("five frames before the end: %v", err)
	}
	w = open(io.Discard, &EncryptOptions{FrameLength: 1, Suite: s0478})
	w.seq = finalMarker - 10
	if _, err := w.Write(make([]byte, 12)); err != nil {
		t.Error(err)
	}
	if err := w.Close(); kind(err) != "limit" {
		t.Errorf("one frame too many: %v", err)
	}
}

var errFull = errors.New("disk full")

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errFull }

func TestReaderStates(t *testing.T) {
	ctx, mm := context.Background(), keyring.NewManager(fixedKeyring{testKey})
	msg := forge{frameLen: 4, frames: []string{"aaaa", "b"}}.message(t)
	r, err := new(Client).NewDecryptReader(ctx, mm, bytes.NewReader(msg), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Header().FrameLength != 4 {
		t.Error("header not there")
	}
	if err := r.Close(); err != nil {
		t.Error("closing early:", err)
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, ErrClosed) {
		t.Error("read after close:", err)
	}
	if err := r.Close(); err != nil {
		t.Error("closing twice:", err)
	}
	for n := 0; n < len(msg); n += 3 {
		src := io.MultiReader(bytes.NewReader(msg[:n]), iotest.ErrReader(errFull))
		if _, err := streamDecrypt(src, nil); !errors.Is(err, errFull) {
			t.Errorf("source failing after %d bytes: %v", n, err)
		}
	}
	if _, err := streamDecrypt(plain{stuck{}}, nil); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a source that gives nothing: %v", err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestFrameLimit(t *testing.T) {
	big := pattern(5000)
	framed := streamEncrypt(t, new(Client), big, 5000, &EncryptOptions{Suite: s0478, FrameLength: 2000})
	final := streamEncrypt(t, new(Client), big[:10], 10, &EncryptOptions{Suite: s0478, FrameLength: MaxFrameLength})
	non := forge{nonFramed: true, frames: []string{string(big)}}.message(t)
	for name, tt := range map[string]struct {
		msg  []byte
		max  int64
		want string
	}{
		"framed":                      {framed, 1000, "limit"},
		"framed, enough":              {framed, 2000, "ok"},
		"non-framed":                  {non, 1000, "limit"},
		"non-framed, enough":          {non, 5000, "ok"},
		"small message, large frames": {final, 1000, "ok"},
		"negative":                    {final, -1, "policy"},
	} {
		if _, err := streamDecrypt(plain{bytes.NewReader(tt.msg)}, &DecryptOptions{MaxFrameLength: tt.max}); kind(err) != tt.want {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
}

// zeros is a source of n bytes.
type zeros struct{ n int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	k := int(min(int64(len(p)), z.n))
	clear(p[:k])
	z.n -= int64(k)
	return k, nil
}

// A stream of 64 MiB through writer and reader allocates no more than a few chunks.
func TestStreamMemory(t *testing.T) {
	const size = 64 << 20
	for _, workers := range []int{0, 2} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		pr, pw := io.Pipe()
		ctx, mm := context.Background(), keyring.NewManager(fixedKeyring{testKey})
		go func() {
			w, err := new(Client).NewEncryptWriter(ctx, mm, pw, &EncryptOptions{Suite: s0478, Concurrency: workers})
			if err == nil {
				if _, err = io.Copy(w, &zeros{size}); err == nil {
					err = w.Close()
				}
			}
			pw.CloseWithError(err)
		}()
		r, err := new(Client).NewDecryptReader(ctx, mm, pr, &DecryptOptions{Concurrency: workers})
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, r)
		runtime.ReadMemStats(&after)
		if n != size || err != nil {
			t.Fatal(n, err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 12<<20 {
			t.Errorf("workers %d: %d bytes allocated for a stream of %d", workers, got, size)
		}
	}
}

func TestStreamDeclaredLengthsAreNotAllocated(t *testing.T) {
	for name, msg := range map[string][]byte{
		"4 GiB frames": forge{frameLen: 1<<32 - 1, frames: []string{"a", "b"}}.message(t),
		"non-framed": forge{nonFramed: true, frames: []string{"text"}, body: func(b []byte) []byte {
			binary.BigEndian.PutUint64(b[12:], 1<<36-33)
			return b
		}}.message(t),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := streamDecrypt(plain{bytes.NewReader(msg)}, nil)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; kind(err) != "truncated" || n > 1<<20 {
			t.Errorf("%s: %v, %d bytes allocated", name, err, n)
		}
	}
}

func TestRanges(t *testing.T) {
	ctx, mm := context.Background(), keyring.NewManager(fixedKeyring{testKey})
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, s := range []*suite.Suite{s0178, s0478} {
		for _, n := range []int{0, 1, 9, 10, 11, 20, 1005} {
			want := pattern(n)
			msg := streamEncrypt(t, writerOf(s), want, n+1, &EncryptOptions{Suite: s, FrameLength: 10})
			r, err := anyClient.OpenAt(ctx, mm, bytes.NewReader(msg), int64(len(msg)), nil)
			if err != nil || r.Size() != int64(n) || r.Header().Suite != s {
				t.Fatal(n, err)
			}
			for range 200 {
				off := rnd.IntN(n + 5)
				p := make([]byte, rnd.IntN(n+5))
				k, err := r.ReadAt(p, int64(off))
				end := min(off+len(p), n)
				if k != max(0, end-off) || !bytes.Equal(p[:k], want[min(off, n):max(end, min(off, n))]) || (err == io.EOF) != (off+len(p) > n && len(p) > 0) {
					t.Fatalf("length %d: ReadAt(%d, %d) = %d, %v", n, len(p), off, k, err)
				}
			}
			got, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
			if err != nil || !bytes.Equal(got, want) {
				t.Error(n, err)
			}
			if _, err := r.ReadAt(make([]byte, 1), -1); err == nil {
				t.Error("negative offset")
			}
			for cut := range msg { // a truncated message never opens: its end is not a final frame
				if r, err := anyClient.OpenAt(ctx, mm, bytes.NewReader(msg[:cut]), int64(cut), nil); err == nil {
					t.Fatalf("length %d cut at %d opened with size %d", n, cut, r.Size())
				}
			}
			if n > 20 { // a damaged frame harms only itself
				o, _ := ParseOutline(msg)
				bad := bytes.Clone(msg)
				bad[o.HeaderLen+42+20] ^= 1 // in the second frame
				r, err := anyClient.OpenAt(ctx, mm, bytes.NewReader(bad), int64(len(bad)), nil)
				if err != nil {
					t.Fatal(err)
				}
				p := make([]byte, 30)
				if k, err := r.ReadAt(p, 0); k != 10 || kind(err) != "body" || !bytes.Equal(p[:10], want[:10]) {
					t.Errorf("damaged: %d, %v", k, err)
				}
				if k, err := r.ReadAt(p[:5], 25); k != 5 || err != nil {
					t.Errorf("behind the damaged frame: %d, %v", k, err)
				}
			}
		}
	}
	for name, f := range map[string]forge{
		"signed":     {suite: s0578, frameLen: 4, frames: []string{"aaaa", "b"}},
		"non-framed": {nonFramed: true, frames: []string{"text"}},
	} {
		msg := f.message(t)
		if _, err := anyClient.OpenAt(ctx, mm, bytes.NewReader(msg), int64(len(msg)), nil); kind(err) != "policy" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Release 4.0.0 of the .NET client wrote two kinds of faulty messages: they fail, and open only when asked for.
func TestNET400Faults(t *testing.T) {
	for _, s := range messageSuites() {
		hkdfV1 := s.MessageVersion() == 1 && s.KDF() == suite.KDFHKDF
		for name, f := range map[string]forge{
			"no message id": {withoutMessageID: true}, "two zero bytes": {extraAAD: []byte{0, 0}}, "both": {withoutMessageID: true, extraAAD: []byte{0, 0}},
		} {
			if f.withoutMessageID && !hkdfV1 {
				continue
			}
			f.suite, f.frameLen, f.frames = s, 4, []string{"aaaa", "b"}
			msg := f.message(t)
			if got, _, err := decryptFixed(msg); kind(err) != "header" || got != nil {
				t.Errorf("%s, %s: %v", s, name, err)
			}
			mm := keyring.NewManager(fixedKeyring{testKey})
			got, h, err := anyClient.Decrypt(context.Background(), mm, msg, &DecryptOptions{AllowNET400Faults: true})
			if err != nil || string(got) != "aaaab" || !h.NET400Fault {
				t.Errorf("%s, %s, allowed: %q, %v", s, name, got, err)
			}
			bad := bytes.Clone(msg)
			bad[10] ^= 1
			if _, _, err := anyClient.Decrypt(context.Background(), mm, bad, &DecryptOptions{AllowNET400Faults: true}); err == nil {
				t.Errorf("%s, %s, tampered: opened", s, name)
			}
		}
		msg := forge{suite: s, frameLen: 4, frames: []string{"aaaa", "b"}}.message(t)
		_, h, err := anyClient.Decrypt(context.Background(), keyring.NewManager(fixedKeyring{testKey}), msg, &DecryptOptions{AllowNET400Faults: true})
		if err != nil || h.NET400Fault {
			t.Errorf("%s: a good message: %+v, %v", s, h, err)
		}
	}
}

func TestRequireContext(t *testing.T) {
	mm := keyring.NewManager(rawKeyring(t, "kek", 1))
	msg, err := new(Client).Encrypt(context.Background(), mm, []byte("x"), &EncryptOptions{Context: keyring.EncryptionContext{"a": "1", "b": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		want keyring.EncryptionContext
		kind string
	}{
		{nil, "ok"}, {keyring.EncryptionContext{"a": "1"}, "ok"}, {keyring.EncryptionContext{"a": "1", "b": "2"}, "ok"},
		{keyring.EncryptionContext{"a": "2"}, "context"}, {keyring.EncryptionContext{"c": "1"}, "context"}, {keyring.EncryptionContext{"c": ""}, "context"},
	} {
		got, _, err := new(Client).Decrypt(context.Background(), mm, msg, &DecryptOptions{RequireContext: tt.want})
		if kind(err) != tt.kind || (got == nil) != (err != nil) {
			t.Errorf("%v: got %v, want %s", tt.want, err, tt.kind)
		}
	}
}
