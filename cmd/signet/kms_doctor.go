package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/signetkeys/signet/config/all"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/spf13/cobra"
)

// kmsDoctorJSON is what kms doctor prints. Its fields are stable; "" is what KMS did not tell.
type kmsDoctorJSON struct {
	Key         string                    `json:"key"` // as it was asked for
	ARN         string                    `json:"arn"`
	Region      string                    `json:"region"`
	State       string                    `json:"state"`
	Usage       string                    `json:"usage"`
	Spec        string                    `json:"spec"`
	Origin      string                    `json:"origin"`
	MultiRegion *bool                     `json:"multi_region"`
	Rotation    string                    `json:"rotation"` // on, off, unknown
	Context     keyring.EncryptionContext `json:"context"`
	Permissions []permissionJSON          `json:"permissions"`
	Statement   *statementJSON            `json:"statement_to_add,omitempty"`
	OK          bool                      `json:"ok"`
	Problem     string                    `json:"problem,omitempty"`
}

type permissionJSON struct {
	Action string `json:"action"`
	Result string `json:"result"` // allowed, denied, failed, not tried
	Needed string `json:"needed"` // always, or when it is
	Error  string `json:"error,omitempty"`
}

type statementJSON struct {
	Effect   string   `json:"Effect"`
	Action   []string `json:"Action"`
	Resource string   `json:"Resource"`
}

func newKMSDoctor(a *app) *cobra.Command {
	var f kmsFlags
	cmd := &cobra.Command{
		Use:   "doctor KEY",
		Short: "Say what a KMS key, or the permission to use it, lacks",
		Long: `doctor asks KMS whether the key exists, is enabled and can wrap data keys, and tries GenerateDataKey, Encrypt and Decrypt with it, each once,
on bytes that are thrown away. It prints which of the three are denied and the IAM statement that would allow them. A denied Encrypt alone is a note:
it is needed only where several keys wrap one data key. DescribeKey and GetKeyRotationStatus are asked too, and need not be allowed.

KEY is an ARN, alias/NAME, a key id, or an awskms: URI; with padding= in the URI, an RSA key is tried with GetPublicKey and Decrypt. The encryption
context is printed as it is sent, to be compared with conditions of key policies.`,
		Example: `  signet kms doctor arn:aws:kms:eu-west-1:111122223333:key/ID --encryption-context field=test,entity=User`,
		Args:    oneKMSKey,
		RunE:    func(cmd *cobra.Command, args []string) error { return a.kmsDoctor(cmd.Context(), args[0], &f) },
	}
	f.add(cmd)
	return cmd
}

// examination is one run of the doctor.
type examination struct {
	key    *all.KMSKey
	client *sdk.Client
	res    kmsDoctorJSON
	id     string // what calls are sent with
	worst  error
}

func (a *app) kmsDoctor(ctx context.Context, arg string, f *kmsFlags) error {
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
	client, region, err := key.Client(ctx, a.env())
	if err != nil {
		return err
	}
	if key.Agreement() {
		return &fault{code: codeUsage, err: errors.New("kms doctor looks at symmetric and RSA keys"), hint: `"signet kms test" tries an ECDH key`}
	}
	if ec == nil || key.RSA() {
		ec = keyring.EncryptionContext{}
	}
	x := &examination{key: key, client: client, id: key.KeyID, res: kmsDoctorJSON{Key: key.KeyID, Region: region, Rotation: "unknown", Context: ec}}
	if err := x.describe(ctx); err != nil {
		return err
	}
	if key.RSA() {
		err = x.tryRSA(ctx, a.env())
	} else {
		x.trySymmetric(ctx)
	}
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	x.conclude()
	if a.output != text {
		err = a.printJSON(x.res)
	} else {
		err = a.print(x.text())
	}
	if err != nil || x.worst == nil {
		return err
	}
	return x.worst
}

