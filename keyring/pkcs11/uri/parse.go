package uri

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/signetkeys/signet/internal/uritext"
)

// MaxLength is the longest URI that Parse reads, in bytes.
const MaxLength = 64 << 10

const scheme = "pkcs11:"

// Parse reads a PKCS#11 URI (RFC 7512). The scheme may be in either case (RFC 3986 section 3.1), nothing else may. Errors are
// *[ParseError].
//
// It refuses: an attribute given twice (a vendor attribute of the query may repeat), an empty segment, an unknown attribute, a byte
// that must be escaped and is not, pin-value anywhere, a pin-source that is not "file:..." or "env:...", a value that is not
// UTF-8 (id excepted), a slot-id above 64 bits, an unknown type, and more than [MaxLength] bytes.
//
// It is stricter than the RFC where a typing mistake would make a PIN part of a label: a value that holds an equals sign behind an "&" in the
// path or a "?" in the query, or the name of a secret with an equals sign. In a real label, that equals sign is written %3D, as String does.
func Parse(s string) (*URI, error) {
	if len(s) > MaxLength {
		return nil, &ParseError{Offset: MaxLength, Reason: fmt.Sprintf("longer than %d bytes", MaxLength)}
	}
	if len(s) < len(scheme) || !strings.EqualFold(s[:len(scheme)], scheme) {
		return nil, &ParseError{Offset: 0, Reason: `does not begin with "pkcs11:"`}
	}
	path, query, hasQuery := strings.Cut(s[len(scheme):], "?")
	if strings.HasPrefix(path, "//") {
		return nil, &ParseError{Offset: len(scheme), Reason: "no slashes behind the colon: pkcs11:token=LABEL, not pkcs11://token=LABEL"}
	}
	u := new(URI)
	p := part{names: pathNames(), allowed: isPathByte, where: "path", mistyped: pathMistyped,
		separators: `attributes of the path are separated by ";", and the query begins with "?"`}
	var err error
	if u.Path, err = p.parse(path, ';', len(scheme)); err != nil {
		return nil, err
	}
	if hasQuery {
		q := part{names: queryNames(), allowed: isQueryByte, where: "query", mistyped: queryMistyped,
			separators: `attributes of the query are separated by "&"`, repeatVendor: true}
		if u.Query, err = q.parse(query, '&', len(scheme)+len(path)+1); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// part is what differs between the path and the query.
type part struct {
	names        []string
	allowed      func(byte) bool
	where        string
	mistyped     string // what people type where a separator is meant, and what is allowed in values
	separators   string // the right ones, in words
	repeatVendor bool
}

func (p *part) parse(s string, sep byte, offset int) ([]Attribute, error) {
	if s == "" {
		if p.where == "query" {
			return nil, &ParseError{Offset: offset, Reason: "empty query"}
		}
		return nil, nil
	}
	var attrs []Attribute
	seen := make(map[string]bool)
	for {
		segment, rest, more := strings.Cut(s, string(sep))
		a, err := p.attribute(segment, offset)
		if err != nil {
			return nil, err
		}
		if seen[a.Name] && (!p.repeatVendor || !isVendor(a.Name)) {
			return nil, &ParseError{Offset: offset, Attribute: a.Name, Reason: "given twice"}
		}
		seen[a.Name] = true
		attrs = append(attrs, a)
		if !more {
			break
		}
		offset += len(segment) + 1
		s = rest
	}
	slices.SortStableFunc(attrs, func(a, b Attribute) int { return p.compare(a.Name, b.Name) })
	return attrs, nil
}

// compare orders known names as they are listed, then vendor names by their bytes.
func (p *part) compare(a, b string) int {
	i, j := slices.Index(p.names, a), slices.Index(p.names, b)
	switch {
	case i >= 0 && j >= 0:
		return i - j
	case i >= 0:
		return -1
	case j >= 0:
		return 1
	}
	return strings.Compare(a, b)
}

func (p *part) attribute(segment string, offset int) (Attribute, error) {
	if segment == "" {
		return Attribute{}, &ParseError{Offset: offset, Reason: "empty segment"}
	}
	name, raw, ok := strings.Cut(segment, "=")
	if err := p.checkName(name, offset); err != nil {
		return Attribute{}, err
	}
	if !ok {
		return Attribute{}, &ParseError{Offset: offset + len(name), Attribute: name, Reason: `no "=" after the name`}
	}
	if i := uritext.Embedded(raw, p.mistyped); i >= 0 {
		return Attribute{}, &ParseError{Offset: offset + len(name) + 1 + i, Attribute: name,
			Reason: "another attribute seems to begin within the value: " + p.separators + "; an equals sign that belongs to the value is written %3D"}
	}
	value, err := p.decode(name, raw, offset+len(name)+1)
	if err != nil {
		return Attribute{}, err
	}
	value, reason := checkValue(name, value)
	if reason != "" {
		return Attribute{}, &ParseError{Offset: offset + len(name) + 1, Attribute: name, Reason: reason}
	}
	return Attribute{name, value}, nil
}

func isVendor(name string) bool { return strings.HasPrefix(name, "x-") && len(name) > 2 }

// checkName repeats an unknown name only when it is a misspelling of a known one: the rest of a mistyped URI may be a PIN.
func (p *part) checkName(name string, offset int) error {
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return &ParseError{Offset: offset + i, Reason: fmt.Sprintf("byte 0x%02x in an attribute name", c)}
		}
	}
	if name == "" {
		return &ParseError{Offset: offset, Reason: "attribute without a name"}
	}
	if name == pinValue {
		return &ParseError{Offset: offset, Attribute: name,
			Reason: "a PIN in a URI ends up in logs and process lists: use pin-source=file:PATH or pin-source=env:VARIABLE in the query"}
	}
	if slices.Contains(p.names, name) || isVendor(name) {
		return nil
	}
	e := &ParseError{Offset: offset}
	other, where := queryNames(), "query (after the \"?\")"
	if p.where == "query" {
		other, where = pathNames(), "path (before the \"?\")"
	}
	switch {
	case slices.Contains(other, name):
		e.Attribute, e.Reason = name, "belongs in the "+where
	default:
		e.Reason = "unknown attribute"
		if near := Nearest(name, append(slices.Clone(p.names), other...)); near != "" {
			e.Attribute = name
			e.Reason += fmt.Sprintf(", did you mean %q?", near)
		}
	}
	return e
}

