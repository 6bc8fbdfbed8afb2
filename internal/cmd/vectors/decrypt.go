package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/signetkeys/signet/keyring"
)

// loadDecrypt reads a decrypt manifest of versions 1 to 5 (formats: aws-crypto-tools-test-vector-framework, awses-decrypt).
func loadDecrypt(t *tree, name string, b []byte) (*set, error) {
	var m struct {
		Manifest struct{ Version int }
		Client   client
		Keys     string
		Tests    map[string]json.RawMessage
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, jsonError(err)
	}
	if m.Manifest.Version < 1 || m.Manifest.Version > 5 {
		return nil, fmt.Errorf("decrypt manifest of unknown version %d", m.Manifest.Version)
	}
	if len(m.Tests) == 0 {
		return nil, errors.New("decrypt manifest without tests")
	}
	base := path.Dir(name)
	keys, err := loadKeys(t, base, m.Keys)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	s := &set{label: t.join(name), what: fmt.Sprintf("decrypt manifest version %d of %s", m.Manifest.Version, m.Client)}
	for _, id := range slices.Sorted(maps.Keys(m.Tests)) {
		c, err := decryptCase(t, base, keys, m.Manifest.Version, m.Tests[id])
		c.id, c.broken, c.net400 = id, err, m.Client == client{"ESDK-NET", "4.0.0"}
		s.cases = append(s.cases, c)
	}
	return s, nil
}

// client is who wrote a set.
type client struct{ Name, Version string }

func (c client) String() string { return strings.TrimSpace(c.Name + " " + c.Version) }

// entry is a test in the words of versions 1 to 4.
type entry struct {
	Ciphertext string
	Plaintext  string // version 1
	Result     json.RawMessage
	MasterKeys []description `json:"master-keys"`
	Method     string        `json:"decryption-method"`
	CMM        string
	Context    keyring.EncryptionContext `json:"encryption-context"`
}

// scenario is a test of version 5.
type scenario struct {
	Type       string
	Ciphertext string
	Result     json.RawMessage
	Suite      string                    `json:"algorithmSuiteId"`
	Key        *description              `json:"decryptKeyDescription"`
	Reproduced keyring.EncryptionContext `json:"reproduced-encryption-context"`
	Method     string                    `json:"decryption-method"`
}

func decryptCase(t *tree, base string, keys keyFile, version int, raw json.RawMessage) (c testCase, err error) {
	if version == 5 {
		return scenarioCase(t, base, keys, raw)
	}
	var e entry
	if err := json.Unmarshal(raw, &e); err != nil {
		return c, err
	}
	if c.message, err = t.url(base, e.Ciphertext); err != nil {
		return c, err
	}
	if version == 1 {
		c.want.plaintext, err = t.url(base, e.Plaintext)
	} else {
		c.want, err = parseResult(t, base, e.Result)
	}
	if err == nil {
		c.unsignedOnly, err = parseMethod(e.Method)
	}
	if err != nil {
		return c, err
	}
	switch e.CMM {
	case "", "Default":
		c.context = e.Context
	case "RequiredEncryptionContext":
		c.reproduced, c.context = e.Context, e.Context
	default:
		return c, fmt.Errorf("unknown materials manager %q", e.CMM)
	}
	k, err := keys.anyOf(e.MasterKeys)
	if err != nil {
		return c, c.unusable(err)
	}
	c.manager = keyring.NewManager(k)
	if len(c.reproduced) > 0 {
		c.manager, err = keyring.RequireContext(c.manager, slices.Collect(maps.Keys(c.reproduced))...)
	}
	return c, err
}

func scenarioCase(t *tree, base string, keys keyFile, raw json.RawMessage) (c testCase, err error) {
	var outer struct {
		Scenario *scenario `json:"decryption-scenario"`
	}
	if err := json.Unmarshal(raw, &outer); err != nil {
		return c, err
	}
	s := outer.Scenario
	if s == nil || s.Key == nil {
		return c, errors.New("no decryption-scenario, or none with a decryptKeyDescription")
	}
	if c.message, err = t.url(base, s.Ciphertext); err != nil {
		return c, err
	}
	switch {
	case strings.HasPrefix(s.Type, "positive-"):
		if c.want, err = parseResult(t, base, s.Result); err == nil && c.want.failure != none {
			err = errors.New("a positive scenario that expects an error")
		}
	case strings.HasPrefix(s.Type, "negative-"):
		c.want.failure = anyFailure
	default:
		err = fmt.Errorf("unknown type %q", s.Type)
	}
	if err == nil && s.Suite != "" {
		c.suite, err = suiteOf(s.Suite)
	}
	if err == nil {
		c.unsignedOnly, err = parseMethod(s.Method)
	}
	if err != nil {
		return c, err
	}
	c.reproduced, c.context = s.Reproduced, s.Reproduced
	if c.manager, err = keys.manager(s.Key); err != nil {
		return c, c.unusable(err)
	}
	return c, nil
}

// unusable makes the case one to skip when err says so, and returns err otherwise.
func (c *testCase) unusable(err error) error {
	var skip *skipError
	if !errors.As(err, &skip) {
		return err
	}
	c.skip = skip.reason
	return nil
}

// parseResult reads {"output": {"plaintext": file}}, {"error": {...}}, or a file as version 5 has it.
func parseResult(t *tree, base string, raw json.RawMessage) (w want, err error) {
	var ref string
	if json.Unmarshal(raw, &ref) == nil {
		w.plaintext, err = t.url(base, ref)
		return w, err
	}
	var r struct {
		Output *struct{ Plaintext string }
		Error  json.RawMessage
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return w, fmt.Errorf("result: %w", jsonError(err))
	}
	switch {
	case r.Output != nil && r.Error == nil:
		w.plaintext, err = t.url(base, r.Output.Plaintext)
	case r.Output == nil && r.Error != nil:
		w.failure = anyFailure
	default:
		err = errors.New("result: neither an output nor an error")
	}
	return w, err
}

func parseMethod(m string) (unsignedOnly bool, err error) {
	switch m {
	case "":
		return false, nil
	case "streaming-unsigned-only":
		return true, nil
	}
	return false, fmt.Errorf("unknown decryption-method %q", m)
}
