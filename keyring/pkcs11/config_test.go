package pkcs11_test

import (
	"context"
	"crypto/rsa"
	"errors"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring/pkcs11"
	"github.com/signetkeys/signet/keyring/pkcs11/uri"
	"github.com/signetkeys/signet/keyring/raw"
)

func fromURI(t *testing.T, s string) (pkcs11.Config, error) {
	t.Helper()
	u, err := uri.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return pkcs11.FromURI(u)
}

func TestFromURI(t *testing.T) {
	c, err := fromURI(t, "pkcs11:token=t;serial=s;manufacturer=m;model=o;slot-id=5;slot-description=d;slot-manufacturer=e;library-description=f;"+
		"library-manufacturer=g;library-version=2.6;object=k;id=%01%FF;type=secret-key;x-name=n?module-path=/m.so&pin-source=env:P&x-namespace=ns&x-allow-extractable=true")
	if err != nil {
		t.Fatal(err)
	}
	if *c.Token.Slot != 5 {
		t.Errorf("slot %d", *c.Token.Slot)
	}
	c.Token.Slot = nil
	want := pkcs11.TokenSelector{Label: "t", Serial: "s", Manufacturer: "m", Model: "o", SlotDescription: "d", SlotManufacturer: "e",
		LibraryDescription: "f", LibraryManufacturer: "g", LibraryVersion: "2.6"}
	if c.Token != want || c.Key.Label != "k" || string(c.Key.ID) != "\x01\xff" || c.ModulePath != "/m.so" || c.PINSource != "env:P" ||
		c.Namespace != "ns" || c.Name != "n" || !c.AllowExtractable {
		t.Errorf("got %+v", c)
	}
}

func TestFromURIRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"pkcs11:object=":                    "empty",
		"pkcs11:id=":                        "empty",
		"pkcs11:token=":                     "empty",
		"pkcs11:object=k?x-nmae=n":          `did you mean "x-name"`,
		"pkcs11:object=k?x-zebra=n":         "known vendor attributes",
		"pkcs11:object=k;x-name=a?x-name=b": "twice",
		"pkcs11:object=k?x-name=a&x-name=b": "twice",
		"pkcs11:object=k?x-allow-extractable=false&x-allow-extractable=true":     "twice",
		"pkcs11:object=k;x-allow-extractable=false?x-allow-extractable=true":     "twice",
		"pkcs11:object=k;type=private?x-padding=oaep-sha256&x-padding=oaep-sha1": "twice",
		"pkcs11:object=k;type=cert":                   "only secret-key",
		"pkcs11:object=k;type=data":                   "only secret-key",
		"pkcs11:object=k?x-padding=oaep-sha1":         "type=private",
		"pkcs11:object=k?x-public-key-file=f":         "type=private",
		"pkcs11:object=k;type=private?x-padding=oae":  "oaep-sha512",
		"pkcs11:object=k;type=public?x-paddin=x":      `did you mean "x-padding"`,
		"pkcs11:object=k?x-allow-extractable=perhaps": "true or false",
	} {
		c, err := fromURI(t, in)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %+v, %v, want %q", in, c, err, want)
		}
		if !errors.Is(err, signet.ErrPolicy) && !errors.Is(err, signet.ErrUnsupported) {
			t.Errorf("%s: %v has no class", in, err)
		}
	}
}

