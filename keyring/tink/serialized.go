package tink

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
)

// A layout is which fields a serialized keyset has. The parser of protobuf passes over fields that it does not know and takes the last of those
// that should be there once, so bytes behind the end or in between would go unnoticed.
type layout uint8

const (
	cleartext layout = iota + 1 // message Keyset of tink.proto
	encrypted                   // message EncryptedKeyset
)

func (l layout) String() string {
	if l == cleartext {
		return "a cleartext keyset"
	}
	return "an encrypted keyset"
}

type field struct {
	wireType uint64
	repeated bool
}

const (
	varint = 0
	sized  = 2
)

// field is the field with the number, if there is one. Number 2, the keys or their ciphertext, must be there.
func (l layout) field(number uint64) (field, bool) {
	switch {
	case l == cleartext && number == 1: // primary_key_id
		return field{wireType: varint}, true
	case number == 2: // key or encrypted_keyset
		return field{wireType: sized, repeated: l == cleartext}, true
	case l == encrypted && number == 3: // keyset_info, which nothing authenticates and nobody needs
		return field{wireType: sized}, true
	}
	return field{}, false
}

// checkBinary walks over the fields of the outer message.
func checkBinary(b []byte, l layout) error {
	seen := map[uint64]bool{}
	for n := 0; n < len(b); {
		start := int64(n)
		tag, size := binary.Uvarint(b[n:])
		if size <= 0 {
			return badVarint(start, size)
		}
		n += size
		number, wireType := tag>>3, tag&7
		f, ok := l.field(number)
		if !ok || f.wireType != wireType {
			return malformed(start, "not "+l.String())
		}
		if seen[number] && !f.repeated {
			return malformed(start, "a field comes twice")
		}
		seen[number] = true
		value, size := binary.Uvarint(b[n:])
		if size <= 0 {
			return badVarint(int64(n), size)
		}
		n += size
		if wireType == sized {
			if value > uint64(len(b)-n) {
				return truncated(int64(len(b)))
			}
			n += int(value)
		}
	}
	if !seen[2] {
		if len(b) == 0 {
			return truncated(0)
		}
		return malformed(int64(len(b)), "not "+l.String())
	}
	return nil
}

func badVarint(offset int64, size int) error {
	if size == 0 {
		return truncated(offset)
	}
	return malformed(offset, "a number is too large")
}

func isJSON(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n")
	return len(b) > 0 && b[0] == '{'
}

// checkJSON finds where JSON breaks off or goes on too long; what is in it is the reader's business, which refuses fields that it does not
// know and those that come twice.
func checkJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	var all json.RawMessage
	err := d.Decode(&all)
	var syntax *json.SyntaxError
	switch {
	case err == nil:
	case errors.Is(err, io.ErrUnexpectedEOF):
		return truncated(int64(len(b)))
	case errors.As(err, &syntax):
		return malformed(syntax.Offset, "not JSON")
	default:
		return malformed(-1, "not JSON")
	}
	if end := d.InputOffset(); len(bytes.TrimSpace(b[end:])) > 0 {
		return malformed(end, "bytes behind the end")
	}
	return nil
}
