// Vulnsum reads what "govulncheck -format json" prints and lists the vulnerabilities whose code is called. It exits with 1 when one of them
// is outside the standard library, and with 2 when the input is not such a report.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

type message struct {
	Config  *struct{} `json:"config"`
	Finding *struct {
		OSV          string `json:"osv"`
		FixedVersion string `json:"fixed_version"`
		Trace        []struct {
			Module   string `json:"module"`
			Function string `json:"function"`
		} `json:"trace"`
	} `json:"finding"`
}

func main() { os.Exit(run(os.Stdin, os.Stdout, os.Stderr)) }

func run(in io.Reader, out, errOut io.Writer) int {
	called, bad, err := findings(in)
	if err != nil {
		fmt.Fprintln(errOut, "vulnsum:", err)
		return 2
	}
	for _, line := range called {
		fmt.Fprintln(out, line)
	}
	if bad > 0 {
		fmt.Fprintf(errOut, "vulnsum: %d vulnerabilities outside the standard library are reached\n", bad)
		return 1
	}
	return 0
}

// findings returns a line for each vulnerability with a trace to a function, and how many of them are outside the standard library.
func findings(in io.Reader) (called []string, bad int, err error) {
	decoder := json.NewDecoder(in)
	report := false
	for {
		var m message
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, 0, err
		}
		report = report || m.Config != nil
		f := m.Finding
		if f == nil || len(f.Trace) == 0 || f.Trace[0].Function == "" {
			continue
		}
		line := fmt.Sprintf("%s in %s, fixed in %s", f.OSV, f.Trace[0].Module, f.FixedVersion)
		if slices.Contains(called, line) {
			continue
		}
		called = append(called, line)
		if f.Trace[0].Module != "stdlib" {
			bad++
		}
	}
	if !report {
		return nil, 0, errors.New("the input is no report of govulncheck")
	}
	return called, bad, nil
}
