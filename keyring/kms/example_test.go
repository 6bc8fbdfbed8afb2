package kms_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/message"
)

// One key in one region. The client may be any value with the three calls: the SDK's, a wrapper that counts or limits them, or, as here, a fake.
func ExampleNew() {
	ctx := context.Background()
	k, err := kms.New(ctx, kms.Config{
		KeyID:    "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000001",
		Client:   symmetricFake().Region("eu-west-1"), // sdk.NewFromConfig(cfg)
		Observer: func(_ context.Context, e kms.Event) { fmt.Println(e.Op, e.ContextNames, e.Err) },
	})
	if err != nil {
		log.Fatal(err)
	}
	ciphertext, err := message.Encrypt(ctx, k, []byte("a secret"), keyring.EncryptionContext{"tenant": "blue"})
	if err != nil {
		log.Fatal(err)
	}
	plaintext, _, err := message.Decrypt(ctx, k, ciphertext)
	fmt.Printf("%s %v\n", plaintext, err)
	// Output:
	// GenerateDataKey [aws-crypto-public-key tenant] <nil>
	// Decrypt [aws-crypto-public-key tenant] <nil>
	// a secret <nil>
}

// Two regions: whoever reaches one of them decrypts, and a read does not wait for a region that is slow.
func ExampleNewMulti() {
	ctx := context.Background()
	k, err := kms.NewMulti(ctx, kms.MultiConfig{
		Generator: "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000001",
		Children:  []string{"arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000003"},
		Supplier:  supplier(symmetricFake()), // kms.NewSupplier(cfg)
		Hedge:     200 * time.Millisecond,
	})
	if err != nil {
		log.Fatal(err)
	}
	ciphertext, err := message.Encrypt(ctx, k, []byte("a secret"), nil)
	if err != nil {
		log.Fatal(err)
	}
	header, _, err := message.ParseHeader(ciphertext)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(header.EDKs))
	// Output: 2
}

// A reader does not have to know the keys, only the account that they are of.
func ExampleNewDiscovery() {
	fake := symmetricFake()
	k, err := kms.NewDiscovery(kms.DiscoveryConfig{
		Client: fake.Region("eu-west-1"),
		Region: "eu-west-1", // known, when the client is the SDK's
		Filter: &kms.Filter{Partition: "aws", Accounts: []string{"111122223333"}},
	})
	fmt.Println(k != nil, err)
	_, err = kms.NewDiscovery(kms.DiscoveryConfig{Client: fake.Region("eu-west-1")})
	fmt.Println(err)
	// Output:
	// true <nil>
	// KMS keyring: discovery needs a filter of partition and accounts, or AllowAnyAccount
}

// All calls of the clients are made in a role, whose credentials are fetched when the first one is made and renewed before they expire.
func ExampleNewSupplier_assumeRole() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	role := cfg.Copy()
	role.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), "arn:aws:iam::111122223333:role/reader"))
	k, err := kms.NewDiscoveryMulti(ctx, kms.DiscoveryMultiConfig{
		Regions:  []string{"eu-west-1", "eu-central-1"},
		Filter:   &kms.Filter{Partition: "aws", Accounts: []string{"111122223333"}},
		Supplier: kms.NewSupplier(role),
	})
	fmt.Println(k, err)
}
