package ddb_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/ddb"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/message"
)

// policed is a KMS client whose caller may do three operations, and none of them with the keys that are denied: the emulator has no IAM. It
// writes down what it was asked.
type policed struct {
	t   *testing.T
	api kms.API

	mu     sync.Mutex
	denied map[string]bool // by ARN
	calls  []string        // "Operation ARN"
}

var (
	_ kms.API          = (*policed)(nil)
	_ kms.DescribeAPI  = (*policed)(nil)
	_ kms.AgreementAPI = (*policed)(nil)
)

func (p *policed) check(op string, key *string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, op+" "+aws.ToString(key))
	if !p.denied[aws.ToString(key)] {
		return nil
	}
	return accessDenied(op, aws.ToString(key))
}

// accessDenied is what the SDK returns for a caller without permission.
func accessDenied(op, key string) error {
	return &smithy.OperationError{ServiceID: "KMS", OperationName: op, Err: &smithy.GenericAPIError{
		Code: "AccessDeniedException", Fault: smithy.FaultClient, Message: fmt.Sprintf("User: arn:aws:iam::111122223333:user/app is not authorized to perform: kms:%s on resource: %s", op, key),
	}}
}

// forbidden is for the operations that no policy of this caller has.
func (p *policed) forbidden(op string) error {
	p.t.Errorf("%s was called", op)
	return accessDenied(op, "*")
}

func (p *policed) GenerateDataKey(ctx context.Context, in *sdk.GenerateDataKeyInput, o ...func(*sdk.Options)) (*sdk.GenerateDataKeyOutput, error) {
	if err := p.check("GenerateDataKey", in.KeyId); err != nil {
		return nil, err
	}
	return p.api.GenerateDataKey(ctx, in, o...)
}

func (p *policed) Encrypt(ctx context.Context, in *sdk.EncryptInput, o ...func(*sdk.Options)) (*sdk.EncryptOutput, error) {
	if err := p.check("Encrypt", in.KeyId); err != nil {
		return nil, err
	}
	return p.api.Encrypt(ctx, in, o...)
}

func (p *policed) Decrypt(ctx context.Context, in *sdk.DecryptInput, o ...func(*sdk.Options)) (*sdk.DecryptOutput, error) {
	if err := p.check("Decrypt", in.KeyId); err != nil {
		return nil, err
	}
	return p.api.Decrypt(ctx, in, o...)
}

func (p *policed) DescribeKey(context.Context, *sdk.DescribeKeyInput, ...func(*sdk.Options)) (*sdk.DescribeKeyOutput, error) {
	return nil, p.forbidden("DescribeKey")
}

func (p *policed) GetPublicKey(context.Context, *sdk.GetPublicKeyInput, ...func(*sdk.Options)) (*sdk.GetPublicKeyOutput, error) {
	return nil, p.forbidden("GetPublicKey")
}

func (p *policed) DeriveSharedSecret(context.Context, *sdk.DeriveSharedSecretInput, ...func(*sdk.Options)) (*sdk.DeriveSharedSecretOutput, error) {
	return nil, p.forbidden("DeriveSharedSecret")
}

func (p *policed) deny(arns ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.denied = make(map[string]bool)
	for _, arn := range arns {
		p.denied[arn] = true
	}
}

// took returns the calls since the last time.
func (p *policed) took() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := p.calls
	p.calls = nil
	return calls
}

// newKMS makes n keys in the service of SIGNET_TEST_KMS, in an account that nothing else uses, and returns their ARNs.
func newKMS(t *testing.T, n int) (*policed, []string) {
	t.Helper()
	endpoint := os.Getenv("SIGNET_TEST_KMS")
	if endpoint == "" {
		const missing = "SIGNET_TEST_KMS is not set: no KMS to test with (scripts/with-services.sh starts one)"
		if os.Getenv("SIGNET_REQUIRE_TOOLS") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	account, err := rand.Int(rand.Reader, big.NewInt(1e12))
	if err != nil {
		t.Fatal(err)
	}
	client := sdk.New(sdk.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(endpoint),
		Credentials: credentials.NewStaticCredentialsProvider(fmt.Sprintf("%012d", account), "secret", ""),
	})
	var arns []string
	for range n {
		key, err := client.CreateKey(t.Context(), new(sdk.CreateKeyInput))
		if err != nil {
			t.Fatal(err)
		}
		arns = append(arns, aws.ToString(key.KeyMetadata.Arn))
	}
	return &policed{t: t, api: client}, arns
}

