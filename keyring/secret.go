package keyring

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// A Secret holds key bytes. It prints as a placeholder, compares in constant time, and is destroyed by whoever made it or took it over.
// Using one after Destroy panics: nothing is ever encrypted under a wiped key. All methods are safe for concurrent use except
// Destroy, which must come after every other use. Wiping is best effort: copies that the runtime made cannot be excluded.
type Secret struct {
	// Behind a second pointer: package fmt follows the first one of an unexported field, without asking for methods, when the verb does
	// not suit pointers.
	key *keyBytes
}

type keyBytes struct {
	b   []byte
	buf [32]byte // the bytes of keys up to 32
}

// NewSecret copies b, which must not be empty. The caller still owns and wipes b.
func NewSecret(b []byte) *Secret {
	s := newSecret(len(b))
	copy(s.key.b, b)
	return s
}

// RandomSecret returns n fresh random bytes, n > 0.
func RandomSecret(n int) *Secret {
	s := newSecret(n)
	rand.Read(s.key.b) // never fails (crypto/rand)
	return s
}

func newSecret(n int) *Secret {
	if n <= 0 {
		panic("keyring: internal error: secret without bytes")
	}
	both := new(struct { // one allocation
		s Secret
		k keyBytes
	})
	s, k := &both.s, &both.k
	s.key = k
	if n <= len(k.buf) {
		k.b = k.buf[:n:n]
	} else {
		k.b = make([]byte, n)
	}
	return s
}

// Reveal returns the key bytes themselves, for the cryptographic call that needs them. The slice is read-only and dies with the Secret.
func (s *Secret) Reveal() []byte {
	if s.key == nil || s.key.b == nil {
		panic("keyring: secret used after Destroy")
	}
	return s.key.b
}

// Len is the length in bytes.
func (s *Secret) Len() int { return len(s.Reveal()) }

// Clone returns an independent copy, which its owner destroys.
func (s *Secret) Clone() *Secret { return NewSecret(s.Reveal()) }

// Equal compares in constant time, except for the lengths.
func (s *Secret) Equal(t *Secret) bool {
	return subtle.ConstantTimeCompare(s.Reveal(), t.Reveal()) == 1
}

// Destroy wipes the bytes. A nil or already destroyed Secret is left alone.
func (s *Secret) Destroy() {
	if s == nil || s.key == nil {
		return
	}
	clear(s.key.b)
	s.key.b = nil
}

const redacted = "[secret]"

// Format prints a placeholder for every verb.
func (s *Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// GoString returns a placeholder.
func (s *Secret) GoString() string { return redacted }

// LogValue returns a placeholder.
func (s *Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns a placeholder, so that encoders cannot reach the bytes.
func (s *Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

var (
	_ fmt.Formatter  = (*Secret)(nil)
	_ slog.LogValuer = (*Secret)(nil)
)
