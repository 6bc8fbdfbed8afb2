package pkcs11_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/pkcs11"
	"github.com/signetkeys/signet/keyring/pkcs11/softhsm"
	"github.com/signetkeys/signet/keyring/pkcs11/uri"
	"github.com/signetkeys/signet/keyring/suite"
	softhsmtest "github.com/signetkeys/signet/softhsm-test"
)

func TestRoundTripAndLayout(t *testing.T) {
	tok := softhsmtest.New(t)
	kek := bytes.Repeat([]byte{0x42}, 32)
	tok.ImportAES("kek ñ", kek)
	cfg := tok.Config("kek ñ")
	cfg.Namespace = "ns"
	k := open(t, cfg)
	for _, r := range []*keyring.Request{request(t), request(t, "tenant", "acme"), request(t, "ключ", "", "long", strings.Repeat("x", 300), "z", "1")} {
		key, edk := wrap(t, k, r)
		if got, err := unwrap(k, r, edk); err != nil || !bytes.Equal(got, key) {
			t.Fatalf("got %v", err)
		}
		// The raw AES layout, opened by crypto/cipher with the same key bytes.
		iv, reason := wire.ParseAESInfo(edk.ProviderInfo, "kek ñ")
		if reason != "" || edk.ProviderID != "ns" || len(edk.Ciphertext) != 48 {
			t.Fatalf("layout: %s, %q, %d bytes", reason, edk.ProviderID, len(edk.Ciphertext))
		}
		block, _ := aes.NewCipher(kek)
		aead, _ := cipher.NewGCM(block)
		plain, err := aead.Open(nil, iv, edk.Ciphertext, r.AAD)
		if err != nil || !bytes.Equal(plain, key) {
			t.Errorf("crypto/cipher: %v", err)
		}
		// And the reverse.
		iv = make([]byte, 12)
		rand.Read(iv)
		edk = keyring.EncryptedDataKey{ProviderID: "ns", ProviderInfo: wire.AppendAESInfo(nil, "kek ñ", iv), Ciphertext: aead.Seal(nil, iv, key, r.AAD)}
		if got, err := unwrap(k, r, edk); err != nil || !bytes.Equal(got, key) {
			t.Errorf("sealed by crypto/cipher: %v", err)
		}
	}
	if s := k.Stats(); s.Wraps != 3 || s.Unwraps != 6 || s.Randoms != 3 || s.Lookups != 1 {
		t.Errorf("got %+v", s)
	}
}

func TestEverySuiteAndKeySize(t *testing.T) {
	tok := softhsmtest.New(t)
	for _, bits := range []int{128, 192, 256} {
		label := fmt.Sprint("aes", bits)
		tok.GenerateAES(label, bits)
		k := open(t, tok.Config(label))
		for _, s := range suite.All() {
			r, err := keyring.NewRequest(s, keyring.EncryptionContext{"a": "b"})
			if err != nil {
				t.Fatal(err)
			}
			w, err := k.OnEncrypt(t.Context(), r, nil)
			if err != nil {
				t.Fatalf("%s: %v", s, err)
			}
			u, err := k.OnDecrypt(t.Context(), r, w.EDKs)
			if err != nil || !u.DataKey.Equal(w.DataKey) {
				t.Errorf("%s: %v", s, err)
			}
		}
	}
}

func TestNames(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.Import("kek", make([]byte, 32), &softhsm.KeyOptions{ID: []byte{1, 0xff}})
	for _, tc := range []struct {
		name string
		edit func(*pkcs11.Config)
		want string
	}{
		{"label", func(*pkcs11.Config) {}, "kek"},
		{"label and id", func(c *pkcs11.Config) { c.Key.ID = []byte{1, 0xff} }, "kek"},
		{"id", func(c *pkcs11.Config) { c.Key = pkcs11.KeySelector{ID: []byte{1, 0xff}} }, "token=" + tok.Label + ";id=%01%FF"},
		{"set", func(c *pkcs11.Config) { c.Name = "other" }, "other"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := tok.Config("kek")
			tc.edit(&cfg)
			k := open(t, cfg)
			_, edk := wrap(t, k, request(t))
			if name, _ := wire.AESKeyName(edk.ProviderInfo); name != tc.want || k.Name() != tc.want || edk.ProviderID != pkcs11.DefaultNamespace {
				t.Errorf("got %q in %q, want %q", name, edk.ProviderID, tc.want)
			}
		})
	}
}

