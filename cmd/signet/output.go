package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unicode"
	"unicode/utf8"
)

// output is where a command's result goes. check comes before the work, write after it: until then nothing is opened, so that a failure
// leaves no file and no empty file.
type output struct {
	path  string // "" is standard output
	force bool
	perm  fs.FileMode
	dash  bool // "-" was given: standard output even if it is a terminal
}

func newOutput(path string, force bool, perm fs.FileMode) *output {
	if path == "-" {
		return &output{dash: true, perm: perm}
	}
	return &output{path: path, force: force, perm: perm}
}

func exists(path string) error {
	return &fault{code: codeExists, err: fmt.Errorf("output %s exists already", path)}
}

// check refuses what can be known to fail: an existing file without --force, the input as output, a folder. With binary set, a
// terminal is refused too.
func (o *output) check(a *app, in *input, binary bool) error {
	if o.path == "" {
		if binary && !o.dash && a.isTerminal(a.stdout) {
			return &fault{code: codeTerminal, err: errors.New("refusing to print binary output to a terminal")}
		}
		return sameFile(in, a.stdout.Stat)
	}
	st, err := os.Stat(o.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(o.path); err == nil {
			return &fault{code: codeOutput, err: fmt.Errorf("output %s is a symbolic link to nothing", o.path)}
		}
		dir, err := os.Stat(filepath.Dir(o.path))
		if err != nil {
			return outputError(o.path, err)
		}
		if !dir.IsDir() {
			return &fault{code: codeOutput, err: fmt.Errorf("output %s: %s is not a folder", o.path, filepath.Dir(o.path))}
		}
		return nil
	case err != nil:
		return outputError(o.path, err)
	case st.IsDir():
		return &fault{code: codeOutput, err: fmt.Errorf("output %s is a directory", o.path)}
	}
	if err := sameFile(in, func() (fs.FileInfo, error) { return st, nil }); err != nil {
		return err
	}
	if st.Mode().IsRegular() && !o.force {
		return exists(o.path)
	}
	return nil
}

// sameFile compares regular files by what they are, so that hard links and symbolic links do not deceive it.
func sameFile(in *input, stat func() (fs.FileInfo, error)) error {
	if in == nil {
		return nil
	}
	from, err := in.file.Stat()
	if err != nil || !from.Mode().IsRegular() {
		return nil
	}
	to, err := stat()
	if err != nil || !os.SameFile(from, to) {
		return nil
	}
	return &fault{code: codeSameFile, err: fmt.Errorf("%s is both the input and the output", in.name)}
}

// write delivers the result. A regular file is complete or not there at all, also after a crash: the bytes go to a temporary file in the same
// folder, which is synced and then takes the name. Pipes and devices are written to directly.
func (o *output) write(a *app, data []byte) error {
	if o.path == "" {
		if _, err := a.stdout.Write(data); err != nil {
			return outputError("standard output", err)
		}
		return nil
	}
	path, perm := o.path, o.perm
	if st, err := os.Stat(path); err == nil {
		if !st.Mode().IsRegular() {
			return writeDirectly(path, data)
		}
		perm &= st.Mode().Perm() // a file that was kept from others stays so
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real // the link stays a link
		}
	}
	if err := writeAtomically(path, data, perm, o.force); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return exists(o.path)
		}
		return outputError(o.path, err)
	}
	return nil
}

func writeDirectly(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return outputError(path, err)
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return outputError(path, err)
	}
	return nil
}

func writeAtomically(path string, data []byte, perm fs.FileMode, replace bool) (err error) {
	dir := filepath.Dir(path)
	temp := filepath.Join(dir, ".signet-"+rand.Text()+".tmp")
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp)
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := publish(temp, path, replace); err != nil {
		return err
	}
	return syncDir(dir)
}

// publish gives the temporary file its name. Without replace a link is made, which fails when somebody else made the file meanwhile; file
// systems without links get a check and a rename.
func publish(temp, path string, replace bool) error {
	if replace {
		return os.Rename(temp, path)
	}
	err := os.Link(temp, path)
	switch {
	case err == nil:
		return os.Remove(temp)
	case errors.Is(err, fs.ErrExist):
		return fs.ErrExist
	}
	if _, err := os.Lstat(path); err == nil {
		return fs.ErrExist
	}
	return os.Rename(temp, path)
}

func outputError(name string, err error) error {
	err = withoutPath(err)
	c := codeOutput
	switch {
	case errors.Is(err, fs.ErrPermission):
		c = codeFileDenied
	case errors.Is(err, fs.ErrNotExist):
		c = codeNoFile
	}
	return &fault{code: c, err: fmt.Errorf("output %s: %w", name, err)}
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
