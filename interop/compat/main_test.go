package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signetkeys/signet/interop/matrix"
	"github.com/signetkeys/signet/interop/peers"
)

func TestUpdate(t *testing.T) {
	dir := t.TempDir()
	doc, counts := filepath.Join(dir, "doc.md"), filepath.Join(dir, "counts.json")
	var text strings.Builder
	for _, m := range []string{"peers", "keyrings", "suites", "cannot", "quirks"} {
		text.WriteString("<!-- " + m + " -->\nold\n<!-- /" + m + " -->\n")
	}
	if err := os.WriteFile(doc, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &matrix.Counts{Seed: 7, Each: 2}
	if err := c.Write(counts); err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	if code := run([]string{"-doc", doc, counts}, &stderr); code != 1 || !strings.Contains(stderr.String(), "no counts of go, java, javascript, python, rust") {
		t.Fatalf("without peers: exit status %d, %s", code, stderr.String())
	}
	for _, name := range peers.Names() {
		c.Peers = append(c.Peers, &matrix.PeerCount{Peer: name, Language: name + " 1", Versions: map[string]string{"lib": "2"}, Disabled: map[string]int{},
			Writes: matrix.DirectionCount{Messages: 3, RefusedByPeer: 4, RefusedBySignet: 5, Cells: map[string]map[string]int{"raw-aes 256": {"0478": 2, "0014": 1}}},
			Reads:  matrix.DirectionCount{Messages: 2, Cells: map[string]map[string]int{"raw-aes 256": {"0478": 2}}}})
	}
	c.Peers[2].Disabled["the library has no ECDH keyring"] = 9
	if err := c.Write(counts); err != nil {
		t.Fatal(err)
	}
	if code := run([]string{"-doc", doc, counts}, &stderr); code != 0 {
		t.Fatalf("exit status %d: %s", code, stderr.String())
	}
	got, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"25 messages went", "45 times", "Seed 7, 2 messages",
		"| java 1 | lib 2 | 3 | 2 | 4 | 5 |\n",
		"| raw-aes 256 | 3 / 2 | 3 / 2 | 3 / 2 | 3 / 2 | 3 / 2 |\n",
		"| 0x0014 | 1 / 0 |", "| 0x0478 | 2 / 2 |",
		"| javascript | encrypt, decrypt | the library has no ECDH keyring | 9 |\n",
		"| javascript, python |",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("the document lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(string(got), "old\n") {
		t.Error("an old table is still there")
	}
}