func TestConfigIsValidated(t *testing.T) {
	pin := func(context.Context) ([]byte, error) { return []byte("1234"), nil }
	key := pkcs11.KeySelector{Label: "k"}
	for name, tc := range map[string]struct {
		cfg  pkcs11.Config
		want string
	}{
		"no key":              {pkcs11.Config{ModulePath: "/m.so", PIN: pin}, "object=LABEL"},
		"no module":           {pkcs11.Config{Key: key, PIN: pin}, "module is required"},
		"two modules":         {pkcs11.Config{Key: key, ModulePath: "/m.so", ModuleName: "softhsm2"}, "not both"},
		"pin source unread":   {pkcs11.Config{Key: key, ModulePath: "/m.so", PINSource: "env:P"}, "PIN is not"},
		"aws-kms":             {pkcs11.Config{Key: key, ModulePath: "/m.so", Namespace: "aws-kms"}, "aws-kms"},
		"aws-kms and more":    {pkcs11.Config{Key: key, ModulePath: "/m.so", Namespace: "aws-kms-mrk"}, "aws-kms"},
		"long name":           {pkcs11.Config{Key: key, ModulePath: "/m.so", Name: strings.Repeat("x", 65_516)}, "65515"},
		"long namespace":      {pkcs11.Config{Key: key, ModulePath: "/m.so", Namespace: strings.Repeat("x", 65_536)}, "65535"},
		"name not UTF-8":      {pkcs11.Config{Key: key, ModulePath: "/m.so", Name: "\xff"}, "UTF-8"},
		"namespace not UTF-8": {pkcs11.Config{Key: key, ModulePath: "/m.so", Namespace: "\xff"}, "UTF-8"},
		"padding of AES":      {pkcs11.Config{Key: key, ModulePath: "/m.so", Padding: pkcs11.OAEPSHA1}, "are for RSA"},
		"public half of AES":  {pkcs11.Config{Key: key, ModulePath: "/m.so", Public: new(rsa.PublicKey)}, "are for RSA"},
		"public half unread":  {pkcs11.Config{Key: key, ModulePath: "/m.so", Class: pkcs11.PublicKey, PublicKeyFile: "f"}, "Public is not"},
		"no class":            {pkcs11.Config{Key: key, ModulePath: "/m.so", Class: 3}, "class"},
		"no padding":          {pkcs11.Config{Key: key, ModulePath: "/m.so", Class: pkcs11.PrivateKey, Padding: 4}, "padding"},
		"no modulus":          {pkcs11.Config{Key: key, ModulePath: "/m.so", Class: pkcs11.PublicKey, Public: new(rsa.PublicKey)}, "modulus"},
		"long name of RSA":    {pkcs11.Config{Key: key, ModulePath: "/m.so", Class: pkcs11.PrivateKey, Name: strings.Repeat("x", 65_536)}, "65535"},
		"sessions":            {pkcs11.Config{Key: key, ModulePath: "/m.so", MaxSessions: -1}, "negative"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := pkcs11.New(t.Context(), tc.cfg)
			if !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	cfg := pkcs11.Config{Key: key, ModulePath: "/nonexistent.so", Name: strings.Repeat("x", pkcs11.MaxNameLen)}
	if _, err := pkcs11.New(t.Context(), cfg); !errors.Is(err, pkcs11.ErrModuleNotFound) {
		t.Errorf("the longest name: got %v", err)
	}
}

func TestErrorText(t *testing.T) {
	e := &pkcs11.Error{Op: "wrap", Kind: pkcs11.ErrDeviceUnavailable, Function: "C_Encrypt", Code: 0x30, Module: "/m.so", Token: "t", Key: "k", Detail: "why"}
	if got, want := e.Error(), `pkcs11: wrap: key "k" on token "t": HSM unavailable: why (C_Encrypt: CKR_DEVICE_ERROR, 0x30)`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !errors.Is(e, signet.ErrUnavailable) || errors.Is(e, signet.ErrNotFound) || e.Name() != "CKR_DEVICE_ERROR" {
		t.Error("the class is wrong")
	}
}

// Without cgo everything compiles, and New says what is missing.
func TestWithoutCgo(t *testing.T) {
	if hasCgo(t) {
		t.Skip("SKIP: this build has cgo; run with CGO_ENABLED=0")
	}
	_, err := pkcs11.New(t.Context(), pkcs11.Config{ModulePath: "/proc/self/exe", Key: pkcs11.KeySelector{Label: "k"}})
	if !errors.Is(err, signet.ErrUnsupported) || !strings.Contains(err.Error(), "CGO_ENABLED=1") {
		t.Errorf("got %v", err)
	}
}

// The same names in the URIs of both kinds of RSA keyrings.
func TestRSAURIs(t *testing.T) {
	for p := pkcs11.OAEPSHA256; p <= pkcs11.OAEPSHA1; p++ {
		for class, want := range map[string]pkcs11.KeyClass{"private": pkcs11.PrivateKey, "public": pkcs11.PublicKey} {
			c, err := fromURI(t, "pkcs11:object=k;type="+class+"?x-padding="+p.String())
			if err != nil || c.Class != want || c.Padding != p {
				t.Errorf("%s, %s: got %+v, %v", class, p, c, err)
			}
		}
		if rp, err := raw.ParseRSAPadding(p.String()); err != nil || rp.String() != p.String() {
			t.Errorf("keyring/raw does not know %s: %v", p, err)
		}
	}
	if c, err := fromURI(t, "pkcs11:object=k;type=public?x-public-key-file=f.pem"); err != nil || c.PublicKeyFile != "f.pem" {
		t.Errorf("the file: got %+v, %v", c, err)
	}
	if c, err := fromURI(t, "pkcs11:object=k;type=private"); err != nil || c.Padding != pkcs11.OAEPSHA256 {
		t.Errorf("the default: got %+v, %v", c, err)
	}
}