func (p *policed) open(ctx context.Context, arn string) (keyring.Keyring, error) {
	return kms.New(ctx, kms.Config{KeyID: arn, Client: p, Region: "eu-west-1"})
}

func (p *policed) tenants(keys ddb.TenantKeys) *ddb.TenantMap {
	p.t.Helper()
	m, err := ddb.OpenTenantMap(p.t.Context(), p.open, keys)
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

func fieldEncryptor(t *testing.T, r ddb.Resolver, cfg ddb.FieldConfig) *ddb.FieldEncryptor {
	t.Helper()
	e, err := ddb.NewFieldEncryptor(r, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func tenant(t *testing.T, id string) context.Context { return ddb.WithTenant(t.Context(), id) }

// Each call uses the key of its tenant, and no other one; an unknown tenant and none use the default key.
func TestKMSTenantsUseTheirKeys(t *testing.T) {
	p, arn := newKMS(t, 3)
	var unknown []string
	e := fieldEncryptor(t, p.tenants(ddb.TenantKeys{
		Default: arn[0], Tenants: map[string]string{"a": arn[1], "b": arn[2]}, OnUnknown: func(id string) { unknown = append(unknown, id) },
	}), ddb.FieldConfig{Fields: []string{"x"}, DisableCaching: true})
	for _, c := range []struct {
		tenant string
		key    string
	}{{"a", arn[1]}, {"b", arn[2]}, {"a", arn[1]}, {"", arn[0]}, {"A", arn[0]}, {"c", arn[0]}, {"c", arn[0]}} {
		stored, err := e.EncryptItem(tenant(t, c.tenant), ddb.Item{"x": str(canary)})
		if err != nil {
			t.Fatal(err)
		}
		back, info, err := e.DecryptItem(tenant(t, c.tenant), stored)
		if err != nil || back["x"].(*types.AttributeValueMemberS).Value != canary {
			t.Fatalf("%q: %v", c.tenant, err)
		}
		if got := string(info.Attributes[0].EDKs[0].ProviderInfo); got != c.key {
			t.Errorf("%q: the value names the key %s, want %s", c.tenant, got, c.key)
		}
		if got, want := p.took(), []string{"GenerateDataKey " + c.key, "Decrypt " + c.key}; !slices.Equal(got, want) {
			t.Errorf("%q: called %q, want %q", c.tenant, got, want)
		}
	}
	if got := fmt.Sprint(unknown); got != "[A c]" {
		t.Errorf("unknown tenants were reported as %s", got)
	}
}

// What one tenant wrote opens for no other one, through the encryptor and by its key alone, with cached data keys and without.
func TestKMSTenantIsolation(t *testing.T) {
	p, arn := newKMS(t, 3)
	keys := ddb.TenantKeys{Default: arn[0], Tenants: map[string]string{"a": arn[1], "b": arn[2]}}
	for _, caching := range []bool{true, false} {
		e := fieldEncryptor(t, p.tenants(keys), ddb.FieldConfig{Fields: []string{"x"}, DisableCaching: !caching})
		tenants := []string{"a", "b", "", "unknown"}
		keyOf := map[string]string{"a": arn[1], "b": arn[2], "": arn[0], "unknown": arn[0]}
		stored := map[string]ddb.Item{}
		for _, id := range tenants {
			var err error
			if stored[id], err = e.EncryptItem(tenant(t, id), ddb.Item{"x": str(canary)}); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			for _, writer := range tenants {
				for _, reader := range tenants {
					p.took()
					out, _, err := e.DecryptItem(tenant(t, reader), stored[writer])
					if writer == reader {
						if err != nil {
							t.Errorf("%q does not read its own: %v", reader, err)
						}
						continue
					}
					if out != nil || !errors.Is(err, signet.ErrContext) || strings.Contains(err.Error(), canary) {
						t.Errorf("%q reads %q: got %v, %v", reader, writer, out, err)
					}
					// With one key it is the context that KMS compares.
					if calls := p.took(); len(calls) > 0 && keyOf[reader] != keyOf[writer] {
						t.Errorf("%q reads %q: KMS was asked: %q", reader, writer, calls)
					}
				}
			}
		}
		// Without the encryptor's check: the key of b does not open a's message, and b's key is not even asked for it.
		k, err := p.open(t.Context(), arn[2])
		if err != nil {
			t.Fatal(err)
		}
		ct := stored["a"]["x"].(*types.AttributeValueMemberB).Value
		p.took()
		if _, _, err := message.Decrypt(t.Context(), k, ct); !errors.Is(err, signet.ErrNoKey) || len(p.took()) > 0 {
			t.Errorf("another key: got %v", err)
		}
	}
}

// A key that is denied fails its tenant, with an error that names it; nothing is written under another key, and other tenants go on.
func TestKMSOneKeyDenied(t *testing.T) {
	p, arn := newKMS(t, 3)
	for _, caching := range []bool{true, false} {
		p.deny()
		e := fieldEncryptor(t, p.tenants(ddb.TenantKeys{Default: arn[0], Tenants: map[string]string{"a": arn[1], "b": arn[2]}}),
			ddb.FieldConfig{Fields: []string{"x", "y"}, DisableCaching: !caching, MaxConcurrency: 1})
		item := ddb.Item{"id": str("u-1"), "x": str(canary), "y": str(canary)}
		before, err := e.EncryptItem(tenant(t, "b"), item)
		if err != nil {
			t.Fatal(err)
		}
		e = fieldEncryptor(t, p.tenants(ddb.TenantKeys{Default: arn[0], Tenants: map[string]string{"a": arn[1], "b": arn[2]}}),
			ddb.FieldConfig{Fields: []string{"x", "y"}, DisableCaching: !caching, MaxConcurrency: 1})
		p.deny(arn[2])
		p.took()
		denied := func(what string, out ddb.Item, err error) {
			t.Helper()
			if out != nil || !errors.Is(err, signet.ErrAccessDenied) {
				t.Fatalf("%s: got %v, %v, want ErrAccessDenied", what, out, err)
			}
			if !strings.Contains(err.Error(), arn[2]) || strings.Contains(err.Error(), arn[0]) || strings.Contains(err.Error(), arn[1]) || strings.Contains(err.Error(), canary) {
				t.Errorf("%s: the error is %v", what, err)
			}
			for _, call := range p.took() {
				if !strings.HasSuffix(call, " "+arn[2]) {
					t.Errorf("%s: called %s", what, call)
				}
			}
		}
		out, err := e.EncryptItem(tenant(t, "b"), item)
		denied("encrypt", out, err)
		out, _, err = e.DecryptItem(tenant(t, "b"), before)
		denied("decrypt", out, err)
		for _, id := range []string{"a", ""} {
			stored, err := e.EncryptItem(tenant(t, id), item)
			if err != nil {
				t.Fatalf("%q: %v", id, err)
			}
			if _, _, err := e.DecryptItem(tenant(t, id), stored); err != nil {
				t.Errorf("%q: %v", id, err)
			}
		}
		p.deny() // allowed again: nothing has to be restarted
		if _, _, err := e.DecryptItem(tenant(t, "b"), before); err != nil {
			t.Errorf("allowed again: %v", err)
		}
	}
}

// A strict map refuses unknown tenants before any key is asked, and so does a resolver that has no answer.
func TestKMSStrictTenants(t *testing.T) {
	p, arn := newKMS(t, 1)
	e := fieldEncryptor(t, p.tenants(ddb.TenantKeys{Tenants: map[string]string{"a": arn[0]}, Strict: true}), ddb.FieldConfig{Fields: []string{"x"}})
	for _, id := range []string{"", "b", "A"} {
		if out, err := e.EncryptItem(tenant(t, id), ddb.Item{"x": str(canary)}); out != nil || !errors.Is(err, signet.ErrNotFound) {
			t.Errorf("%q: got %v, %v", id, out, err)
		}
	}
	if calls := p.took(); len(calls) > 0 {
		t.Errorf("called %q", calls)
	}
	if _, err := ddb.OpenTenantMap(t.Context(), p.open, ddb.TenantKeys{Default: arn[0], Tenants: map[string]string{"a": "", "b": arn[0]}}); !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("an empty ARN: got %v", err)
	}
}

// A single key needs GenerateDataKey and Decrypt; several need Encrypt, too. Nothing else is ever called ([policed] fails on it).
func TestKMSThreeOperations(t *testing.T) {
	p, arn := newKMS(t, 2)
	one, err := p.open(t.Context(), arn[0])
	if err != nil {
		t.Fatal(err)
	}
	two, err := p.open(t.Context(), arn[1])
	if err != nil {
		t.Fatal(err)
	}
	both, err := keyring.NewMulti(keyring.MultiOptions{Generator: one, Children: []keyring.Keyring{two}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		k    keyring.Keyring
		want []string
	}{
		"one key":  {one, []string{"GenerateDataKey " + arn[0], "Decrypt " + arn[0]}},
		"two keys": {both, []string{"GenerateDataKey " + arn[0], "Encrypt " + arn[1], "Decrypt " + arn[0]}},
	} {
		for _, cfg := range []ddb.FieldConfig{
			{Fields: []string{"x"}, DisableCaching: true},
			{Fields: []string{"x"}, PartitionKey: "id", BindKey: true, Entity: "User", Table: "users"},
			{Fields: []string{"x"}, Algorithm: "0x0478"},
		} {
			e := fieldEncryptor(t, ddb.Single(c.k), cfg)
			p.took()
			stored, err := e.EncryptItem(t.Context(), ddb.Item{"id": str("u-1"), "x": str(canary)})
			if err != nil {
				t.Fatal(err)
			}
			reader := fieldEncryptor(t, ddb.Single(c.k), cfg) // another process has another cache
			if _, _, err := reader.DecryptItem(t.Context(), stored); err != nil {
				t.Fatal(err)
			}
			if got := p.took(); !slices.Equal(got, c.want) {
				t.Errorf("%s: called %q, want %q", name, got, c.want)
			}
		}
	}
}

// Requests of several tenants at once, through a table: each finds its own, and a plain client finds nothing.
func TestKMSTenantsConcurrently(t *testing.T) {
	p, arn := newKMS(t, 3)
	client, _, table := newTable(t)
	e := fieldEncryptor(t, p.tenants(ddb.TenantKeys{Default: arn[0], Tenants: map[string]string{"a": arn[1], "b": arn[2]}}),
		ddb.FieldConfig{Fields: []string{"x"}, PartitionKey: "id", SortKey: "n"})
	keyOf := map[string]string{"a": arn[1], "b": arn[2], "": arn[0]}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			id := []string{"a", "b", ""}[i%3]
			ctx := ddb.WithTenant(t.Context(), id)
			item := ddb.Item{"id": str("t" + id), "n": num(fmt.Sprint(i)), "x": str(canary + id)}
			stored, err := e.EncryptItem(ctx, item)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: stored}); err != nil {
				t.Error(err)
				return
			}
			got, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: ddb.Item{"id": item["id"], "n": item["n"]}, ConsistentRead: aws.Bool(true)})
			if err != nil {
				t.Error(err)
				return
			}
			if found := leaks(flatten(dict(got.Item))); found != nil {
				t.Errorf("a plain client sees %q", found)
			}
			back, info, err := e.DecryptItem(ctx, got.Item)
			if err != nil {
				t.Error(err)
				return
			}
			if back["x"].(*types.AttributeValueMemberS).Value != canary+id || string(info.Attributes[0].EDKs[0].ProviderInfo) != keyOf[id] {
				t.Errorf("tenant %q got something else, under %s", id, info.Attributes[0].EDKs[0].ProviderInfo)
			}
		})
	}
	wg.Wait()
}
