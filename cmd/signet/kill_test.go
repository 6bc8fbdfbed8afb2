//go:build unix

package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A killed command leaves the old file. It reads from a pipe that stays open, so that it cannot be done before it is killed.
func TestKilledEncrypt(t *testing.T) {
	killed(t, bytes.Repeat([]byte{7}, 4<<20), "encrypt", "-k", keyURIFor(t))
}

func TestKilledDecrypt(t *testing.T) {
	k := keyURIFor(t)
	exit, msg, text := runApp(t, t.Context(), string(make([]byte, 4<<20)), "", "encrypt", "--suite", "0x0478", "-k", k)
	if exit != exitOK {
		t.Fatal(text)
	}
	killed(t, []byte(msg[:len(msg)-100]), "decrypt", "-k", k)
}

// killed runs a command over an output file, and kills it when its temporary file has reached a size, from nothing to nearly all of it.
func killed(t *testing.T, input []byte, args ...string) {
	t.Helper()
	const rounds = 8
	old := bytes.Repeat([]byte("old"), 1000)
	for i := range rounds {
		dir := t.TempDir()
		out := filepath.Join(dir, "out")
		if err := os.WriteFile(out, old, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("signet", append(args, "--force", "-o", out)...)
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		var stderr strings.Builder
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go stdin.Write(input)
		for end := time.Now().Add(time.Minute); tempSize(dir) < int64(i*len(input)/rounds); {
			if time.Now().After(end) {
				t.Fatalf("round %d: the temporary file has %d bytes: %s", i, tempSize(dir), stderr.String())
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("it ended well")
		}
		if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, old) {
			t.Fatalf("round %d: the old file is not there: %d bytes, %v", i, len(got), err)
		}
		for _, name := range strings.Fields(names(t, dir)) {
			if name != "out" && !strings.HasPrefix(name, ".signet-") {
				t.Errorf("%s is left", name)
			}
		}
	}
}

// tempSize is the size of the temporary file, or -1.
func tempSize(dir string) int64 {
	names, _ := filepath.Glob(filepath.Join(dir, ".signet-*.tmp"))
	if len(names) == 0 {
		return -1
	}
	st, err := os.Stat(names[0])
	if err != nil {
		return -1
	}
	return st.Size()
}

// SIGINT ends a command that waits for input, with its own exit code and without output.
func TestInterruptSignal(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	cmd := exec.Command("signet", "encrypt", "-v", "-k", keyURIFor(t), "-o", out)
	if _, err := cmd.StdinPipe(); err != nil { // stays open
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	if !lines.Scan() || !strings.Contains(lines.Text(), "msg=keyring") {
		t.Fatalf("first line of the log: %q", lines.Text())
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var rest strings.Builder
	for lines.Scan() {
		rest.WriteString(lines.Text() + "\n")
	}
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != exitInterrupted || !strings.Contains(rest.String(), "SIGNET1130") {
		t.Errorf("exit code %d, want %d; %s", got, exitInterrupted, rest.String())
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("an interrupted command left its output")
	}
}

// An interrupted demo removes what it made.
func TestInterruptedDemo(t *testing.T) {
	needSoftHSM(t)
	endpoint := needDynamoDB(t)
	tmp, id, h := t.TempDir(), randomAccount(), hold(t, endpoint)
	cmd := exec.Command("signet", "demo", "--endpoint", h.url)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "AWS_ACCESS_KEY_ID="+id, "AWS_SECRET_ACCESS_KEY=signet", "AWS_REGION=eu-west-1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.wait(t)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != exitInterrupted {
		t.Errorf("exit code %d, want %d", got, exitInterrupted)
	}
	if left, _ := os.ReadDir(tmp); len(left) > 0 {
		t.Errorf("left in the temporary folder: %v", left)
	}
	out, err := clientOf(endpoint, id).ListTables(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range out.TableNames {
		if strings.HasPrefix(name, "signet-demo-") {
			t.Errorf("table %s is left", name)
		}
	}
}
