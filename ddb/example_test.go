package ddb_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/ddb"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
)

func newKeyring(name string) keyring.Keyring {
	key := make([]byte, 32)
	rand.Read(key)
	k, err := raw.NewAES(raw.AESConfig{Namespace: "example", Name: name, Key: key})
	if err != nil {
		log.Fatal(err)
	}
	return k
}

func ExampleFieldEncryptor() {
	ctx := context.Background()
	enc, err := ddb.NewFieldEncryptor(ddb.Single(newKeyring("k1")), ddb.FieldConfig{
		Fields:       []string{"ssn", "salary"},
		PartitionKey: "id",
		Entity:       "User",
	})
	if err != nil {
		log.Fatal(err)
	}
	stored, err := enc.EncryptItem(ctx, ddb.Item{
		"id":     &types.AttributeValueMemberS{Value: "u-1"},
		"ssn":    &types.AttributeValueMemberS{Value: "123-45-6789"},
		"salary": &types.AttributeValueMemberN{Value: "4200.50"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("stored: id %T, ssn %T, salary %T\n", stored["id"], stored["ssn"], stored["salary"])

	item, info, err := enc.DecryptItem(ctx, stored)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("read:", item["ssn"].(*types.AttributeValueMemberS).Value, item["salary"].(*types.AttributeValueMemberN).Value)
	for _, a := range info.Attributes {
		fmt.Printf("%s: type %s, entity %s, suite 0x%04X\n", a.Name, a.Type, a.Context["entity"], a.Suite.ID())
	}

	// A value does not open as another attribute.
	stored["salary"] = stored["ssn"]
	_, _, err = enc.DecryptItem(ctx, stored)
	fmt.Println(errors.Is(err, signet.ErrContext), err)
	// Output:
	// stored: id *types.AttributeValueMemberS, ssn *types.AttributeValueMemberB, salary *types.AttributeValueMemberB
	// read: 123-45-6789 4200.5
	// salary: type N, entity User, suite 0x0578
	// ssn: type S, entity User, suite 0x0578
	// true decrypt attribute "salary": encryption context: pair "field": the stored value differs from the expected one
}

func ExampleWithTenant() {
	tenants, err := ddb.NewTenantMap(ddb.TenantMapConfig{
		Default: newKeyring("default"),
		Tenants: map[string]keyring.Keyring{"acme": newKeyring("acme"), "globex": newKeyring("globex")},
		Strict:  true,
	})
	if err != nil {
		log.Fatal(err)
	}
	enc, err := ddb.NewFieldEncryptor(tenants, ddb.FieldConfig{Fields: []string{"note"}, PartitionKey: "id"})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	stored, err := enc.EncryptItem(ddb.WithTenant(ctx, "acme"), ddb.Item{
		"id":   &types.AttributeValueMemberS{Value: "1"},
		"note": &types.AttributeValueMemberS{Value: "hello"},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, tenant := range []string{"acme", "globex", "", "acmee"} {
		_, _, err := enc.DecryptItem(ddb.WithTenant(ctx, tenant), stored)
		fmt.Printf("%q: opened %v, wrong tenant %v, unknown tenant %v\n", tenant, err == nil,
			errors.Is(err, signet.ErrContext), errors.Is(err, signet.ErrNotFound))
	}
	// Output:
	// "acme": opened true, wrong tenant false, unknown tenant false
	// "globex": opened false, wrong tenant true, unknown tenant false
	// "": opened false, wrong tenant true, unknown tenant false
	// "acmee": opened false, wrong tenant false, unknown tenant true
}

func ExampleFieldConfig_bindKey() {
	ctx := context.Background()
	enc, err := ddb.NewFieldEncryptor(ddb.Single(newKeyring("k1")), ddb.FieldConfig{
		Fields:       []string{"balance"},
		PartitionKey: "account",
		BindKey:      true,
	})
	if err != nil {
		log.Fatal(err)
	}
	rich, err := enc.EncryptItem(ctx, ddb.Item{
		"account": &types.AttributeValueMemberN{Value: "1"},
		"balance": &types.AttributeValueMemberN{Value: "1000000"},
	})
	if err != nil {
		log.Fatal(err)
	}
	poor := ddb.Item{"account": &types.AttributeValueMemberN{Value: "2"}, "balance": rich["balance"]}
	_, _, err = enc.DecryptItem(ctx, poor)
	fmt.Println(err)
	// Output:
	// decrypt attribute "balance": encryption context: pair "key.account": the stored value differs from the expected one
}

func ExampleOpenTenantMap() {
	ctx := context.Background()
	// With AWS KMS the function calls kms.New with the ARN.
	open := func(_ context.Context, keyID string) (keyring.Keyring, error) {
		fmt.Println("opened", keyID)
		return newKeyring(keyID), nil
	}
	tenants, err := ddb.OpenTenantMap(ctx, open, ddb.TenantKeys{
		Tenants: map[string]string{"acme": "key-1", "globex": "key-2", "initech": "key-2"},
		Strict:  true,
	})
	if err != nil {
		log.Fatal(err)
	}
	enc, err := ddb.NewFieldEncryptor(tenants, ddb.FieldConfig{Fields: []string{"ssn"}})
	if err != nil {
		log.Fatal(err)
	}
	stored, err := enc.EncryptItem(ddb.WithTenant(ctx, "acme"), ddb.Item{"ssn": &types.AttributeValueMemberS{Value: "123-45-6789"}})
	if err != nil {
		log.Fatal(err)
	}
	_, _, err = enc.DecryptItem(ddb.WithTenant(ctx, "globex"), stored)
	fmt.Println("globex:", errors.Is(err, signet.ErrContext))
	_, _, err = enc.DecryptItem(ddb.WithTenant(ctx, "umbrella"), stored)
	fmt.Println("umbrella:", errors.Is(err, signet.ErrNotFound))
	// Output:
	// opened key-1
	// opened key-2
	// globex: true
	// umbrella: true
}
