package ddb

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signetkeys/signet/cache"
	"github.com/signetkeys/signet/internal/attr"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// Defaults of [CacheConfig] and [FieldConfig].
const (
	DefaultMaxAge         = 300 * time.Second
	DefaultMaxMessages    = 100
	DefaultMaxBytes       = 100 << 20
	DefaultCacheCapacity  = 1024
	DefaultMaxKeyrings    = 1024
	DefaultMaxConcurrency = 8
)

// FieldConfig configures [NewFieldEncryptor]. The zero value is an encryptor for single values ([FieldEncryptor.EncryptValue]); for items
// Fields must say what to encrypt.
type FieldConfig struct {
	// Fields are the attributes to encrypt, by name; keep them few, each costs a message. Those that an item lacks are left out. Other
	// attributes are neither encrypted nor looked at. Key attributes, names starting with "aws_dbe_", and those of other formats are
	// refused.
	Fields []string
	// PartitionKey and SortKey are the names of the primary key attributes, which are never encrypted. They may be empty when the table
	// has no sort key, or when the caller takes care.
	PartitionKey, SortKey string

	// Entity and Table, when not empty, are authenticated with each value as the pairs "entity" and "table".
	Entity, Table string
	// Static has further pairs to authenticate with each value, for example what the condition of a key policy asks for. It is copied. The
	// names field, type, context, entity, table and all that start with "key." or "aws-crypto-" are taken.
	Static keyring.EncryptionContext
	// BindKey authenticates the values of the item's primary key with each value, so that a value that somebody moved to another item does
	// not open. PartitionKey is required then. The price: items share no data keys, so each value of each item takes a call to its keyring
	// on encryption, and on decryption unless the same bytes were read lately.
	BindKey bool

	// Suite is the algorithm suite; nil means the commitment policy's default, 0x0578. Algorithm names it instead, as [suite.ByName] reads
	// it. Both is an error unless they agree. A suite that the policy does not let encrypt is refused.
	Suite     *suite.Suite
	Algorithm string
	// CommitmentPolicy is by default the strictest.
	CommitmentPolicy suite.CommitmentPolicy
	// MaxEncryptedDataKeys bounds the encrypted data keys of each value; 0 means message.DefaultMaxEDKs.
	MaxEncryptedDataKeys int

	// Cache has the limits of data-key caching; nil means the defaults. Values with the same pairs, which means the same field, type and
	// tenant, then share data keys, within the limits. Each keyring has its own partition.
	Cache *CacheConfig
	// DisableCaching makes a data key for each value and unwraps each value's data key.
	DisableCaching bool

	// MaxConcurrency bounds how many attributes of one item are worked on at once; 0 means DefaultMaxConcurrency.
	MaxConcurrency int
	// OnDegraded, when set, is told which optional keyrings did not wrap the data key of an attribute. It must be safe for concurrent use.
	OnDegraded func(attribute string, attempts []keyring.Attempt)
}

// CacheConfig has the limits of data-key caching; each zero is its default.
type CacheConfig struct {
	MaxAge      time.Duration // how long a data key is used; DefaultMaxAge
	MaxMessages uint64        // values encrypted under one data key; DefaultMaxMessages
	MaxBytes    uint64        // plaintext encrypted under one data key; DefaultMaxBytes
	// Cache is where data keys are kept; nil is a [cache.Local] of Capacity entries that belongs to the encryptor. Give one to watch it, or to
	// wipe it with Clear.
	Cache    cache.Cache
	Capacity int // entries of the encryptor's own cache; DefaultCacheCapacity
	// MaxKeyrings bounds for how many keyrings of the resolver managers are kept; DefaultMaxKeyrings. The least recently used one is dropped,
	// and begins with new data keys when it comes back.
	MaxKeyrings int
}

// Names of the pairs of a field message; docs/formats/field.md.
const (
	pairField  = "field"
	pairType   = "type"
	pairTenant = "context"
	pairEntity = "entity"
	pairTable  = "table"
	pairKey    = "key." // and the name of the key attribute
)

func configError(format string, args ...any) error {
	return &keyring.ConfigError{Reason: "field encryptor: " + fmt.Sprintf(format, args...)}
}

// check validates everything and fills the defaults. Slices and maps of the result are the encryptor's own.
func (cfg FieldConfig) check() (FieldConfig, error) {
	cfg.Fields = slices.Clone(cfg.Fields)
	slices.Sort(cfg.Fields)
	for i, f := range cfg.Fields {
		if err := cfg.checkField(f); err != nil {
			return cfg, err
		}
		if i > 0 && f == cfg.Fields[i-1] {
			return cfg, configError("field %.255q is named twice", f)
		}
	}
	if cfg.BindKey && cfg.PartitionKey == "" {
		return cfg, configError("binding to the item's key needs the name of the partition key")
	}
	if cfg.SortKey != "" && (cfg.PartitionKey == "" || cfg.SortKey == cfg.PartitionKey) {
		return cfg, configError("a sort key needs a partition key of another name")
	}
	if err := cfg.checkPairs(); err != nil {
		return cfg, err
	}
	cfg.Static = maps.Clone(cfg.Static)
	if err := cfg.checkSuite(); err != nil {
		return cfg, err
	}
	if n := cfg.MaxEncryptedDataKeys; n < 0 || n > message.MaxEDKs {
		return cfg, configError("at most %d encrypted data keys are possible, not %d", message.MaxEDKs, n)
	}
	switch {
	case cfg.MaxConcurrency < 0:
		return cfg, configError("the concurrency is negative")
	case cfg.MaxConcurrency == 0:
		cfg.MaxConcurrency = DefaultMaxConcurrency
	}
	return cfg, cfg.checkCache()
}

