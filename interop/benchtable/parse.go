package main

import (
	"bufio"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// result is one benchmark; each slice has a value per run. percent is what a benchmark reported that measures itself against a base in turn,
// with signet's time in ns then.
type result struct {
	pkg, name                  string
	ns, bytes, allocs, percent []float64
}

type output struct {
	machine string // "linux/amd64, AMD EPYC, 2 CPUs"
	results []*result
}

var line = regexp.MustCompile(`^Benchmark(\S+?)(?:-(\d+))?\s+\d+\s+(.*)$`)

func parse(r io.Reader) (*output, error) {
	o := &output{}
	settings := map[string]string{}
	byName := map[string]*result{}
	cpus := "1"
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		text := lines.Text()
		if key, value, ok := strings.Cut(text, ": "); ok && slices.Contains([]string{"goos", "goarch", "cpu", "pkg"}, key) {
			settings[key] = strings.TrimSpace(value)
			continue
		}
		if strings.HasPrefix(text, "FAIL") || strings.HasPrefix(text, "--- FAIL") {
			return nil, errors.New("a benchmark failed: " + text)
		}
		m := line.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		if m[2] != "" {
			cpus = m[2]
		}
		id := settings["pkg"] + " " + m[1]
		b := byName[id]
		if b == nil {
			b = &result{pkg: settings["pkg"], name: m[1]}
			byName[id] = b
			o.results = append(o.results, b)
		}
		b.add(strings.Fields(m[3]))
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(o.results) == 0 {
		return nil, errors.New("no benchmark in it")
	}
	o.machine = settings["goos"] + "/" + settings["goarch"] + ", " + settings["cpu"] + ", " + cpus + " CPUs"
	return o, nil
}

// add takes pairs of value and unit.
func (b *result) add(fields []string) {
	comparison := slices.Contains(fields, "percent")
	for i := 0; i+1 < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			continue
		}
		switch fields[i+1] {
		case "ns/op":
			if !comparison {
				b.ns = append(b.ns, v)
			}
		case "signet-ns":
			b.ns = append(b.ns, v)
		case "percent":
			b.percent = append(b.percent, v)
		case "B/op":
			b.bytes = append(b.bytes, v)
		case "allocs/op":
			b.allocs = append(b.allocs, v)
		}
	}
}

// median is that of the runs; 0 without any.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}
