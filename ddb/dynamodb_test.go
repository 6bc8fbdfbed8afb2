package ddb_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/ddb"
)

// recorder keeps every byte that goes over the wire.
type recorder struct {
	next http.RoundTripper
	mu   sync.Mutex
	wire bytes.Buffer
}

func (r *recorder) record(b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wire.Write(b)
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		r.record(body)
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	r.record(body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, err
}

// newTable makes a table with partition key "id" (S) and sort key "n" (N) in the store of SIGNET_TEST_DYNAMODB, and says what the
// returned client sent and received.
func newTable(t *testing.T) (*dynamodb.Client, *recorder, string) {
	t.Helper()
	endpoint := os.Getenv("SIGNET_TEST_DYNAMODB")
	if endpoint == "" {
		const missing = "SIGNET_TEST_DYNAMODB is not set: no DynamoDB to test with (scripts/with-services.sh starts one)"
		if os.Getenv("SIGNET_REQUIRE_TOOLS") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	// The account of the emulator is the access key: nothing is shared with other tests.
	account, err := rand.Int(rand.Reader, big.NewInt(1e12))
	if err != nil {
		t.Fatal(err)
	}
	rec := &recorder{next: http.DefaultTransport}
	client := dynamodb.New(dynamodb.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(endpoint), HTTPClient: &http.Client{Transport: rec},
		Credentials: credentials.NewStaticCredentialsProvider(fmt.Sprintf("%012d", account), "secret", ""),
	})
	table := "fields-" + rand.Text()
	_, err = client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}, {AttributeName: aws.String("n"), AttributeType: types.ScalarAttributeTypeN}},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("n"), KeyType: types.KeyTypeRange}},
	})
	var exists *types.ResourceInUseException
	if errors.As(err, &exists) { // the name is random: the answer to a first request was lost, and the client sent a second
		err = nil
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := client.DeleteTable(context.WithoutCancel(t.Context()), &dynamodb.DeleteTableInput{TableName: &table})
		var gone *types.ResourceNotFoundException // the same here
		if err != nil && !errors.As(err, &gone) {
			t.Error(err)
		}
	})
	return client, rec, table
}

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }
func bin(s string) types.AttributeValue { return &types.AttributeValueMemberB{Value: []byte(s)} }
func dict(m ddb.Item) types.AttributeValue {
	return &types.AttributeValueMemberM{Value: m}
}
func array(l ...types.AttributeValue) types.AttributeValue {
	return &types.AttributeValueMemberL{Value: append([]types.AttributeValue{}, l...)}
}

const canary = "canary-7f3a91"

// storedTypes has secrets of every type. Numbers are in normal form, so that they compare as text.
func storedTypes() ddb.Item {
	return ddb.Item{
		"s": str(canary), "s-empty": str(""), "n": num("7391555042"), "n-digits": num("12345678901234567890123456789012345678"), "n-small": num("-0.00025"),
		"b": bin("\x00" + canary), "b-empty": bin(""), "yes": &types.AttributeValueMemberBOOL{Value: true}, "no": &types.AttributeValueMemberBOOL{},
		"null": &types.AttributeValueMemberNULL{Value: true}, "ss": &types.AttributeValueMemberSS{Value: []string{"a", canary}},
		"ns": &types.AttributeValueMemberNS{Value: []string{"1", "7391555042"}}, "bs": &types.AttributeValueMemberBS{Value: [][]byte{[]byte("\x01"), []byte(canary)}},
		"l":       array(str(canary), array(), num("7391555042"), &types.AttributeValueMemberNULL{Value: true}),
		"l-empty": array(), "m": dict(ddb.Item{canary: str("name of an entry"), "deep": dict(ddb.Item{"b": bin(canary)})}), "m-empty": dict(ddb.Item{}),
	}
}

// leaks returns the traces of the canaries in b: as text, as hexadecimal, and inside base64 at each of its three alignments.
func leaks(b []byte) (found []string) {
	for _, secret := range []string{canary, "7391555042", "12345678901234567890123456789012345678", "0.00025"} {
		forms := []string{secret, hex.EncodeToString([]byte(secret))}
		for shift := range 3 {
			// Characters at the edges depend on the neighbours.
			enc := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("?", shift) + secret))
			whole := len(secret) + shift - (len(secret)+shift)%3
			forms = append(forms, enc[(shift*4+2)/3:whole/3*4])
		}
		for _, form := range forms {
			if bytes.Contains(b, []byte(form)) {
				found = append(found, form)
			}
		}
	}
	return found
}

func TestLeaksAreFound(t *testing.T) {
	for _, name := range []string{"s", "n", "n-digits", "n-small", "b", "ss", "ns", "bs", "l", "m"} {
		if v := flatten(storedTypes()[name]); len(leaks(v)) == 0 {
			t.Errorf("%s: nothing found in %q", name, v)
		}
	}
	for shift := range 3 {
		enc := base64.StdEncoding.EncodeToString([]byte("abcde"[:shift] + canary + "xyz"))
		if len(leaks([]byte(enc))) == 0 {
			t.Errorf("not found in base64 at alignment %d", shift)
		}
	}
	if got := leaks([]byte("nothing here")); got != nil {
		t.Errorf("found %q in nothing", got)
	}
}

