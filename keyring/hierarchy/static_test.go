package hierarchy_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/hierarchy"
	"github.com/signetkeys/signet/keyring/keyringtest"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

const (
	branchKeyID = "bd3842ff-3076-4092-9918-4395730050b8"
	version     = "e9ce18a3-edb5-4272-9f86-1cacb7997ff6"
	version2    = "e9ce18a3-edb5-4272-9f86-1cacb7997ff7"
)

func newStatic(t testing.TB, id, version string, key []byte) keyring.Keyring {
	t.Helper()
	k, err := hierarchy.NewStatic(hierarchy.StaticConfig{BranchKeyID: id, Version: version, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func branchKey(fill byte) []byte { return bytes.Repeat([]byte{fill}, hierarchy.BranchKeyLen) }

func TestConformance(t *testing.T) {
	keyringtest.Run(t, keyringtest.Options{
		New:      func(t testing.TB) keyring.Keyring { return newStatic(t, branchKeyID, version, branchKey(1)) },
		OtherKey: func(t testing.TB) keyring.Keyring { return newStatic(t, branchKeyID, version, branchKey(2)) },
		Foreign: func(t testing.TB) []keyring.Keyring {
			var ks []keyring.Keyring
			for _, id := range []string{branchKeyID + "0", branchKeyID[:35], strings.ToUpper(branchKeyID), "other"} {
				ks = append(ks, newStatic(t, id, version, branchKey(1)))
			}
			return ks
		},
		// A flipped bit in the version names another version.
		Refusals: []error{signet.ErrNotFound},
		Thorough: true,
	})
}

func TestConfig(t *testing.T) {
	good := hierarchy.StaticConfig{BranchKeyID: "id", Version: version, Key: branchKey(1)}
	for name, change := range map[string]func(*hierarchy.StaticConfig){
		"no id":                func(c *hierarchy.StaticConfig) { c.BranchKeyID = "" },
		"id not UTF-8":         func(c *hierarchy.StaticConfig) { c.BranchKeyID = "\xff" },
		"id with a zero byte":  func(c *hierarchy.StaticConfig) { c.BranchKeyID = "a\x00b" },
		"long id":              func(c *hierarchy.StaticConfig) { c.BranchKeyID = strings.Repeat("x", 65536) },
		"no version":           func(c *hierarchy.StaticConfig) { c.Version = "" },
		"version cut":          func(c *hierarchy.StaticConfig) { c.Version = version[:35] },
		"version long":         func(c *hierarchy.StaticConfig) { c.Version = version + "0" },
		"version not hex":      func(c *hierarchy.StaticConfig) { c.Version = "g" + version[1:] },
		"version of hyphens":   func(c *hierarchy.StaticConfig) { c.Version = strings.Repeat("-", 36) },
		"version other places": func(c *hierarchy.StaticConfig) { c.Version = "e9ce18a-3edb5-4272-9f86-1cacb7997ff6" },
		"version with prefix":  func(c *hierarchy.StaticConfig) { c.Version = "branch:version:" + version },
		"version not ASCII":    func(c *hierarchy.StaticConfig) { c.Version = "é" + version[2:] },
		"no key":               func(c *hierarchy.StaticConfig) { c.Key = nil },
		"short key":            func(c *hierarchy.StaticConfig) { c.Key = c.Key[:31] },
		"long key":             func(c *hierarchy.StaticConfig) { c.Key = append(c.Key, 1) },
	} {
		cfg := good
		cfg.Key = bytes.Clone(good.Key)
		change(&cfg)
		k, err := hierarchy.NewStatic(cfg)
		if ce, ok := errors.AsType[*keyring.ConfigError](err); !ok || k != nil {
			t.Errorf("%s: got %v, %v, want a ConfigError", name, k, err)
		} else if strings.Contains(ce.Error(), "\x01\x01") {
			t.Errorf("%s: the error shows the key", name)
		}
	}
	long := good
	long.BranchKeyID = strings.Repeat("x", 65535)
	if _, err := hierarchy.NewStatic(long); err != nil {
		t.Errorf("longest id: %v", err)
	}
	for _, v := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if text := fmt.Sprintf(v, newStatic(t, branchKeyID, version, []byte("0123456789abcdef0123456789abcdef"))); strings.Contains(text, "0123456789") || strings.Contains(text, "3031323334") {
			t.Errorf("%s prints the key: %s", v, text)
		}
	}
}

// The key is copied: the caller wipes its own.
func TestKeyIsCopied(t *testing.T) {
	key := branchKey(1)
	a := newStatic(t, branchKeyID, version, key)
	clear(key)
	r := request(t, suite.AES256GCMCommit(), nil)
	w, err := a.OnEncrypt(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := newStatic(t, branchKeyID, strings.ToUpper(version), branchKey(1)).OnDecrypt(t.Context(), r, w.EDKs)
	if err != nil || !u.DataKey.Equal(w.DataKey) {
		t.Errorf("got %v", err)
	}
}

func request(t testing.TB, s *suite.Suite, ec keyring.EncryptionContext) *keyring.Request {
	t.Helper()
	r, err := keyring.NewRequest(s, ec)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Two versions of one branch key: the other one is named, and does not hide a data key that opens.
func TestOtherVersion(t *testing.T) {
	one, two := newStatic(t, branchKeyID, version, branchKey(1)), newStatic(t, branchKeyID, version2, branchKey(2))
	for _, s := range []*suite.Suite{suite.AES256GCMCommit(), suite.ItemAES256GCM()} {
		r := request(t, s, keyring.EncryptionContext{"a": "1"})
		key := keyring.RandomSecret(32)
		w1, err := one.OnEncrypt(t.Context(), r, key)
		if err != nil {
			t.Fatal(err)
		}
		w2, err := two.OnEncrypt(t.Context(), r, key)
		if err != nil {
			t.Fatal(err)
		}
		u, err := one.OnDecrypt(t.Context(), r, w2.EDKs)
		ve, ok := errors.AsType[*hierarchy.VersionError](err)
		if !ok || u != nil || ve.Version != version2 || ve.BranchKeyID != branchKeyID || !errors.Is(err, signet.ErrNotFound) || !errors.Is(err, signet.ErrNoKey) {
			t.Errorf("%s: got %v, want a VersionError about %s", s, err, version2)
		}
		if err != nil && !strings.Contains(err.Error(), version2) {
			t.Errorf("%s: the error does not name the version: %v", s, err)
		}
		u, err = one.OnDecrypt(t.Context(), r, slices.Concat(w2.EDKs, w1.EDKs))
		if err != nil || u.Used != 1 || !u.DataKey.Equal(key) {
			t.Errorf("%s: got %+v, %v", s, u, err)
		}
	}
}

func TestLayout(t *testing.T) {
	k := newStatic(t, "branch", version, branchKey(1))
	for _, c := range []struct {
		suite *suite.Suite
		len   int
	}{
		{suite.AES128GCM(), 76}, {suite.AES192GCM(), 84}, {suite.AES256GCM(), 92}, {suite.ItemAES256GCM(), 140},
	} {
		seen := map[string]bool{}
		for range 4 {
			w, err := k.OnEncrypt(t.Context(), request(t, c.suite, nil), nil)
			if err != nil {
				t.Fatal(err)
			}
			e := w.EDKs[0]
			inner := e.Ciphertext
			if c.suite.IsItem() {
				inner = inner[48:]
			}
			if e.ProviderID != "aws-kms-hierarchy" || string(e.ProviderInfo) != "branch" || len(e.Ciphertext) != c.len {
				t.Errorf("%s: provider %q, info %q, %d bytes, want %d", c.suite, e.ProviderID, e.ProviderInfo, len(e.Ciphertext), c.len)
			}
			if got := fmt.Sprintf("%x", inner[28:44]); got != strings.ReplaceAll(version, "-", "") {
				t.Errorf("%s: version %s", c.suite, got)
			}
			for _, part := range []string{"salt " + string(inner[:16]), "iv " + string(inner[16:28])} {
				if seen[part] {
					t.Errorf("%s: salt or IV used twice", c.suite)
				}
				seen[part] = true
			}
		}
	}
}

func BenchmarkStatic(b *testing.B) {
	k := newStatic(b, branchKeyID, version, branchKey(1))
	for _, s := range []*suite.Suite{suite.AES256GCMCommit(), suite.ItemAES256GCM()} {
		r := request(b, s, keyring.EncryptionContext{"purpose": "bench"})
		b.Run("Encrypt/"+s.Name(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.OnEncrypt(b.Context(), r, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		w, err := k.OnEncrypt(b.Context(), r, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("Decrypt/"+s.Name(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.OnDecrypt(b.Context(), r, w.EDKs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestKnownMessage opens the data key of a message of the AWS libraries, so that one peer's bytes are checked without the vectors' folder.
// Source: from-dafny.zip of aws-encryption-sdk-test-vectors, b04638f7-e5ba-42c7-aba2-3c2308b54585: its header body and authentication. The
// suite has no key derivation, so the data key is right when it verifies the header's tag.
func TestKnownMessage(t *testing.T) {
	const head = "AYAAFOHplivF/t+GDz898WVQ4FwAAAABABFhd3Mta21zLWhpZXJhcmNoeQAkYmQzODQyZmYtMzA3Ni00MDkyLTk5MTgtNDM5NTczMDA1MGI4AExdlK+a9GV6YeR1" +
		"wA/pRLA5nh7xgQpkc+J6fdmP6c4Yo+21QnKfhhyst5l/9liHFD2eMGy77/Omh8WxD1sA1RAyLSh++u6LZ1eWKDMuAgAAAAAMAAAQAAAAAAAAAAAAAAAAAPBmNxJEjT1V" +
		"KtNlcOUjCyU="
	b, err := base64.StdEncoding.DecodeString(head)
	if err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString("tJwf65epYvUt5HMiQsl/6jlvLxS0tgdjIuvFy2BLIwg=")
	if err != nil {
		t.Fatal(err)
	}
	h, n, err := message.ParseHeader(b)
	if err != nil || n != len(b) {
		t.Fatalf("header of %d bytes, want %d: %v", n, len(b), err)
	}
	u, err := newStatic(t, branchKeyID, version, key).OnDecrypt(t.Context(), request(t, h.Suite, h.Context), h.EDKs)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(u.DataKey.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := aead.Open(nil, h.IV, h.Tag, b[:n-len(h.IV)-len(h.Tag)]); err != nil {
		t.Errorf("the header's tag is of another data key: %v", err)
	}
}
