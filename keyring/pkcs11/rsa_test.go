package pkcs11_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/keyringtest"
	"github.com/signetkeys/signet/keyring/pkcs11"
	"github.com/signetkeys/signet/keyring/pkcs11/softhsm"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
	softhsmtest "github.com/signetkeys/signet/softhsm-test"
)

func newRSA(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func hashOf(p pkcs11.RSAPadding) crypto.Hash {
	return map[pkcs11.RSAPadding]crypto.Hash{pkcs11.OAEPSHA1: crypto.SHA1, pkcs11.OAEPSHA256: crypto.SHA256,
		pkcs11.OAEPSHA384: crypto.SHA384, pkcs11.OAEPSHA512: crypto.SHA512}[p]
}

// wantSameKey asserts that a keyring over an RSA key in a token and the key itself open each other's data keys, through crypto/rsa and through the raw
// RSA keyring.
func wantSameKey(t *testing.T, k keyring.Keyring, key *rsa.PrivateKey, padding pkcs11.RSAPadding, namespace, name string) {
	t.Helper()
	rawPadding, err := raw.ParseRSAPadding(padding.String())
	if err != nil {
		t.Fatal(err)
	}
	soft, err := raw.NewRSA(raw.RSAConfig{Namespace: namespace, Name: name, Padding: rawPadding, Public: &key.PublicKey, Private: key})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*suite.Suite{suite.AES128GCM(), suite.AES256GCMCommit(), suite.ItemAES256GCM()} {
		r, err := keyring.NewRequest(s, keyring.EncryptionContext{"ключ": "", "tenant": "acme"})
		if err != nil {
			t.Fatal(err)
		}
		for what, pair := range map[string][2]keyring.Keyring{"token to raw": {k, soft}, "raw to token": {soft, k}, "token to token": {k, k}} {
			w, err := pair[0].OnEncrypt(t.Context(), r, nil)
			if err != nil {
				t.Fatalf("%s, %s: %v", s, what, err)
			}
			u, err := pair[1].OnDecrypt(t.Context(), r, w.EDKs)
			if err != nil || !u.DataKey.Equal(w.DataKey) {
				t.Errorf("%s, %s: %v", s, what, err)
			}
		}
	}
	hash, r := hashOf(padding), request(t, "tenant", "acme")
	want, edk := wrap(t, k, r)
	if edk.ProviderID != namespace || string(edk.ProviderInfo) != name || len(edk.Ciphertext) != key.Size() {
		t.Errorf("layout: %q, %q, %d bytes", edk.ProviderID, edk.ProviderInfo, len(edk.Ciphertext))
	}
	got, err := rsa.DecryptOAEP(hash.New(), nil, key, edk.Ciphertext, nil)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("crypto/rsa: %v", err)
	}
	if edk.Ciphertext, err = rsa.EncryptOAEP(hash.New(), rand.Reader, &key.PublicKey, want, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := unwrap(k, r, edk); err != nil || !bytes.Equal(got, want) {
		t.Errorf("wrapped by crypto/rsa: %v", err)
	}
}

func TestRSASoftHSM(t *testing.T) {
	tok := softhsmtest.New(t)
	for _, bits := range []int{2048, 4096} {
		key, label := newRSA(t, bits), fmt.Sprint("kek ñ ", bits)
		tok.ImportRSA(label, key, nil)
		cfg := tok.RSAConfig(label, pkcs11.OAEPSHA1)
		cfg.Namespace = "ns"
		k := open(t, cfg)
		wantSameKey(t, k, key, pkcs11.OAEPSHA1, "ns", label)
		if pub, err := k.PublicKey(t.Context()); err != nil || !pub.Equal(&key.PublicKey) {
			t.Errorf("PublicKey: %v", err)
		}
		if s := k.Stats(); s.Lookups != 1 || s.Randoms != 0 {
			t.Errorf("got %+v", s)
		}
	}
}

// SoftHSM 2.6 lists OAEP and does it with SHA-1 only. That is found out before anything is wrapped.
func TestRSAHashThatTheTokenLacks(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.ImportRSA("kek", newRSA(t, 2048), nil)
	for p := pkcs11.OAEPSHA256; p <= pkcs11.OAEPSHA512; p++ {
		k := open(t, tok.RSAConfig("kek", p))
		_, encrypt := k.OnEncrypt(t.Context(), request(t), nil)
		_, decrypt := unwrap(k, request(t), keyring.EncryptedDataKey{ProviderID: k.Namespace(), ProviderInfo: []byte("kek"), Ciphertext: make([]byte, 256)})
		for what, err := range map[string]error{"check": k.Check(t.Context()), "encrypt": encrypt, "decrypt": decrypt} {
			if err == nil {
				// A later SoftHSM can: then it must work, and this test says nothing.
				wantRoundTrip(t, k)
				t.Skipf("SKIP: this SoftHSM does RSA-OAEP with %s", p)
			}
			e := wantError(t, err, pkcs11.ErrMechanismUnsupported, signet.ErrUnsupported)
			if e.Name() != "CKR_ARGUMENTS_BAD" || !strings.Contains(err.Error(), "only SHA-1") || !strings.Contains(err.Error(), "x-padding=oaep-sha1") {
				t.Errorf("%s, %s: got %v", p, what, err)
			}
			if errors.Is(err, signet.ErrAuthentication) {
				t.Errorf("%s, %s: %v blames the data key", p, what, err)
			}
		}
	}
}

func TestRSAConformance(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.ImportRSA("kek", newRSA(t, 2048), nil)
	tok.ImportRSA("other", newRSA(t, 2048), nil)
	named := func(t testing.TB, label, namespace, name string) keyring.Keyring {
		cfg := tok.RSAConfig(label, pkcs11.OAEPSHA1)
		cfg.Namespace, cfg.Name = namespace, name
		return open(t, cfg)
	}
	open(t, tok.RSAConfig("kek", pkcs11.OAEPSHA1)) // keeps the module initialized between the subtests
	keyringtest.Run(t, keyringtest.Options{
		ContextUnbound: true,
		Suites:         []*suite.Suite{suite.AES128GCM(), suite.AES256GCMCommit(), suite.ItemAES256GCMECDSAP384()},
		New:            func(t testing.TB) keyring.Keyring { return named(t, "kek", pkcs11.DefaultNamespace, "kek") },
		OtherKey:       func(t testing.TB) keyring.Keyring { return named(t, "other", pkcs11.DefaultNamespace, "kek") },
		Foreign: func(t testing.TB) []keyring.Keyring {
			return []keyring.Keyring{
				named(t, "kek", "elsewhere", "kek"), named(t, "kek", pkcs11.DefaultNamespace, "other"),
				named(t, "kek", pkcs11.DefaultNamespace, "kek2"), named(t, "kek", pkcs11.DefaultNamespace, "ke"),
			}
		},
	})
}

// Whatever is wrong with a data key of the right size, there is one answer, without a return value.
func TestRSATamperedDataKeys(t *testing.T) {
	tok := softhsmtest.New(t)
	key := newRSA(t, 2048)
	tok.ImportRSA("kek", key, nil)
	tok.ImportRSA("other", newRSA(t, 2048), nil)
	k := open(t, tok.RSAConfig("kek", pkcs11.OAEPSHA1))
	wantOneAnswer(t, k, key, crypto.SHA1, func(edk keyring.EncryptedDataKey) ([]byte, error) {
		cfg := tok.RSAConfig("other", pkcs11.OAEPSHA1)
		cfg.Name = "kek"
		return unwrap(open(t, cfg), request(t), edk)
	})
}

func wantOneAnswer(t *testing.T, k *pkcs11.Keyring, key *rsa.PrivateKey, hash crypto.Hash, otherKey func(keyring.EncryptedDataKey) ([]byte, error)) {
	t.Helper()
	r := request(t)
	want, good := wrap(t, k, r)
	with := func(ct []byte) keyring.EncryptedDataKey {
		return keyring.EncryptedDataKey{ProviderID: good.ProviderID, ProviderInfo: good.ProviderInfo, Ciphertext: ct}
	}
	size := key.Size()
	for _, n := range []int{0, 1, 127, 128, size - 1, size + 1, 2 * size, 2048, 2049, 65535} {
		before := k.Stats().Unwraps
		_, err := unwrap(k, r, with(make([]byte, n)))
		if !errors.Is(err, keyring.ErrShape) || !errors.Is(err, signet.ErrMalformed) || k.Stats().Unwraps != before {
			t.Errorf("%d bytes: got %v after %d calls", n, err, k.Stats().Unwraps-before)
		}
	}
	// Blocks whose padding is wrong in different ways, made with the public half.
	number := func(n *big.Int) []byte { return n.FillBytes(make([]byte, size)) }
	raised := func(block []byte) []byte {
		return number(new(big.Int).Exp(new(big.Int).SetBytes(block), big.NewInt(int64(key.E)), key.N))
	}
	oaep := func(h crypto.Hash, plaintext, label []byte) []byte {
		ct, err := rsa.EncryptOAEP(h.New(), rand.Reader, &key.PublicKey, plaintext, label)
		if err != nil {
			t.Fatal(err)
		}
		return ct
	}
	//lint:ignore SA1019 a block of the wrong padding
	v15, err := rsa.EncryptPKCS1v15(rand.Reader, &key.PublicKey, want)
	if err != nil {
		t.Fatal(err)
	}
	otherHash := crypto.SHA256
	if hash == otherHash {
		otherHash = crypto.SHA1
	}
	block := make([]byte, size)
	rand.Read(block)
	block[0] = 0
	leading := bytes.Clone(block)
	leading[0] = 1 // an octet that OAEP wants to be 0: Manger's question
	cases := map[string][]byte{
		"zero": make([]byte, size), "one": number(big.NewInt(1)), "modulus": number(key.N), "modulus - 1": number(new(big.Int).Sub(key.N, big.NewInt(1))),
		"all ones": bytes.Repeat([]byte{0xff}, size), "random block": raised(block), "first octet not 0": raised(leading),
		"PKCS #1 v1.5": v15, "another hash": oaep(otherHash, want, nil), "a label": oaep(hash, want, []byte("label")),
		"no plaintext": oaep(hash, nil, nil), "31 bytes": oaep(hash, want[:31], nil), "33 bytes": oaep(hash, append(bytes.Clone(want), 0), nil),
	}
	for i := 0; i < size; i += 51 {
		ct := bytes.Clone(good.Ciphertext)
		ct[i] ^= 0x04
		cases[fmt.Sprint("flipped byte ", i)] = ct
	}
	text := ""
	check := func(name string, err error) {
		var e *pkcs11.Error
		if !errors.As(err, &e) || !errors.Is(err, signet.ErrAuthentication) || errors.Is(err, signet.ErrUnavailable) || errors.Is(err, signet.ErrMalformed) {
			t.Errorf("%s: got %v", name, err)
			return
		}
		if text == "" {
			text = e.Error()
		}
		if strings.Replace(e.Error(), `"other"`, `"kek"`, 1) != text || e.Code != 0 || e.Function != "" || e.Detail != "" {
			t.Errorf("%s: got %+v, want the one error %q", name, e, text)
		}
	}
	for name, ct := range cases {
		got, err := unwrap(k, r, with(ct))
		if err == nil {
			t.Errorf("%s: opened to %d bytes", name, len(got))
			continue
		}
		check(name, err)
		// The next data key still opens.
		if got, err := unwrap(k, r, with(ct), good); err != nil || !bytes.Equal(got, want) {
			t.Errorf("behind %s: %v", name, err)
		}
	}
	if otherKey != nil {
		_, err := otherKey(good)
		check("another key", err)
	}
	if !strings.Contains(text, "did not open: wrong key, wrong padding or corrupted") || strings.Contains(text, "CKR_") {
		t.Errorf("got %s", text)
	}
	if n := k.Stats().Lookups; n != 1 {
		t.Errorf("the key was looked up %d times, want 1", n)
	}
}

// The public half of a pair is enough to wrap, and it needs no PIN.
func TestRSAEncryptOnly(t *testing.T) {
	tok := softhsmtest.New(t)
	key := newRSA(t, 2048)
	tok.ImportRSA("kek", key, nil)
	tok.ImportRSA("hidden", key, &softhsm.KeyOptions{HidePublic: true})
	tok.ImportRSA("noencrypt", key, &softhsm.KeyOptions{NoEncrypt: true})
	r := request(t)
	edkOf := map[string]keyring.EncryptedDataKey{}
	keyOf := map[string][]byte{}
	for name, edit := range map[string]func(*pkcs11.Config){
		"private, no PIN": func(c *pkcs11.Config) { c.PIN = nil },
		"public": func(c *pkcs11.Config) {
			c.Class = pkcs11.PublicKey
			c.PIN = func(context.Context) ([]byte, error) { t.Error("asked for a PIN"); return nil, os.ErrInvalid }
		},
		"public, PIN source": func(c *pkcs11.Config) { c.Class, c.PIN, c.PINSource = pkcs11.PublicKey, nil, "env:X" },
		"public, configured": func(c *pkcs11.Config) {
			c.Class, c.PIN, c.Public, c.Key.Label = pkcs11.PublicKey, nil, &key.PublicKey, "nowhere"
			c.Name = "kek"
		},
	} {
		cfg := tok.RSAConfig("kek", pkcs11.OAEPSHA1)
		edit(&cfg)
		k := open(t, cfg)
		if err := k.Check(t.Context()); err != nil || !k.CanEncrypt() {
			t.Errorf("%s: Check: %v", name, err)
		}
		keyOf[name], edkOf[name] = wrap(t, k, r)
		wrap(t, k, r)
		if n := k.Stats().Lookups; n > 1 {
			t.Errorf("%s: looked up %d times", name, n)
		}
		_, err := unwrap(k, r, edkOf[name])
		if cfg.Class == pkcs11.PrivateKey {
			wantError(t, err, pkcs11.ErrPINRequired, signet.ErrAccessDenied)
		} else if !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "encrypt-only") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	full := open(t, tok.RSAConfig("kek", pkcs11.OAEPSHA1))
	for name, edk := range edkOf {
		if got, err := unwrap(full, r, edk); err != nil || !bytes.Equal(got, keyOf[name]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := full.Close(); err != nil { // the sessions of a process share the login
		t.Fatal(err)
	}
	for label, want := range map[string]error{"hidden": pkcs11.ErrKeyNotFound, "nowhere": pkcs11.ErrKeyNotFound, "noencrypt": pkcs11.ErrKeyNotPermitted} {
		cfg := tok.RSAConfig(label, pkcs11.OAEPSHA1)
		cfg.PIN = nil
		_, err := open(t, cfg).OnEncrypt(t.Context(), r, nil)
		if e := wantError(t, err, want); e.Token != tok.Label || e.Key != label {
			t.Errorf("%s: got %v", label, err)
		}
	}
	wantRoundTrip(t, open(t, tok.RSAConfig("hidden", pkcs11.OAEPSHA1)))
}

// Where the public half comes from when it is not simply there.
func TestRSAPairing(t *testing.T) {
	tok := softhsmtest.New(t)
	key, other := newRSA(t, 2048), newRSA(t, 2048)
	tok.ImportRSA("alone", key, &softhsm.KeyOptions{NoPublic: true})
	tok.ImportRSA("kek", key, &softhsm.KeyOptions{PublicLabel: "kek.pub", ID: []byte{5}})
	tok.ImportRSA("wrong", key, &softhsm.KeyOptions{NoPublic: true, ID: []byte{6}})
	tok.ImportRSA("wrong", other, &softhsm.KeyOptions{NoPrivate: true, ID: []byte{7}})
	wantRoundTrip(t, open(t, tok.RSAConfig("alone", pkcs11.OAEPSHA1)))
	wantRoundTrip(t, open(t, tok.RSAConfig("kek", pkcs11.OAEPSHA1)))

	// Another pair's public half under the same label: with a PIN the pair decides, not the label.
	k := open(t, tok.RSAConfig("wrong", pkcs11.OAEPSHA1))
	wantRoundTrip(t, k)
	if pub, err := k.PublicKey(t.Context()); err != nil || !pub.Equal(&key.PublicKey) {
		t.Errorf("got another public half, %v", err)
	}
	cfg := tok.RSAConfig("kek", pkcs11.OAEPSHA1)
	cfg.Public = &key.PublicKey
	wantRoundTrip(t, open(t, cfg))
	cfg.Public = &other.PublicKey
	err := open(t, cfg).Check(t.Context())
	if !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "no pair") {
		t.Errorf("a foreign public half: got %v", err)
	}
	if _, err := open(t, tok.Config("kek")).PublicKey(t.Context()); !errors.Is(err, signet.ErrUnsupported) {
		t.Errorf("PublicKey of AES: got %v", err)
	}
}

// A certificate serves as public half.
func TestRSACertificate(t *testing.T) {
	tok := softhsmtest.New(t)
	key := newRSA(t, 2048)
	tok.ImportRSA("kek", key, &softhsm.KeyOptions{NoPublic: true, ID: []byte{9}})
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kek"}, NotAfter: time.Now().Add(-time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cert.der")
	if err := os.WriteFile(file, der, 0o600); err != nil {
		t.Fatal(err)
	}
	tool(t, tok, "--write-object", file, "--type", "cert", "--label", "kek", "--id", "09")
	r := request(t)
	cfg := tok.RSAConfig("kek", pkcs11.OAEPSHA1)
	cfg.Class = pkcs11.PublicKey
	want, edk := wrap(t, open(t, cfg), r)
	if got, err := unwrap(open(t, tok.RSAConfig("kek", pkcs11.OAEPSHA1)), r, edk); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %v", err)
	}
}

