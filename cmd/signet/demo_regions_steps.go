package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/ddb"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/message"
)

func (d *regionDemo) putItem(ctx context.Context) error {
	d.item, d.fields = demoItem(), []string{"balance", "diagnoses", "name", "ssn"}
	k, err := d.keyring(ctx, d.west, d.central)
	if err != nil {
		return err
	}
	stored, g, err := d.encrypt(ctx, k, d.item)
	if err != nil {
		return err
	}
	if len(g.attempts) > 0 {
		return errors.New("a write with both regions at hand was reported as degraded")
	}
	if err := d.replicate(ctx, stored, d.west, d.central); err != nil {
		return err
	}
	d.title("An item of %d attributes; %d of them are encrypted, each so that the key of either region opens it.", len(d.item), len(d.fields))
	if missing, err := d.listKeys(stored); err != nil || len(missing) > 0 {
		return errors.Join(err, unexpected(missing))
	}
	d.say("It is in the tables of both regions, as a global table would have it.")
	return nil
}

// replicate puts the same encrypted item into the tables of regions.
func (d *regionDemo) replicate(ctx context.Context, stored ddb.Item, regions ...*region) error {
	for _, r := range regions {
		if err := r.table.put(ctx, stored, true); err != nil {
			return err
		}
	}
	return nil
}

func unexpected(missing []string) error {
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("these keys have no data key in the item: %q", missing)
}

func (d *regionDemo) cut(ctx context.Context) error {
	d.west.proxy.cut.Store(true)
	d.seen.Cut = d.west.name
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := d.west.table.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &d.west.table.name, Key: ddb.Item{"id": d.item["id"]}},
		func(o *dynamodb.Options) { o.RetryMaxAttempts = 1 })
	if err == nil {
		return fmt.Errorf("%s answers although it was cut off", d.west.name)
	}
	d.title("%s is cut off: neither KMS nor DynamoDB answers there.", d.west.name)
	d.say("%s", printable(d.west.table.fail(ctx, "get from", err).Error()))
	return nil
}

func (d *regionDemo) readDuringOutage(ctx context.Context) error {
	k, err := d.keyring(ctx, d.west, d.central)
	if err != nil {
		return err
	}
	got, info, err := d.open(ctx, k, d.central)
	if err != nil {
		return err
	}
	if err := d.same(got); err != nil {
		return err
	}
	d.title("The item still opens, with the same keyring and from the table in %s: verified, and equal to what was put.", d.central.name)
	for _, a := range info.Attributes {
		if a.Name == "ssn" {
			d.seen.Attempts = attemptsJSON(a.Attempts)
		}
	}
	failed := slices.DeleteFunc(slices.Clone(d.seen.Attempts), func(a attemptJSON) bool { return a.Skipped })
	if len(failed) == 0 {
		return fmt.Errorf("%s was not tried first", d.west.name)
	}
	for _, a := range failed {
		d.say("tried first: %s", a.Error)
	}
	return nil
}

func (d *regionDemo) same(got ddb.Item) error {
	if !reflect.DeepEqual(itemJSON(got), itemJSON(d.item)) {
		return errors.New("the item that was read differs from the one that was put")
	}
	return nil
}

func (d *regionDemo) writeDuringOutage(ctx context.Context) error {
	k, err := d.keyring(ctx, d.central, d.west)
	if err != nil {
		return err
	}
	d.item = maps.Clone(d.item)
	d.item["balance"] = &types.AttributeValueMemberN{Value: "999.5"}
	stored, g, err := d.encrypt(ctx, k, d.item)
	if err != nil {
		return err
	}
	if err := d.replicate(ctx, stored, d.central); err != nil {
		return err
	}
	if got := slices.Sorted(maps.Keys(g.attempts)); !slices.Equal(got, d.fields) {
		return fmt.Errorf("degraded were reported %q and should be %q", got, d.fields)
	}
	d.title("A write from %s, where the key of %s is optional: done, and reported as degraded.", d.central.name, d.west.name)
	d.seen.Degraded = degradedList(g.attempts["ssn"])
	for _, r := range d.seen.Degraded {
		d.say("reported: %s", r.Error)
	}
	if d.seen.Missing, err = d.listKeys(stored); err != nil {
		return err
	}
	if !slices.Equal(d.seen.Missing, []string{d.west.key}) {
		return fmt.Errorf("without a data key are %q, which should be the key of %s", d.seen.Missing, d.west.name)
	}
	return d.writeRefused(ctx)
}

