package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runApp runs a command line in this process. terminals are the standard files that are terminals.
func runApp(t *testing.T, ctx context.Context, stdin string, terminals string, args ...string) (exit int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "stdin"), filepath.Join(dir, "stdout")
	if err := os.WriteFile(in, []byte(stdin), 0o600); err != nil {
		t.Fatal(err)
	}
	inFile, err := os.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	defer inFile.Close()
	outFile, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer outFile.Close()
	var errText bytes.Buffer
	a := &app{
		stdin: inFile, stdout: outFile, stderr: &errText,
		lookupEnv: func(string) (string, bool) { return "", false },
		isTerminal: func(f *os.File) bool {
			return f == inFile && strings.Contains(terminals, "in") || f == outFile && strings.Contains(terminals, "out")
		},
	}
	exit = a.run(ctx, args)
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return exit, string(b), errText.String()
}

func keyURIFor(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kek.bin")
	if err := os.WriteFile(path, make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	return "raw-aes:example/kek?key-file=" + strings.NewReplacer("%", "%25", " ", "%20").Replace(path)
}

// names lists a folder.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func TestTerminal(t *testing.T) {
	ctx, k := t.Context(), keyURIFor(t)
	exit, out, text := runApp(t, ctx, "hello", "out", "encrypt", "-k", k)
	if exit != exitConfig || out != "" || !strings.Contains(text, "SIGNET3005") || !strings.Contains(text, "-o FILE") {
		t.Errorf("binary to a terminal: exit %d, %q, %s", exit, out, text)
	}
	if exit, out, text = runApp(t, ctx, "hello", "out", "encrypt", "-k", k, "-o", "-"); exit != exitOK || len(out) == 0 {
		t.Errorf("-o -: exit %d, %q, %s", exit, out, text)
	}
	exit, armored, text := runApp(t, ctx, "hello", "out", "encrypt", "-k", k, "--armor")
	if exit != exitOK || !strings.HasPrefix(armored, "AgV4") {
		t.Errorf("--armor: exit %d, %q, %s", exit, armored, text)
	}
	if exit, out, text = runApp(t, ctx, armored, "out", "decrypt", "-k", k, "--armor"); exit != exitOK || out != "hello" {
		t.Errorf("text to a terminal: exit %d, %q, %s", exit, out, text)
	}
	_, binary, _ := runApp(t, ctx, "a\x00\x1b[31m", "", "encrypt", "-k", k)
	if exit, out, text = runApp(t, ctx, binary, "out", "decrypt", "-k", k); exit != exitConfig || out != "" || !strings.Contains(text, "SIGNET3005") {
		t.Errorf("binary plaintext to a terminal: exit %d, %q, %s", exit, out, text)
	}
	if exit, out, _ = runApp(t, ctx, binary, "out", "decrypt", "-k", k, "-o", "-"); exit != exitOK || out != "a\x00\x1b[31m" {
		t.Errorf("binary plaintext with -o -: exit %d, %q", exit, out)
	}
	if _, _, text = runApp(t, ctx, "x", "in", "encrypt", "-k", k, "--armor"); !strings.Contains(text, "reading from the terminal") {
		t.Errorf("stdin is a terminal: %q", text)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(t.TempDir(), "out")
	exit, _, text := runApp(t, ctx, "hello", "", "encrypt", "-k", keyURIFor(t), "-o", path)
	if exit != exitInterrupted || !strings.Contains(text, "SIGNET1130 interrupted") {
		t.Errorf("exit %d, %s", exit, text)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("an interrupted command left its output")
	}
}

func TestNoReplaceRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	o := newOutput(path, false, 0o600)
	if err := o.check(&app{}, nil, false); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("somebody else's"), 0o600); err != nil { // between check and write
		t.Fatal(err)
	}
	s := o.open(&app{})
	defer s.abort()
	_, err := s.Write([]byte("ours"))
	if err == nil {
		err = s.commit()
	}
	if codeOf(err) != codeExists {
		t.Errorf("got %v, want the code for an output that exists", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "somebody else's" {
		t.Errorf("the file holds %q", b)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("%d files are left, want 1", len(entries))
	}
}

func TestInputLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, make([]byte, 11), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int64{10, 11} {
		in, err := (&app{}).openInput([]string{path})
		if err != nil {
			t.Fatal(err)
		}
		b, err := in.read(t.Context(), limit)
		if limit == 11 && (err != nil || len(b) != 11) || limit == 10 && codeOf(err) != codeLimit {
			t.Errorf("limit %d: %d bytes, %v", limit, len(b), err)
		}
		in.Close()
	}
	// A pipe tells no size.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() { io.Copy(w, bytes.NewReader(make([]byte, 11))); w.Close() }()
	if _, err := (&input{name: "pipe", file: r}).read(t.Context(), 10); codeOf(err) != codeLimit {
		t.Errorf("pipe: got %v, want the code for limits", err)
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain \"text\" ä": "plain \"text\" ä",
		"a\nb":             `a\nb`,
		"\x1b[31m\"":       `\x1b[31m"`,
		"a\u202eb":         `a\u202eb`,
		"\xff":             `\xff`,
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

// A link whose target has lost its name stays, and nothing takes its place.
func TestLinkWithoutTarget(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "gone"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	target, link := fmt.Sprintf("/proc/self/fd/%d", f.Fd()), filepath.Join(dir, "link")
	if _, err := os.Stat(target); err != nil {
		t.Skipf("SKIP: no such name for an open file: %v", err)
	}
	if err := errors.Join(os.Remove(f.Name()), os.Symlink(target, link)); err != nil {
		t.Fatal(err)
	}
	exit, _, text := runApp(t, t.Context(), "canary", "", "encrypt", "-k", keyURIFor(t), "--force", "-o", link)
	if exit != exitNotFound || !strings.Contains(text, "output "+link+": no such file") {
		t.Errorf("exit code %d, want %d; %s", exit, exitNotFound, text)
	}
	if got, err := os.Readlink(link); got != target || err != nil {
		t.Errorf("the link leads to %q, %v", got, err)
	}
	if got := names(t, dir); got != "link" {
		t.Errorf("the folder holds %s", got)
	}
}
