package main

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// work is what several peers did: encrypting or decrypting one size under one suite.
type work struct {
	name  string
	peers map[string]*result
}

// peerTable compares the peers "official" and "signet" of each work, and signet with the peers "aes-gcm" and "aes-gcm-new" where there are any.
// Benchmarks are named Operation/suite=ID/size=N/peer=NAME.
func peerTable(o *output) (string, error) {
	var works []*work
	byName := map[string]*work{}
	for _, r := range o.results {
		name, peer, ok := strings.Cut(r.name, "/peer=")
		if !ok {
			continue
		}
		w := byName[name]
		if w == nil {
			w = &work{name: name, peers: map[string]*result{}}
			byName[name] = w
			works = append(works, w)
		}
		w.peers[peer] = r
	}
	b := &strings.Builder{}
	heading(b, o, runs(o))
	b.WriteString("| work | official Go client | signet | times faster | allocations, official / signet | speed, AES-GCM = 100 %: its buffer there / new |\n")
	b.WriteString("|---|---:|---:|---:|---:|---:|\n")
	rows := 0
	for _, w := range works {
		official, signet := w.peers["official"], w.peers["signet"]
		if official == nil || signet == nil {
			continue
		}
		share := ""
		if there, fresh := w.peers["aes-gcm"], w.peers["aes-gcm-new"]; there != nil && fresh != nil {
			share = fmt.Sprintf("%.0f %% / %.0f %%", 100*median(there.ns)/median(signet.ns), 100*median(fresh.ns)/median(signet.ns))
		}
		fmt.Fprintf(b, "| %s | %s | %s | %.1f | %.0f / %.0f | %s |\n", title(w.name), duration(median(official.ns)), duration(median(signet.ns)),
			median(official.ns)/median(signet.ns), median(official.allocs), median(signet.allocs), share)
		rows++
	}
	if rows == 0 {
		return "", errors.New("no work was done by both official and signet")
	}
	return b.String(), nil
}

// ownTable lists benchmarks by package and name.
func ownTable(o *output) (string, error) {
	b := &strings.Builder{}
	heading(b, o, runs(o))
	b.WriteString("| package | benchmark | mean time | bytes | allocations | speed, bare = 100 % |\n|---|---|---:|---:|---:|---:|\n")
	results := slices.SortedFunc(slices.Values(o.results), func(x, y *result) int {
		return cmp.Or(cmp.Compare(x.pkg, y.pkg), cmp.Compare(x.name, y.name))
	})
	for _, r := range results {
		percent, memory := "", fmt.Sprintf("%.0f | %.0f", median(r.bytes), median(r.allocs))
		if len(r.percent) > 0 {
			percent, memory = fmt.Sprintf("%.0f %%", median(r.percent)), " | "
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", strings.TrimPrefix(r.pkg, "github.com/signetkeys/signet/"), r.name,
			duration(median(r.ns)), memory, percent)
	}
	return b.String(), nil
}

func heading(b *strings.Builder, o *output, n int) {
	fmt.Fprintf(b, "Measured on %s, %s; each figure is the median of %d runs' means.\n\n", o.machine, runtime.Version(), n)
}

// runs is how often each benchmark ran, at least.
func runs(o *output) int {
	n := len(o.results[0].ns)
	for _, r := range o.results {
		n = min(n, len(r.ns))
	}
	return n
}

// title makes "Encrypt, 0x0478, 100 B" of "Encrypt/suite=0478/size=100B".
func title(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		if _, value, ok := strings.Cut(p, "="); ok {
			parts[i] = value
		}
		if strings.HasPrefix(p, "suite=") {
			parts[i] = "0x" + parts[i]
		}
	}
	return strings.Join(parts, ", ")
}

// duration prints three digits.
func duration(ns float64) string {
	switch {
	case ns < 1e3:
		return fmt.Sprintf("%.3g ns", ns)
	case ns < 1e6:
		return fmt.Sprintf("%.3g µs", ns/1e3)
	default:
		return fmt.Sprintf("%.3g ms", ns/1e6)
	}
}
