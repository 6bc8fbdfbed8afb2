package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// spoolMemory is how much of a spooled message is held in memory, in bytes; a longer one goes to a temporary file.
const spoolMemory = 1 << 20

// A spool holds a message from a pipe, so that it can be read twice. It holds ciphertext only.
type spool struct {
	io.ReadSeeker
	file *os.File // nil: in memory
	path string   // "" when the file has no name any more
}

// newSpool reads r to its end.
func newSpool(r io.Reader) (_ *spool, err error) {
	var head bytes.Buffer
	if n, err := io.CopyN(&head, r, spoolMemory); n < spoolMemory {
		if err == io.EOF {
			return &spool{ReadSeeker: bytes.NewReader(head.Bytes())}, nil
		}
		return nil, err
	}
	f, err := os.CreateTemp("", "signet-*.spool")
	if err != nil {
		return nil, spoolError(err)
	}
	s := &spool{ReadSeeker: f, file: f}
	if os.Remove(f.Name()) != nil { // a system that keeps the names of open files
		s.path = f.Name()
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	w := &spoolWriter{f}
	if _, err := head.WriteTo(w); err != nil {
		return nil, err
	}
	if _, err := io.CopyBuffer(w, r, make([]byte, pipeLen)); err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, spoolError(err)
	}
	return s, nil
}

// Close removes the file.
func (s *spool) Close() {
	if s.file == nil {
		return
	}
	_ = s.file.Close()
	if s.path != "" {
		_ = os.Remove(s.path)
	}
}

// spoolWriter tells errors of the file from those of the source.
type spoolWriter struct{ f *os.File }

func (w *spoolWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	if err != nil {
		err = spoolError(err)
	}
	return n, err
}

func spoolError(err error) error {
	return &fault{code: codeSpool, err: fmt.Errorf("temporary file for the encrypted message in %s: %w", os.TempDir(), withoutPath(err))}
}
