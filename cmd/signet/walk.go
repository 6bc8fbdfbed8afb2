package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A walk visits a folder and what is in it, in the order of names. It stays inside: symbolic links are visited and not followed.
type walk struct {
	root   *os.Root
	folder func(name string) error // before what is in it; an error leaves it out and is not reported again
	entry  func(name string, d fs.FileInfo) error
	failed func(name string, err error) // a folder that could not be read
}

var errChanged = errors.New("it was exchanged while the folder was read")

// run visits name. Its error is that of entry or of ctx.
func (w *walk) run(ctx context.Context, name string, info fs.FileInfo) error {
	if w.folder(name) != nil {
		return nil
	}
	entries, err := readFolder(w.root, name, info)
	if err != nil {
		w.failed(name, err)
	}
	for _, d := range entries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		child := filepath.Join(name, d.Name())
		info, err := w.root.Lstat(child)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // gone meanwhile
		case err != nil:
			w.failed(child, err)
			continue
		case info.IsDir():
			err = w.run(ctx, child, info)
		default:
			err = w.entry(child, info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readFolder returns the entries in the order of their names. info is what the folder was when it was found.
func readFolder(root *os.Root, name string, info fs.FileInfo) ([]fs.DirEntry, error) {
	f, err := openSame(root, name, info)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

// openSame opens what was found before, and nothing that took its place.
func openSame(root *os.Root, name string, info fs.FileInfo) (*os.File, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !os.SameFile(st, info) {
		err = errChanged
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
