package ddb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/attr"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// everyType has an attribute of each type and edge; all but "id" and "plain" are to be encrypted.
func everyType() Item {
	return Item{
		"id": str("u-1"), "plain": dict(Item{"a": array(bin(1), num("1.50"))}),
		"s": str("text \u00e9 \U0001F600"), "s empty": str(""), "n": num("-12.50"), "n big": num("9.9E+125"), "b": bin(0, 1, 0xff),
		"b empty": &types.AttributeValueMemberB{Value: []byte{}},
		"yes":     &types.AttributeValueMemberBOOL{Value: true}, "no": &types.AttributeValueMemberBOOL{}, "null": &types.AttributeValueMemberNULL{Value: true},
		"ss": &types.AttributeValueMemberSS{Value: []string{"b", "", "a"}}, "ns": &types.AttributeValueMemberNS{Value: []string{"2", "1.0", "10"}},
		"bs": &types.AttributeValueMemberBS{Value: [][]byte{{2}, {}, {1}}}, "l empty": array(), "m empty": dict(Item{}),
		"nested": dict(Item{"list": array(num("01"), dict(Item{"deep": array(str("x"), &types.AttributeValueMemberNULL{Value: true})})), "s": str("")}),
	}
}

func fieldsOf(item Item) []string {
	var fields []string
	for name := range item {
		if name != "id" && name != "plain" {
			fields = append(fields, name)
		}
	}
	return fields
}

// sameItem compares as DynamoDB does: numbers by value, sets without order.
func sameItem(t *testing.T, got, want Item) {
	t.Helper()
	if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
		t.Errorf("got attributes %q, want %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	for name := range want {
		g, err := valueOf(got[name], 0)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		w, err := valueOf(want[name], 0)
		if err != nil {
			t.Fatal(err)
		}
		if !attr.Equal(g, w) {
			t.Errorf("%s: got %#v, want %#v", name, g, w)
		}
	}
}

func TestEveryType(t *testing.T) {
	for _, s := range []*suite.Suite{nil, suite.AES256GCMCommit()} {
		for _, bind := range []bool{false, true} {
			item := everyType()
			e := newEncryptor(t, Single(testKeyring(t)), FieldConfig{Fields: fieldsOf(item), PartitionKey: "id", BindKey: bind, Suite: s, Entity: "User",
				Table: "users", Static: keyring.EncryptionContext{"app": "my-app"}})
			ctx := WithTenant(context.Background(), "acme")
			stored, err := e.EncryptItem(ctx, item)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(item, everyType()) {
				t.Fatal("EncryptItem changed its input")
			}
			for name, v := range stored {
				if b, ok := v.(*types.AttributeValueMemberB); name == "id" || name == "plain" {
					if !reflect.DeepEqual(v, item[name]) {
						t.Errorf("%s: stored as %#v", name, v)
					}
				} else if !ok {
					t.Errorf("%s: stored as %T", name, v)
				} else if h, _, err := message.ParseHeader(b.Value); err != nil {
					t.Errorf("%s: not a message: %v", name, err)
				} else if want := s; want == nil && h.Suite.ID() != 0x0578 || want != nil && h.Suite != want {
					t.Errorf("%s: suite %v", name, h.Suite)
				}
			}
			before := deepCopy(t, stored)
			back, info, err := e.DecryptItem(ctx, stored)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(before, stored) {
				t.Fatal("DecryptItem changed its input")
			}
			sameItem(t, back, item)
			checkInfo(t, e, info, bind)
		}
	}
}

func deepCopy(t *testing.T, item Item) Item {
	t.Helper()
	out := make(Item, len(item))
	for k, v := range item {
		c, err := cloneValue(v, 0)
		if err != nil {
			t.Fatal(err)
		}
		out[k] = c
	}
	return out
}

func checkInfo(t *testing.T, e *FieldEncryptor, info *Info, bind bool) {
	t.Helper()
	var names []string
	for _, a := range info.Attributes {
		names = append(names, a.Name)
		want := keyring.EncryptionContext{"field": a.Name, "context": "acme", "entity": "User", "table": "users", "app": "my-app"}
		if a.Type != "S" {
			want["type"] = a.Type
		}
		if bind {
			want["key.id"] = "S:u-1"
		}
		got := maps.Clone(a.Context)
		delete(got, keyring.PublicKeyName)
		if !maps.Equal(got, want) || a.Used != 0 || len(a.EDKs) != 1 || a.EDKs[0].ProviderID != "test" {
			t.Errorf("%s: got pairs %q and EDKs %v, want pairs %q", a.Name, got, a.EDKs, want)
		}
	}
	if !slices.Equal(names, e.cfg.Fields) || !slices.IsSorted(names) {
		t.Errorf("got information on %q, want %q", names, e.cfg.Fields)
	}
}

// Whatever a caller does to an item afterwards must not reach results, and the other way round.
func TestResultsShareNoMemory(t *testing.T) {
	ctx := context.Background()
	item := everyType()
	e := newEncryptor(t, Single(testKeyring(t)), FieldConfig{Fields: []string{"b", "bs"}})
	stored, err := e.EncryptItem(ctx, item)
	if err != nil {
		t.Fatal(err)
	}
	kept := deepCopy(t, stored)
	scribble(item)
	if !reflect.DeepEqual(stored, kept) {
		t.Error("the stored item shares memory with its input")
	}
	back, _, err := e.DecryptItem(ctx, stored)
	if err != nil {
		t.Fatal(err)
	}
	kept = deepCopy(t, back)
	scribble(stored)
	if !reflect.DeepEqual(back, kept) {
		t.Error("the decrypted item shares memory with its input")
	}
}

