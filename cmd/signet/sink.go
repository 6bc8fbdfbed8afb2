package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"unicode"
	"unicode/utf8"
)

// A sink takes a result piece by piece. Its target is opened with the first piece. A regular file is complete or not there at all, also after
// a crash: it gets its name in commit. Standard output, pipes and devices get each piece at once.
type sink struct {
	a     *app
	o     *output
	guard bool  // refuse what a terminal should not get
	n     int64 // bytes written

	direct  *os.File
	temp    *tempFile
	pending []byte // guard: the beginning of a character
}

// open returns a sink for the output. The caller ends with commit or abort; abort after commit does nothing.
func (o *output) open(a *app) *sink { return &sink{a: a, o: o} }

func (s *sink) Write(p []byte) (int, error) {
	if s.guard {
		if err := s.look(p); err != nil {
			return 0, err
		}
	}
	if err := s.ready(); err != nil {
		return 0, err
	}
	f := s.direct
	if s.temp != nil {
		f = s.temp.File
	}
	n, err := f.Write(p)
	s.n += int64(n)
	if err != nil {
		return n, outputError(s.o.label(), err)
	}
	return n, nil
}

// released is how many bytes of the result somebody may have seen already.
func (s *sink) released() int64 {
	if s.direct == nil {
		return 0
	}
	return s.n
}

func (s *sink) ready() error {
	switch {
	case s.direct != nil || s.temp != nil:
		return nil
	case s.o.path == "":
		s.direct = s.a.stdout
		return nil
	}
	if err := s.create(); err != nil {
		return s.failed(err)
	}
	return nil
}

func (s *sink) create() (err error) {
	o, perm := s.o, s.o.perm
	if o.inPlace {
		return s.createInPlace()
	}
	if o.root != nil {
		if st, err := o.root.Lstat(o.name); err == nil {
			perm &= st.Mode().Perm()
		}
		s.temp, err = s.a.createTemp(o.root, o.name, perm, o.force)
		return err
	}
	path := o.path
	if st, err := os.Stat(path); err == nil {
		if !st.Mode().IsRegular() {
			s.direct, err = os.OpenFile(path, os.O_WRONLY, 0)
			return err
		}
		perm &= st.Mode().Perm() // a file that was kept from others stays so
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err // the link stays a link; a file without a name has one in /proc that leads nowhere
		}
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	s.temp, err = s.a.createTemp(root, filepath.Base(path), perm, o.force)
	if err != nil {
		_ = root.Close()
		return err
	}
	s.temp.ownRoot = true
	return nil
}

// createInPlace makes the temporary file that is to replace its target, which gives it its owner and permissions.
func (s *sink) createInPlace() error {
	o := s.o
	st, err := o.stat()
	if err != nil {
		return err
	}
	root, name, own := o.root, o.name, false
	if root == nil {
		path, err := filepath.EvalSymlinks(o.path) // the link stays a link
		if err != nil {
			return err
		}
		if root, err = os.OpenRoot(filepath.Dir(path)); err != nil {
			return err
		}
		name, own = filepath.Base(path), true
	}
	temp, err := s.a.createTemp(root, name, 0o600, true)
	if err != nil {
		if own {
			_ = root.Close()
		}
		return err
	}
	temp.ownRoot = own
	s.temp = temp
	if err := takeOwner(temp.File, st); err != nil {
		return err
	}
	return temp.Chmod(st.Mode().Perm())
}

// commit delivers the result.
func (s *sink) commit() error {
	if err := s.ready(); err != nil {
		return err
	}
	var err error
	switch {
	case s.temp != nil:
		err = s.temp.commit()
	case s.o.path != "":
		err = s.direct.Close()
	}
	if err != nil {
		return s.failed(err)
	}
	return nil
}

func (s *sink) abort() {
	switch {
	case s.temp != nil:
		s.temp.abort()
	case s.direct != nil && s.o.path != "":
		_ = s.direct.Close()
	}
}

func (s *sink) failed(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return exists(s.o.path)
	}
	return outputError(s.o.label(), err)
}

func (o *output) label() string {
	if o.path == "" {
		return "standard output"
	}
	return o.path
}

// look refuses binary data. A character may be cut by the end of a piece.
func (s *sink) look(p []byte) error {
	b := append(s.pending, p...)
	cut := len(b)
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if utf8.RuneStart(b[len(b)-i]) {
			if !utf8.FullRune(b[len(b)-i:]) {
				cut = len(b) - i
			}
			break
		}
	}
	if isBinary(b[:cut]) {
		return &fault{code: codeTerminal, err: errors.New("refusing to print binary output to a terminal"), hint: "use -o FILE, or -o - to print it anyway"}
	}
	s.pending = append([]byte(nil), b[cut:]...)
	return nil
}

// isBinary tells what a terminal should not get.
func isBinary(data []byte) bool {
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r == utf8.RuneError && n == 1 || unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' {
			return true
		}
		data = data[n:]
	}
	return false
}
