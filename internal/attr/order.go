package attr

import "unicode/utf8"

// CompareUTF16 orders two UTF-8 strings as Java does, by their UTF-16 code units: -1, 0 or 1. It differs from byte order where a character
// beyond U+FFFF, whose surrogates start at D800, meets one from U+E000 to U+FFFF.
func CompareUTF16(a, b string) int {
	n := min(len(a), len(b))
	i := 0
	for i < n && a[i] == b[i] {
		i++
	}
	if i == n {
		return sign(len(a) - len(b))
	}
	// In valid UTF-8 the first byte of a character orders as the character does, and only characters beyond U+FFFF start with F0 or more.
	// Within a character that begins alike, bytes decide.
	for i > 0 && !(utf8.RuneStart(a[i]) && utf8.RuneStart(b[i])) {
		i--
	}
	x, y := a[i], b[i]
	if xs, ys := x >= 0xF0, y >= 0xF0; xs != ys {
		// EE and EF start U+E000 to U+FFFF; everything below them is below the surrogates.
		if xs {
			return pick(y >= 0xEE)
		}
		return -pick(x >= 0xEE)
	}
	if a[i:] < b[i:] {
		return -1
	}
	return 1
}

// pick is -1 when a character beyond U+FFFF meets one above the surrogates, 1 when it meets one below.
func pick(aboveSurrogates bool) int {
	if aboveSurrogates {
		return -1
	}
	return 1
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
