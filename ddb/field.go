package ddb

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/attr"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/message"
)

// A FieldEncryptor encrypts declared attributes, each as one AWS Encryption SDK message (docs/formats/field.md). It is safe for concurrent
// use.
type FieldEncryptor struct {
	cfg      FieldConfig
	resolver Resolver
	client   message.Client
	managers *managers
	declared map[string]struct{}
}

var _ Protector = (*FieldEncryptor)(nil)

// NewFieldEncryptor checks the configuration fully, so that its faults show here and not with the first item. Errors answer for
// [signet.ErrPolicy]. With a zero configuration it encrypts single values under the default suite, with caching.
func NewFieldEncryptor(r Resolver, cfg FieldConfig) (*FieldEncryptor, error) {
	if isNil(r) {
		return nil, configError("a resolver is needed")
	}
	if s, ok := r.(single); ok && isNil(s.keyring) {
		return nil, configError("the keyring is nil")
	}
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	e := &FieldEncryptor{
		cfg: cfg, resolver: r, managers: newManagers(cfg.Cache), declared: make(map[string]struct{}, len(cfg.Fields)),
		client: message.Client{CommitmentPolicy: cfg.CommitmentPolicy, MaxEncryptedDataKeys: cfg.MaxEncryptedDataKeys},
	}
	for _, f := range cfg.Fields {
		e.declared[f] = struct{}{}
	}
	return e, nil
}

// Role fulfils [Protector].
func (e *FieldEncryptor) Role(attribute string) Role {
	if _, ok := e.declared[attribute]; ok {
		return RoleEncrypted
	}
	if attribute != "" && (attribute == e.cfg.PartitionKey || attribute == e.cfg.SortKey) {
		return RoleKey
	}
	return RoleUnprotected
}

const (
	opEncrypt = "encrypt"
	opDecrypt = "decrypt"
)

// A call is what all attributes of one item share.
type call struct {
	*FieldEncryptor
	mm     keyring.MaterialsManager
	tenant string
	key    keyring.EncryptionContext
}

func (e *FieldEncryptor) begin(ctx context.Context, op string, key Item) (*call, error) {
	c := &call{FieldEncryptor: e, tenant: tenantOf(ctx)}
	var err error
	if c.key, err = e.cfg.keyPairs(op, key); err != nil {
		return nil, err
	}
	k, err := e.resolver.Resolve(ctx, c.tenant)
	if err != nil {
		return nil, fmt.Errorf("field encryptor: resolving the keyring: %w", err)
	}
	c.mm, err = e.managers.of(k)
	return c, err
}

// expected is the context of an attribute without its type.
func (c *call) expected(name string) keyring.EncryptionContext {
	ec := c.cfg.pairs(c.tenant, c.key)
	ec[pairField] = name
	return ec
}

// EncryptValue encrypts one value as the attribute name. key has the primary key attributes when values are bound to them
// ([FieldConfig.BindKey]) and is not used otherwise. Errors are [*FieldError], or those of the resolver. A value that is a message of this
// very attribute already is refused: it was read without being decrypted.
func (e *FieldEncryptor) EncryptValue(ctx context.Context, name string, v types.AttributeValue, key Item) (types.AttributeValue, error) {
	if err := e.usable(opEncrypt, name); err != nil {
		return nil, err
	}
	c, err := e.begin(ctx, opEncrypt, key)
	if err != nil {
		return nil, err
	}
	return c.encrypt(ctx, name, v)
}

// DecryptValue opens what EncryptValue made, and says what was authenticated with it. A value that is not encrypted is an error.
func (e *FieldEncryptor) DecryptValue(ctx context.Context, name string, v types.AttributeValue, key Item) (types.AttributeValue, *AttributeInfo, error) {
	if err := e.usable(opDecrypt, name); err != nil {
		return nil, nil, err
	}
	c, err := e.begin(ctx, opDecrypt, key)
	if err != nil {
		return nil, nil, err
	}
	var info AttributeInfo
	out, err := c.decrypt(ctx, name, v, &info)
	if err != nil {
		return nil, nil, err
	}
	return out, &info, nil
}

