package kms

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/signetkeys/signet/internal/arn"
	"github.com/signetkeys/signet/keyring"
)

const (
	// ProviderID is the provider id of encrypted data keys under symmetric KMS keys.
	ProviderID = "aws-kms"

	maxPlaintext  = 4096 // of Encrypt, in bytes
	maxCiphertext = 6144 // of Decrypt, in bytes
	maxGrants     = 10   // grant tokens of one call
	maxGrant      = 8192 // characters of one
)

// Config configures [New] and [NewMRK] for one symmetric key. KeyID and Client are required.
type Config struct {
	// KeyID names the key: the ARN of a key, or an alias ARN, "alias/NAME" or a bare key id. Messages store the ARN of the key, so all but
	// the first are resolved once, by DescribeKey, when the keyring is made; with a Client that is no [DescribeAPI] they are refused.
	KeyID string
	// Client makes the calls. A *kms.Client of the SDK is one; it is not closed and not changed.
	Client API
	// Region is that of Client. A *kms.Client knows its own, which counts; when it is known, an ARN of another region is refused ([ErrWrongRegion]).
	Region string
	// GrantTokens are sent with every call: at most 10, each of 1 to 8192 characters. They are copied.
	GrantTokens []string
	// Observer is told of every call.
	Observer Observer
	// EncryptOnly makes a keyring that never decrypts, and sends KeyID as it is: an alias then means whatever key it names at the time.
	EncryptOnly bool
}

// Filter says which keys a discovery keyring asks for. Both are required.
type Filter struct {
	Partition string   // aws, aws-cn, aws-us-gov
	Accounts  []string // ids of accounts
}

// DiscoveryConfig configures [NewDiscovery] and [NewMRKDiscovery]. Client is required, and either Filter or AllowAnyAccount; NewMRKDiscovery needs to
// know the region.
type DiscoveryConfig struct {
	Client DecryptAPI
	// Region is that of Client, as in [Config]. Keys of other regions are skipped.
	Region string
	Filter *Filter
	// AllowAnyAccount decrypts with any key that a message names and the caller may use: whoever can write a message chooses the key.
	AllowAnyAccount bool
	GrantTokens     []string
	Observer        Observer
}

func configError(format string, args ...any) error {
	return &keyring.ConfigError{Reason: "KMS keyring: " + fmt.Sprintf(format, args...)}
}

func checkGrants(tokens []string) ([]string, error) {
	if len(tokens) > maxGrants {
		return nil, configError("%d grant tokens are given, at most %d are allowed", len(tokens), maxGrants)
	}
	for i, g := range tokens {
		if len(g) == 0 || len(g) > maxGrant {
			return nil, configError("grant token %d has %d characters and must have 1 to %d", i, len(g), maxGrant)
		}
	}
	return append([]string(nil), tokens...), nil
}

// regionOf is the region that the client knows, or the caller says.
func regionOf(client any, region string) string {
	if c, ok := client.(*sdk.Client); ok && c != nil {
		if r := c.Options().Region; r != "" {
			return r
		}
	}
	return region
}

// missing reports whether there is no client: also a nil pointer of a type that has the methods.
func missing(client any) bool {
	v := reflect.ValueOf(client)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

func checkRegion(id arn.ID, region string) error {
	if id.IsARN && region != "" && id.ARN.Region != region {
		return fmt.Errorf("%w: it is in %s and the client in %s", ErrWrongRegion, id.ARN.Region, region)
	}
	return nil
}

func (f *Filter) check() error {
	if f == nil {
		return nil
	}
	if strings.TrimSpace(f.Partition) == "" || len(f.Accounts) == 0 {
		return configError("a filter needs a partition and at least one account")
	}
	for _, a := range f.Accounts {
		if strings.TrimSpace(a) == "" {
			return configError("an account of the filter is blank")
		}
	}
	return nil
}

// resolve returns the ARN of the key that id names.
func resolve(ctx context.Context, id arn.ID, client any, region string, grants []string, o Observer) (arn.ID, error) {
	if id.NamesKey() {
		return id, nil
	}
	d, ok := client.(DescribeAPI)
	if !ok {
		return id, configError("%q is no key ARN, and messages name keys by it: give the ARN, or a client that can DescribeKey", id.Text)
	}
	q := &request{op: "DescribeKey", key: id.Text, region: region}
	arnText, err := describe(ctx, d, q, grants, o)
	if err != nil {
		return id, err
	}
	found, err := arn.ParseID(arnText)
	if err != nil || !found.NamesKey() {
		return id, q.wrong("%.256q is not the ARN of a key", arnText)
	}
	switch a := found.ARN; {
	case id.IsARN && (a.Partition != id.ARN.Partition || a.Region != id.ARN.Region || a.Account != id.ARN.Account),
		!id.IsARN && !strings.HasPrefix(id.Text, "alias/") && a.ID != id.Text:
		return id, q.wrong("it is of key %.256q", arnText)
	}
	return found, checkRegion(found, region)
}
