package kmstest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/ddb"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// A caller is an IAM user of an account whose policies are evaluated. The account's root made the keys.
type caller struct {
	t      *testing.T
	s      *server
	name   string
	iam    *iam.Client
	client *sdk.Client
}

func newCaller(t *testing.T, s *server) *caller {
	t.Helper()
	admin := iam.New(iam.Options{
		Region: homeRegion, BaseEndpoint: &s.endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: s.account, SecretAccessKey: "signet"}, nil
		}),
	})
	c := &caller{t: t, s: s, name: "app", iam: admin}
	_, err := admin.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &c.name})
	if err := there(err, "EntityAlreadyExists"); err != nil {
		t.Fatal(err)
	}
	made, err := admin.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &c.name})
	if err != nil {
		t.Fatal(err)
	}
	c.client = s.as(homeRegion, *made.AccessKey.AccessKeyId, *made.AccessKey.SecretAccessKey)
	return c
}

// policy sets what the user may and may not do, instead of what it could before.
func (c *caller) policy(statements ...string) {
	c.t.Helper()
	document := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[%s]}`, strings.Join(statements, ","))
	_, err := c.iam.PutUserPolicy(c.t.Context(), &iam.PutUserPolicyInput{UserName: &c.name, PolicyName: aws.String("keys"), PolicyDocument: &document})
	if err != nil {
		c.t.Fatal(err)
	}
}

func statement(effect, arn string, ops ...string) string {
	return fmt.Sprintf(`{"Effect":%q,"Action":["kms:%s"],"Resource":%q}`, effect, strings.Join(ops, `","kms:`), arn)
}

func (c *caller) key() string {
	c.t.Helper()
	arn, err := c.s.newKey(c.t.Context(), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return arn
}

// keyPolicy replaces a key's policy: statements, and nobody else is allowed anything.
func (c *caller) keyPolicy(arn string, statements ...string) {
	c.t.Helper()
	document := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[%s]}`, strings.Join(statements, ","))
	_, err := c.s.client(homeRegion).PutKeyPolicy(c.t.Context(), &sdk.PutKeyPolicyInput{KeyId: &arn, PolicyName: aws.String("default"), Policy: &document})
	if err != nil {
		c.t.Fatal(err)
	}
}

// principal is a statement of a key policy; who is "root", the account, or "user/NAME".
func (c *caller) principal(effect, who string, ops ...string) string {
	return fmt.Sprintf(`{"Effect":%q,"Principal":{"AWS":"arn:aws:iam::%s:%s"},"Action":["kms:%s"],"Resource":"*"}`,
		effect, c.s.account, who, strings.Join(ops, `","kms:`))
}

func (c *caller) keyring(arn string) keyring.Keyring {
	c.t.Helper()
	k, err := kms.New(c.t.Context(), kms.Config{KeyID: arn, Client: c.client})
	if err != nil {
		c.t.Fatal(err)
	}
	return k
}

func (c *caller) multi(generator string, children ...string) keyring.Keyring {
	c.t.Helper()
	o := keyring.MultiOptions{Generator: c.keyring(generator)}
	for _, arn := range children {
		o.Children = append(o.Children, c.keyring(arn))
	}
	k, err := keyring.NewMulti(o)
	if err != nil {
		c.t.Fatal(err)
	}
	return k
}

// roundTrip encrypts and decrypts a message and an item.
func (c *caller) roundTrip(k keyring.Keyring) error {
	sealed, err := message.Encrypt(c.t.Context(), k, []byte("hello"), pairs())
	if err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	if _, _, err := message.Decrypt(c.t.Context(), k, sealed); err != nil {
		return fmt.Errorf("decrypt: %w", err)
	}
	return c.fields(c.t.Context(), ddb.Single(k))
}

func (c *caller) fields(ctx context.Context, r ddb.Resolver) error {
	enc, err := ddb.NewFieldEncryptor(r, ddb.FieldConfig{Fields: []string{"ssn", "salary"}, PartitionKey: "id", Entity: "User"})
	if err != nil {
		return err
	}
	stored, err := enc.EncryptItem(ctx, ddb.Item{
		"id": &types.AttributeValueMemberS{Value: "u-1"}, "ssn": &types.AttributeValueMemberS{Value: "123-45-6789"},
		"salary": &types.AttributeValueMemberN{Value: "42"},
	})
	if err != nil {
		if len(stored) > 0 {
			return errors.New("an item comes with an error")
		}
		return err
	}
	_, _, err = enc.DecryptItem(ctx, stored)
	return err
}

