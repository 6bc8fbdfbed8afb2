package main

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/config/all"
	"github.com/signetkeys/signet/keyring/pkcs11"
	"github.com/signetkeys/signet/keyring/pkcs11/uri"
	"github.com/spf13/cobra"
)

const (
	demoKey    = "kek"
	demoPuts   = 20
	demoRegion = "eu-west-1" // at a server of its own
)

type demoFlags struct {
	endpoint    string
	crossRegion bool
	keep        bool
}

func newDemo(a *app) *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Encrypt an item under an HSM key, store it, read it back",
		Long: `demo makes a SoftHSM token with a key and a raw AES key beside it, stores an item under both in a DynamoDB-compatible
server, and shows what the server sees, that it reads back, that tampering is refused, that the second key alone
opens it too, and what caching saves.

With --cross-region it needs no HSM: it makes KMS keys in two regions, stores an item under both, cuts one region off,
and shows what can still be read and written, and what is to be done afterwards.

It needs no AWS account. Without --endpoint and $SIGNET_DEMO_DYNAMODB it starts a server itself: MiniStack, an emulator, which it installs
once into the user's cache folder; that takes Python 3.10 or newer with venv, and the network. It removes
everything else that it made, unless --keep is given; with a server of its own it then waits for Ctrl-C.`,
		Example: `  signet demo
  signet demo --cross-region
  signet demo --keep`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.crossRegion {
				return a.demoRegions(cmd.Context(), &f)
			}
			return a.demo(cmd, &f)
		},
	}
	cmd.Flags().StringVar(&f.endpoint, "endpoint", "", "DynamoDB endpoint `URL`, with --cross-region of MiniStack (default $SIGNET_DEMO_DYNAMODB, or a server of its own)")
	cmd.Flags().BoolVar(&f.crossRegion, "cross-region", false, "show KMS keys in two regions, one of which fails")
	cmd.Flags().BoolVar(&f.keep, "keep", false, "keep what was made and print how to use it")
	return cmd
}

// demo is one run of it: what it made.
type demo struct {
	*stage
	token    *softToken
	hsm, raw string // keyring URIs
	table    *table
	dropped  bool // the table was deleted
	item     map[string]types.AttributeValue
	fields   []string

	cached, uncached uint64 // wraps in the HSM
}

// demoJSON is what demo prints with --output json.
type demoJSON struct {
	Endpoint    string   `json:"endpoint"`
	Table       string   `json:"table"`
	Conf        string   `json:"softhsm2_conf"`
	HSMKeyring  string   `json:"hsm_keyring"`
	RawKeyring  string   `json:"raw_keyring"`
	Fields      []string `json:"encrypted"`
	Puts        int      `json:"puts"`
	WrapsCached uint64   `json:"hsm_wraps_with_cache"`
	Wraps       uint64   `json:"hsm_wraps_without_cache"`
	Kept        bool     `json:"kept"`
	Command     string   `json:"command,omitempty"` // reads the item, when it was kept
}

func (a *app) demo(cmd *cobra.Command, f *demoFlags) (err error) {
	ctx := cmd.Context()
	st, err := a.newStage(f.endpoint)
	if err != nil {
		return err
	}
	d := &demo{stage: st}
	kept := false
	defer func() {
		if !kept {
			err = errors.Join(err, d.cleanUp(ctx))
		}
	}()
	err = d.run(ctx,
		func(context.Context) error { return d.makeKeys(cmd) },
		d.serve, d.makeTable, d.putItem, d.showStored, d.readBack, d.tamper, d.openWithRawKey, d.count)
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
	kept = true // what nobody was told of is not kept
	return nil
}

// finish says what is left.
func (d *demo) finish(kept bool) error {
	if d.output != text {
		j := demoJSON{d.endpoint, d.table.name, d.token.Conf, d.hsm, d.raw, d.fields, demoPuts, d.cached, d.uncached, kept, ""}
		if kept {
			j.Command = d.command()
		}
		return d.printJSON(j)
	}
	if kept {
		d.title("Kept. This reads the item with the HSM key alone:")
		d.say("%s", d.command())
		if d.server != nil {
			d.say("Everything stays until this command is ended with Ctrl-C.")
		} else {
			d.say("Afterwards: rm -r %s, and delete the table %s.", shellQuote(d.dir), d.table.name)
		}
		return d.lost
	}
	d.title("Removed the table, the token and the keys. To keep them and try more:")
	switch {
	case d.server != nil:
		d.say("%s demo --keep", self())
	case d.named:
		d.say("%s demo --keep --endpoint %s", self(), shellQuote(d.endpoint))
	default: // it may end with this command
		d.say("scripts/with-services.sh bash, for a shell with a server beside it, and in it: %s demo --keep", self())
	}
	return d.lost
}

