//go:build unix

package main

import (
	"bufio"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// However the demo ends, it removes what it made, and says so with its exit code.
func TestDemoThatCannotGoOn(t *testing.T) {
	needSoftHSM(t)
	endpoint := needDynamoDB(t)
	for _, c := range []struct {
		name    string
		args    []string
		stop    func(t *testing.T, cmd *exec.Cmd) // starts it and makes it stop
		exit    int
		message string
	}{
		{"hangup", nil, func(t *testing.T, cmd *exec.Cmd) {
			// Under nohup the signal is ignored, and children would inherit that; one that is handled they find as usual.
			handled := make(chan os.Signal, 1)
			signal.Notify(handled, syscall.SIGHUP)
			defer signal.Stop(handled)
			lines := startDemo(t, cmd)
			if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			for lines.Scan() {
			}
		}, exitInterrupted, "SIGNET1130"},
		{"reader leaves", nil, func(t *testing.T, cmd *exec.Cmd) {
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			if err := stdout.Close(); err != nil {
				t.Fatal(err)
			}
		}, exitGeneric, "SIGNET1003 output standard output: broken pipe"},
		{"full", nil, fullDisk, exitGeneric, "SIGNET1003 output standard output: no space left on device"},
		{"full, keep", []string{"--keep"}, fullDisk, exitGeneric, "SIGNET1003"},
		{"full, keep as JSON", []string{"--keep", "--json"}, fullDisk, exitGeneric, "SIGNET1003"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tmp, id := t.TempDir(), account()
			cmd := exec.Command("signet", append([]string{"demo", "--endpoint", endpoint}, c.args...)...)
			cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "AWS_ACCESS_KEY_ID="+id, "AWS_SECRET_ACCESS_KEY=signet", "AWS_REGION=eu-west-1")
			var stderr strings.Builder
			cmd.Stderr = &stderr
			c.stop(t, cmd)
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != c.exit || !strings.Contains(stderr.String(), c.message) {
				t.Errorf("exit code %d, %s; want %d, %s", got, stderr.String(), c.exit, c.message)
			}
			if left, _ := os.ReadDir(tmp); len(left) > 0 {
				t.Errorf("left in the temporary folder: %v", left)
			}
			out, err := clientOf(endpoint, id).ListTables(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(out.TableNames, func(name string) bool { return strings.HasPrefix(name, "signet-demo-") }) {
				t.Errorf("tables are left: %v", out.TableNames)
			}
		})
	}
}

// startDemo starts it and returns its output from where it has a token and a table on.
func startDemo(t *testing.T, cmd *exec.Cmd) *bufio.Scanner {
	t.Helper()
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
	return lines
}

func fullDisk(t *testing.T, cmd *exec.Cmd) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("SKIP: no /dev/full: %v", err)
	}
	defer full.Close()
	cmd.Stdout = full
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

// What --keep prints can be pasted in any folder.
func TestSelf(t *testing.T) {
	old := os.Args[0]
	defer func() { os.Args[0] = old }()
	os.Args[0] = "signet"
	if got := self(); got != "signet" {
		t.Errorf("found in PATH: got %s", got)
	}
	os.Args[0] = "./bin/signet"
	if got := self(); !strings.HasPrefix(got, "'/") {
		t.Errorf("called by a relative path: got %s", got)
	}
}
