// Compat writes the tables of docs/compatibility.md from the counts of a run of the matrix.
//
//	cd interop
//	go test ./matrix -run '^TestMatrix$' -timeout 60m -args -each 20 -counts COUNTS
//	go run ./compat -doc ../docs/compatibility.md COUNTS
package main

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/signetkeys/signet/interop/internal/marked"
	"github.com/signetkeys/signet/interop/matrix"
	"github.com/signetkeys/signet/interop/peers"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("compat", flag.ContinueOnError)
	flags.SetOutput(stderr)
	doc := flags.String("doc", "", "the Markdown `file` to change")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *doc == "" || flags.NArg() != 1 {
		fmt.Fprintln(stderr, "usage: compat -doc FILE COUNTS")
		return 2
	}
	if err := update(*doc, flags.Arg(0)); err != nil {
		fmt.Fprintln(stderr, "compat:", err)
		return 1
	}
	return 0
}

func update(doc, file string) error {
	counts, err := matrix.ReadCounts(file)
	if err != nil {
		return err
	}
	caps, err := peers.ReadCapabilities()
	if err != nil {
		return err
	}
	var missing []string
	for _, name := range peers.Names() {
		if !slices.ContainsFunc(counts.Peers, func(p *matrix.PeerCount) bool { return p.Peer == name }) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s has no counts of %s", file, strings.Join(missing, ", "))
	}
	return marked.Update(doc, map[string]string{
		"peers":    peerTable(counts),
		"keyrings": cellTable(counts, "keyring", func(kind, _ string) string { return kind }),
		"suites":   cellTable(counts, "suite", func(_, suite string) string { return "0x" + suite }),
		"cannot":   cannotTable(counts, caps),
		"quirks":   quirkTable(caps),
	})
}

func peerTable(c *matrix.Counts) string {
	b := &strings.Builder{}
	refused := 0
	for _, p := range c.Peers {
		refused += p.Writes.RefusedByPeer + p.Writes.RefusedBySignet + p.Reads.RefusedByPeer + p.Reads.RefusedBySignet
	}
	fmt.Fprintf(b, "%d messages went from one to the other and were read as they were written; %d times a changed message, a wrong or missing pair of context or a\n"+
		"forbidden suite was refused as it must be. Nothing disagreed. Seed %d, %d messages for each suite, kind of keyring, peer and direction.\n\n",
		c.Total(), refused, c.Seed, c.Each)
	b.WriteString("| peer | library | it wrote, signet read | signet wrote, it read | it refused | signet refused |\n|---|---|---:|---:|---:|---:|\n")
	for _, p := range c.Peers {
		var versions []string
		for _, name := range slices.Sorted(maps.Keys(p.Versions)) {
			versions = append(versions, name+" "+p.Versions[name])
		}
		fmt.Fprintf(b, "| %s | %s | %d | %d | %d | %d |\n", p.Language, strings.Join(versions, ", "), p.Writes.Messages, p.Reads.Messages,
			p.Writes.RefusedByPeer+p.Reads.RefusedByPeer, p.Writes.RefusedBySignet+p.Reads.RefusedBySignet)
	}
	return b.String()
}

// cellTable counts by one of a message's properties.
func cellTable(c *matrix.Counts, title string, property func(kind, suite string) string) string {
	rows := map[string]map[string][2]int{}
	for _, p := range c.Peers {
		for way, d := range []*matrix.DirectionCount{&p.Writes, &p.Reads} {
			for kind, suites := range d.Cells {
				for suite, n := range suites {
					row := property(kind, suite)
					if rows[row] == nil {
						rows[row] = map[string][2]int{}
					}
					count := rows[row][p.Peer]
					count[way] += n
					rows[row][p.Peer] = count
				}
			}
		}
	}
	b := &strings.Builder{}
	fmt.Fprintf(b, "| %s |", title)
	for _, p := range c.Peers {
		fmt.Fprintf(b, " %s |", p.Peer)
	}
	fmt.Fprintf(b, "\n|---|%s\n", strings.Repeat("---:|", len(c.Peers)))
	for _, row := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(b, "| %s |", row)
		for _, p := range c.Peers {
			if n := rows[row][p.Peer]; n == [2]int{} {
				b.WriteString(" – |")
			} else {
				fmt.Fprintf(b, " %d / %d |", n[0], n[1])
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func cannotTable(c *matrix.Counts, caps *peers.Capabilities) string {
	tried := map[string]int{}
	for _, p := range c.Peers {
		for reason, n := range p.Disabled {
			tried[p.Peer+reason] += n
		}
	}
	b := &strings.Builder{}
	b.WriteString("| peer | operation | why not | tried in this run |\n|---|---|---|---:|\n")
	for _, l := range caps.Limits {
		n := "by the peers' own tests"
		if t := tried[l.Peer+l.Reason]; t > 0 {
			n = fmt.Sprint(t)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", l.Peer, strings.Join(l.Ops, ", "), l.Reason, n)
	}
	return b.String()
}

func quirkTable(caps *peers.Capabilities) string {
	byText := map[string][]string{}
	for _, q := range caps.Quirks {
		byText[q.Text] = append(byText[q.Text], q.Peer)
	}
	b := &strings.Builder{}
	b.WriteString("| what | peers |\n|---|---|\n")
	for _, text := range slices.Sorted(maps.Keys(byText)) {
		fmt.Fprintf(b, "| %s | %s |\n", text, strings.Join(byText[text], ", "))
	}
	return b.String()
}
