package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/ddb"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/message"
	"github.com/spf13/cobra"
)

// maxItemText is the longest item in DynamoDB JSON, in bytes; DynamoDB's own limit is 400 KB.
const maxItemText = 4 << 20

type itemFlags struct {
	table, endpoint, region string
	partitionKey, sortKey   string
	key                     []string
	encrypt                 []string
	tenant, entity          string
	static                  []string
	bindKey, force          bool
}

func newItem(a *app) *cobra.Command {
	return group("item", "Put, get and inspect DynamoDB items with encrypted attributes", newItemPut(a), newItemGet(a), newItemInspect(a))
}

func (f *itemFlags) addTable(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.table, "table", "", "`NAME` of the table")
	s.StringVar(&f.endpoint, "endpoint", "", "DynamoDB endpoint `URL` (default: that of the AWS configuration)")
	s.StringVar(&f.region, "region", "", "AWS `REGION` (default: that of the AWS configuration)")
}

func (f *itemFlags) addFields(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringSliceVar(&f.encrypt, "encrypt", nil, "`NAMES` of encrypted attributes, separated by commas")
	s.StringVar(&f.partitionKey, "partition-key", "", "`NAME` of the partition key (default: asked of the table)")
	s.StringVar(&f.sortKey, "sort-key", "", "`NAME` of the sort key, with --partition-key")
	s.StringVar(&f.tenant, "tenant", "", "tenant `ID` bound to the encrypted attributes")
	s.StringVar(&f.entity, "entity", "", "entity `NAME` bound to the encrypted attributes")
	s.StringArrayVar(&f.static, "static", nil, "further pair `NAME=VALUE` bound to the encrypted attributes; repeat it for several")
	s.BoolVar(&f.bindKey, "bind-key", false, "bind the encrypted attributes to the item's key, so that they open in no other item")
}

func (f *itemFlags) addKey(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.key, "key", nil, "the item's `KEY`: DynamoDB JSON, or NAME=TYPE:VALUE once per key attribute")
}

// connect checks the flags that name the table and makes a client.
func (f *itemFlags) connect(a *app, cmd *cobra.Command) (*table, error) {
	if f.table == "" {
		return nil, &fault{code: codeUsage, err: errors.New("--table is missing")}
	}
	if f.sortKey != "" && f.partitionKey == "" {
		return nil, &fault{code: codeUsage, err: errors.New("--sort-key needs --partition-key")}
	}
	client, err := a.newDynamoDB(cmd.Context(), f.endpoint, f.region)
	if err != nil {
		return nil, err
	}
	return &table{name: f.table, client: client, partitionKey: f.partitionKey, sortKey: f.sortKey}, nil
}

// encryptor makes the field encryptor for these attributes.
func (f *itemFlags) encryptor(a *app, k *config.Opened, t *table, fields []string) (*ddb.FieldEncryptor, error) {
	static, err := pairsOf("--static NAME=VALUE", f.static)
	if err != nil {
		return nil, err
	}
	return ddb.NewFieldEncryptor(ddb.Single(k), ddb.FieldConfig{
		Fields: fields, PartitionKey: t.partitionKey, SortKey: t.sortKey, Entity: f.entity, Static: static, BindKey: f.bindKey,
		OnDegraded: func(_ string, attempts []keyring.Attempt) { a.degraded(attempts) },
	})
}

// parseKey reads --key: DynamoDB JSON, or NAME=TYPE:VALUE arguments with type S, N or B.
func parseKey(args []string) (map[string]types.AttributeValue, error) {
	fail := func(format string, args ...any) (map[string]types.AttributeValue, error) {
		return nil, &fault{code: codeItemArgument, err: fmt.Errorf("--key: "+format, args...)}
	}
	if len(args) == 0 {
		return fail("missing")
	}
	key := make(map[string]types.AttributeValue)
	for _, arg := range args {
		if strings.HasPrefix(strings.TrimSpace(arg), "{") {
			part, err := parseItem([]byte(arg))
			if err != nil {
				return fail("%v", err)
			}
			for name := range part {
				if _, twice := key[name]; twice {
					return fail("attribute %s is given twice", shown(name))
				}
			}
			maps.Copy(key, part)
			continue
		}
		name, typed, ok := strings.Cut(arg, "=")
		typ, value, ok2 := strings.Cut(typed, ":")
		if !ok || !ok2 || name == "" {
			return fail("neither DynamoDB JSON nor NAME=TYPE:VALUE")
		}
		if _, twice := key[name]; twice {
			return fail("attribute %s is given twice", shown(name))
		}
		switch typ {
		case "S":
			key[name] = &types.AttributeValueMemberS{Value: value}
		case "N":
			key[name] = &types.AttributeValueMemberN{Value: value}
		case "B":
			b, err := base64.StdEncoding.Strict().DecodeString(value)
			if err != nil {
				return fail("attribute %s is not standard base64 with padding", shown(name))
			}
			key[name] = &types.AttributeValueMemberB{Value: b}
		default:
			return fail("attribute %s: the type is S, N or B", shown(name))
		}
	}
	return key, nil
}

// encryptedFields finds the attributes of an item that claim to be encrypted: of type B, a message that names the attribute.
func encryptedFields(item map[string]types.AttributeValue) []string {
	var out []string
	for name, v := range item {
		b, ok := v.(*types.AttributeValueMemberB)
		if !ok {
			continue
		}
		if h, _, err := message.ParseHeader(b.Value); err == nil && h.Context["field"] == name {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// sameEncrypted compares what no other writer can have written: the encrypted attributes, each with its random message id.
func sameEncrypted(got, want map[string]types.AttributeValue) bool {
	fields := encryptedFields(want)
	for _, name := range fields {
		g, ok := got[name].(*types.AttributeValueMemberB)
		if !ok || !bytes.Equal(g.Value, want[name].(*types.AttributeValueMemberB).Value) {
			return false
		}
	}
	return len(fields) > 0
}