func TestRSAKeysThatAreRefused(t *testing.T) {
	tok := softhsmtest.New(t)
	key := newRSA(t, 2048)
	tok.ImportRSA("nodecrypt", key, &softhsm.KeyOptions{NoDecrypt: true})
	tok.ImportRSA("pkcs1", key, &softhsm.KeyOptions{Mechanisms: []uint{1}})
	tok.ImportRSA("extractable", key, &softhsm.KeyOptions{Extractable: true})
	tok.ImportRSA("always", key, &softhsm.KeyOptions{AlwaysAuthenticate: true})
	tok.ImportRSA("twice", key, &softhsm.KeyOptions{ID: []byte{1}})
	tok.ImportRSA("twice", newRSA(t, 3072), &softhsm.KeyOptions{ID: []byte{2}})
	for label, want := range map[string]struct {
		kind error
		text string
	}{
		"nodecrypt":   {pkcs11.ErrKeyNotPermitted, "CKA_DECRYPT"},
		"pkcs1":       {pkcs11.ErrMechanismUnsupported, "CKM_RSA_PKCS_OAEP"},
		"extractable": {pkcs11.ErrKeyExtractable, "CKA_EXTRACTABLE"},
		"always":      {signet.ErrUnsupported, "CKA_ALWAYS_AUTHENTICATE"},
		"twice":       {pkcs11.ErrKeyAmbiguous, "RSA of 3072 bits"},
		"nowhere":     {pkcs11.ErrKeyNotFound, "no private key"},
	} {
		_, err := open(t, tok.RSAConfig(label, pkcs11.OAEPSHA1)).OnEncrypt(t.Context(), request(t), nil)
		if wantError(t, err, want.kind); !strings.Contains(err.Error(), want.text) {
			t.Errorf("%s: got %v", label, err)
		}
	}
	cfg := tok.RSAConfig("extractable", pkcs11.OAEPSHA1)
	cfg.AllowExtractable = true
	wantRoundTrip(t, open(t, cfg))
	// Without a PIN, the two public keys of one label are ambiguous just the same.
	cfg = tok.RSAConfig("twice", pkcs11.OAEPSHA1)
	cfg.Class = pkcs11.PublicKey
	wantError(t, open(t, cfg).Check(t.Context()), pkcs11.ErrKeyAmbiguous, signet.ErrPolicy)
	cfg.Key.ID = []byte{2}
	if pub, err := open(t, cfg).PublicKey(t.Context()); err != nil || pub.N.BitLen() != 3072 {
		t.Errorf("got %v", err)
	}
}

