// Package attr has what the DynamoDB formats share below the AWS SDK's types: attribute values, their canonical bytes, DynamoDB's number text
// and the UTF-16 order of strings (DB-ESDK spec, ddb-attribute-serialization). It knows no keys and no item format.
package attr

import (
	"fmt"

	"github.com/signetkeys/signet"
)

// A Type is the identifier of an attribute's type, as the structured item format stores it in two bytes.
type Type uint16

// The ten types of DynamoDB. There is no type with the zero identifier but Null.
const (
	TypeNull      Type = 0x0000
	TypeString    Type = 0x0001
	TypeNumber    Type = 0x0002
	TypeBool      Type = 0x0004
	TypeStringSet Type = 0x0101
	TypeNumberSet Type = 0x0102
	TypeBinarySet Type = 0x01FF
	TypeMap       Type = 0x0200
	TypeList      Type = 0x0300
	TypeBinary    Type = 0xFFFF
)

var typeNames = [...]struct {
	t    Type
	name string
}{
	{TypeString, "S"}, {TypeNumber, "N"}, {TypeBinary, "B"}, {TypeBool, "BOOL"}, {TypeNull, "NULL"},
	{TypeStringSet, "SS"}, {TypeNumberSet, "NS"}, {TypeBinarySet, "BS"}, {TypeMap, "M"}, {TypeList, "L"},
}

// String is DynamoDB's name of the type: S, N, B, BOOL, NULL, SS, NS, BS, M or L.
func (t Type) String() string {
	for i := range typeNames {
		if typeNames[i].t == t {
			return typeNames[i].name
		}
	}
	return fmt.Sprintf("Type(%04X)", uint16(t))
}

// TypeByName returns the type with DynamoDB's name for it, in exactly that spelling.
func TypeByName(name string) (Type, bool) {
	for i := range typeNames {
		if typeNames[i].name == name {
			return typeNames[i].t, true
		}
	}
	return 0, false
}

// A Value is one attribute value. It is one of the types below and never nil.
type Value interface{ Type() Type }

// The attribute values. Strings and map keys are UTF-8; numbers are decimal text as [NormalizeNumber] reads it; the order of sets and maps
// does not matter, that of lists does. Sets hold no element twice.
type (
	Null      struct{}
	String    string
	Number    string
	Binary    []byte
	Bool      bool
	StringSet []string
	NumberSet []string
	BinarySet [][]byte
	Map       map[string]Value
	List      []Value
)

func (Null) Type() Type      { return TypeNull }
func (String) Type() Type    { return TypeString }
func (Number) Type() Type    { return TypeNumber }
func (Binary) Type() Type    { return TypeBinary }
func (Bool) Type() Type      { return TypeBool }
func (StringSet) Type() Type { return TypeStringSet }
func (NumberSet) Type() Type { return TypeNumberSet }
func (BinarySet) Type() Type { return TypeBinarySet }
func (Map) Type() Type       { return TypeMap }
func (List) Type() Type      { return TypeList }

const (
	// MaxDepth is how many lists and maps may lie within each other in one attribute.
	MaxDepth = 31
	// MaxKeyLen is the largest length of a map key in bytes; the smallest is 1.
	MaxKeyLen = 1<<16 - 1
)

// A ValueError says why a value has no canonical bytes. It shows nothing of the value and answers for [signet.ErrMalformed] or
// [signet.ErrLimit].
type ValueError struct {
	Reason string
	limit  bool
}

func (e *ValueError) Error() string { return e.Reason }

// Is answers for the error's class.
func (e *ValueError) Is(target error) bool {
	if e.limit {
		return target == signet.ErrLimit
	}
	return target == signet.ErrMalformed
}

// A SyntaxError says where value bytes stopped being what their type allows. It answers for [signet.ErrMalformed].
type SyntaxError struct {
	Offset int // bytes from the start of the value
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s (at byte %d)", e.Reason, e.Offset) }

// Is makes a SyntaxError a format error.
func (e *SyntaxError) Is(target error) bool { return target == signet.ErrMalformed }
