package sharedtest_test

import (
	"crypto/fips140"
	"crypto/rand"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/signetkeys/signet/internal/sharedtest"
)

// Many goroutines ask at once, after the generators at hand were collected: without Bubble's help this fails in every run in FIPS mode.
func TestBubbleHasRandomness(t *testing.T) {
	if !fips140.Enabled() {
		again := exec.Command(os.Args[0], "-test.run=^TestBubbleHasRandomness$", "-test.count=1")
		again.Env = append(os.Environ(), "GODEBUG=fips140=on")
		if out, err := again.CombinedOutput(); err != nil {
			t.Errorf("in FIPS 140-3 mode: %v\n%s", err, out)
		}
	}
	var keys [2][32]byte
	for i := range keys {
		t.Run("", func(t *testing.T) {
			runtime.GC()
			runtime.GC()
			sharedtest.Bubble(t, func(t *testing.T) {
				var all sync.WaitGroup
				for range 100 {
					all.Go(func() {
						for range 100 {
							_, _ = rand.Read(make([]byte, 1<<14))
						}
					})
				}
				all.Wait()
				_, _ = rand.Read(keys[i][:])
				if start := time.Now(); time.Since(start) != 0 {
					t.Error("the clock is not the bubble's")
				}
			})
		})
	}
	if keys[0] == keys[1] {
		t.Error("two bubbles have the same randomness")
	}
}
