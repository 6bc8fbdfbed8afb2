package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// pythonShim puts a python3 into dir whose venv is itself, whose pip runs the pip lines of a shell script, and which runs the lines of serve
// instead of MiniStack.
func pythonShim(dir, pip, serve string) error {
	script := `#!/bin/sh
case "$*" in
*version_info* | *find_spec*) ;;
*"-m venv "*)
	for dir; do :; done
	mkdir -p "$dir/bin" && cp "$0" "$dir/bin/python"
	;;
*"-m pip install "*)
	echo "Downloading what was asked for"
	` + pip + `
	;;
*)
	` + serve + `
	;;
esac
`
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "python3"), []byte(script), 0o700)
}

// realMiniStack is the shell line that runs the MiniStack that scripts/setup.sh installed.
func realMiniStack() (string, error) {
	python, err := filepath.Abs("../../.cache/venv/bin/python")
	if err == nil {
		_, err = os.Stat(python)
	}
	return fmt.Sprintf(`exec '%s' "$@"`, python), err
}

// cmdPythonShim is pythonShim for scripts, with the real server: pythonshim DIR [PIP]
func cmdPythonShim(ts *testscript.TestScript, _ bool, args []string) {
	serve, err := realMiniStack()
	ts.Check(err)
	ts.Check(pythonShim(ts.MkAbs(args[0]), strings.Join(args[1:], " "), serve))
}
