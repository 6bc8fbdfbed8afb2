package kms_test

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/keyringtest"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/kms/internal/kmsfake"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
)

const (
	aliceARN = "arn:aws:kms:eu-west-1:111122223333:key/aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
	bobARN   = "arn:aws:kms:eu-west-1:111122223333:key/bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb"
	carolARN = "arn:aws:kms:eu-west-1:111122223333:key/cccccccc-cccc-cccc-cccc-cccccccccccc"
)

var curves = []struct {
	ecdh   ecdh.Curve
	name   string
	point  int // bytes of a compressed point
	secret int
}{{ecdh.P256(), "P-256", 33, 32}, {ecdh.P384(), "P-384", 49, 48}, {ecdh.P521(), "P-521", 67, 66}}

func ecdhKey(t testing.TB, curve int) *ecdh.PrivateKey {
	t.Helper()
	k, err := curves[curve].ecdh.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// parties are three keys in KMS.
type parties struct {
	*kmsfake.Asymmetric
	keys map[string]*ecdh.PrivateKey
}

func newParties(t testing.TB, curve int) *parties {
	t.Helper()
	p := &parties{&kmsfake.Asymmetric{}, map[string]*ecdh.PrivateKey{}}
	for _, arn := range []string{aliceARN, bobARN, carolARN} {
		p.keys[arn] = ecdhKey(t, curve)
		p.Add(arn, p.keys[arn], types.KeyUsageTypeKeyAgreement)
	}
	return p
}

func (p *parties) keyring(t testing.TB, arn string, recipient *ecdh.PublicKey) keyring.Keyring {
	t.Helper()
	k, err := kms.NewECDH(t.Context(), kms.ECDHConfig{KeyID: arn, Client: p, Recipient: recipient})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (p *parties) static(t testing.TB, from, to string) keyring.Keyring {
	return p.keyring(t, from, p.keys[to].PublicKey())
}

func (p *parties) discovery(t testing.TB, arn string) keyring.Keyring { return p.keyring(t, arn, nil) }

func rawECDH(t testing.TB, c raw.ECDHConfig) keyring.Keyring {
	t.Helper()
	k, err := raw.NewECDH(c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestECDHConformance(t *testing.T) {
	for i, c := range curves {
		p, other := newParties(t, i), newParties(t, (i+1)%3)
		var suites []*suite.Suite
		if i > 0 {
			suites = []*suite.Suite{suite.AES256GCMCommit()}
		}
		t.Run(c.name+"/static", func(t *testing.T) {
			keyringtest.Run(t, keyringtest.Options{
				New:       func(t testing.TB) keyring.Keyring { return p.static(t, aliceARN, bobARN) },
				NewReader: func(t testing.TB) keyring.Keyring { return p.static(t, bobARN, aliceARN) },
				Foreign: func(t testing.TB) []keyring.Keyring {
					return []keyring.Keyring{
						p.static(t, aliceARN, carolARN), p.static(t, carolARN, bobARN), p.static(t, aliceARN, aliceARN), p.static(t, bobARN, bobARN),
						other.static(t, aliceARN, bobARN),
					}
				},
				Suites: suites,
			})
		})
		t.Run(c.name+"/discovery", func(t *testing.T) {
			keyringtest.Run(t, keyringtest.Options{
				New:       func(t testing.TB) keyring.Keyring { return p.static(t, aliceARN, bobARN) },
				NewReader: func(t testing.TB) keyring.Keyring { return p.discovery(t, bobARN) },
				Foreign: func(t testing.TB) []keyring.Keyring {
					return []keyring.Keyring{p.static(t, aliceARN, carolARN), p.static(t, bobARN, aliceARN), other.static(t, aliceARN, bobARN)}
				},
				Suites: []*suite.Suite{suite.AES256GCMCommit()},
			})
		})
	}
}

// TestECDHWhoOpens: both parties open what either wrote, whether they hold their keys in KMS or in the process; others skip it.
func TestECDHWhoOpens(t *testing.T) {
	for i, c := range curves {
		p := newParties(t, i)
		alice, bob := p.keys[aliceARN], p.keys[bobARN]
		r := asymmetricRequest(t, suite.AES256GCMCommitECDSAP384(), keyring.EncryptionContext{"a": "b"})
		readers := map[string]keyring.Keyring{
			"alice with bob": p.static(t, aliceARN, bobARN), "bob with alice": p.static(t, bobARN, aliceARN), "alice": p.discovery(t, aliceARN),
			"bob": p.discovery(t, bobARN), "carol": p.discovery(t, carolARN), "carol with bob": p.static(t, carolARN, bobARN),
			"raw bob with alice": rawECDH(t, raw.ECDHConfig{Curve: c.ecdh, Schema: raw.ECDHStatic, Private: bob, Peer: alice.PublicKey()}),
			"raw bob":            rawECDH(t, raw.ECDHConfig{Curve: c.ecdh, Schema: raw.ECDHDiscovery, Private: bob}),
		}
		for what, w := range map[string]struct {
			k        keyring.Keyring
			provider string
			opens    string
		}{
			"alice to bob": {p.static(t, aliceARN, bobARN), "aws-kms-ecdh", "alice with bob, bob with alice, bob, raw bob with alice, raw bob"},
			"bob to alice": {p.static(t, bobARN, aliceARN), "aws-kms-ecdh", "alice with bob, bob with alice, alice, raw bob with alice"},
			"raw alice to bob": {rawECDH(t, raw.ECDHConfig{Curve: c.ecdh, Schema: raw.ECDHStatic, Private: alice, Peer: bob.PublicKey()}),
				"raw-ecdh", "alice with bob, bob with alice, bob, raw bob with alice, raw bob"},
			"raw somebody to bob": {rawECDH(t, raw.ECDHConfig{Curve: c.ecdh, Schema: raw.ECDHEphemeral, Peer: bob.PublicKey()}), "raw-ecdh", "bob, raw bob"},
		} {
			made := wrapNew(t, w.k, r)
			if e := made.EDKs[0]; e.ProviderID != w.provider || len(e.ProviderInfo) != 9+2*c.point || len(e.Ciphertext) != 112 {
				t.Errorf("%s, %s: provider id %q, %d and %d bytes", c.name, what, e.ProviderID, len(e.ProviderInfo), len(e.Ciphertext))
			}
			for name, k := range readers {
				p.Calls()
				if strings.Contains(", "+w.opens+",", ", "+name+",") {
					opensTo(t, k, r, made.EDKs[0], made.DataKey)
					continue
				}
				if err := onlyAttempt(t, k, r, made.EDKs[0]); !isSkip(err) {
					t.Errorf("%s: %s wrote, %s: %v", c.name, what, name, err)
				}
				if calls := p.Calls(); len(calls) != 0 {
					t.Errorf("%s: %s wrote, %s: calls %+v", c.name, what, name, calls)
				}
			}
		}
		if _, err := p.discovery(t, bobARN).OnEncrypt(t.Context(), r, nil); !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "decrypt-only") {
			t.Errorf("discovery encrypts: %v", err)
		}
	}
}

// TestECDHCalls: which key is asked about whose public key, with the grants; the secret is wiped.
func TestECDHCalls(t *testing.T) {
	for i, c := range curves {
		p := newParties(t, i)
		var events []kms.Event
		make := func(arn string, recipient *ecdh.PublicKey) keyring.Keyring {
			k, err := kms.NewECDH(t.Context(), kms.ECDHConfig{
				KeyID: arn, Client: p, Recipient: recipient, Curve: c.ecdh, GrantTokens: []string{"g"}, Region: "eu-west-1",
				Observer: func(_ context.Context, e kms.Event) { events = append(events, e) },
			})
			if err != nil {
				t.Fatal(err)
			}
			if calls := p.Calls(); len(calls) != 1 || calls[0].Op != "GetPublicKey" || calls[0].KeyID != arn || len(calls[0].GrantTokens) != 1 {
				t.Errorf("%s: construction: calls %+v", c.name, calls)
			}
			return k
		}
		alice, bob, anyToBob := make(aliceARN, p.keys[bobARN].PublicKey()), make(bobARN, p.keys[aliceARN].PublicKey()), make(bobARN, nil)
		var secrets [][]byte
		p.Edit = func(out any) error {
			secrets = append(secrets, out.(*sdk.DeriveSharedSecretOutput).SharedSecret)
			return nil
		}
		asked := func(what, arn, about string) {
			t.Helper()
			spki, err := x509.MarshalPKIXPublicKey(p.keys[about].PublicKey())
			if err != nil {
				t.Fatal(err)
			}
			calls := p.Calls()
			if len(calls) != 1 || calls[0].Op != "DeriveSharedSecret" || calls[0].KeyID != arn || calls[0].Algorithm != "ECDH" || !bytes.Equal(calls[0].PublicKey, spki) ||
				len(calls[0].GrantTokens) != 1 {
				t.Errorf("%s: %s: calls %+v", c.name, what, calls)
			}
		}
		r := asymmetricRequest(t, suite.AES256GCMCommit(), nil)
		events = nil
		w := wrapNew(t, alice, r)
		asked("alice encrypts", aliceARN, bobARN)
		opensTo(t, alice, r, w.EDKs[0], w.DataKey)
		asked("alice decrypts", aliceARN, bobARN)
		opensTo(t, bob, r, w.EDKs[0], w.DataKey)
		asked("bob decrypts", bobARN, aliceARN)
		opensTo(t, anyToBob, r, w.EDKs[0], w.DataKey)
		asked("bob discovers", bobARN, aliceARN)
		for _, s := range secrets {
			if len(s) != c.secret || !bytes.Equal(s, make0(len(s))) {
				t.Errorf("%s: a shared secret of %d bytes is not wiped", c.name, len(s))
			}
		}
		if len(secrets) != 4 || len(events) != 4 || events[0].Op != "DeriveSharedSecret" || events[0].Key != aliceARN || events[0].Region != "eu-west-1" {
			t.Errorf("%s: %d secrets, events %+v", c.name, len(secrets), events)
		}
	}
}

func make0(n int) []byte { return make([]byte, n) }

// TestECDHBadSender: a sender that is no point of the curve is refused before the call, and the next data key is opened.
func TestECDHBadSender(t *testing.T) {
	for i, c := range curves {
		p := newParties(t, i)
		k := p.discovery(t, bobARN)
		r := asymmetricRequest(t, suite.AES256GCMCommit(), nil)
		w := wrapNew(t, p.static(t, aliceARN, bobARN), r)
		for what, point := range map[string][]byte{
			"infinity":     make([]byte, c.point),
			"large x":      append([]byte{2}, bytes.Repeat([]byte{255}, c.point-1)...),
			"uncompressed": append([]byte{4}, w.EDKs[0].ProviderInfo[10+c.point:]...),
		} {
			bad := w.EDKs[0]
			bad.ProviderInfo = append(bytes.Clone(bad.ProviderInfo[:9+c.point]), point...)
			p.Calls()
			if err := onlyAttempt(t, k, r, bad); !errors.Is(err, keyring.ErrShape) {
				t.Errorf("%s, %s: %v", c.name, what, err)
			}
			if calls := p.Calls(); len(calls) != 0 {
				t.Errorf("%s, %s: calls %+v", c.name, what, calls)
			}
			u, err := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{bad, w.EDKs[0]})
			if err != nil || u.Used != 1 || !u.DataKey.Equal(w.DataKey) {
				t.Errorf("%s, %s: the one behind it did not open: %v", c.name, what, err)
			}
		}
		short := w.EDKs[0]
		short.Ciphertext = short.Ciphertext[:111]
		p.Calls()
		if err := onlyAttempt(t, k, r, short); !errors.Is(err, keyring.ErrShape) || len(p.Calls()) != 0 {
			t.Errorf("%s: a byte less: %v", c.name, err)
		}
	}
}

func TestECDHAnswers(t *testing.T) {
	p := newParties(t, 0)
	k := p.static(t, aliceARN, bobARN)
	r := asymmetricRequest(t, suite.AES256GCMCommit(), nil)
	w := wrapNew(t, k, r)
	for what, c := range map[string]struct {
		edit func(o *sdk.DeriveSharedSecretOutput)
		want error
	}{
		"another key":   {func(o *sdk.DeriveSharedSecretOutput) { *o.KeyId = bobARN }, kms.ErrResponse},
		"no key":        {func(o *sdk.DeriveSharedSecretOutput) { o.KeyId = nil }, kms.ErrResponse},
		"no algorithm":  {func(o *sdk.DeriveSharedSecretOutput) { o.KeyAgreementAlgorithm = "" }, kms.ErrResponse},
		"no secret":     {func(o *sdk.DeriveSharedSecretOutput) { o.SharedSecret = nil }, kms.ErrResponse},
		"a byte less":   {func(o *sdk.DeriveSharedSecretOutput) { o.SharedSecret = o.SharedSecret[1:] }, kms.ErrResponse},
		"a byte more":   {func(o *sdk.DeriveSharedSecretOutput) { o.SharedSecret = append(o.SharedSecret, 0) }, kms.ErrResponse},
		"another bytes": {func(o *sdk.DeriveSharedSecretOutput) { o.SharedSecret[0] ^= 1 }, keyring.ErrDidNotOpen},
	} {
		var secret []byte
		p.Edit = func(out any) error {
			o := out.(*sdk.DeriveSharedSecretOutput)
			awsmiddleware.SetRequestIDMetadata(&o.ResultMetadata, "request-8")
			c.edit(o)
			secret = o.SharedSecret
			return nil
		}
		if err := onlyAttempt(t, k, r, w.EDKs[0]); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", what, err, c.want)
		}
		if !bytes.Equal(secret, make0(len(secret))) {
			t.Errorf("%s: the secret is not wiped", what)
		}
		_, err := k.OnEncrypt(t.Context(), r, nil)
		var e *kms.Error
		if c.want == kms.ErrResponse && (!errors.Is(err, c.want) || !errors.As(err, &e) || e.RequestID != "request-8") {
			t.Errorf("%s: encrypts: %v", what, err)
		}
	}
	for err, want := range map[error]error{
		&types.DisabledException{}: kms.ErrKeyDisabled, &types.InvalidKeyUsageException{}: kms.ErrInvalidUsage, &types.KeyUnavailableException{}: signet.ErrUnavailable,
	} {
		p.Edit = func(any) error { return err }
		got := onlyAttempt(t, k, r, w.EDKs[0])
		if !errors.Is(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if want == kms.ErrInvalidUsage && !strings.Contains(got.Error(), "with usage KEY_AGREEMENT is needed") {
			t.Errorf("the advice is for another kind of key: %v", got)
		}
	}
}

func TestECDHGetPublicKey(t *testing.T) {
	ec := ecdhKey(t, 0)
	for what, c := range map[string]struct {
		key   any
		usage types.KeyUsageType
		edit  func(o *sdk.GetPublicKeyOutput)
		want  error
		says  string
	}{
		"sign and verify": {ec, types.KeyUsageTypeSignVerify, nil, kms.ErrInvalidUsage, `spec "ECC_NIST_P256" and usage "SIGN_VERIFY"; a key on P-256`},
		"RSA":             {rsaKeys()[0], types.KeyUsageTypeEncryptDecrypt, nil, kms.ErrInvalidUsage, `spec "RSA_2048" and usage "ENCRYPT_DECRYPT"`},
		"RSA for ECDH":    {rsaKeys()[0], types.KeyUsageTypeKeyAgreement, nil, kms.ErrInvalidUsage, `spec "RSA_2048"`},
		"another key":     {ec, types.KeyUsageTypeKeyAgreement, func(o *sdk.GetPublicKeyOutput) { *o.KeyId = bobARN }, kms.ErrResponse, bobARN},
		"no public key":   {ec, types.KeyUsageTypeKeyAgreement, func(o *sdk.GetPublicKeyOutput) { o.PublicKey = nil }, kms.ErrResponse, "public key"},
		"SM2": {ec, types.KeyUsageTypeKeyAgreement, func(o *sdk.GetPublicKeyOutput) { o.KeySpec, o.PublicKey = types.KeySpecSm2, sm2PublicKey },
			kms.ErrInvalidUsage, `spec "SM2"`},
		"off the curve": {ec, types.KeyUsageTypeKeyAgreement, func(o *sdk.GetPublicKeyOutput) { o.PublicKey[len(o.PublicKey)-1] ^= 1 }, kms.ErrResponse, "public key"},
	} {
		f := &kmsfake.Asymmetric{}
		f.Add(aliceARN, c.key, c.usage)
		if c.edit != nil {
			f.Edit = func(out any) error {
				o := out.(*sdk.GetPublicKeyOutput)
				awsmiddleware.SetRequestIDMetadata(&o.ResultMetadata, "request-7")
				c.edit(o)
				return nil
			}
		}
		_, err := kms.NewECDH(t.Context(), kms.ECDHConfig{KeyID: aliceARN, Client: f})
		var e *kms.Error
		if !errors.Is(err, c.want) || !errors.As(err, &e) || e.Op != "GetPublicKey" || e.Key != aliceARN || !strings.Contains(err.Error(), c.says) || c.edit != nil && e.RequestID != "request-7" {
			t.Errorf("%s: got %v, want %v with %q", what, err, c.want, c.says)
		}
	}
}

// sm2PublicKey has the form of an SM2 key's public half (RFC 8998, section 3.2.1: curve 1.2.156.10197.1.301), which package x509 does not know.
var sm2PublicKey = append([]byte("\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x81\x1c\xcf\x55\x01\x82\x2d\x03\x42\x00\x04"), make([]byte, 64)...)

func TestECDHConfig(t *testing.T) {
	p := newParties(t, 1)
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	bob := p.keys[bobARN].PublicKey()
	for what, c := range map[string]struct {
		cfg   kms.ECDHConfig
		want  error
		says  string
		calls int
	}{
		"nothing":             {kms.ECDHConfig{}, signet.ErrMalformed, "empty", 0},
		"no client":           {kms.ECDHConfig{KeyID: aliceARN, Recipient: bob}, signet.ErrPolicy, "a client is needed", 0},
		"alias":               {kms.ECDHConfig{KeyID: "alias/a", Client: p, Recipient: bob}, signet.ErrPolicy, "no key ARN", 0},
		"bare id":             {kms.ECDHConfig{KeyID: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", Client: p}, signet.ErrPolicy, "no key ARN", 0},
		"region":              {kms.ECDHConfig{KeyID: aliceARN, Client: p, Region: "us-east-1"}, kms.ErrWrongRegion, "us-east-1", 0},
		"empty grant":         {kms.ECDHConfig{KeyID: aliceARN, Client: p, GrantTokens: []string{""}}, signet.ErrPolicy, "grant", 0},
		"X25519":              {kms.ECDHConfig{KeyID: aliceARN, Client: p, Curve: ecdh.X25519()}, signet.ErrPolicy, "the curve must be P-256", 0},
		"X25519 recipient":    {kms.ECDHConfig{KeyID: aliceARN, Client: p, Recipient: x.PublicKey()}, signet.ErrPolicy, "the recipient's curve must be P-256", 0},
		"another curve":       {kms.ECDHConfig{KeyID: aliceARN, Client: p, Curve: ecdh.P256()}, signet.ErrPolicy, "is on P-384 and not on P-256", 1},
		"recipient elsewhere": {kms.ECDHConfig{KeyID: aliceARN, Client: p, Recipient: ecdhKey(t, 2).PublicKey()}, signet.ErrPolicy, "recipient's public key on P-521", 1},
	} {
		if _, err := kms.NewECDH(t.Context(), c.cfg); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %v with %q", what, err, c.want, c.says)
		}
		if calls := p.Calls(); len(calls) != c.calls {
			t.Errorf("%s: calls %+v", what, calls)
		}
	}
}
