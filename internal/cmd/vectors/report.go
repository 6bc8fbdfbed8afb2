package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
)

// report prints results and counts them.
type report struct {
	w       io.Writer
	verbose bool

	passed, failed, skipped int
	net400Cases, net400     int // cases of the .NET client's release 4.0.0, and how many needed its faults
}

func (r *report) note(text string) {
	if r.verbose {
		fmt.Fprintln(r.w, "not a set of vectors:", text)
	}
}

// set runs the cases of a set.
func (r *report) set(s *set) {
	fmt.Fprintf(r.w, "%s (%s)\n", s.label, s.what)
	var counts [3]int
	reasons := map[string]int{}
	for i := range s.cases {
		c := &s.cases[i]
		res := c.run(context.Background())
		counts[res.verdict]++
		if c.net400 {
			r.net400Cases++
		}
		if res.net400 {
			r.net400++
		}
		switch {
		case res.verdict == failed:
			fmt.Fprintf(r.w, "  FAIL %s: %s\n", c.id, res.reason)
		case res.verdict == skipped:
			reasons[res.reason]++
			if r.verbose {
				fmt.Fprintf(r.w, "  skip %s: %s\n", c.id, res.reason)
			}
		case res.net400:
			fmt.Fprintf(r.w, "  pass %s, with the faults of ESDK-NET 4.0.0 allowed\n", c.id)
		case r.verbose:
			fmt.Fprintf(r.w, "  pass %s\n", c.id)
		}
	}
	r.passed, r.failed, r.skipped = r.passed+counts[passed], r.failed+counts[failed], r.skipped+counts[skipped]
	fmt.Fprintf(r.w, "  %d passed, %d failed, %d skipped\n", counts[passed], counts[failed], counts[skipped])
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		fmt.Fprintf(r.w, "  skipped, parsed only: %d, %s\n", reasons[reason], reason)
	}
}

// finish prints the sums and returns the exit status.
func (r *report) finish() int {
	if r.net400Cases > 0 {
		fmt.Fprintf(r.w, "%d of %d messages of ESDK-NET 4.0.0 needed its faults to be allowed\n", r.net400, r.net400Cases)
	}
	fmt.Fprintf(r.w, "%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	if r.failed > 0 {
		return exitFailed
	}
	return exitOK
}
