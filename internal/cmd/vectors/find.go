package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// found is what one argument holds.
type found struct {
	sets  []*set
	close func() error
}

// find loads every set of vectors of an argument. note is told about what is left aside. What cannot be read or understood
// becomes a failing case.
func find(arg string, note func(string)) (*found, error) {
	t, only, closer, err := open(arg)
	if err != nil {
		if closer != nil {
			closer.Close()
		}
		return nil, err
	}
	f := &found{close: closer.Close}
	if only != "" {
		f.json(t, only, note)
	} else {
		f.walk(t, note)
	}
	return f, nil
}

func (f *found) walk(t *tree, note func(string)) {
	err := t.walk(func(name string) error {
		start, err := t.peek(name)
		switch {
		case err != nil:
			f.broken(t.join(name), err)
		case isZip(start):
			if inner, err := t.inner(name); err != nil {
				f.broken(t.join(name), err)
			} else {
				f.walk(inner, note)
			}
		case len(start) > 0 && (start[0] == '{' || start[0] == '['):
			f.json(t, name, note)
		}
		return nil
	})
	if err != nil {
		f.broken(t.label, err)
	}
}

// json loads a file that may be a set.
func (f *found) json(t *tree, name string, note func(string)) {
	b, err := t.read(name, maxFile)
	var s *set
	if err == nil {
		s, err = load(t, name, bytes.TrimPrefix(b, byteOrderMark))
	}
	var other *notASet
	switch {
	case errors.As(err, &other):
		note(t.join(name) + ": " + other.what)
	case err != nil:
		f.broken(t.join(name), err)
	default:
		f.sets = append(f.sets, s)
	}
}

// broken adds a failing case for what cannot be read.
func (f *found) broken(label string, err error) {
	f.sets = append(f.sets, &set{label: label, what: "unreadable", cases: []testCase{{id: "whole", broken: err}}})
}

// notASet is a file that has no messages to decrypt.
type notASet struct{ what string }

func (e *notASet) Error() string { return e.what }

// load recognises a set by its content.
func load(t *tree, name string, b []byte) (*set, error) {
	var probe struct {
		Manifest *struct {
			Type    string
			Version json.RawMessage
		}
		Tests json.RawMessage
		Title string
	}
	if err := json.Unmarshal(b, &probe); err != nil {
		ext := path.Ext(name)
		switch {
		case json.Valid(b) && b[len(b)-len(bytes.TrimLeft(b, " \t\r\n"))] == '[':
			return loadOracle(t, name, b)
		case json.Valid(b):
			return nil, &notASet{"no manifest"}
		case ext != ".json" && ext != ".manifest":
			return nil, &notASet{"no JSON"}
		}
		return nil, fmt.Errorf("not JSON: %w", jsonError(err))
	}
	switch m := probe.Manifest; {
	case m == nil && bytes.HasPrefix(bytes.TrimSpace(probe.Tests), []byte("[")):
		return loadAnswers(t, name, b)
	case m == nil:
		return nil, &notASet{"no manifest"}
	case m.Type == "awses-decrypt":
		return loadDecrypt(t, name, b)
	case m.Type == "ciphertext":
		return loadLegacy(t, name, b)
	default:
		return nil, &notASet{fmt.Sprintf("a manifest of type %q", m.Type)}
	}
}

// jsonError drops what encoding/json says about truncation in its own words.
func jsonError(err error) error {
	if strings.Contains(err.Error(), "unexpected end") {
		return io.ErrUnexpectedEOF
	}
	return err
}
