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

	"github.com/signetkeys/signet/message"
)

// A killed command leaves the old file or the complete new one. The process is killed as soon as its temporary file has reached a size, from
// nothing to all of it.
func TestKilledEncrypt(t *testing.T) {
	const size = 4 << 20
	k, in := keyURIFor(t), filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(in, bytes.Repeat([]byte{7}, size), 0o600); err != nil {
		t.Fatal(err)
	}
	killed(t, size, []string{"encrypt", "-k", k, in}, func(got []byte) bool {
		o, err := message.ParseOutline(got)
		return err == nil && o.PlaintextLen == size
	})
}

func TestKilledDecrypt(t *testing.T) {
	const size = 4 << 20
	k, dir := keyURIFor(t), t.TempDir()
	plain := bytes.Repeat([]byte{7}, size)
	in, msg := filepath.Join(dir, "in"), filepath.Join(dir, "msg")
	if err := os.WriteFile(in, plain, 0o600); err != nil {
		t.Fatal(err)
	}
	if exit, _, text := runApp(t, t.Context(), "", "", "encrypt", "-k", k, "-o", msg, in); exit != exitOK {
		t.Fatal(text)
	}
	killed(t, size, []string{"decrypt", "-k", k, msg}, func(got []byte) bool { return bytes.Equal(got, plain) })
}

// killed runs a command with an output file of about size bytes several times and kills it. whole tells a complete output.
func killed(t *testing.T, size int64, args []string, whole func([]byte) bool) {
	t.Helper()
	const rounds = 8
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	old := bytes.Repeat([]byte("old"), 1000)
	kept := 0
	for i := range rounds {
		if err := os.WriteFile(out, old, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("signet", append(args, "--force", "-o", out)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		killed := false
		for !killed {
			select {
			case <-done:
				killed = true // it was faster
				done <- nil
			default:
				if tempSize(dir) >= int64(i)*size/rounds {
					_ = cmd.Process.Kill()
					killed = true
				}
			}
		}
		<-done
		got, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(got, old) {
			kept++
		} else if !whole(got) {
			t.Fatalf("round %d: the output is neither the old file nor a whole one: %d bytes", i, len(got))
		}
		removeTemp(t, dir)
	}
	if kept == 0 {
		t.Error("no round was killed before the new file had its name: the test shows nothing")
	}
	t.Logf("%d of %d rounds left the old file", kept, rounds)
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

func removeTemp(t *testing.T, dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasPrefix(name, ".signet-"):
			_ = os.Remove(filepath.Join(dir, name))
		case name != "out":
			t.Errorf("%s is left", name)
		}
	}
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
	tmp, id := t.TempDir(), account()
	cmd := exec.Command("signet", "demo", "--endpoint", endpoint)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "AWS_ACCESS_KEY_ID="+id, "AWS_SECRET_ACCESS_KEY=signet", "AWS_REGION=eu-west-1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "2. A table") {
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
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
