package main

import (
	"fmt"
	"html"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/signetkeys/signet/interop/internal/bench"
)

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// colours are those of Okabe and Ito, which most people can tell apart.
var colours = []string{"#0072B2", "#D55E00", "#E69F00", "#009E73", "#56B4E9", "#CC79A7", "#000000", "#7F7F7F"}

// rivalPlot draws how many times faster signet is, a row per work and a dot per rival, on a logarithmic scale.
func rivalPlot(r *bench.Report) string {
	works, all := worksOf(r)
	low, high := 1.0, 1.0
	for _, m := range r.Measurements {
		low, high = min(low, m.Ratio(bench.Mean)), max(high, m.Ratio(bench.Mean))
	}
	from, to := math.Floor(math.Log10(low*0.95)*2)/2, math.Ceil(math.Log10(high*1.05)*2)/2
	if from == 0 {
		from = -0.25
	}
	const left, right, top, row, width = 230, 20, 62, 22, 900
	x := func(ratio float64) float64 { return left + (math.Log10(ratio)-from)/(to-from)*(width-left-right) }
	bottom := top + row*len(works)
	b := &strings.Builder{}
	fmt.Fprintf(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">\n", width, bottom+30)
	b.WriteString("<title>How many times faster signet is than each AWS client, by work</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n")
	for i, rival := range r.Rivals {
		cx, cy := 20+(i%4)*215, 16+(i/4)*20
		fmt.Fprintf(b, "<circle cx=\"%d\" cy=\"%d\" r=\"5\" fill=\"%s\"/><text x=\"%d\" y=\"%d\">%s</text>\n", cx, cy, colours[i%len(colours)], cx+10, cy+4,
			html.EscapeString(rival.Title))
	}
	for e := math.Ceil(from); e <= to; e++ {
		for _, step := range []float64{1, 2, 5} {
			v := step * math.Pow(10, e)
			if at := x(v); at >= left && at <= width-right {
				fmt.Fprintf(b, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"%s\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g×</text>\n", at, top-8, at, bottom,
					map[bool]string{true: "#000", false: "#ddd"}[v == 1], at, bottom+16, v)
			}
		}
	}
	for i, w := range works {
		y := top + row*i + row/2
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text><line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"#eee\"/>\n", left-12, y+4, html.EscapeString(w), left, y,
			width-right, y)
		for j, rival := range r.Rivals {
			if m := all[w][rival.Title]; m != nil {
				fmt.Fprintf(b, "<circle cx=\"%.1f\" cy=\"%d\" r=\"5\" fill=\"%s\" fill-opacity=\"0.85\"><title>%s, %s: %s times</title></circle>\n", x(m.Ratio(bench.Mean)), y,
					colours[j%len(colours)], html.EscapeString(w), html.EscapeString(rival.Title), times(m.Ratio(bench.Mean)))
			}
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}
