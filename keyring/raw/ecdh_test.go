package raw_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/keyringtest"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
)

type testCurve struct {
	ecdh     ecdh.Curve
	elliptic elliptic.Curve
	name     string
	point    int // bytes of a compressed point
}

var testCurves = []testCurve{
	{ecdh.P256(), elliptic.P256(), "p256", 33},
	{ecdh.P384(), elliptic.P384(), "p384", 49},
	{ecdh.P521(), elliptic.P521(), "p521", 67},
}

func static(t testing.TB, own *ecdh.PrivateKey, peer *ecdh.PublicKey) keyring.Keyring {
	t.Helper()
	return newECDH(t, raw.ECDHConfig{Curve: own.Curve(), Schema: raw.ECDHStatic, Private: own, Peer: peer})
}

func ephemeral(t testing.TB, peer *ecdh.PublicKey) keyring.Keyring {
	t.Helper()
	return newECDH(t, raw.ECDHConfig{Curve: peer.Curve(), Schema: raw.ECDHEphemeral, Peer: peer})
}

func discovery(t testing.TB, own *ecdh.PrivateKey) keyring.Keyring {
	t.Helper()
	return newECDH(t, raw.ECDHConfig{Curve: own.Curve(), Schema: raw.ECDHDiscovery, Private: own})
}

func TestECDHConformance(t *testing.T) {
	some := []*suite.Suite{suite.AES128GCM(), suite.AES256GCMCommit(), suite.ItemAES256GCM()}
	for i, c := range testCurves {
		a, b, other := ecKey(t, c.ecdh), ecKey(t, c.ecdh), ecKey(t, c.ecdh)
		otherCurve := ecKey(t, testCurves[(i+1)%3].ecdh)
		suites, slow := some, some
		switch i {
		case 0:
			suites = nil
		case 2:
			slow = some[1:2]
		}
		t.Run(c.name+"/static", func(t *testing.T) {
			keyringtest.Run(t, keyringtest.Options{
				New:       func(t testing.TB) keyring.Keyring { return static(t, a, b.PublicKey()) },
				NewReader: func(t testing.TB) keyring.Keyring { return static(t, b, a.PublicKey()) },
				Foreign: func(t testing.TB) []keyring.Keyring {
					return []keyring.Keyring{
						static(t, a, other.PublicKey()), static(t, other, b.PublicKey()), static(t, a, a.PublicKey()), static(t, b, b.PublicKey()),
						static(t, otherCurve, otherCurve.PublicKey()), ephemeral(t, b.PublicKey()), newAES(t, "raw-ecdh", "name", sequence(0, 32)),
					}
				},
				Suites: suites,
			})
		})
		t.Run(c.name+"/ephemeral", func(t *testing.T) {
			keyringtest.Run(t, keyringtest.Options{
				New:       func(t testing.TB) keyring.Keyring { return ephemeral(t, b.PublicKey()) },
				NewReader: func(t testing.TB) keyring.Keyring { return discovery(t, b) },
				Foreign: func(t testing.TB) []keyring.Keyring {
					return []keyring.Keyring{ephemeral(t, other.PublicKey()), ephemeral(t, otherCurve.PublicKey()), static(t, b, a.PublicKey())}
				},
				Suites: slow,
			})
		})
	}
}

// compressed is the compressed point of a key, written again for these tests.
func (c testCurve) compressed(pub *ecdh.PublicKey) []byte {
	b := pub.Bytes()
	return append([]byte{2 | b[len(b)-1]&1}, b[1:c.point]...)
}

func (c testCurve) info(recipient, sender []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{1}, uint32(len(recipient)))
	b = append(b, recipient...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(sender)))
	return append(b, sender...)
}