func TestForeignDataKeysAreSkipped(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.GenerateAES("kek", 256)
	k := open(t, tok.Config("kek"))
	r := request(t)
	key, good := wrap(t, k, r)
	edit := func(f func(*keyring.EncryptedDataKey)) keyring.EncryptedDataKey {
		e := keyring.EncryptedDataKey{ProviderID: good.ProviderID, ProviderInfo: bytes.Clone(good.ProviderInfo), Ciphertext: bytes.Clone(good.Ciphertext)}
		f(&e)
		return e
	}
	foreign := []keyring.EncryptedDataKey{
		edit(func(e *keyring.EncryptedDataKey) { e.ProviderID = "aws-kms" }),
		edit(func(e *keyring.EncryptedDataKey) { e.ProviderInfo[0] ^= 1 }),
		edit(func(e *keyring.EncryptedDataKey) { e.ProviderInfo = append([]byte("kek2"), e.ProviderInfo[3:]...) }),
		edit(func(e *keyring.EncryptedDataKey) { e.ProviderInfo = e.ProviderInfo[:3] }),
		edit(func(e *keyring.EncryptedDataKey) { e.ProviderInfo = nil }),
		edit(func(e *keyring.EncryptedDataKey) { e.ProviderInfo[6] ^= 1 }),  // tag length
		edit(func(e *keyring.EncryptedDataKey) { e.ProviderInfo[10] ^= 1 }), // IV length
	}
	before := k.Stats().Unwraps
	_, err := unwrap(k, r, foreign...)
	var ue *keyring.UnwrapError
	if !errors.As(err, &ue) || len(ue.Attempts) != len(foreign) || !errors.Is(err, signet.ErrNoKey) || errors.Is(err, signet.ErrAuthentication) {
		t.Errorf("got %v", err)
	}
	for _, a := range ue.Attempts {
		var skip *keyring.Skip
		if !errors.As(a.Err, &skip) {
			t.Errorf("EDK %d: got %v, want a Skip", a.EDK, a.Err)
		}
	}
	if n := k.Stats().Unwraps - before; n != 0 {
		t.Errorf("%d foreign data keys reached the token", n)
	}
	if got, err := unwrap(k, r, append(foreign, good)...); err != nil || !bytes.Equal(got, key) {
		t.Errorf("behind foreign ones: %v", err)
	}
}

// Tampered data keys, a wrong context, a wrong key of the same name: one answer to all.
func TestTamperedDataKeys(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.GenerateAES("kek", 256)
	k := open(t, tok.Config("kek"))
	r := request(t, "tenant", "acme")
	key, good := wrap(t, k, r)
	for name, c := range map[string][]byte{
		"empty": {}, "short": good.Ciphertext[:47], "long": append(bytes.Clone(good.Ciphertext), 0), "64 KiB": make([]byte, 65535), "tag only": good.Ciphertext[:16],
	} {
		before := k.Stats().Unwraps
		_, err := unwrap(k, r, keyring.EncryptedDataKey{ProviderID: good.ProviderID, ProviderInfo: good.ProviderInfo, Ciphertext: c})
		if !errors.Is(err, keyring.ErrShape) || !errors.Is(err, signet.ErrMalformed) || k.Stats().Unwraps != before {
			t.Errorf("%s: got %v after %d calls", name, err, k.Stats().Unwraps-before)
		}
	}
	text := ""
	for i := range good.Ciphertext {
		c := bytes.Clone(good.Ciphertext)
		c[i] ^= 0x80
		_, err := unwrap(k, r, keyring.EncryptedDataKey{ProviderID: good.ProviderID, ProviderInfo: good.ProviderInfo, Ciphertext: c})
		if !errors.Is(err, keyring.ErrDidNotOpen) || errors.Is(err, signet.ErrUnavailable) {
			t.Fatalf("byte %d: got %v", i, err)
		}
		if text == "" {
			text = err.Error()
		}
		if err.Error() != text {
			t.Fatalf("byte %d: got %q, want the one text %q", i, err, text)
		}
	}
	if !strings.Contains(text, "did not open: wrong key, changed context or corrupted") || strings.Contains(text, "CKR_") {
		t.Errorf("got %s", text)
	}
	if _, err := unwrap(k, request(t, "tenant", "other"), good); !errors.Is(err, signet.ErrAuthentication) || err.Error() != text {
		t.Errorf("another context: got %v", err)
	}
	other := softhsmtest.New(t)
	other.GenerateAES("kek", 256)
	if _, err := unwrap(open(t, other.Config("kek")), r, good); !errors.Is(err, signet.ErrAuthentication) {
		t.Errorf("another key of the same name: got %v", err)
	}
	if got, err := unwrap(k, r, good); err != nil || !bytes.Equal(got, key) {
		t.Errorf("after all that: %v", err)
	}
	if n := k.Stats().Lookups; n != 1 {
		t.Errorf("the key was looked up %d times, want 1", n)
	}
}

