package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signetkeys/signet/config/all"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
	"github.com/spf13/cobra"
)

func newKMS(a *app) *cobra.Command {
	return group("kms", "Try and examine a key in AWS KMS", newKMSTest(a), newKMSDoctor(a))
}

// kmsFlags are what both commands take.
type kmsFlags struct {
	region, endpoint, profile string
	context                   string
	plaintext                 string
}

func (f *kmsFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.region, "region", "", "`REGION` of the key (default: that of its ARN, else $AWS_REGION)")
	cmd.Flags().StringVar(&f.endpoint, "endpoint", "", "KMS endpoint `URL` (default: that of AWS)")
	cmd.Flags().StringVar(&f.profile, "profile", "", "`NAME` of a profile of the AWS configuration")
	cmd.Flags().StringVar(&f.context, "encryption-context", "", "`PAIRS` to send, as name=value,name=value or as a JSON object")
}

// key is the key that an argument names: an ARN, an alias, an id, or an awskms URI.
func (f *kmsFlags) key(arg string) (*all.KMSKey, error) {
	text := arg
	if l := strings.ToLower(arg); !strings.HasPrefix(l, "awskms:") && !strings.HasPrefix(l, "aws-kms:") {
		if strings.ContainsAny(arg, "?&%") || looksLikeURI(arg) {
			return nil, &fault{code: codeUsage, err: errors.New("KEY must be an ARN, alias/NAME, a key id, or an awskms: URI")}
		}
		text = "awskms:///" + arg
	}
	k, err := all.KMS(text)
	if err != nil {
		return nil, err
	}
	if k.KeyID == "" {
		return nil, &fault{code: codeUsage, err: errors.New("a discovery keyring names no key to look at")}
	}
	k.Region, k.Endpoint, k.Profile = cmp.Or(f.region, k.Region), cmp.Or(f.endpoint, k.Endpoint), cmp.Or(f.profile, k.Profile)
	return k, k.Check()
}

// pairs reads --encryption-context.
func (f *kmsFlags) pairs() (keyring.EncryptionContext, error) {
	text := strings.TrimSpace(f.context)
	if text == "" {
		return nil, nil
	}
	args := strings.Split(text, ",")
	if strings.HasPrefix(text, "{") {
		var err error
		if args, err = jsonPairs(text); err != nil {
			return nil, err
		}
	}
	return pairsOf("--encryption-context NAME=VALUE,NAME=VALUE", args)
}

// jsonPairs makes NAME=VALUE of a JSON object of strings, in its order. A name given twice is there twice.
func jsonPairs(text string) ([]string, error) {
	if !utf8.ValidString(text) || !json.Valid([]byte(text)) || loneSurrogate([]byte(text)) >= 0 {
		return nil, notPairs()
	}
	dec := json.NewDecoder(strings.NewReader(text))
	if _, err := dec.Token(); err != nil { // the brace
		return nil, notPairs()
	}
	var args []string
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, notPairs()
		}
		value, err := dec.Token()
		n, isName := name.(string)
		v, isString := value.(string)
		switch {
		case err != nil || !isName || !isString:
			return nil, notPairs()
		case strings.Contains(n, "="):
			return nil, &fault{code: codeContextPair, err: errors.New(`--encryption-context: names with "=" are not for the command line`)}
		}
		args = append(args, n+"="+v)
	}
	return args, nil
}

func notPairs() error {
	return &fault{code: codeContextPair, err: errors.New("--encryption-context is not a JSON object of strings"), hint: `write --encryption-context '{"field":"test"}', or field=test,entity=User`}
}

// kmsCall is one call as the commands print it.
type kmsCall struct {
	Op        string `json:"operation"`
	Key       string `json:"key"`
	Region    string `json:"region"`
	Millis    int64  `json:"milliseconds"`
	RequestID string `json:"request_id,omitempty"`
	Error     string `json:"error,omitempty"`
}

// kmsLog collects calls. The commands make one after the other.
type kmsLog []kmsCall

