// Package bench is the form in which measurements travel from the programs that make them to the one that makes tables of them.
package bench

import (
	"slices"
	"time"
)

// Report is what benchpeers measured.
type Report struct {
	Machine      string         `json:"machine"`
	Rounds       int            `json:"rounds"`
	Warmup       int            `json:"warmup"` // operations, of just-in-time compiled peers at 100 B
	Rivals       []Rival        `json:"rivals"`
	Measurements []*Measurement `json:"measurements"`
}

// Rival is a peer with one of its APIs.
type Rival struct {
	Title    string            `json:"title"`
	Language string            `json:"language"`
	Versions map[string]string `json:"versions"`
}

// Measurement is one work of one rival, next to signet.
type Measurement struct {
	Work   string  `json:"work"`
	Rival  string  `json:"rival"`
	Rounds []Round `json:"rounds"`
}

// Round is one measurement of each, directly one after the other.
type Round struct {
	Signet Times `json:"signet"`
	Peer   Times `json:"peer"`
}

// Times are per operation.
type Times struct {
	N      int           `json:"n"`
	Mean   time.Duration `json:"mean_ns"`
	Median time.Duration `json:"median_ns"`
}

// Mean and Median choose one of the times.
func Mean(t Times) time.Duration   { return t.Mean }
func Median(t Times) time.Duration { return t.Median }

// Ratio is how many times signet is faster: the median of the rounds' ratios.
func (m *Measurement) Ratio(of func(Times) time.Duration) float64 {
	ratios := make([]float64, len(m.Rounds))
	for i, r := range m.Rounds {
		ratios[i] = float64(of(r.Peer)) / float64(of(r.Signet))
	}
	return Middle(ratios)
}

// Peer and Signet are the medians of the rounds' times.
func (m *Measurement) Peer(of func(Times) time.Duration) time.Duration {
	return m.middle(func(r Round) time.Duration { return of(r.Peer) })
}

// Signet is like Peer.
func (m *Measurement) Signet(of func(Times) time.Duration) time.Duration {
	return m.middle(func(r Round) time.Duration { return of(r.Signet) })
}

func (m *Measurement) middle(of func(Round) time.Duration) time.Duration {
	times := make([]float64, len(m.Rounds))
	for i, r := range m.Rounds {
		times[i] = float64(of(r))
	}
	return time.Duration(Middle(times))
}

// Middle is the median; 0 without values.
func Middle(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// Streams is what benchstreams measured.
type Streams struct {
	Machine string    `json:"machine"`
	Bytes   int64     `json:"bytes"`
	Streams []*Stream `json:"streams"`
}

// Stream is one way to go through a long message on one or two cores. Slices have a value per run.
type Stream struct {
	Work  string    `json:"work"`
	Cores int       `json:"cores"`
	Speed []float64 `json:"speed"` // 10^6 bytes of plaintext a second
	Peak  []int64   `json:"peak"`  // bytes resident at most, the whole process
	Idle  []int64   `json:"idle"`  // bytes resident before the work
}
