package envvar_test

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
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/envvar"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
)

// calls counts calls to KMS by operation.
type calls struct {
	mu    sync.Mutex
	made  map[string]int
	pairs []string // of the last one
}

func (c *calls) observe(_ context.Context, e kms.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made[e.Op]++
	c.pairs = slices.Clone(e.ContextNames)
}

// took returns what was called since it was asked last.
func (c *calls) took() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := fmt.Sprint(c.made)
	c.made = map[string]int{}
	return text
}

// Under a key in AWS KMS each variable is one call when it is encrypted and one when the program starts; KMS sees the pairs, so that policies can; and
// a value in the wrong place is refused without a call.
func TestKMS(t *testing.T) {
	endpoint := os.Getenv("SIGNET_TEST_KMS")
	if endpoint == "" {
		const missing = "SIGNET_TEST_KMS is not set: no KMS to test with (scripts/with-services.sh starts one)"
		if os.Getenv("SIGNET_REQUIRE_TOOLS") == "1" {
			t.Fatal(missing)
		}
		t.Skip("SKIP: " + missing)
	}
	n, err := rand.Int(rand.Reader, big.NewInt(1e12))
	if err != nil {
		t.Fatal(err)
	}
	account := fmt.Sprintf("%012d", n) // MiniStack keeps the keys of each account apart
	cfg := aws.Config{Region: "eu-west-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider(account, "signet", "")}
	client, err := kms.NewSupplier(cfg)(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	key, err := client.(*sdk.Client).CreateKey(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &calls{made: map[string]int{}}
	k, err := kms.New(t.Context(), kms.Config{KeyID: *key.KeyMetadata.Arn, Client: client, Observer: c.observe})
	if err != nil {
		t.Fatal(err)
	}
	o := &envvar.Options{Context: keyring.EncryptionContext{envvar.LambdaFunctionName: "billing"}}
	var environ []string
	for _, name := range []string{"A", "B", "C"} {
		text, err := envvar.Encrypt(t.Context(), k, name, []byte("value of "+name), o)
		if err != nil {
			t.Fatal(err)
		}
		environ = append(environ, name+"="+text)
	}
	if got := c.took(); got != "map[GenerateDataKey:3]" || !slices.Equal(c.pairs, []string{"LambdaFunctionName", "variable"}) {
		t.Errorf("three values made the calls %s, the last with the pairs %q", got, c.pairs)
	}
	values, err := envvar.Load(t.Context(), k, environ, o)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got, _ := values.Lookup("B"); got != "value of B" {
			t.Errorf("B is %q", got)
		}
	}
	if got := c.took(); got != "map[Decrypt:3]" {
		t.Errorf("three variables made the calls %s", got)
	}
	_, text, _ := strings.Cut(environ[0], "=")
	for what, load := range map[string]func() (*envvar.Values, error){
		"another variable": func() (*envvar.Values, error) { return envvar.Load(t.Context(), k, []string{"B=" + text}, o) },
		"another function": func() (*envvar.Values, error) {
			return envvar.Load(t.Context(), k, environ[:1], &envvar.Options{Context: keyring.EncryptionContext{envvar.LambdaFunctionName: "other"}})
		},
	} {
		if _, err := load(); !errors.Is(err, signet.ErrContext) {
			t.Errorf("%s: got %v", what, err)
		}
		if got := c.took(); got != "map[]" {
			t.Errorf("%s made the calls %s", what, got)
		}
	}
}
