package ddb

import (
	"bytes"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/attr"
)

// valueOf converts an SDK value within depth lists and maps. Strings and bytes are shared, not copied. Nesting is bounded here already: a map
// may contain itself.
func valueOf(av types.AttributeValue, depth int) (attr.Value, error) {
	switch v := av.(type) {
	case *types.AttributeValueMemberS:
		if v != nil {
			return attr.String(v.Value), nil
		}
	case *types.AttributeValueMemberN:
		if v != nil {
			return attr.Number(v.Value), nil
		}
	case *types.AttributeValueMemberB:
		if v != nil {
			return attr.Binary(v.Value), nil
		}
	case *types.AttributeValueMemberBOOL:
		if v != nil {
			return attr.Bool(v.Value), nil
		}
	case *types.AttributeValueMemberNULL:
		if v != nil {
			return attr.Null{}, nil
		}
	case *types.AttributeValueMemberSS:
		if v != nil {
			return attr.StringSet(v.Value), nil
		}
	case *types.AttributeValueMemberNS:
		if v != nil {
			return attr.NumberSet(v.Value), nil
		}
	case *types.AttributeValueMemberBS:
		if v != nil {
			return attr.BinarySet(v.Value), nil
		}
	case *types.AttributeValueMemberL:
		if v != nil {
			return listOf(v.Value, depth+1)
		}
	case *types.AttributeValueMemberM:
		if v != nil {
			return mapOf(v.Value, depth+1)
		}
	}
	return nil, errNoType
}

var errNoType = &ValueError{"value is nil or of an unknown type"}

func listOf(list []types.AttributeValue, depth int) (attr.Value, error) {
	if depth > attr.MaxDepth {
		return nil, errTooDeep
	}
	out := make(attr.List, len(list))
	for i, e := range list {
		v, err := valueOf(e, depth)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func mapOf(m map[string]types.AttributeValue, depth int) (attr.Value, error) {
	if depth > attr.MaxDepth {
		return nil, errTooDeep
	}
	out := make(attr.Map, len(m))
	for k, e := range m {
		v, err := valueOf(e, depth)
		if err != nil {
			return nil, err
		}
		out[k] = v
	}
	return out, nil
}

// sdkValue converts a parsed value, whose memory it takes over.
func sdkValue(v attr.Value) types.AttributeValue {
	switch v := v.(type) {
	case attr.String:
		return &types.AttributeValueMemberS{Value: string(v)}
	case attr.Number:
		return &types.AttributeValueMemberN{Value: string(v)}
	case attr.Binary:
		return &types.AttributeValueMemberB{Value: v}
	case attr.Bool:
		return &types.AttributeValueMemberBOOL{Value: bool(v)}
	case attr.Null:
		return &types.AttributeValueMemberNULL{Value: true}
	case attr.StringSet:
		return &types.AttributeValueMemberSS{Value: v}
	case attr.NumberSet:
		return &types.AttributeValueMemberNS{Value: v}
	case attr.BinarySet:
		return &types.AttributeValueMemberBS{Value: v}
	case attr.List:
		list := make([]types.AttributeValue, len(v))
		for i, e := range v {
			list[i] = sdkValue(e)
		}
		return &types.AttributeValueMemberL{Value: list}
	case attr.Map:
		m := make(map[string]types.AttributeValue, len(v))
		for k, e := range v {
			m[k] = sdkValue(e)
		}
		return &types.AttributeValueMemberM{Value: m}
	}
	panic("ddb: internal error: attribute value without a type")
}

// A depthError answers for signet.ErrLimit.
type depthError struct{}

func (depthError) Error() string { return "more lists and maps within each other than DynamoDB allows" }

func (depthError) Is(target error) bool { return target == signet.ErrLimit }

var errTooDeep = depthError{}

// maxCopyDepth bounds the nesting of values that are only copied. DynamoDB stores 32 levels, some emulators more; it is the guard against a
// map that contains itself.
const maxCopyDepth = 128

// cloneValue copies a value that is not protected. Whatever is in it is none of this package's business, nil included.
func cloneValue(av types.AttributeValue, depth int) (types.AttributeValue, error) {
	if depth > maxCopyDepth {
		return nil, errTooDeep
	}
	if isNil(av) {
		return av, nil
	}
	switch v := av.(type) {
	case *types.AttributeValueMemberS:
		return &types.AttributeValueMemberS{Value: v.Value}, nil
	case *types.AttributeValueMemberN:
		return &types.AttributeValueMemberN{Value: v.Value}, nil
	case *types.AttributeValueMemberB:
		return &types.AttributeValueMemberB{Value: bytes.Clone(v.Value)}, nil
	case *types.AttributeValueMemberBOOL:
		return &types.AttributeValueMemberBOOL{Value: v.Value}, nil
	case *types.AttributeValueMemberNULL:
		return &types.AttributeValueMemberNULL{Value: v.Value}, nil
	case *types.AttributeValueMemberSS:
		return &types.AttributeValueMemberSS{Value: slices.Clone(v.Value)}, nil
	case *types.AttributeValueMemberNS:
		return &types.AttributeValueMemberNS{Value: slices.Clone(v.Value)}, nil
	case *types.AttributeValueMemberBS:
		set := slices.Clone(v.Value)
		for i := range set {
			set[i] = bytes.Clone(set[i])
		}
		return &types.AttributeValueMemberBS{Value: set}, nil
	case *types.AttributeValueMemberL:
		return cloneList(v, depth)
	case *types.AttributeValueMemberM:
		return cloneMap(v, depth)
	}
	if v, ok := av.(*types.UnknownUnionMember); ok {
		return &types.UnknownUnionMember{Tag: v.Tag, Value: bytes.Clone(v.Value)}, nil
	}
	return nil, errNoType
}

func cloneList(v *types.AttributeValueMemberL, depth int) (types.AttributeValue, error) {
	list := slices.Clone(v.Value)
	for i := range list {
		e, err := cloneValue(list[i], depth+1)
		if err != nil {
			return nil, err
		}
		list[i] = e
	}
	return &types.AttributeValueMemberL{Value: list}, nil
}

func cloneMap(v *types.AttributeValueMemberM, depth int) (types.AttributeValue, error) {
	if v.Value == nil {
		return &types.AttributeValueMemberM{}, nil
	}
	m := make(map[string]types.AttributeValue, len(v.Value))
	for k, e := range v.Value {
		c, err := cloneValue(e, depth+1)
		if err != nil {
			return nil, err
		}
		m[k] = c
	}
	return &types.AttributeValueMemberM{Value: m}, nil
}