// seal makes the ciphertext of an encrypted data key, or opens one when dataKey is nil; written again for these tests.
func (c testCurve) seal(t testing.TB, shared, sender, recipient, aad, salt, dataKey []byte) (commitment, ct []byte, open func(ct []byte) ([]byte, error)) {
	t.Helper()
	fixed := []byte("ecdh-key-derivation\x00" + c.name + "\x00HMAC_SHA384\x00" + string(sender) + string(recipient) + "\x00\x01\x00" + string(aad))
	var okm []byte
	for i := byte(1); i <= 2; i++ {
		m := hmac.New(sha512.New384, shared)
		m.Write([]byte{0, 0, 0, i})
		m.Write(fixed)
		m.Write([]byte{0})
		m.Write(salt)
		m.Write([]byte{0, 0, 2, 0})
		okm = m.Sum(okm)
	}
	aead := gcm(t, okm[32:64])
	return okm[:32], aead.Seal(nil, make([]byte, 12), dataKey, fixed), func(ct []byte) ([]byte, error) { return aead.Open(nil, make([]byte, 12), ct, fixed) }
}

// TestECDHLayout reads with the standard library what the keyring wrote, and lets it read what the standard library wrote.
func TestECDHLayout(t *testing.T) {
	for _, c := range testCurves {
		for _, s := range []*suite.Suite{suite.AES128GCM(), suite.AES192GCM(), suite.AES256GCMCommit()} {
			for what, ec := range map[string]keyring.EncryptionContext{"empty": {}, "pairs": {"b": "2", "a": "1", "ü": "€", keyring.PublicKeyName: "AAAA"}} {
				t.Run(c.name+"/"+s.Name()+"/"+what, func(t *testing.T) {
					me, peer := ecKey(t, c.ecdh), ecKey(t, c.ecdh)
					sender, recipient := c.compressed(me.PublicKey()), c.compressed(peer.PublicKey())
					shared, err := me.ECDH(peer.PublicKey())
					if err != nil {
						t.Fatal(err)
					}
					k := static(t, me, peer.PublicKey())
					r := request(t, s, ec)
					w := wrap(t, k, r)
					e := w.EDKs[0]
					if e.ProviderID != "raw-ecdh" || !bytes.Equal(e.ProviderInfo, c.info(recipient, sender)) || len(e.ProviderInfo) != 9+2*c.point {
						t.Fatalf("got provider id %q and info %x", e.ProviderID, e.ProviderInfo)
					}
					if len(e.Ciphertext) != 32+32+s.DataKeyLen()+16 {
						t.Fatalf("got a ciphertext of %d bytes", len(e.Ciphertext))
					}
					commitment, _, open := c.seal(t, shared, sender, recipient, canonical(ec), e.Ciphertext[:32], nil)
					got, err := open(e.Ciphertext[64:])
					if err != nil || !bytes.Equal(got, w.DataKey.Reveal()) || !bytes.Equal(commitment, e.Ciphertext[32:64]) {
						t.Fatalf("the standard library does not read it: %v", err)
					}
					salt := sequence(9, 32)
					commitment, ct, _ := c.seal(t, shared, recipient, sender, canonical(ec), salt, w.DataKey.Reveal())
					e.Ciphertext = append(append(salt, commitment...), ct...)
					e.ProviderInfo = c.info(sender, recipient) // from the peer to this keyring
					opens(t, k, r, []keyring.EncryptedDataKey{e}, w.DataKey)
					opens(t, discovery(t, me), r, []keyring.EncryptedDataKey{e}, w.DataKey)
					e.ProviderID = "aws-kms-ecdh"
					opens(t, k, r, []keyring.EncryptedDataKey{e}, w.DataKey)
					opens(t, discovery(t, me), r, []keyring.EncryptedDataKey{e}, w.DataKey)
				})
			}
		}
	}
}

