package all

import (
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go/logging"
	"github.com/signetkeys/signet/keyring/kms"
)

// Services that give credentials, AWS STS for one, are not waited for without end either, and nothing is logged behind the program's back.
func TestAWSConfig(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	cfg, err := new(KMSKey).load(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if h, ok := cfg.HTTPClient.(*awshttp.BuildableClient); !ok || h.GetTimeout() != kms.AttemptTimeout {
		t.Errorf("got client %T", cfg.HTTPClient)
	}
	if _, ok := cfg.Logger.(logging.Nop); !ok {
		t.Errorf("the SDK logs to %T", cfg.Logger)
	}
}
