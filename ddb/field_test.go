package ddb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
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

// refused checks the class of an error, the attribute that it names, and that no item came with it.
func refused(t *testing.T, what string, out Item, err error, attribute string, class error) {
	t.Helper()
	var fe *FieldError
	if out != nil || !errors.As(err, &fe) || fe.Attribute != attribute || !errors.Is(err, class) {
		t.Errorf("%s: got %v, %v, want an error for attribute %q that is: %v", what, out, err, attribute, class)
	}
	if err != nil && strings.Contains(err.Error(), "canary") {
		t.Errorf("%s: the error shows a value: %v", what, err)
	}
}

func TestMovedValuesAreRefused(t *testing.T) {
	ctx := WithTenant(context.Background(), "acme")
	e := newEncryptor(t, Single(testKeyring(t)), FieldConfig{Fields: []string{"a", "b", "n"}, PartitionKey: "id"})
	item := Item{"id": str("1"), "a": str("canary-a"), "b": str("canary-b"), "n": num("5")}
	stored, err := e.EncryptItem(ctx, item)
	if err != nil {
		t.Fatal(err)
	}
	stored["a"], stored["b"] = stored["b"], stored["a"]
	out, _, err := e.DecryptItem(ctx, stored)
	refused(t, "swapped fields", out, err, "a", signet.ErrContext)
	if ce := new(keyring.ContextError); !errors.As(err, &ce) || ce.Key != "field" {
		t.Errorf("swapped fields: got %v, want the pair named", err)
	}
	stored["a"], stored["b"] = stored["b"], stored["a"]
	for _, tenant := range []string{"", "other", "ACME", "acme "} {
		out, _, err := e.DecryptItem(WithTenant(ctx, tenant), stored)
		refused(t, "tenant "+tenant, out, err, "a", signet.ErrContext)
		if ce := new(keyring.ContextError); !errors.As(err, &ce) || ce.Key != "context" {
			t.Errorf("tenant %q: got %v, want the pair named", tenant, err)
		}
	}
	// And the other way round: without a tenant is not readable with one.
	plain, err := e.EncryptItem(context.Background(), item)
	if err != nil {
		t.Fatal(err)
	}
	out, _, err = e.DecryptItem(ctx, plain)
	refused(t, "tenant expected", out, err, "a", signet.ErrContext)
	for name, cfg := range map[string]FieldConfig{
		"entity": {Entity: "User"}, "table": {Table: "users"}, "app": {Static: keyring.EncryptionContext{"app": "my-app"}},
	} {
		cfg.Fields = e.cfg.Fields
		with := newEncryptor(t, Single(testKeyring(t)), cfg)
		out, _, err := with.DecryptItem(ctx, stored)
		refused(t, "missing "+name, out, err, "a", signet.ErrContext)
		more, err := with.EncryptItem(ctx, item)
		if err != nil {
			t.Fatal(err)
		}
		out, _, err = e.DecryptItem(ctx, more)
		refused(t, "unexpected "+name, out, err, "a", signet.ErrContext)
		if ce := new(keyring.ContextError); !errors.As(err, &ce) || ce.Key != name {
			t.Errorf("unexpected %s: got %v, want the pair named", name, err)
		}
	}
	// The tenant of one call is not that of the next.
	if _, _, err := e.DecryptItem(context.Background(), plain); err != nil {
		t.Errorf("no tenant: %v", err)
	}
}

