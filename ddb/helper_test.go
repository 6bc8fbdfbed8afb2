package ddb

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
)

func str(s string) types.AttributeValue  { return &types.AttributeValueMemberS{Value: s} }
func num(s string) types.AttributeValue  { return &types.AttributeValueMemberN{Value: s} }
func bin(b ...byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }
func dict(m Item) types.AttributeValue   { return &types.AttributeValueMemberM{Value: m} }
func array(l ...types.AttributeValue) types.AttributeValue {
	return &types.AttributeValueMemberL{Value: l}
}

// sequence is n bytes 00 01 02 ...
func sequence(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func rawKeyring(t testing.TB, namespace, name string, key []byte) keyring.Keyring {
	t.Helper()
	k, err := raw.NewAES(raw.AESConfig{Namespace: namespace, Name: name, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testKeyring(t testing.TB) keyring.Keyring { return rawKeyring(t, "test", "key", sequence(32)) }

func newEncryptor(t testing.TB, r Resolver, cfg FieldConfig) *FieldEncryptor {
	t.Helper()
	e, err := NewFieldEncryptor(r, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// counting counts the calls that reach a keyring.
type counting struct {
	keyring.Keyring
	wraps, unwraps atomic.Int64
}

func (c *counting) OnEncrypt(ctx context.Context, r *keyring.Request, k *keyring.Secret) (*keyring.Wrapped, error) {
	c.wraps.Add(1)
	return c.Keyring.OnEncrypt(ctx, r, k)
}

func (c *counting) OnDecrypt(ctx context.Context, r *keyring.Request, edks []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
	c.unwraps.Add(1)
	return c.Keyring.OnDecrypt(ctx, r, edks)
}