// flatten returns all bytes of a value, names included.
func flatten(v types.AttributeValue) []byte {
	var b []byte
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		b = append(b, v.Value...)
	case *types.AttributeValueMemberN:
		b = append(b, v.Value...)
	case *types.AttributeValueMemberB:
		b = append(b, v.Value...)
	case *types.AttributeValueMemberSS:
		b = append(b, strings.Join(v.Value, " ")...)
	case *types.AttributeValueMemberNS:
		b = append(b, strings.Join(v.Value, " ")...)
	case *types.AttributeValueMemberBS:
		b = bytes.Join(v.Value, nil)
	case *types.AttributeValueMemberL:
		for _, e := range v.Value {
			b = append(b, flatten(e)...)
		}
	case *types.AttributeValueMemberM:
		for k, e := range v.Value {
			b = append(append(b, k...), flatten(e)...)
		}
	}
	return b
}

func TestDynamoDB(t *testing.T) {
	client, rec, table := newTable(t)
	ctx := t.Context()
	secrets := storedTypes()
	cfg := ddb.FieldConfig{PartitionKey: "id", SortKey: "n"}
	item := ddb.Item{"id": str("u-1"), "n": num("5"), "public": dict(ddb.Item{"seen": str("in the clear")})}
	for name, v := range secrets {
		cfg.Fields = append(cfg.Fields, "x-"+name)
		item["x-"+name] = v
	}
	for _, bind := range []bool{false, true} {
		cfg.BindKey = bind
		enc, err := ddb.NewFieldEncryptor(ddb.Single(newKeyring("k")), cfg)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := enc.EncryptItem(ddb.WithTenant(ctx, "acme"), item)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: stored}); err != nil {
			t.Fatal(err)
		}
		// A plain client.
		scan, err := client.Scan(ctx, &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
		if err != nil {
			t.Fatal(err)
		}
		if len(scan.Items) != 1 {
			t.Fatalf("the scan has %d items", len(scan.Items))
		}
		seen := flatten(dict(scan.Items[0]))
		if found := leaks(seen); found != nil {
			t.Errorf("a plain client sees %q", found)
		}
		if !bytes.Contains(seen, []byte("in the clear")) || !bytes.Contains(rec.wire.Bytes(), []byte("in the clear")) {
			t.Error("the unprotected attribute is not seen: this test looks at the wrong bytes")
		}
		if found := leaks(rec.wire.Bytes()); found != nil {
			t.Errorf("over the wire go %q", found)
		}
		got, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: ddb.Item{"id": item["id"], "n": item["n"]}})
		if err != nil {
			t.Fatal(err)
		}
		back, info, err := enc.DecryptItem(ddb.WithTenant(ctx, "acme"), got.Item)
		if err != nil {
			t.Fatal(err)
		}
		if len(info.Attributes) != len(secrets) || len(back) != len(item) {
			t.Errorf("%d of %d attributes were decrypted, %d came back", len(info.Attributes), len(secrets), len(back))
		}
		for name, want := range item {
			if !reflect.DeepEqual(sorted(back[name]), sorted(want)) {
				t.Errorf("%s: got %#v, want %#v", name, back[name], want)
			}
		}
		refusals(t, client, table, enc, got.Item, bind)
	}
}

// refusals does to the stored item what somebody with write access to the table can do.
func refusals(t *testing.T, client *dynamodb.Client, table string, enc *ddb.FieldEncryptor, stored ddb.Item, bind bool) {
	t.Helper()
	ctx := t.Context()
	put := func(change func(ddb.Item)) (ddb.Item, error) {
		t.Helper()
		item := ddb.Item{}
		for k, v := range stored {
			item[k] = v
		}
		change(item)
		if _, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: item}); err != nil {
			t.Fatal(err)
		}
		got, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: ddb.Item{"id": item["id"], "n": item["n"]}})
		if err != nil {
			t.Fatal(err)
		}
		out, _, err := enc.DecryptItem(ddb.WithTenant(ctx, "acme"), got.Item)
		return out, err
	}
	for name, change := range map[string]func(ddb.Item){
		"swapped": func(i ddb.Item) { i["x-s"], i["x-b"] = i["x-b"], i["x-s"] },
		"plain":   func(i ddb.Item) { i["x-s"] = str("put there by somebody") },
		"tampered": func(i ddb.Item) {
			ct := bytes.Clone(i["x-s"].(*types.AttributeValueMemberB).Value)
			ct[len(ct)-1] ^= 1
			i["x-s"] = &types.AttributeValueMemberB{Value: ct}
		},
	} {
		class := map[string]error{"swapped": signet.ErrContext, "plain": signet.ErrMalformed, "tampered": signet.ErrAuthentication}[name]
		if out, err := put(change); out != nil || !errors.Is(err, class) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: got %v, %v, want class %v", name, out, err, class)
		}
	}
	out, err := put(func(i ddb.Item) { i["n"] = num("6") })
	if bind && (out != nil || !errors.Is(err, signet.ErrContext)) || !bind && err != nil {
		t.Errorf("copied to another item, bound %v: got %v", bind, err)
	}
	if _, err := client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &table, Key: ddb.Item{"id": stored["id"], "n": num("6")}}); err != nil {
		t.Fatal(err)
	}
	if out, _, err := enc.DecryptItem(ddb.WithTenant(ctx, "globex"), stored); out != nil || !errors.Is(err, signet.ErrContext) {
		t.Errorf("another tenant: got %v, %v", out, err)
	}
}

// sorted turns sets, whose order DynamoDB does not keep, into maps.
func sorted(v types.AttributeValue) any {
	set := map[string]bool{}
	switch v := v.(type) {
	case *types.AttributeValueMemberSS:
		for _, s := range v.Value {
			set[s] = true
		}
	case *types.AttributeValueMemberNS:
		for _, s := range v.Value {
			set[s] = true
		}
	case *types.AttributeValueMemberBS:
		for _, s := range v.Value {
			set[string(s)] = true
		}
	default:
		return v
	}
	return fmt.Sprintf("%T %v", v, set)
}