// A pair that is known to differ is refused without asking a key. One that is not stored is not known to differ.
func TestMismatchAndKeys(t *testing.T) {
	acme := WithTenant(context.Background(), "acme")
	k := &counting{Keyring: testKeyring(t)}
	cfg := FieldConfig{Fields: []string{"a"}, DisableCaching: true}
	e := newEncryptor(t, Single(k), cfg)
	stored, err := e.EncryptItem(acme, Item{"a": str("canary")})
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := e.DecryptItem(WithTenant(acme, "other"), stored)
	refused(t, "another tenant", out, err, "a", signet.ErrContext)
	if n := k.unwraps.Load(); n != 0 {
		t.Errorf("%d keys were asked", n)
	}
	// A backend that cannot answer is not blamed on the context.
	loose, err := e.EncryptItem(context.Background(), Item{"a": str("canary")})
	if err != nil {
		t.Fatal(err)
	}
	for _, class := range []error{signet.ErrThrottled, signet.ErrUnavailable, signet.ErrAccessDenied, context.Canceled} {
		down := keyring.New("down", nil, unwrapFunc(func() error { return fmt.Errorf("backend: %w", class) }), nil)
		out, _, err := newEncryptor(t, Single(down), cfg).DecryptItem(acme, loose)
		refused(t, "backend down", out, err, "a", class)
		if errors.Is(err, signet.ErrContext) {
			t.Errorf("%v is blamed on the context: %v", class, err)
		}
	}
	// Another library can authenticate a pair without storing it.
	mm := requiring{keyring.NewManager(k), []string{"context"}}
	ct, err := new(message.Client).Encrypt(acme, mm, []byte("hidden tenant"), &message.EncryptOptions{
		Context: keyring.EncryptionContext{"field": "a", "context": "acme"}})
	if err != nil {
		t.Fatal(err)
	}
	if h, _, err := message.ParseHeader(ct); err != nil || h.Context["context"] != "" {
		t.Fatalf("the pair is stored: %v", err)
	}
	if back, _, err := e.DecryptItem(acme, Item{"a": bin(ct...)}); err != nil || !reflect.DeepEqual(back, Item{"a": str("hidden tenant")}) {
		t.Errorf("pair not stored: got %v, %v", back, err)
	}
	for _, tenant := range []string{"", "other"} {
		out, _, err := e.DecryptItem(WithTenant(acme, tenant), Item{"a": bin(ct...)})
		if out != nil || !errors.Is(err, signet.ErrContext) && !errors.Is(err, signet.ErrNoKey) {
			t.Errorf("pair not stored, tenant %q: got %v, %v", tenant, out, err)
		}
	}
}

type unwrapFunc func() error

func (f unwrapFunc) Unwrap(context.Context, *keyring.Request, *keyring.EncryptedDataKey) ([]byte, error) {
	return nil, f()
}

// requiring makes pairs of what is encrypted authenticated and not stored.
type requiring struct {
	keyring.MaterialsManager
	keys []string
}

func (r requiring) EncryptionMaterials(ctx context.Context, req *keyring.EncryptionRequest) (*keyring.EncryptionMaterials, error) {
	mat, err := r.MaterialsManager.EncryptionMaterials(ctx, req)
	if err == nil {
		mat.RequiredKeys = r.keys
	}
	return mat, err
}

// Pairs that are stored rightly and do not fit the value can only come from a writer with the key.
func TestTypePair(t *testing.T) {
	ctx := context.Background()
	k := testKeyring(t)
	e := newEncryptor(t, Single(k), FieldConfig{Fields: []string{"a"}})
	for _, tt := range []struct {
		name, typ, plaintext string
		class                error
	}{
		{"S spelt out", "S", "x", signet.ErrContext},
		{"unknown type", "X", "x", signet.ErrContext},
		{"lower case", "n", "1", signet.ErrContext},
		{"not a number", "N", "canary", signet.ErrMalformed},
		{"S not UTF-8", "", "\xff", signet.ErrMalformed},
		{"BOOL 02", "BOOL", "\x02", signet.ErrMalformed},
		{"NULL with a byte", "NULL", "x", signet.ErrMalformed},
		{"L with more", "L", "\x00\x00\x00\x00\x00", signet.ErrMalformed},
		{"SS cut", "SS", "\x00\x00\x00\x01", io.ErrUnexpectedEOF},
	} {
		ec := keyring.EncryptionContext{"field": "a"}
		setPair(ec, "type", tt.typ)
		ct, err := message.Encrypt(ctx, k, []byte(tt.plaintext), ec)
		if err != nil {
			t.Fatal(err)
		}
		out, _, err := e.DecryptItem(ctx, Item{"a": bin(ct...)})
		refused(t, tt.name, out, err, "a", tt.class)
	}
	// A number in any spelling is a number.
	ct, err := message.Encrypt(ctx, k, []byte("1.50e1"), keyring.EncryptionContext{"field": "a", "type": "N"})
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := e.DecryptItem(ctx, Item{"a": bin(ct...)})
	if err != nil || !reflect.DeepEqual(out, Item{"a": num("15")}) {
		t.Errorf("got %v, %v", out, err)
	}
}

