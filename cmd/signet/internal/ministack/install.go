package ministack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const (
	unfinished = ".installing-"  // begins the name of an installation that is not complete
	abandoned  = 24 * time.Hour  // after which an unfinished installation belongs to nobody
	killWait   = 2 * time.Second // for output of a program that was killed
)

// Installer makes an installation in the user's cache folder. Its zero value is ready; methods may be called by several goroutines and
// processes at once.
type Installer struct {
	// Cache is the folder that holds installations; "" is the folder signet in the user's cache folder.
	Cache string
	// Pythons are the interpreters to look for, by name or path, the best first; nil means those that a system has usually.
	Pythons []string
	// Tell, when set, is told in one line at a time what is about to be done and how far it is.
	Tell func(line string)
}

// Ensure returns the Python interpreter of a usable installation, which it makes when there is none: some 25 MB are downloaded with pip, and
// 110 MB stay in the cache folder. What was interrupted or fails leaves nothing behind that a later call would use. Errors are [*Error].
func (i *Installer) Ensure(ctx context.Context) (python string, err error) {
	cache := i.Cache
	if cache == "" {
		if cache, err = os.UserCacheDir(); err != nil {
			return "", &Error{Op: "find the user's cache folder", Err: err, Hint: "set HOME or XDG_CACHE_HOME"}
		}
		cache = filepath.Join(cache, "signet")
	}
	dir := filepath.Join(cache, folderName())
	if usable(ctx, dir) {
		return interpreter(dir), nil
	}
	system, err := i.system(ctx)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", &Error{Op: "make the cache folder", Err: err, Hint: "set XDG_CACHE_HOME to a folder with room"}
	}
	removeAbandoned(cache)
	temp, err := os.MkdirTemp(cache, unfinished)
	if err != nil {
		return "", &Error{Op: "make a folder in the cache folder", Err: err}
	}
	defer os.RemoveAll(temp) // unless it has its name by then
	i.tell("installing %s into %s (once; about 110 MB)", strings.Join(Requirements(), " and "), dir)
	if err := i.fill(ctx, system, temp); err != nil {
		return "", err
	}
	if err := publish(ctx, temp, dir); err != nil {
		return "", &Error{Op: "name the installation", Err: err}
	}
	i.tell("installed")
	return interpreter(dir), nil
}

func (i *Installer) tell(format string, args ...any) {
	if i.Tell != nil {
		i.Tell(fmt.Sprintf(format, args...))
	}
}

// fill makes a virtual environment in dir. Its scripts name this very folder and are not used: the interpreter finds what it needs beside
// itself, wherever that is by then.
func (i *Installer) fill(ctx context.Context, system, dir string) error {
	i.tell("making a virtual environment with %s", system)
	if err := i.run(ctx, "make a virtual environment", system, "-I", "-m", "venv", dir); err != nil {
		return err
	}
	args := []string{"-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"}
	return i.run(ctx, "install MiniStack with pip", interpreter(dir), append(args, Requirements()...)...)
}

// run runs a program and tells what it says about its progress.
func (i *Installer) run(ctx context.Context, op, program string, args ...string) error {
	out := &lines{each: func(line string) {
		switch word, _, _ := strings.Cut(line, " "); word {
		case "Downloading", "Using", "Building":
			i.tell("pip: %s", line)
		case "Installing":
			i.tell("pip: Installing")
		}
	}}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = killWait
	ownGroup(cmd)
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return &Error{Op: op, Err: ctx.Err()}
	}
	return &Error{Op: op, Err: err, Output: out.tail(), Hint: "pip must reach a package index; a server that runs already can be named instead"}
}

// publish gives a complete installation its name. What is unusable under that name is replaced; another process may have been faster.
func publish(ctx context.Context, temp, dir string) error {
	if _, err := os.Lstat(dir); err == nil {
		if usable(ctx, dir) {
			return nil
		}
		old := temp + ".old"
		defer os.RemoveAll(old)
		if err := os.Rename(dir, old); err != nil {
			return err
		}
	}
	err := os.Rename(temp, dir)
	if err != nil && usable(ctx, dir) {
		return nil
	}
	return err
}

// usable asks the interpreter of an installation, because a newer system may have taken away what it was made with.
func usable(ctx context.Context, dir string) bool {
	python := interpreter(dir)
	if _, err := os.Stat(python); err != nil {
		return false
	}
	const script = "import importlib.util as u, sys; sys.exit(not all(u.find_spec(m) for m in ('ministack', 'hypercorn', 'cryptography')))"
	return exec.CommandContext(ctx, python, "-I", "-c", script).Run() == nil
}

func interpreter(dir string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(dir, "Scripts", "python.exe")
	}
	return filepath.Join(dir, "bin", "python")
}

// system finds an interpreter that can make a virtual environment. The one of the distribution counts even when another comes first in PATH.
func (i *Installer) system(ctx context.Context) (string, error) {
	names := i.Pythons
	if names == nil {
		names = []string{"python3", "/usr/bin/python3", "python"}
	}
	const script = `import sys
if sys.version_info < (3, 10): sys.exit("it is Python %d.%d" % sys.version_info[:2])
try: import venv, ensurepip
except ImportError: sys.exit("it has no venv")`
	found := &Error{Op: "find Python 3.10 or newer with venv", Err: fmt.Errorf("%s: %w", strings.Join(names, ", "), exec.ErrNotFound)}
	found.Hint = "install it (on Debian and Ubuntu: apt-get install python3-venv), or name a server that runs already"
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		out := new(lines)
		cmd := exec.CommandContext(ctx, path, "-I", "-c", script)
		cmd.Stdout, cmd.Stderr = out, out
		err = cmd.Run()
		switch {
		case err == nil:
			return path, nil
		case ctx.Err() != nil:
			return "", &Error{Op: found.Op, Err: ctx.Err()}
		case errors.Is(found.Err, exec.ErrNotFound): // the first one is the one to tell of
			found.Err = fmt.Errorf("%s: %w", path, err)
			if said := out.tail(); said != "" {
				found.Err = fmt.Errorf("%s: %s", path, said)
			}
		}
	}
	return "", found
}

// removeAbandoned removes what processes left that were killed while they installed.
func removeAbandoned(cache string) {
	entries, _ := os.ReadDir(cache)
	for _, e := range entries {
		var info fs.FileInfo
		if strings.HasPrefix(e.Name(), unfinished) {
			info, _ = e.Info()
		}
		if info != nil && time.Since(info.ModTime()) > abandoned {
			_ = os.RemoveAll(filepath.Join(cache, e.Name()))
		}
	}
}
