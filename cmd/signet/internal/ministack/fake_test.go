package ministack

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain lets the test binary be a Python, when it is called by that name, and a process that starts a server and is killed.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); {
	case strings.HasPrefix(name, "python"):
		os.Exit(fakePython(strings.Join(os.Args[1:], " ")))
	case name == "starter":
		starter(os.Args[1], os.Args[2])
	case name == "holder":
		hold(os.Args[1])
	}
	os.Exit(m.Run())
}

// link makes the test binary callable as path.
func link(path string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return os.Symlink(self, path)
}

// newPython makes a fake interpreter that behaves as the word says: "good", or what fakePython knows.
func newPython(t *testing.T, behaviour string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "python3")
	if err := link(path); err != nil {
		t.Skipf("SKIP: no symbolic links: %v", err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "behaviour"), []byte(behaviour), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func fakePython(args string) int {
	self := filepath.Dir(os.Args[0])
	b, _ := os.ReadFile(filepath.Join(self, "behaviour"))
	behaviour, holder, _ := strings.Cut(string(b), " ")
	installed := filepath.Join(self, "installed")
	switch {
	case strings.Contains(args, "version_info"):
		if behaviour == "old" {
			fmt.Fprintln(os.Stderr, "it is Python 3.9")
			return 1
		}
	case strings.Contains(args, "-m venv "):
		bin := filepath.Join(os.Args[len(os.Args)-1], "bin")
		if err := os.MkdirAll(bin, 0o700); err != nil {
			return fail(err)
		}
		if err := link(filepath.Join(bin, "python")); err != nil {
			return fail(err)
		}
		if err := os.WriteFile(filepath.Join(bin, "behaviour"), b, 0o600); err != nil {
			return fail(err)
		}
		if behaviour == "hang-venv" {
			runHolder(self, holder)
		}
	case strings.Contains(args, "-m pip install"):
		fmt.Printf("Collecting noise\nDownloading %s\n", os.Args[len(os.Args)-1])
		switch behaviour {
		case "hang-pip":
			runHolder(self, holder)
		case "no-network":
			fmt.Fprintln(os.Stderr, "ERROR: No matching distribution found")
			return 1
		}
		if err := os.WriteFile(installed, nil, 0o600); err != nil {
			return fail(err)
		}
	case strings.Contains(args, "find_spec"):
		if _, err := os.Stat(installed); err != nil {
			return 1
		}
	case strings.Contains(args, "from ministack.app import main"):
		if behaviour == "no-server" {
			fmt.Println("ModuleNotFoundError: No module named 'ministack'")
			return 1
		}
		env := strings.Join(os.Environ(), "\n")
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, env) }))
		fmt.Printf("[INFO] Running on %s (CTRL + C to quit)\n", s.URL)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
	return 0
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// runHolder starts a child as pip does, and waits for it. It never ends by itself.
func runHolder(dir, address string) {
	holder := filepath.Join(dir, "holder")
	if err := link(holder); err != nil {
		panic(err)
	}
	cmd := exec.Command(holder, address)
	cmd.Stdout = os.Stdout
	_ = cmd.Run()
}

// hold connects to the test and lives until it is killed.
func hold(address string) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		os.Exit(fail(err))
	}
	_, _ = c.Write([]byte("here"))
	_, _ = io.Copy(io.Discard, c) // the test writes nothing and closes late
	os.Exit(0)
}
