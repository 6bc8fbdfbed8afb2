//go:build cgo && unix

package pkcs11_test

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	bare "github.com/miekg/pkcs11"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring/pkcs11"
	softhsmtest "github.com/signetkeys/signet/softhsm-test"
)

// nss is a throw-away token of NSS softokn: another code base than SoftHSM's, with every hash of OAEP, and a module that needs library parameters. It is
// in Debian's packages libnss3 and libnss3-tools.
type nss struct {
	module, params string
	t              testing.TB
}

const nssPIN = "nss12345"

func newNSS(t testing.TB) *nss {
	t.Helper()
	missing := func(what string) {
		if os.Getenv(softhsmtest.RequireVariable) == "1" {
			t.Fatalf("%s=1 and NSS is missing: %s", softhsmtest.RequireVariable, what)
		}
		t.Skipf("SKIP: NSS is missing: %s (on Debian and Ubuntu: apt-get install libnss3 libnss3-tools)", what)
	}
	certutil, err := exec.LookPath("certutil")
	if err != nil {
		missing(err.Error())
	}
	module := ""
	for _, pattern := range []string{"/usr/lib/*/libsoftokn3.so", "/usr/lib/*/nss/libsoftokn3.so", "/usr/lib64/libsoftokn3.so", "/usr/lib/libsoftokn3.so"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			module = found[0]
			break
		}
	}
	if module == "" {
		missing("no libsoftokn3.so")
	}
	dir := t.TempDir()
	pin := filepath.Join(dir, "pin")
	if err := os.WriteFile(pin, []byte(nssPIN+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(certutil, "-N", "-d", "sql:"+dir, "-f", pin).CombinedOutput(); err != nil {
		t.Fatalf("certutil: %v\n%s", err, out)
	}
	return &nss{module, fmt.Sprintf("configdir='sql:%s' certPrefix='' keyPrefix='' secmod='secmod.db' flags= manufacturerID='' libraryDescription='' "+
		"cryptoTokenDescription='' dbTokenDescription='nss-token' cryptoSlotDescription='' dbSlotDescription='' FIPSSlotDescription='' "+
		"FIPSTokenDescription='' minPS=0", dir), t}
}

func (n *nss) config(label string, padding pkcs11.RSAPadding) pkcs11.Config {
	return pkcs11.Config{ModulePath: n.module, InitParams: n.params, Token: pkcs11.TokenSelector{Label: "nss-token"}, Class: pkcs11.PrivateKey,
		Key: pkcs11.KeySelector{Label: label}, Padding: padding, PIN: func(context.Context) ([]byte, error) { return []byte(nssPIN), nil }}
}

// importRSA puts both halves on the token. The module must be in use.
func (n *nss) importRSA(label string, key *rsa.PrivateKey) {
	n.t.Helper()
	c := bare.New(n.module)
	slots, err := c.GetSlotList(true)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, slot := range slots {
		info, err := c.GetTokenInfo(slot)
		if err != nil || strings.TrimRight(info.Label, " ") != "nss-token" {
			continue
		}
		h, err := c.OpenSession(slot, bare.CKF_SERIAL_SESSION|bare.CKF_RW_SESSION)
		if err != nil {
			n.t.Fatal(err)
		}
		defer c.CloseSession(h)
		if err := c.Login(h, bare.CKU_USER, nssPIN); err != nil && !errors.Is(err, bare.Error(bare.CKR_USER_ALREADY_LOGGED_IN)) {
			n.t.Fatal(err)
		}
		p, q, one := key.Primes[0], key.Primes[1], big.NewInt(1)
		a := bare.NewAttribute
		common := []*bare.Attribute{a(bare.CKA_KEY_TYPE, bare.CKK_RSA), a(bare.CKA_TOKEN, true), a(bare.CKA_LABEL, label), a(bare.CKA_ID, []byte(label)),
			a(bare.CKA_MODULUS, key.N.Bytes()), a(bare.CKA_PUBLIC_EXPONENT, big.NewInt(int64(key.E)).Bytes())}
		_, err = c.CreateObject(h, append([]*bare.Attribute{a(bare.CKA_CLASS, bare.CKO_PUBLIC_KEY), a(bare.CKA_PRIVATE, false), a(bare.CKA_ENCRYPT, true)}, common...))
		if err != nil {
			n.t.Fatal(err)
		}
		_, err = c.CreateObject(h, append([]*bare.Attribute{a(bare.CKA_CLASS, bare.CKO_PRIVATE_KEY), a(bare.CKA_PRIVATE, true), a(bare.CKA_SENSITIVE, true),
			a(bare.CKA_EXTRACTABLE, false), a(bare.CKA_DECRYPT, true), a(bare.CKA_PRIVATE_EXPONENT, key.D.Bytes()), a(bare.CKA_PRIME_1, p.Bytes()),
			a(bare.CKA_PRIME_2, q.Bytes()), a(bare.CKA_EXPONENT_1, new(big.Int).Mod(key.D, new(big.Int).Sub(p, one)).Bytes()),
			a(bare.CKA_EXPONENT_2, new(big.Int).Mod(key.D, new(big.Int).Sub(q, one)).Bytes()),
			a(bare.CKA_COEFFICIENT, new(big.Int).ModInverse(q, p).Bytes())}, common...))
		if err != nil {
			n.t.Fatal(err)
		}
		return
	}
	n.t.Fatal("NSS has no token nss-token")
}

// hold keeps the module in use, so that keys can be imported and the module is not initialized with every keyring.
func (n *nss) hold() {
	n.t.Helper()
	open(n.t, n.config("none", pkcs11.OAEPSHA256))
}

func TestNSS(t *testing.T) {
	n := newNSS(t)
	n.hold()
	key := newRSA(t, 2048)
	n.importRSA("kek ñ", key)
	n.importRSA("other", newRSA(t, 2048))
	for p := pkcs11.OAEPSHA256; p <= pkcs11.OAEPSHA1; p++ {
		t.Run(p.String(), func(t *testing.T) {
			cfg := n.config("kek ñ", p)
			cfg.Namespace = "ns"
			wantSameKey(t, open(t, cfg), key, p, "ns", "kek ñ")
		})
	}
	t.Run("one answer", func(t *testing.T) {
		p := pkcs11.OAEPSHA256
		cfg := n.config("kek ñ", p)
		cfg.Name = "kek"
		wantOneAnswer(t, open(t, cfg), key, hashOf(p), nil)
	})
	t.Run("without a PIN", func(t *testing.T) {
		cfg := n.config("kek ñ", pkcs11.OAEPSHA256)
		cfg.PIN = nil
		r := request(t)
		want, edk := wrap(t, open(t, cfg), r)
		if got, err := unwrap(open(t, n.config("kek ñ", pkcs11.OAEPSHA256)), r, edk); err != nil || string(got) != string(want) {
			t.Errorf("got %v", err)
		}
	})
}

func TestNSSGenerate(t *testing.T) {
	n := newNSS(t)
	cfg := n.config("kek", pkcs11.OAEPSHA384)
	info, err := pkcs11.GenerateRSAKey(t.Context(), cfg, pkcs11.GenerateOptions{Bits: 2048})
	if err != nil {
		t.Fatal(err)
	}
	if info.Bits != 2048 || info.Public == nil || info.Extractable || !info.Sensitive {
		t.Errorf("got %+v", info)
	}
	if !slices.Equal(info.Dropped, []string{"CKA_ALLOWED_MECHANISMS"}) { // which NSS cannot store
		t.Errorf("dropped %q", info.Dropped)
	}
	k := open(t, cfg)
	wantRoundTrip(t, k)
	if pub, err := k.PublicKey(t.Context()); err != nil || !pub.Equal(info.Public) {
		t.Errorf("PublicKey: %v", err)
	}
}

// A module that runs with some parameters is not used with others.
func TestInitParams(t *testing.T) {
	n, other := newNSS(t), newNSS(t)
	cfg := n.config("kek", pkcs11.OAEPSHA256)
	without := cfg
	without.InitParams = ""
	_, err := pkcs11.New(t.Context(), without)
	wantError(t, err, pkcs11.ErrDeviceUnavailable) // NSS wants some

	k := open(t, cfg)
	open(t, cfg)
	for _, cfg := range []pkcs11.Config{other.config("kek", pkcs11.OAEPSHA256), without} {
		_, err := pkcs11.New(t.Context(), cfg)
		if wantError(t, err, pkcs11.ErrModuleUnusable, signet.ErrPolicy); strings.Contains(err.Error(), "configdir") || !strings.Contains(err.Error(), "other parameters") {
			t.Errorf("got %v", err)
		}
	}
	_, err = k.OnEncrypt(t.Context(), request(t), nil)
	wantError(t, err, pkcs11.ErrKeyNotFound)
}

func BenchmarkNSS(b *testing.B) {
	n := newNSS(b)
	n.hold()
	n.importRSA("kek", newRSA(b, 2048))
	k := open(b, n.config("kek", pkcs11.OAEPSHA256))
	r := request(b, "tenant", "acme")
	w, err := k.OnEncrypt(context.Background(), r, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("wrap", func(b *testing.B) {
		for b.Loop() {
			if _, err := k.OnEncrypt(context.Background(), r, w.DataKey); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unwrap", func(b *testing.B) {
		for b.Loop() {
			if _, err := k.OnDecrypt(context.Background(), r, w.EDKs); err != nil {
				b.Fatal(err)
			}
		}
	})
}
