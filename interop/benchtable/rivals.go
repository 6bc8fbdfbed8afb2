package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/signetkeys/signet/interop/internal/bench"
)

// worksOf returns the works in their order, and the measurements by work and rival.
func worksOf(r *bench.Report) ([]string, map[string]map[string]*bench.Measurement) {
	var works []string
	all := map[string]map[string]*bench.Measurement{}
	for _, m := range r.Measurements {
		if all[m.Work] == nil {
			all[m.Work] = map[string]*bench.Measurement{}
			works = append(works, m.Work)
		}
		all[m.Work][m.Rival] = m
	}
	return works, all
}

// rivalTable has a row per work: signet's time, and for each rival how many times faster signet is, and the rival's time.
func rivalTable(r *bench.Report, of func(bench.Times) time.Duration, heading bool) string {
	b := &strings.Builder{}
	if heading {
		fmt.Fprintf(b, "Measured on %s; %d rounds for each pair. Just-in-time compiled clients did %d operations of each kind before at 100 B,\n", r.Machine, r.Rounds, r.Warmup)
		b.WriteString("fewer where one takes milliseconds, and what they had done before counts too.\n\n")
		for _, rival := range r.Rivals {
			fmt.Fprintf(b, "- %s: %s", rival.Title, rival.Language)
			for _, name := range sortedKeys(rival.Versions) {
				fmt.Fprintf(b, ", %s %s", name, rival.Versions[name])
			}
			b.WriteString("\n")
		}
		b.WriteString("\n")
	}
	b.WriteString("| work | signet |")
	for _, rival := range r.Rivals {
		fmt.Fprintf(b, " %s |", rival.Title)
	}
	fmt.Fprintf(b, "\n|---|---:|%s\n", strings.Repeat("---:|", len(r.Rivals)))
	works, all := worksOf(r)
	for _, w := range works {
		var own []float64
		for _, m := range all[w] {
			own = append(own, float64(m.Signet(of)))
		}
		fmt.Fprintf(b, "| %s | %s |", w, duration(bench.Middle(own)))
		for _, rival := range r.Rivals {
			m := all[w][rival.Title]
			if m == nil {
				b.WriteString(" – |")
				continue
			}
			ratio := times(m.Ratio(of))
			if m.Ratio(of) < 1 {
				ratio = "**" + ratio + "**"
			}
			fmt.Fprintf(b, " %s (%s) |", ratio, duration(float64(m.Peer(of))))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func times(ratio float64) string {
	if ratio < 10 {
		return fmt.Sprintf("%.2f", ratio)
	}
	return fmt.Sprintf("%.0f", ratio)
}

// streamTable has a row per way to go through a long message.
func streamTable(s *bench.Streams) string {
	b := &strings.Builder{}
	runs := 0
	one := map[string]*bench.Stream{}
	two := map[string]*bench.Stream{}
	var works []string
	for _, x := range s.Streams {
		runs = max(runs, len(x.Speed))
		if x.Cores == 1 {
			one[x.Work] = x
			works = append(works, x.Work)
		} else {
			two[x.Work] = x
		}
	}
	fmt.Fprintf(b, "%.3g GiB, measured on %s; each figure is the median of %d runs, each in a process of its own.\n\n", float64(s.Bytes)/(1<<30), s.Machine, runs)
	b.WriteString("| work | one core, MB/s | two cores, MB/s | times faster | peak memory on one core, MiB: above the idle process / in all | on two |\n|---|---:|---:|---:|---:|---:|\n")
	for _, w := range works {
		x, y := one[w], two[w]
		fmt.Fprintf(b, "| %s | %.0f |", w, bench.Middle(x.Speed))
		if y == nil {
			fmt.Fprintf(b, " | | %s | |\n", memory(x))
			continue
		}
		fmt.Fprintf(b, " %.0f | %.2f | %s | %s |\n", bench.Middle(y.Speed), bench.Middle(y.Speed)/bench.Middle(x.Speed), memory(x), memory(y))
	}
	return b.String()
}

func memory(s *bench.Stream) string {
	var above, all []float64
	for i := range s.Peak {
		above = append(above, float64(s.Peak[i]-s.Idle[i])/(1<<20))
		all = append(all, float64(s.Peak[i])/(1<<20))
	}
	return fmt.Sprintf("%.1f / %.1f", bench.Middle(above), bench.Middle(all))
}
