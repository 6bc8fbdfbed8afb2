//lint:file-ignore SA1019 PKCS #1 v1.5 is what is tested

package raw_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/keyringtest"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

var paddings = []raw.RSAPadding{raw.OAEPSHA256, raw.OAEPSHA384, raw.OAEPSHA512, raw.OAEPSHA1, raw.PKCS1v15}

func hashOf(p raw.RSAPadding) crypto.Hash {
	return map[raw.RSAPadding]crypto.Hash{raw.OAEPSHA256: crypto.SHA256, raw.OAEPSHA384: crypto.SHA384, raw.OAEPSHA512: crypto.SHA512, raw.OAEPSHA1: crypto.SHA1}[p]
}

func TestRSAConformance(t *testing.T) {
	for _, c := range []struct {
		name     string
		padding  raw.RSAPadding
		explicit bool
		suites   []*suite.Suite
	}{
		{"OAEP-SHA256", raw.OAEPSHA256, false, nil},
		{"OAEP-SHA1", raw.OAEPSHA1, false, []*suite.Suite{suite.AES128GCM(), suite.ItemAES256GCM()}},
		{"OAEP-SHA384", raw.OAEPSHA384, false, []*suite.Suite{suite.AES192GCM()}},
		{"OAEP-SHA512", raw.OAEPSHA512, false, []*suite.Suite{suite.AES256GCMCommit(), suite.ItemAES256GCM()}},
		{"PKCS1 with padding errors", raw.PKCS1v15, true, []*suite.Suite{suite.AES128GCM(), suite.AES256GCMCommit(), suite.ItemAES256GCM()}},
		// In items a layer of AES-GCM tells what PKCS #1 v1.5 does not; for messages see TestPKCS1.
		{"PKCS1", raw.PKCS1v15, false, []*suite.Suite{suite.ItemAES256GCM(), suite.ItemAES256GCMECDSAP384()}},
	} {
		t.Run(c.name, func(t *testing.T) {
			keys := rsaKeys()
			with := func(namespace, name string, key *rsa.PrivateKey) keyring.Keyring {
				return newRSA(t, raw.RSAConfig{Namespace: namespace, Name: name, Padding: c.padding, Public: &key.PublicKey, Private: key, InsecurePaddingErrors: c.explicit})
			}
			keyringtest.Run(t, keyringtest.Options{
				New:      func(t testing.TB) keyring.Keyring { return with("signet tests", "key-1", keys[0]) },
				OtherKey: func(t testing.TB) keyring.Keyring { return with("signet tests", "key-1", keys[1]) },
				Foreign: func(t testing.TB) []keyring.Keyring {
					return []keyring.Keyring{
						with("signet tests", "key-", keys[0]), with("signet tests", "key-10", keys[0]), with("signet tests", "Key-1", keys[0]), with("signet test", "key-1", keys[0]),
						newAES(t, "signet tests", "key-1", sequence(0, 32)),
					}
				},
				Suites:         c.suites,
				ContextUnbound: true,
			})
		})
	}
}

// TestRSALayout reads with the standard library what the keyring wrote, and lets it read what the standard library wrote.
func TestRSALayout(t *testing.T) {
	key := rsaKeys()[0]
	for _, p := range paddings {
		for _, s := range []*suite.Suite{suite.AES128GCM(), suite.AES192GCM(), suite.AES256GCMCommit()} {
			k := newRSA(t, raw.RSAConfig{Padding: p, Public: &key.PublicKey, Private: key})
			r := request(t, s, keyring.EncryptionContext{"a": "b"})
			w := wrap(t, k, r)
			e := w.EDKs[0]
			if e.ProviderID != "space" || string(e.ProviderInfo) != "name" || len(e.Ciphertext) != 256 {
				t.Fatalf("%s: got provider id %q, info %q and %d bytes", p, e.ProviderID, e.ProviderInfo, len(e.Ciphertext))
			}
			var plain, made []byte
			var err error
			if p == raw.PKCS1v15 {
				plain, err = rsa.DecryptPKCS1v15(nil, key, e.Ciphertext)
				made, _ = rsa.EncryptPKCS1v15(rand.Reader, &key.PublicKey, w.DataKey.Reveal())
			} else {
				plain, err = rsa.DecryptOAEP(hashOf(p).New(), nil, key, e.Ciphertext, nil)
				made, _ = rsa.EncryptOAEP(hashOf(p).New(), rand.Reader, &key.PublicKey, w.DataKey.Reveal(), nil)
			}
			if err != nil || !bytes.Equal(plain, w.DataKey.Reveal()) {
				t.Errorf("%s: the standard library does not read it: %v", p, err)
			}
			e.Ciphertext = made
			opens(t, k, r, []keyring.EncryptedDataKey{e}, w.DataKey)
		}
	}
}

