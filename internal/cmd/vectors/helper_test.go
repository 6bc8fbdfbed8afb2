package main

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// files is a folder: contents by slash-separated name.
type files map[string][]byte

func (f files) with(more files) files {
	all := files{}
	for _, m := range []files{f, more} {
		for name, b := range m {
			all[name] = b
		}
	}
	return all
}

func (f files) dir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range f {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func (f files) zip(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range f {
		e, err := w.Create(name)
		if err == nil {
			_, err = e.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func toJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// obj is a JSON object.
type obj = map[string]any

// tool runs the command and returns its exit status, output and error output.
func tool(args ...string) (int, string, string) {
	var stdout, stderr bytes.Buffer
	status := run(args, &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

// expect runs the tool and compares the exit status, the last line, and what the output contains.
func expect(t testing.TB, status int, last string, args []string, contains ...string) {
	t.Helper()
	got, out, errs := tool(args...)
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if got != status || lines[len(lines)-1] != last {
		t.Errorf("exit status %d, last line %q; want %d, %q\n%s%s", got, lines[len(lines)-1], status, last, out, errs)
	}
	for _, c := range contains {
		if !strings.Contains(out+errs, c) {
			t.Errorf("the output does not contain %q:\n%s%s", c, out, errs)
		}
	}
}

const (
	namespace = "signet tests"
	keyName   = "aes-256"
)

var (
	aesKey    = bytes.Repeat([]byte{5}, 32)
	plaintext = bytes.Repeat([]byte("plaintext "), 100)
)

func aesKeyring(t testing.TB) keyring.Keyring {
	t.Helper()
	k, err := raw.NewAES(raw.AESConfig{Namespace: namespace, Name: keyName, Key: aesKey})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// encrypt makes a message under aesKey, with a pair "b" that is not stored when ec has one.
func encrypt(t testing.TB, s *suite.Suite, ec keyring.EncryptionContext) []byte {
	t.Helper()
	mm := keyring.NewManager(aesKeyring(t))
	if _, ok := ec["b"]; ok {
		var err error
		if mm, err = keyring.RequireContext(mm, "b"); err != nil {
			t.Fatal(err)
		}
	}
	c := &message.Client{}
	if !s.Commits() {
		c.CommitmentPolicy = suite.ForbidEncryptAllowDecrypt
	}
	msg, err := c.Encrypt(t.Context(), mm, plaintext, &message.EncryptOptions{Suite: s, Context: ec, FrameLength: 300})
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// keysJSON has aesKey, the same without permission to decrypt, and a key in AWS KMS.
func keysJSON(t testing.TB) []byte {
	aes := func(decrypt bool) obj {
		return obj{"decrypt": decrypt, "type": "symmetric", "algorithm": "aes", "bits": 256, "encoding": "base64",
			"material": base64.StdEncoding.EncodeToString(aesKey), "key-id": keyName}
	}
	return toJSON(t, obj{
		"manifest": obj{"type": "keys", "version": 3},
		"keys": obj{
			"aes": aes(true), "encrypt-only": aes(false),
			"short": obj{"type": "symmetric", "bits": 128, "encoding": "base64", "material": base64.StdEncoding.EncodeToString(aesKey)},
			"kms":   obj{"decrypt": true, "type": "aws-kms", "key-id": "arn:aws:kms:us-west-2:658956600833:key/b3537ef1-d8dc-4780-9f5a-55776cbb2f7f"},
			"material": obj{"type": "static-material", "algorithmSuiteId": "0478",
				"plaintextDataKey": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))},
		},
	})
}

// described is a raw AES key description.
func described(key string) obj {
	return obj{"type": "raw", "key": key, "provider-id": namespace, "encryption-algorithm": "aes"}
}

// manifest makes the files of a decrypt manifest with one test "case".
func manifest(t testing.TB, version int, test obj, more files) files {
	return files{
		"manifest.json": toJSON(t, obj{
			"manifest": obj{"type": "awses-decrypt", "version": version},
			"client":   obj{"name": "signet tests", "version": "1"},
			"keys":     "file://keys.json",
			"tests":    obj{"case": test},
		}),
		"keys.json":         keysJSON(t),
		"plaintexts/small":  plaintext,
		"plaintexts/others": bytes.ToUpper(plaintext),
	}.with(more)
}

const (
	small  = "file://plaintexts/small"
	others = "file://plaintexts/others"
)

func output(plaintext string) obj { return obj{"output": obj{"plaintext": plaintext}} }

var mustFail = obj{"error": obj{"error-description": "whatever"}}

// entry4 is a test of version 4 with one key.
func entry4(key string, result obj) obj {
	return obj{"ciphertext": "file://ciphertexts/c", "master-keys": []obj{described(key)}, "cmm": "Default", "encryption-context": obj{}, "result": result}
}

// scenario5 is a test of version 5.
func scenario5(kind, suite string, key obj, reproduced obj) obj {
	s := obj{"type": kind, "ciphertext": "file://ciphertexts/c", "algorithmSuiteId": suite, "frame-size": 512, "description": "d",
		"decryptKeyDescription": key, "reproduced-encryption-context": reproduced}
	if strings.HasPrefix(kind, "positive") {
		s["result"] = small
	}
	return obj{"decryption-scenario": s}
}

const (
	onePassed  = "1 passed, 0 failed, 0 skipped"
	oneFailed  = "0 passed, 1 failed, 0 skipped"
	oneSkipped = "0 passed, 0 failed, 1 skipped"
)

// legacyMessage is a message under aesKey with another key name.
func legacyMessage(t testing.TB, name string) []byte {
	t.Helper()
	k, err := raw.NewAES(raw.AESConfig{Namespace: namespace, Name: name, Key: aesKey})
	if err != nil {
		t.Fatal(err)
	}
	msg, err := new(message.Client).Encrypt(t.Context(), keyring.NewManager(k), plaintext, &message.EncryptOptions{Suite: suite.AES256GCMCommit()})
	if err != nil {
		t.Fatal(err)
	}
	return msg
}
