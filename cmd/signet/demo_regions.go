package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/signetkeys/signet/ddb"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/message"
)

// region is a region of the server, behind a proxy of its own.
type region struct {
	name   string
	proxy  *proxy
	client *awskms.Client
	table  *table
	made   bool   // the table may be there
	key    string // ARN of the KMS key of this region
	keys   []string
}

// regionDemo is one run of demo --cross-region: what it made and what it saw.
type regionDemo struct {
	*stage
	account       string
	west, central *region
	supplier      kms.Supplier
	item          ddb.Item
	fields        []string
	seen          regionsJSON
	clean         bool
}

// regionsJSON is what demo --cross-region prints with --output json.
type regionsJSON struct {
	Endpoint    string         `json:"endpoint"`
	Account     string         `json:"account"`
	Regions     []regionJSON   `json:"regions"`
	Fields      []string       `json:"encrypted"`
	Cut         string         `json:"cut"`              // the region that was cut off
	Attempts    []attemptJSON  `json:"attempts"`         // what the read during the outage tried first
	Degraded    []degradedJSON `json:"degraded"`         // what the write during the outage reported
	Missing     []string       `json:"without_data_key"` // keys that have none in what it wrote
	MultiRegion []string       `json:"multi_region_key"` // the primary key and its replica
	Kept        bool           `json:"kept"`
	Commands    []string       `json:"commands,omitempty"` // each reads the item in one region, when it was kept
}

type regionJSON struct {
	Name  string `json:"name"`
	Key   string `json:"key"`
	Table string `json:"table"`
}

func (a *app) demoRegions(ctx context.Context, f *demoFlags) (err error) {
	st, err := a.newStage(f.endpoint)
	if err != nil {
		return err
	}
	d := &regionDemo{stage: st, account: randomAccount(), west: &region{name: "eu-west-1"}, central: &region{name: "eu-central-1"}}
	kept := false
	defer func() {
		if !kept {
			err = errors.Join(err, d.cleanUp(ctx))
		}
	}()
	err = d.run(ctx, d.serve, d.connect, d.makeKeys, d.putItem, d.cut, d.readDuringOutage, d.writeDuringOutage, d.comeBack, d.encryptAfresh, d.multiRegion)
	if err != nil {
		return err
	}
	if !f.keep {
		if err := d.cleanUp(ctx); err != nil {
			return err
		}
	}
	if err := d.finish(f.keep); err != nil || !f.keep {
		return err
	}
	if d.server != nil {
		return d.stay(ctx)
	}
	kept = true
	return errors.Join(d.west.proxy.close(), d.central.proxy.close(), d.close())
}

// randomAccount is the number of an account that nobody else uses at the emulator.
func randomAccount() string {
	digits := make([]byte, 12)
	rand.Read(digits)
	for i := range digits {
		digits[i] = '1' + digits[i]%9
	}
	return string(digits)
}

func (d *regionDemo) regions() []*region { return []*region{d.west, d.central} }

// connect puts a proxy before each region. Nothing of the user's AWS configuration is used.
func (d *regionDemo) connect(context.Context) error {
	var err error
	for _, r := range d.regions() {
		if r.proxy, err = newProxy(d.endpoint); err != nil {
			return fmt.Errorf("a proxy on loopback: %w", err)
		}
		r.client = awskms.New(awskms.Options{BaseEndpoint: &r.proxy.url, Region: r.name, Credentials: standIn(d.account)})
		r.table = demoTable(emulated(r.proxy.url, r.name, d.account))
	}
	cfg := aws.Config{Region: d.west.name, Credentials: standIn(d.account)}
	d.supplier = kms.NewSupplier(cfg, func(o *awskms.Options) {
		for _, r := range d.regions() {
			if o.Region == r.name {
				o.BaseEndpoint = &r.proxy.url
			}
		}
	})
	d.title("Two regions of one server, %s, each behind a proxy of this demo.", d.endpoint)
	for _, r := range d.regions() {
		d.say("%-12s  %s", r.name, r.proxy.url)
	}
	return nil
}

func (d *regionDemo) makeKeys(ctx context.Context) error {
	for _, r := range d.regions() {
		var err error
		if r.key, err = r.createKey(ctx, false); err != nil {
			return err
		}
		r.made = true
		if err := r.table.create(ctx); err != nil {
			return err
		}
		if err := r.table.wait(ctx); err != nil {
			return err
		}
		d.seen.Regions = append(d.seen.Regions, regionJSON{r.name, r.key, r.table.name})
	}
	d.title("A KMS key and a table in each of them. The two keys have nothing in common.")
	for _, r := range d.regions() {
		d.say("%s", r.key)
	}
	return nil
}

// createKey makes a symmetric key and returns its ARN.
func (r *region) createKey(ctx context.Context, multiRegion bool) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := r.client.CreateKey(ctx, &awskms.CreateKeyInput{Description: aws.String("signet demo"), MultiRegion: &multiRegion})
	if err != nil {
		err = awsError(ctx, "cannot create a KMS key in "+r.name, err)
		return "", &fault{code: codeOf(err), err: err, hint: "the server must have KMS with multi-Region keys, as MiniStack has; without --endpoint the demo starts one"}
	}
	key := aws.ToString(out.KeyMetadata.Arn)
	r.keys = append(r.keys, key)
	return key, nil
}

// keyring is what a service of one region would be configured with: the key of its own region makes data keys, the other one is optional.
func (d *regionDemo) keyring(ctx context.Context, own, other *region) (keyring.Keyring, error) {
	return kms.NewMulti(ctx, kms.MultiConfig{Generator: own.key, Optional: []string{other.key}, Supplier: d.supplier})
}

