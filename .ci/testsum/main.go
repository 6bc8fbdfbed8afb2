// Testsum adds up the results of several test runs and says what was passed, failed and skipped.
//
//	testsum [-skips FILE] [-checks FILE] SUITE=JSONFILE...
//
// A JSONFILE is what "go test -json" wrote. Tests are counted by their leaves: a test with subtests counts only when it failed
// although none of its subtests did. A package that failed without a failing test (it did not build, it panicked, it ran out of time)
// counts as one failure.
//
// The skips file explains skips, one rule per line: package regexp, tab, test regexp, tab, reason. The first is matched against
// "SUITE:import/path". A skip that no rule explains is a failure. The checks file holds the results of what is not a Go test, one
// per line: "pass" or "fail", tab, name.
//
// The last line is "N passed, N failed, N skipped"; the exit status is 1 when anything failed or nothing passed, 2 when the input
// cannot be read.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("testsum", flag.ContinueOnError)
	flags.SetOutput(stderr)
	skipsFile := flags.String("skips", "", "`file` of rules that explain skips")
	checksFile := flags.String("checks", "", "`file` of results of other checks")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	failed := func(err error) int {
		fmt.Fprintln(stderr, "testsum:", err)
		return 2
	}
	rules, err := readFile(*skipsFile, parseRules)
	if err != nil {
		return failed(err)
	}
	checks, err := readFile(*checksFile, parseChecks)
	if err != nil {
		return failed(err)
	}
	var suites []*suite
	for _, arg := range flags.Args() {
		name, file, ok := strings.Cut(arg, "=")
		if !ok {
			return failed(fmt.Errorf("%q is not SUITE=FILE", arg))
		}
		s, err := readFile(file, func(r io.Reader) (*suite, error) { return parseSuite(name, r) })
		if err != nil {
			return failed(err)
		}
		suites = append(suites, s)
	}
	total := report(stdout, suites, checks, rules)
	fmt.Fprintf(stdout, "%d passed, %d failed, %d skipped\n", total.passed, total.failed, total.skipped)
	if total.failed > 0 || total.passed == 0 {
		return 1
	}
	return 0
}

// readFile parses the named file; without a name it returns the zero value.
func readFile[T any](name string, parse func(io.Reader) (T, error)) (T, error) {
	var zero T
	if name == "" {
		return zero, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return zero, err
	}
	defer f.Close()
	v, err := parse(f)
	if err != nil {
		return zero, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}