func (l *kmsLog) observe(_ context.Context, e kms.Event) {
	c := kmsCall{Op: e.Op, Key: printable(e.Key), Region: e.Region, Millis: e.Duration.Round(time.Millisecond).Milliseconds(), RequestID: printable(e.RequestID)}
	if e.Err != nil {
		c.Error = printable(e.Err.Error())
	}
	*l = append(*l, c)
}

// kmsTestJSON is what kms test prints. Its fields are stable.
type kmsTestJSON struct {
	Key          string    `json:"key"` // as the message names it
	ContextNames []string  `json:"context_names"`
	MessageBytes int       `json:"message_bytes"`
	Calls        []kmsCall `json:"calls"`
	OK           bool      `json:"ok"`
}

func newKMSTest(a *app) *cobra.Command {
	f := kmsFlags{plaintext: "signet kms test"}
	cmd := &cobra.Command{
		Use:   "test KEY",
		Short: "Encrypt and decrypt a few bytes under a KMS key",
		Long: `test encrypts a short text under a KMS key and decrypts it, with the encryption context given, as a program would: one GenerateDataKey and one
Decrypt. It prints the calls with their request ids, as CloudTrail has them, and the names of the context's pairs. Nothing is kept.

KEY is an ARN, alias/NAME, a key id, or an awskms: URI. "signet kms doctor" says more about a key that fails.`,
		Example: `  signet kms test arn:aws:kms:eu-west-1:111122223333:key/ID --encryption-context field=test,entity=User
  signet kms test alias/orders --region eu-west-1 --encryption-context '{"field":"test"}'`,
		Args: oneKMSKey,
		RunE: func(cmd *cobra.Command, args []string) error { return a.kmsTest(cmd.Context(), args[0], &f) },
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.plaintext, "plaintext", f.plaintext, "`TEXT` to encrypt; other users of this computer can see it")
	return cmd
}

func oneKMSKey(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return &fault{code: codeUsage, err: fmt.Errorf("one KEY is needed, and %d are given", len(args)), hint: "write " + cmd.CommandPath() + " arn:aws:kms:REGION:ACCOUNT:key/ID"}
	}
	return nil
}

func (a *app) kmsTest(ctx context.Context, arg string, f *kmsFlags) error {
	key, err := f.key(arg)
	if err != nil {
		return err
	}
	ec, err := f.pairs()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	calls := kmsLog{}
	k, err := key.Open(ctx, a.env(), calls.observe)
	if err != nil {
		return err
	}
	o := &message.EncryptOptions{Context: ec}
	var c message.Client
	mm := keyring.NewManager(k)
	if key.RSA() {
		o.Suite = suite.AES256GCMCommit()
	}
	msg, err := c.Encrypt(ctx, mm, []byte(f.plaintext), o)
	if err != nil {
		return fmt.Errorf("the key does not encrypt: %w", err)
	}
	got, h, err := c.Decrypt(ctx, mm, msg, nil)
	if err != nil {
		return fmt.Errorf("the key encrypts, and does not decrypt: %w", err)
	}
	if string(got) != f.plaintext {
		return errors.New("the key encrypts, and decrypts to something else")
	}
	res := kmsTestJSON{Key: printable(string(h.EDKs[0].ProviderInfo)), ContextNames: slices.Sorted(maps.Keys(ec)), MessageBytes: len(msg), Calls: calls, OK: true}
	if res.ContextNames == nil {
		res.ContextNames = []string{}
	}
	if a.output != text {
		return a.printJSON(res)
	}
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-16s "+format+"\n", append([]any{name}, args...)...)
	}
	row("key", "%s", res.Key)
	row("context names", "%s", printable(listOf(res.ContextNames)))
	for _, c := range calls {
		row(c.Op, "done, %d ms, request %s", c.Millis, orNone(c.RequestID))
	}
	row("result", "encrypted %d bytes into a message of %d and decrypted them again", len(f.plaintext), len(msg))
	return a.print(b.String())
}

func listOf(names []string) string {
	if len(names) == 0 {
		return "(none)"
	}
	return strings.Join(names, ", ")
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}
