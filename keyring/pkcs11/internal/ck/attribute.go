package ck

import "encoding/binary"

// ulongSize is sizeof(CK_ULONG) of the ABIs that Go and cgo support on Unix: the size of a pointer.
const ulongSize = 4 << (^uint(0) >> 63)

// Bool makes a CK_BBOOL attribute.
func Bool(typ uint, v bool) Attribute {
	b := byte(0)
	if v {
		b = 1
	}
	return Attribute{typ, []byte{b}}
}

// Ulong makes an attribute of one CK_ULONG, or of an array of them.
func Ulong(typ uint, v ...uint) Attribute {
	b := make([]byte, 0, len(v)*ulongSize)
	for _, n := range v {
		if ulongSize == 8 {
			b = binary.NativeEndian.AppendUint64(b, uint64(n))
		} else {
			b = binary.NativeEndian.AppendUint32(b, uint32(n))
		}
	}
	return Attribute{typ, b}
}

// String makes an attribute of text or bytes.
func String(typ uint, v string) Attribute { return Attribute{typ, []byte(v)} }

// AsUlong reads a value of one CK_ULONG. Any other length is not one.
func AsUlong(b []byte) (uint, bool) {
	v, ok := AsUlongs(b)
	if !ok || len(v) != 1 {
		return 0, false
	}
	return v[0], true
}

// AsUlongs reads an array of CK_ULONG.
func AsUlongs(b []byte) ([]uint, bool) {
	if len(b)%ulongSize != 0 {
		return nil, false
	}
	out := make([]uint, 0, len(b)/ulongSize)
	for ; len(b) > 0; b = b[ulongSize:] {
		if ulongSize == 8 {
			out = append(out, uint(binary.NativeEndian.Uint64(b)))
		} else {
			out = append(out, uint(binary.NativeEndian.Uint32(b)))
		}
	}
	return out, true
}

// AsBool reads a CK_BBOOL. Any other length is not one.
func AsBool(b []byte) (value, ok bool) {
	if len(b) != 1 {
		return false, false
	}
	return b[0] != 0, true
}
