package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/signetkeys/signet"
)

// maxNesting is how deep DynamoDB nests attribute values.
const maxNesting = 32

// itemError says where DynamoDB JSON stops being an item. It quotes attribute names and types and never values. It answers for
// signet.ErrMalformed.
type itemError struct {
	offset int64
	reason string
}

func (e *itemError) Error() string {
	return fmt.Sprintf("not an item in DynamoDB JSON: at byte %d: %s", e.offset, e.reason)
}

func (e *itemError) Is(target error) bool { return target == signet.ErrMalformed }

// parseItem reads an item as the AWS CLI writes it, {"name":{"S":"value"},...}. Names given twice, unknown types and text behind the item are
// refused.
func parseItem(text []byte) (map[string]types.AttributeValue, error) {
	if !utf8.Valid(text) {
		return nil, &itemError{0, "not valid UTF-8"}
	}
	if at := loneSurrogate(text); at >= 0 {
		return nil, &itemError{int64(at), "half of a surrogate pair"}
	}
	d := &itemDecoder{json.NewDecoder(bytes.NewReader(text))}
	d.dec.UseNumber()
	item, err := d.attributes(0)
	if err != nil {
		return nil, err
	}
	if _, err := d.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, d.fail("text behind the item")
	}
	return item, nil
}

type itemDecoder struct{ dec *json.Decoder }

func (d *itemDecoder) fail(format string, args ...any) error {
	return &itemError{d.dec.InputOffset(), fmt.Sprintf(format, args...)}
}

func (d *itemDecoder) token() (json.Token, error) {
	t, err := d.dec.Token()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("item in DynamoDB JSON: %w", io.ErrUnexpectedEOF)
	}
	if err != nil {
		return nil, d.fail("not JSON")
	}
	return t, nil
}

func (d *itemDecoder) delim(want json.Delim) error {
	t, err := d.token()
	if err != nil {
		return err
	}
	if t != want {
		return d.fail("%q expected", rune(want))
	}
	return nil
}

// name reads the next name of an object, or returns false at its end.
func (d *itemDecoder) name() (string, bool, error) {
	t, err := d.token()
	if err != nil {
		return "", false, err
	}
	s, ok := t.(string)
	if !ok && t != json.Delim('}') {
		return "", false, d.fail("a name expected")
	}
	return s, ok, nil
}

// attributes reads an object of named attribute values.
func (d *itemDecoder) attributes(depth int) (map[string]types.AttributeValue, error) {
	if err := d.delim('{'); err != nil {
		return nil, err
	}
	out := make(map[string]types.AttributeValue)
	for {
		name, ok, err := d.name()
		if err != nil || !ok {
			return out, err
		}
		if _, twice := out[name]; twice {
			return nil, d.fail("attribute %s is given twice", shown(name))
		}
		if out[name], err = d.value(depth); err != nil {
			var e *itemError
			if depth == 0 && errors.As(err, &e) && e.reason == unknownType && slices.Contains([]string{"Item", "Attributes", "Key"}, name) {
				e.reason = fmt.Sprintf("%q wraps the item, as in an answer of DynamoDB: give only the object that is in it", name)
			}
			return nil, err
		}
	}
}

const unknownType = "unknown type; known: S, N, B, BOOL, NULL, SS, NS, BS, L, M"

// value reads {"TYPE": ...}.
func (d *itemDecoder) value(depth int) (types.AttributeValue, error) {
	if depth > maxNesting {
		return nil, d.fail("nested deeper than %d levels", maxNesting)
	}
	if err := d.delim('{'); err != nil {
		return nil, err
	}
	typ, ok, err := d.name()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, d.fail("a type such as \"S\" expected")
	}
	v, err := d.typed(typ, depth)
	if err != nil {
		return nil, err
	}
	if d.dec.More() {
		return nil, d.fail("a value has two types")
	}
	return v, d.delim('}')
}

