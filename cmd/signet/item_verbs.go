package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/signetkeys/signet/ddb"
	"github.com/spf13/cobra"
)

func newItemPut(a *app) *cobra.Command {
	var f itemFlags
	cmd := &cobra.Command{
		Use:   "put [FILE]",
		Short: "Encrypt attributes of an item and put it into a table",
		Long: `put reads an item in DynamoDB JSON, {"pk":{"S":"a"},...}, from a file or standard input, encrypts the attributes
named by --encrypt and puts the item. An item with the same key is left alone unless --force is given.`,
		Example: `  signet item put -k "$KEYRING" --table people --encrypt ssn,notes person.json`,
		Args:    atMostOne,
		RunE:    func(cmd *cobra.Command, args []string) error { return a.itemPut(cmd, args, &f) },
	}
	f.addTable(cmd)
	f.addFields(cmd)
	cmd.Flags().BoolVar(&f.force, "force", false, "replace an item with the same key")
	return cmd
}

func newItemGet(a *app) *cobra.Command {
	var f itemFlags
	cmd := &cobra.Command{
		Use:   "get",
		Short: "Get an item and decrypt its encrypted attributes",
		Long: `get prints an item in DynamoDB JSON with its encrypted attributes decrypted. --tenant, --entity, --static and --bind-key
must be those of the put. Without --encrypt the attributes that claim to be encrypted are decrypted: then an attribute
that somebody has replaced by plain text is printed as it is, and is not among those that stderr says were verified.`,
		Example: `  signet item get -k "$KEYRING" --table people --key id=S:4711 --encrypt ssn,notes`,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.itemGet(cmd, &f) },
	}
	f.addTable(cmd)
	f.addFields(cmd)
	f.addKey(cmd)
	return cmd
}

func newItemInspect(a *app) *cobra.Command {
	var f itemFlags
	cmd := &cobra.Command{
		Use:   "inspect [FILE]",
		Short: "Show what the attributes of an item claim, without any key",
		Long: `inspect prints type and size of each attribute of an item, and of encrypted ones what their header claims. The item comes from
a table (--table and --key) or, in DynamoDB JSON, from a file or standard input. Nothing that it prints is verified.`,
		Example: `  signet item inspect --table people --key id=S:4711
  signet item inspect item.json`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error { return a.itemInspect(cmd, args, &f) },
	}
	f.addTable(cmd)
	f.addKey(cmd)
	return cmd
}

// inspectHint points at the command that shows what the item claims, where that is what can help.
func (f *itemFlags) inspectHint(err error) error {
	c := codeOf(err)
	switch c {
	case codeNoKey, codeContext, codeMalformed, codeTruncated:
	default:
		return err
	}
	args := []string{"signet item inspect"}
	for _, flag := range []struct{ name, value string }{{"--table", f.table}, {"--endpoint", f.endpoint}, {"--region", f.region}} {
		if flag.value != "" {
			args = append(args, flag.name, shellQuote(printable(flag.value)))
		}
	}
	for _, k := range f.key {
		args = append(args, "--key", shellQuote(printable(k)))
	}
	return &fault{code: c, err: err, hint: strings.Join(args, " ") + " shows which keys and which context the attributes were written for"}
}

// itemHint shows what an item that could not be read should have looked like.
func itemHint(err error) error {
	if c := codeOf(err); c == codeMalformed || c == codeTruncated {
		return &fault{code: c, err: err, hint: `an item is one object of typed values, such as {"pk":{"S":"a"},"n":{"N":"1"}}`}
	}
	return err
}

// checkEncrypt refuses a name that is given twice.
func (f *itemFlags) checkEncrypt() error {
	names := slices.Sorted(slices.Values(f.encrypt))
	for i, name := range names {
		switch {
		case name == "":
			return &fault{code: codeUsage, err: errors.New("--encrypt: an empty name")}
		case i > 0 && name == names[i-1]:
			return &fault{code: codeUsage, err: fmt.Errorf("--encrypt: %s is given twice", shown(name))}
		}
	}
	return nil
}

type putJSON struct {
	Table     string         `json:"table"`
	Key       map[string]any `json:"key"`
	Encrypted []string       `json:"encrypted"`
}

func (a *app) itemPut(cmd *cobra.Command, args []string, f *itemFlags) error {
	ctx := cmd.Context()
	if len(f.encrypt) == 0 {
		return &fault{code: codeUsage, err: errors.New("--encrypt is missing: nothing would be encrypted"), hint: "name the attributes to encrypt with --encrypt NAME,NAME"}
	}
	if err := f.checkEncrypt(); err != nil {
		return err
	}
	t, err := f.connect(a, cmd)
	if err != nil {
		return err
	}
	in, err := a.openInput(args)
	if err != nil {
		return err
	}
	defer in.Close()
	item, err := in.readItem(ctx)
	if err != nil {
		return itemHint(err)
	}
	for _, name := range f.encrypt {
		if _, ok := item[name]; !ok {
			return &fault{code: codeItemArgument, err: fmt.Errorf("the item has no attribute %s, which --encrypt names", shown(name)), hint: "check the spelling; nothing was written"}
		}
	}
	if err := t.keySchema(ctx); err != nil {
		return err
	}
	key, err := t.keyOf(item)
	if err != nil {
		return err
	}
	k, err := a.openKeyring(ctx, true)
	if err != nil {
		return err
	}
	defer k.Close()
	enc, err := f.encryptor(a, k, t, f.encrypt)
	if err != nil {
		return err
	}
	stored, err := enc.EncryptItem(ddb.WithTenant(ctx, f.tenant), item)
	if err != nil {
		return err
	}
	if err := t.put(ctx, stored, f.force); err != nil {
		return err
	}
	fields := slices.Sorted(slices.Values(f.encrypt))
	if a.output != text {
		return a.printJSON(putJSON{t.name, itemJSON(key), fields})
	}
	a.note("put into %s; encrypted: %s", t.name, printable(strings.Join(fields, ", ")))
	return nil
}

