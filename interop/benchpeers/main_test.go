package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/signetkeys/signet/interop/internal/bench"
	"github.com/signetkeys/signet/interop/peers"
)

// TestMeasure: every rival does every work that it can, once or a few times.
func TestMeasure(t *testing.T) {
	dir, err := peers.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range peers.Names() {
		p, err := peers.Start(dir, name, nil)
		if errors.Is(err, peers.ErrNotBuilt) && os.Getenv("SIGNET_REQUIRE_PEERS") != "1" {
			t.Skipf("SKIPPED: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var out, log strings.Builder
	if code := run([]string{"-time", "1ms", "-rounds", "1", "-warmup", "0"}, &out, &log); code != 0 {
		t.Fatalf("exit status %d: %s", code, log.String())
	}
	report := new(bench.Report)
	if err := json.Unmarshal([]byte(out.String()), report); err != nil {
		t.Fatal(err)
	}
	// Seven rivals at twelve works, five with RSA both ways, four with ECDH both ways.
	if got, want := len(report.Measurements), 7*12+5*2+4*2; got != want {
		t.Errorf("%d measurements, want %d", got, want)
	}
	for _, m := range report.Measurements {
		if len(m.Rounds) != 1 || m.Rounds[0].Peer.N < 3 || m.Rounds[0].Signet.N < 3 || m.Ratio(bench.Mean) <= 0 {
			t.Errorf("%s, %s: %+v", m.Work, m.Rival, m.Rounds)
		}
	}
	if code := run([]string{"-rounds", "0"}, io.Discard, &log); code != 2 {
		t.Errorf("no rounds: exit status %d", code)
	}
}
