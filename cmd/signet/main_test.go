package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"signet":          func() { os.Exit(mainExit()) },
		"signet-measured": func() { os.Exit(measuredExit()) },
		"signet-dies":     func() { os.Exit(diesExit()) },
		"signet-child":    func() { os.Exit(childExit()) },
	})
}

// scripts runs the scripts of a folder of testdata with commands of its own:
//
//	exits CODE signet ARG...    the exit code must be CODE, and stdout and stderr are kept for matching
//	hex TEXT FILE               FILE gets the bytes that the hexadecimal text says
//	flip OFFSET FROM TO         TO is FROM with another byte at the offset
//	only DIR NAME...            DIR holds these files and no other
//	perm FILE OCTAL             the permissions of FILE
//
// and those of dynamo_test.go.
func scripts(t *testing.T, dir string, setup func(*testscript.Env) error) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/" + dir, UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("SIGNET_KEYRING", "")
			if setup != nil {
				return setup(e)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": cmdExits, "hex": cmdHex, "flip": cmdFlip, "only": cmdOnly, "perm": cmdPerm,
			"plainscan": cmdPlainScan, "notables": cmdNoTables, "keptline": cmdKeptLine, "deletekey": cmdDeleteKey, "pythonshim": cmdPythonShim, "droptable": cmdDropTable,
		},
	})
}

func TestMessageScripts(t *testing.T) { scripts(t, "message", nil) }

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code: got %d, want %d", got, want)
	}
}

func cmdHex(ts *testscript.TestScript, _ bool, args []string) {
	var b []byte
	_, err := fmt.Sscanf(args[0], "%x", &b)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o600))
}

func cmdFlip(ts *testscript.TestScript, _ bool, args []string) {
	at, err := strconv.Atoi(args[0])
	ts.Check(err)
	b, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	if at >= len(b) {
		ts.Fatalf("%s has %d bytes", args[1], len(b))
	}
	b[at] ^= 0xff
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), b, 0o600))
}

func cmdOnly(ts *testscript.TestScript, _ bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if want := strings.Join(args[1:], " "); strings.Join(got, " ") != want {
		ts.Fatalf("%s holds %v, want %s", args[0], got, want)
	}
}

func cmdPerm(ts *testscript.TestScript, _ bool, args []string) {
	st, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%03o", st.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has permissions %s, want %s", args[0], got, args[1])
	}
}