// Who opens what whom wrote.
func TestECDHSchemas(t *testing.T) {
	r := request(t, suite.AES256GCMCommit(), keyring.EncryptionContext{"a": "b"})
	for _, c := range testCurves {
		alice, bob, carol := ecKey(t, c.ecdh), ecKey(t, c.ecdh), ecKey(t, c.ecdh)
		readers := map[string]keyring.Keyring{
			"alice with bob": static(t, alice, bob.PublicKey()), "bob with alice": static(t, bob, alice.PublicKey()), "carol with bob": static(t, carol, bob.PublicKey()), "bob with carol": static(t, bob, carol.PublicKey()),
			"alice": discovery(t, alice), "bob": discovery(t, bob), "carol": discovery(t, carol),
		}
		for what, writer := range map[string]struct {
			k     keyring.Keyring
			opens string
		}{
			"alice with bob": {static(t, alice, bob.PublicKey()), "alice with bob, bob with alice, bob"},
			"bob with alice": {static(t, bob, alice.PublicKey()), "alice with bob, bob with alice, alice"},
			"to bob":         {ephemeral(t, bob.PublicKey()), "bob"},
		} {
			w := wrap(t, writer.k, r)
			for name, reader := range readers {
				u, err := reader.OnDecrypt(t.Context(), r, w.EDKs)
				if strings.Contains(", "+writer.opens+",", ", "+name+",") {
					if err != nil || !u.DataKey.Equal(w.DataKey) {
						t.Errorf("%s: %s wrote, %s did not open: %v", c.name, what, name, err)
					}
					continue
				}
				if err == nil {
					t.Errorf("%s: %s wrote, %s opened", c.name, what, name)
					continue
				}
				if _, ok := errors.AsType[*keyring.Skip](attempt(t, err)); !ok {
					t.Errorf("%s: %s wrote, %s: got %v, want a Skip", c.name, what, name, err)
				}
			}
		}
		writer := ephemeral(t, bob.PublicKey())
		_, err := writer.OnDecrypt(t.Context(), r, wrap(t, writer, r).EDKs)
		if !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "encrypt-only") {
			t.Errorf("ephemeral decrypts: %v", err)
		}
		if _, err = discovery(t, bob).OnEncrypt(t.Context(), r, nil); !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "decrypt-only") {
			t.Errorf("discovery encrypts: %v", err)
		}
	}
}

// Salts never repeat, and neither do ephemeral keys.
func TestECDHFresh(t *testing.T) {
	a, b := ecKey(t, ecdh.P256()), ecKey(t, ecdh.P256())
	r := request(t, suite.AES256GCMCommit(), nil)
	seen := map[string]bool{}
	for range 100 {
		e := wrap(t, static(t, a, b.PublicKey()), r).EDKs[0]
		f := wrap(t, ephemeral(t, b.PublicKey()), r).EDKs[0]
		for _, s := range []string{string(e.Ciphertext[:32]), string(f.Ciphertext[:32]), string(f.ProviderInfo)} {
			if seen[s] {
				t.Fatal("a salt or an ephemeral key was used twice")
			}
			seen[s] = true
		}
	}
}

