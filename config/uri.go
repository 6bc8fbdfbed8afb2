package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/signetkeys/signet/internal/uritext"
)

// MaxURI is the length of the longest keyring URI in bytes.
const MaxURI = 64 << 10

// URI is a keyring URI of the form that signet's own schemes have, scheme:segment/segment?name=value&name=value, with everything decoded.
// Schemes with a syntax of their own, such as pkcs11, are parsed by their providers.
type URI struct {
	Scheme string
	Path   []string    // segments between slashes; at least one, which may be empty
	Query  []Attribute // in the order of the URI, no name twice
}

// Attribute is one name=value of a query. The value is UTF-8 and not empty.
type Attribute struct{ Name, Value string }

// Lookup returns the value of an attribute and whether it was given.
func (u *URI) Lookup(name string) (string, bool) {
	for _, a := range u.Query {
		if a.Name == name {
			return a.Value, true
		}
	}
	return "", false
}

// String prints the URI; what it prints of a value that ParseURI returned parses to an equal value.
func (u *URI) String() string {
	var path, b strings.Builder
	path.WriteByte(':')
	for i, s := range u.Path {
		if i > 0 {
			path.WriteByte('/')
		}
		path.WriteString(escape(s, isSegmentByte))
	}
	b.WriteString(u.Scheme + uritext.Escape(path.String(), pathSeparators))
	for i, a := range u.Query {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(a.Name + "=" + uritext.Escape(escape(a.Value, isQueryByte), querySeparators))
	}
	return b.String()
}

// What people type where a question mark or an ampersand is meant.
const (
	pathSeparators  = "&;"
	querySeparators = "?;"
)

// ParseURI reads a URI of this form. attributes are the names that the query may have. Errors are [*URIError].
//
// It refuses: an unknown attribute, with the nearest known one named; an attribute given twice or without a value; names by which people
// try to put secrets into URIs, also behind a mistyped separator, where they would be part of a name or a path; a byte outside of RFC 3986's
// characters that is not percent-encoded, a bad percent-encoding, a fragment, slashes behind the colon as URLs have them, and text that is
// not UTF-8. A plus sign is a plus sign.
func ParseURI(s string, attributes ...string) (*URI, error) {
	scheme, err := schemeOf(s)
	if err != nil {
		return nil, err
	}
	p := uriParser{scheme: scheme, attributes: attributes}
	u := &URI{Scheme: scheme}
	path, query, hasQuery := strings.Cut(s[len(scheme)+1:], "?")
	at := len(scheme) + 1
	if strings.HasPrefix(path, "//") {
		return nil, p.fail(at, "", "no slashes behind the colon: "+scheme+":NAMESPACE/NAME, not "+scheme+"://NAMESPACE/NAME")
	}
	if i := uritext.Embedded(":"+path, pathSeparators); i >= 0 {
		return nil, p.fail(at+i-1, "", "an attribute seems to begin within the path: the query begins with \"?\"; an equals sign that belongs to a name is written %3D")
	}
	for segment := range strings.SplitSeq(path, "/") {
		text, err := p.decode("", segment, at, isSegmentByte)
		if err != nil {
			return nil, err
		}
		u.Path = append(u.Path, text)
		at += len(segment) + 1
	}
	if !hasQuery {
		return u, nil
	}
	for pair := range strings.SplitSeq(query, "&") {
		a, err := p.attribute(pair, at)
		if err != nil {
			return nil, err
		}
		if _, twice := u.Lookup(a.Name); twice {
			return nil, p.fail(at, a.Name, "given twice")
		}
		u.Query = append(u.Query, a)
		at += len(pair) + 1
	}
	return u, nil
}

// schemeOf returns the scheme in lower case (RFC 3986 section 3.1).
func schemeOf(s string) (string, error) {
	if len(s) > MaxURI {
		return "", &URIError{Offset: MaxURI, Reason: fmt.Sprintf("longer than %d bytes", MaxURI)}
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c == ':' && i > 0:
			return strings.ToLower(s[:i]), nil
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return "", &URIError{Offset: i, Reason: "no scheme: it begins like raw-aes:... or pkcs11:..."}
		}
	}
	return "", &URIError{Offset: len(s), Reason: "no scheme: it begins like raw-aes:... or pkcs11:..."}
}

type uriParser struct {
	scheme     string
	attributes []string
}

func (p *uriParser) fail(at int, attribute, reason string) *URIError {
	return &URIError{Scheme: p.scheme, Offset: at, Attribute: attribute, Reason: reason}
}

func (p *uriParser) attribute(pair string, at int) (Attribute, error) {
	name, raw, ok := strings.Cut(pair, "=")
	if err := p.checkName(name, at); err != nil {
		return Attribute{}, err
	}
	if !ok || raw == "" {
		return Attribute{}, p.fail(at+len(name), name, "has no value")
	}
	if i := uritext.Embedded(raw, querySeparators); i >= 0 {
		return Attribute{}, p.fail(at+len(name)+1+i, name,
			"another attribute seems to begin within the value: attributes are separated by \"&\"; an equals sign that belongs to the value is written %3D")
	}
	value, err := p.decode(name, raw, at+len(name)+1, isQueryByte)
	return Attribute{name, value}, err
}

// secretNames are attributes that are not there on purpose.
func secretNames() []string {
	return []string{"key", "key-value", "key-hex", "key-base64", "key-bytes", "secret", "password", "passphrase", "pin", "pin-value"}
}

// checkName repeats an unknown name only when it is a misspelling of a known one: it may be part of a secret otherwise.
func (p *uriParser) checkName(name string, at int) error {
	switch {
	case slices.Contains(p.attributes, name):
		return nil
	case slices.Contains(secretNames(), name):
		return p.fail(at, name, "a secret in a URI ends up in logs and process lists: put it into a file or an environment variable and name that, with "+
			strings.Join(p.attributes, " or "))
	case name == "":
		return p.fail(at, "", "attribute without a name")
	}
	if near := nearest(name, p.attributes); near != "" {
		return p.fail(at, name, fmt.Sprintf("unknown, did you mean %q?", near))
	}
	known := "there are none here"
	if len(p.attributes) > 0 {
		known = "known here: " + strings.Join(p.attributes, ", ")
	}
	return p.fail(at, "", "unknown attribute; "+known)
}

func (p *uriParser) decode(attribute, raw string, at int, plain func(byte) bool) (string, error) {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '%':
			if i+2 >= len(raw) || unhex(raw[i+1]) < 0 || unhex(raw[i+2]) < 0 {
				return "", p.fail(at+i, attribute, "percent sign without two hexadecimal digits")
			}
			out = append(out, byte(unhex(raw[i+1])<<4|unhex(raw[i+2])))
			i += 2
		case plain(c):
			out = append(out, c)
		default:
			return "", p.fail(at+i, attribute, fmt.Sprintf("byte 0x%02x must be written as %%%02X", c, c))
		}
	}
	if !utf8.Valid(out) {
		return "", p.fail(at, attribute, "not valid UTF-8")
	}
	return string(out), nil
}

func escape(s string, plain func(byte) bool) string {
	var b strings.Builder
	for i := range len(s) {
		if plain(s[i]) {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}

// isSegmentByte is pchar of RFC 3986 section 3.3 without the percent sign.
func isSegmentByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-._~!$&'()*+,;=:@", c) >= 0
}

func isQueryByte(c byte) bool { return c != '&' && (isSegmentByte(c) || c == '/' || c == '?') }

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
