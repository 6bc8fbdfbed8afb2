package main

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/signetkeys/signet"
)

const everyType = `{"b":{"B":"AAEC"},"bool":{"BOOL":false},"bs":{"BS":["AA==","AQ=="]},"l":{"L":[{"S":""},{"L":[]},{"M":{}}]},` +
	`"m":{"M":{"x":{"N":"1.50"},"":{"S":"e"}}},"n":{"N":"-12e3"},"ns":{"NS":["1","2"]},"null":{"NULL":true},"s":{"S":"<&> ä"},"ss":{"SS":["a"]}}`

func TestItemJSON(t *testing.T) {
	item, err := parseItem([]byte(everyType))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]types.AttributeValue{
		"b":    &types.AttributeValueMemberB{Value: []byte{0, 1, 2}},
		"bool": &types.AttributeValueMemberBOOL{Value: false},
		"bs":   &types.AttributeValueMemberBS{Value: [][]byte{{0}, {1}}},
		"l": &types.AttributeValueMemberL{Value: []types.AttributeValue{
			&types.AttributeValueMemberS{}, &types.AttributeValueMemberL{Value: []types.AttributeValue{}},
			&types.AttributeValueMemberM{Value: map[string]types.AttributeValue{}},
		}},
		"m": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
			"x": &types.AttributeValueMemberN{Value: "1.50"}, "": &types.AttributeValueMemberS{Value: "e"},
		}},
		"n": &types.AttributeValueMemberN{Value: "-12e3"}, "ns": &types.AttributeValueMemberNS{Value: []string{"1", "2"}},
		"null": &types.AttributeValueMemberNULL{Value: true}, "s": &types.AttributeValueMemberS{Value: "<&> ä"},
		"ss": &types.AttributeValueMemberSS{Value: []string{"a"}},
	}
	if !reflect.DeepEqual(item, want) {
		t.Fatalf("got %+v, want %+v", item, want)
	}
	text, err := json.Marshal(itemJSON(item))
	if err != nil {
		t.Fatal(err)
	}
	again, err := parseItem(text)
	if err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("printed as %s, which is %+v, %v", text, again, err)
	}
	if got := typeName(want["ns"]); got != "NS" {
		t.Errorf("type name: got %s, want NS", got)
	}
}

func TestItemJSONRefuses(t *testing.T) {
	deep := func(n int) string {
		return `{"a":` + strings.Repeat(`{"L":[`, n) + `{"S":""}` + strings.Repeat(`]}`, n) + `}`
	}
	if _, err := parseItem([]byte(deep(maxNesting))); err != nil {
		t.Errorf("%d levels: %v", maxNesting, err)
	}
	for _, c := range []struct{ in, reason string }{
		{``, "EOF"}, {`{`, "EOF"}, {`{"a":{"S":"x"}`, "EOF"}, {`{"a":{"L":[`, "EOF"},
		{`[]`, "expected"}, {`null`, "expected"}, {`{"a":"canary"}`, "expected"}, {`{"a":{}}`, "a type such as"},
		{`{"a":{"S":"canary","N":"1"}}`, "two types"}, {`{"a":{"S":1}}`, "a string expected"}, {`{"a":{"N":1}}`, "numbers are strings too"},
		{`{"a":{"X":"canary"}}`, "unknown type"}, {`{"a":{"s":"canary"}}`, "unknown type"},
		{`{"Item":{"id":{"S":"canary"}}}`, `"Item" wraps the item`}, {`{"Item":{"Q":"canary"}}`, `"Item" wraps`}, {`{"a":{"M":{"Item":{"id":{"S":"canary"}}}}}`, "unknown type"},
		{`{"a":{"NULL":false}}`, "NULL must be true"},
		{`{"a":{"BOOL":"true"}}`, "true or false"}, {`{"a":{"B":"canary!"}}`, "base64"}, {`{"a":{"B":"AA"}}`, "base64"},
		{`{"a":{"S":"x"},"a":{"S":"canary"}}`, "given twice"}, {`{"a":{"M":{"b":{"S":""},"b":{"S":""}}}}`, "given twice"},
		{`{} {}`, "text behind"}, {`{}x`, "text behind"}, {"{\"a\":{\"S\":\"\xff\"}}", "UTF-8"}, {`{"a":{"SS":"canary"}}`, "expected"},
		{deep(maxNesting + 1), "nested deeper"},
	} {
		_, err := parseItem([]byte(c.in))
		if err == nil || !strings.Contains(err.Error(), c.reason) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%.60s: got %v, want an error with %q and no value", c.in, err, c.reason)
			continue
		}
		if !errors.Is(err, signet.ErrMalformed) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%.60s: %v is neither malformed nor truncated", c.in, err)
		}
	}
}

