//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestEnvScripts(t *testing.T) { scripts(t, "env", nil) }

// The command takes the place of signet: it is the same process, and gets its signals.
func TestEnvExecReplacesTheProcess(t *testing.T) {
	uri := keyURIFor(t)
	exit, out, text := runApp(t, t.Context(), "canary\n", "", "env", "encrypt", "-k", uri, "SECRET")
	if exit != exitOK {
		t.Fatal(text)
	}
	cmd := exec.Command("signet", "env", "exec", "-k", uri, "--", "signet-child", "argument")
	cmd.Env = append(os.Environ(), "SECRET="+strings.TrimSpace(out))
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n') // then it waits for the signal
	if want := fmt.Sprintf("%d argument canary\n", cmd.Process.Pid); line != want {
		t.Errorf("the command says %q, %v; want %q", line, err, want)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 42 {
		t.Errorf("exit code %d, want 42", got)
	}
}

// What the command inherits is what it would have without signet: ignored and blocked signals, limits, open files.
func TestEnvExecLeavesNoTrace(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("SKIP: no /proc here")
	}
	const look = `grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status; ulimit -n; ulimit -Hn; ls /proc/self/fd | wc -l`
	uri := keyURIFor(t)
	exit, out, text := runApp(t, t.Context(), "x", "", "env", "encrypt", "-k", uri, "SECRET")
	if exit != exitOK {
		t.Fatal(text)
	}
	for _, before := range []string{"", `trap "" HUP; `} {
		var got [2]string
		for i, start := range []string{"exec ", "exec signet env exec "} {
			cmd := exec.Command("sh", "-c", before+"ulimit -Sn 200; "+start+`sh -c "$LOOK"`)
			cmd.Env = append(os.Environ(), "SIGNET_KEYRING="+uri, "SECRET="+strings.TrimSpace(out), "LOOK="+look)
			b, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, b)
			}
			got[i] = withoutPipe(t, string(b))
		}
		if got[0] != got[1] || !strings.Contains(got[0], "\n200\n") {
			t.Errorf("%q: without signet\n%s\nwith it\n%s", before, got[0], got[1])
		}
	}
}

// withoutPipe takes SIGPIPE out of the signals that are ignored: where it is inherited as ignored, the runtime of Go takes it over at the start, and
// the program has it as it is by default.
func withoutPipe(t *testing.T, status string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(status) {
		if mask, ok := strings.CutPrefix(line, "SigIgn:"); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			line = fmt.Sprintf("SigIgn:\t%016x\n", n&^(1<<(syscall.SIGPIPE-1)))
		}
		b.WriteString(line)
	}
	return b.String()
}

// A signal that came while keys were asked keeps the command from being started. (If it were, this process would be that command, and fail.)
func TestEnvExecInterrupted(t *testing.T) {
	key := keyURIFor(t)
	exit, out, text := runApp(t, t.Context(), "x", "", "env", "encrypt", "-k", key, "SECRET")
	if exit != exitOK {
		t.Fatal(text)
	}
	t.Setenv("SECRET", strings.TrimSpace(out))
	fifo := t.TempDir() + "/kek"
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	written := make(chan error, 1)
	go func() {
		f, err := os.OpenFile(fifo, os.O_WRONLY, 0) // waits for the reader
		cancel()
		if err == nil {
			_, err = f.Write(make([]byte, 32))
			f.Close()
		}
		written <- err
	}()
	exit, _, text = runApp(t, ctx, "", "", "env", "exec", "-k", "raw-aes:example/kek?key-file="+fifo, "false")
	if err := <-written; exit != exitInterrupted || !strings.Contains(text, "SIGNET1130") || err != nil {
		t.Errorf("exit code %d, %s, %v", exit, text, err)
	}
	if err := replaceProcess(ctx, "/bin/false", []string{"false"}, nil); err != nil {
		t.Error(err)
	}
}
