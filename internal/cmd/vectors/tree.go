package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Limits on what is read from folders and zip files, whose declared sizes are not believed.
const (
	maxFile     = 64 << 20 // bytes of one file, inflated
	maxRead     = 1 << 30  // bytes read for one argument, inflated
	maxFiles    = 200_000  // files of one argument
	maxZipDepth = 4        // zip files within each other
)

var (
	errTooMuch = fmt.Errorf("more than the %d bytes that are read of one argument", maxRead)
	errTooMany = fmt.Errorf("more than the %d files that are read of one argument", maxFiles)
)

// budget is what is left to read for one argument.
type budget struct {
	bytes int64
	files int
}

// A tree is a folder or a zip file with test vectors.
type tree struct {
	fs.FS
	label string // for people
	depth int    // zip files around it
	left  *budget
}

// read returns a whole file, at most limit bytes of it.
func (t *tree) read(name string, limit int64) ([]byte, error) {
	f, err := t.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, min(limit, t.left.bytes)+1))
	t.left.bytes -= int64(len(b))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case int64(len(b)) > limit:
		return nil, fmt.Errorf("%s: more than %d bytes", name, limit)
	case t.left.bytes < 0:
		return nil, fmt.Errorf("%s: %w", name, errTooMuch)
	}
	return b, nil
}

// peek returns the first bytes of a file, without white space and byte order mark in front.
func (t *tree) peek(name string) ([]byte, error) {
	b := make([]byte, 64)
	f, err := t.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n, err := io.ReadFull(f, b)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return bytes.TrimLeft(bytes.TrimPrefix(b[:n], byteOrderMark), " \t\r\n"), nil
}

var byteOrderMark = []byte("\ufeff")

func isZip(start []byte) bool {
	return bytes.HasPrefix(start, []byte("PK\x03\x04")) || bytes.HasPrefix(start, []byte("PK\x05\x06"))
}

// inner opens a zip file within the tree.
func (t *tree) inner(name string) (*tree, error) {
	if t.depth == maxZipDepth {
		return nil, fmt.Errorf("%s: more than %d zip files within each other", name, maxZipDepth)
	}
	b, err := t.read(name, maxFile)
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(z.File) > t.left.files {
		return nil, fmt.Errorf("%s: %w", name, errTooMany)
	}
	return &tree{FS: z, label: t.join(name), depth: t.depth + 1, left: t.left}, nil
}

// join is the label of a file in the tree.
func (t *tree) join(name string) string {
	if t.depth > 0 {
		return t.label + "!" + name
	}
	return path.Join(t.label, name)
}

// walk calls visit for every regular file.
func (t *tree) walk(visit func(name string) error) error {
	return fs.WalkDir(t, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.Type().IsRegular():
			return nil
		}
		if t.left.files--; t.left.files < 0 {
			return errTooMany
		}
		return visit(name)
	})
}

// open makes a tree of an argument. only is set when the argument is a single file that is no zip: the other files are what it refers to.
func open(arg string) (t *tree, only string, closer io.Closer, err error) {
	left := &budget{maxRead, maxFiles}
	info, err := os.Stat(arg)
	if err != nil {
		return nil, "", nil, err
	}
	if info.IsDir() {
		root, err := os.OpenRoot(arg)
		if err != nil {
			return nil, "", nil, err
		}
		return &tree{FS: root.FS(), label: arg, left: left}, "", root, nil
	}
	dir, base := filepath.Split(arg)
	root, err := os.OpenRoot(filepath.Clean(dir))
	if err != nil {
		return nil, "", nil, err
	}
	t = &tree{FS: root.FS(), label: filepath.ToSlash(filepath.Clean(dir)), left: left}
	start, err := t.peek(base)
	if err != nil || !isZip(start) {
		return t, base, root, err
	}
	root.Close()
	z, err := zip.OpenReader(arg)
	if err != nil {
		return nil, "", nil, err
	}
	if len(z.File) > maxFiles {
		z.Close()
		return nil, "", nil, errTooMany
	}
	return &tree{FS: z, label: arg, depth: 1, left: left}, "", z, nil
}
