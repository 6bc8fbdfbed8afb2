package interop

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// TestTampered: what was changed anywhere, cut anywhere or extended, neither of the two opens.
func TestTampered(t *testing.T) {
	all := peers(t, testKey(32))
	for _, suite := range suites {
		for _, writer := range slices.Sorted(maps.Keys(all)) {
			message, err := all[writer].Encrypt(suite, 17, testPlaintext(40), contexts[1])
			if err != nil {
				t.Fatal(err)
			}
			for _, reader := range slices.Sorted(maps.Keys(all)) {
				t.Run(fmt.Sprintf("%04x/%s to %s", suite, writer, reader), func(t *testing.T) {
					r := all[reader]
					if _, _, err := r.Decrypt(message); err != nil {
						t.Fatalf("the message itself does not open: %v", err)
					}
					for i := range message {
						changed := slices.Clone(message)
						changed[i] ^= 1 << (i % 8)
						if _, _, err := r.Decrypt(changed); err == nil {
							t.Errorf("opens with a bit of byte %d changed", i)
						}
						if _, _, err := r.Decrypt(message[:i]); err == nil {
							t.Errorf("opens when cut to %d bytes", i)
						}
					}
					if _, _, err := r.Decrypt(append(slices.Clone(message), 0)); err == nil {
						t.Error("opens with a byte behind the end")
					}
				})
			}
		}
	}
}

// TestWrongKey: another key under the same name opens nothing, and neither does the same key under another name.
func TestWrongKey(t *testing.T) {
	key := testKey(32)
	all := peers(t, key)
	other := testKey(32)
	other[3] ^= 0x40
	wrong := peers(t, other)
	for _, suite := range suites {
		for _, writer := range slices.Sorted(maps.Keys(all)) {
			message, err := all[writer].Encrypt(suite, 4096, testPlaintext(100), contexts[2])
			if err != nil {
				t.Fatal(err)
			}
			for _, reader := range slices.Sorted(maps.Keys(wrong)) {
				if _, _, err := wrong[reader].Decrypt(message); err == nil {
					t.Errorf("suite %04x: %s opens what %s wrote under another key", suite, reader, writer)
				}
			}
			renamed, err := NewSignet(namespace, "kek-2", key)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := renamed.Decrypt(message); err == nil {
				t.Errorf("suite %04x: signet opens what %s wrote under another key name", suite, writer)
			}
		}
	}
}