// usable refuses names that are not declared, and without declared fields those that no field may have.
func (e *FieldEncryptor) usable(op, name string) error {
	var err error
	if _, ok := e.declared[name]; !ok {
		if err = e.cfg.checkField(name); err == nil && len(e.declared) > 0 {
			err = configError("the attribute is not one of the declared fields")
		}
	}
	if err != nil {
		return &FieldError{op, name, err}
	}
	return nil
}

func (c *call) encrypt(ctx context.Context, name string, av types.AttributeValue) (types.AttributeValue, error) {
	ct, err := c.seal(ctx, name, av)
	if err != nil {
		return nil, &FieldError{opEncrypt, name, err}
	}
	return &types.AttributeValueMemberB{Value: ct}, nil
}

func (c *call) seal(ctx context.Context, name string, av types.AttributeValue) ([]byte, error) {
	v, err := valueOf(av, 0)
	if err != nil {
		return nil, err
	}
	if isMessageOf(name, v) {
		return nil, &ValueError{"the value is an encrypted value of this attribute already; decrypt it before it is written again"}
	}
	plaintext, err := attr.AppendValue(nil, v)
	if err != nil {
		return nil, err
	}
	defer clear(plaintext)
	ec := c.expected(name)
	setPair(ec, pairType, typePair(v.Type()))
	o := message.EncryptOptions{Context: ec, Suite: c.cfg.Suite}
	if report := c.cfg.OnDegraded; report != nil {
		o.OnDegraded = func(attempts []keyring.Attempt) { report(name, attempts) }
	}
	return c.client.Encrypt(ctx, c.mm, plaintext, &o)
}

// isMessageOf reports whether v looks like an encrypted value of the attribute.
func isMessageOf(name string, v attr.Value) bool {
	b, ok := v.(attr.Binary)
	if !ok {
		return false
	}
	h, _, err := message.ParseHeader(b)
	return err == nil && h.Context[pairField] == name
}

func (c *call) decrypt(ctx context.Context, name string, av types.AttributeValue, info *AttributeInfo) (types.AttributeValue, error) {
	v, err := c.open(ctx, name, av, info)
	if err != nil {
		return nil, &FieldError{opDecrypt, name, err}
	}
	return sdkValue(v), nil
}

func (c *call) open(ctx context.Context, name string, av types.AttributeValue, info *AttributeInfo) (attr.Value, error) {
	b, ok := av.(*types.AttributeValueMemberB)
	if !ok || b == nil {
		return nil, &ValueError{"the value is not encrypted: it is not of type B"}
	}
	want := c.expected(name)
	// Stored pairs that differ are refused before a key is asked. Pairs that are not stored may still be authenticated.
	plaintext, h, err := c.client.Decrypt(ctx, c.mm, b.Value, &message.DecryptOptions{ReproducedContext: want})
	if err != nil {
		return nil, explain(err, b.Value, want)
	}
	defer clear(plaintext)
	if err := comparePairs(h.Context, want, true); err != nil {
		return nil, err
	}
	t, err := parseTypePair(h.Context)
	if err != nil {
		return nil, err
	}
	v, err := attr.ParseValue(t, plaintext)
	if err != nil {
		return nil, err
	}
	*info = AttributeInfo{
		Name: name, Type: t.String(), Suite: h.Suite, Context: h.Context, EDKs: h.EDKs, Used: h.Used, Attempts: h.Attempts,
	}
	return v, nil
}

// explain looks for a stored pair that is known to differ, which is a better answer than a key that did not open. The header is not
// authentic, so it can make an error, never a success. A pair that is not stored may still be authenticated, in a message of another library:
// that one is blamed only when no key opened or the authentication failed.
func explain(err error, ciphertext []byte, want keyring.EncryptionContext) error {
	h, _, perr := message.ParseHeader(ciphertext)
	if perr != nil {
		return err
	}
	missing := errors.Is(err, signet.ErrNoKey) || errors.Is(err, signet.ErrAuthentication)
	for _, class := range [...]error{signet.ErrThrottled, signet.ErrUnavailable, signet.ErrAccessDenied, context.Canceled, context.DeadlineExceeded} {
		missing = missing && !errors.Is(err, class)
	}
	if cerr := comparePairs(h.Context, want, missing); cerr != nil {
		return cerr
	}
	return err
}