// The wrong padding does not open, whichever the two are, and neither does OAEP with a label or another MGF1.
func TestRSAWrongPadding(t *testing.T) {
	key := rsaKeys()[0]
	r := request(t, suite.AES256GCMCommit(), nil)
	config := func(p raw.RSAPadding) raw.RSAConfig {
		return raw.RSAConfig{Padding: p, Public: &key.PublicKey, Private: key, InsecurePaddingErrors: p == raw.PKCS1v15}
	}
	for _, from := range paddings {
		w := wrap(t, newRSA(t, config(from)), r)
		for _, to := range paddings {
			u, err := newRSA(t, config(to)).OnDecrypt(t.Context(), r, w.EDKs)
			if from == to {
				if err != nil {
					t.Errorf("%s: %v", to, err)
				}
				continue
			}
			if u != nil || !errors.Is(err, signet.ErrAuthentication) || !errors.Is(err, signet.ErrNoKey) {
				t.Errorf("%s opened as %s: got %v, want ErrAuthentication", from, to, err)
			}
		}
	}
	k := newRSA(t, config(raw.OAEPSHA256))
	label, err := rsa.EncryptOAEP(crypto.SHA256.New(), rand.Reader, &key.PublicKey, sequence(0, 32), []byte("label"))
	if err != nil {
		t.Fatal(err)
	}
	mgf1, err := rsa.EncryptOAEPWithOptions(rand.Reader, &key.PublicKey, sequence(0, 32), &rsa.OAEPOptions{Hash: crypto.SHA256, MGFHash: crypto.SHA1})
	if err != nil {
		t.Fatal(err)
	}
	for what, ct := range map[string][]byte{"label": label, "MGF1 over SHA-1": mgf1} {
		_, err := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{{ProviderID: "space", ProviderInfo: []byte("name"), Ciphertext: ct}})
		if !errors.Is(err, signet.ErrAuthentication) {
			t.Errorf("%s: got %v, want ErrAuthentication", what, err)
		}
	}
}

// One half is enough for one direction, and the error of the other direction says so.
func TestRSAHalves(t *testing.T) {
	key := rsaKeys()[0]
	r := request(t, suite.AES256GCMCommit(), nil)
	for _, p := range paddings {
		writer := newRSA(t, raw.RSAConfig{Padding: p, Public: &key.PublicKey})
		reader := newRSA(t, raw.RSAConfig{Padding: p, Private: key})
		w := wrap(t, writer, r)
		opens(t, reader, r, w.EDKs, w.DataKey)
		_, err := writer.OnDecrypt(t.Context(), r, w.EDKs)
		if !errors.Is(err, signet.ErrNoKey) || !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "encrypt-only") {
			t.Errorf("%s: decrypting with the public half: %v", p, err)
		}
		if _, err = reader.OnEncrypt(t.Context(), r, nil); !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "decrypt-only") {
			t.Errorf("%s: encrypting with the private half: %v", p, err)
		}
		for k, can := range map[keyring.Keyring]bool{writer: true, reader: false} {
			if c, ok := k.(keyring.EncryptChecker); !ok || c.CanEncrypt() != can {
				t.Errorf("%s: CanEncrypt is not %v", p, can)
			}
		}
	}
}

