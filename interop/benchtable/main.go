// Benchtable turns the output of "go test -bench -benchmem" into the tables of docs/benchmarks.md.
//
//	benchtable -doc FILE [-peers BENCH] [-own BENCH]
//
// The tables replace what stands between the markers "<!-- peers -->" and "<!-- /peers -->", and "own" likewise. -peers reads the output of
// this module's benchmarks, where each work is done by several peers, and prints ratios; -own reads that of any packages. When a benchmark ran
// several times (-count), its figure is the median of the runs, each of which is a mean.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/signetkeys/signet/interop/internal/marked"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("benchtable", flag.ContinueOnError)
	flags.SetOutput(stderr)
	doc := flags.String("doc", "", "the Markdown `file` to change")
	peers := flags.String("peers", "", "`file` with the output of the comparison with other implementations")
	own := flags.String("own", "", "`file` with the output of signet's own benchmarks")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if err := update(*doc, *peers, *own); err != nil {
		fmt.Fprintln(stderr, "benchtable:", err)
		return 1
	}
	return 0
}

func update(doc, peers, own string) error {
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
	return marked.Update(doc, parts)
}