// alone is a keyring of one region's key.
func (d *regionDemo) alone(ctx context.Context, r *region) (keyring.Keyring, error) {
	return kms.NewMulti(ctx, kms.MultiConfig{Generator: r.key, Supplier: d.supplier})
}

// degradation collects what an encryptor reports, by attribute.
type degradation struct {
	mu       sync.Mutex
	attempts map[string][]keyring.Attempt
}

func (g *degradation) report(attribute string, attempts []keyring.Attempt) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.attempts == nil {
		g.attempts = make(map[string][]keyring.Attempt)
	}
	g.attempts[attribute] = attempts
}

func (d *regionDemo) encrypt(ctx context.Context, k keyring.Keyring, item ddb.Item) (ddb.Item, *degradation, error) {
	g := new(degradation)
	enc, err := ddb.NewFieldEncryptor(ddb.Single(k), ddb.FieldConfig{Fields: d.fields, PartitionKey: d.west.table.partitionKey, OnDegraded: g.report})
	if err != nil {
		return nil, nil, err
	}
	stored, err := enc.EncryptItem(ctx, item)
	return stored, g, err
}

// open reads the item in one region and decrypts it.
func (d *regionDemo) open(ctx context.Context, k keyring.Keyring, r *region) (ddb.Item, *ddb.Info, error) {
	enc, err := ddb.NewFieldEncryptor(ddb.Single(k), ddb.FieldConfig{Fields: d.fields, PartitionKey: r.table.partitionKey})
	if err != nil {
		return nil, nil, err
	}
	stored, err := r.table.get(ctx, ddb.Item{"id": &types.AttributeValueMemberS{Value: demoID}})
	if err != nil {
		return nil, nil, err
	}
	return enc.DecryptItem(ctx, stored)
}

// listKeys shows which keys one of the attributes was encrypted under, and returns those of the regions that it was not.
func (d *regionDemo) listKeys(stored ddb.Item) (missing []string, err error) {
	const field = "ssn"
	b, ok := stored[field].(*types.AttributeValueMemberB)
	if !ok {
		return nil, fmt.Errorf("attribute %s is not encrypted", field)
	}
	h, _, err := message.ParseHeader(b.Value)
	if err != nil {
		return nil, err
	}
	var keys []string
	for i, e := range h.EDKs {
		keys = append(keys, string(e.ProviderInfo))
		d.say("%s, data key %d: %s", field, i, printable(string(e.ProviderInfo)))
	}
	for _, r := range d.regions() {
		if !slices.Contains(keys, r.key) {
			missing = append(missing, r.key)
			d.say("%s, NO data key: %s", field, r.key)
		}
	}
	return missing, nil
}

// finish says what is left.
func (d *regionDemo) finish(kept bool) error {
	d.seen.Endpoint, d.seen.Account, d.seen.Fields, d.seen.Kept = d.endpoint, d.account, d.fields, kept
	if kept {
		d.seen.Commands = []string{d.command(d.west), d.command(d.central)}
	}
	if d.output != text {
		return d.printJSON(&d.seen)
	}
	if !kept {
		d.title("Removed everything. To keep it and try more:")
		line := self() + " demo --cross-region --keep"
		if d.server == nil {
			line += " --endpoint " + shellQuote(d.endpoint)
		}
		d.say("%s", line)
		return d.lost
	}
	d.title("Kept. Each of these reads the item with the key of one region alone:")
	for _, line := range d.seen.Commands {
		d.say("%s", line)
	}
	if d.server != nil {
		d.say("Everything stays until this command is ended with Ctrl-C.")
	} else {
		d.say("It is in account %s of the emulator, which nothing else uses.", d.account)
	}
	return d.lost
}

// command is the shell line that reads the item in one region with the key of that region alone.
func (d *regionDemo) command(r *region) string {
	return strings.Join([]string{
		"AWS_PROFILE= AWS_ACCESS_KEY_ID=" + d.account, "AWS_SECRET_ACCESS_KEY=signet", self(), "item", "get", "-k", shellQuote("awskms:///" + r.key + "?endpoint=" + d.endpoint),
		"--endpoint", shellQuote(d.endpoint), "--region", r.name, "--table", r.table.name, "--key", "id=S:" + demoID, "--encrypt", strings.Join(d.fields, ","),
	}, " ")
}

// cleanUp removes what was made, also after an interruption.
func (d *regionDemo) cleanUp(ctx context.Context) error {
	var errs []error
	if d.server == nil && !d.clean {
		for _, r := range d.regions() {
			errs = append(errs, r.remove(ctx))
		}
	}
	for _, r := range d.regions() {
		if r.proxy != nil && !d.clean {
			errs = append(errs, r.proxy.close())
		}
	}
	d.clean = true
	return errors.Join(append(errs, d.close())...)
}

// remove deletes the table and schedules the deletion of the keys, which is all that KMS knows.
func (r *region) remove(ctx context.Context) error {
	if r.proxy == nil {
		return nil
	}
	r.proxy.cut.Store(false)
	var errs []error
	if r.made {
		errs = append(errs, r.table.drop(ctx))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	for _, key := range r.keys {
		if _, err := r.client.ScheduleKeyDeletion(ctx, &awskms.ScheduleKeyDeletionInput{KeyId: &key, PendingWindowInDays: aws.Int32(7)}); err != nil {
			errs = append(errs, awsError(ctx, "cannot delete "+key, err))
		}
	}
	return errors.Join(errs...)
}
