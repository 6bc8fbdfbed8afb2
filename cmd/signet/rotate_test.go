package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
)

func rawKey(t *testing.T, name string) keyring.Keyring {
	t.Helper()
	k, err := raw.NewAES(raw.AESConfig{Namespace: "example", Name: name, Key: bytes.Repeat([]byte{1}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A file that is written to while it is rotated is not replaced.
func TestRotateChangedFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "msg")
	for name, change := range map[string]func() error{
		"longer": func() error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteString("more")
			return err
		},
		"exchanged": func() error {
			other := filepath.Join(t.TempDir(), "other")
			if err := os.WriteFile(other, []byte("somebody else's"), 0o600); err != nil {
				return err
			}
			return os.Rename(other, path)
		},
		"gone": func() error { return os.Remove(path) },
	} {
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		o := &output{path: path, force: true, inPlace: true}
		if err := o.unchanged(before); err != nil {
			t.Errorf("nothing changed: %v", err)
		}
		if err := change(); err != nil {
			t.Fatal(err)
		}
		want := codeChanged
		if name == "gone" {
			want = codeNoFile
		}
		if err := o.unchanged(before); err == nil || codeOf(err) != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

// A rotation that is ended half-way leaves the old file and nothing else.
func TestInterruptedRotate(t *testing.T) {
	dir, k := t.TempDir(), keyURIFor(t)
	path := filepath.Join(dir, "msg")
	exit, msg, text := runApp(t, t.Context(), string(make([]byte, 4<<20)), "", "encrypt", "-k", k)
	if exit != exitOK {
		t.Fatal(text)
	}
	if err := os.WriteFile(path, []byte(msg), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		ctx, cancel := context.WithCancel(t.Context())
		left, begun := int64(i*len(msg)/4), false
		err := rotateWatched(ctx, k, path, func(n int64) {
			if left -= n; left < 0 {
				begun = begun || strings.Contains(names(t, dir), ".signet-")
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) || i == 3 && !begun {
			t.Errorf("round %d: got %v, want Canceled; a temporary file: %v", i, err, begun)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != msg || names(t, dir) != "msg" {
			t.Errorf("round %d: the folder holds %s; the old file has %d bytes, %v", i, names(t, dir), len(got), err)
		}
	}
}

// What a degraded write lacks is told, logged and counted.
func TestDegradedWrites(t *testing.T) {
	broken := keyring.New("broken", wrapFails{}, nil, &keyring.Options{Key: "backup-key"})
	k, err := keyring.NewMulti(keyring.MultiOptions{Generator: rawKey(t, "main"), Optional: []keyring.Keyring{broken}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	plain, old := filepath.Join(dir, "plain"), filepath.Join(dir, "old")
	if err := os.WriteFile(plain, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	a := &app{stderr: &stderr, output: text, lookupEnv: func(string) (string, bool) { return "", false }, isTerminal: func(*os.File) bool { return false }}
	a.verbose = 1
	if err := a.begin(nil, nil); err != nil {
		t.Fatal(err)
	}
	f := &messageFlags{maxEDKs: 10}
	client, err := f.client()
	if err != nil {
		t.Fatal(err)
	}
	e := &encryption{a: a, f: f, client: client}
	if err := e.open(k); err != nil {
		t.Fatal(err)
	}
	run := func(path, to string, one func(in *input, s *sink) (*written, error)) *written {
		t.Helper()
		in, err := a.openInput([]string{path})
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		s := newOutput(to, true, 0o600).open(a)
		defer s.abort()
		w, err := one(in, s)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	check := func(what string, w *written) {
		t.Helper()
		if w.EDKs != 1 || len(w.Degraded) != 1 || w.Degraded[0].Key != "backup-key" {
			t.Errorf("%s: %d data keys, degraded %v", what, w.EDKs, w.Degraded)
		}
		if got := stderr.String(); !strings.Contains(got, "degraded=1") || strings.Count(got, "warning: this key will not open what was written: broken backup-key") != 1 {
			t.Errorf("%s: the log is %s", what, got)
		}
	}
	check("encrypt", run(plain, old, func(in *input, s *sink) (*written, error) { return e.one(t.Context(), in, s) }))
	d, err := a.newDecryption(f)
	if err != nil {
		t.Fatal(err)
	}
	r := &rotation{a: a, f: f, old: d}
	if err := r.open(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	check("rotate", run(old, filepath.Join(dir, "new"), func(in *input, s *sink) (*written, error) { return r.one(t.Context(), in, s) }))

	from, to := t.TempDir(), t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(from, name), []byte("hello"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run2 := &folderRun{a: a, t: &task{done: "encrypted", target: f.encryptedName, one: e.one}, toName: to, folderPerm: 0o700, skippedTexts: map[string]int{}}
	if run2.from, err = os.OpenRoot(from); err != nil {
		t.Fatal(err)
	}
	defer run2.from.Close()
	if run2.to, err = os.OpenRoot(to); err != nil {
		t.Fatal(err)
	}
	defer run2.to.Close()
	f.suffix = defaultSuffix
	if err := run2.all(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if err := run2.finish(); err != nil || run2.result.Degraded != 2 {
		t.Errorf("folder: %d degraded, %v", run2.result.Degraded, err)
	}
	if got := stderr.String(); !strings.Contains(got, "encrypted 2 files, ") || !strings.Contains(got, "; 2 of them without one of the keys") {
		t.Errorf("folder: the log is %s", got)
	}
}

// wrapFails is a backend that does not answer.
type wrapFails struct{}

func (wrapFails) Wrap(context.Context, *keyring.Request, []byte) (keyring.EncryptedDataKey, error) {
	return keyring.EncryptedDataKey{}, fmt.Errorf("%w: no answer", signet.ErrUnavailable)
}

// diesExit rotates a file in place, and kills its own process when so many bytes of the old message have been read.
//
//	signet-dies BYTES KEYRING FILE
func diesExit() int {
	after, err := strconv.ParseInt(os.Args[1], 10, 64)
	if err != nil {
		panic(err)
	}
	err = rotateWatched(context.Background(), os.Args[2], os.Args[3], func(n int64) {
		if after -= n; after >= 0 {
			return
		}
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		if err != nil {
			panic(err)
		}
		select {}
	})
	if err != nil {
		panic(err)
	}
	return 0
}

// rotateWatched rotates a file in place, and tells how many bytes of the old message are read.
func rotateWatched(ctx context.Context, uri, path string, read func(n int64)) error {
	a := &app{stderr: io.Discard, lookupEnv: os.LookupEnv, log: slog.New(slog.DiscardHandler), keyrings: []string{uri}}
	f := &messageFlags{maxEDKs: 10, concurrency: 1, inPlace: true}
	d, err := a.newDecryption(f)
	if err != nil {
		return err
	}
	r := &rotation{a: a, f: f, old: d}
	k, err := a.openKeyring(ctx, true)
	if err != nil {
		return err
	}
	defer k.Close()
	if err := r.open(ctx, k); err != nil {
		return err
	}
	in, err := a.openInput([]string{path})
	if err != nil {
		return err
	}
	defer in.Close()
	in.count = read
	s := (&output{path: path, force: true, inPlace: true}).open(a)
	defer s.abort()
	_, err = r.one(ctx, in, s)
	return err
}