// writeRefused shows the other policy: every key must wrap.
func (d *regionDemo) writeRefused(ctx context.Context) error {
	k, err := kms.NewMulti(ctx, kms.MultiConfig{Generator: d.central.key, Children: []string{d.west.key}, Supplier: d.supplier})
	if err != nil {
		return err
	}
	_, _, err = d.encrypt(ctx, k, d.item)
	if !errors.Is(err, signet.ErrUnavailable) {
		return errors.Join(errors.New("a write without a required key was not refused as it should be"), err)
	}
	d.say("Where that key is required instead, the write is refused.")
	return nil
}

func (d *regionDemo) comeBack(ctx context.Context) error {
	d.west.proxy.cut.Store(false)
	stored, err := d.central.table.get(ctx, ddb.Item{"id": d.item["id"]})
	if err != nil {
		return err
	}
	if err := d.replicate(ctx, stored, d.west); err != nil {
		return err
	}
	k, err := d.alone(ctx, d.west)
	if err != nil {
		return err
	}
	_, _, err = d.open(ctx, k, d.west)
	if !errors.Is(err, signet.ErrNoKey) {
		return errors.Join(errors.New("an item without a data key was not refused as it should be"), err)
	}
	d.title("%s is back. Its key alone does not open what was written meanwhile:", d.west.name)
	d.say("%s", printable(err.Error()))
	return nil
}

func (d *regionDemo) encryptAfresh(ctx context.Context) error {
	k, err := d.keyring(ctx, d.central, d.west)
	if err != nil {
		return err
	}
	item, _, err := d.open(ctx, k, d.central)
	if err != nil {
		return err
	}
	stored, g, err := d.encrypt(ctx, k, item)
	if err != nil {
		return err
	}
	if len(g.attempts) > 0 {
		return errors.New("a write with both regions at hand was reported as degraded")
	}
	if err := d.replicate(ctx, stored, d.west, d.central); err != nil {
		return err
	}
	d.title("Encrypted afresh: the key of either region alone opens it again.")
	if missing, err := d.listKeys(stored); err != nil || len(missing) > 0 {
		return errors.Join(err, unexpected(missing))
	}
	for _, r := range d.regions() {
		k, err := d.alone(ctx, r)
		if err != nil {
			return err
		}
		got, _, err := d.open(ctx, k, r)
		if err != nil {
			return err
		}
		if err := d.same(got); err != nil {
			return err
		}
	}
	return nil
}

// multiRegion shows the other way: one key that is in both regions.
func (d *regionDemo) multiRegion(ctx context.Context) error {
	primary, err := d.west.createKey(ctx, true)
	if err != nil {
		return err
	}
	replica, err := d.west.replicateKey(ctx, primary, d.central)
	if err != nil {
		return err
	}
	d.seen.MultiRegion = []string{primary, replica}
	const words = "written in one region, read in the other"
	ec := keyring.EncryptionContext{"purpose": "demo"}
	k, err := d.multiRegionKeyring(ctx, primary)
	if err != nil {
		return err
	}
	ciphertext, err := message.Encrypt(ctx, k, []byte(words), ec)
	if err != nil {
		return err
	}
	d.west.proxy.cut.Store(true)
	defer d.west.proxy.cut.Store(false)
	if k, err = d.multiRegionKeyring(ctx, replica); err != nil {
		return err
	}
	plaintext, h, err := message.Decrypt(ctx, k, ciphertext)
	if err != nil {
		return err
	}
	if string(plaintext) != words || len(h.EDKs) != 1 {
		return errors.New("the multi-Region key opened something else")
	}
	d.title("A multi-Region key needs one data key only: its replica opens what the primary key wrapped, while %s is cut off again.", d.west.name)
	d.say("wrapped by  %s", primary)
	d.say("opened by   %s", replica)
	return nil
}

func (d *regionDemo) multiRegionKeyring(ctx context.Context, key string) (keyring.Keyring, error) {
	return kms.NewMulti(ctx, kms.MultiConfig{Generator: key, MRK: true, Supplier: d.supplier})
}

// replicateKey makes a replica of a multi-Region key and returns its ARN.
func (r *region) replicateKey(ctx context.Context, primary string, to *region) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := r.client.ReplicateKey(ctx, &awskms.ReplicateKeyInput{KeyId: &primary, ReplicaRegion: &to.name})
	var exists *kmstypes.AlreadyExistsException
	var replica string
	switch {
	case errors.As(err, &exists): // the answer to a first request was lost, and the client sent a second
		replica = strings.Replace(primary, ":"+r.name+":", ":"+to.name+":", 1)
	case err != nil:
		return "", awsError(ctx, "cannot replicate a KMS key to "+to.name, err)
	default:
		replica = aws.ToString(out.ReplicaKeyMetadata.Arn)
	}
	to.keys = append(to.keys, replica)
	return replica, nil
}
