package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/signetkeys/signet/keyring"
)

// A keyFile is a keys.json of versions 1 to 3 (formats: aws-crypto-tools-test-vector-framework, keys).
type keyFile map[string]key

type key struct {
	ID        string `json:"key-id"` // the provider's name of the key
	Decrypt   *bool
	Algorithm string
	Type      string
	Bits      int
	Encoding  string
	Material  lines
	Separator string `json:"line-separator"`

	SenderMaterial    string `json:"sender-material"`
	RecipientMaterial string `json:"recipient-material"`
	SenderPublic      string `json:"sender-material-public-key"`
	RecipientPublic   string `json:"recipient-material-public-key"`
	PublicEncoding    string `json:"public-key-encoding"`

	BranchKeyVersion string
	BranchKey        []byte

	PlaintextDataKey []byte
}

// lines is text, as a string or as a list of strings.
type lines []string

func (l *lines) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*l = lines{s}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}

func loadKeys(t *tree, base, ref string) (keyFile, error) {
	read, err := t.url(base, ref)
	if err != nil {
		return nil, err
	}
	b, err := read()
	if err != nil {
		return nil, err
	}
	var f struct {
		Manifest struct {
			Type    string
			Version int
		}
		Keys keyFile
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, jsonError(err)
	}
	if f.Manifest.Type != "keys" || f.Manifest.Version < 1 || f.Manifest.Version > 3 {
		return nil, fmt.Errorf("manifest of type %q and version %d instead of keys 1 to 3", f.Manifest.Type, f.Manifest.Version)
	}
	return f.Keys, nil
}

// find returns a key, and a skipError for one that cannot decrypt.
func (f keyFile) find(name string) (key, error) {
	k, ok := f[name]
	if !ok {
		return k, fmt.Errorf("no key %q in the keys file", name)
	}
	if k.Decrypt != nil && !*k.Decrypt {
		return k, &skipError{"the key is encrypt-only"}
	}
	if k.ID == "" { // version 1
		k.ID = name
	}
	return k, nil
}

func (k *key) material() material {
	return material{encoding: k.Encoding, text: strings.Join(k.Material, k.Separator), bits: k.Bits}
}

// A description says which keys decrypt a message, and through which keyring or manager.
type description struct {
	Type      string
	Key       string
	Provider  string `json:"provider-id"`
	Algorithm string `json:"encryption-algorithm"`
	Padding   string `json:"padding-algorithm"`
	Hash      string `json:"padding-hash"`

	Sender    string
	Recipient string
	Curve     string `json:"ecc-curve"`
	Schema    string

	Generator *description
	Children  []description `json:"childKeyrings"`

	Underlying   *description
	RequiredKeys []string `json:"requiredEncryptionContextKeys"`
	TTL          int64    `json:"cacheLimitTtlSeconds"`
}

func needsKMS(kind string) *skipError { return &skipError{"needs AWS KMS: " + kind} }

// anyOf is a keyring that decrypts with any of the described keys that is at hand.
func (f keyFile) anyOf(ds []description) (keyring.Keyring, error) {
	var members []keyring.Keyring
	var skipped []*skipError
	for i := range ds {
		k, err := f.keyring(&ds[i])
		var skip *skipError
		switch {
		case errors.As(err, &skip):
			skipped = append(skipped, skip)
		case err != nil:
			return nil, fmt.Errorf("key description %d: %w", i, err)
		default:
			members = append(members, k)
		}
	}
	return anyKeyring(members, skipped)
}

// anyKeyring joins keyrings for decryption. Without any it says why there is none.
func anyKeyring(members []keyring.Keyring, skipped []*skipError) (keyring.Keyring, error) {
	switch {
	case len(members) == 1:
		return members[0], nil
	case len(members) > 1:
		return keyring.NewMulti(keyring.MultiOptions{Optional: members})
	case len(skipped) == 0:
		return nil, errors.New("no key is described")
	}
	for _, s := range skipped {
		if strings.HasPrefix(s.reason, needsKMS("").reason) {
			return nil, s
		}
	}
	return nil, skipped[0]
}