// The binding must not leak with every refused data key.
func TestHostileDataKeysDoNotLeak(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP: long test under -short")
	}
	tok := softhsmtest.New(t)
	tok.GenerateAES("kek", 256)
	k := open(t, tok.Config("kek"))
	r := request(t, "pad", strings.Repeat("x", 4096))
	_, good := wrap(t, k, r)
	good.Ciphertext = bytes.Clone(good.Ciphertext)
	good.Ciphertext[5] ^= 1
	hammer := func(n int) {
		for range n {
			if _, err := unwrap(k, r, good); err == nil {
				t.Fatal("opened")
			}
		}
	}
	hammer(2000)
	before := resident(t)
	hammer(8000)
	// The binding of old leaked 4 KiB with each of these, 32 MB in all.
	if grown := resident(t) - before; grown > 12<<20 {
		t.Errorf("memory grew by %d KiB", grown>>10)
	}
}

// resident is the resident set of this process in bytes.
func resident(t *testing.T) int {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skipf("SKIP: no /proc here: %v", err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

func TestPINs(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.GenerateAES("kek", 256)
	with := func(pin string) (pkcs11.Config, *int) {
		cfg, asked := tok.Config("kek"), new(int)
		cfg.PIN = func(context.Context) ([]byte, error) { *asked++; return []byte(pin), nil }
		return cfg, asked
	}
	t.Run("with a newline", func(t *testing.T) {
		cfg, _ := with(tok.PIN + "\n")
		wantRoundTrip(t, open(t, cfg))
	})
	t.Run("empty", func(t *testing.T) {
		cfg, _ := with("")
		wantError(t, open(t, cfg).Check(t.Context()), pkcs11.ErrPINRequired, signet.ErrAccessDenied)
	})
	t.Run("none", func(t *testing.T) {
		cfg := tok.Config("kek")
		cfg.PIN = nil
		wantError(t, open(t, cfg).Check(t.Context()), pkcs11.ErrPINRequired, signet.ErrAccessDenied)
	})
	t.Run("not obtained", func(t *testing.T) {
		cfg := tok.Config("kek")
		cfg.PIN = func(context.Context) ([]byte, error) { return nil, os.ErrNotExist }
		err := open(t, cfg).Check(t.Context())
		wantError(t, err, pkcs11.ErrPINRequired)
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v, want the cause", err)
		}
	})
	t.Run("wrong", func(t *testing.T) {
		cfg, _ := with("9999")
		k := open(t, cfg)
		for range 5 {
			err := k.Check(t.Context())
			e := wantError(t, err, pkcs11.ErrPINIncorrect, signet.ErrAccessDenied)
			if strings.Contains(err.Error(), "9999") || e.Name() != "CKR_PIN_INCORRECT" || e.Token != tok.Label {
				t.Errorf("got %v", err)
			}
		}
		list, err := pkcs11.ListTokens(t.Context(), tok.Module)
		if err != nil {
			t.Fatal(err)
		}
		for _, info := range list {
			if info.Serial == tok.Serial && !info.PINCountLow {
				t.Error("the token has not seen the wrong PIN")
			}
		}
		cfg, _ = with(tok.PIN)
		wantRoundTrip(t, open(t, cfg))
	})
	t.Run("another one while logged in", func(t *testing.T) {
		cfg, _ := with(tok.PIN)
		k := open(t, cfg)
		wantRoundTrip(t, k)
		other, _ := with("8888")
		wantError(t, open(t, other).Check(t.Context()), pkcs11.ErrPINIncorrect, signet.ErrAccessDenied)
		wantRoundTrip(t, k)
	})
}

// The token's files vanish.
func TestTokenRemoved(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.GenerateAES("kek", 256)
	k := open(t, tok.Config("kek"))
	r := request(t)
	_, edk := wrap(t, k, r)
	if err := os.RemoveAll(tok.Path()); err != nil {
		t.Fatal(err)
	}
	_, err := unwrap(k, r, edk)
	wantError(t, err, pkcs11.ErrDeviceUnavailable, signet.ErrUnavailable)
	if errors.Is(err, pkcs11.ErrKeyNotFound) {
		t.Errorf("got %v", err)
	}
	_, err = k.OnEncrypt(t.Context(), r, nil)
	wantError(t, err, pkcs11.ErrDeviceUnavailable)
	if err := k.Check(t.Context()); !errors.Is(err, signet.ErrUnavailable) {
		t.Errorf("Check: got %v", err)
	}
}

// Another process deletes the key and makes another.
func TestKeyDeletedAndAddedByAnotherProcess(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.GenerateAES("kek", 256)
	k := open(t, tok.Config("kek"))
	late := open(t, tok.Config("late"))
	r := request(t)
	_, edk := wrap(t, k, r)
	wantError(t, late.Check(t.Context()), pkcs11.ErrKeyNotFound, signet.ErrNotFound)

	tool(t, tok, "--delete-object", "--type", "secrkey", "--label", "kek")
	_, err := unwrap(k, r, edk)
	e := wantError(t, err, pkcs11.ErrKeyNotFound, signet.ErrNotFound, signet.ErrNoKey)
	if e.Token != tok.Label || e.Key != "kek" || !strings.Contains(err.Error(), tok.Label) || !strings.Contains(err.Error(), `"kek"`) {
		t.Errorf("the error does not name token and key: %v", err)
	}

	tool(t, tok, "--keygen", "--key-type", "aes:32", "--label", "late", "--id", "07", "--sensitive")
	wantRoundTrip(t, late)
	tool(t, tok, "--keygen", "--key-type", "aes:32", "--label", "kek", "--id", "08", "--sensitive")
	wantRoundTrip(t, k)
	if _, err := unwrap(k, r, edk); !errors.Is(err, signet.ErrAuthentication) {
		t.Errorf("the old data key under the new key: got %v", err)
	}
}

func TestKeyDeletedWrap(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.GenerateAES("kek", 256)
	k := open(t, tok.Config("kek"))
	wantRoundTrip(t, k)
	tok.DeleteKey("kek")
	_, err := k.OnEncrypt(t.Context(), request(t), nil)
	wantError(t, err, pkcs11.ErrKeyNotFound, signet.ErrNotFound)
}

func TestAmbiguousKey(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.Import("kek", make([]byte, 32), &softhsm.KeyOptions{ID: []byte{1}})
	tok.Import("kek", make([]byte, 16), &softhsm.KeyOptions{ID: []byte{2}})
	tok.Import("other", make([]byte, 16), &softhsm.KeyOptions{ID: []byte{2}})
	err := open(t, tok.Config("kek")).Check(t.Context())
	wantError(t, err, pkcs11.ErrKeyAmbiguous, signet.ErrPolicy)
	for _, want := range []string{"id=%01", "id=%02", "256 bits", "128 bits", "AES"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
	cfg := tok.Config("")
	cfg.Key.ID = []byte{2}
	wantError(t, open(t, cfg).Check(t.Context()), pkcs11.ErrKeyAmbiguous)
	cfg.Key.Label = "kek"
	wantRoundTrip(t, open(t, cfg))
}

func TestAmbiguousAndMissingToken(t *testing.T) {
	tok, other := softhsmtest.New(t), softhsmtest.New(t)
	cfg := tok.Config("kek")
	cfg.Token = pkcs11.TokenSelector{Manufacturer: "SoftHSM project"}
	err := open(t, cfg).Check(t.Context())
	wantError(t, err, pkcs11.ErrTokenAmbiguous, signet.ErrPolicy)
	for _, want := range []string{tok.Label, tok.Serial, other.Label, other.Serial} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
	cfg.Token = pkcs11.TokenSelector{Label: "nowhere"}
	err = open(t, cfg).Check(t.Context())
	wantError(t, err, pkcs11.ErrTokenNotFound, signet.ErrNotFound)
	if !strings.Contains(err.Error(), tok.Label) || !strings.Contains(err.Error(), `label "nowhere"`) {
		t.Errorf("%v does not say what is there", err)
	}
	cfg.Token = pkcs11.TokenSelector{Label: tok.Label, Serial: other.Serial}
	wantError(t, open(t, cfg).Check(t.Context()), pkcs11.ErrTokenNotFound)
}

// After a restart of the module handles are numbered anew, in the order of lookups, and an old one may name another key. Data keys with known
// answers show which key was used.
func TestHandlesAfterRestart(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.ImportAES("alpha", bytes.Repeat([]byte{1}, 32))
	tok.ImportAES("beta", bytes.Repeat([]byte{2}, 32))
	r := request(t)
	edks := map[string]keyring.EncryptedDataKey{}
	keys := map[string][]byte{}
	for _, order := range [][]string{{"alpha", "beta"}, {"beta", "alpha"}} {
		rings := map[string]*pkcs11.Keyring{}
		for _, label := range order {
			k, err := pkcs11.New(t.Context(), tok.Config(label))
			if err != nil {
				t.Fatal(err)
			}
			rings[label] = k
			if err := k.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for label, edk := range edks { // of the round before
			if got, err := unwrap(rings[label], r, edk); err != nil || !bytes.Equal(got, keys[label]) {
				t.Errorf("%s after a restart: %v", label, err)
			}
		}
		for label, k := range rings {
			keys[label], edks[label] = wrap(t, k, r)
		}
		for _, k := range rings {
			if err := k.Close(); err != nil { // the last one finalizes the module
				t.Fatal(err)
			}
		}
		if softhsm.Running() {
			t.Fatal("the module was not finalized, so this test proves nothing")
		}
	}
}

// What the key or the token does not allow.
func TestKeysThatAreRefused(t *testing.T) {
	tok := softhsmtest.New(t)
	key := make([]byte, 32)
	tok.Import("noencrypt", key, &softhsm.KeyOptions{NoEncrypt: true})
	tok.Import("nodecrypt", key, &softhsm.KeyOptions{NoDecrypt: true})
	tok.Import("neither", key, &softhsm.KeyOptions{NoDecrypt: true, NoEncrypt: true})
	tok.Import("cbc", key, &softhsm.KeyOptions{Mechanisms: []uint{0x1082}})
	tok.Import("extractable", key, &softhsm.KeyOptions{Extractable: true})
	tok.Import("generic", key, &softhsm.KeyOptions{Generic: true})
	tok.ImportAES("full", key)
	r := request(t)

	same := func(label string) *pkcs11.Keyring {
		cfg := tok.Config(label)
		cfg.Name = "same"
		return open(t, cfg)
	}
	full, encryptOnly, decryptOnly := same("full"), same("nodecrypt"), same("noencrypt")
	want, edk := wrap(t, full, r)
	if got, err := unwrap(decryptOnly, r, edk); err != nil || !bytes.Equal(got, want) {
		t.Errorf("a key that may only decrypt: %v", err)
	}
	_, err := decryptOnly.OnEncrypt(t.Context(), r, nil)
	if wantError(t, err, pkcs11.ErrKeyNotPermitted, signet.ErrAccessDenied); !strings.Contains(err.Error(), "CKA_ENCRYPT") {
		t.Errorf("got %v", err)
	}
	if decryptOnly.CanEncrypt() || !encryptOnly.CanEncrypt() {
		t.Error("CanEncrypt is wrong")
	}
	if _, err := keyring.NewMulti(keyring.MultiOptions{Generator: decryptOnly}); err == nil {
		t.Error("a key that may only decrypt became a generator")
	}
	want, edk = wrap(t, encryptOnly, r)
	if got, err := unwrap(full, r, edk); err != nil || !bytes.Equal(got, want) {
		t.Errorf("a key that may only encrypt: %v", err)
	}
	_, err = unwrap(encryptOnly, r, edk)
	if wantError(t, err, pkcs11.ErrKeyNotPermitted); !strings.Contains(err.Error(), "CKA_DECRYPT") {
		t.Errorf("got %v", err)
	}
	err = same("neither").Check(t.Context())
	wantError(t, err, pkcs11.ErrKeyNotPermitted)
	err = same("cbc").Check(t.Context())
	if wantError(t, err, pkcs11.ErrMechanismUnsupported, signet.ErrUnsupported); !strings.Contains(err.Error(), "CKA_ALLOWED_MECHANISMS") {
		t.Errorf("got %v", err)
	}
	err = same("generic").Check(t.Context())
	if wantError(t, err, signet.ErrUnsupported); !strings.Contains(err.Error(), "GENERIC-SECRET") {
		t.Errorf("got %v", err)
	}
	err = same("extractable").Check(t.Context())
	if wantError(t, err, pkcs11.ErrKeyExtractable, signet.ErrPolicy); !strings.Contains(err.Error(), "CKA_EXTRACTABLE") {
		t.Errorf("got %v", err)
	}
	cfg := tok.Config("extractable")
	cfg.AllowExtractable = true
	wantRoundTrip(t, open(t, cfg))
}

// The token does not offer AES-GCM at all. SoftHSM reads its list of mechanisms once per process, so this runs in another one.
func TestTokenWithoutGCM(t *testing.T) {
	const variable = "SIGNET_TEST_TOKEN_WITHOUT_GCM"
	if u := os.Getenv(variable); u != "" {
		parsed, err := uri.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := pkcs11.FromURI(parsed)
		if err != nil {
			t.Fatal(err)
		}
		cfg.PIN = func(context.Context) ([]byte, error) { return os.ReadFile(strings.TrimPrefix(cfg.PINSource, "file:")) }
		err = open(t, cfg).Check(t.Context())
		if wantError(t, err, pkcs11.ErrMechanismUnsupported, signet.ErrUnsupported); !strings.Contains(err.Error(), "slots.mechanisms") {
			t.Errorf("got %v", err)
		}
		return
	}
	tok := softhsmtest.New(t)
	tok.GenerateAES("kek", 256)
	conf, err := os.ReadFile(tok.Conf)
	if err != nil {
		t.Fatal(err)
	}
	poor := filepath.Join(t.TempDir(), "softhsm2.conf")
	if err := os.WriteFile(poor, append(conf, "slots.mechanisms = CKM_AES_KEY_GEN,CKM_AES_KEY_WRAP\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestTokenWithoutGCM$", "-test.v")
	cmd.Env = append(os.Environ(), softhsm.ConfVariable+"="+poor, variable+"="+tok.KeyURI("kek"))
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}

// SoftHSM without its configuration says CKR_GENERAL_ERROR; the error says what to look at.
func TestMissingConfiguration(t *testing.T) {
	tok := softhsmtest.New(t)
	if softhsm.Running() {
		t.Fatal("SoftHSM is running, so it would not read its configuration")
	}
	t.Setenv(softhsm.ConfVariable, "/nonexistent/softhsm2.conf")
	_, err := pkcs11.New(t.Context(), tok.Config("kek"))
	if wantError(t, err, pkcs11.ErrDeviceUnavailable, signet.ErrUnavailable); !strings.Contains(err.Error(), softhsm.ConfVariable) {
		t.Errorf("got %v", err)
	}
}

// What is not a module.
func TestModules(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.so")
	if err := os.WriteFile(text, []byte("not a module"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		cfg  pkcs11.Config
		kind error
		text string
	}{
		"missing":      {pkcs11.Config{ModulePath: "/nonexistent/lib.so"}, pkcs11.ErrModuleNotFound, "no such file"},
		"bare name":    {pkcs11.Config{ModulePath: "libsofthsm2.so"}, pkcs11.ErrModuleUnusable, "absolute"},
		"folder":       {pkcs11.Config{ModulePath: os.TempDir()}, pkcs11.ErrModuleUnusable, "not a file"},
		"unknown name": {pkcs11.Config{ModuleName: "softhsm"}, pkcs11.ErrModuleUnusable, "softhsm2"},
	}
	if hasCgo(t) {
		cases["text"] = struct {
			cfg  pkcs11.Config
			kind error
			text string
		}{pkcs11.Config{ModulePath: text}, pkcs11.ErrModuleUnusable, "text.so"}
		if libc, err := filepath.Glob("/lib/*/libc.so.6"); err == nil && len(libc) > 0 {
			cases["libc"] = struct {
				cfg  pkcs11.Config
				kind error
				text string
			}{pkcs11.Config{ModulePath: libc[0]}, pkcs11.ErrModuleUnusable, "not a PKCS#11 module"}
		}
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.cfg.Key.Label = "kek"
			_, err := pkcs11.New(t.Context(), tc.cfg)
			if wantError(t, err, tc.kind); !strings.Contains(err.Error(), tc.text) {
				t.Errorf("got %v, want %q in it", err, tc.text)
			}
		})
	}
}

// A key among many is looked up once.
func TestManyKeys(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.ImportAES("kek", make([]byte, 32))
	hold := open(t, tok.Config("kek"))
	if err := hold.Check(t.Context()); err != nil { // a login that the imports share, which makes them faster
		t.Fatal(err)
	}
	for i := range 30 {
		tok.ImportAES(fmt.Sprint("other", i), make([]byte, 32))
	}
	for range 5 {
		wantRoundTrip(t, hold)
	}
	if n := hold.Stats().Lookups; n != 1 {
		t.Errorf("looked up %d times, want 1", n)
	}
	keys, err := pkcs11.ListKeys(t.Context(), tok.Config(""))
	if err != nil || len(keys) != 31 {
		t.Errorf("got %d keys, %v", len(keys), err)
	}
}

// Close drains.
func TestCloseUnderLoad(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.GenerateAES("kek", 256)
	for round := range 5 {
		k, err := pkcs11.New(t.Context(), tok.Config("kek"))
		if err != nil {
			t.Fatal(err)
		}
		r := request(t, "a", "b")
		var wg sync.WaitGroup
		busy := make(chan struct{}, 8)
		for i := range 8 {
			wg.Go(func() {
				ctx := context.Background()
				if i%2 == 0 {
					ctx = t.Context() // cancellable: calls run in the sessions' workers
				}
				for n := 0; ; n++ {
					if n == 20 {
						busy <- struct{}{}
					}
					w, err := k.OnEncrypt(ctx, r, nil)
					if err != nil {
						if !errors.Is(err, pkcs11.ErrClosed) {
							t.Errorf("round %d: %v", round, err)
						}
						return
					}
					w.DataKey.Destroy()
				}
			})
		}
		for range 8 {
			<-busy
		}
		if err := k.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if err := k.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		if err := k.Check(t.Context()); !errors.Is(err, pkcs11.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
	if softhsm.Running() {
		t.Error("the module was not finalized")
	}
}

func TestConcurrentUse(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.GenerateAES("a", 256)
	tok.GenerateAES("b", 256)
	rings := []*pkcs11.Keyring{open(t, tok.Config("a")), open(t, tok.Config("b"))}
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			k := rings[i%2]
			r := request(t, "n", fmt.Sprint(i))
			for range 20 {
				w, err := k.OnEncrypt(t.Context(), r, nil)
				if err != nil {
					t.Error(err)
					return
				}
				u, err := k.OnDecrypt(t.Context(), r, w.EDKs)
				if err != nil || !u.DataKey.Equal(w.DataKey) {
					t.Errorf("got %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestContextEnds(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.GenerateAES("kek", 256)
	k := open(t, tok.Config("kek"))
	wantRoundTrip(t, k)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.OnEncrypt(ctx, request(t), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wantRoundTrip(t, k)
}
