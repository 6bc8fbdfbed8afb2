package kms_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/message"
)

// server is an emulator over HTTP, and the SDK's client for a region of it.
func server(t *testing.T) func(region string) *sdk.Client {
	t.Helper()
	endpoint := os.Getenv("SIGNET_TEST_KMS")
	if endpoint == "" {
		if os.Getenv("SIGNET_REQUIRE_TOOLS") == "1" {
			t.Fatal("SIGNET_REQUIRE_TOOLS=1 and SIGNET_TEST_KMS names no KMS emulator")
		}
		t.Skip("SKIP: SIGNET_TEST_KMS names no KMS emulator")
	}
	return func(region string) *sdk.Client {
		return sdk.New(sdk.Options{BaseEndpoint: &endpoint, Region: region, Credentials: credentials.NewStaticCredentialsProvider("111122223333", "signet", "")})
	}
}

func TestServer(t *testing.T) {
	in, ctx := server(t), t.Context()
	near, far := in("eu-west-1"), in("eu-central-1")
	made, err := near.CreateKey(ctx, &sdk.CreateKeyInput{MultiRegion: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = near.ReplicateKey(ctx, &sdk.ReplicateKeyInput{KeyId: made.KeyMetadata.KeyId, ReplicaRegion: aws.String("eu-central-1")})
	var exists *types.AlreadyExistsException
	if err != nil && !errors.As(err, &exists) { // the emulator now and then loses an answer, and the SDK repeats the request
		t.Fatal(err)
	}
	k, err := kms.New(ctx, kms.Config{KeyID: *made.KeyMetadata.KeyId, Client: near})
	if err != nil {
		t.Fatal(err)
	}
	ec := keyring.EncryptionContext{"tenant": "canary"}
	msg, err := message.Encrypt(ctx, k, []byte("text"), ec)
	if err != nil {
		t.Fatal(err)
	}
	filter := &kms.Filter{Partition: "aws", Accounts: []string{"111122223333"}}
	other, err := kms.NewMRKDiscovery(kms.DiscoveryConfig{Client: far, Filter: filter})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []keyring.Keyring{k, other} {
		if got, _, err := message.Decrypt(ctx, r, msg); err != nil || string(got) != "text" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if _, err := near.DisableKey(ctx, &sdk.DisableKeyInput{KeyId: made.KeyMetadata.KeyId}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := message.Decrypt(ctx, k, msg); !errors.Is(err, kms.ErrKeyDisabled) || !errors.Is(err, signet.ErrNoKey) {
		t.Errorf("disabled: got %v", err)
	}
	if _, err := kms.New(context.Background(), kms.Config{KeyID: *made.KeyMetadata.Arn, Client: far}); !errors.Is(err, kms.ErrWrongRegion) {
		t.Errorf("another region's key: got %v", err)
	}
}
