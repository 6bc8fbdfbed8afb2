package ddb

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// Five fields of an item, their data keys cached, under a raw AES key.
func BenchmarkItem(b *testing.B) {
	ctx := WithTenant(context.Background(), "acme")
	item := Item{"id": str("u-1"), "plain": num("1"), "name": str("Ada Lovelace"), "ssn": str("123-45-6789"), "salary": num("4711.25"),
		"photo": bin(sequence(200)...), "tags": dict(Item{"a": array(str("x"), num("1"))})}
	fields := []string{"name", "ssn", "salary", "photo", "tags"}
	for _, algorithm := range []string{"0478", "0578"} {
		for _, concurrency := range []int{1, DefaultMaxConcurrency} {
			e := newEncryptor(b, Single(testKeyring(b)), FieldConfig{Fields: fields, PartitionKey: "id", Algorithm: algorithm,
				Cache: &CacheConfig{MaxMessages: 1 << 32}, MaxConcurrency: concurrency})
			stored, err := e.EncryptItem(ctx, item)
			if err != nil {
				b.Fatal(err)
			}
			name := fmt.Sprintf("0x%s/concurrency=%d", strings.TrimPrefix(algorithm, "0x"), concurrency)
			b.Run("encrypt/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := e.EncryptItem(ctx, item); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("decrypt/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, _, err := e.DecryptItem(ctx, stored); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
