package kmstest

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"
)

// A row is one thing that a keyring does over a server. It returns what went wrong instead of failing a test, so that what a server is known not to
// do can be run and must fail.
type row struct {
	name string
	run  func(ctx context.Context, s *server) error
	// deviates says why a server cannot pass. A deviation that is none any more is a failure.
	deviates map[string]string
}

func rows() []row {
	return slices.Concat(keyRows(), contextRows(), ciphertextRows(), stateRows(), asymmetricRows(), regionRows(), otherCallRows())
}

// patience bounds a row: some servers never answer what they do not know.
const patience = time.Minute

func TestContract(t *testing.T) {
	passed := map[string][]string{}
	servers := []string{localKMS, miniStack, moto}
	started := 0
	for _, name := range servers {
		t.Run(name, func(t *testing.T) {
			s := start(t, name)
			started++
			for _, r := range rows() {
				t.Run(r.name, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					err := r.run(ctx, s)
					why, known := r.deviates[name]
					switch {
					case known && err == nil:
						t.Errorf("passes on %s, which is listed as deviating: %s", name, why)
					case known:
						t.Skipf("%s: %s", name, why)
					case err != nil:
						t.Error(err)
					default:
						passed[r.name] = append(passed[r.name], name)
					}
				})
			}
		})
	}
	if started < len(servers) {
		return
	}
	t.Run("EveryRowPassesSomewhere", func(t *testing.T) {
		for _, r := range rows() {
			if len(passed[r.name]) == 0 {
				t.Errorf("%s passes on no server", r.name)
			}
		}
	})
}

func TestRowNames(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rows() {
		if seen[r.name] {
			t.Errorf("two rows are called %s", r.name)
		}
		seen[r.name] = true
		for name := range maps.Keys(r.deviates) {
			if name != localKMS && name != miniStack && name != moto {
				t.Errorf("%s: there is no server %s", r.name, name)
			}
		}
	}
}
