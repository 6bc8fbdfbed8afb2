package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// What takes the place of a file or folder after it was found is not opened.
func TestExchanged(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(at(name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	info, err := root.Lstat("a")
	if err != nil {
		t.Fatal(err)
	}
	f, err := openSame(root, "a", info)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(f); string(b) != "a" || err != nil {
		t.Errorf("got %q, %v", b, err)
	}
	f.Close()
	if err := errors.Join(os.Remove(at("a")), os.Symlink("b", at("a"))); err != nil {
		t.Fatal(err)
	}
	if _, err := openSame(root, "a", info); !errors.Is(err, errChanged) {
		t.Errorf("link inside: got %v, want %v", err, errChanged)
	}
	if err := errors.Join(os.Remove(at("a")), os.Symlink("/etc/hostname", at("a"))); err != nil {
		t.Fatal(err)
	}
	if _, err := openSame(root, "a", info); err == nil {
		t.Error("a link out of the folder was opened")
	}
}

func TestSeverity(t *testing.T) {
	order := []code{codeUnavailable, codeOutput, codeUsage, codeExists, codeNoFile, codeDenied, codeNoKey, codeAuth}
	for i := range order[1:] {
		if severity(order[i]) >= severity(order[i+1]) {
			t.Errorf("%s is not less severe than %s", order[i], order[i+1])
		}
	}
	r := &folderRun{a: &app{stderr: io.Discard, output: text}}
	for _, c := range []code{codeUnavailable, codeExists, codeThrottled, codeNoKey, codeOutput} {
		if err := r.fail("x", &fault{code: c, err: errors.New("x")}); err != nil {
			t.Errorf("%s ends the run: %v", c, err)
		}
	}
	if r.failures.worst != codeNoKey || len(r.result.Failed) != 5 {
		t.Errorf("worst of %d: got %s, want %s", len(r.result.Failed), r.failures.worst, codeNoKey)
	}
	pin := &fault{code: codePIN, err: errors.New("x")}
	if err := r.fail("x", pin); !errors.Is(err, pin) {
		t.Error("a refused PIN does not end the run: the next file would try it again")
	}
}

// Temporary files are removed when a command hangs and is ended.
func TestRemoveTemps(t *testing.T) {
	dir := t.TempDir()
	a := &app{}
	var sinks []*sink
	for _, name := range []string{"a", "b"} {
		s := newOutput(filepath.Join(dir, name), false, 0o600).open(a)
		if _, err := s.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		sinks = append(sinks, s)
	}
	if err := sinks[0].commit(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Fatalf("left %v, want a and a temporary file", left)
	}
	a.temps.remove()
	if left, _ := os.ReadDir(dir); len(left) != 1 || left[0].Name() != "a" {
		t.Errorf("left %v, want a", left)
	}
}
