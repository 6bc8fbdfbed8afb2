package ddb

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/cache"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

func TestConfigRefused(t *testing.T) {
	long := strings.Repeat("x", 1<<16)
	for name, cfg := range map[string]FieldConfig{
		"partition key":         {Fields: []string{"a", "id"}, PartitionKey: "id"},
		"sort key":              {Fields: []string{"n"}, PartitionKey: "id", SortKey: "n"},
		"empty field":           {Fields: []string{""}},
		"field twice":           {Fields: []string{"a", "b", "a"}},
		"reserved field":        {Fields: []string{"aws_dbe_head"}},
		"reserved pair's field": {Fields: []string{"aws-crypto-x"}},
		"legacy field":          {Fields: []string{"*amzn-ddb-map-sig*"}},
		"long field":            {Fields: []string{long}},
		"field not UTF-8":       {Fields: []string{"\xff"}},
		"bound to nothing":      {Fields: []string{"a"}, BindKey: true},
		"sort key alone":        {Fields: []string{"a"}, SortKey: "n"},
		"one key twice":         {Fields: []string{"a"}, PartitionKey: "id", SortKey: "id"},
		"static field":          {Static: keyring.EncryptionContext{"field": "x"}},
		"static type":           {Static: keyring.EncryptionContext{"type": "x"}},
		"static context":        {Static: keyring.EncryptionContext{"context": "x"}},
		"static entity":         {Static: keyring.EncryptionContext{"entity": "x"}},
		"static table":          {Static: keyring.EncryptionContext{"table": "x"}},
		"static key":            {Static: keyring.EncryptionContext{"key.id": "x"}},
		"static reserved":       {Static: keyring.EncryptionContext{"aws-crypto-public-key": "x"}},
		"static not UTF-8":      {Static: keyring.EncryptionContext{"a": "\xff"}},
		"pairs of a field":      {Fields: []string{strings.Repeat("x", 40000)}, Entity: strings.Repeat("y", 30000)},
		"key name not UTF-8":    {Fields: []string{"a"}, PartitionKey: "\xff", BindKey: true},
		"long key name":         {Fields: []string{"a"}, PartitionKey: long, BindKey: true},
		"static too large":      {Static: keyring.EncryptionContext{"a": long}},
		"entity not UTF-8":      {Entity: "\xff"},
		"unknown algorithm":     {Algorithm: "AES"},
		"algorithm differs":     {Algorithm: "0578", Suite: suite.AES256GCMCommit()},
		"not committing":        {Algorithm: "AES_256_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384"},
		"committing":            {Suite: suite.AES256GCMCommit(), CommitmentPolicy: suite.ForbidEncryptAllowDecrypt},
		"item suite":            {Suite: suite.ItemAES256GCM()},
		"unknown policy":        {CommitmentPolicy: 3},
		"many EDKs":             {MaxEncryptedDataKeys: 65536},
		"negative EDKs":         {MaxEncryptedDataKeys: -1},
		"negative concurrency":  {MaxConcurrency: -1},
		"no cache, configured":  {DisableCaching: true, Cache: &CacheConfig{}},
		"negative age":          {Cache: &CacheConfig{MaxAge: -1}},
		"negative capacity":     {Cache: &CacheConfig{Capacity: -1}},
		"negative keyrings":     {Cache: &CacheConfig{MaxKeyrings: -1}},
		"two caches":            {Cache: &CacheConfig{Cache: cache.NewLocal(1), Capacity: 1}},
		"many messages":         {Cache: &CacheConfig{MaxMessages: cache.MaxMessagesPerKey + 1}},
		"many bytes":            {Cache: &CacheConfig{MaxBytes: 1 << 63}},
	} {
		if e, err := NewFieldEncryptor(Single(testKeyring(t)), cfg); e != nil || !errors.Is(err, signet.ErrPolicy) {
			t.Errorf("%s: got %v, want a policy error", name, err)
		}
	}
	for name, r := range map[string]Resolver{
		"nil": nil, "nil map": (*TenantMap)(nil), "nil function": resolverFunc(nil), "nil keyring": Single(nil), "nil pointer": Single((*counting)(nil)),
	} {
		if e, err := NewFieldEncryptor(r, FieldConfig{}); e != nil || !errors.Is(err, signet.ErrPolicy) {
			t.Errorf("resolver %s: got %v, want a policy error", name, err)
		}
	}
}

func TestAlgorithm(t *testing.T) {
	ctx := context.Background()
	k := Single(testKeyring(t))
	for _, name := range []string{"", "AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384", "alg_aes_256_gcm_hkdf_sha512_commit_key", "0x0478", "0578"} {
		e := newEncryptor(t, k, FieldConfig{Algorithm: name, DisableCaching: true})
		want := suite.AES256GCMCommitECDSAP384()
		if name != "" {
			want, _ = suite.ByName(name)
		}
		v, err := e.EncryptValue(ctx, "a", str("x"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, info, err := e.DecryptValue(ctx, "a", v, nil); err != nil || info.Suite != want {
			t.Errorf("%q: got %v, %v, want %v", name, info, err, want)
		}
	}
}

// What the caller does to its configuration later has no effect.
func TestConfigIsCopied(t *testing.T) {
	ctx := context.Background()
	cfg := FieldConfig{Fields: []string{"b", "a"}, Static: keyring.EncryptionContext{"app": "one"}, Cache: &CacheConfig{MaxMessages: 7}}
	e := newEncryptor(t, Single(testKeyring(t)), cfg)
	if !reflect.DeepEqual(cfg, FieldConfig{Fields: []string{"b", "a"}, Static: keyring.EncryptionContext{"app": "one"}, Cache: &CacheConfig{MaxMessages: 7}}) {
		t.Errorf("the configuration was changed: %v", cfg)
	}
	cfg.Fields[0], cfg.Static["app"], cfg.Cache.MaxMessages = "c", "two", 1
	stored, err := e.EncryptItem(ctx, Item{"a": str("x"), "b": str("y")})
	if err != nil {
		t.Fatal(err)
	}
	_, info, err := e.DecryptItem(ctx, stored)
	if err != nil || len(info.Attributes) != 2 || info.Attributes[0].Context["app"] != "one" {
		t.Errorf("got %v, %v", info, err)
	}
	if c := e.cfg.Cache; c.MaxMessages != 7 || c.MaxAge != 300*time.Second || c.MaxBytes != 100<<20 {
		t.Errorf("limits are %+v", c)
	}
	if c := newEncryptor(t, Single(testKeyring(t)), FieldConfig{}).cfg.Cache; c.MaxMessages != 100 || c.MaxAge != 300*time.Second || c.MaxBytes != 100<<20 {
		t.Errorf("default limits are %+v", c)
	}
}
