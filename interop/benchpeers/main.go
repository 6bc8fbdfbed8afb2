// Benchpeers measures signet and every peer at the same work, in turn, and prints what it measured as JSON for package benchtable. Peers measure in
// their own process without JSON and base64; clients and keyrings are made before.
//
// For each work and peer a round is one measurement of signet and one of the peer directly after it, so that a change in the machine's load touches both.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/signetkeys/signet/interop/internal/bench"
	"github.com/signetkeys/signet/interop/internal/machine"
	"github.com/signetkeys/signet/interop/peers"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("benchpeers", flag.ContinueOnError)
	flags.SetOutput(stderr)
	length := flags.Duration("time", 200*time.Millisecond, "`duration` of one measurement")
	rounds := flags.Int("rounds", 3, "`number` of rounds")
	warmup := flags.Int("warmup", 20_000, "operations before the first measurement of a just-in-time compiled peer at small sizes")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *rounds < 1 || *length <= 0 || *warmup < 0 || flags.NArg() > 0 {
		flags.Usage()
		return 2
	}
	report, err := measure(*length, *rounds, *warmup, stderr)
	if err == nil {
		e := json.NewEncoder(stdout)
		e.SetIndent("", " ")
		err = e.Encode(report)
	}
	if err != nil {
		fmt.Fprintln(stderr, "benchpeers:", err)
		return 1
	}
	return 0
}

// rival is a peer with one of its APIs.
type rival struct {
	title string
	peer  *peers.Peer
	name  string
	path  string
}

func measure(length time.Duration, rounds, warmup int, log io.Writer) (report *bench.Report, err error) {
	dir, err := peers.CacheDir()
	if err != nil {
		return nil, err
	}
	report = &bench.Report{Machine: machine.Describe(), Rounds: rounds, Warmup: warmup}
	caps, err := peers.ReadCapabilities()
	if err != nil {
		return nil, err
	}
	var rivals []rival
	for _, name := range peers.Names() {
		p, err := peers.Start(dir, name, nil)
		if err != nil {
			return nil, err
		}
		defer p.Close()
		hello, err := p.Do(&peers.Request{Op: "hello"})
		if err != nil {
			return nil, err
		}
		for _, path := range hello.Capabilities.Paths {
			title := map[string]string{"go": "Go", "java": "Java", "javascript": "JavaScript", "python": "Python", "rust": "Rust"}[name]
			if path != "keyring" {
				title += ", master key"
			}
			rivals = append(rivals, rival{title, p, name, path})
			report.Rivals = append(report.Rivals, bench.Rival{Title: title, Language: hello.Language, Versions: hello.Versions})
		}
	}
	works, err := makeWorks()
	if err != nil {
		return nil, err
	}
	for _, w := range works {
		for _, r := range rivals {
			description := *w.request
			description.Path = r.path
			if caps.Cannot(r.name, w.request.Of, &description) != nil || r.path != "keyring" && w.request.Keyring.Type != "raw-aes" {
				continue
			}
			m, err := duel(w, r, length, rounds, warmup)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", w.title, r.title, err)
			}
			report.Measurements = append(report.Measurements, m)
			fmt.Fprintf(log, "%-34s %-20s %12v  signet %12v  %7.2f times\n", w.title, r.title, m.Rounds[0].Peer.Mean, m.Rounds[0].Signet.Mean,
				m.Ratio(bench.Mean))
		}
	}
	return report, nil
}

// warm is how often a peer does the work before it is measured: where code is compiled while it runs, until nothing changes any more.
func warm(r rival, w *work, warmup int) int {
	n := warmup
	if w.size >= 1<<20 || r.name != "java" && r.name != "javascript" {
		n /= 200
	} else if w.slow {
		n /= 10
	} else if r.name == "javascript" {
		n /= 10
	}
	return n
}

// duel measures signet and a peer in turn.
func duel(w *work, r rival, length time.Duration, rounds, warmup int) (*bench.Measurement, error) {
	m := &bench.Measurement{Work: w.title, Rival: r.title}
	request := *w.request
	request.Path = r.path
	ask := func(warmup, n int) (bench.Times, error) {
		request.Warmup, request.N = &warmup, n
		a, err := r.peer.Do(&request)
		if err != nil {
			return bench.Times{}, err
		}
		return bench.Times{N: a.N, Mean: a.Mean, Median: a.Median}, nil
	}
	estimate, err := ask(warm(r, w, warmup), 3)
	if err != nil {
		return nil, err
	}
	own, err := w.signet(3)
	if err != nil {
		return nil, err
	}
	count := func(t bench.Times) int { return int(min(max(length/max(t.Median, 1), 3), 1_000_000)) }
	for range rounds {
		signet, err := w.signet(count(own))
		if err != nil {
			return nil, err
		}
		peer, err := ask(0, count(estimate))
		if err != nil {
			return nil, err
		}
		m.Rounds = append(m.Rounds, bench.Round{Signet: signet, Peer: peer})
	}
	return m, nil
}
