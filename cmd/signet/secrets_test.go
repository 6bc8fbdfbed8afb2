package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever goes wrong, no key, PIN, plaintext or context value is printed, not even with -vv.
func TestNoSecretIsPrinted(t *testing.T) {
	const key, short, pin, plaintext, value = "canary-key-of-32-bytes-012345678", "canary-short", "canary-pin-4711", "canary-plaintext", "canary-value"
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, content := range map[string]string{"key": key, "short": short, "plain": plaintext, "item": `{"pk":{"S":"a"},"x":{"Q":"` + plaintext + `"}}`} {
		if err := os.WriteFile(at(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good := "raw-aes:a/b?key-file=" + at("key")
	if exit, _, text := runApp(t, t.Context(), "", "", "encrypt", "-k", good, "-c", "name="+value, "-o", at("msg"), at("plain")); exit != exitOK {
		t.Fatal(text)
	}
	// explain shows what a message stores, as inspect does; this one stores no secret.
	if exit, _, text := runApp(t, t.Context(), "", "", "encrypt", "-k", good, "-o", at("bare"), at("plain")); exit != exitOK {
		t.Fatal(text)
	}
	msg, err := os.ReadFile(at("msg"))
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(msg)
	flipped[len(flipped)-120] ^= 1
	for name, content := range map[string][]byte{"flipped": flipped, "cut": msg[:len(msg)-1]} {
		if err := os.WriteFile(at(name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runs := [][]string{
		{"encrypt", "-k", "raw-aes:a/b?key-file=" + at("short"), at("plain")},
		{"encrypt", "-k", "raw-aes:a/b?key=" + key, at("plain")},
		{"encrypt", "-k", "raw-aes:a/b?" + key, at("plain")},
		{"encrypt", "-k", "raw-aes:" + key, at("plain")},
		{"encrypt", "-k", key, at("plain")},
		{"encrypt", "-k", "pkcs11:token=a;object=b?pin-value=" + pin, at("plain")},
		{"encrypt", "-k", "pkcs11:token=a;object=b;pin-value=" + pin, at("plain")},
		{"encrypt", "-k", "pkcs11:token=a;object=b?pin-source=" + pin, at("plain")},
		{"encrypt", "-k", "pkcs11:token=a;object=b?pin-souce=file:" + pin, at("plain")},
		{"encrypt", "-k", "pkcs11:token=a;object=b?" + pin, at("plain")},
		{"encrypt", "-k", "pkcs11:token=a;object=b&module-name=softhsm2&pin-value=" + pin, at("plain")},
		{"encrypt", "-k", "pkcs11:token=a;object=b&pin-value=" + pin + "?module-name=softhsm2", at("plain")},
		{"encrypt", "-k", "pkcs11:token=a;object=b?module-name=softhsm2?pin-value=" + pin, at("plain")},
		{"encrypt", "-k", "pkcs11:token=a;object=b?module-name=softhsm2&pin-source=file:x?pin-value=" + pin, at("plain")},
		{"encrypt", "-k", "raw-aes:a/b&key=" + short + "?key-file=" + at("key"), at("plain")},
		{"encrypt", "-k", "raw-aes:a/b;typo=" + short + "?key-file=" + at("key"), at("plain")},
		{"encrypt", "-k", "raw-aes:a/b?key-file=" + at("key") + ";key=" + short, at("plain")},
		{"hsm", "list", "-k", "pkcs11:token=a&pin-value=" + pin + "?module-name=softhsm2"},
		{"encrypt", "pkcs11:token=a?pin-value=" + pin},
		{"decrypt", "-x" + pin},
		{"pkcs11:token=a?pin-value=" + pin},
		{"item", "pkcs11:token=a?pin-value=" + pin},
		{"encrypt", "-k", good, "-c", "a=" + value, "-c", "a=" + value, at("plain")},
		{"encrypt", "-k", good, "-c", "aws-crypto-x=" + value, at("plain")},
		{"encrypt", "-k", good, "-o", at("msg"), at("plain")},
		{"encrypt", "-k", good, "-o", at("nosuch/x"), at("plain")},
		{"decrypt", "-k", good, "-c", "name=other-" + value, at("msg")},
		{"decrypt", "-k", good, "-c", "other=" + value, at("msg")},
		{"decrypt", "-k", "raw-aes:a/other?key-file=" + at("key"), at("msg")},
		{"decrypt", "-k", good, at("flipped")},
		{"decrypt", "-k", good, at("cut")},
		{"decrypt", "-k", good, at("plain")},
		{"decrypt", "-k", good, "--armor", at("plain")},
		{"decrypt", "-k", good, "--require-context", "name=other-" + value, at("msg")},
		{"decrypt", "-k", good, "--require-context", "other=" + value, at("msg")},
		{"decrypt", "-k", good, "--require-context", "=" + value, at("msg")},
		{"encrypt", "-k", good, "-c", "name=" + value, "--unstored-context", "x", at("plain")},
		{"encrypt", "-k", good, "-r", "-c", "name=" + value, "-o", dir, dir},
		{"decrypt", "-k", good, "-r", "--suffix", "", "-o", filepath.Join(t.TempDir(), "out"), "--require-context", "name=x", dir},
		{"explain", "-k", "raw-aes:a/b?key-file=" + at("short"), at("bare")},
		{"explain", "-k", good, "--max-length", "1", at("bare")},
		{"explain", "-k", good, "-c", "other=" + value, at("bare")},
		{"explain", "-k", good, "--require-context", "other=" + value, at("bare")},
		{"inspect", at("plain")},
		{"inspect", "-k", good, "-c", "name=" + value, "-c", "name=" + value, at("bare")},
		{"inspect", "-k", "raw-aes:a/b?key-file=" + at("short"), at("bare")},
		{"rotate", "-k", good, "--from", "raw-aes:a/b?key=" + key, at("msg")},
		{"rotate", "-k", good, "-c", "name=other-" + value, "-i", at("msg")},
		{"rotate", "-k", good, "-c", "other=" + value, "-i", at("msg"), at("plain")},
		{"rotate", "-k", good, "--require-context", "other=" + value, "-i", at("msg")},
		{"rotate", "-k", good, "-i", at("flipped"), at("cut"), at("plain")},
		{"rotate", "-k", good, "-i", good},
		{"rotate", "-k", "raw-aes:a/other?key-file=" + at("key"), "-i", at("msg")},
		{"item", "inspect", at("item")},
		{"item", "put", "-k", good, "--table", "t", "--encrypt", "x", "--endpoint", "http://127.0.0.1:1", at("item")},
		{"item", "get", "-k", good, "--table", "t", "--key", "pk=Q:" + value},
		{"hsm", "list", "-k", "pkcs11:token=a?pin-value=" + pin},
		{"env", "encrypt", "-k", good, "NAME=" + plaintext},
		{"env", "encrypt", "-k", good, "--allow-value-argument", "NAME=signet:" + plaintext},
		{"env", "encrypt", "-k", good, "--allow-value-argument", "=" + plaintext},
		{"env", "encrypt", "-k", good, "NAME", plaintext},
		{"env", "encrypt", "-k", good, "-c", "variable=" + value, "--allow-value-argument", "NAME=" + plaintext},
		{"env", "exec", "-k", good, "-c", "=" + value, "true"},
		{"env", "exec", "-k", good, "--require", "NAME", "true", plaintext},
	}
	for _, args := range runs {
		for _, format := range []string{text, asJSON} {
			all := append([]string{"-vv", "--output", format}, args...)
			exit, out, errText := runApp(t, t.Context(), "", "", all...)
			if exit == exitOK || errText == "" {
				t.Errorf("%q: exit %d, %q", all, exit, errText)
			}
			for _, secret := range []string{"canary", base64.StdEncoding.EncodeToString([]byte(key))} {
				if strings.Contains(out, secret) || strings.Contains(errText, secret) {
					t.Errorf("%q prints a secret: %s%s", all, out, errText)
				}
			}
		}
	}
}