func (a *app) itemGet(cmd *cobra.Command, f *itemFlags) error {
	ctx := cmd.Context()
	if err := f.checkEncrypt(); err != nil {
		return err
	}
	key, err := parseKey(f.key)
	if err != nil {
		return err
	}
	t, err := f.connect(a, cmd)
	if err != nil {
		return err
	}
	if err := t.keySchema(ctx); err != nil {
		return err
	}
	if err := t.checkKey(key); err != nil {
		return err
	}
	stored, err := t.get(ctx, key)
	if err != nil {
		return err
	}
	fields := f.encrypt
	for _, name := range fields {
		if _, ok := stored[name]; !ok {
			a.note("warning: the item has no attribute %s", shown(name))
		}
	}
	if len(fields) == 0 {
		fields = encryptedFields(stored)
	}
	if len(fields) == 0 {
		a.note("no attribute of this item is encrypted")
		return a.printJSON(itemJSON(stored))
	}
	k, err := a.openKeyring(ctx, false)
	if err != nil {
		return err
	}
	defer k.Close()
	enc, err := f.encryptor(a, k, t, fields)
	if err != nil {
		return err
	}
	item, info, err := enc.DecryptItem(ddb.WithTenant(ctx, f.tenant), stored)
	if err != nil {
		return f.inspectHint(err)
	}
	var verified []string
	for _, v := range info.Attributes {
		verified = append(verified, v.Name)
		a.passedOver(v.Attempts)
	}
	if len(verified) == 0 {
		a.note("nothing was decrypted: the item has none of these attributes")
	} else {
		a.note("decrypted and verified: %s", printable(strings.Join(verified, ", ")))
	}
	return a.printJSON(itemJSON(item))
}

type itemInspectJSON struct {
	Verified   bool                     `json:"verified"` // always false
	Attributes map[string]attributeJSON `json:"attributes"`
}

type attributeJSON struct {
	Type    string       `json:"type"`
	Bytes   *int         `json:"bytes,omitempty"` // type B
	Message *description `json:"message,omitempty"`
}

func (a *app) itemInspect(cmd *cobra.Command, args []string, f *itemFlags) error {
	ctx := cmd.Context()
	var item map[string]types.AttributeValue
	if f.table == "" {
		if len(f.key) > 0 {
			return &fault{code: codeUsage, err: errors.New("--key needs --table")}
		}
		in, err := a.openInput(args)
		if err != nil {
			return err
		}
		defer in.Close()
		if item, err = in.readItem(ctx); err != nil {
			return itemHint(err)
		}
	} else {
		if len(args) > 0 {
			return &fault{code: codeUsage, err: errors.New("either --table or a file, not both")}
		}
		key, err := parseKey(f.key)
		if err != nil {
			return err
		}
		t, err := f.connect(a, cmd)
		if err != nil {
			return err
		}
		switch err := t.keySchema(ctx); {
		case err == nil:
			if err := t.checkKey(key); err != nil {
				return err
			}
		case codeOf(err) == codeDenied: // who may only read items can do without
		default:
			return err
		}
		if item, err = t.get(ctx, key); err != nil {
			return err
		}
	}
	out := itemInspectJSON{Attributes: make(map[string]attributeJSON, len(item))}
	for name, v := range item {
		j := attributeJSON{Type: typeName(v)}
		if b, ok := v.(*types.AttributeValueMemberB); ok {
			n := len(b.Value)
			j.Bytes = &n
			j.Message, _ = describe(b.Value)
		}
		out.Attributes[name] = j
	}
	if a.output != text {
		return a.printJSON(out)
	}
	return a.print(out.text())
}

func (j *itemInspectJSON) text() string {
	var b strings.Builder
	b.WriteString("nothing shown here is verified\n")
	for _, name := range slices.Sorted(maps.Keys(j.Attributes)) {
		v := j.Attributes[name]
		fmt.Fprintf(&b, "%s: type %s", printable(name), v.Type)
		if v.Bytes != nil {
			fmt.Fprintf(&b, ", %d bytes", *v.Bytes)
		}
		if v.Message == nil {
			b.WriteString(", not encrypted\n")
			continue
		}
		m := v.Message
		fmt.Fprintf(&b, ", encrypted, suite %s\n", m.Suite.ID)
		for _, pair := range slices.Sorted(maps.Keys(m.Context)) {
			fmt.Fprintf(&b, "  context     %s = %s\n", printable(pair), strconv.Quote(m.Context[pair]))
		}
		for _, e := range m.EDKs {
			fmt.Fprintf(&b, "  data key %d  provider %s, %s, %d bytes\n", e.Index, strconv.Quote(e.Provider), e.what(), e.CiphertextBytes)
		}
		if m.Body == nil {
			b.WriteString("  damaged behind its header\n")
		} else {
			fmt.Fprintf(&b, "  plaintext   %d bytes\n", m.Body.PlaintextBytes)
		}
	}
	return b.String()
}