func TestRSAConfig(t *testing.T) {
	keys := rsaKeys()
	key := keys[0]
	broken := func(f func(k *rsa.PrivateKey)) *rsa.PrivateKey {
		k := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Set(key.N), E: key.E}, D: new(big.Int).Set(key.D), Primes: []*big.Int{key.Primes[0], key.Primes[1]}}
		f(k)
		return k
	}
	public := func(n *big.Int, e int) raw.RSAConfig {
		return raw.RSAConfig{Padding: raw.OAEPSHA256, Public: &rsa.PublicKey{N: n, E: e}}
	}
	private := func(k *rsa.PrivateKey) raw.RSAConfig { return raw.RSAConfig{Padding: raw.OAEPSHA256, Private: k} }
	small, err := raw.ParseRSAPrivateKey(keyFile(t, "rsa-1024.pem"))
	if err != nil {
		t.Fatal(err)
	}
	huge := new(big.Int).SetBit(big.NewInt(1), 16384, 1)
	for _, c := range []struct {
		what string
		cfg  raw.RSAConfig
		says string
	}{
		{"no key", raw.RSAConfig{Padding: raw.OAEPSHA256}, "a public key (to encrypt) or a private key (to decrypt) is required"},
		{"no padding", raw.RSAConfig{Public: &key.PublicKey}, "a padding is required"},
		{"padding beyond the last", raw.RSAConfig{Padding: raw.PKCS1v15 + 1, Public: &key.PublicKey}, "a padding is required"},
		{"padding errors with OAEP", raw.RSAConfig{Padding: raw.OAEPSHA1, Private: key, InsecurePaddingErrors: true}, "PKCS #1 v1.5 only"},
		{"halves of two keys", raw.RSAConfig{Padding: raw.OAEPSHA1, Public: &keys[1].PublicKey, Private: key}, "do not belong together"},
		{"public of 1024 bits", raw.RSAConfig{Padding: raw.OAEPSHA1, Public: &small.PublicKey}, "public key: 1024 bits; at least 2048"},
		{"huge", public(huge, 65537), "16385 bits; at most 16384"},
		{"no modulus", public(nil, 65537), "modulus"},
		{"negative modulus", public(new(big.Int).Neg(key.N), 65537), "modulus"},
		{"even modulus", public(new(big.Int).Add(key.N, big.NewInt(1)), 65537), "modulus"},
		{"exponent 1", public(key.N, 1), "exponent"},
		{"even exponent", public(key.N, 65536), "exponent"},
		{"1024 bits cannot hold it", raw.RSAConfig{Padding: raw.OAEPSHA384, Private: small}, "1024 bits and padding oaep-sha384 it cannot hold"},
		{"no primes", private(broken(func(k *rsa.PrivateKey) { k.Primes = nil })), "two primes"},
		{"nil prime", private(broken(func(k *rsa.PrivateKey) { k.Primes[1] = nil })), "two primes"},
		{"wrong prime", private(broken(func(k *rsa.PrivateKey) { k.Primes[1] = keys[1].Primes[1] })), "consistent"},
		{"no exponent", private(broken(func(k *rsa.PrivateKey) { k.D = nil })), "complete"},
		{"wrong exponent", private(broken(func(k *rsa.PrivateKey) { k.D.Add(k.D, big.NewInt(2)) })), "consistent"},
		{"zero key", private(new(rsa.PrivateKey)), "modulus"},
	} {
		c.cfg.Namespace, c.cfg.Name = "space", "name"
		_, err := raw.NewRSA(c.cfg)
		if _, ok := errors.AsType[*keyring.ConfigError](err); !ok || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want a ConfigError with %q", c.what, err, c.says)
		}
	}
	if _, err := raw.NewRSA(raw.RSAConfig{Namespace: "aws-kms-rsa", Name: "n", Padding: raw.OAEPSHA1, Private: key}); err == nil {
		t.Error("namespace of AWS KMS: accepted")
	}
	long := strings.Repeat("x", 65535)
	k := newRSA(t, raw.RSAConfig{Namespace: long, Name: long, Padding: raw.OAEPSHA256, Public: &key.PublicKey, Private: key})
	r := request(t, suite.AES256GCMCommit(), nil)
	w := wrap(t, k, r)
	opens(t, k, r, w.EDKs, w.DataKey)
	// 1024 bits still decrypt, with a padding that leaves enough room.
	ct, err := rsa.EncryptOAEP(crypto.SHA1.New(), rand.Reader, &small.PublicKey, sequence(0, 32), nil)
	if err != nil {
		t.Fatal(err)
	}
	opens(t, newRSA(t, raw.RSAConfig{Padding: raw.OAEPSHA1, Private: small}), r, []keyring.EncryptedDataKey{{ProviderID: "space", ProviderInfo: []byte("name"), Ciphertext: ct}}, keyring.NewSecret(sequence(0, 32)))
}