// Small keys open old data keys and wrap no new ones.
func TestRSASmallKey(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	tok := softhsmtest.New(t)
	tok.ImportRSA("kek", key, nil)
	k := open(t, tok.RSAConfig("kek", pkcs11.OAEPSHA1))
	want := bytes.Repeat([]byte{3}, 32)
	ct, err := rsa.EncryptOAEP(crypto.SHA1.New(), rand.Reader, &key.PublicKey, want, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := unwrap(k, request(t), keyring.EncryptedDataKey{ProviderID: "pkcs11", ProviderInfo: []byte("kek"), Ciphertext: ct})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %v", err)
	}
	_, err = k.OnEncrypt(t.Context(), request(t), nil)
	if !errors.Is(err, signet.ErrUnsupported) || !strings.Contains(err.Error(), "2048") {
		t.Errorf("got %v", err)
	}
	if err := open(t, tok.RSAConfig("kek", pkcs11.OAEPSHA512)).Check(t.Context()); !errors.Is(err, signet.ErrUnsupported) || !strings.Contains(err.Error(), "cannot hold") {
		t.Errorf("got %v", err)
	}
}

func TestRSATokenRemoved(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.ImportRSA("kek", newRSA(t, 2048), nil)
	k := open(t, tok.RSAConfig("kek", pkcs11.OAEPSHA1))
	r := request(t)
	_, edk := wrap(t, k, r)
	if err := os.RemoveAll(tok.Path()); err != nil {
		t.Fatal(err)
	}
	_, err := unwrap(k, r, edk)
	wantError(t, err, pkcs11.ErrDeviceUnavailable, signet.ErrUnavailable)
	if errors.Is(err, signet.ErrAuthentication) {
		t.Errorf("%v blames the data key", err)
	}
}

