package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/config/all"
	"github.com/signetkeys/signet/ddb"
	"github.com/signetkeys/signet/keyring/pkcs11"
	"github.com/signetkeys/signet/message"
)

const demoID = "patient-4711"

func demoItem() map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"id":        &types.AttributeValueMemberS{Value: demoID},
		"clinic":    &types.AttributeValueMemberS{Value: "north"},
		"name":      &types.AttributeValueMemberS{Value: "Ada Example"},
		"ssn":       &types.AttributeValueMemberS{Value: "078-05-1120"},
		"balance":   &types.AttributeValueMemberN{Value: "1234.56"},
		"diagnoses": &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberS{Value: "hay fever"}, &types.AttributeValueMemberS{Value: "fractured wrist"}}},
	}
}

// demoSecrets are the texts of the item that must not be found in what is stored.
func demoSecrets() []string {
	return []string{"Ada Example", "078-05-1120", "1234.56", "hay fever", "fractured wrist"}
}

func (d *demo) encryptor(k *config.Opened) (*ddb.FieldEncryptor, error) {
	return ddb.NewFieldEncryptor(ddb.Single(k), ddb.FieldConfig{Fields: d.fields, PartitionKey: d.table.partitionKey})
}

func (d *demo) putItem(ctx context.Context) error {
	d.item, d.fields = demoItem(), []string{"balance", "diagnoses", "name", "ssn"}
	k, err := all.Mux().OpenAll(ctx, []string{d.hsm, d.raw}, d.env())
	if err != nil {
		return err
	}
	defer k.Close()
	enc, err := d.encryptor(k)
	if err != nil {
		return err
	}
	stored, err := enc.EncryptItem(ctx, d.item)
	if err != nil {
		return err
	}
	if err := d.table.put(ctx, stored, false); err != nil {
		return err
	}
	d.title("An item of %d attributes; %d of them are encrypted, each so that either key opens it.", len(d.item), len(d.fields))
	return d.show(d.item)
}

// show prints one attribute a line, in DynamoDB JSON unless it is binary.
func (d *demo) show(item map[string]types.AttributeValue) error {
	for _, name := range slices.Sorted(maps.Keys(item)) {
		if b, ok := item[name].(*types.AttributeValueMemberB); ok {
			d.say("%-10s %d bytes: %x...", name, len(b.Value), b.Value[:min(16, len(b.Value))])
			continue
		}
		j, err := json.Marshal(valueJSON(item[name]))
		if err != nil {
			return err
		}
		d.say("%-10s %s", name, j)
	}
	return nil
}

func (d *demo) showStored(ctx context.Context) error {
	items, err := d.scan(ctx)
	if err != nil {
		return err
	}
	if len(items) != 1 {
		return fmt.Errorf("the table has %d items and should have 1", len(items))
	}
	d.title("What DynamoDB stores, seen by a plain client:")
	if err := d.show(items[0]); err != nil {
		return err
	}
	for _, secret := range demoSecrets() {
		if holds(items[0], secret) {
			return fmt.Errorf("the stored item holds the secret text %q in the clear", secret)
		}
	}
	d.say("None of the %d secret texts is in it.", len(demoSecrets()))
	return nil
}

// holds looks for text in every string and byte of an item.
func holds(item map[string]types.AttributeValue, secret string) bool {
	for name, v := range item {
		j, err := json.Marshal(valueJSON(v))
		b, isBinary := v.(*types.AttributeValueMemberB)
		if err != nil || bytes.Contains(j, []byte(secret)) || name == secret || isBinary && bytes.Contains(b.Value, []byte(secret)) {
			return true
		}
	}
	return false
}

// open reads the item and decrypts it with one keyring.
func (d *demo) open(ctx context.Context, keyring string) (map[string]types.AttributeValue, error) {
	k, err := all.Mux().OpenToDecrypt(ctx, []string{keyring}, d.env())
	if err != nil {
		return nil, err
	}
	defer k.Close()
	enc, err := d.encryptor(k)
	if err != nil {
		return nil, err
	}
	stored, err := d.table.get(ctx, map[string]types.AttributeValue{"id": d.item["id"]})
	if err != nil {
		return nil, err
	}
	item, _, err := enc.DecryptItem(ctx, stored)
	return item, err
}

