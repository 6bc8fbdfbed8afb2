package ddb

import (
	"bytes"
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/signetkeys/signet/internal/attr"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

var update = flag.Bool("update", false, "remake the examples of docs/formats/field.md")

const document = "../docs/formats/field.md"

// What the examples of the document say in words.
var examples = []struct {
	name, field, tenant string
	cfg                 FieldConfig
	key                 Item
	value               types.AttributeValue
}{
	{name: "S", field: "note", cfg: FieldConfig{Suite: suite.AES256GCMCommit()}, value: str("hello")},
	{name: "N", field: "pay", tenant: "acme", value: num("12.50")},
	{name: "M", field: "flags", cfg: FieldConfig{Suite: suite.AES256GCMCommit(), Entity: "User"}, value: dict(Item{
		"b": &types.AttributeValueMemberSS{Value: []string{"y", "x"}}, "a": &types.AttributeValueMemberBOOL{Value: true}})},
	{name: "B", field: "pin", cfg: FieldConfig{Suite: suite.AES256GCMCommit(), BindKey: true, PartitionKey: "id", SortKey: "n"},
		key: Item{"id": str("u-1"), "n": num("7.0")}, value: bin(0xca, 0xfe)},
}

// block prints one example as the document shows it.
func block(plaintext, ec, message []byte) string {
	var b strings.Builder
	for _, part := range []struct {
		name string
		b    []byte
	}{{"plaintext", plaintext}, {"context", ec}, {"message", message}} {
		fmt.Fprintf(&b, "%s (%d bytes)\n", part.name, len(part.b))
		for h := hex.EncodeToString(part.b); h != ""; {
			n := min(len(h), 96)
			b.WriteString("  " + h[:n] + "\n")
			h = h[n:]
		}
	}
	return b.String()
}

// unblock returns the three byte strings of a printed example.
func unblock(t *testing.T, text string) (parts [3][]byte) {
	t.Helper()
	i := -1
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "  ") {
			i++
			continue
		}
		b, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil || i < 0 || i > 2 {
			t.Fatalf("line %q: %v", line, err)
		}
		parts[i] = append(parts[i], b...)
	}
	return parts
}

func TestFieldDocument(t *testing.T) {
	doc, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	k := rawKeyring(t, "example", "field-key", sequence(32))
	for _, ex := range examples {
		t.Run(ex.name, func(t *testing.T) {
			e := newEncryptor(t, Single(k), ex.cfg)
			ctx := WithTenant(context.Background(), ex.tenant)
			v, err := valueOf(ex.value, 0)
			if err != nil {
				t.Fatal(err)
			}
			plaintext, err := attr.AppendValue(nil, v)
			if err != nil {
				t.Fatal(err)
			}
			pairs, err := e.cfg.keyPairs(opEncrypt, ex.key)
			if err != nil {
				t.Fatal(err)
			}
			ec := e.cfg.pairs(ex.tenant, pairs)
			ec["field"] = ex.field
			if ex.name != "S" {
				ec["type"] = ex.name
			}
			r, err := keyring.NewRequest(suite.AES256GCMCommit(), ec)
			if err != nil {
				t.Fatal(err)
			}
			re := regexp.MustCompile("(?s)(\n```example " + ex.name + "\n)(.*?)(```\n)")
			if *update {
				stored, err := e.EncryptValue(ctx, ex.field, ex.value, ex.key)
				if err != nil {
					t.Fatal(err)
				}
				doc = re.ReplaceAll(doc, []byte("${1}"+block(plaintext, r.AAD, stored.(*types.AttributeValueMemberB).Value)+"${3}"))
			}
			found := re.FindSubmatch(doc)
			if found == nil {
				t.Fatal("the document has no such example")
			}
			parts := unblock(t, string(found[2]))
			if got := block(parts[0], parts[1], parts[2]); got != string(found[2]) {
				t.Errorf("the lengths of the example are wrong, want\n%s", got)
			}
			if !bytes.Equal(parts[0], plaintext) || !bytes.Equal(parts[1], r.AAD) {
				t.Errorf("got plaintext %x and context %x, want %x and %x", parts[0], parts[1], plaintext, r.AAD)
			}
			if price := fmt.Sprintf("(%d bytes for the %d bytes of", len(parts[2])-len(plaintext), len(plaintext)); (ex.name == "S" || ex.name == "N") &&
				!strings.Contains(string(doc), price) {
				t.Errorf("section 5 does not say %q", price)
			}
			back, info, err := e.DecryptValue(ctx, ex.field, &types.AttributeValueMemberB{Value: parts[2]}, ex.key)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := valueOf(back, 0); err != nil || !attr.Equal(got, v) || info.Type != ex.name {
				t.Errorf("the message holds %v, type %s, %v", got, info.Type, err)
			}
			got := maps.Clone(info.Context)
			delete(got, keyring.PublicKeyName)
			if !reflect.DeepEqual(got, ec) {
				t.Errorf("the message has pairs %q, want %q", got, ec)
			}
		})
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(document, doc, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
