package main

import (
	"strings"
	"testing"
)

func TestFindings(t *testing.T) {
	const (
		config   = `{"config":{"protocol_version":"v1.0.0"}}`
		std      = `{"finding":{"osv":"GO-1","fixed_version":"v1.26.9","trace":[{"module":"stdlib","function":"Read"}]}}`
		imported = `{"finding":{"osv":"GO-2","trace":[{"module":"example.com/m"}]}}`
		called   = `{"finding":{"osv":"GO-2","fixed_version":"v1.1.0","trace":[{"module":"example.com/m","function":"F"},{"module":"x"}]}}`
	)
	for _, tt := range []struct {
		name, in string
		want     int
		lines    int
	}{
		{"nothing", config, 0, 0},
		{"standard library", config + std + std, 0, 1},
		{"imported, not called", config + imported, 0, 0},
		{"called", config + std + called, 1, 2},
		{"empty", "", 2, 0},
		{"no report", "{}", 2, 0},
		{"broken", config + "{", 2, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errOut strings.Builder
			if got := run(strings.NewReader(tt.in), &out, &errOut); got != tt.want {
				t.Errorf("exit status: got %d, want %d: %s", got, tt.want, errOut.String())
			}
			if got := strings.Count(out.String(), "\n"); got != tt.lines {
				t.Errorf("lines: got %d, want %d:\n%s", got, tt.lines, out.String())
			}
		})
	}
}