// checkField says whether an attribute of this name may be encrypted.
func (cfg *FieldConfig) checkField(name string) error {
	switch {
	case name == "":
		return configError("a field has an empty name")
	case len(name) > attr.MaxKeyLen || !utf8.ValidString(name):
		return configError("the name of a field is longer than %d bytes or not valid UTF-8", attr.MaxKeyLen)
	case name == cfg.PartitionKey || name == cfg.SortKey:
		return configError("%.255q is a primary key attribute, which DynamoDB must be able to read; it cannot be encrypted", name)
	}
	for _, prefix := range [...]string{"aws_dbe_", keyring.ReservedPrefix, "*amzn-ddb-map-"} {
		if strings.HasPrefix(name, prefix) {
			return configError("the name of field %.255q starts with %q, which is reserved", name, prefix)
		}
	}
	return nil
}

func (cfg *FieldConfig) checkPairs() error {
	for k := range cfg.Static {
		taken := k == pairField || k == pairType || k == pairTenant || k == pairEntity || k == pairTable || strings.HasPrefix(k, pairKey)
		if taken || strings.HasPrefix(k, keyring.ReservedPrefix) {
			return configError("the name of the static pair %.255q is taken", k)
		}
	}
	// What cannot be serialized is found here and not with the first item: the pairs of each field, with the names of the key and with room for
	// the public key of signed suites. The values of an item's key and the tenant come later.
	ec := cfg.pairs("", nil)
	ec[pairType] = "NULL"
	ec[keyring.PublicKeyName] = strings.Repeat("A", 68)
	if cfg.BindKey {
		ec[pairKey+cfg.PartitionKey], ec[pairKey+cfg.SortKey] = "", ""
	}
	for _, name := range append([]string{""}, cfg.Fields...) {
		ec[pairField] = name
		if _, err := keyring.NewRequest(suite.AES256GCMCommit(), ec); err != nil {
			return configError("the pairs of field %.255q: %v", name, err)
		}
	}
	return nil
}

func (cfg *FieldConfig) checkSuite() error {
	if int(cfg.CommitmentPolicy) > int(suite.ForbidEncryptAllowDecrypt) {
		return configError("unknown commitment policy %v", cfg.CommitmentPolicy)
	}
	if cfg.Algorithm != "" {
		s, err := suite.ByName(cfg.Algorithm)
		if err != nil {
			return err
		}
		if cfg.Suite != nil && cfg.Suite != s {
			return configError("suite %s and algorithm %s differ", cfg.Suite, s)
		}
		cfg.Suite = s
	}
	if cfg.Suite == nil {
		return nil
	}
	if cfg.Suite.Format() != suite.Message {
		return configError("suite %s is not for messages", cfg.Suite)
	}
	return cfg.CommitmentPolicy.CheckEncrypt(cfg.Suite)
}

func (cfg *FieldConfig) checkCache() error {
	if cfg.DisableCaching {
		if cfg.Cache != nil {
			return configError("caching is disabled and configured")
		}
		return nil
	}
	c := CacheConfig{}
	if cfg.Cache != nil {
		c = *cfg.Cache
	}
	cfg.Cache = &c
	if c.MaxAge < 0 || c.Capacity < 0 || c.MaxKeyrings < 0 {
		return configError("a limit of the cache is negative")
	}
	if c.Cache != nil && c.Capacity != 0 {
		return configError("a cache is given, and a capacity for another one")
	}
	setDefault(&c.MaxAge, DefaultMaxAge)
	setDefault(&c.MaxMessages, DefaultMaxMessages)
	setDefault(&c.MaxBytes, DefaultMaxBytes)
	setDefault(&c.Capacity, DefaultCacheCapacity)
	setDefault(&c.MaxKeyrings, DefaultMaxKeyrings)
	if c.Cache == nil {
		c.Cache = cache.NewLocal(c.Capacity)
	}
	// The cache itself knows the largest limits.
	_, err := cache.NewManager(noManager{}, c.Cache, c.options())
	return err
}

// noManager is asked for nothing.
type noManager struct{ keyring.MaterialsManager }

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

func (c *CacheConfig) options() cache.Options {
	return cache.Options{MaxAge: c.MaxAge, MaxMessages: c.MaxMessages, MaxBytes: c.MaxBytes}
}