// denied is the error of a caller who may not: with the operation, the key, both places to look, and nothing of the context but names.
func (c *caller) denied(err error, op, arn string) {
	c.t.Helper()
	if err := refused(err, kms.ErrAccessDenied, signet.ErrAccessDenied); err != nil {
		c.t.Error(err)
		return
	}
	var failure *kms.Error
	if !errors.As(err, &failure) || failure.Op != op || failure.Key != arn {
		c.t.Errorf("the error is not one of %s with %s: %v", op, arn, err)
	}
	for _, want := range []string{arn, "kms:" + op, "key policy", "IAM policy"} {
		if !strings.Contains(err.Error(), want) {
			c.t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	for _, value := range pairs() {
		if strings.Contains(err.Error(), value) {
			c.t.Errorf("the error has a value of the context: %v", err)
		}
	}
}

// Field encryption needs kms:GenerateDataKey and kms:Decrypt of a key that is given by its ARN, and kms:Encrypt only where a multi-keyring wraps under a second key.
func TestPermissionsNeeded(t *testing.T) {
	c := newCaller(t, start(t, "policies"))
	one, two := c.key(), c.key()
	c.policy(statement("Allow", one, "GenerateDataKey", "Decrypt"))
	if err := c.roundTrip(c.keyring(one)); err != nil {
		t.Fatal(err)
	}
	c.policy(statement("Allow", one, "GenerateDataKey", "Decrypt"), statement("Allow", two, "Decrypt"))
	c.denied(c.roundTrip(c.multi(one, two)), "Encrypt", two)
	c.policy(statement("Allow", one, "GenerateDataKey"), statement("Allow", two, "Encrypt", "Decrypt"))
	if err := c.roundTrip(c.multi(one, two)); err != nil {
		t.Fatal(err)
	}

	// Each right that is missing is named.
	for _, x := range []struct{ missing, op string }{{"GenerateDataKey", "GenerateDataKey"}, {"Decrypt", "Decrypt"}} {
		c.policy(statement("Allow", one, "*"), statement("Deny", one, x.missing))
		c.denied(c.roundTrip(c.keyring(one)), x.op, one)
	}
	c.policy(statement("Allow", one, "GenerateDataKey", "Decrypt", "Encrypt"))
	_, err := kms.New(t.Context(), kms.Config{KeyID: one[strings.LastIndexByte(one, '/')+1:], Client: c.client})
	c.denied(err, "DescribeKey", one[strings.LastIndexByte(one, '/')+1:])

	// A right that comes back is used without a new keyring.
	k := c.keyring(one)
	c.policy(statement("Deny", one, "*"))
	c.denied(c.roundTrip(k), "GenerateDataKey", one)
	c.policy(statement("Allow", one, "GenerateDataKey", "Decrypt"))
	if err := c.roundTrip(k); err != nil {
		t.Fatal(err)
	}
}

// With a second key that the caller may not use, the error names that key, and nothing is encrypted under another one instead.
func TestSecondKeyDenied(t *testing.T) {
	c := newCaller(t, start(t, "policies"))
	mine, theirs := c.key(), c.key()
	c.policy(statement("Allow", mine, "GenerateDataKey", "Encrypt", "Decrypt"))
	if err := c.roundTrip(c.keyring(mine)); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name string
		k    keyring.Keyring
		op   string
	}{
		{"alone", c.keyring(theirs), "GenerateDataKey"},
		{"generator", c.multi(theirs, mine), "GenerateDataKey"},
		{"child", c.multi(mine, theirs), "Encrypt"},
	} {
		t.Run(x.name, func(t *testing.T) {
			out, err := message.Encrypt(t.Context(), x.k, []byte("hello"), pairs())
			if out != nil {
				t.Errorf("got a message of %d bytes with an error", len(out))
			}
			c.denied(err, x.op, theirs)
			c.denied(c.fields(t.Context(), ddb.Single(x.k)), x.op, theirs)
		})
	}

	t.Run("optional child", func(t *testing.T) {
		k, err := keyring.NewMulti(keyring.MultiOptions{Generator: c.keyring(mine), Optional: []keyring.Keyring{c.keyring(theirs)}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := keyring.NewRequest(suite.AES256GCMCommit(), pairs())
		if err != nil {
			t.Fatal(err)
		}
		w, err := k.OnEncrypt(t.Context(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer w.DataKey.Destroy()
		if len(w.EDKs) != 1 || len(w.Degraded) != 1 {
			t.Fatalf("got %d data keys and %d degraded, want 1 and 1", len(w.EDKs), len(w.Degraded))
		}
		c.denied(w.Degraded[0].Err, "Encrypt", theirs)
	})

	t.Run("tenants", func(t *testing.T) {
		tenants, err := ddb.NewTenantMap(ddb.TenantMapConfig{
			Strict: true, Tenants: map[string]keyring.Keyring{"mine": c.keyring(mine), "theirs": c.keyring(theirs)},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.fields(ddb.WithTenant(t.Context(), "mine"), tenants); err != nil {
			t.Error(err)
		}
		c.denied(c.fields(ddb.WithTenant(t.Context(), "theirs"), tenants), "GenerateDataKey", theirs)
	})

	t.Run("written by somebody else", func(t *testing.T) {
		owner, err := kms.New(t.Context(), kms.Config{KeyID: theirs, Client: c.s.client(homeRegion)})
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := message.Encrypt(t.Context(), owner, []byte("hello"), pairs())
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = message.Decrypt(t.Context(), c.keyring(theirs), sealed)
		c.denied(err, "Decrypt", theirs)
		if _, _, err = message.Decrypt(t.Context(), c.keyring(mine), sealed); !errors.Is(err, signet.ErrNoKey) || errors.Is(err, signet.ErrAccessDenied) {
			t.Errorf("with a key that the message does not name: got %v, want %v", err, signet.ErrNoKey)
		}
	})
}

// A key policy decides too, for better and for worse.
func TestKeyPolicy(t *testing.T) {
	c := newCaller(t, start(t, "policies"))
	arn := c.key()
	c.policy(statement("Allow", arn, "GenerateDataKey", "Encrypt", "Decrypt"))
	k := c.keyring(arn)
	if err := c.roundTrip(k); err != nil {
		t.Fatal(err)
	}
	c.keyPolicy(arn, c.principal("Allow", "root", "*"), c.principal("Deny", "user/"+c.name, "GenerateDataKey"))
	c.denied(c.roundTrip(k), "GenerateDataKey", arn)
	c.keyPolicy(arn, c.principal("Allow", "root", "PutKeyPolicy"))
	c.denied(c.roundTrip(k), "GenerateDataKey", arn)

	// A key policy that names the user needs no IAM policy in the same account.
	c.policy(statement("Allow", arn, "DescribeKey"))
	c.keyPolicy(arn, c.principal("Allow", "root", "PutKeyPolicy"), c.principal("Allow", "user/"+c.name, "GenerateDataKey", "Decrypt"))
	if err := c.roundTrip(k); err != nil {
		t.Fatal(err)
	}
}

func TestCredentials(t *testing.T) {
	s := start(t, "policies")
	c := newCaller(t, s)
	arn := c.key()
	credentials, err := c.client.Options().Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, client := range map[string]*sdk.Client{
		"wrong secret":   s.as(homeRegion, credentials.AccessKeyID, "not the secret"),
		"unknown caller": s.as(homeRegion, "AKIAIOSFODNN7EXAMPLE", "secret"),
	} {
		t.Run(name, func(t *testing.T) {
			k, err := kms.New(t.Context(), kms.Config{KeyID: arn, Client: client})
			if err != nil {
				t.Fatal(err)
			}
			_, err = message.Encrypt(t.Context(), k, []byte("hello"), nil)
			if err := refused(err, kms.ErrCredentials, signet.ErrAccessDenied); err != nil {
				t.Error(err)
			}
			if errors.Is(err, kms.ErrAccessDenied) {
				t.Errorf("%v is also %v", err, kms.ErrAccessDenied)
			}
		})
	}
}
