package attr

import (
	"math"
	"strings"
)

// DynamoDB's limits for a number that is not zero.
const (
	maxDigits   = 38   // significant decimal digits
	maxExponent = 125  // of the first significant digit
	minExponent = -130 // of the first significant digit
)

// NormalizeNumber returns the one text that all spellings of a DynamoDB number share: plain decimal without an exponent, without leading
// zeros (one before a point), without trailing zeros behind a point; zero has no sign. Equal numbers have equal texts.
//
// It reads an optional sign, digits with an optional point and an optional exponent, and nothing else: no spaces, no infinities. More than
// 38 significant digits, and magnitudes outside 1e-130 to 9.99…e125, are a [*ValueError]. The result has at most 170 bytes.
func NormalizeNumber(s string) (string, error) {
	if isNormal(s) {
		return s, nil
	}
	d, err := scanNumber(s)
	if err != nil {
		return "", err
	}
	return d.String(), nil
}

// isNormal recognizes short integers in normal form, which most numbers are.
func isNormal(s string) bool {
	i := 0
	if len(s) > 1 && s[0] == '-' {
		i = 1
	}
	if len(s) == 0 || len(s)-i > maxDigits || s[i] < '1' || s[i] > '9' {
		return s == "0"
	}
	for i++; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// A decimal is 0.digits times ten to the power point; digits neither starts nor ends with a zero.
type decimal struct {
	negative bool
	digits   string
	point    int
}

func scanNumber(s string) (decimal, error) {
	var d decimal
	i := 0
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		d.negative = s[i] == '-'
		i++
	}
	whole := digits(s[i:])
	i += len(whole)
	fraction := ""
	if i < len(s) && s[i] == '.' {
		fraction = digits(s[i+1:])
		i += 1 + len(fraction)
	}
	if len(whole)+len(fraction) == 0 {
		return d, &ValueError{Reason: "number without digits"}
	}
	exponent := 0
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		n, e, ok := scanExponent(s[i+1:])
		if !ok {
			return d, &ValueError{Reason: "number with an exponent that has no digits"}
		}
		i += 1 + n
		exponent = e
	}
	if i != len(s) {
		return d, &ValueError{Reason: "number with something that does not belong there"}
	}
	return d.fill(whole, fraction, exponent)
}

// fill takes the zeros off both ends and checks the limits. Lengths are those of the input and the exponent is saturated, so nothing
// here overflows.
func (d decimal) fill(whole, fraction string, exponent int) (decimal, error) {
	whole = strings.TrimLeft(whole, "0")
	fraction = strings.TrimRight(fraction, "0")
	d.point = len(whole) + exponent
	if whole == "" {
		n := len(fraction)
		fraction = strings.TrimLeft(fraction, "0")
		d.point -= n - len(fraction)
	}
	if fraction == "" {
		whole = strings.TrimRight(whole, "0")
	}
	if len(whole)+len(fraction) > maxDigits {
		return d, &ValueError{Reason: "number with more than 38 significant digits", limit: true}
	}
	d.digits = whole + fraction
	if d.digits == "" {
		return decimal{}, nil
	}
	if first := d.point - 1; first > maxExponent || first < minExponent {
		return d, &ValueError{Reason: "number outside 1e-130 to 9.99e125", limit: true}
	}
	return d, nil
}

// digits returns the decimal digits that s starts with.
func digits(s string) string {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i]
}

// scanExponent reads an optional sign and digits, and says how many bytes they took. The value is saturated far beyond what any number of
// an input that fits in memory could bring back into range.
func scanExponent(s string) (n, value int, ok bool) {
	const far = math.MaxInt >> 2
	sign := 1
	if n < len(s) && (s[n] == '+' || s[n] == '-') {
		if s[n] == '-' {
			sign = -1
		}
		n++
	}
	ds := digits(s[n:])
	for i := range len(ds) {
		if value < far/16 {
			value = value*10 + int(ds[i]-'0')
		}
	}
	return n + len(ds), sign * value, len(ds) > 0
}

func (d decimal) String() string {
	if d.digits == "" {
		return "0"
	}
	var b strings.Builder
	b.Grow(len(d.digits) + max(d.point, 0) + max(-d.point, 0) + 3)
	if d.negative {
		b.WriteByte('-')
	}
	switch {
	case d.point <= 0:
		b.WriteString("0.")
		writeZeros(&b, -d.point)
		b.WriteString(d.digits)
	case d.point >= len(d.digits):
		b.WriteString(d.digits)
		writeZeros(&b, d.point-len(d.digits))
	default:
		b.WriteString(d.digits[:d.point])
		b.WriteByte('.')
		b.WriteString(d.digits[d.point:])
	}
	return b.String()
}

func writeZeros(b *strings.Builder, n int) {
	for range n {
		b.WriteByte('0')
	}
}
