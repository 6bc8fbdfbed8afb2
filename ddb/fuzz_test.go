package ddb

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/attr"
)

// Every value that has value bytes comes back equal.
func FuzzFieldCodec(f *testing.F) {
	for _, av := range everyType() {
		v, err := valueOf(av, 0)
		if err != nil {
			f.Fatal(err)
		}
		b, err := attr.AppendValue(nil, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(v.Type()), b)
	}
	ctx := context.Background()
	e := newEncryptor(f, Single(testKeyring(f)), FieldConfig{Algorithm: "0478", Cache: &CacheConfig{MaxMessages: 1 << 20}})
	f.Fuzz(func(t *testing.T, typ uint16, b []byte) {
		v, err := attr.ParseValue(attr.Type(typ), b)
		if err != nil {
			return
		}
		av := sdkValue(v)
		if isMessageOf("a", v) {
			return
		}
		stored, err := e.EncryptValue(ctx, "a", av, nil)
		if err != nil {
			t.Fatalf("%#v: %v", v, err)
		}
		back, info, err := e.DecryptValue(ctx, "a", stored, nil)
		if err != nil || info.Type != v.Type().String() {
			t.Fatalf("%#v: %v, %v", v, info, err)
		}
		if got, err := valueOf(back, 0); err != nil || !attr.Equal(got, v) {
			t.Fatalf("%#v came back as %#v, %v", v, got, err)
		}
	})
}

// No stored bytes panic or open, other than those that were written; every error has its class.
func FuzzDecryptValue(f *testing.F) {
	ctx := WithTenant(context.Background(), "acme")
	e := newEncryptor(f, Single(testKeyring(f)), FieldConfig{Algorithm: "0478"})
	for _, v := range []types.AttributeValue{str("x"), num("1"), dict(Item{"k": array(str("x"))})} {
		stored, err := e.EncryptValue(ctx, "a", v, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(stored.(*types.AttributeValueMemberB).Value)
		other, err := e.EncryptValue(context.Background(), "b", v, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(other.(*types.AttributeValueMemberB).Value)
	}
	classes := []error{signet.ErrMalformed, signet.ErrPolicy, signet.ErrLimit, signet.ErrContext, signet.ErrNoKey, signet.ErrAuthentication,
		signet.ErrUnsupported, io.ErrUnexpectedEOF}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, info, err := e.DecryptValue(ctx, "a", &types.AttributeValueMemberB{Value: b}, nil)
		if err == nil {
			if info.Context["field"] != "a" || info.Context["context"] != "acme" {
				t.Fatalf("opened with pairs %q", info.Context)
			}
			return
		}
		var fe *FieldError
		if v != nil || info != nil || !errors.As(err, &fe) {
			t.Fatalf("got %v, %v", v, err)
		}
		for _, c := range classes {
			if errors.Is(err, c) {
				return
			}
		}
		t.Fatalf("untyped error %v", err)
	})
}
