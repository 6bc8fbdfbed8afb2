//go:build unix

package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

func needMiniStack(t *testing.T) string {
	t.Helper()
	serve, err := realMiniStack()
	if err != nil {
		missing(t, "MiniStack of scripts/setup.sh is missing: "+err.Error())
	}
	return serve
}

// lifeLine is a named pipe that tells when a process begins and when it has ended.
type lifeLine struct {
	path string
	ends chan error // nil when the pipe was opened, again when it was closed
}

func newLifeLine(t *testing.T) *lifeLine {
	t.Helper()
	l := &lifeLine{path: filepath.Join(t.TempDir(), "life"), ends: make(chan error, 2)}
	if err := syscall.Mkfifo(l.path, 0o600); err != nil {
		t.Skipf("SKIP: no named pipes: %v", err)
	}
	go func() {
		f, err := os.Open(l.path) // waits for the process
		l.ends <- err
		if err == nil {
			_, err = io.Copy(io.Discard, f)
			f.Close()
			l.ends <- err
		}
	}()
	return l
}

func (l *lifeLine) wait(t *testing.T, what string) {
	t.Helper()
	select {
	case err := <-l.ends:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatalf("not in time: %s", what)
	}
}

// demoCommand runs the demo with a shim for Python, an empty cache folder and without a server.
func demoCommand(t *testing.T, pip, serve string, args ...string) (cmd *exec.Cmd, tmp, cache string) {
	t.Helper()
	bin, tmp, cache := t.TempDir(), t.TempDir(), t.TempDir()
	if err := pythonShim(bin, pip, serve); err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command("signet", append([]string{"demo"}, args...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "HOME="+cache, "XDG_CACHE_HOME="+cache, "PATH="+bin+":"+os.Getenv("PATH"), "SIGNET_DEMO_DYNAMODB=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its group is what Ctrl-C reaches
	return cmd, tmp, cache
}

// However the demo ends, its server ends with it, and an installation that is not complete is not left.
func TestDemoServerEnds(t *testing.T) {
	needSoftHSM(t)
	endpoint := needDynamoDB(t)
	forever := `mkfifo "$0.never" && exec 4<>"$0.never" && read -r _ <&4`
	for _, c := range []struct {
		name     string
		signal   syscall.Signal
		pip      func(life string) string
		serve    func(life, url string) string
		demoPuts bool // it comes to the first PutItem, which is held
	}{
		{"interrupted while it installs", syscall.SIGINT, func(life string) string { return "exec 3>" + life + "\n" + forever }, nil, false},
		{"interrupted while the server starts", syscall.SIGTERM, nil, func(life, _ string) string { return "exec 3>" + life + "\n" + forever }, false},
		{"interrupted", syscall.SIGINT, nil, serveUntilEnd, true},
		{"hangup", syscall.SIGHUP, nil, serveUntilEnd, true},
		{"killed", syscall.SIGKILL, nil, serveUntilEnd, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			life, h := newLifeLine(t), hold(t, endpoint)
			pip, serve := ":", ":"
			if c.pip != nil {
				pip = c.pip(life.path)
			} else {
				serve = c.serve(life.path, h.url)
			}
			cmd, tmp, cache := demoCommand(t, pip, serve)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			ignoreNoSignal(t, c.signal, cmd.Start)
			life.wait(t, "the beginning of Python")
			if c.demoPuts {
				h.wait(t)
			}
			if err := syscall.Kill(-cmd.Process.Pid, c.signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			life.wait(t, "the end of Python")
			if c.signal == syscall.SIGKILL {
				return // the rest is left, as it is by every program
			}
			if got := cmd.ProcessState.ExitCode(); got != exitInterrupted || !strings.Contains(stderr.String(), "SIGNET1130") {
				t.Errorf("exit code %d, %s; want %d", got, stderr.String(), exitInterrupted)
			}
			if got := names(t, tmp); got != "" {
				t.Errorf("left in the temporary folder: %s", got)
			}
			want := ""
			if c.pip == nil {
				want = "ministack-1.5.33-cryptography-50.0.2"
			}
			if got := names(t, filepath.Join(cache, "signet")); got != want {
				t.Errorf("the cache folder has %q, want %q", got, want)
			}
		})
	}
}

// serveUntilEnd is a server that says it runs at url, and ends when its standard input does.
func serveUntilEnd(life, url string) string {
	return "exec 3>" + life + "\necho 'Running on " + url + "'\ncat >/dev/null"
}

// With --keep and a server of its own the demo waits, and what it printed works meanwhile.
func TestDemoKeepsItsServer(t *testing.T) {
	needSoftHSM(t)
	cmd, tmp, _ := demoCommand(t, ":", needMiniStack(t), "--keep")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	for lines := bufio.NewScanner(stdout); lines.Scan() && !strings.Contains(lines.Text(), "until this command is ended with Ctrl-C"); {
		said.WriteString(lines.Text() + "\n")
	}
	line := regexp.MustCompile(`(?m)^ +(SOFTHSM2_CONF=.* item get .*--endpoint '(http://127\.0\.0\.1:\d+)' .*)$`).FindStringSubmatch(said.String())
	if line == nil {
		t.Fatalf("it printed no command: %s%s", said.String(), stderr.String())
	}
	get, err := exec.Command("sh", "-c", line[1]).CombinedOutput()
	if err != nil || !strings.Contains(string(get), "078-05-1120") {
		t.Errorf("%s: %v, %s", line[1], err, get)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v, %s; want success", err, stderr.String())
	}
	if got := names(t, tmp); got != "" {
		t.Errorf("left in the temporary folder: %s", got)
	}
	if r, err := http.Get(line[2]); err == nil {
		r.Body.Close()
		t.Error("its server lives on")
	}
}
