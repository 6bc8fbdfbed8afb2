package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

type counts struct{ passed, failed, skipped int }

func (c *counts) add(o counts) {
	c.passed += o.passed
	c.failed += o.failed
	c.skipped += o.skipped
}

// rule explains skips.
type rule struct {
	pkg, test *regexp.Regexp
	reason    string
	used      bool
}

func parseRules(r io.Reader) ([]*rule, error) {
	var rules []*rule
	err := eachLine(r, func(line string) error {
		fields := strings.SplitN(line, "\t", 3)
		if len(fields) != 3 || strings.TrimSpace(fields[2]) == "" {
			return errors.New("want package regexp, tab, test regexp, tab, reason")
		}
		p, err := regexp.Compile(fields[0])
		if err != nil {
			return err
		}
		t, err := regexp.Compile(fields[1])
		if err != nil {
			return err
		}
		rules = append(rules, &rule{pkg: p, test: t, reason: fields[2]})
		return nil
	})
	return rules, err
}

// check is the result of something that is not a Go test.
type check struct {
	name string
	ok   bool
}

func parseChecks(r io.Reader) ([]check, error) {
	var checks []check
	err := eachLine(r, func(line string) error {
		result, name, ok := strings.Cut(line, "\t")
		if !ok || name == "" || result != "pass" && result != "fail" {
			return errors.New(`want "pass" or "fail", tab, name`)
		}
		checks = append(checks, check{name: name, ok: result == "pass"})
		return nil
	})
	return checks, err
}

// eachLine calls f for each line that is neither empty nor a comment.
func eachLine(r io.Reader, f func(string) error) error {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		if line := lines.Text(); strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
			if err := f(line); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
		}
	}
	return lines.Err()
}

// report prints the skips by rule, every failure, and a table, and returns the sum. The failures stand behind the skips, where whoever sees only
// the end of a long log finds them.
func report(w io.Writer, suites []*suite, checks []check, rules []*rule) counts {
	var total counts
	failures, table := &strings.Builder{}, &strings.Builder{}
	for _, c := range checks {
		result := counts{passed: 1}
		if !c.ok {
			result = counts{failed: 1}
			fmt.Fprintf(failures, "FAIL check %s\n", c.name)
		}
		total.add(result)
	}
	if len(checks) > 0 {
		fmt.Fprintf(table, "%-14s %6d passed %4d failed %4d skipped\n", "checks", total.passed, total.failed, 0)
	}
	for _, s := range suites {
		sum, seconds := counts{}, 0.0
		for _, p := range s.order {
			sum.add(reportPackage(w, failures, s, p, rules))
			seconds += p.seconds
		}
		if len(s.order) == 0 {
			fmt.Fprintf(failures, "FAIL %s: no test ran\n", s.name)
			sum.failed++
		}
		total.add(sum)
		fmt.Fprintf(table, "%-14s %6d passed %4d failed %4d skipped  %3d packages, %.0f s\n",
			s.name, sum.passed, sum.failed, sum.skipped, len(s.order), seconds)
	}
	for _, r := range rules {
		if !r.used {
			fmt.Fprintf(w, "note: the rule for %s %s explained no skip in this run\n", r.pkg, r.test)
		}
	}
	fmt.Fprint(w, failures.String(), table.String())
	return total
}

// skips are the tests of a package that one rule explains.
type skips struct {
	rule  *rule
	tests []*test
}

// reportPackage prints what was skipped to w and what failed to failures.
func reportPackage(w, failures io.Writer, s *suite, p *pkg, rules []*rule) counts {
	var c counts
	var explained []*skips
	for _, t := range p.counted() {
		switch t.outcome {
		case passed:
			c.passed++
		case skipped:
			r := explain(rules, s.name+":"+p.path, t.name)
			if r == nil {
				c.failed++
				fmt.Fprintf(failures, "FAIL %s %s %s: a skip that no rule explains: %s\n", s.name, p.path, t.name, t.reason())
				continue
			}
			c.skipped++
			i := slices.IndexFunc(explained, func(k *skips) bool { return k.rule == r })
			if i < 0 {
				explained = append(explained, &skips{rule: r})
				i = len(explained) - 1
			}
			explained[i].tests = append(explained[i].tests, t)
		default:
			c.failed++
			fmt.Fprintf(failures, "FAIL %s %s %s\n%s", s.name, p.path, t.name, indent(t.output))
		}
	}
	for _, k := range explained {
		more := ""
		if n := len(k.tests) - 1; n > 0 {
			more = fmt.Sprintf(" and %d more", n)
		}
		fmt.Fprintf(w, "SKIP %s %s %s%s: %s (%s)\n", s.name, p.path, k.tests[0].name, more, k.tests[0].reason(), k.rule.reason)
	}
	// Without tests a package is "skipped"; that is no skip of a test. One that says nothing at its end did not run to it.
	if (p.outcome == failed || p.outcome == unfinished) && c.failed == 0 {
		c.failed++
		fmt.Fprintf(failures, "FAIL %s %s\n%s%s", s.name, p.path, indent(p.output), indent(s.buildOutput(p)))
	}
	return c
}

// buildOutput is what the compiler said about the package or its test.
func (s *suite) buildOutput(p *pkg) []string {
	var out []string
	for path, lines := range s.build {
		if path == p.path || strings.HasPrefix(path, p.path+" [") || strings.HasSuffix(path, "["+p.path+".test]") {
			out = append(out, lines...)
		}
	}
	return out
}

func explain(rules []*rule, pkg, test string) *rule {
	for _, r := range rules {
		if r.pkg.MatchString(pkg) && r.test.MatchString(test) {
			r.used = true
			return r
		}
	}
	return nil
}

// indent shows the end of an output, where the failure is.
func indent(lines []string) string {
	const most = 60
	b := &strings.Builder{}
	if extra := len(lines) - most; extra > 0 {
		fmt.Fprintf(b, "    ... %d lines before\n", extra)
		lines = lines[extra:]
	}
	for _, l := range lines {
		fmt.Fprintf(b, "    %s\n", strings.TrimRight(l, "\n"))
	}
	return b.String()
}