func (d *demo) openEqual(ctx context.Context, keyring string) error {
	got, err := d.open(ctx, keyring)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(itemJSON(got), itemJSON(d.item)) {
		return errors.New("the item that was read differs from the one that was put")
	}
	return nil
}

func (d *demo) readBack(ctx context.Context) error {
	if err := d.openEqual(ctx, d.hsm); err != nil {
		return err
	}
	d.title("Read back with the HSM key: verified, and equal to what was put.")
	return nil
}

func (d *demo) tamper(ctx context.Context) error {
	const field = "ssn"
	stored, err := d.table.get(ctx, map[string]types.AttributeValue{"id": d.item["id"]})
	if err != nil {
		return err
	}
	changed := maps.Clone(stored)
	b, ok := stored[field].(*types.AttributeValueMemberB)
	if !ok {
		return fmt.Errorf("attribute %s is not encrypted", field)
	}
	o, err := message.ParseOutline(b.Value)
	if err != nil {
		return err
	}
	flipped := bytes.Clone(b.Value)
	flipped[o.HeaderLen+int(o.BodyLen)-1] ^= 1
	changed[field] = &types.AttributeValueMemberB{Value: flipped}
	if err := d.table.put(ctx, changed, true); err != nil {
		return err
	}
	_, err = d.open(ctx, d.hsm)
	switch {
	case err == nil:
		return errors.New("an item with a flipped bit was accepted")
	case !errors.Is(err, signet.ErrAuthentication):
		return err
	}
	d.title("One bit of %s flipped in the table: reading is refused.", field)
	d.say("%s", printable(err.Error()))
	return d.table.put(ctx, stored, true)
}

func (d *demo) openWithRawKey(ctx context.Context) error {
	if err := d.openEqual(ctx, d.raw); err != nil {
		return err
	}
	d.title("The same item with the raw AES key alone, without the HSM: verified and equal.")
	return nil
}

func (d *demo) count(ctx context.Context) (err error) {
	if d.cached, err = d.countWraps(ctx, false); err != nil {
		return err
	}
	if d.uncached, err = d.countWraps(ctx, true); err != nil {
		return err
	}
	d.title("%d puts of one encrypted field: %d operation in the HSM with the data-key cache, %d without.", demoPuts, d.cached, d.uncached)
	if d.cached != 1 || d.uncached != demoPuts {
		return fmt.Errorf("%d puts took %d operations in the HSM with the cache and %d without; 1 and %d were expected", demoPuts, d.cached, d.uncached, demoPuts)
	}
	return nil
}

// countWraps puts items with one encrypted field and returns how many data keys the HSM wrapped for that.
func (d *demo) countWraps(ctx context.Context, withoutCache bool) (uint64, error) {
	cfg, err := all.PKCS11(d.hsm, d.env())
	if err != nil {
		return 0, err
	}
	k, err := pkcs11.New(ctx, cfg)
	if err != nil {
		return 0, err
	}
	defer k.Close()
	enc, err := ddb.NewFieldEncryptor(ddb.Single(k), ddb.FieldConfig{Fields: []string{"ssn"}, PartitionKey: d.table.partitionKey, DisableCaching: withoutCache})
	if err != nil {
		return 0, err
	}
	for i := range demoPuts {
		item := map[string]types.AttributeValue{
			"id":  &types.AttributeValueMemberS{Value: fmt.Sprintf("count-%d", i)},
			"ssn": d.item["ssn"],
		}
		stored, err := enc.EncryptItem(ctx, item)
		if err != nil {
			return 0, err
		}
		if err := d.table.put(ctx, stored, true); err != nil {
			return 0, err
		}
	}
	return k.Stats().Wraps, nil
}
