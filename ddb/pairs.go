package ddb

import (
	"encoding/base64"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/signetkeys/signet/internal/attr"
	"github.com/signetkeys/signet/keyring"
)

// pairs returns what is authenticated with every attribute of an item, into a fresh map with room for the attribute's own pairs.
func (cfg *FieldConfig) pairs(tenant string, key keyring.EncryptionContext) keyring.EncryptionContext {
	ec := make(keyring.EncryptionContext, len(cfg.Static)+len(key)+5)
	for k, v := range cfg.Static {
		ec[k] = v
	}
	for k, v := range key {
		ec[k] = v
	}
	setPair(ec, pairTenant, tenant)
	setPair(ec, pairEntity, cfg.Entity)
	setPair(ec, pairTable, cfg.Table)
	return ec
}

func setPair(ec keyring.EncryptionContext, k, v string) {
	if v != "" {
		ec[k] = v
	}
}

// keyPairs returns the pairs of the primary key of an item, nil unless it is bound.
func (cfg *FieldConfig) keyPairs(op string, item Item) (keyring.EncryptionContext, error) {
	if !cfg.BindKey {
		return nil, nil
	}
	ec := make(keyring.EncryptionContext, 2)
	for _, name := range [...]string{cfg.PartitionKey, cfg.SortKey} {
		if name == "" {
			continue
		}
		text, err := keyText(item[name])
		if err != nil {
			return nil, &FieldError{op, name, err}
		}
		ec[pairKey+name] = text
	}
	return ec, nil
}

// keyText is a key value as text that no other value has.
func keyText(av types.AttributeValue) (string, error) {
	if isNil(av) {
		return "", &ValueError{"the primary key attribute is missing, and values are bound to it"}
	}
	switch v := av.(type) {
	case *types.AttributeValueMemberS:
		return "S:" + v.Value, nil
	case *types.AttributeValueMemberN:
		n, err := attr.NormalizeNumber(v.Value)
		return "N:" + n, err
	case *types.AttributeValueMemberB:
		return "B:" + base64.StdEncoding.EncodeToString(v.Value), nil
	}
	return "", &ValueError{"the primary key attribute is not of type S, N or B"}
}

// typePair is the value of the pair "type", "" when there is none.
func typePair(t attr.Type) string {
	if t == attr.TypeString {
		return ""
	}
	return t.String()
}

// parseTypePair reads the authenticated pair "type". Each type has one spelling: none for S.
func parseTypePair(ec keyring.EncryptionContext) (attr.Type, error) {
	name, ok := ec[pairType]
	if !ok {
		return attr.TypeString, nil
	}
	t, ok := attr.TypeByName(name)
	if !ok || t == attr.TypeString {
		return 0, &keyring.ContextError{Key: pairType, Reason: "the value is not the name of a type"}
	}
	return t, nil
}

// comparePairs reports the first pair, by name, in which the pairs of a message differ from those that are expected. Pairs of the format itself and
// "type" are left out. Without missing, an expected pair that is not there is not reported.
func comparePairs(got, want keyring.EncryptionContext, missing bool) error {
	bad, reason := "", ""
	report := func(k, why string) {
		if reason == "" || k < bad {
			bad, reason = k, why
		}
	}
	for k, v := range want {
		switch have, ok := got[k]; {
		case ok && have != v:
			report(k, "the stored value differs from the expected one")
		case !ok && missing:
			report(k, "expected, and not stored with the value")
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok && k != pairType && !strings.HasPrefix(k, keyring.ReservedPrefix) {
			report(k, "stored with the value, and not expected")
		}
	}
	if reason == "" {
		return nil
	}
	return &keyring.ContextError{Key: bad, Reason: reason}
}
