package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

func pipeInput(t *testing.T) (*input, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return &input{name: "pipe", file: r}, w
}

func TestPipeReader(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789"), 100_000)
	in, w := pipeInput(t)
	counted := int64(0)
	in.count = func(n int64) { counted += n }
	go func() { w.Write(want); w.Close() }()
	r, err := in.reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := r.(io.Seeker); ok {
		t.Error("a pipe claims that it can seek")
	}
	if err := iotest.TestReader(r, want); err != nil {
		t.Error(err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("after the end: %d, %v", n, err)
	}
	if counted != int64(len(want)) {
		t.Errorf("counted %d bytes, want %d", counted, len(want))
	}
}

// A read that waits ends with the context.
func TestPipeReaderInterrupted(t *testing.T) {
	in, w := pipeInput(t)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := in.reader(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	go cancel()
	for range 2 {
		if n, err := r.Read(make([]byte, 10)); n != 0 || !errors.Is(err, context.Canceled) {
			t.Errorf("got %d, %v, want %v", n, err, context.Canceled)
		}
	}
}

func TestFileReader(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789"), 1000)
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, want, 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := (&app{}).openInput([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var counts []int64
	in.count = func(n int64) { counts = append(counts, n) }
	r, err := in.reader(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if n, ok := in.size(); n != 9900 || !ok {
		t.Errorf("after 100 bytes %d are left, %v, want 9900", n, ok)
	}
	if _, err := r.(io.Seeker).Seek(10, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if len(counts) != 2 || counts[0] != 100 || counts[1] != -90 {
		t.Errorf("counted %d, want 100 and -90", counts)
	}
	in.count = nil
	if _, err := r.(io.Seeker).Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(r, want); err != nil {
		t.Error(err)
	}
	cancel()
	if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("got %d, %v, want %v", n, err, context.Canceled)
	}
}

// A header is found however it arrives, and what was read is not lost.
func TestPeekHeader(t *testing.T) {
	var buf bytes.Buffer
	_, out, _ := runApp(t, t.Context(), "hello", "", "encrypt", "-k", keyURIFor(t), "-c", "name="+string(bytes.Repeat([]byte("x"), 40_000)))
	_, n, err := message.ParseHeader([]byte(out))
	if err != nil {
		t.Fatal(err)
	}
	for name, wrap := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "half": iotest.HalfReader, "with error": iotest.DataErrReader} {
		buf.Reset()
		r := wrap(io.TeeReader(bytes.NewReader([]byte(out)), &buf))
		head, h, err := peekHeader(r)
		if err != nil || h == nil || !h.Suite.Signed() || len(head) < n || !bytes.Equal(head, buf.Bytes()) {
			t.Errorf("%s: header %v, %d bytes of %d, %v", name, h != nil, len(head), n, err)
		}
	}
	for name, data := range map[string][]byte{"cut": []byte(out)[:n-1], "other": []byte("no message"), "empty": nil} {
		if head, h, err := peekHeader(bytes.NewReader(data)); h != nil || err != nil || !bytes.Equal(head, data) {
			t.Errorf("%s: header %v, %d bytes of %d, %v", name, h != nil, len(head), len(data), err)
		}
	}
	broken := errors.New("broken")
	if _, _, err := peekHeader(io.MultiReader(bytes.NewReader([]byte(out)[:50]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

func TestSpool(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, size := range []int{0, 1, spoolMemory - 1, spoolMemory, spoolMemory + 1, 3*spoolMemory + 17} {
		want := bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7}, size/7+1)[:size]
		s, err := newSpool(iotest.HalfReader(bytes.NewReader(want)))
		if err != nil {
			t.Fatal(err)
		}
		if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
			t.Errorf("%d bytes: the file has a name: %v", size, left)
		}
		if (s.file != nil) != (size >= spoolMemory) {
			t.Errorf("%d bytes: in a file %v", size, s.file != nil)
		}
		for range 2 {
			got, err := io.ReadAll(s)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes: got %d, %v", size, len(got), err)
			}
			if _, err := s.Seek(0, io.SeekStart); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
	}
	broken := errors.New("broken")
	for _, size := range []int64{10, 2 * spoolMemory} {
		r := io.MultiReader(bytes.NewReader(make([]byte, size)), iotest.ErrReader(broken))
		if _, err := newSpool(r); !errors.Is(err, broken) {
			t.Errorf("source broken after %d bytes: got %v", size, err)
		}
	}
}

// A file that grows or shrinks while it is encrypted is an error, and leaves no output.
func TestInputChanges(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"grows": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.Write(make([]byte, 1<<20))
			return err
		},
		"shrinks": func(path string) error { return os.Truncate(path, 200<<10) },
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "in")
		if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		a := &app{stderr: io.Discard, log: slog.New(slog.DiscardHandler), keyrings: []string{keyURIFor(t)}}
		in, err := a.openInput([]string{path})
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		changed := false
		in.count = func(int64) {
			if !changed {
				changed = true
				if err := change(path); err != nil {
					t.Error(err)
				}
			}
		}
		k, err := a.openKeyring(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		e := &encryption{a: a, f: &messageFlags{concurrency: 1}, client: &message.Client{}, options: message.EncryptOptions{Suite: suite.AES256GCMCommit()}}
		if err := e.open(k); err != nil {
			t.Fatal(err)
		}
		s := newOutput(filepath.Join(dir, "out"), false, 0o600).open(a)
		_, err = e.one(t.Context(), in, s)
		s.abort()
		if codeOf(err) != codeChanged {
			t.Errorf("%s: got %v, want the code for an input that changed", name, err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}
