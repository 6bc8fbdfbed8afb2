package all_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/config/all"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/message"
)

func TestRawAES(t *testing.T) {
	ctx := t.Context()
	key := []byte("0123456789abcdef0123456789abcde\n") // ends in a line feed, which is part of the key
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "kek.bin"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	env := config.System()
	env.Dir = dir
	env.LookupEnv = func(name string) (string, bool) { return base64.StdEncoding.EncodeToString(key), name == "KEK" }
	direct, err := raw.NewAES(raw.AESConfig{Namespace: "a/b", Name: "kek/2026", Key: key})
	if err != nil {
		t.Fatal(err)
	}
	msg, err := message.Encrypt(ctx, direct, []byte("text"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, uri := range []string{"raw-aes:a%2Fb/kek/2026?key-file=kek.bin", "raw-aes:a%2Fb/kek%2F2026?key-file=" + dir + "/kek.bin", "RAW-AES:a%2Fb/kek/2026?key-env=KEK"} {
		k, err := all.Mux().Open(ctx, uri, env)
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		if got, _, err := message.Decrypt(ctx, k, msg); string(got) != "text" || err != nil {
			t.Errorf("%s: got %q, %v", uri, got, err)
		}
	}
}

func TestRawAESRefuses(t *testing.T) {
	const canary = "c4n4ry"
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"short": []byte(canary), "newline": []byte(strings.Repeat("#", 32) + "\n"), "long": bytes.Repeat([]byte{7}, 5000), "good": make([]byte, 32),
		"base64": []byte(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte(canary), 4)) + "\n"), "hex": []byte(strings.Repeat("4abc", 16) + "\n"),
		"b64-24": []byte(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte(canary), 4)[:16]) + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := config.System()
	env.Dir = dir
	vars := map[string]string{
		"HEX": strings.Repeat("4abc", 16), "HEX16": strings.Repeat("4abc", 8), "WRONG": base64.StdEncoding.EncodeToString([]byte(canary)), "WRAPPED": base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n",
		"UNPADDED": base64.RawStdEncoding.EncodeToString(make([]byte, 32)), "EMPTY": "",
	}
	env.LookupEnv = func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
	for _, c := range []struct {
		uri  string
		is   error
		text string
	}{
		{"raw-aes:n/a?key-file=absent", signet.ErrNotFound, `key from file "absent": no such file`},
		{"raw-aes:n/a?key-file=short", signet.ErrPolicy, `key from file "short": raw AES key has 6 bytes; it must have exactly 16, 24 or 32`},
		{"raw-aes:n/a?key-file=newline", signet.ErrPolicy, "has 33 bytes; it must have exactly 16, 24 or 32 (the last one is a line feed"},
		{"raw-aes:n/a?key-file=long", signet.ErrPolicy, "longer than 4096 bytes"},
		{"raw-aes:n/a?key-env=HEX", signet.ErrPolicy, `key from environment variable "HEX": it looks like hexadecimal digits, and must be base64`},
		// 32 hexadecimal digits are base64 of 24 bytes, too.
		{"raw-aes:n/a?key-env=HEX16", signet.ErrPolicy, `key from environment variable "HEX16": it looks like hexadecimal digits, and must be base64`},
		// The key where its variable should be named, as key-env=$KEY in a shell has it.
		{"raw-aes:n/a?key-env=c4n4ryc4n4ryc4n4ryc4nA==", signet.ErrPolicy, `raw-aes:...: keyring URI (raw-aes): attribute "key-env": must be the name`},
		{"raw-aes:n/a?key-env=" + strings.Repeat("c4a4", 16), signet.ErrPolicy, `raw-aes:...: keyring URI (raw-aes): attribute "key-env": must be the name`},
		{"raw-aes:n/a?key-env=WRONG", signet.ErrPolicy, "has 6 bytes"},
		{"raw-aes:n/a?key-file=hex", signet.ErrPolicy, "has 65 bytes; it must have exactly 16, 24 or 32 (it looks like hexadecimal"},
		{"raw-aes:n/a?key-file=base64", signet.ErrPolicy, "(it looks like base64"},
		{"raw-aes:n/a?key-file=b64-24", signet.ErrPolicy, "(it looks like base64"},
		{"raw-aes:n/a?key-env=WRAPPED", signet.ErrPolicy, "not standard base64"},
		{"raw-aes:n/a?key-env=UNPADDED", signet.ErrPolicy, "not standard base64"},
		{"raw-aes:n/a?key-env=EMPTY", signet.ErrPolicy, "has 0 bytes"},
		{"raw-aes:n/a?key-env=ABSENT", signet.ErrPolicy, `key from environment variable "ABSENT": not set`},
		{"raw-aes:n/a", signet.ErrPolicy, "needs exactly one of key-file=PATH and key-env=VARIABLE"},
		{"raw-aes:n/a?key-file=good&key-env=HEX", signet.ErrPolicy, "needs exactly one of"},
		{"raw-aes:n?key-file=good", signet.ErrPolicy, "must be raw-aes:NAMESPACE/NAME"},
		{"raw-aes://n/a?key-file=good", signet.ErrPolicy, "no slashes behind the colon"},
		{"raw-aes:/a?key-file=good", signet.ErrPolicy, "must not be empty"},
		{"raw-aes:n/?key-file=good", signet.ErrPolicy, "must not be empty"},
		{"raw-aes:aws-kms/a?key-file=good", signet.ErrPolicy, "aws-kms"},
		{"raw-aes:n/a?key-fiel=good", signet.ErrPolicy, `did you mean "key-file"?`},
		{"raw-aes:n/a?key=" + canary, signet.ErrPolicy, "with key-file or key-env"},
		{"raw-aes:" + canary, signet.ErrPolicy, "raw-aes:..."},
		{"rawaes:n/a?key=" + canary, signet.ErrPolicy, `did you mean "raw-aes"?`},
	} {
		_, err := all.Mux().Open(t.Context(), c.uri, env)
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v, want %v with %q", c.uri, err, c.is, c.text)
			continue
		}
		var uri *config.URIError
		var source *config.SourceError
		if errors.As(err, &uri) == errors.As(err, &source) {
			t.Errorf("%s: got %v, want a URIError or a SourceError", c.uri, err)
		}
		if strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), canary[:3]) {
			t.Errorf("%s: the error repeats a secret: %v", c.uri, err)
		}
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"raw-aes:n/a?key-file=x%20y": "raw-aes:n/a?key-file=x%20y",
		"raw-aes:n/a?key=secret":     "raw-aes:...",

		"raw-aes:n/a&key=secret":                 "raw-aes:...",
		"raw-aes:n/a?key-env=AAECAw==":           "raw-aes:...",
		"raw-aes:n/a;key=secret?key-file=x":      "raw-aes:...",
		"raw-aes:n/key=secret?key-file=x":        "raw-aes:...",
		"raw-aes:n/a?key-file=x;key=secret":      "raw-aes:...",
		"raw-aes:n/a%26d=1?key-file=x":           "raw-aes:n/a&d%3D1?key-file=x",
		"pkcs11:object=k&pin-value=secret":       "pkcs11:...",
		"pkcs11:object=k&typo=secret":            "pkcs11:...",
		"pkcs11:token=t:pin=secret;object=k":     "pkcs11:...",
		"pkcs11:?module-name=m?pin-value=secret": "pkcs11:...",
		"pkcs11:?module-path=/m,pin=secret":      "pkcs11:...",
		"pkcs11:object=k?x-name=n?typo=secret":   "pkcs11:...",
		"RAW-AES:secret":                         "raw-aes:...",
		"secret":                                 "(unreadable URI)",
		"secret:x":                               "(unreadable URI)",
	} {
		if got := all.Mux().Redact(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
