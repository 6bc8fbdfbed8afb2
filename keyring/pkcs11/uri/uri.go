// Package uri reads and prints PKCS#11 URIs (RFC 7512), the names of tokens and of objects on them:
//
//	pkcs11:token=payments;object=kek-2026;type=secret-key?module-name=softhsm2&pin-source=env:SIGNET_PIN
//
// The parser is strict where a lenient one would pick another key or another PIN: a plus sign is a plus sign, an id is its
// percent-decoded bytes and nothing else, an attribute is given once, and a misspelt attribute is an error that names its nearest
// known one. PINs do not belong in a URI: pin-value is refused, and a pin-source that names a command is refused too. Nothing here opens a
// file, reads the environment or runs anything.
package uri

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/signetkeys/signet/internal/uritext"
)

// Names of the attributes of RFC 7512 that this package knows. Names that begin with "x-" are vendor attributes and are kept as they are.
const (
	Token               = "token"
	Manufacturer        = "manufacturer"
	Serial              = "serial"
	Model               = "model"
	SlotID              = "slot-id"
	SlotDescription     = "slot-description"
	SlotManufacturer    = "slot-manufacturer"
	LibraryDescription  = "library-description"
	LibraryManufacturer = "library-manufacturer"
	LibraryVersion      = "library-version"
	Object              = "object"
	ID                  = "id"
	Type                = "type"

	ModuleName = "module-name"
	ModulePath = "module-path"
	PINSource  = "pin-source"
	pinValue   = "pin-value"
)

// pathNames and queryNames are in the order in which they are printed.
func pathNames() []string {
	return []string{
		Token, Manufacturer, Serial, Model, SlotID, SlotDescription, SlotManufacturer,
		LibraryDescription, LibraryManufacturer, LibraryVersion, Object, ID, Type,
	}
}

func queryNames() []string { return []string{ModuleName, ModulePath, PINSource} }

// objectTypes are the values that RFC 7512 allows for the type attribute.
func objectTypes() []string { return []string{"secret-key", "private", "public", "cert", "data"} }

// Attribute is one name with its decoded value. The value of id is any bytes; every other value is UTF-8.
type Attribute struct{ Name, Value string }

// URI is a parsed PKCS#11 URI: the path attributes that name a token or an object, and the query attributes that say how to get there.
// [Parse] puts both in canonical order. A URI may also be composed by hand from known names; String escapes every value. The zero
// value is "pkcs11:", which matches everything.
type URI struct {
	Path  []Attribute
	Query []Attribute
}

// Lookup returns the value of a path attribute and whether it was given.
func (u *URI) Lookup(name string) (string, bool) { return lookup(u.Path, name) }

// LookupQuery returns the first value of a query attribute and whether it was given. Only vendor attributes can have several.
func (u *URI) LookupQuery(name string) (string, bool) { return lookup(u.Query, name) }

func lookup(attrs []Attribute, name string) (string, bool) {
	for _, a := range attrs {
		if a.Name == name {
			return a.Value, true
		}
	}
	return "", false
}

// Slot returns the slot-id attribute and whether it was given and is a number of at most 64 bits.
func (u *URI) Slot() (uint64, bool) {
	v, ok := u.Lookup(SlotID)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(v, 10, 64)
	return n, err == nil
}

// String prints the canonical form: attributes in a fixed order, every byte of an id escaped, other bytes escaped only where RFC 7512
// demands it. What Parse returned prints to a text that parses to the same value.
func (u *URI) String() string {
	var b bytes.Buffer
	b.WriteString("pkcs11:")
	printAttributes(&b, u.Path, ';', isPathByte, pathMistyped)
	if len(u.Query) > 0 {
		b.WriteByte('?')
		printAttributes(&b, u.Query, '&', isQueryByte, queryMistyped)
	}
	return b.String()
}

// Bytes that are allowed in values and that people type where a separator is meant.
const (
	pathMistyped  = "&"
	queryMistyped = "?|"
)

// KeyName prints only the token, object and id of the path, without the scheme, for example "token=payments;id=%01". It is stable where a
// URI is not: it holds nothing that changes with the machine, the slot or the way to the PIN.
func (u *URI) KeyName() string {
	var b bytes.Buffer
	var keep []Attribute
	for _, name := range []string{Token, Object, ID} {
		if v, ok := u.Lookup(name); ok {
			keep = append(keep, Attribute{name, v})
		}
	}
	printAttributes(&b, keep, ';', isPathByte, pathMistyped)
	return b.String()
}

func printAttributes(b *bytes.Buffer, attrs []Attribute, sep byte, allowed func(byte) bool, mistyped string) {
	for i, a := range attrs {
		if i > 0 {
			b.WriteByte(sep)
		}
		b.WriteString(a.Name)
		b.WriteByte('=')
		var value strings.Builder
		for j := range len(a.Value) {
			c := a.Value[j]
			if a.Name != ID && allowed(c) {
				value.WriteByte(c)
				continue
			}
			const hex = "0123456789ABCDEF"
			value.WriteByte('%')
			value.WriteByte(hex[c>>4])
			value.WriteByte(hex[c&15])
		}
		b.WriteString(uritext.Escape(value.String(), mistyped))
	}
}

// isCommonByte is what RFC 7512 section 2.3 allows unescaped in every value: unreserved / pk11-res-avail.
func isCommonByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-._~:[]@!$'()*+,=", c) >= 0
}

func isPathByte(c byte) bool  { return c == '&' || isCommonByte(c) }
func isQueryByte(c byte) bool { return c == '/' || c == '?' || c == '|' || isCommonByte(c) }