func TestRSAKeysAreCopied(t *testing.T) {
	key := rsaKeys()[0]
	mine := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Set(key.N), E: key.E}, D: new(big.Int).Set(key.D), Primes: []*big.Int{new(big.Int).Set(key.Primes[0]), new(big.Int).Set(key.Primes[1])}}
	k := newRSA(t, raw.RSAConfig{Padding: raw.OAEPSHA256, Public: &mine.PublicKey, Private: mine})
	if mine.Precomputed.Dp != nil {
		t.Error("the caller's key was changed")
	}
	for _, n := range []*big.Int{mine.N, mine.D, mine.Primes[0], mine.Primes[1]} {
		n.SetInt64(0)
	}
	r := request(t, suite.AES256GCMCommit(), nil)
	w := wrap(t, k, r)
	opens(t, newRSA(t, raw.RSAConfig{Padding: raw.OAEPSHA256, Private: key}), r, w.EDKs, w.DataKey)
	opens(t, k, r, w.EDKs, w.DataKey)
}

// TestPKCS1: bad padding, a bad length and another key are not told apart from a good data key by the keyring; the message refuses them.
func TestPKCS1(t *testing.T) {
	keys := rsaKeys()
	public := &keys[0].PublicKey
	k := newRSA(t, raw.RSAConfig{Padding: raw.PKCS1v15, Public: public, Private: keys[0]})
	r := request(t, suite.AES256GCMCommit(), nil)
	good := wrap(t, k, r)
	edk := func(ct []byte) []keyring.EncryptedDataKey {
		return []keyring.EncryptedDataKey{{ProviderID: "space", ProviderInfo: []byte("name"), Ciphertext: ct}}
	}
	short, _ := rsa.EncryptPKCS1v15(rand.Reader, public, sequence(0, 31))
	other, _ := rsa.EncryptPKCS1v15(rand.Reader, &keys[1].PublicKey, sequence(0, 32))
	oaep, _ := rsa.EncryptOAEP(crypto.SHA256.New(), rand.Reader, public, sequence(0, 32), nil)
	for what, ct := range map[string][]byte{"31 bytes": short, "another key": other, "OAEP": oaep, "noise": append([]byte{0}, sequence(1, 255)...)} {
		a, err := k.OnDecrypt(t.Context(), r, edk(ct))
		if err != nil {
			t.Errorf("%s: told apart: %v", what, err)
			continue
		}
		b, err := k.OnDecrypt(t.Context(), r, edk(ct))
		if err != nil || a.DataKey.Equal(b.DataKey) || a.DataKey.Len() != 32 || a.DataKey.Equal(good.DataKey) || a.DataKey.Equal(keyring.NewSecret(make([]byte, 32))) {
			t.Errorf("%s: did not open to 32 new random bytes: %v", what, err)
		}
		explicit := newRSA(t, raw.RSAConfig{Padding: raw.PKCS1v15, Private: keys[0], InsecurePaddingErrors: true})
		_, err = explicit.OnDecrypt(t.Context(), r, edk(ct))
		if got := attempt(t, err); !errors.Is(got, signet.ErrAuthentication) || errors.Is(got, signet.ErrMalformed) || got.Error() != "authentication failed: did not open: wrong key, wrong padding or corrupted" {
			t.Errorf("%s, with padding errors: got %v", what, got)
		}
	}
	// What everybody can see may be told: a length, and a number that is not below the modulus.
	_, err := k.OnDecrypt(t.Context(), r, edk(make([]byte, 255)))
	if got := attempt(t, err); !errors.Is(got, signet.ErrMalformed) {
		t.Errorf("255 bytes: got %v, want ErrMalformed", got)
	}
	_, err = k.OnDecrypt(t.Context(), r, edk(bytes.Repeat([]byte{255}, 256)))
	if got := attempt(t, err); !errors.Is(got, signet.ErrAuthentication) {
		t.Errorf("not below the modulus: got %v, want ErrAuthentication", got)
	}
}

