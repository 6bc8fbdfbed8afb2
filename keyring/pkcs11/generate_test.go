package pkcs11_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring/pkcs11"
	softhsmtest "github.com/signetkeys/signet/softhsm-test"
)

// A token key needs a read-write session.
func TestGenerateKey(t *testing.T) {
	tok := softhsmtest.New(t)
	cfg := tok.Config("")
	info, err := pkcs11.GenerateKey(t.Context(), cfg, pkcs11.GenerateOptions{Label: "kek ñ"})
	if err != nil {
		t.Fatal(err)
	}
	if info.Label != "kek ñ" || len(info.ID) != 16 || info.Bits != 256 || info.Type != "AES" || !info.Sensitive || info.Extractable ||
		!info.Encrypt || !info.Decrypt || info.Token != tok.Label || info.Serial != tok.Serial || info.Dropped != nil {
		t.Errorf("got %+v", info)
	}
	if u := info.URI().String(); !strings.HasPrefix(u, "pkcs11:token="+tok.Label+";object=kek%20%C3%B1;id=%") || !strings.HasSuffix(u, ";type=secret-key") {
		t.Errorf("got %s", u)
	}
	list, err := pkcs11.ListKeys(t.Context(), cfg)
	if err != nil || len(list) != 1 || list[0].Label != "kek ñ" || !bytes.Equal(list[0].ID, info.ID) {
		t.Errorf("got %+v, %v", list, err)
	}
	wantRoundTrip(t, open(t, tok.Config("kek ñ")))

	for name, o := range map[string]pkcs11.GenerateOptions{
		"same label": {Label: "kek ñ"},
		"same id":    {Label: "other", ID: info.ID},
	} {
		_, err := pkcs11.GenerateKey(t.Context(), cfg, o)
		if wantError(t, err, pkcs11.ErrKeyExists, signet.ErrPolicy); !strings.Contains(err.Error(), "AES of 256 bits") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	cfg.Key = pkcs11.KeySelector{Label: "from config", ID: []byte{7}}
	info, err = pkcs11.GenerateKey(t.Context(), cfg, pkcs11.GenerateOptions{Bits: 128})
	if err != nil || info.Label != "from config" || !bytes.Equal(info.ID, []byte{7}) || info.Bits != 128 {
		t.Errorf("got %+v, %v", info, err)
	}
	for name, o := range map[string]pkcs11.GenerateOptions{
		"no label": {}, "bits": {Label: "x", Bits: 512}, "not UTF-8": {Label: "\xff"}, "long": {Label: strings.Repeat("x", 300)},
	} {
		if _, err := pkcs11.GenerateKey(t.Context(), tok.Config(""), o); !errors.Is(err, signet.ErrPolicy) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// The template is enforced by the token: the key does nothing but AES-GCM and cannot be loosened.
func TestGeneratedKeyIsRestricted(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.GenerateAES("kek", 256)
	out := toolOutput(t, tok, "--list-objects", "--type", "secrkey")
	for _, want := range []string{"kek", "Usage:      encrypt, decrypt\n", "sensitive, always sensitive, never extractable, local"} {
		if !strings.Contains(out, want) {
			t.Errorf("pkcs11-tool does not say %q:\n%s", want, out)
		}
	}
}

func TestListTokens(t *testing.T) {
	tok := softhsmtest.New(t)
	list, err := pkcs11.ListTokens(t.Context(), tok.Module)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, info := range list {
		if info.Serial != tok.Serial {
			continue
		}
		found++
		if info.Label != tok.Label || !info.Initialized || !info.LoginRequired || !info.UserPINSet || info.PINLocked || !info.AESGCM ||
			info.MaxSessions != 0 || info.Manufacturer != "SoftHSM project" {
			t.Errorf("got %+v", info)
		}
	}
	if found != 1 || len(list) < 2 { // SoftHSM always has an uninitialized token on offer
		t.Errorf("got %d of this token in %d", found, len(list))
	}
}