func (p *part) decode(name, raw string, offset int) (string, error) {
	if !strings.Contains(raw, "%") {
		for i := range len(raw) {
			if !p.allowed(raw[i]) {
				return "", p.badByte(name, raw[i], offset+i)
			}
		}
		return raw, nil
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '%' {
			if !p.allowed(c) {
				return "", p.badByte(name, c, offset+i)
			}
			out = append(out, c)
			continue
		}
		if i+2 >= len(raw) || unhex(raw[i+1]) < 0 || unhex(raw[i+2]) < 0 {
			return "", &ParseError{Offset: offset + i, Attribute: name, Reason: "percent sign without two hexadecimal digits"}
		}
		out = append(out, byte(unhex(raw[i+1])<<4|unhex(raw[i+2])))
		i += 2
	}
	return string(out), nil
}

func (p *part) badByte(name string, c byte, offset int) error {
	return &ParseError{Offset: offset, Attribute: name,
		Reason: fmt.Sprintf("byte 0x%02x must be written as %%%02X", c, c)}
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// checkValue returns the canonical value, or the reason why there is none. Reasons never quote the value.
func checkValue(name, value string) (string, string) {
	if name == ID {
		return value, ""
	}
	if !utf8.ValidString(value) {
		return "", "not valid UTF-8"
	}
	switch name {
	case SlotID:
		if !isDigits(value) {
			return "", "not a decimal number"
		}
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return "", "above 64 bits"
		}
		return strconv.FormatUint(n, 10), ""
	case LibraryVersion:
		major, minor, ok := strings.Cut(value, ".")
		if !isDigits(major) || ok && !isDigits(minor) {
			return "", "not a version such as 2 or 2.6"
		}
	case Type:
		if !slices.Contains(objectTypes(), value) {
			return "", "must be one of " + strings.Join(objectTypes(), ", ")
		}
	case PINSource:
		return value, checkPINSource(value)
	}
	return value, ""
}

// checkPINSource: RFC 7512 section 2.4 with erratum 4813 lets a leading "|" name a command to run; a URI must never run anything.
func checkPINSource(value string) string {
	switch kind, rest, _ := strings.Cut(value, ":"); {
	case strings.HasPrefix(value, "|"):
		return "a command is never run: use file:PATH or env:VARIABLE"
	case kind != "file" && kind != "env":
		return "must be file:PATH or env:VARIABLE"
	case rest == "":
		return "names nothing after " + kind + ":"
	case kind == "env" && !uritext.IsVariable(rest):
		return "env: must name an environment variable; the PIN itself is never written here"
	}
	return ""
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
