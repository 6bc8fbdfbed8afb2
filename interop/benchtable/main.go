// Benchtable turns the output of "go test -bench -benchmem" into the tables of docs/benchmarks.md.
//
//	benchtable -doc FILE [-peers BENCH] [-own BENCH] [-rivals JSON -plot SVG] [-streams JSON]
//
// The tables replace what stands between the markers "<!-- peers -->" and "<!-- /peers -->", and "own", "rivals", "rivals-median" and "streams"
// likewise. -peers reads the output of this module's benchmarks, where each work is done by several peers, and prints ratios; -own reads that of
// any packages. When a benchmark ran several times (-count), its figure is the median of the runs, each of which is a mean. -rivals and -streams
// read what benchpeers and benchstreams print.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/signetkeys/signet/interop/internal/bench"
	"github.com/signetkeys/signet/interop/internal/marked"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("benchtable", flag.ContinueOnError)
	flags.SetOutput(stderr)
	doc := flags.String("doc", "", "the Markdown `file` to change")
	peers := flags.String("peers", "", "`file` with the output of the comparison with other implementations")
	own := flags.String("own", "", "`file` with the output of signet's own benchmarks")
	rivals := flags.String("rivals", "", "`file` with the output of benchpeers")
	plot := flags.String("plot", "", "the SVG `file` to write with -rivals")
	streams := flags.String("streams", "", "`file` with the output of benchstreams")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if err := update(*doc, *peers, *own, *rivals, *plot, *streams); err != nil {
		fmt.Fprintln(stderr, "benchtable:", err)
		return 1
	}
	return 0
}

func update(doc, peers, own, rivals, plot, streams string) error {
	parts := map[string]string{}
	for _, part := range []struct {
		marker, file string
		table        func(*output) (string, error)
	}{{"peers", peers, peerTable}, {"own", own, ownTable}} {
		if part.file == "" {
			continue
		}
		f, err := os.Open(part.file)
		if err != nil {
			return err
		}
		o, err := parse(f)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", part.file, err)
		}
		if parts[part.marker], err = part.table(o); err != nil {
			return fmt.Errorf("%s: %w", part.file, err)
		}
	}
	if streams != "" {
		s := new(bench.Streams)
		if err := readJSON(streams, s); err != nil {
			return err
		}
		parts["streams"] = streamTable(s)
	}
	if rivals != "" {
		r := new(bench.Report)
		if err := readJSON(rivals, r); err != nil {
			return err
		}
		if len(r.Measurements) == 0 {
			return fmt.Errorf("%s: no measurement in it", rivals)
		}
		parts["rivals"], parts["rivals-median"] = rivalTable(r, bench.Mean, true), rivalTable(r, bench.Median, false)
		if plot != "" {
			if err := os.WriteFile(plot, []byte(rivalPlot(r)), 0o644); err != nil {
				return err
			}
		}
	}
	return marked.Update(doc, parts)
}

func readJSON(file string, to any) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, to); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
