package main

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
)

// event is a line of "go test -json": see "go doc test2json".
type event struct {
	Action     string
	Package    string
	ImportPath string // of build events
	Test       string
	Elapsed    float64
	Output     string
}

type outcome int

const (
	unfinished outcome = iota
	passed
	failed
	skipped
)

type test struct {
	name    string
	outcome outcome
	output  []string
	parent  bool // it has subtests
}

type pkg struct {
	path    string
	outcome outcome
	seconds float64
	output  []string // what belongs to no test
	tests   map[string]*test
	order   []*test
}

type suite struct {
	name  string
	pkgs  map[string]*pkg
	order []*pkg
	build map[string][]string // compiler output by import path
}

func parseSuite(name string, r io.Reader) (*suite, error) {
	s := &suite{name: name, pkgs: map[string]*pkg{}, build: map[string][]string{}}
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			// A line that is no event is what a tool printed between them; nothing is counted by it.
			if json.Unmarshal(line, &e) == nil {
				s.add(&e)
			}
		}
		if err == io.EOF {
			return s, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (s *suite) add(e *event) {
	if e.Action == "build-output" {
		s.build[e.ImportPath] = append(s.build[e.ImportPath], e.Output)
		return
	}
	if e.Package == "" {
		return
	}
	p := s.pkgs[e.Package]
	if p == nil {
		p = &pkg{path: e.Package, tests: map[string]*test{}}
		s.pkgs[e.Package] = p
		s.order = append(s.order, p)
	}
	result := map[string]outcome{"pass": passed, "fail": failed, "skip": skipped}[e.Action]
	if e.Test == "" {
		if e.Action == "output" {
			p.output = append(p.output, e.Output)
		}
		if result != unfinished {
			p.outcome, p.seconds = result, e.Elapsed
		}
		return
	}
	t := p.test(e.Test)
	if e.Action == "output" {
		t.output = append(t.output, e.Output)
	}
	if result != unfinished {
		t.outcome = result
	}
}

// test returns the named test, made when it is new.
func (p *pkg) test(name string) *test {
	t := p.tests[name]
	if t == nil {
		t = &test{name: name}
		p.tests[name] = t
		p.order = append(p.order, t)
		for i := strings.LastIndexByte(name, '/'); i > 0; i = strings.LastIndexByte(name[:i], '/') {
			p.test(name[:i]).parent = true
		}
	}
	return t
}

// counted returns the tests that the counts are made of: leaves, and whatever failed on its own account. A test that began and did not
// end (a panic, the time limit) has failed.
func (p *pkg) counted() []*test {
	blamed := map[string]bool{} // has a failing subtest
	for _, t := range p.order {
		if t.outcome == unfinished && p.outcome != passed {
			t.outcome = failed
		}
		if t.outcome != failed {
			continue
		}
		for i := strings.LastIndexByte(t.name, '/'); i > 0; i = strings.LastIndexByte(t.name[:i], '/') {
			blamed[t.name[:i]] = true
		}
	}
	var tests []*test
	for _, t := range p.order {
		if !t.parent || t.outcome == failed && !blamed[t.name] {
			tests = append(tests, t)
		}
	}
	return tests
}

// reason is what the test said when it skipped: its last line that is not a frame line of go test.
func (t *test) reason() string {
	reason := "no reason given"
	for _, out := range t.output {
		line := strings.TrimSpace(out)
		if line == "" || strings.HasPrefix(line, "===") || strings.HasPrefix(line, "---") {
			continue
		}
		reason = line
	}
	return reason
}
