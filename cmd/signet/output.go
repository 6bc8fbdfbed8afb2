package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// output is where a command's result goes. check comes before the work, open after it: until then nothing is opened, so that a failure
// leaves no file and no empty file.
type output struct {
	path  string // "" is standard output
	force bool
	perm  fs.FileMode
	dash  bool // "-" was given: standard output even if it is a terminal

	inPlace bool // the output is to replace the input

	root *os.Root // the folder that name is in; nil: path says it
	name string
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
	if o.inPlace {
		return o.checkInPlace(in)
	}
	if o.root != nil {
		return o.checkInRoot(in)
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

// isDirect reports whether somebody sees the result while it is written: on standard output, in a pipe or on a device.
func (o *output) isDirect() bool {
	if o.path == "" {
		return true
	}
	if o.root != nil || o.inPlace {
		return false
	}
	st, err := os.Stat(o.path)
	return err == nil && !st.Mode().IsRegular()
}

// checkInRoot is check for a file of a folder of outputs. There a link, a pipe or a device is not written through.
func (o *output) checkInRoot(in *input) error {
	st, err := o.root.Lstat(o.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return outputError(o.path, err)
	case !st.Mode().IsRegular():
		return &fault{code: codeOutput, err: fmt.Errorf("output %s is there already, and is no regular file", o.path)}
	}
	if err := sameFile(in, func() (fs.FileInfo, error) { return st, nil }); err != nil {
		return err
	}
	if !o.force {
		return exists(o.path)
	}
	return nil
}

// checkInPlace refuses what cannot be replaced: only a regular file can.
func (o *output) checkInPlace(in *input) error {
	st, err := in.file.Stat()
	if err != nil {
		return outputError(o.path, err)
	}
	if !st.Mode().IsRegular() {
		return &fault{code: codeOutput, err: fmt.Errorf("%s is no regular file and cannot be replaced", in.name), hint: "leave --in-place out"}
	}
	return nil
}

// unchanged refuses to replace a file that somebody wrote to, or exchanged, since before.
func (o *output) unchanged(before fs.FileInfo) error {
	if !o.inPlace {
		return nil
	}
	now, err := o.stat()
	if err != nil {
		return outputError(o.path, err)
	}
	if !os.SameFile(now, before) || now.Size() != before.Size() || !now.ModTime().Equal(before.ModTime()) {
		return &fault{code: codeChanged, err: fmt.Errorf("%s changed while it was read", o.path), hint: "try again"}
	}
	return nil
}

func (o *output) stat() (fs.FileInfo, error) {
	if o.root != nil {
		return o.root.Lstat(o.name)
	}
	return os.Stat(o.path)
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
