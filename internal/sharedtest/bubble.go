package sharedtest

import (
	"crypto/fips140"
	"sync/atomic"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
)

var bubbles atomic.Uint64

// Bubble is synctest.Test for tests that make keys, nonces or signatures: every such test of this module starts its bubble here.
//
// In FIPS 140-3 mode Go's generator takes its seeds from the jitter of the clock, and a bubble's clock stands still: a seed that falls due
// inside a bubble panics with "failed to obtain initial entropy". When one falls due depends on how many goroutines ask at once and on the
// last garbage collection. In that mode f gets test randomness instead, another one in each bubble; t must not be parallel.
// The module v1.0.0 takes its seeds from the operating system and needs none of this.
func Bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	if fips140.Enabled() && fips140.Version() != "v1.0.0" {
		cryptotest.SetGlobalRandom(t, bubbles.Add(1))
	}
	synctest.Test(t, f)
}
