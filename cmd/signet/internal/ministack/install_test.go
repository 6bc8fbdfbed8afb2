package ministack

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// scripts/setup.sh and this package install the same.
func TestRequirements(t *testing.T) {
	script, err := os.ReadFile("../../../../scripts/setup.sh")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^ministack_pins=\((.*)\)$`).FindSubmatch(script)
	if m == nil {
		t.Fatal("scripts/setup.sh has no line ministack_pins=(...)")
	}
	if got := strings.Fields(strings.ReplaceAll(string(m[1]), "'", "")); !slices.Equal(got, Requirements()) {
		t.Errorf("scripts/setup.sh installs %q, this package %q", got, Requirements())
	}
	if got := folderName(); got != "ministack-1.5.33-cryptography-50.0.2" {
		t.Errorf("folder: got %q", got)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestInstallOnce(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "new", "signet")
	var told []string
	i := &Installer{Cache: cache, Pythons: []string{newPython(t, "old"), newPython(t, "good")}, Tell: func(line string) { told = append(told, line) }}
	python, err := i.Ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(cache, folderName(), "bin", "python"); python != want {
		t.Errorf("got %s, want %s", python, want)
	}
	all := strings.Join(told, "\n")
	if !strings.HasPrefix(told[0], "installing ministack==1.5.33 and cryptography==50.0.2 into "+cache) || !strings.Contains(all, "pip: Downloading cryptography==50.0.2") {
		t.Errorf("told: %s", all)
	}
	if strings.Contains(all, "noise") {
		t.Errorf("told what nobody needs to know: %s", all)
	}
	if got := names(t, cache); !slices.Equal(got, []string{folderName()}) {
		t.Errorf("the cache folder has %q", got)
	}

	told = nil
	i.Pythons = []string{} // what is installed needs no other
	if again, err := i.Ensure(t.Context()); again != python || err != nil || told != nil {
		t.Errorf("the second time: %s, %v, told %q", again, err, told)
	}

	// What does not work any more is made again.
	if err := os.Remove(filepath.Join(cache, folderName(), "bin", "installed")); err != nil {
		t.Fatal(err)
	}
	i.Pythons = []string{newPython(t, "good")}
	if again, err := i.Ensure(t.Context()); again != python || err != nil || told == nil {
		t.Errorf("a damaged installation: %s, %v, told %q", again, err, told)
	}
	if got := names(t, cache); !slices.Equal(got, []string{folderName()}) {
		t.Errorf("the cache folder has %q", got)
	}
}

func TestInstallFails(t *testing.T) {
	for _, c := range []struct {
		name    string
		pythons func(t *testing.T) []string
		is      error
		want    []string // in the error
		hint    string
	}{
		{"no Python", func(*testing.T) []string { return []string{"no-such-python"} }, exec.ErrNotFound, []string{"no-such-python"}, "apt-get install python3-venv"},
		{"old Python", func(t *testing.T) []string { return []string{newPython(t, "old"), "no-such-python"} }, nil, []string{"it is Python 3.9"}, "apt-get install python3-venv"},
		{"no network", func(t *testing.T) []string { return []string{newPython(t, "no-network")} }, nil, []string{"install MiniStack with pip", "No matching distribution"}, "package index"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cache := t.TempDir()
			_, err := (&Installer{Cache: cache, Pythons: c.pythons(t)}).Ensure(t.Context())
			var e *Error
			if !errors.As(err, &e) || c.is != nil && !errors.Is(err, c.is) {
				t.Fatalf("got %v, want an *Error that is %v", err, c.is)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q in it", err, want)
				}
			}
			if !strings.Contains(e.Hint, c.hint) {
				t.Errorf("hint: got %q, want %q in it", e.Hint, c.hint)
			}
			if got := names(t, cache); got != nil {
				t.Errorf("left in the cache folder: %q", got)
			}
		})
	}
}

// An interruption ends Python and the programs that it started, and leaves nothing.
func TestInstallInterrupted(t *testing.T) {
	for _, step := range []string{"hang-venv", "hang-pip"} {
		t.Run(step, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			cache := t.TempDir()
			i := &Installer{Cache: cache, Pythons: []string{newPython(t, step+" "+l.Addr().String())}}
			done := make(chan error, 1)
			go func() {
				_, err := i.Ensure(ctx)
				done <- err
			}()
			_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute))
			child, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer child.Close()
			if _, err := io.ReadFull(child, make([]byte, 4)); err != nil {
				t.Fatal(err)
			}
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want %v", err, context.Canceled)
			}
			_ = child.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := child.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the child lives: %v", err)
			}
			if got := names(t, cache); got != nil {
				t.Errorf("left in the cache folder: %q", got)
			}
		})
	}
}

// Two processes that install at once do not disturb each other.
func TestInstallTwice(t *testing.T) {
	cache, python := t.TempDir(), newPython(t, "good")
	const n = 4
	errs := make(chan error, n)
	for range n {
		go func() {
			_, err := (&Installer{Cache: cache, Pythons: []string{python}}).Ensure(t.Context())
			errs <- err
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := names(t, cache); !slices.Equal(got, []string{folderName()}) {
		t.Errorf("the cache folder has %q", got)
	}
}

// What a killed process left is removed once it is old; it may belong to one that lives.
func TestRemoveAbandoned(t *testing.T) {
	cache := t.TempDir()
	for name, age := range map[string]time.Duration{unfinished + "1": 2 * abandoned, unfinished + "2": 0, "other": 2 * abandoned} {
		path := filepath.Join(cache, name)
		if err := os.MkdirAll(filepath.Join(path, "bin"), 0o700); err != nil {
			t.Fatal(err)
		}
		when := time.Now().Add(-age)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	removeAbandoned(cache)
	if got, want := names(t, cache), []string{unfinished + "2", "other"}; !slices.Equal(got, want) {
		t.Errorf("left %q, want %q", got, want)
	}
}
