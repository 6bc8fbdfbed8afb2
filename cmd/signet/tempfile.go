package main

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// A tempFile is a file without its final name. It stands in the folder of that name, as .signet-*.tmp.
type tempFile struct {
	*os.File
	root    *os.Root
	ownRoot bool // root is closed with the file
	temp    string
	name    string
	replace bool
	all     *tempFiles
	over    bool
}

// tempFiles are the temporary files of a command, so that they can be removed when it does not come to it.
type tempFiles struct {
	mu    sync.Mutex
	files map[*tempFile]bool
}

func (a *app) createTemp(root *os.Root, name string, perm fs.FileMode, replace bool) (*tempFile, error) {
	t := &tempFile{root: root, temp: filepath.Join(filepath.Dir(name), ".signet-"+rand.Text()+".tmp"), name: name, replace: replace, all: &a.temps}
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	f, err := root.OpenFile(t.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, err
	}
	t.File = f
	if t.all.files == nil {
		t.all.files = make(map[*tempFile]bool)
	}
	t.all.files[t] = true
	return t, nil
}

// commit makes the content last and gives the file its name.
func (t *tempFile) commit() error {
	defer t.abort()
	if err := errors.Join(t.Sync(), t.Close()); err != nil {
		return err
	}
	if err := t.publish(); err != nil {
		return err
	}
	return syncDir(t.root, filepath.Dir(t.name))
}

// abort removes the file unless it has its name; it may be called again.
func (t *tempFile) abort() {
	if t.over {
		return
	}
	t.over = true
	_ = t.Close()
	t.all.mu.Lock()
	delete(t.all.files, t)
	t.all.mu.Unlock()
	_ = t.root.Remove(t.temp)
	if t.ownRoot {
		_ = t.root.Close()
	}
}

// publish gives the temporary file its name. Without replace a link is made, which fails when somebody else made the file meanwhile; file
// systems without links get a check and a rename.
func (t *tempFile) publish() error {
	if t.replace {
		return t.root.Rename(t.temp, t.name)
	}
	err := t.root.Link(t.temp, t.name)
	switch {
	case err == nil:
		return t.root.Remove(t.temp)
	case errors.Is(err, fs.ErrExist):
		return fs.ErrExist
	}
	if _, err := t.root.Lstat(t.name); err == nil {
		return fs.ErrExist
	}
	return t.root.Rename(t.temp, t.name)
}

// remove removes what is there, for a command that hangs: nothing is committed any more.
func (ts *tempFiles) remove() {
	ts.mu.Lock() // and not unlocked: the process ends
	for t := range ts.files {
		_ = t.root.Remove(t.temp)
	}
}
