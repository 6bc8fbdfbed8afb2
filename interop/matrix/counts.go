package matrix

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
)

// Counts is what a run of the matrix did, as it is written to the file of -counts.
type Counts struct {
	Seed  uint64       `json:"seed"`
	Each  int          `json:"each"` // messages per suite, kind of keyring, peer and direction
	Peers []*PeerCount `json:"peers"`
}

// PeerCount is one peer's part.
type PeerCount struct {
	Peer     string            `json:"peer"`
	Language string            `json:"language"`
	Library  string            `json:"library"`
	Versions map[string]string `json:"versions"`
	Writes   DirectionCount    `json:"peer_writes"` // and signet reads
	Reads    DirectionCount    `json:"peer_reads"`  // what signet wrote
	// Disabled counts, by the reason in capabilities.json, what was tried and failed as it says.
	Disabled map[string]int `json:"disabled"`
}

// DirectionCount counts messages that went one way.
type DirectionCount struct {
	Messages int `json:"messages"`
	// Cells counts the messages by kind of keyring and suite.
	Cells map[string]map[string]int `json:"cells"`
	// Refused counts changed messages, wrong contexts and policies; each was refused by the peer, or by signet.
	RefusedByPeer   int `json:"refused_by_peer"`
	RefusedBySignet int `json:"refused_by_signet"`
}

func (d *DirectionCount) add(kind, suite string) {
	d.Messages++
	if d.Cells == nil {
		d.Cells = map[string]map[string]int{}
	}
	if d.Cells[kind] == nil {
		d.Cells[kind] = map[string]int{}
	}
	d.Cells[kind][suite]++
}

// Total is the number of messages of all peers in both directions.
func (c *Counts) Total() int {
	n := 0
	for _, p := range c.Peers {
		n += p.Writes.Messages + p.Reads.Messages
	}
	return n
}

// ReadCounts reads a file that Write wrote.
func ReadCounts(path string) (*Counts, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := new(Counts)
	if err := json.Unmarshal(b, c); err != nil {
		return nil, err
	}
	return c, nil
}

// Write writes c as JSON.
func (c *Counts) Write(path string) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// Reasons returns the reasons of Disabled, sorted.
func (p *PeerCount) Reasons() []string { return slices.Sorted(maps.Keys(p.Disabled)) }
