// Encrypt an attribute of a DynamoDB item under the key in $SIGNET_KEYRING.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/config/all"
	"github.com/signetkeys/signet/ddb"
)

func main() {
	ctx := context.Background()
	// One URI, or several separated by spaces: each of the keys can then open the item.
	keyring, err := all.Mux().OpenAll(ctx, strings.Fields(os.Getenv("SIGNET_KEYRING")), config.System())
	if err != nil {
		log.Fatal(err)
	}
	defer keyring.Close()
	enc, err := ddb.NewFieldEncryptor(ddb.Single(keyring), ddb.FieldConfig{Fields: []string{"ssn"}, PartitionKey: "id"})
	if err != nil {
		log.Fatal(err)
	}
	stored, err := enc.EncryptItem(ctx, ddb.Item{
		"id":  &types.AttributeValueMemberS{Value: "patient-4711"},
		"ssn": &types.AttributeValueMemberS{Value: "078-05-1120"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("DynamoDB gets an ssn of type %T\n", stored["ssn"]) // put it with any client
	item, _, err := enc.DecryptItem(ctx, stored)                   // got with any client
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("verified:", item["ssn"].(*types.AttributeValueMemberS).Value)
}
