package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/message"
)

// An answer is one of the commitment known answers.
type answer struct {
	Comment    string
	Ciphertext []byte
	Commitment []byte
	DataKey    []byte                    `json:"decrypted-dek"`
	Context    keyring.EncryptionContext `json:"encryption-context"`
	Header     string                    // base64, in one case with a blank in front
	MessageID  []byte                    `json:"message-id"`
	Status     *bool                     // whether it opens
	Frames     *[]string                 `json:"plaintext-frames"`
}

// loadAnswers reads the commitment known answers: messages of version 2 with their data keys, some of which must fail at the commitment.
func loadAnswers(t *tree, name string, b []byte) (*set, error) {
	var m struct {
		Title, Status string
		Tests         []json.RawMessage
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, jsonError(err)
	}
	var first map[string]json.RawMessage
	if len(m.Tests) == 0 || json.Unmarshal(m.Tests[0], &first) != nil || first["decrypted-dek"] == nil || first["status"] == nil {
		return nil, &notASet{"no manifest"}
	}
	s := &set{label: t.join(name), what: strings.Trim(m.Title+", "+m.Status, ", ")}
	for i, raw := range m.Tests {
		c, err := answerCase(raw)
		if c.broken = err; c.id == "" {
			c.id = fmt.Sprint(i + 1)
		}
		s.cases = append(s.cases, c)
	}
	return s, nil
}

func answerCase(raw json.RawMessage) (c testCase, err error) {
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		return c, err
	}
	c = testCase{id: a.Comment, message: fixed(a.Ciphertext), context: a.Context, manager: keyring.NewManager(dataKey(a.DataKey))}
	switch {
	case len(a.Ciphertext) == 0 || len(a.DataKey) == 0 || a.Status == nil:
		return c, errors.New("ciphertext, decrypted-dek and status are needed")
	case *a.Status && a.Frames == nil:
		return c, errors.New("plaintext-frames are needed")
	case *a.Status:
		c.want.plaintext = fixed([]byte(strings.Join(*a.Frames, "")))
	default:
		c.want.failure = atCommitment
	}
	header, err := base64.StdEncoding.DecodeString(strings.TrimSpace(a.Header))
	if err != nil {
		return c, errors.New("header is not base64")
	}
	c.outline = func(o *message.Outline) error {
		switch {
		case !bytes.Equal(o.Header.MessageID, a.MessageID):
			return errors.New("the message id differs from the set's")
		case len(header) != o.HeaderLen || !bytes.HasPrefix(a.Ciphertext, header):
			return errors.New("the header differs from the set's")
		case *a.Status && !bytes.Equal(o.Header.Commitment, a.Commitment):
			return errors.New("the commitment differs from the set's")
		}
		return nil
	}
	return c, nil
}

// loadOracle reads the Python client's decrypt oracle: a bare list of messages under two invented keys and AWS KMS.
func loadOracle(t *tree, name string, b []byte) (*set, error) {
	var tests []json.RawMessage
	if err := json.Unmarshal(b, &tests); err != nil {
		return nil, jsonError(err)
	}
	var first map[string]json.RawMessage
	if len(tests) == 0 || json.Unmarshal(tests[0], &first) != nil || first["key-type"] == nil || first["algorithm-suite"] == nil {
		return nil, &notASet{"no manifest"}
	}
	s := &set{label: t.join(name), what: "Python decrypt oracle"}
	for i, raw := range tests {
		c, err := oracleCase(raw)
		c.broken = err
		c.id = strings.TrimSuffix(fmt.Sprintf("%d, %s", i+1, c.id), ", ")
		s.cases = append(s.cases, c)
	}
	return s, nil
}

func oracleCase(raw json.RawMessage) (c testCase, err error) {
	var o struct {
		KeyType    string `json:"key-type"`
		Suite      string `json:"algorithm-suite"`
		Ciphertext []byte
		Plaintext  []byte
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		return c, err
	}
	c = testCase{
		id: o.Suite + " " + o.KeyType, message: fixed(o.Ciphertext), want: want{plaintext: fixed(o.Plaintext)},
		context: keyring.EncryptionContext{"key1": "val1", "key2": "val2"},
	}
	if c.suite, err = suiteOf(o.Suite); err != nil {
		return c, err
	}
	key := make(dataKey, c.suite.DataKeyLen())
	switch o.KeyType {
	case "null":
	case "test_counting":
		for i := range key {
			key[i] = byte(i + 1)
		}
	case "aws-kms":
		return c, c.unusable(needsKMS(o.KeyType))
	default:
		return c, fmt.Errorf("unknown key-type %q", o.KeyType)
	}
	c.manager = keyring.NewManager(key)
	return c, nil
}

// dataKey is a decrypt-only keyring that knows the data key, whatever the encrypted data keys are.
type dataKey []byte

var (
	_ keyring.Keyring        = dataKey(nil)
	_ keyring.EncryptChecker = dataKey(nil)
)

func (dataKey) CanEncrypt() bool { return false }

func (dataKey) OnEncrypt(context.Context, *keyring.Request, *keyring.Secret) (*keyring.Wrapped, error) {
	return nil, &keyring.ConfigError{Reason: "this keyring is decrypt-only"}
}

func (k dataKey) OnDecrypt(_ context.Context, _ *keyring.Request, edks []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
	if len(k) == 0 || len(edks) == 0 {
		return nil, &keyring.UnwrapError{EDKs: len(edks)}
	}
	return &keyring.Unwrapped{DataKey: keyring.NewSecret(k)}, nil
}
