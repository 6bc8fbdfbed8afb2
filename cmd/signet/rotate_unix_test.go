//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func ownerOf(st fs.FileInfo) string {
	sys := st.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d:%d", sys.Uid, sys.Gid)
}

func TestKilledRotate(t *testing.T) {
	for _, suite := range []string{"0x0478", "0x0578"} {
		k := keyURIFor(t)
		exit, msg, text := runApp(t, t.Context(), string(make([]byte, 4<<20)), "", "encrypt", "--suite", suite, "-k", k)
		if exit != exitOK {
			t.Fatal(text)
		}
		killed(t, []byte(msg[:len(msg)-200]), "rotate", "-k", k)
	}
}

func TestKilledRotateInPlace(t *testing.T) {
	dir, k := t.TempDir(), keyURIFor(t)
	path := filepath.Join(dir, "msg")
	exit, msg, text := runApp(t, t.Context(), string(make([]byte, 4<<20)), "", "encrypt", "-k", k)
	if exit != exitOK {
		t.Fatal(text)
	}
	left := 0
	for i := range 8 {
		if err := os.WriteFile(path, []byte(msg), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("signet-dies", fmt.Sprint(i*len(msg)/8), k, path)
		out, err := cmd.CombinedOutput()
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); err == nil || !ok || status.Signal() != syscall.SIGKILL {
			t.Fatalf("round %d: it was not killed: %v, %.300s", i, err, out)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, []byte(msg)) {
			t.Errorf("round %d: the old file is not there: %d bytes, %v", i, len(got), err)
		}
		for _, name := range strings.Fields(names(t, dir)) {
			if strings.HasPrefix(name, ".signet-") {
				left++
			} else if name != "msg" {
				t.Errorf("%s is left", name)
			}
		}
	}
	if left == 0 {
		t.Error("no temporary file was begun: nothing was killed half-way")
	}
	if exit, _, text := runApp(t, t.Context(), "", "", "rotate", "-k", k, "-i", path); exit != exitOK {
		t.Errorf("once more: %s", text)
	}
	if got, err := os.ReadFile(path); err != nil || bytes.Equal(got, []byte(msg)) || len(got) < 4<<20 {
		t.Errorf("once more: %d bytes, %v", len(got), err)
	}
}

// A disk that is full leaves the old file and nothing else.
func TestRotateOnFullDisk(t *testing.T) {
	dir, k := t.TempDir(), keyURIFor(t)
	path := filepath.Join(dir, "msg")
	exit, msg, text := runApp(t, t.Context(), string(make([]byte, 4<<20)), "", "encrypt", "-k", k)
	if exit != exitOK {
		t.Fatal(text)
	}
	if err := os.WriteFile(path, []byte(msg), 0o600); err != nil {
		t.Fatal(err)
	}
	// A limit of the process, in blocks of 512 or 1024 bytes, stands for the disk.
	cmd := exec.Command("sh", "-c", fmt.Sprintf("ulimit -f 2000; exec signet rotate -k %q --in-place %q", k, path))
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != exitGeneric || !strings.Contains(string(out), "SIGNET1003") {
		t.Errorf("exit code %d, want %d; %s", got, exitGeneric, out)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, []byte(msg)) || names(t, dir) != "msg" {
		t.Errorf("the folder holds %s; the old file has %d bytes, %v", names(t, dir), len(got), err)
	}
}

// Whoever could read the old file can read the new one.
func TestRotateKeepsOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not root: a file cannot be given away here")
	}
	path := filepath.Join(t.TempDir(), "msg")
	k := keyURIFor(t)
	if exit, _, text := runApp(t, t.Context(), "hello", "", "encrypt", "-k", k, "-o", path); exit != exitOK {
		t.Fatal(text)
	}
	if err := os.Chown(path, 4242, 4343); err != nil {
		t.Skipf("files cannot be given away: %v", err)
	}
	if err := os.Chmod(path, 0o664); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if exit, _, text := runApp(t, t.Context(), "", "", "rotate", "-k", k, "-i", path); exit != exitOK {
		t.Fatal(text)
	}
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if os.SameFile(before, after) || after.Mode() != before.Mode() || ownerOf(after) != ownerOf(before) {
		t.Errorf("got %v of %s, want %v of %s", after.Mode(), ownerOf(after), before.Mode(), ownerOf(before))
	}
}
