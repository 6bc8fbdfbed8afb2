package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/signetkeys/signet/keyring"
)

// loadLegacy reads the manifest of type "ciphertext" that came before the decrypt manifests. Its keys are inside, and its files are relative
// to a folder around it.
func loadLegacy(t *tree, name string, b []byte) (*set, error) {
	var m struct {
		Client client
		Keys   map[string]map[string]legacyKey `json:"test_keys"`
		Cases  []legacyCase                    `json:"test_cases"`
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, jsonError(err)
	}
	if len(m.Cases) == 0 {
		return nil, errors.New("ciphertext manifest without test_cases")
	}
	base, err := legacyBase(t, path.Dir(name), m.Cases[0].Ciphertext.Filename)
	if err != nil {
		return nil, err
	}
	keys := legacyKeys{}
	for algorithm, sizes := range m.Keys {
		for bits, k := range sizes {
			n, err := strconv.Atoi(bits)
			if err != nil {
				return nil, fmt.Errorf("test_keys: %s key of %q bits", algorithm, bits)
			}
			keys[legacyName{algorithm, n}] = k
		}
	}
	s := &set{label: t.join(name), what: "ciphertext manifest of " + m.Client.String()}
	for i := range m.Cases {
		c, err := m.Cases[i].load(t, base, keys)
		c.id, c.broken = m.Cases[i].Ciphertext.Filename, err
		s.cases = append(s.cases, c)
	}
	return s, nil
}

// legacyBase is the nearest folder around the manifest that has a file of the given name.
func legacyBase(t *tree, dir, name string) (string, error) {
	if fs.ValidPath(name) {
		for {
			if _, err := fs.Stat(t, join(dir, name)); err == nil {
				return dir, nil
			}
			if dir == "." {
				break
			}
			dir = path.Dir(dir)
		}
	}
	return "", fmt.Errorf("file %q of the first case: %w", name, fs.ErrNotExist)
}

type legacyCase struct {
	Plaintext, Ciphertext struct{ Filename string }
	Algorithm             string
	MasterKeys            []legacyMasterKey         `json:"master_keys"`
	Context               keyring.EncryptionContext `json:"encryption_context"`
}

func (l *legacyCase) load(t *tree, base string, keys legacyKeys) (c testCase, err error) {
	if c.message, err = t.file(base, l.Ciphertext.Filename); err != nil {
		return c, err
	}
	if c.want.plaintext, err = t.file(base, l.Plaintext.Filename); err != nil {
		return c, err
	}
	if c.suite, err = suiteOf(l.Algorithm); err != nil {
		return c, err
	}
	c.context = l.Context
	var members []keyring.Keyring
	var skipped []*skipError
	for i := range l.MasterKeys {
		ks, err := keys.keyrings(&l.MasterKeys[i])
		var skip *skipError
		switch {
		case errors.As(err, &skip):
			skipped = append(skipped, skip)
		case err != nil:
			return c, fmt.Errorf("master key %d: %w", i, err)
		}
		members = append(members, ks...)
	}
	k, err := anyKeyring(members, skipped)
	if err != nil {
		return c, c.unusable(err)
	}
	c.manager = keyring.NewManager(k)
	return c, nil
}

type legacyKey struct {
	Key       []string
	Encoding  string
	Separator string `json:"line_separator"`
}

type legacyName struct {
	algorithm string
	bits      int
}

type legacyKeys map[legacyName]legacyKey

type legacyMasterKey struct {
	Provider    string `json:"provider_id"`
	Decryptable bool
	Algorithm   string `json:"encryption_algorithm"`
	Bits        int    `json:"key_bits"`
	Padding     string `json:"padding_algorithm"`
	Hash        string `json:"padding_hash"`
}

// keyrings returns the keyrings of a master key: one, or one of each AES key size when the manifest does not say which.
func (ks legacyKeys) keyrings(m *legacyMasterKey) ([]keyring.Keyring, error) {
	switch {
	case m.Provider == "aws-kms":
		return nil, needsKMS(m.Provider)
	case !m.Decryptable:
		return nil, &skipError{"the key is encrypt-only"}
	}
	sizes := []int{m.Bits}
	if m.Algorithm == "AES" && m.Bits == 0 {
		sizes = []int{128, 192, 256}
	}
	var out []keyring.Keyring
	for _, bits := range sizes {
		k, ok := ks[legacyName{m.Algorithm, bits}]
		if !ok {
			return nil, fmt.Errorf("no %s key of %d bits among the test_keys", m.Algorithm, bits)
		}
		// The client joined the parts of a key's description to its name.
		id := strings.Join([]string{m.Algorithm, strconv.Itoa(bits), m.Padding, m.Hash}, ".")
		mat := material{encoding: k.Encoding, text: strings.Join(k.Key, k.Separator), bits: bits}
		var kr keyring.Keyring
		var err error
		switch m.Algorithm {
		case "AES":
			kr, err = mat.aes(m.Provider, id)
		case "RSA":
			// Spelled as in later manifests: pkcs1, oaep-mgf1, sha1.
			kr, err = mat.rsa(m.Provider, id, strings.ToLower(m.Padding), strings.ToLower(strings.ReplaceAll(m.Hash, "-", "")))
		default:
			err = fmt.Errorf("unknown encryption_algorithm %q", m.Algorithm)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, kr)
	}
	return out, nil
}