func TestRSAKeyDeleted(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.ImportRSA("kek", newRSA(t, 2048), nil)
	k := open(t, tok.RSAConfig("kek", pkcs11.OAEPSHA1))
	r := request(t)
	_, edk := wrap(t, k, r)
	tool(t, tok, "--delete-object", "--type", "privkey", "--label", "kek")
	_, err := unwrap(k, r, edk)
	wantError(t, err, pkcs11.ErrKeyNotFound, signet.ErrNotFound)
}

func TestGenerateRSAKey(t *testing.T) {
	tok := softhsmtest.New(t)
	cfg := tok.Config("")
	info, err := pkcs11.GenerateRSAKey(t.Context(), cfg, pkcs11.GenerateOptions{Label: "kek ñ"})
	if err != nil {
		t.Fatal(err)
	}
	if info.Label != "kek ñ" || len(info.ID) != 16 || info.Bits != 3072 || info.Type != "RSA" || info.Class != pkcs11.PrivateKey || !info.Sensitive ||
		info.Extractable || !info.Encrypt || !info.Decrypt || info.Token != tok.Label || info.Serial != tok.Serial || info.Dropped != nil ||
		info.Public == nil || info.Public.N.BitLen() != 3072 || info.Public.E != 65537 {
		t.Errorf("got %+v", info)
	}
	if u := info.URI().String(); !strings.HasPrefix(u, "pkcs11:token="+tok.Label+";object=kek%20%C3%B1;id=%") || !strings.HasSuffix(u, ";type=private") {
		t.Errorf("got %s", u)
	}
	cfg.Class = pkcs11.PrivateKey
	list, err := pkcs11.ListKeys(t.Context(), cfg)
	if err != nil || len(list) != 1 || list[0].Label != "kek ñ" || !list[0].Encrypt || !list[0].Decrypt || !list[0].Public.Equal(info.Public) || list[0].Bits != 3072 {
		t.Errorf("got %+v, %v", list, err)
	}
	k := open(t, tok.RSAConfig("kek ñ", pkcs11.OAEPSHA1))
	wantRoundTrip(t, k)
	if pub, err := k.PublicKey(t.Context()); err != nil || !pub.Equal(info.Public) {
		t.Errorf("PublicKey: %v", err)
	}
	// The private half decrypts with OAEP and does nothing else, and cannot be loosened.
	out := toolOutput(t, tok, "--list-objects", "--type", "privkey")
	for _, want := range []string{"Usage:      decrypt\n", "sensitive, always sensitive, never extractable, local", "Allowed mechanisms: RSA-PKCS-OAEP"} {
		if !strings.Contains(out, want) {
			t.Errorf("pkcs11-tool does not say %q:\n%s", want, out)
		}
	}
	if out := toolOutput(t, tok, "--list-objects", "--type", "pubkey"); !strings.Contains(out, "Usage:      encrypt\n") {
		t.Errorf("the public half:\n%s", out)
	}

	tok.GenerateAES("aes", 256)
	for name, o := range map[string]pkcs11.GenerateOptions{
		"same label": {Label: "kek ñ"}, "same id": {Label: "other", ID: info.ID}, "label of an AES key": {Label: "aes"},
	} {
		_, err := pkcs11.GenerateRSAKey(t.Context(), cfg, o)
		wantError(t, err, pkcs11.ErrKeyExists, signet.ErrPolicy)
		if name != "label of an AES key" {
			_, err := pkcs11.GenerateKey(t.Context(), tok.Config(""), o)
			wantError(t, err, pkcs11.ErrKeyExists, signet.ErrPolicy)
		}
	}
	if _, err := pkcs11.GenerateKey(t.Context(), cfg, pkcs11.GenerateOptions{Label: "x"}); !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "type=private") {
		t.Errorf("an AES key for type=private: got %v", err)
	}
	for name, o := range map[string]pkcs11.GenerateOptions{
		"no label": {}, "small": {Label: "x", Bits: 1024}, "odd": {Label: "x", Bits: 2050}, "large": {Label: "x", Bits: 16384}, "not UTF-8": {Label: "\xff"},
	} {
		if _, err := pkcs11.GenerateRSAKey(t.Context(), cfg, o); !errors.Is(err, signet.ErrPolicy) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestRSAConcurrentUse(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.ImportRSA("kek", newRSA(t, 2048), nil)
	tok.GenerateAES("aes", 256)
	rings := []*pkcs11.Keyring{open(t, tok.RSAConfig("kek", pkcs11.OAEPSHA1)), open(t, tok.Config("aes"))} // both kinds share sessions
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			ctx, k := context.Background(), rings[i%2]
			if i%4 < 2 {
				ctx = t.Context()
			}
			r := request(t, "n", fmt.Sprint(i))
			for range 10 {
				w, err := k.OnEncrypt(ctx, r, nil)
				if err != nil {
					t.Error(err)
					return
				}
				u, err := k.OnDecrypt(ctx, r, w.EDKs)
				if err != nil || !u.DataKey.Equal(w.DataKey) {
					t.Errorf("got %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkRSA(b *testing.B) {
	tok := softhsmtest.New(b)
	key := newRSA(b, 2048)
	tok.ImportRSA("kek", key, nil)
	k := open(b, tok.RSAConfig("kek", pkcs11.OAEPSHA1))
	r := request(b, "tenant", "acme")
	w, err := k.OnEncrypt(context.Background(), r, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("wrap", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := k.OnEncrypt(context.Background(), r, w.DataKey); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unwrap", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := k.OnDecrypt(context.Background(), r, w.EDKs); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unwrap32", func(b *testing.B) {
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := k.OnDecrypt(context.Background(), r, w.EDKs); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
	b.Run("crypto-rsa/wrap", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := rsa.EncryptOAEP(crypto.SHA1.New(), rand.Reader, &key.PublicKey, w.DataKey.Reveal(), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("crypto-rsa/unwrap", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := rsa.DecryptOAEP(crypto.SHA1.New(), nil, key, w.EDKs[0].Ciphertext, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
