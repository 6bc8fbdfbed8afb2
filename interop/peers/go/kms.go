package main

import (
	"context"
	"encoding/json"

	mpl "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygenerated"
	mpltypes "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygeneratedtypes"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
)

// newKMS makes a keyring whose client talks to an emulator, which takes the access key for the account.
func newKMS(p *mpl.Client, fields map[string]json.RawMessage) (mpltypes.IKeyring, error) {
	var mode, endpoint, region, account, key string
	if err := first(read(fields, "mode", &mode), read(fields, "endpoint", &endpoint), read(fields, "region", &region),
		read(fields, "account", &account)); err != nil {
		return nil, err
	}
	allowed := []string{"mode", "endpoint", "region", "account"}
	strict := mode == "strict" || mode == "mrk"
	if strict {
		allowed = append(allowed, "key_id")
		if err := read(fields, "key_id", &key); err != nil {
			return nil, err
		}
	}
	if err := only(fields, allowed...); err != nil {
		return nil, err
	}
	client := kms.New(kms.Options{
		Region: region, BaseEndpoint: &endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: account, SecretAccessKey: "peer"}, nil
		}),
	})
	filter := &mpltypes.DiscoveryFilter{Partition: "aws", AccountIds: []string{account}}
	ctx := context.Background()
	var k mpltypes.IKeyring
	var err error
	switch mode {
	case "strict":
		k, err = p.CreateAwsKmsKeyring(ctx, mpltypes.CreateAwsKmsKeyringInput{KmsClient: client, KmsKeyId: key})
	case "mrk":
		k, err = p.CreateAwsKmsMrkKeyring(ctx, mpltypes.CreateAwsKmsMrkKeyringInput{KmsClient: client, KmsKeyId: key})
	case "discovery":
		k, err = p.CreateAwsKmsDiscoveryKeyring(ctx, mpltypes.CreateAwsKmsDiscoveryKeyringInput{KmsClient: client, DiscoveryFilter: filter})
	case "mrk-discovery":
		k, err = p.CreateAwsKmsMrkDiscoveryKeyring(ctx, mpltypes.CreateAwsKmsMrkDiscoveryKeyringInput{
			KmsClient: client, Region: region, DiscoveryFilter: filter,
		})
	default:
		return nil, bad("unknown mode")
	}
	if err != nil {
		return nil, from("keyring", err)
	}
	return k, nil
}
