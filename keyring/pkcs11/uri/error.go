package uri

import (
	"fmt"

	"github.com/signetkeys/signet"
)

// ParseError says where and why a URI was refused. It holds neither the URI nor any value of it, because a mistyped URI may hold
// a PIN. errors.Is(err, signet.ErrMalformed) is true.
type ParseError struct {
	Offset    int    // of the first byte that is wrong, in bytes from the start of the text
	Attribute string // name of the attribute, "" when there is none
	Reason    string
}

// Error implements error.
func (e *ParseError) Error() string {
	if e.Attribute == "" {
		return fmt.Sprintf("pkcs11 uri: at byte %d: %s", e.Offset, e.Reason)
	}
	return fmt.Sprintf("pkcs11 uri: at byte %d: attribute %q: %s", e.Offset, e.Attribute, e.Reason)
}

// Is reports true for signet.ErrMalformed.
func (e *ParseError) Is(target error) bool { return target == signet.ErrMalformed }

// Nearest returns the one of names that is fewest single-character edits away from name, or "" when even the nearest is further than a
// third of its length plus one, which is no misspelling any more.
func Nearest(name string, names []string) string {
	if len(name) > 64 {
		return ""
	}
	best, bestDistance := "", 0
	for _, n := range names {
		if d := distance(name, n); d <= 1+len(n)/3 && (best == "" || d < bestDistance) {
			best, bestDistance = n, d
		}
	}
	return best
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