// A half of a pair is refused and not replaced, in names and in values, and the error says where it is.
func TestItemJSONSurrogates(t *testing.T) {
	for _, c := range []struct {
		in     string
		offset int64
	}{
		{`{"a":{"S":"\ud800"}}`, 11}, {`{"a":{"S":"xy\uDFFF"}}`, 13}, {`{"\ud800":{"S":""}}`, 2}, {`{"a":{"SS":["\ud83dx"]}}`, 13},
		{`{"a":{"S":"\ud83d\ud83d\ude00"}}`, 11}, {`{"a":{"S":"\ud83d\ude00\ude00"}}`, 23}, {`{"a":{"S":"\ud83d\n"}}`, 11},
		{`{"a":{"S":"\ud83d\\ude00"}}`, 11}, {`{"a":{"S":"\\\ud800"}}`, 13}, {`{"a":{"S":"\ud83d\u0041"}}`, 11},
	} {
		_, err := parseItem([]byte(c.in))
		var bad *itemError
		if !errors.As(err, &bad) || bad.offset != c.offset || !strings.Contains(bad.reason, "surrogate") || codeOf(err) != codeMalformed {
			t.Errorf("%s: got %v, want half of a surrogate pair at byte %d", c.in, err, c.offset)
		}
	}
	for in, want := range map[string]string{
		`{"a":{"S":"\ud83d\ude00"}}`: "\U0001F600", `{"a":{"S":"\\ud800"}}`: `\ud800`, `{"a":{"S":"\ufffd\\"}}`: "\uFFFD\\", `{"a":{"S":"\"\\\ud83d\ude00"}}`: "\"\\\U0001F600",
	} {
		item, err := parseItem([]byte(in))
		if err != nil || !reflect.DeepEqual(item["a"], &types.AttributeValueMemberS{Value: want}) {
			t.Errorf("%s: got %+v, %v, want %q", in, item, err, want)
		}
	}
	for _, in := range []string{`{"a":{"S":"\ud8`, `{"a":{"S":"\ud83d\u`, `{"a":{"S":"\`, `\`, `{"a":{"S":"\u+d80"}}`} { // whatever is wrong first
		if _, err := parseItem([]byte(in)); err == nil {
			t.Errorf("%s: no error", in)
		}
	}
}

func FuzzParseItem(f *testing.F) {
	f.Add(everyType)
	f.Add(`{"a":{"L":[{"M":{"b":{"B":"AA=="}}}]}}`)
	f.Fuzz(func(t *testing.T, s string) {
		item, err := parseItem([]byte(s))
		if err != nil {
			if !errors.Is(err, signet.ErrMalformed) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%q: %v is neither malformed nor truncated", s, err)
			}
			return
		}
		text, err := json.Marshal(itemJSON(item))
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseItem(text)
		if err != nil || !reflect.DeepEqual(again, item) {
			t.Fatalf("%q: printed as %s, which is %+v, %v", s, text, again, err)
		}
	})
}

func TestParseKey(t *testing.T) {
	want := map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "a:b=c"}, "sk": &types.AttributeValueMemberN{Value: "7"},
	}
	for _, args := range [][]string{
		{`{"pk":{"S":"a:b=c"},"sk":{"N":"7"}}`}, {"pk=S:a:b=c", "sk=N:7"}, {`{"sk":{"N":"7"}}`, "pk=S:a:b=c"},
	} {
		if got, err := parseKey(args); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, %v", args, got, err)
		}
	}
	for _, args := range [][]string{nil, {"pk"}, {"pk=a"}, {"=S:a"}, {"pk=X:a"}, {"pk=B:!"}, {"pk=S:a", "pk=S:b"}, {`{"pk":{"S":"a"}}`, `{"pk":{"S":"a"}}`}, {`{"pk":`}} {
		if _, err := parseKey(args); codeOf(err) != codeItemArgument {
			t.Errorf("%q: got %v, want the code for item arguments", args, err)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"": false, "http://127.0.0.1:8000": true, "http://localhost:8000": true, "http://[::1]:8000": true, "https://127.1.2.3": true,
		"https://dynamodb.eu-west-1.amazonaws.com": false, "http://127.0.0.1.example.com": false, "http://localhost.example.com": false, "http://10.0.0.1:8000": false,
	} {
		if got, err := isLoopback(endpoint); got != want || err != nil {
			t.Errorf("%s: got %t, %v; want %t", endpoint, got, err, want)
		}
	}
	for _, bad := range []string{"127.0.0.1:8000", "ftp://x", "http://", "http://user:canary@127.0.0.1", "http://127.0.0.1:x\x00"} {
		if _, err := isLoopback(bad); codeOf(err) != codeConfig || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}
