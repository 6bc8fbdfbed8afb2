package attr

import (
	"encoding/binary"
	"fmt"
	"io"
	"unicode/utf8"
)

// errShort answers for [io.ErrUnexpectedEOF]: the bytes end before the value does.
var errShort = fmt.Errorf("attribute value is truncated: %w", io.ErrUnexpectedEOF)

// ParseValue reads the value bytes of a value of type t. All of b must belong to the value. Sets and maps may be in any order, and hold
// nothing twice; numbers are returned normalized. Errors are [*SyntaxError], or [io.ErrUnexpectedEOF] when b ends too early. The result does not
// alias b.
func ParseValue(t Type, b []byte) (Value, error) {
	p := parser{buf: b}
	return p.value(t, len(b), 0)
}

// A parser reads buf up to the end that each call is given.
type parser struct {
	buf []byte
	pos int
}

func (p *parser) fail(reason string) error { return &SyntaxError{p.pos, reason} }

// short is the error for a value that wants more bytes than there are before end: only at the end of all input can more input help.
func (p *parser) short(end int) error {
	if end == len(p.buf) {
		return errShort
	}
	return p.fail("element is longer than its length says")
}

// value reads a value that ends exactly at end, within depth lists and maps.
func (p *parser) value(t Type, end, depth int) (Value, error) {
	switch t {
	case TypeNull:
		if p.pos != end {
			return nil, p.fail("null with bytes")
		}
		return Null{}, nil
	case TypeString:
		s, err := p.text(end)
		return String(s), err
	case TypeNumber:
		s, err := p.number(end)
		return Number(s), err
	case TypeBinary:
		return Binary(p.bytes(end)), nil
	case TypeBool:
		return p.boolean(end)
	case TypeStringSet:
		set, err := parseSet(p, end, p.text)
		return StringSet(set), err
	case TypeNumberSet:
		set, err := parseSet(p, end, p.number)
		return NumberSet(set), err
	case TypeBinarySet:
		set, err := parseSet(p, end, func(end int) ([]byte, error) { return p.bytes(end), nil })
		return BinarySet(set), err
	case TypeList:
		return p.list(end, depth+1)
	case TypeMap:
		return p.dict(end, depth+1)
	}
	return nil, p.fail("unknown type")
}

// bytes copies what lies before end.
func (p *parser) bytes(end int) []byte {
	b := append(make([]byte, 0, end-p.pos), p.buf[p.pos:end]...)
	p.pos = end
	return b
}

func (p *parser) text(end int) (string, error) {
	if !utf8.Valid(p.buf[p.pos:end]) {
		return "", p.fail("text is not valid UTF-8")
	}
	s := string(p.buf[p.pos:end])
	p.pos = end
	return s, nil
}

func (p *parser) number(end int) (string, error) {
	s, err := NormalizeNumber(string(p.buf[p.pos:end]))
	if err != nil {
		return "", p.fail(err.Error())
	}
	p.pos = end
	return s, nil
}

func (p *parser) boolean(end int) (Value, error) {
	switch n := end - p.pos; {
	case n == 0:
		return nil, p.short(end)
	case n > 1 || p.buf[p.pos] > 1:
		return nil, p.fail("boolean is neither 00 nor 01")
	}
	p.pos = end
	return Bool(p.buf[end-1] == 1), nil
}

// u32 reads a count or a length.
func (p *parser) u32(end int) (int, error) {
	if end-p.pos < 4 {
		return 0, p.short(end)
	}
	n := binary.BigEndian.Uint32(p.buf[p.pos:])
	p.pos += 4
	if uint64(n) > uint64(end-p.pos) { // counts too: each element takes a byte at least
		return 0, p.short(end)
	}
	return int(n), nil
}

// count reads a number of elements of at least size bytes each, which bounds what is allocated for them.
func (p *parser) count(end, size int) (int, error) {
	n, err := p.u32(end)
	if err == nil && n > (end-p.pos)/size {
		err = p.short(end)
	}
	return n, err
}

// done checks that a composite value took all its bytes.
func (p *parser) done(end int) error {
	if p.pos != end {
		return p.fail("bytes behind the last element")
	}
	return nil
}

func parseSet[T string | []byte](p *parser, end int, element func(end int) (T, error)) ([]T, error) {
	n, err := p.count(end, 4)
	if err != nil {
		return nil, err
	}
	set := make([]T, 0, n)
	seen := make(map[string]struct{}, n)
	for range n {
		size, err := p.u32(end)
		if err != nil {
			return nil, err
		}
		e, err := element(p.pos + size)
		if err != nil {
			return nil, err
		}
		if _, dup := seen[string(e)]; dup {
			return nil, p.fail("set holds an element twice")
		}
		seen[string(e)] = struct{}{}
		set = append(set, e)
	}
	return set, p.done(end)
}

const (
	elementHead = 2 + 4               // type and length
	entryHead   = 2 + 4 + elementHead // key type and length, then the value's
)

func (p *parser) list(end, depth int) (Value, error) {
	if depth > MaxDepth {
		return nil, p.fail(errTooDeep.Reason)
	}
	n, err := p.count(end, elementHead)
	if err != nil {
		return nil, err
	}
	list := make(List, 0, n)
	for range n {
		v, err := p.element(end, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, p.done(end)
}

func (p *parser) dict(end, depth int) (Value, error) {
	if depth > MaxDepth {
		return nil, p.fail(errTooDeep.Reason)
	}
	n, err := p.count(end, entryHead+1)
	if err != nil {
		return nil, err
	}
	m := make(Map, n)
	for range n {
		t, size, err := p.head(end)
		if err != nil {
			return nil, err
		}
		if t != TypeString {
			return nil, p.fail("map key is not a string")
		}
		k := string(p.buf[p.pos : p.pos+size])
		if reason := checkKey(k); reason != "" {
			return nil, p.fail(reason)
		}
		if _, dup := m[k]; dup {
			return nil, p.fail("map holds a key twice")
		}
		p.pos += size
		if m[k], err = p.element(end, depth); err != nil {
			return nil, err
		}
	}
	return m, p.done(end)
}

// head reads a type and a length that fits before end.
func (p *parser) head(end int) (Type, int, error) {
	if end-p.pos < 2 {
		return 0, 0, p.short(end)
	}
	t := Type(binary.BigEndian.Uint16(p.buf[p.pos:]))
	p.pos += 2
	n, err := p.u32(end)
	return t, n, err
}

func (p *parser) element(end, depth int) (Value, error) {
	t, size, err := p.head(end)
	if err != nil {
		return nil, err
	}
	return p.value(t, p.pos+size, depth)
}