func (d *itemDecoder) typed(typ string, depth int) (types.AttributeValue, error) {
	switch typ {
	case "S":
		s, err := d.str()
		return &types.AttributeValueMemberS{Value: s}, err
	case "N":
		s, err := d.str()
		return &types.AttributeValueMemberN{Value: s}, err
	case "B":
		b, err := d.binary()
		return &types.AttributeValueMemberB{Value: b}, err
	case "BOOL":
		b, err := d.boolean()
		return &types.AttributeValueMemberBOOL{Value: b}, err
	case "NULL":
		b, err := d.boolean()
		if err == nil && !b {
			err = d.fail("NULL must be true")
		}
		return &types.AttributeValueMemberNULL{Value: true}, err
	case "SS":
		v, err := list(d, d.str)
		return &types.AttributeValueMemberSS{Value: v}, err
	case "NS":
		v, err := list(d, d.str)
		return &types.AttributeValueMemberNS{Value: v}, err
	case "BS":
		v, err := list(d, d.binary)
		return &types.AttributeValueMemberBS{Value: v}, err
	case "L":
		v, err := list(d, func() (types.AttributeValue, error) { return d.value(depth + 1) })
		return &types.AttributeValueMemberL{Value: v}, err
	case "M":
		v, err := d.attributes(depth + 1)
		return &types.AttributeValueMemberM{Value: v}, err
	}
	return nil, d.fail(unknownType)
}

func list[T any](d *itemDecoder, element func() (T, error)) ([]T, error) {
	if err := d.delim('['); err != nil {
		return nil, err
	}
	out := []T{}
	for d.dec.More() {
		v, err := element()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, d.delim(']')
}

func (d *itemDecoder) str() (string, error) {
	t, err := d.token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", d.fail("a string expected; numbers are strings too")
	}
	return s, nil
}

func (d *itemDecoder) binary() ([]byte, error) {
	s, err := d.str()
	if err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, d.fail("not standard base64 with padding")
	}
	return b, nil
}

func (d *itemDecoder) boolean() (bool, error) {
	t, err := d.token()
	if err != nil {
		return false, err
	}
	b, ok := t.(bool)
	if !ok {
		return false, d.fail("true or false expected")
	}
	return b, nil
}

// itemJSON is the value to marshal for an item in DynamoDB JSON.
func itemJSON(item map[string]types.AttributeValue) map[string]any {
	out := make(map[string]any, len(item))
	for name, v := range item {
		out[name] = valueJSON(v)
	}
	return out
}

func valueJSON(v types.AttributeValue) any {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}
	case *types.AttributeValueMemberB:
		return map[string]any{"B": base64.StdEncoding.EncodeToString(v.Value)}
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}
	case *types.AttributeValueMemberNULL:
		return map[string]any{"NULL": true}
	case *types.AttributeValueMemberSS:
		return map[string]any{"SS": v.Value}
	case *types.AttributeValueMemberNS:
		return map[string]any{"NS": v.Value}
	case *types.AttributeValueMemberBS:
		return map[string]any{"BS": v.Value} // base64, as encoding/json writes bytes
	case *types.AttributeValueMemberL:
		l := make([]any, len(v.Value))
		for i := range v.Value {
			l[i] = valueJSON(v.Value[i])
		}
		return map[string]any{"L": l}
	case *types.AttributeValueMemberM:
		return map[string]any{"M": itemJSON(v.Value)}
	}
	return map[string]any{"UNKNOWN": fmt.Sprintf("%T", v)}
}

func typeName(v types.AttributeValue) string {
	m, _ := valueJSON(v).(map[string]any)
	for name := range m {
		return name
	}
	return ""
}

// loneSurrogate returns where a \u escape is half of a surrogate pair, or -1. encoding/json puts U+FFFD in its place without an error.
func loneSurrogate(text []byte) int {
	unit := func(i int) rune {
		if i+6 > len(text) || text[i] != '\\' || text[i+1] != 'u' {
			return -1
		}
		n, err := strconv.ParseUint(string(text[i+2:i+6]), 16, 16)
		if err != nil {
			return -1
		}
		return rune(n)
	}
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		switch r := unit(i); {
		case !utf16.IsSurrogate(r):
			i++
		case utf16.DecodeRune(r, unit(i+6)) == unicode.ReplacementChar:
			return i
		default:
			i += 11
		}
	}
	return -1
}
