// Package ddb encrypts attributes of DynamoDB items on the client. A [FieldEncryptor] turns each declared attribute into an AWS Encryption SDK
// message in an attribute of type B; keys and all other attributes stay as they are:
//
//	enc, err := ddb.NewFieldEncryptor(ddb.Single(k), ddb.FieldConfig{
//		Fields: []string{"ssn", "diagnosis"}, PartitionKey: "id",
//	})
//	stored, err := enc.EncryptItem(ctx, item) // then PutItem with any client
//	item, info, err := enc.DecryptItem(ctx, stored)
//
// Keyrings come from a [Resolver]: [Single] for one, [TenantMap] for one per tenant, or your own over a database. [WithTenant] names the
// tenant of one call. Data keys are cached, see [FieldConfig]. The format is docs/formats/field.md.
//
// Each attribute is authenticated by itself, with its name, its type, the tenant and what [FieldConfig] adds. Not protected: attributes that are
// not declared, attributes that somebody removes, and an older value of the same attribute that somebody puts back. Without
// [FieldConfig.BindKey] a value can also be moved to another item of the same tenant. The length of each value shows.
//
// The encryption context of this package is that of the AWS Encryption SDK, what KMS calls by the same name too. The "DynamoDB encryption
// context" of the DynamoDB Encryption Client is another thing, with another type.
//
// The package imports the types of the DynamoDB SDK and not its client.
package ddb

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// An Item is a DynamoDB item as the AWS SDK has it.
type Item = map[string]types.AttributeValue

// A Protector encrypts items before they are written and decrypts them after they were read. It is safe for concurrent use, never changes an
// item that it is given, and its results share no memory with it.
type Protector interface {
	// EncryptItem returns the item to store. On an error nothing is returned.
	EncryptItem(ctx context.Context, item Item) (Item, error)
	// DecryptItem returns the item that was encrypted and what was authenticated with it. On an error nothing is returned.
	DecryptItem(ctx context.Context, item Item) (Item, *Info, error)
	// Role says what an attribute is to this protector, and so what an expression may do with it.
	Role(attribute string) Role
}

// A Role is what an attribute is to a [Protector]. The zero Role is invalid.
type Role uint8

const (
	// RoleKey is a primary key attribute: in the clear, never encrypted.
	RoleKey Role = iota + 1
	// RoleUnprotected is neither encrypted nor authenticated.
	RoleUnprotected
	// RoleEncrypted is stored encrypted: expressions cannot look into it.
	RoleEncrypted
)

func (r Role) String() string {
	switch r {
	case RoleKey:
		return "key"
	case RoleUnprotected:
		return "unprotected"
	case RoleEncrypted:
		return "encrypted"
	}
	return "invalid role"
}