// Senders that are no points of the curve.
func TestECDHBadPoints(t *testing.T) {
	r := request(t, suite.AES256GCMCommit(), nil)
	for _, c := range testCurves {
		me := ecKey(t, c.ecdh)
		k := discovery(t, me)
		recipient := c.compressed(me.PublicKey())
		good := wrap(t, ephemeral(t, me.PublicKey()), r)
		sender := good.EDKs[0].ProviderInfo[9+c.point:]
		change := func(f func(b []byte)) []byte { b := bytes.Clone(sender); f(b); return b }
		offCurve := change(func(b []byte) {
			for x := b; ; x[len(x)-1]++ {
				if p, _ := elliptic.UnmarshalCompressed(c.elliptic, x); p == nil {
					return
				}
			}
		})
		for what, point := range map[string][]byte{
			"infinity, padded":   make([]byte, c.point),
			"x off the curve":    offCurve,
			"x is the prime":     append([]byte{2}, c.elliptic.Params().P.FillBytes(make([]byte, c.point-1))...),
			"x is all ones":      change(func(b []byte) { copy(b[1:], bytes.Repeat([]byte{255}, len(b))) }),
			"uncompressed, cut":  change(func(b []byte) { b[0] = 4 }),
			"hybrid, cut":        change(func(b []byte) { b[0] = 6 }),
			"first byte 00":      change(func(b []byte) { b[0] = 0 }),
			"x = 0, not a point": offCurveZero(c),
		} {
			if point == nil {
				continue
			}
			e := good.EDKs[0]
			e.ProviderInfo = c.info(recipient, point)
			_, err := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{e})
			if got := attempt(t, err); !errors.Is(got, signet.ErrMalformed) || !strings.Contains(got.Error(), "not a point of P-") {
				t.Errorf("%s, %s: got %v, want ErrMalformed", c.name, what, got)
			}
			// The next one is opened all the same.
			u, err := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{e, good.EDKs[0]})
			if err != nil || u.Used != 1 || !u.DataKey.Equal(good.DataKey) {
				t.Errorf("%s, %s: the good one behind it did not open: %v", c.name, what, err)
			}
		}
		// The negated point is a point, gives the same x, and is another sender to the KDF.
		e := good.EDKs[0]
		e.ProviderInfo = c.info(recipient, change(func(b []byte) { b[0] ^= 1 }))
		if _, err := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{e}); !errors.Is(attempt(t, err), signet.ErrAuthentication) {
			t.Errorf("%s, negated sender: got %v, want ErrAuthentication", c.name, err)
		}
	}
}

// offCurveZero is x = 0 when that is no point of the curve, else nil.
func offCurveZero(c testCurve) []byte {
	b := make([]byte, c.point)
	b[0] = 2
	if x, _ := elliptic.UnmarshalCompressed(c.elliptic, b); x != nil {
		return nil
	}
	return b
}

// Provider information of another shape is another key's.
func TestECDHForeignInfo(t *testing.T) {
	c := testCurves[0]
	me := ecKey(t, c.ecdh)
	r := request(t, suite.AES256GCMCommit(), nil)
	good := wrap(t, ephemeral(t, me.PublicKey()), r).EDKs[0]
	for what, change := range map[string]func(b []byte) []byte{
		"version 0":        func(b []byte) []byte { b[0] = 0; return b },
		"version 2":        func(b []byte) []byte { b[0] = 2; return b },
		"length 32":        func(b []byte) []byte { b[4] = 32; return b },
		"length 2^31":      func(b []byte) []byte { b[1] = 128; return b },
		"second length":    func(b []byte) []byte { b[5+c.point+3] = 34; return b },
		"little endian":    func(b []byte) []byte { b[1], b[4] = 33, 0; return b },
		"a byte less":      func(b []byte) []byte { return b[:len(b)-1] },
		"a byte more":      func(b []byte) []byte { return append(b, 0) },
		"nothing":          func([]byte) []byte { return nil },
		"sender first":     func(b []byte) []byte { return c.info(b[9+c.point:], b[5:5+c.point]) },
		"another one's":    func(b []byte) []byte { b[10] ^= 1; return b },
		"negated receiver": func(b []byte) []byte { b[5] ^= 1; return b },
	} {
		e := good
		e.ProviderInfo = change(bytes.Clone(good.ProviderInfo))
		_, err := discovery(t, me).OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{e})
		if _, ok := errors.AsType[*keyring.Skip](attempt(t, err)); !ok {
			t.Errorf("%s: got %v, want a Skip", what, err)
		}
	}
}

