//go:build unix

package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// However the demo ends, it removes what it made, and says so with its exit code.
func TestDemoThatCannotGoOn(t *testing.T) {
	needSoftHSM(t)
	endpoint := needDynamoDB(t)
	for _, c := range []struct {
		name    string
		args    []string
		stop    func(t *testing.T, cmd *exec.Cmd, h *held) // starts it and makes it stop
		exit    int
		message string
	}{
		{"hangup", nil, func(t *testing.T, cmd *exec.Cmd, h *held) {
			ignoreNoSignal(t, syscall.SIGHUP, cmd.Start)
			h.wait(t)
			if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		}, exitInterrupted, "SIGNET1130"},
		{"reader leaves", nil, func(t *testing.T, cmd *exec.Cmd, h *held) {
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			h.wait(t)
			if err := stdout.Close(); err != nil {
				t.Fatal(err)
			}
			h.goOn()
		}, exitGeneric, "SIGNET1003 output standard output: broken pipe"},
		{"full", nil, fullDisk, exitGeneric, "SIGNET1003 output standard output: no space left on device"},
		{"full, keep", []string{"--keep"}, fullDisk, exitGeneric, "SIGNET1003"},
		{"full, keep as JSON", []string{"--keep", "--json"}, fullDisk, exitGeneric, "SIGNET1003"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tmp, id, h := t.TempDir(), randomAccount(), hold(t, endpoint)
			cmd := exec.Command("signet", append([]string{"demo", "--endpoint", h.url}, c.args...)...)
			cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "AWS_ACCESS_KEY_ID="+id, "AWS_SECRET_ACCESS_KEY=signet", "AWS_REGION=eu-west-1")
			var stderr strings.Builder
			cmd.Stderr = &stderr
			c.stop(t, cmd, h)
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

// ignoreNoSignal starts a child. Under nohup SIGHUP is ignored, and children would inherit that; one that is handled they find as usual.
func ignoreNoSignal(t *testing.T, sig os.Signal, start func() error) {
	t.Helper()
	handled := make(chan os.Signal, 1)
	signal.Notify(handled, sig)
	defer signal.Stop(handled)
	if err := start(); err != nil {
		t.Fatal(err)
	}
}

// held stands before a DynamoDB server and lets the first PutItem wait, so that what a test does to the demo happens in the middle of it however
// slow either of them is.
type held struct {
	url     string
	account atomic.Value  // a string: who made the first request
	reached chan struct{} // closed when the item has come
	free    chan struct{} // closed when it may go on
	once    sync.Once
	again   atomic.Int64 // keys that may have been made twice: the answer was lost, and the client sent a second request
}

func hold(t *testing.T, endpoint string) *held {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	h := &held{reached: make(chan struct{}), free: make(chan struct{})}
	var first sync.Once
	proxy := &httputil.ReverseProxy{ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		account, _, _ := strings.Cut(credential, "/")
		h.account.CompareAndSwap(nil, account)
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".CreateKey") && !strings.HasPrefix(r.Header.Get("Amz-Sdk-Request"), "attempt=1;") {
			h.again.Add(1)
		}
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutItem") {
			first.Do(func() { close(h.reached) })
			select {
			case <-h.free:
			case <-r.Context().Done():
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	h.url = s.URL
	t.Cleanup(func() { h.goOn(); s.Close() })
	return h
}

// wait returns when the demo is about to put its first item.
func (h *held) wait(t *testing.T) {
	t.Helper()
	select {
	case <-h.reached:
	case <-time.After(time.Minute):
		t.Fatal("the demo put no item")
	}
}

func (h *held) goOn() { h.once.Do(func() { close(h.free) }) }

func fullDisk(t *testing.T, cmd *exec.Cmd, h *held) {
	h.goOn()
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
