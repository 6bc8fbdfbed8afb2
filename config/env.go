package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/signetkeys/signet/internal/uritext"
)

// Env is what opening a keyring may reach outside of its URI. The zero value reaches nothing: no file, no variable, nobody to ask. It is
// copied by value and safe for concurrent use when its functions are.
type Env struct {
	// Dir is where relative paths of URIs begin. "" leaves them as they are.
	Dir string
	// LookupEnv returns an environment variable and whether it is set; nil means that there is none.
	LookupEnv func(name string) (string, bool)
	// Open opens a file for reading; nil means that there is none. A missing file is fs.ErrNotExist, one that may not be read fs.ErrPermission.
	Open func(path string) (io.ReadCloser, error)
	// AskPIN asks a person for the PIN of the named token, when a URI has no pin-source; nil means that there is nobody. The caller
	// wipes the result.
	AskPIN func(ctx context.Context, token string) ([]byte, error)
}

// System is the environment of the process: its files, relative to the working directory, and its variables. It asks nobody for a PIN.
func System() Env {
	return Env{
		LookupEnv: os.LookupEnv,
		Open:      func(path string) (io.ReadCloser, error) { return os.Open(path) },
	}
}

// ReadFile reads the file that a URI names, exactly as it is. One with more than limit bytes is an error. Errors are [*SourceError]; what
// says what the file is for.
func (e *Env) ReadFile(what, path string, limit int) ([]byte, error) {
	fail := func(err error) error { return &SourceError{What: what, Kind: "file", Name: path, Err: err} }
	if e.Open == nil {
		return nil, fail(errors.New("files are not available here"))
	}
	full := path
	if e.Dir != "" && !filepath.IsAbs(path) {
		full = filepath.Join(e.Dir, path)
	}
	f, err := e.Open(full)
	if err != nil {
		return nil, fail(err)
	}
	defer f.Close()
	// One buffer of the final size: growing would leave copies of a secret behind.
	buf := make([]byte, limit+1)
	n, err := io.ReadFull(f, buf)
	switch {
	case err == nil:
		clear(buf)
		return nil, fail(fmt.Errorf("longer than %d bytes", limit))
	case err != io.EOF && err != io.ErrUnexpectedEOF:
		clear(buf)
		return nil, fail(err)
	}
	return buf[:n:n], nil
}

// Variable returns the environment variable that a URI names. Errors are [*SourceError]; what says what the variable is for.
func (e *Env) Variable(what, name string) (string, error) {
	if e.LookupEnv != nil {
		if v, ok := e.LookupEnv(name); ok {
			return v, nil
		}
	}
	return "", &SourceError{What: what, Kind: "environment variable", Name: name, Err: errors.New("not set")}
}

// maxPIN bounds a PIN in bytes; PKCS#11 tokens allow far less.
const maxPIN = 1024

// ReadPIN reads a PIN from a pin-source, "file:PATH" or "env:VARIABLE". One line ending at the end, LF or CRLF, is not part of the PIN; nothing
// else is trimmed. An empty PIN is an error. The caller wipes the result.
func (e *Env) ReadPIN(source string) ([]byte, error) {
	var pin []byte
	fail := &SourceError{What: "PIN", Kind: "file"}
	if path, ok := cut(source, "file:"); ok {
		b, err := e.ReadFile("PIN", path, maxPIN)
		if err != nil {
			return nil, err
		}
		pin, fail.Name = b, path
	} else if name, ok := cut(source, "env:"); ok {
		if !uritext.IsVariable(name) {
			return nil, &URIError{Offset: -1, Attribute: "pin-source", Reason: "env: must name an environment variable; the PIN itself is never written here"}
		}
		v, err := e.Variable("PIN", name)
		if err != nil {
			return nil, err
		}
		pin, fail.Name, fail.Kind = []byte(v), name, "environment variable"
	} else {
		return nil, &URIError{Offset: -1, Attribute: "pin-source", Reason: "must be file:PATH or env:VARIABLE"}
	}
	if p, ok := bytes.CutSuffix(pin, []byte("\n")); ok {
		pin = bytes.TrimSuffix(p, []byte("\r"))
	}
	switch {
	case len(pin) == 0:
		fail.Err = errors.New("the PIN is empty")
		return nil, fail
	case len(pin) > maxPIN:
		clear(pin)
		fail.Err = fmt.Errorf("longer than %d bytes", maxPIN)
		return nil, fail
	}
	return pin, nil
}

func cut(s, prefix string) (string, bool) {
	if len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):], true
	}
	return "", false
}
