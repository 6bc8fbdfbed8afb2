package kms

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
)

const (
	// MaxAttempts is how often a client of [NewSupplier] sends one request at most.
	MaxAttempts = 3
	// AttemptTimeout is how long such a client waits for the answer to one attempt, connecting included. A call to a region that never answers
	// ends after MaxAttempts of these and the pauses between them, about half a minute, when its context does not end it before.
	AttemptTimeout = 10 * time.Second

	maxBackoff = 2 * time.Second
)

// A Client can do all that keyrings ask of KMS. A *kms.Client of the SDK is one.
type Client interface {
	API
	AgreementAPI
}

// A Supplier gives the client of a region; "" means its default region. It is called while keyrings are made, not when they are used.
type Supplier func(ctx context.Context, region string) (Client, error)

// NewSupplier gives clients of the SDK, one for each region, made once. Options o are applied to each, last. Credentials come from cfg: one with an
// assume-role provider makes all calls in that role.
//
// The clients retry by the SDK's standard mode, MaxAttempts in all, with backoff and jitter of at most 2 seconds, whatever cfg says (o can say
// otherwise): throttling, timeouts and failures of the server, and never a denied call or a ciphertext that did not open. There is no other layer
// of retries in signet. An attempt is given up after AttemptTimeout, unless cfg has an HTTP client with a timeout or of another type than the
// SDK's own. The user agent ends in AwsCryptographicMPL/Go/signet-VERSION. Without any
// credentials in cfg and o the supplier fails with [ErrCredentials].
func NewSupplier(cfg aws.Config, o ...func(*sdk.Options)) Supplier {
	cfg = cfg.Copy()
	switch h := cfg.HTTPClient.(type) {
	case nil:
		cfg.HTTPClient = awshttp.NewBuildableClient().WithTimeout(AttemptTimeout)
	case *awshttp.BuildableClient:
		if h.GetTimeout() == 0 {
			cfg.HTTPClient = h.WithTimeout(AttemptTimeout)
		}
	}
	agent := userAgent()
	var mu sync.Mutex
	clients := map[string]*sdk.Client{}
	return func(_ context.Context, region string) (Client, error) {
		if region == "" {
			region = cfg.Region
		}
		if region == "" {
			return nil, errNoRegion
		}
		mu.Lock()
		defer mu.Unlock()
		if c := clients[region]; c != nil {
			return c, nil
		}
		options := append([]func(*sdk.Options){func(op *sdk.Options) {
			op.Region = region
			op.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
				s.MaxAttempts, s.MaxBackoff = MaxAttempts, maxBackoff
				// The client that asks for credentials has retried already.
				s.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
					if noIdentity(err) {
						return aws.FalseTernary
					}
					return aws.UnknownTernary
				})}, s.Retryables...)
			})
			op.RetryMaxAttempts = 0 // those of cfg would replace the retryer's
			op.APIOptions = append(op.APIOptions, agent)
		}}, o...)
		c := sdk.NewFromConfig(cfg, options...)
		if c.Options().Credentials == nil { // the SDK would send requests without a signature
			return nil, fmt.Errorf("%w: none are configured", ErrCredentials)
		}
		clients[region] = c
		return c, nil
	}
}

var errNoRegion = configError("no region: it is neither in a key ARN nor in the AWS configuration")
