package kmstest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
)

const (
	homeRegion  = "eu-west-1"
	otherRegion = "us-east-1"
)

// A server is an emulator of KMS.
type server struct {
	name     string
	endpoint string
	account  string // of its keys, and on MiniStack the access key that chooses it
}

const (
	localKMS  = "local-kms"
	miniStack = "MiniStack"
	moto      = "moto"
)

// variables name the servers' addresses.
var variables = map[string]string{
	localKMS: "SIGNET_TEST_KMS_LOCAL", miniStack: "SIGNET_TEST_KMS", moto: "SIGNET_TEST_KMS_MOTO", "policies": "SIGNET_TEST_KMS_AUTH",
}

// start returns a server that runs already; an account of MiniStack is the test's own.
func start(t testing.TB, name string) *server {
	t.Helper()
	endpoint := os.Getenv(variables[name])
	if endpoint == "" {
		if os.Getenv("SIGNET_REQUIRE_TOOLS") == "1" {
			t.Fatalf("%s does not name a server: make kms starts it", variables[name])
		}
		t.Skipf("%s does not name a server: make kms starts it", variables[name])
	}
	s := &server{name: name, endpoint: endpoint}
	switch name {
	case localKMS:
		s.account = "111122223333"
	case moto:
		s.account = "123456789012"
	default:
		s.account = fmt.Sprintf("%012d", rand.Int64N(1e12))
	}
	return s
}

// client is a client of the SDK, with the SDK's defaults.
func (s *server) client(region string) *sdk.Client { return s.as(region, s.account, "signet") }

func (s *server) as(region, accessKey, secret string) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: region, BaseEndpoint: &s.endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret}, nil
		}),
	})
}

func (s *server) arn(id string) string {
	return fmt.Sprintf("arn:aws:kms:%s:%s:key/%s", homeRegion, s.account, id)
}

// calls are the requests that a client sent, retries included; see option.
type calls struct {
	mu  sync.Mutex
	ops []string
}

func (c *calls) count(op string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, o := range c.ops {
		if o == op {
			n++
		}
	}
	return n
}

func (c *calls) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprint(c.ops)
}