// self is how to call this program again, from any folder if that is possible.
func self() string {
	if strings.ContainsRune(os.Args[0], filepath.Separator) {
		if path, err := os.Executable(); err == nil {
			return shellQuote(path)
		}
	}
	return os.Args[0]
}

// cleanUp removes what was made, also after an interruption. What was removed before is left alone.
func (d *demo) cleanUp(ctx context.Context) error {
	var err error
	if d.table != nil && !d.dropped && d.server == nil {
		err = d.table.drop(ctx)
		d.dropped = true
	}
	return errors.Join(err, d.close())
}

func (d *demo) makeKeys(cmd *cobra.Command) error {
	ctx := cmd.Context()
	env := d.env()
	var err error
	d.token, err = makeSoftToken(cmd, env, &softhsmFlags{dir: filepath.Join(d.dir, "hsm"), label: "signet-demo-" + strings.ToLower(rand.Text()[:6])})
	if err != nil {
		return err
	}
	u, err := uri.Parse(d.token.URI)
	if err != nil {
		return err
	}
	u.Path = append(u.Path, uri.Attribute{Name: uri.Object, Value: demoKey})
	d.hsm = u.String()
	cfg, err := all.PKCS11(d.hsm, env)
	if err != nil {
		return err
	}
	k, err := pkcs11.GenerateKey(ctx, cfg, pkcs11.GenerateOptions{})
	if err != nil {
		return err
	}
	key := make([]byte, 32)
	rand.Read(key)
	defer clear(key)
	path := filepath.Join(d.dir, "second.key")
	if err := os.WriteFile(path, key, 0o600); err != nil {
		return outputError(path, err)
	}
	rawURI := config.URI{Scheme: "raw-aes", Path: []string{"demo", "second"}, Query: []config.Attribute{{Name: "key-file", Value: path}}}
	d.raw = rawURI.String()
	d.title("Two wrapping keys: one in an HSM (SoftHSM), and a raw AES key for emergencies.")
	d.say("HSM  token %s, key %s: AES-%d, extractable: %t", d.token.Token, k.Label, k.Bits, k.Extractable)
	d.say("file %s", path)
	return nil
}

func (d *demo) makeTable(ctx context.Context) error {
	client := emulated(d.endpoint, demoRegion, "signet")
	if d.server == nil {
		var err error
		if client, err = d.newDynamoDB(ctx, d.endpoint, ""); err != nil {
			return err
		}
	}
	t := demoTable(client)
	err := t.create(ctx)
	if err == nil || ctx.Err() != nil { // who was interrupted does not know whether it is there
		d.table = t
	}
	if err == nil {
		err = t.wait(ctx)
	}
	if err != nil {
		return err
	}
	d.title("A table, %s, at %s.", t.name, d.endpoint)
	if d.server != nil {
		d.say("The server is MiniStack, an emulator, which this demo started for itself.")
	}
	return nil
}

// command is the shell line that reads the item with the HSM key alone.
func (d *demo) command() string {
	args := []string{
		"SOFTHSM2_CONF=" + shellQuote(d.token.Conf), self(), "item", "get", "-k", shellQuote(d.hsm), "--endpoint", shellQuote(d.endpoint),
		"--table", d.table.name, "--key", shellQuote(`{"id":{"S":"` + demoID + `"}}`), "--encrypt", strings.Join(d.fields, ","),
	}
	if region := d.table.client.Options().Region; region != "" {
		args = append(args, "--region", region)
	}
	return strings.Join(args, " ")
}

func (d *demo) scan(ctx context.Context) ([]map[string]types.AttributeValue, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := d.table.client.Scan(ctx, &dynamodb.ScanInput{TableName: &d.table.name, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, d.table.fail(ctx, "scan", err)
	}
	return out.Items, nil
}
