package attr

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"unicode/utf8"
)

// AppendValue appends the canonical value bytes of v, without its type identifier (DB-ESDK spec, ddb-attribute-serialization): numbers are
// normalized, sets and map keys sorted, so equal values have equal bytes. Errors are [*ValueError]: text that is not UTF-8, a number that is
// none, an element twice in a set, an empty map key, nesting beyond [MaxDepth]. v is not changed or kept.
func AppendValue(dst []byte, v Value) ([]byte, error) { return appendValue(dst, v, 0) }

// depth is the number of lists and maps around v.
func appendValue(dst []byte, v Value, depth int) ([]byte, error) {
	switch v := v.(type) {
	case Null:
		return dst, nil
	case String:
		return appendText(dst, string(v))
	case Number:
		n, err := NormalizeNumber(string(v))
		return append(dst, n...), err
	case Binary:
		return append(dst, v...), nil
	case Bool:
		if v {
			return append(dst, 1), nil
		}
		return append(dst, 0), nil
	case StringSet:
		return appendStringSet(dst, v)
	case NumberSet:
		return appendNumberSet(dst, v)
	case BinarySet:
		return appendBinarySet(dst, v)
	case List:
		return appendList(dst, v, depth+1)
	case Map:
		return appendMap(dst, v, depth+1)
	}
	return dst, &ValueError{Reason: "value of no known type"}
}

func appendText(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return dst, &ValueError{Reason: "text is not valid UTF-8"}
	}
	return append(dst, s...), nil
}

func appendStringSet(dst []byte, set []string) ([]byte, error) {
	for _, s := range set {
		if !utf8.ValidString(s) {
			return dst, &ValueError{Reason: "text is not valid UTF-8"}
		}
	}
	set = slices.Clone(set)
	slices.SortFunc(set, CompareUTF16)
	return appendSet(dst, set)
}

func appendNumberSet(dst []byte, set []string) ([]byte, error) {
	set = slices.Clone(set)
	for i, s := range set {
		n, err := NormalizeNumber(s)
		if err != nil {
			return dst, err
		}
		set[i] = n
	}
	slices.Sort(set) // ASCII: every order of strings is the same
	return appendSet(dst, set)
}

func appendBinarySet(dst []byte, set [][]byte) ([]byte, error) {
	set = slices.Clone(set)
	slices.SortFunc(set, bytes.Compare)
	return appendSet(dst, set)
}

func appendSet[T string | []byte](dst []byte, sorted []T) ([]byte, error) {
	dst, err := appendCount(dst, len(sorted))
	for i, e := range sorted {
		if i > 0 && string(e) == string(sorted[i-1]) {
			return dst, &ValueError{Reason: "set holds an element twice"}
		}
		if err == nil {
			dst, err = appendCount(dst, len(e))
		}
		dst = append(dst, e...)
	}
	return dst, err
}

func appendList(dst []byte, list []Value, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return dst, errTooDeep
	}
	dst, err := appendCount(dst, len(list))
	for _, v := range list {
		if err != nil {
			return dst, err
		}
		dst, err = appendElement(dst, v, depth)
	}
	return dst, err
}

func appendMap(dst []byte, m Map, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return dst, errTooDeep
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		if err := checkKey(k); err != "" {
			return dst, &ValueError{Reason: err}
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, CompareUTF16)
	dst, err := appendCount(dst, len(keys))
	for _, k := range keys {
		if err != nil {
			return dst, err
		}
		dst = binary.BigEndian.AppendUint16(dst, uint16(TypeString))
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(k)))
		dst = append(dst, k...)
		dst, err = appendElement(dst, m[k], depth)
	}
	return dst, err
}

// appendElement appends the type, the length and the bytes of a value within a list or map.
func appendElement(dst []byte, v Value, depth int) ([]byte, error) {
	if v == nil {
		return dst, &ValueError{Reason: "value of no known type"}
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(v.Type()))
	start := len(dst) + 4
	dst, err := appendValue(append(dst, 0, 0, 0, 0), v, depth)
	if err != nil {
		return dst, err
	}
	n := len(dst) - start
	if int64(n) > math.MaxUint32 {
		return dst, errTooLong
	}
	binary.BigEndian.PutUint32(dst[start-4:], uint32(n))
	return dst, nil
}

// appendCount appends a count or a length.
func appendCount(dst []byte, n int) ([]byte, error) {
	if int64(n) > math.MaxUint32 {
		return dst, errTooLong
	}
	return binary.BigEndian.AppendUint32(dst, uint32(n)), nil
}

// checkKey returns what is wrong with a map key, or "".
func checkKey(k string) string {
	switch {
	case k == "":
		return "map with an empty key"
	case len(k) > MaxKeyLen:
		return "map with a key longer than 65535 bytes"
	case !utf8.ValidString(k):
		return "map with a key that is not valid UTF-8"
	}
	return ""
}

var (
	errTooDeep = &ValueError{Reason: "more than 31 lists and maps within each other", limit: true}
	errTooLong = &ValueError{Reason: "value has 4 GiB or more", limit: true}
)

// Equal reports whether two values have the same canonical bytes and the same type: numbers compare by value, sets without order. Values that
// have no canonical bytes are equal to nothing.
func Equal(a, b Value) bool {
	if a == nil || b == nil || a.Type() != b.Type() {
		return false
	}
	x, err := AppendValue(nil, a)
	if err != nil {
		return false
	}
	y, err := AppendValue(nil, b)
	return err == nil && bytes.Equal(x, y)
}
