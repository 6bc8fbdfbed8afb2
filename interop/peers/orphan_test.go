package peers_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signetkeys/signet/interop/peers"
)

const orphanVariable = "SIGNET_TEST_ORPHAN"

// TestOrphan: a peer ends when its input ends, when its answers have no reader any more, and, on Linux, in the middle of an operation, when the
// process that started it is killed.
func TestOrphan(t *testing.T) {
	if name := os.Getenv(orphanVariable); name != "" {
		leaveBusy(t, name)
		return
	}
	for _, p := range start(t) {
		t.Run(p.name, func(t *testing.T) {
			t.Run("no reader", func(t *testing.T) {
				dir, err := peers.CacheDir()
				if err != nil {
					t.Fatal(err)
				}
				r, w, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				cmd := exec.CommandContext(t.Context(), filepath.Join(dir, p.name, "run"))
				cmd.ExtraFiles = []*os.File{w}
				in, err := cmd.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				w.Close()
				r.Close()
				if _, err := io.WriteString(in, `{"op":"hello"}`+"\n"); err != nil {
					t.Fatal(err)
				}
				ended(t, cmd)
			})
			t.Run("killed parent", func(t *testing.T) { killParent(t, p.name) })
		})
	}
}

// ended waits for the process to end by itself.
func ended(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		cmd.Process.Kill()
		t.Error("the peer still runs after a minute")
	}
}

// leaveBusy starts a peer, gives it work for a long time, and prints its process's number once it is at that work.
func leaveBusy(t *testing.T, name string) {
	dir, err := peers.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	p, err := peers.Start(dir, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Do(&peers.Request{Op: "hello"}); err != nil {
		t.Fatal(err)
	}
	before := ticks(t, p.Pid())
	go func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for ticks(t, p.Pid()) < before+50 {
			<-tick.C
		}
		fmt.Printf("peer %d\n", p.Pid())
	}()
	plaintext, warmup := random(10), 0
	_, err = p.Do(&peers.Request{Op: "bench", Of: "encrypt", Keyring: aesKeyring(32), Plaintext: &plaintext, Warmup: &warmup, N: 10_000_000})
	t.Fatal(err)
}

// ticks is the processor time of a process, in hundredths of a second.
func ticks(t *testing.T, pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Error(err)
		return 0
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	n, err := strconv.Atoi(strings.Fields(after)[11])
	if err != nil {
		t.Error(err)
	}
	return n
}

func killParent(t *testing.T, name string) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("SKIPPED: only Linux ends a peer with its parent")
	}
	parent := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestOrphan$")
	parent.Env = append(os.Environ(), orphanVariable+"="+name)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	var pid int
	if _, scanErr := fmt.Sscanf(line, "peer %d", &pid); err != nil || scanErr != nil {
		t.Fatalf("%q: %v", line, errors.Join(err, scanErr))
	}
	if !running(pid) {
		t.Fatal("the peer does not run")
	}
	parent.Process.Kill()
	parent.Wait()
	deadline := time.After(time.Minute)
	for tick := time.Tick(10 * time.Millisecond); running(pid); {
		select {
		case <-tick:
		case <-deadline:
			t.Fatal("the peer still runs a minute after its parent was killed")
		}
	}
}

// running reports whether a process is there and not only waited for.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}
