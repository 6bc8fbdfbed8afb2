package ecsig

// A signature is SEQUENCE { INTEGER r, INTEGER s } in DER (RFC 3279, 2.2.3). With P-384 it has at most 104 bytes, so every length
// that occurs in one is a single byte below 128; a longer one needs a value above the order or is not minimal.
const (
	tagInteger  = 0x02
	tagSequence = 0x30
)

// parseDER returns r and s as big-endian bytes without leading zeros, aliasing sig. It refuses everything but the DER of two
// positive integers, trailing bytes included; it does not know the order.
func parseDER(sig []byte) (r, s []byte, ok bool) {
	if len(sig) < 2 || sig[0] != tagSequence || sig[1] >= 0x80 || int(sig[1]) != len(sig)-2 {
		return nil, nil, false
	}
	r, rest, ok := parseInteger(sig[2:])
	if !ok {
		return nil, nil, false
	}
	s, rest, ok = parseInteger(rest)
	if !ok || len(rest) != 0 {
		return nil, nil, false
	}
	return r, s, true
}

func parseInteger(b []byte) (value, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != tagInteger || b[1] >= 0x80 {
		return nil, nil, false
	}
	n := int(b[1])
	if b = b[2:]; n == 0 || n > len(b) {
		return nil, nil, false
	}
	value, rest = b[:n], b[n:]
	switch {
	case value[0]&0x80 != 0: // negative
		return nil, nil, false
	case value[0] != 0:
		return value, rest, true
	case n == 1 || value[1]&0x80 == 0: // zero, or not minimal
		return nil, nil, false
	}
	return value[1:], rest, true
}

// integerSize returns the size of an INTEGER's content for a value without leading zeros.
func integerSize(value []byte) int { return len(value) + int(value[0]>>7) }

// derSize returns the length of what marshalDER returns.
func derSize(r, s []byte) int { return 6 + integerSize(r) + integerSize(s) }

// marshalDER is the inverse of parseDER. r and s are not empty and have no leading zeros.
func marshalDER(r, s []byte) []byte {
	size := derSize(r, s)
	b := make([]byte, 0, size)
	b = append(b, tagSequence, byte(size-2))
	for _, v := range [][]byte{r, s} {
		b = append(b, tagInteger, byte(integerSize(v)))
		if v[0]&0x80 != 0 {
			b = append(b, 0)
		}
		b = append(b, v...)
	}
	return b
}
