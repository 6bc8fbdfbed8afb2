package ddb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

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