// given returns the data keys that it was made with: a message whose encrypted data keys are as a test wants them.
type given struct {
	dataKey []byte
	edks    []keyring.EncryptedDataKey
}

func (g given) OnEncrypt(_ context.Context, _ *keyring.Request, _ *keyring.Secret) (*keyring.Wrapped, error) {
	return &keyring.Wrapped{DataKey: keyring.NewSecret(g.dataKey), EDKs: g.edks}, nil
}

func (g given) OnDecrypt(context.Context, *keyring.Request, []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
	return nil, errors.New("not for decrypting")
}

// TestPKCS1Several: a good encrypted data key behind one that is under another key of the same name is either opened, or the
// message is refused with the reason.
func TestPKCS1Several(t *testing.T) {
	keys := rsaKeys()
	dataKey := sequence(3, 32)
	edk := func(name string, ct []byte, err error) keyring.EncryptedDataKey {
		if err != nil {
			t.Fatal(err)
		}
		return keyring.EncryptedDataKey{ProviderID: "space", ProviderInfo: []byte(name), Ciphertext: ct}
	}
	pkcs1 := func(name string, i int) keyring.EncryptedDataKey {
		ct, err := rsa.EncryptPKCS1v15(rand.Reader, &keys[i].PublicKey, dataKey)
		return edk(name, ct, err)
	}
	ct, err := rsa.EncryptOAEP(crypto.SHA256.New(), rand.Reader, &keys[0].PublicKey, dataKey, nil)
	oaep := edk("name", ct, err)
	longer := edk("name", make([]byte, 512), nil) // of a key of 4096 bits, to be seen without opening
	config := raw.RSAConfig{Padding: raw.PKCS1v15, Private: keys[0]}
	implicit := newRSA(t, config)
	config.InsecurePaddingErrors = true
	explicit := newRSA(t, config)
	aes := newAES(t, "space", "aes", sequence(0, 32))
	w, err := aes.OnEncrypt(t.Context(), request(t, suite.AES256GCMCommit(), nil), keyring.NewSecret(dataKey))
	if err != nil {
		t.Fatal(err)
	}
	multi, err := keyring.NewMulti(keyring.MultiOptions{Optional: []keyring.Keyring{implicit, aes}})
	if err != nil {
		t.Fatal(err)
	}
	unsigned := &message.EncryptOptions{Suite: suite.AES256GCMCommit()}
	const ambiguous, opened = "does not tell safely which one", ""
	for _, c := range []struct {
		what               string
		edks               []keyring.EncryptedDataKey
		implicit, explicit string
	}{
		{"good alone", []keyring.EncryptedDataKey{pkcs1("name", 0)}, opened, opened},
		{"another key, good", []keyring.EncryptedDataKey{pkcs1("name", 1), pkcs1("name", 0)}, ambiguous, opened},
		{"good, another key", []keyring.EncryptedDataKey{pkcs1("name", 0), pkcs1("name", 1)}, ambiguous, opened},
		{"OAEP, good", []keyring.EncryptedDataKey{oaep, pkcs1("name", 0)}, ambiguous, opened},
		{"longer, good", []keyring.EncryptedDataKey{longer, pkcs1("name", 0)}, opened, opened},
		{"another key of another name, good", []keyring.EncryptedDataKey{pkcs1("name-2", 1), pkcs1("name", 0), pkcs1("name-3", 1)}, opened, opened},
		{"another key", []keyring.EncryptedDataKey{pkcs1("name", 1)}, "key commitment", "no key could decrypt"},
	} {
		msg, err := new(message.Client).Encrypt(t.Context(), keyring.NewManager(given{dataKey, c.edks}), []byte("text"), unsigned)
		if err != nil {
			t.Fatal(err)
		}
		for which, k := range map[string]keyring.Keyring{"by default": implicit, "with padding errors": explicit} {
			says := c.implicit
			if k == explicit {
				says = c.explicit
			}
			got, _, err := message.Decrypt(t.Context(), k, msg)
			switch {
			case says == opened:
				if err != nil || string(got) != "text" {
					t.Errorf("%s, %s: %v", c.what, which, err)
				}
			case err == nil || !strings.Contains(err.Error(), says):
				t.Errorf("%s, %s: got %v, want %q", c.what, which, err, says)
			case says == ambiguous && (!errors.Is(err, signet.ErrNoKey) || !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "EDK 1: raw-rsa space/name")):
				t.Errorf("%s, %s: got %v, want ErrNoKey and ErrPolicy with the keys named", c.what, which, err)
			case says == "key commitment" && !errors.Is(err, signet.ErrAuthentication):
				t.Errorf("%s, %s: got %v, want ErrAuthentication", c.what, which, err)
			}
		}
	}
	// The others of a multi-keyring have their turn.
	all := given{dataKey, []keyring.EncryptedDataKey{pkcs1("name", 1), pkcs1("name", 0), w.EDKs[0]}}
	msg, err := new(message.Client).Encrypt(t.Context(), keyring.NewManager(all), []byte("text"), unsigned)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := message.Decrypt(t.Context(), multi, msg); err != nil || string(got) != "text" {
		t.Errorf("multi-keyring: %v", err)
	}
	// They have none when a single data key names this key and is under another one, unless they come first.
	other := given{dataKey, []keyring.EncryptedDataKey{pkcs1("name", 1), w.EDKs[0]}}
	if msg, err = new(message.Client).Encrypt(t.Context(), keyring.NewManager(other), []byte("text"), unsigned); err != nil {
		t.Fatal(err)
	}
	if _, _, err := message.Decrypt(t.Context(), multi, msg); !errors.Is(err, signet.ErrAuthentication) || !strings.Contains(err.Error(), "the data key came from EDK 0 (provider ") {
		t.Errorf("multi-keyring, RSA first: got %v, want ErrAuthentication and the EDK", err)
	}
	last, err := keyring.NewMulti(keyring.MultiOptions{Optional: []keyring.Keyring{aes, implicit}})
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := message.Decrypt(t.Context(), last, msg); err != nil || string(got) != "text" {
		t.Errorf("multi-keyring, RSA last: %v", err)
	}
}

func TestRSAPaddingText(t *testing.T) {
	for _, p := range paddings {
		if got, err := raw.ParseRSAPadding(p.String()); got != p || err != nil {
			t.Errorf("%s: got %v, %v", p, got, err)
		}
	}
	for _, s := range []string{"", "oaep", "OAEP-SHA256", "canary", "pkcs1 "} {
		if _, err := raw.ParseRSAPadding(s); !errors.Is(err, signet.ErrPolicy) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: got %v, want ErrPolicy", s, err)
		}
	}
	if got := fmt.Sprint(raw.RSAPadding(0)); got != "RSAPadding(0)" {
		t.Errorf("got %s", got)
	}
}

// No way to print a keyring shows the key.
func TestRSANotPrinted(t *testing.T) {
	key := rsaKeys()[0]
	k := newRSA(t, raw.RSAConfig{Padding: raw.PKCS1v15, Private: key})
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v %+v %#v %s", k, k, k, k)
	text, err := io.ReadAll(&b)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []*big.Int{key.D, key.Primes[0], key.Primes[1]} {
		if strings.Contains(string(text), n.String()[:30]) || strings.Contains(string(text), n.Text(16)[:30]) {
			t.Error("the private key is printed")
		}
	}
}