// describe asks about the key. Not to be allowed to ask is no failure; that there is no key is.
func (x *examination) describe(ctx context.Context) error {
	out, err := x.client.DescribeKey(ctx, &sdk.DescribeKeyInput{KeyId: &x.id})
	err = kms.Explain(ctx, "DescribeKey", x.id, x.res.Region, nil, err)
	switch {
	case err == nil && out.KeyMetadata != nil:
		m := out.KeyMetadata
		x.res.ARN, x.res.State, x.res.Usage, x.res.Spec = aws.ToString(m.Arn), string(m.KeyState), string(m.KeyUsage), string(m.KeySpec)
		x.res.Origin, x.res.MultiRegion = string(m.Origin), aws.Bool(aws.ToBool(m.MultiRegion))
		if x.res.ARN != "" {
			x.id = x.res.ARN
		}
	case err == nil:
		return errors.New("KMS described no key")
	case !errors.Is(err, kms.ErrAccessDenied):
		return err
	}
	if rotation, err := x.client.GetKeyRotationStatus(ctx, &sdk.GetKeyRotationStatusInput{KeyId: &x.id}); err == nil {
		x.res.Rotation = map[bool]string{true: "on", false: "off"}[rotation.KeyRotationEnabled]
	}
	return nil
}

// conclude says what is wrong, the key's own condition first.
func (x *examination) conclude() {
	r := &x.res
	var denied []string
	for _, p := range r.Permissions {
		if p.Result == "denied" {
			denied = append(denied, p.Action)
		}
	}
	if len(denied) > 0 {
		r.Statement = &statementJSON{Effect: "Allow", Action: denied, Resource: x.id}
	}
	switch {
	case r.State != "" && r.State != string(types.KeyStateEnabled):
		r.Problem = "the key is " + printable(r.State)
		x.worst = fmt.Errorf("%w: key %s is %s", kms.ErrKeyDisabled, x.id, printable(r.State))
	case r.Usage != "" && !x.fits():
		needed := "data keys need SYMMETRIC_DEFAULT and ENCRYPT_DECRYPT"
		if x.key.RSA() {
			needed = "padding= needs an RSA key and ENCRYPT_DECRYPT"
		}
		r.Problem = fmt.Sprintf("the key has spec %s and usage %s; %s", printable(r.Spec), printable(r.Usage), needed)
		x.worst = fmt.Errorf("%w: key %s has spec %s and usage %s; %s", kms.ErrInvalidUsage, x.id, printable(r.Spec), printable(r.Usage), needed)
	case x.worst != nil:
		r.Problem = printable(x.worst.Error())
	}
	r.OK = x.worst == nil
}

// fits reports whether the key is of the kind that it is used as.
func (x *examination) fits() bool {
	spec := x.res.Spec == string(types.KeySpecSymmetricDefault)
	if x.key.RSA() {
		spec = strings.HasPrefix(x.res.Spec, "RSA_")
	}
	return spec && x.res.Usage == string(types.KeyUsageTypeEncryptDecrypt)
}

func (x *examination) text() string {
	r := &x.res
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-20s "+format+"\n", append([]any{name}, args...)...)
	}
	row("key", "%s", printable(x.id))
	row("region", "%s", r.Region)
	multiRegion := ""
	if r.MultiRegion != nil {
		multiRegion = strconv.FormatBool(*r.MultiRegion)
	}
	for _, p := range [][2]string{{"state", r.State}, {"usage", r.Usage}, {"spec", r.Spec}, {"origin", r.Origin}, {"multi-Region", multiRegion}} {
		if p[1] == "" {
			p[1] = "unknown: kms:DescribeKey is not allowed"
		}
		row(p[0], "%s", printable(p[1]))
	}
	row("rotation", "%s", r.Rotation)
	switch {
	case x.key.RSA():
		row("context sent", "(none: KMS takes none with RSA keys, and the data key is bound to it in another way)")
	case len(r.Context) == 0:
		row("context sent", "(none)")
	}
	for _, name := range slices.Sorted(maps.Keys(r.Context)) {
		row("context sent", "%s=%s", printable(name), printable(r.Context[name]))
	}
	for _, p := range r.Permissions {
		result := p.Result
		if p.Result == "denied" && p.Action == "kms:Encrypt" {
			result = "denied (a note: needed only " + p.Needed + ")"
		} else if p.Error != "" {
			result += ": " + p.Error
		}
		row(p.Action, "%s", result)
	}
	if r.Statement != nil {
		statement, _ := json.Marshal(r.Statement)
		row("statement to add", "%s", statement)
		row("", "to the caller's IAM policy; where the key is of another account, the key policy must allow it, too")
	}
	if r.OK {
		row("result", "the key can be used")
	} else {
		row("result", "%s", r.Problem)
	}
	return b.String()
}