func TestECDHConfig(t *testing.T) {
	p256, p384 := ecKey(t, ecdh.P256()), ecKey(t, ecdh.P384())
	x, err := ecdh.X25519().NewPrivateKey(sequence(1, 32))
	if err != nil {
		t.Fatal(err)
	}
	pub := p256.PublicKey()
	for _, c := range []struct {
		what string
		cfg  raw.ECDHConfig
		says string
	}{
		{"nothing", raw.ECDHConfig{}, "the curve must be P-256, P-384 or P-521"},
		{"X25519", raw.ECDHConfig{Curve: ecdh.X25519(), Schema: raw.ECDHStatic, Private: x, Peer: x.PublicKey()}, "the curve must be"},
		{"no schema", raw.ECDHConfig{Curve: ecdh.P256(), Private: p256, Peer: pub}, "a schema is required"},
		{"schema beyond the last", raw.ECDHConfig{Curve: ecdh.P256(), Schema: raw.ECDHDiscovery + 1, Private: p256, Peer: pub}, "a schema is required"},
		{"static without private key", raw.ECDHConfig{Curve: ecdh.P256(), Schema: raw.ECDHStatic, Peer: pub}, "static needs a private key"},
		{"static without peer", raw.ECDHConfig{Curve: ecdh.P256(), Schema: raw.ECDHStatic, Private: p256}, "static needs the peer's public key"},
		{"ephemeral without peer", raw.ECDHConfig{Curve: ecdh.P256(), Schema: raw.ECDHEphemeral}, "ephemeral needs the peer's public key"},
		{"ephemeral with private key", raw.ECDHConfig{Curve: ecdh.P256(), Schema: raw.ECDHEphemeral, Private: p256, Peer: pub}, "takes no private key"},
		{"discovery without private key", raw.ECDHConfig{Curve: ecdh.P256(), Schema: raw.ECDHDiscovery}, "discovery needs a private key"},
		{"discovery with peer", raw.ECDHConfig{Curve: ecdh.P256(), Schema: raw.ECDHDiscovery, Private: p256, Peer: pub}, "takes no public key"},
		{"private key on another curve", raw.ECDHConfig{Curve: ecdh.P256(), Schema: raw.ECDHStatic, Private: p384, Peer: pub}, "private key is not on P-256"},
		{"peer on another curve", raw.ECDHConfig{Curve: ecdh.P384(), Schema: raw.ECDHStatic, Private: p384, Peer: pub}, "peer's public key is not on P-384"},
	} {
		_, err := raw.NewECDH(c.cfg)
		if _, ok := errors.AsType[*keyring.ConfigError](err); !ok || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want a ConfigError with %q", c.what, err, c.says)
		}
	}
	for _, s := range []raw.ECDHSchema{raw.ECDHStatic, raw.ECDHEphemeral, raw.ECDHDiscovery} {
		if got, err := raw.ParseECDHSchema(s.String()); got != s || err != nil {
			t.Errorf("%s: got %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "Static", "canary"} {
		if _, err := raw.ParseECDHSchema(s); !errors.Is(err, signet.ErrPolicy) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: got %v, want ErrPolicy", s, err)
		}
	}
	if got := fmt.Sprint(raw.ECDHSchema(9)); got != "ECDHSchema(9)" {
		t.Errorf("got %s", got)
	}
}

// No way to print a configuration or a keyring shows the private key.
func TestECDHNotPrinted(t *testing.T) {
	key := ecKey(t, ecdh.P256())
	cfg := raw.ECDHConfig{Curve: ecdh.P256(), Schema: raw.ECDHDiscovery, Private: key}
	k, err := raw.NewECDH(cfg)
	if err != nil {
		t.Fatal(err)
	}
	decimal := strings.Trim(fmt.Sprint(key.Bytes()[:8]), "[]")
	for _, v := range []any{cfg, &cfg, k} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t", "%e", "%z"} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, decimal) || strings.Contains(text, hex.EncodeToString(key.Bytes()[:8])) {
				t.Errorf("%s of %T prints the private key", verb, v)
			}
		}
	}
	if got := fmt.Sprint(cfg); got != "ECDHConfig{P-256, discovery, keys [secret]}" {
		t.Errorf("got %s", got)
	}
}