func scribble(item Item) {
	for _, v := range item {
		scribbleValue(v)
	}
	clear(item)
}

func scribbleValue(v types.AttributeValue) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		v.Value = "scribbled"
	case *types.AttributeValueMemberN:
		v.Value = "666"
	case *types.AttributeValueMemberB:
		for i := range v.Value {
			v.Value[i] ^= 0xff
		}
	case *types.AttributeValueMemberBOOL:
		v.Value = !v.Value
	case *types.AttributeValueMemberSS:
		clear(v.Value)
	case *types.AttributeValueMemberNS:
		clear(v.Value)
	case *types.AttributeValueMemberBS:
		for _, b := range v.Value {
			for i := range b {
				b[i] ^= 0xff
			}
		}
	case *types.AttributeValueMemberL:
		for _, e := range v.Value {
			scribbleValue(e)
		}
	case *types.AttributeValueMemberM:
		scribble(v.Value)
	}
}

func TestAbsentAttributes(t *testing.T) {
	ctx := context.Background()
	fail := resolverFunc(func(context.Context, string) (keyring.Keyring, error) { return nil, errors.New("asked") })
	e := newEncryptor(t, fail, FieldConfig{Fields: []string{"a", "b"}, PartitionKey: "id", BindKey: true})
	for _, item := range []Item{nil, {}, {"other": str("x"), "unknown": nil}} {
		out, err := e.EncryptItem(ctx, item)
		if err != nil || out == nil || len(out) != len(item) {
			t.Errorf("encrypt %v: got %v, %v", item, out, err)
		}
		out, info, err := e.DecryptItem(ctx, item)
		if err != nil || out == nil || len(out) != len(item) || len(info.Attributes) != 0 {
			t.Errorf("decrypt %v: got %v, %v", item, out, err)
		}
	}
}

func TestValues(t *testing.T) {
	ctx := context.Background()
	k := Single(testKeyring(t))
	e := newEncryptor(t, k, FieldConfig{Fields: []string{"a"}, PartitionKey: "id", BindKey: true})
	key := Item{"id": num("1")}
	v, err := e.EncryptValue(ctx, "a", str("x"), key)
	if err != nil {
		t.Fatal(err)
	}
	back, info, err := e.DecryptValue(ctx, "a", v, key)
	if err != nil || !reflect.DeepEqual(back, str("x")) || info.Name != "a" || info.Type != "S" || info.Context["key.id"] != "N:1" {
		t.Errorf("got %v, %v, %v", back, info, err)
	}
	if item, _, err := e.DecryptItem(ctx, Item{"id": num("1.0"), "a": v}); err != nil || !reflect.DeepEqual(item["a"], str("x")) {
		t.Errorf("within an item: got %v, %v", item, err)
	}
	if _, _, err := e.DecryptValue(ctx, "a", v, Item{"id": num("2")}); !errors.Is(err, signet.ErrContext) {
		t.Errorf("another item: got %v", err)
	}
	for _, name := range []string{"b", "id", "", "aws_dbe_head"} {
		var fe *FieldError
		if v, err := e.EncryptValue(ctx, name, str("x"), key); v != nil || !errors.Is(err, signet.ErrPolicy) || !errors.As(err, &fe) {
			t.Errorf("%q: got %v, %v", name, v, err)
		}
		if v, _, err := e.DecryptValue(ctx, name, v, key); v != nil || !errors.Is(err, signet.ErrPolicy) || !errors.As(err, &fe) {
			t.Errorf("%q: got %v, %v", name, v, err)
		}
	}
	// A resolver alone is enough for values, never for items.
	zero := newEncryptor(t, k, FieldConfig{})
	if v, err = zero.EncryptValue(ctx, "b", str("x"), nil); err != nil {
		t.Fatal(err)
	}
	if back, info, err := zero.DecryptValue(ctx, "b", v, nil); err != nil || !reflect.DeepEqual(back, str("x")) || info.Suite.ID() != 0x0578 {
		t.Errorf("got %v, %v, %v", back, info, err)
	}
	if item, err := zero.EncryptItem(ctx, Item{"b": str("x")}); item != nil || !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("no fields: got %v, %v", item, err)
	}
	if item, _, err := zero.DecryptItem(ctx, Item{"b": v}); item != nil || !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("no fields: got %v, %v", item, err)
	}
}

func TestRole(t *testing.T) {
	e := newEncryptor(t, Single(testKeyring(t)), FieldConfig{Fields: []string{"a"}, PartitionKey: "id"})
	for name, want := range map[string]Role{"a": RoleEncrypted, "id": RoleKey, "b": RoleUnprotected, "": RoleUnprotected, "A": RoleUnprotected} {
		if got := e.Role(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
	if s := fmt.Sprint(Role(0), RoleKey, RoleUnprotected, RoleEncrypted); s != "invalid role key unprotected encrypted" {
		t.Errorf("got %s", s)
	}
}

type resolverFunc func(context.Context, string) (keyring.Keyring, error)

func (f resolverFunc) Resolve(ctx context.Context, tenant string) (keyring.Keyring, error) {
	return f(ctx, tenant)
}
