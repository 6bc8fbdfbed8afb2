package wire

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/signetkeys/signet"
)

// ContextError says why an encryption context cannot be written. It names the pair's key at most, never a value.
type ContextError struct {
	Key    string
	Reason string
	Class  error // signet.ErrLimit or signet.ErrContext
}

func (e *ContextError) Error() string {
	if e.Key == "" {
		return "encryption context: " + e.Reason
	}
	return fmt.Sprintf("encryption context: key %.64q: %s", e.Key, e.Reason)
}

// Is answers for the error's class.
func (e *ContextError) Is(target error) bool { return target == e.Class }

// AppendContext appends the canonical serialization of an encryption context: nothing for an empty one, else a u16 count and the pairs
// in ascending order of the keys' bytes, each as u16 length, key, u16 length, value (ESDK spec, framework/structures, serialization).
// The appended bytes never exceed [MaxField]. Errors are [*ContextError].
func AppendContext(dst []byte, ec map[string]string) ([]byte, error) {
	if len(ec) == 0 {
		return dst, nil
	}
	var stack [8]string
	keys := stack[:0]
	size := 2
	for k, v := range ec {
		if !utf8.ValidString(k) {
			return dst, &ContextError{k, "the key is not valid UTF-8", signet.ErrContext}
		}
		if !utf8.ValidString(v) {
			return dst, &ContextError{k, "the value is not valid UTF-8", signet.ErrContext}
		}
		if len(k) > MaxField || len(v) > MaxField {
			return dst, &ContextError{"", "a key or value is longer than 65535 bytes", signet.ErrLimit}
		}
		if size += 4 + len(k) + len(v); size > MaxField {
			return dst, &ContextError{"", "all pairs together take more than 65535 bytes", signet.ErrLimit}
		}
		keys = append(keys, k)
	}
	slices.Sort(keys)
	dst = slices.Grow(dst, size)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(keys)))
	for _, k := range keys {
		dst = appendString(dst, k)
		dst = appendString(dst, ec[k])
	}
	return dst, nil
}

// ParseContext reads a serialized encryption context that fills b exactly. Order is not checked: peers have written unsorted contexts, and
// whoever authenticates a header uses the received bytes. Duplicate keys, invalid UTF-8 and left-over bytes are errors, of type
// [*SyntaxError] with offsets within b. No bytes, and a bare count of zero, are the empty context (nil).
func ParseContext(b []byte) (map[string]string, error) {
	if len(b) == 0 {
		return nil, nil
	}
	r := NewReader(b)
	n := int(r.U16())
	if n == 0 && !r.Short() && r.Len() == 0 {
		return nil, nil
	}
	if n == 0 {
		return nil, &SyntaxError{0, "encryption context without pairs"}
	}
	if n > (len(b)-2)/4 { // bounds the map before it is made
		return nil, &SyntaxError{0, "encryption context is shorter than its pairs"}
	}
	text := string(b) // one copy that all keys and values share
	ec := make(map[string]string, n)
	for range n {
		at := r.Offset()
		k := r.Field()
		ko := r.Offset() - len(k)
		v := r.Field()
		vo := r.Offset() - len(v)
		if r.Short() {
			return nil, &SyntaxError{at, "encryption context is shorter than its pairs"}
		}
		if !utf8.Valid(k) || !utf8.Valid(v) {
			return nil, &SyntaxError{at, "encryption context is not valid UTF-8"}
		}
		key := text[ko : ko+len(k)]
		if _, dup := ec[key]; dup {
			return nil, &SyntaxError{at, "encryption context has a key twice"}
		}
		ec[key] = text[vo : vo+len(v)]
	}
	if r.Len() != 0 {
		return nil, &SyntaxError{r.Offset(), "encryption context is longer than its pairs"}
	}
	return ec, nil
}

func appendString(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
	return append(dst, s...)
}
