//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// interrupt sends SIGINT to a command once it is so far, and checks that it ends as interrupted.
func interrupt(t *testing.T, cmd *exec.Cmd, soFar func() bool) {
	t.Helper()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for !soFar() {
		select {
		case err := <-done:
			t.Fatalf("it ended by itself: %v, %s", err, stderr.String())
		default:
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-done
	if got := cmd.ProcessState.ExitCode(); got != exitInterrupted || !strings.Contains(stderr.String(), "SIGNET1130") {
		t.Errorf("exit code %d, want %d; %s", got, exitInterrupted, stderr.String())
	}
}

// sparse makes a file that takes long to encrypt and no room.
func sparse(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(1 << 40); err != nil {
		t.Skipf("no sparse file of 1 TiB here: %v", err)
	}
}

func TestInterruptedStreams(t *testing.T) {
	k := keyURIFor(t)
	t.Run("encrypt a pipe", func(t *testing.T) {
		dir := t.TempDir()
		cmd := exec.Command("signet", "encrypt", "-k", k, "-o", filepath.Join(dir, "out"))
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		go stdin.Write(make([]byte, 1<<20)) // and it stays open
		interrupt(t, cmd, func() bool { return tempSize(dir) > 0 })
		if got := names(t, dir); got != "" {
			t.Errorf("left %s", got)
		}
	})
	t.Run("encrypt a file", func(t *testing.T) {
		in, dir := filepath.Join(t.TempDir(), "in"), t.TempDir()
		sparse(t, in)
		interrupt(t, exec.Command("signet", "encrypt", "-k", k, "-o", filepath.Join(dir, "out"), in), func() bool { return tempSize(dir) > 10<<20 })
		if got := names(t, dir); got != "" {
			t.Errorf("left %s", got)
		}
	})
	t.Run("encrypt a folder", func(t *testing.T) {
		in, dir := t.TempDir(), t.TempDir()
		if err := os.WriteFile(filepath.Join(in, "a"), []byte("short"), 0o600); err != nil {
			t.Fatal(err)
		}
		sparse(t, filepath.Join(in, "b"))
		out := filepath.Join(dir, "out")
		interrupt(t, exec.Command("signet", "encrypt", "-r", "-k", k, "-o", out, in), func() bool {
			_, err := os.Stat(filepath.Join(out, "a.signet"))
			return err == nil && tempSize(out) > 10<<20
		})
		if got := names(t, out); got != "a.signet" {
			t.Errorf("left %s, want what was done", got)
		}
	})
	t.Run("decrypt a signed pipe", func(t *testing.T) {
		dir := t.TempDir()
		plain, msg := filepath.Join(dir, "plain"), filepath.Join(dir, "msg")
		if err := os.WriteFile(plain, make([]byte, 4<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		if exit, _, text := runApp(t, t.Context(), "", "", "encrypt", "-k", k, "-o", msg, plain); exit != exitOK {
			t.Fatal(text)
		}
		b, err := os.ReadFile(msg)
		if err != nil {
			t.Fatal(err)
		}
		tmp, out := t.TempDir(), t.TempDir()
		cmd := exec.Command("signet", "decrypt", "-k", k, "-o", filepath.Join(out, "out"))
		cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		interrupt(t, cmd, func() bool { // when it is written, all but what the pipe holds is in the temporary file
			if _, err := stdin.Write(b[:len(b)-10]); err != nil {
				t.Error(err)
			}
			return true
		})
		if got := names(t, tmp) + names(t, out); got != "" {
			t.Errorf("left %s", got)
		}
	})
}

// Whoever reads standard error may stop: the command does its work all the same, and leaves nothing half done.
func TestClosedStderr(t *testing.T) {
	k, dir := keyURIFor(t), t.TempDir()
	plain, msgs, out := filepath.Join(dir, "plain"), filepath.Join(dir, "msgs"), filepath.Join(dir, "out")
	run := func(want int, args ...string) {
		t.Helper()
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		defer w.Close()
		cmd := exec.Command("signet", append(args, "-k", k)...)
		cmd.Stderr = w
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%q: ended with %s, want exit code %d", args, cmd.ProcessState, want)
		}
	}
	if err := errors.Join(os.WriteFile(plain, make([]byte, 1<<20), 0o600), os.Mkdir(msgs, 0o700)); err != nil {
		t.Fatal(err)
	}
	run(exitOK, "encrypt", "-vv", "-o", filepath.Join(msgs, "a.signet"), plain)
	run(exitOK, "encrypt", "-vv", "-o", filepath.Join(msgs, "z.signet"), plain)
	if err := os.WriteFile(filepath.Join(msgs, "b.signet"), []byte("no message"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(exitData, "decrypt", "--recursive", "--concurrency", "1", "-o", out, msgs)
	if got := names(t, out); got != "a z" {
		t.Errorf("the folder holds %q, want what can be decrypted", got)
	}
}

// Whoever reads standard output may stop: the command ends as others do, by SIGPIPE, and leaves nothing.
func TestClosedPipe(t *testing.T) {
	k, dir, tmp := keyURIFor(t), t.TempDir(), t.TempDir()
	plain, msg := filepath.Join(dir, "plain"), filepath.Join(dir, "msg")
	if err := os.WriteFile(plain, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if exit, _, text := runApp(t, t.Context(), "", "", "encrypt", "-k", k, "-o", msg, plain); exit != exitOK {
		t.Fatal(text)
	}
	for _, args := range [][]string{{"encrypt", plain}, {"encrypt", "--armor", plain}, {"decrypt", msg}} {
		cmd := exec.Command("signet", append(args, "-k", k)...)
		cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(stdout, make([]byte, 10)); err != nil {
			t.Error(err)
		}
		stdout.Close()
		_ = cmd.Wait()
		if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGPIPE {
			t.Errorf("%q: ended with %s, want SIGPIPE", args, cmd.ProcessState)
		}
	}
	if got := names(t, tmp); got != "" {
		t.Errorf("left %s", got)
	}
	// A named pipe is an output file: its error is one of output.
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("signet", "decrypt", "-k", k, "-o", fifo, msg)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r, err := os.Open(fifo)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Error(err)
	}
	r.Close()
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != exitGeneric || !strings.Contains(stderr.String(), "SIGNET1003") || !strings.Contains(stderr.String(), "broken pipe") {
		t.Errorf("exit code %d, want %d; %s", got, exitGeneric, stderr.String())
	}
}
