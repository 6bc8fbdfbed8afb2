package main

import (
	"context"
	"io/fs"

	"github.com/signetkeys/signet/keyring"
)

// A task is what encrypt and decrypt do with one input, and how they name it.
type task struct {
	verb, done string // encrypt, encrypted
	perm       fs.FileMode
	toEncrypt  bool
	binary     bool // nothing for a terminal
	open       func(keyring.Keyring) error
	one        func(context.Context, *input, *sink) (*written, error)
	// target is the name of the output for a file of a folder, or why the file is left out.
	target func(name string) (output, leftOut string)
}

// process does the task with a file, standard input or a folder.
func (a *app) process(ctx context.Context, args []string, f *messageFlags, t *task) error {
	if f.recursive {
		return a.processFolder(ctx, args, f, t)
	}
	in, err := a.openInput(args)
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := in.stat(); err != nil {
		return err
	}
	out := newOutput(f.out, f.force, t.perm)
	if err := out.check(a, in, t.binary); err != nil {
		return err
	}
	k, err := a.openKeyring(ctx, t.toEncrypt)
	if err != nil {
		return err
	}
	defer k.Close()
	if err := t.open(k); err != nil {
		return err
	}
	s := out.open(a)
	defer s.abort()
	s.guard = !t.binary && !t.toEncrypt && out.path == "" && !out.dash && a.isTerminal(a.stdout)
	p := a.fileProgress(t, in, out)
	defer p.stop()
	w, err := t.one(ctx, in, s)
	if err != nil {
		return err
	}
	if out.path == "" || a.output == text {
		return nil
	}
	return a.printJSON(w)
}
