package ministack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func get(t *testing.T, url string) (string, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	r, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return string(b), err
}

// pythons are interpreters to start a server with: a fake, and the one that scripts/setup.sh makes.
func pythons(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{"fake": newPython(t, "good")}
	python, err := filepath.Abs("../../../../.cache/venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(python); err == nil {
		out["MiniStack"] = python
	} else if os.Getenv("SIGNET_REQUIRE_TOOLS") == "1" {
		t.Errorf("MiniStack is missing: run scripts/setup.sh: %v", err)
	}
	return out
}

func TestServer(t *testing.T) {
	t.Setenv("AWS_PROFILE", "canary")
	t.Setenv("PERSIST_STATE", "1")
	for name, python := range pythons(t) {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "server")
			s, err := Start(t.Context(), python, dir)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			body, err := get(t, s.URL)
			if err != nil || !strings.HasPrefix(s.URL, "http://127.0.0.1:") {
				t.Errorf("%s: %v", s.URL, err)
			}
			if name == "fake" && (strings.Contains(body, "canary") || strings.Contains(body, "PERSIST_STATE") || !strings.Contains(body, "HOME="+dir)) {
				t.Errorf("its environment is %s", body)
			}
			select {
			case <-s.Done():
				t.Error("it has ended")
			default:
			}
			s.Close()
			s.Close()
			<-s.Done()
			if _, err := get(t, s.URL); err == nil {
				t.Error("it answers after Close")
			}
		})
	}
}

func TestServerDoesNotStart(t *testing.T) {
	var e *Error
	if _, err := Start(t.Context(), newPython(t, "no-server"), t.TempDir()); !errors.As(err, &e) || !strings.Contains(err.Error(), "No module named 'ministack'") {
		t.Errorf("got %v, want an *Error with what it said", err)
	}
	if _, err := Start(t.Context(), filepath.Join(t.TempDir(), "none"), t.TempDir()); !errors.As(err, &e) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no interpreter: got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, newPython(t, "good"), t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: got %v", err)
	}
}

// The server ends with the process that started it, also when that is killed.
func TestServerEndsWithItsStarter(t *testing.T) {
	for name, python := range pythons(t) {
		t.Run(name, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "starter")
			if err := link(program); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(program, python, t.TempDir())
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			url, err := bufio.NewReader(stdout).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			url = strings.TrimSpace(url)
			if _, err := get(t, url); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			for end := time.Now().Add(time.Minute); ; {
				if _, err := get(t, url); err != nil {
					break
				}
				if time.Now().After(end) {
					t.Fatal("it lives on")
				}
			}
		})
	}
}

// starter starts a server, prints its address and waits to be killed.
func starter(python, dir string) {
	s, err := Start(context.Background(), python, dir)
	if err != nil {
		os.Exit(fail(err))
	}
	fmt.Println(s.URL)
	<-s.Done()
	os.Exit(1)
}

func TestLines(t *testing.T) {
	var got []string
	l := &lines{each: func(line string) { got = append(got, line) }}
	long := strings.Repeat("x", 3*maxLine)
	for _, part := range []string{"a", "b\n\nc\r\n", long, long + "\nd\ne\nf", "g"} {
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("got %d, %v", n, err)
		}
	}
	want := []string{"ab", "c", long[:maxLine], "d", "e"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %.100q, want %.100q", got, want)
	}
	if tail := l.tail(); !strings.HasPrefix(tail, "ab | c | xxx") || !strings.HasSuffix(tail, " | d | e | fg") {
		t.Errorf("tail: %.100q", tail)
	}
}
