package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestOnce: every work goes through, with what a message of three chunks takes.
func TestOnce(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skipf("SKIPPED: memory is read where Linux tells it: %v", err)
	}
	const size = 3<<18 + 1
	for _, w := range works {
		file := filepath.Join(t.TempDir(), "message")
		if w.decrypt {
			if err := writeMessage(w, size, file); err != nil {
				t.Fatal(err)
			}
		}
		for cores := 1; cores <= 2; cores++ {
			got, err := once(w.title, cores, size, file)
			if err != nil {
				t.Errorf("%s: %v", w.title, err)
			} else if got.Duration <= 0 || got.Idle <= 0 || got.Peak < got.Idle {
				t.Errorf("%s took %+v", w.title, got)
			}
		}
		if w.decrypt {
			if _, err := once(w.title, 1, size+1, file); err == nil {
				t.Errorf("%s: a plaintext of another length is no error", w.title)
			}
		}
	}
}