func TestBindKey(t *testing.T) {
	ctx := context.Background()
	e := newEncryptor(t, Single(testKeyring(t)), FieldConfig{Fields: []string{"a"}, PartitionKey: "p", SortKey: "s", BindKey: true})
	item := func(p, s types.AttributeValue) Item { return Item{"p": p, "s": s, "a": str("canary")} }
	stored, err := e.EncryptItem(ctx, item(str("1"), num("2.0")))
	if err != nil {
		t.Fatal(err)
	}
	// The same number in another spelling is the same key.
	stored["s"] = num("2")
	if back, _, err := e.DecryptItem(ctx, stored); err != nil || !reflect.DeepEqual(back["a"], str("canary")) {
		t.Errorf("same item: %v", err)
	}
	for _, other := range []Item{item(str("2"), num("2")), item(str("1"), num("3")), item(num("1"), num("2")), item(bin('1'), num("2"))} {
		other["a"] = stored["a"]
		out, _, err := e.DecryptItem(ctx, other)
		refused(t, fmt.Sprint(other["p"]), out, err, "a", signet.ErrContext)
	}
	// One with the key, one without.
	loose := newEncryptor(t, Single(testKeyring(t)), FieldConfig{Fields: []string{"a"}, PartitionKey: "p", SortKey: "s"})
	out, _, err := loose.DecryptItem(ctx, stored)
	refused(t, "not bound reader", out, err, "a", signet.ErrContext)
	other, err := loose.EncryptItem(ctx, item(str("1"), num("2")))
	if err != nil {
		t.Fatal(err)
	}
	out, _, err = e.DecryptItem(ctx, other)
	refused(t, "not bound writer", out, err, "a", signet.ErrContext)
	// Keys that cannot be bound.
	for _, tt := range []struct {
		item      Item
		attribute string
		class     error
	}{
		{Item{"a": str("x"), "s": num("1")}, "p", signet.ErrMalformed},
		{Item{"a": str("x"), "p": str("1")}, "s", signet.ErrMalformed},
		{item(str("1"), nil), "s", signet.ErrMalformed},
		{item(str("1"), (*types.AttributeValueMemberN)(nil)), "s", signet.ErrMalformed},
		{item(&types.AttributeValueMemberNULL{Value: true}, num("1")), "p", signet.ErrMalformed},
		{item(str("1"), num("canary")), "s", signet.ErrMalformed},
	} {
		out, err := e.EncryptItem(ctx, tt.item)
		refused(t, "unusable key", out, err, tt.attribute, tt.class)
	}
	// Values that collide as text do not collide as keys.
	texts := map[string]bool{}
	for _, v := range []types.AttributeValue{str("1"), num("1"), bin('1'), str("MQ=="), str("N:1"), str("")} {
		text, err := keyText(v)
		if err != nil || texts[text] {
			t.Errorf("%v: %q, %v", v, text, err)
		}
		texts[text] = true
	}
}

func TestTamperedValuesAreRefused(t *testing.T) {
	ctx := context.Background()
	for _, s := range []*suite.Suite{suite.AES256GCMCommit(), suite.AES256GCMCommitECDSAP384()} {
		e := newEncryptor(t, Single(testKeyring(t)), FieldConfig{Fields: []string{"a"}, Suite: s})
		stored, err := e.EncryptItem(ctx, Item{"a": num("4711")})
		if err != nil {
			t.Fatal(err)
		}
		ct := stored["a"].(*types.AttributeValueMemberB).Value
		for i := range ct {
			for _, bit := range []byte{1, 0x80} {
				bad := bytes.Clone(ct)
				bad[i] ^= bit
				out, _, err := e.DecryptItem(ctx, Item{"a": bin(bad...)})
				known := errors.Is(err, signet.ErrMalformed) || errors.Is(err, signet.ErrAuthentication) || errors.Is(err, signet.ErrContext) ||
					errors.Is(err, signet.ErrNoKey) || errors.Is(err, signet.ErrPolicy) || errors.Is(err, io.ErrUnexpectedEOF) ||
					errors.Is(err, signet.ErrLimit) || errors.Is(err, signet.ErrUnsupported)
				if out != nil || !known {
					t.Fatalf("%v: byte %d bit %02x: got %v, %v", s, i, bit, out, err)
				}
			}
		}
		for n := range ct {
			out, _, err := e.DecryptItem(ctx, Item{"a": bin(ct[:n]...)})
			refused(t, fmt.Sprintf("cut at %d", n), out, err, "a", io.ErrUnexpectedEOF)
		}
		out, _, err := e.DecryptItem(ctx, Item{"a": bin(append(bytes.Clone(ct), 0)...)})
		refused(t, "a byte more", out, err, "a", signet.ErrMalformed)
	}
}

func TestPlaintextIsNotPassedThrough(t *testing.T) {
	ctx := context.Background()
	e := newEncryptor(t, Single(testKeyring(t)), FieldConfig{Fields: []string{"a", "b"}})
	for _, v := range []types.AttributeValue{str("canary"), num("1"), &types.AttributeValueMemberNULL{Value: true}, nil, (*types.AttributeValueMemberB)(nil),
		bin([]byte("canary")...), dict(Item{})} {
		out, _, err := e.DecryptItem(ctx, Item{"a": v})
		refused(t, fmt.Sprintf("%T", v), out, err, "a", signet.ErrMalformed)
	}
	out, _, err := e.DecryptItem(ctx, Item{"b": bin()})
	refused(t, "empty", out, err, "b", io.ErrUnexpectedEOF)
	// Nothing of an item comes back when one attribute fails.
	stored, err := e.EncryptItem(ctx, Item{"a": str("x"), "b": str("y")})
	if err != nil {
		t.Fatal(err)
	}
	stored["b"] = str("canary")
	out, info, err := e.DecryptItem(ctx, stored)
	refused(t, "one of two", out, err, "b", signet.ErrMalformed)
	if info != nil {
		t.Errorf("got information %v with an error", info)
	}
}

func TestEncryptRefuses(t *testing.T) {
	ctx := context.Background()
	e := newEncryptor(t, Single(testKeyring(t)), FieldConfig{Fields: []string{"a"}, PartitionKey: "id"})
	loop := Item{}
	loop["again"] = dict(loop)
	deep := array()
	for range 31 {
		deep = array(deep)
	}
	for _, tt := range []struct {
		name  string
		v     types.AttributeValue
		class error
	}{
		{"nil", nil, signet.ErrMalformed},
		{"nil pointer", (*types.AttributeValueMemberS)(nil), signet.ErrMalformed},
		{"unknown member", &types.UnknownUnionMember{Tag: "canary"}, signet.ErrMalformed},
		{"nil in a list", array(nil), signet.ErrMalformed},
		{"nil in a map", dict(Item{"k": nil}), signet.ErrMalformed},
		{"number", num("canary"), signet.ErrMalformed},
		{"number too large", num("1e126"), signet.ErrLimit},
		{"not UTF-8", str("canary\xff"), signet.ErrMalformed},
		{"set twice", &types.AttributeValueMemberNS{Value: []string{"1", "1.0"}}, signet.ErrMalformed},
		{"empty key", dict(Item{"": str("")}), signet.ErrMalformed},
		{"32 deep", deep, signet.ErrLimit},
		{"endless", dict(loop), signet.ErrLimit},
	} {
		out, err := e.EncryptItem(ctx, Item{"a": tt.v})
		refused(t, tt.name, out, err, "a", tt.class)
	}
	out, err := e.EncryptItem(ctx, Item{"id": str("1"), "other": dict(loop)})
	refused(t, "endless copy", out, err, "other", signet.ErrLimit)
	// What was read without being decrypted.
	stored, err := e.EncryptItem(ctx, Item{"a": str("x")})
	if err != nil {
		t.Fatal(err)
	}
	out, err = e.EncryptItem(ctx, stored)
	refused(t, "encrypted twice", out, err, "a", signet.ErrMalformed)
	// A message of something else is a value like any other.
	ct, err := message.Encrypt(ctx, testKeyring(t), nil, keyring.EncryptionContext{"field": "b"})
	if err != nil {
		t.Fatal(err)
	}
	if stored, err = e.EncryptItem(ctx, Item{"a": bin(ct...)}); err != nil {
		t.Fatal(err)
	}
	if back, _, err := e.DecryptItem(ctx, stored); err != nil || !reflect.DeepEqual(back, Item{"a": bin(ct...)}) {
		t.Errorf("a message as a value: %v", err)
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
