package kms_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/keyringtest"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/kms/internal/kmsfake"
	"github.com/signetkeys/signet/keyring/suite"
)

const (
	rsaARN    = "arn:aws:kms:eu-west-1:111122223333:key/mrk-11111111111111111111111111111111"
	rsaFarARN = "arn:aws:kms:us-east-1:111122223333:key/mrk-11111111111111111111111111111111"
	singleARN = "arn:aws:kms:eu-west-1:111122223333:key/11111111-1111-1111-1111-111111111111"
	otherARN  = "arn:aws:kms:eu-west-1:111122223333:key/22222222-2222-2222-2222-222222222222"
)

// Two keys of 2048 bits, made once.
var rsaKeys = sync.OnceValue(func() [2]*rsa.PrivateKey {
	var keys [2]*rsa.PrivateKey
	for i := range keys {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = k
	}
	return keys
})

// rsaFake has the first key under three ARNs and the second under another.
func rsaFake() *kmsfake.Asymmetric {
	f, keys := &kmsfake.Asymmetric{}, rsaKeys()
	f.Add(rsaARN, keys[0], types.KeyUsageTypeEncryptDecrypt)
	f.Add(rsaFarARN, keys[0], types.KeyUsageTypeEncryptDecrypt)
	f.Add(singleARN, keys[0], types.KeyUsageTypeEncryptDecrypt)
	f.Add(otherARN, keys[1], types.KeyUsageTypeEncryptDecrypt)
	return f
}

// decryptOnlyAPI hides GetPublicKey.
type decryptOnlyAPI struct{ kms.DecryptAPI }

func newRSA(t testing.TB, c kms.RSAConfig) keyring.Keyring {
	t.Helper()
	if c.KeyID == "" {
		c.KeyID = rsaARN
	}
	if c.Padding == 0 {
		c.Padding = kms.OAEPSHA256
	}
	k, err := kms.NewRSA(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func asymmetricRequest(t testing.TB, s *suite.Suite, ec keyring.EncryptionContext) *keyring.Request {
	t.Helper()
	r, err := keyring.NewRequest(s, ec)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wrapNew(t testing.TB, k keyring.Keyring, r *keyring.Request) *keyring.Wrapped {
	t.Helper()
	w, err := k.OnEncrypt(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func opensTo(t testing.TB, k keyring.Keyring, r *keyring.Request, edk keyring.EncryptedDataKey, want *keyring.Secret) {
	t.Helper()
	u, err := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{edk})
	if err != nil {
		t.Error(err)
	} else if !u.DataKey.Equal(want) {
		t.Error("opened to another data key")
	}
}

// onlyAttempt is the error of the one attempt to open one EDK.
func onlyAttempt(t testing.TB, k keyring.Keyring, r *keyring.Request, edk keyring.EncryptedDataKey) error {
	t.Helper()
	_, err := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{edk})
	var ue *keyring.UnwrapError
	if !errors.As(err, &ue) || len(ue.Attempts) != 1 {
		t.Fatalf("got %v, want an UnwrapError of one attempt", err)
	}
	return ue.Attempts[0].Err
}

func isSkip(err error) bool {
	var s *keyring.Skip
	return errors.As(err, &s)
}

func TestRSAConformance(t *testing.T) {
	for _, padding := range []kms.RSAPadding{kms.OAEPSHA256, kms.OAEPSHA1} {
		suites := []*suite.Suite{suite.AES128GCM(), suite.AES192GCM(), suite.AES256GCMCommit(), suite.ItemAES256GCM()}
		if padding == kms.OAEPSHA1 {
			suites = suites[2:3]
		}
		t.Run(padding.String(), func(t *testing.T) {
			f := rsaFake()
			make := func(t testing.TB, c kms.RSAConfig) keyring.Keyring {
				c.Padding, c.Client = padding, f
				return newRSA(t, c)
			}
			keyringtest.Run(t, keyringtest.Options{
				New: func(t testing.TB) keyring.Keyring { return make(t, kms.RSAConfig{KeyID: singleARN}) },
				OtherKey: func(t testing.TB) keyring.Keyring {
					return make(t, kms.RSAConfig{KeyID: singleARN, PublicKey: &rsaKeys()[1].PublicKey})
				},
				Foreign: func(t testing.TB) []keyring.Keyring {
					return []keyring.Keyring{
						make(t, kms.RSAConfig{KeyID: otherARN}), make(t, kms.RSAConfig{KeyID: rsaARN}),
						make(t, kms.RSAConfig{KeyID: singleARN + "1", PublicKey: &rsaKeys()[0].PublicKey}),
						make(t, kms.RSAConfig{KeyID: singleARN[:len(singleARN)-1], PublicKey: &rsaKeys()[0].PublicKey}),
					}
				},
				Suites: suites,
			})
		})
	}
}

// TestRSALayout opens with the standard library what the keyring wrote, and the reverse. The digest of an empty context is that of no bytes.
func TestRSALayout(t *testing.T) {
	private := rsaKeys()[0]
	for padding, h := range map[kms.RSAPadding]func() hash.Hash{kms.OAEPSHA256: sha256.New, kms.OAEPSHA1: sha1.New} {
		for what, c := range map[string]struct {
			ec        keyring.EncryptionContext
			canonical string
		}{
			"empty": {nil, ""},
			"pairs": {keyring.EncryptionContext{"b": "2", "a": "1"}, "\x00\x02\x00\x01a\x00\x011\x00\x01b\x00\x012"},
		} {
			t.Run(padding.String()+"/"+what, func(t *testing.T) {
				f := rsaFake()
				k := newRSA(t, kms.RSAConfig{Client: f, Padding: padding})
				r := asymmetricRequest(t, suite.AES256GCMCommit(), c.ec)
				w := wrapNew(t, k, r)
				e := w.EDKs[0]
				if e.ProviderID != "aws-kms-rsa" || string(e.ProviderInfo) != rsaARN || len(e.Ciphertext) != 256 {
					t.Fatalf("got provider id %q, info %q, %d bytes", e.ProviderID, e.ProviderInfo, len(e.Ciphertext))
				}
				got, err := rsa.DecryptOAEP(h(), nil, private, e.Ciphertext, nil)
				digest := sha512.Sum384([]byte(c.canonical))
				if err != nil || !bytes.Equal(got, append(digest[:], w.DataKey.Reveal()...)) {
					t.Fatalf("the standard library opens something else: %v", err)
				}
				key := bytes.Repeat([]byte{9}, 32)
				e.Ciphertext, err = rsa.EncryptOAEP(h(), rand.Reader, &private.PublicKey, append(digest[:], key...), nil)
				if err != nil {
					t.Fatal(err)
				}
				opensTo(t, k, r, e, keyring.NewSecret(key))
			})
		}
	}
}

// TestRSACalls: encrypting makes no call; decrypting makes one with the algorithm, the key and the grants, and without a context.
func TestRSACalls(t *testing.T) {
	f := rsaFake()
	var events []kms.Event
	k := newRSA(t, kms.RSAConfig{
		Client: f, GrantTokens: []string{"g1", "g2"}, Region: "eu-west-1",
		Observer: func(_ context.Context, e kms.Event) { events = append(events, e) },
	})
	if calls := f.Calls(); len(calls) != 1 || calls[0].Op != "GetPublicKey" || calls[0].KeyID != rsaARN || len(calls[0].GrantTokens) != 2 {
		t.Errorf("construction: calls %+v", calls)
	}
	r := asymmetricRequest(t, suite.AES256GCMCommit(), keyring.EncryptionContext{"a": "b"})
	w := wrapNew(t, k, r)
	if calls := f.Calls(); len(calls) != 0 {
		t.Errorf("encryption: calls %+v", calls)
	}
	var opened []byte
	f.Edit = func(out any) error { opened = out.(*sdk.DecryptOutput).Plaintext; return nil }
	opensTo(t, k, r, w.EDKs[0], w.DataKey)
	calls := f.Calls()
	if len(calls) != 1 || calls[0].Op != "Decrypt" || calls[0].KeyID != rsaARN || calls[0].Algorithm != "RSAES_OAEP_SHA_256" || calls[0].Context != nil || len(calls[0].GrantTokens) != 2 {
		t.Errorf("decryption: calls %+v", calls)
	}
	if len(opened) != 48+32 || !bytes.Equal(opened, make([]byte, len(opened))) {
		t.Errorf("%d bytes that KMS opened are not wiped", len(opened))
	}
	if len(events) != 2 || events[0].Op != "GetPublicKey" || events[1].Op != "Decrypt" || events[1].Key != rsaARN || events[1].Region != "eu-west-1" || events[1].Err != nil {
		t.Errorf("events %+v", events)
	}
}

// TestRSAOffline: with the public key alone there are no calls at all, and KMS decrypts.
func TestRSAOffline(t *testing.T) {
	r := asymmetricRequest(t, suite.AES256GCMCommit(), keyring.EncryptionContext{"a": "b"})
	public := rsaKeys()[0].PublicKey
	offline := newRSA(t, kms.RSAConfig{PublicKey: &public})
	public.E = 4 // the keyring has a copy
	w := wrapNew(t, offline, r)
	if err := onlyAttempt(t, offline, r, w.EDKs[0]); !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "encrypt-only") {
		t.Errorf("decrypts without a client: %v", err)
	}
	f := rsaFake()
	for what, c := range map[string]kms.RSAConfig{
		"decrypt-only":            {Client: f, DecryptOnly: true},
		"no GetPublicKey":         {Client: decryptOnlyAPI{f}},
		"public key and a client": {Client: decryptOnlyAPI{f}, PublicKey: &rsaKeys()[0].PublicKey},
	} {
		k := newRSA(t, c)
		opensTo(t, k, r, w.EDKs[0], w.DataKey)
		if calls := f.Calls(); len(calls) != 1 || calls[0].Op != "Decrypt" {
			t.Errorf("%s: calls %+v", what, calls)
		}
		_, err := k.OnEncrypt(t.Context(), r, nil)
		if c.PublicKey == nil && (!errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "decrypt-only")) {
			t.Errorf("%s: encrypts: %v", what, err)
		}
		if c.PublicKey != nil && err != nil {
			t.Errorf("%s: %v", what, err)
		}
		e := w.EDKs[0]
		e.Ciphertext = e.Ciphertext[1:]
		if err := onlyAttempt(t, k, r, e); !errors.Is(err, keyring.ErrShape) {
			t.Errorf("%s: a byte less: %v", what, err)
		}
		if calls := f.Calls(); len(calls) != 0 {
			t.Errorf("%s: calls for an impossible ciphertext: %+v", what, calls)
		}
	}
}

// TestRSAContext: KMS opens it, so the difference is known to be the context's.
func TestRSAContext(t *testing.T) {
	const canary = "canary-value"
	f := rsaFake()
	k := newRSA(t, kms.RSAConfig{Client: f})
	w := wrapNew(t, k, asymmetricRequest(t, suite.AES256GCMCommit(), keyring.EncryptionContext{"tenant": canary}))
	for what, ec := range map[string]keyring.EncryptionContext{"value": {"tenant": canary + "2"}, "none": nil, "pair more": {"tenant": canary, "b": ""}} {
		err := onlyAttempt(t, k, asymmetricRequest(t, suite.AES256GCMCommit(), ec), w.EDKs[0])
		if !errors.Is(err, signet.ErrContext) || !errors.Is(err, signet.ErrAuthentication) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// Under another key, or corrupted, it is not known.
	e := w.EDKs[0]
	e.Ciphertext = bytes.Clone(e.Ciphertext)
	e.Ciphertext[100] ^= 1
	err := onlyAttempt(t, k, asymmetricRequest(t, suite.AES256GCMCommit(), keyring.EncryptionContext{"tenant": canary}), e)
	if !errors.Is(err, kms.ErrInvalidCiphertext) || errors.Is(err, signet.ErrContext) || !strings.Contains(err.Error(), "KMS was not sent the context") {
		t.Errorf("corrupted: %v", err)
	}
}

func TestRSASignedSuites(t *testing.T) {
	f := rsaFake()
	k := newRSA(t, kms.RSAConfig{Client: f})
	e := wrapNew(t, k, asymmetricRequest(t, suite.AES256GCMCommit(), nil)).EDKs[0]
	f.Calls()
	for _, s := range suite.All() {
		r := asymmetricRequest(t, s, nil)
		_, err := k.OnEncrypt(t.Context(), r, nil)
		if !s.Signed() {
			if err != nil {
				t.Errorf("%s: %v", s, err)
			}
			continue
		}
		if !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "is signed") {
			t.Errorf("%s: encrypts: %v", s, err)
		}
		if s.IsItem() {
			e.Ciphertext = append(make([]byte, 48), e.Ciphertext...)
		}
		if err := onlyAttempt(t, k, r, e); !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "is signed") {
			t.Errorf("%s: decrypts: %v", s, err)
		}
	}
	if calls := f.Calls(); len(calls) != 0 {
		t.Errorf("calls for signed suites: %+v", calls)
	}
}

// TestRSAReplica: a data key that names a replica is opened with the own region's.
func TestRSAReplica(t *testing.T) {
	f := rsaFake()
	r := asymmetricRequest(t, suite.AES256GCMCommit(), nil)
	far, near := newRSA(t, kms.RSAConfig{Client: f, KeyID: rsaFarARN}), newRSA(t, kms.RSAConfig{Client: f, KeyID: rsaARN})
	w := wrapNew(t, far, r)
	f.Calls()
	opensTo(t, near, r, w.EDKs[0], w.DataKey)
	if calls := f.Calls(); len(calls) != 1 || calls[0].KeyID != rsaARN {
		t.Errorf("calls %+v", calls)
	}
	e := w.EDKs[0]
	for info, skip := range map[string]bool{
		strings.Replace(rsaFarARN, "111122223333", "444455556666", 1): true, strings.Replace(rsaFarARN, "arn:aws:", "arn:aws-cn:", 1): true,
		singleARN: true, otherARN: true, strings.Replace(rsaARN, "key/", "alias/", 1): false, "no ARN": false, "": false, "\xff": false,
	} {
		e.ProviderInfo = []byte(info)
		if err := onlyAttempt(t, near, r, e); isSkip(err) != skip || !skip && !errors.Is(err, keyring.ErrShape) {
			t.Errorf("%q: %v", info, err)
		}
	}
	if calls := f.Calls(); len(calls) != 0 {
		t.Errorf("calls for other keys: %+v", calls)
	}
	// Another provider's information is not looked at.
	e.ProviderID, e.ProviderInfo = "aws-kms", []byte("no ARN")
	if err := onlyAttempt(t, near, r, e); !isSkip(err) {
		t.Errorf("another provider: %v", err)
	}
}

// TestRSAAnswers: what a wrong answer of Decrypt becomes.
func TestRSAAnswers(t *testing.T) {
	f := rsaFake()
	k := newRSA(t, kms.RSAConfig{Client: f})
	r := asymmetricRequest(t, suite.AES256GCMCommit(), nil)
	w := wrapNew(t, k, r)
	for what, c := range map[string]struct {
		edit func(o *sdk.DecryptOutput)
		want error
	}{
		"another key":  {func(o *sdk.DecryptOutput) { *o.KeyId = otherARN }, kms.ErrResponse},
		"a replica":    {func(o *sdk.DecryptOutput) { *o.KeyId = rsaFarARN }, kms.ErrResponse},
		"no key":       {func(o *sdk.DecryptOutput) { o.KeyId = nil }, kms.ErrResponse},
		"no plaintext": {func(o *sdk.DecryptOutput) { o.Plaintext = nil }, kms.ErrResponse},
		"digest only":  {func(o *sdk.DecryptOutput) { o.Plaintext = o.Plaintext[:48] }, keyring.ErrShape},
		"a byte less":  {func(o *sdk.DecryptOutput) { o.Plaintext = o.Plaintext[:79] }, keyring.ErrShape},
		"a byte more":  {func(o *sdk.DecryptOutput) { o.Plaintext = append(o.Plaintext, 0) }, keyring.ErrShape},
		"digest":       {func(o *sdk.DecryptOutput) { o.Plaintext[47] ^= 1 }, signet.ErrContext},
	} {
		var plaintext []byte
		f.Edit = func(out any) error {
			o := out.(*sdk.DecryptOutput)
			c.edit(o)
			plaintext = o.Plaintext
			return nil
		}
		if err := onlyAttempt(t, k, r, w.EDKs[0]); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", what, err, c.want)
		}
		if !bytes.Equal(plaintext, make([]byte, len(plaintext))) {
			t.Errorf("%s: the plaintext is not wiped", what)
		}
	}
	f.Edit = func(any) error { return &types.DisabledException{} }
	if err := onlyAttempt(t, k, r, w.EDKs[0]); !errors.Is(err, kms.ErrKeyDisabled) {
		t.Errorf("disabled: %v", err)
	}
}

func TestRSAGetPublicKey(t *testing.T) {
	ecKey := ecdhKey(t, 0)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		key   any
		usage types.KeyUsageType
		edit  func(o *sdk.GetPublicKeyOutput)
		want  error
		says  string
	}{
		"sign and verify": {rsaKeys()[0], types.KeyUsageTypeSignVerify, nil, kms.ErrInvalidUsage, `spec "RSA_2048" and usage "SIGN_VERIFY"; an RSA key with usage ENCRYPT_DECRYPT is needed`},
		"key agreement":   {ecKey, types.KeyUsageTypeKeyAgreement, nil, kms.ErrInvalidUsage, `spec "ECC_NIST_P256" and usage "KEY_AGREEMENT"; an RSA key`},
		"not RSA":         {ecKey, types.KeyUsageTypeEncryptDecrypt, nil, kms.ErrInvalidUsage, `spec "ECC_NIST_P256"`},
		"SM2": {ecKey, types.KeyUsageTypeEncryptDecrypt, func(o *sdk.GetPublicKeyOutput) { o.KeySpec, o.PublicKey = types.KeySpecSm2, sm2PublicKey },
			kms.ErrInvalidUsage, `spec "SM2"`},
		"1024 bits":      {small, types.KeyUsageTypeEncryptDecrypt, nil, kms.ErrResponse, "1024 bits"},
		"another key":    {rsaKeys()[0], types.KeyUsageTypeEncryptDecrypt, func(o *sdk.GetPublicKeyOutput) { *o.KeyId = otherARN }, kms.ErrResponse, otherARN},
		"no key":         {rsaKeys()[0], types.KeyUsageTypeEncryptDecrypt, func(o *sdk.GetPublicKeyOutput) { o.KeyId = nil }, kms.ErrResponse, "of key"},
		"no public key":  {rsaKeys()[0], types.KeyUsageTypeEncryptDecrypt, func(o *sdk.GetPublicKeyOutput) { o.PublicKey = nil }, kms.ErrResponse, "public key"},
		"trailing bytes": {rsaKeys()[0], types.KeyUsageTypeEncryptDecrypt, func(o *sdk.GetPublicKeyOutput) { o.PublicKey = append(o.PublicKey, 0) }, kms.ErrResponse, "public key"},
		"long":           {rsaKeys()[0], types.KeyUsageTypeEncryptDecrypt, func(o *sdk.GetPublicKeyOutput) { o.PublicKey = make([]byte, 8193) }, kms.ErrResponse, "8193 bytes"},
		"no SHA-256": {rsaKeys()[0], types.KeyUsageTypeEncryptDecrypt, func(o *sdk.GetPublicKeyOutput) { o.EncryptionAlgorithms = o.EncryptionAlgorithms[:1] },
			kms.ErrInvalidUsage, "usage"},
	} {
		f := &kmsfake.Asymmetric{}
		f.Add(rsaARN, c.key, c.usage)
		if c.edit != nil {
			f.Edit = func(out any) error { c.edit(out.(*sdk.GetPublicKeyOutput)); return nil }
		}
		_, err := kms.NewRSA(t.Context(), kms.RSAConfig{KeyID: rsaARN, Client: f, Padding: kms.OAEPSHA256})
		var e *kms.Error
		if !errors.Is(err, c.want) || !errors.As(err, &e) || e.Op != "GetPublicKey" || e.Key != rsaARN || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %v with %q", what, err, c.want, c.says)
		}
	}
	f := &kmsfake.Asymmetric{}
	if _, err := kms.NewRSA(t.Context(), kms.RSAConfig{KeyID: rsaARN, Client: f, Padding: kms.OAEPSHA256}); !errors.Is(err, signet.ErrNotFound) {
		t.Errorf("no such key: %v", err)
	}
}

func TestRSAConfig(t *testing.T) {
	public, f := &rsaKeys()[0].PublicKey, rsaFake()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		cfg  kms.RSAConfig
		want error
		says string
	}{
		"nothing":                 {kms.RSAConfig{}, signet.ErrMalformed, "empty"},
		"alias":                   {kms.RSAConfig{KeyID: "alias/a", PublicKey: public, Padding: kms.OAEPSHA256}, signet.ErrPolicy, "no key ARN"},
		"alias ARN":               {kms.RSAConfig{KeyID: strings.Replace(rsaARN, "key/", "alias/", 1), PublicKey: public, Padding: kms.OAEPSHA256}, signet.ErrPolicy, "no key ARN"},
		"bare id":                 {kms.RSAConfig{KeyID: "22222222-2222-2222-2222-222222222222", Client: f, Padding: kms.OAEPSHA256}, signet.ErrPolicy, "no key ARN"},
		"no padding":              {kms.RSAConfig{KeyID: rsaARN, PublicKey: public}, signet.ErrPolicy, "a padding is required"},
		"unknown padding":         {kms.RSAConfig{KeyID: rsaARN, PublicKey: public, Padding: 3}, signet.ErrPolicy, "a padding is required"},
		"no keys":                 {kms.RSAConfig{KeyID: rsaARN, Padding: kms.OAEPSHA256}, signet.ErrPolicy, "a public key (to encrypt) or a client (to decrypt)"},
		"decrypt-only, no client": {kms.RSAConfig{KeyID: rsaARN, Padding: kms.OAEPSHA256, DecryptOnly: true, PublicKey: public}, signet.ErrPolicy, "decrypt-only"},
		"decrypt-only, public":    {kms.RSAConfig{KeyID: rsaARN, Padding: kms.OAEPSHA256, DecryptOnly: true, PublicKey: public, Client: f}, signet.ErrPolicy, "decrypt-only"},
		"1024 bits":               {kms.RSAConfig{KeyID: rsaARN, Padding: kms.OAEPSHA256, PublicKey: &small.PublicKey}, signet.ErrPolicy, "1024 bits"},
		"no modulus":              {kms.RSAConfig{KeyID: rsaARN, Padding: kms.OAEPSHA256, PublicKey: &rsa.PublicKey{E: 3}}, signet.ErrPolicy, "modulus"},
		"even exponent":           {kms.RSAConfig{KeyID: rsaARN, Padding: kms.OAEPSHA256, PublicKey: &rsa.PublicKey{N: public.N, E: 4}}, signet.ErrPolicy, "exponent"},
		"region":                  {kms.RSAConfig{KeyID: rsaARN, Padding: kms.OAEPSHA256, Client: f, Region: "us-east-1"}, kms.ErrWrongRegion, "us-east-1"},
		"11 grants":               {kms.RSAConfig{KeyID: rsaARN, Padding: kms.OAEPSHA256, Client: f, GrantTokens: strings.Split(strings.Repeat("g", 11), "")}, signet.ErrPolicy, "grant"},
	} {
		if _, err := kms.NewRSA(t.Context(), c.cfg); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %v with %q", what, err, c.want, c.says)
		}
	}
	if calls := f.Calls(); len(calls) != 0 {
		t.Errorf("calls for refused configurations: %+v", calls)
	}
}

func TestRSAPadding(t *testing.T) {
	for _, p := range []kms.RSAPadding{kms.OAEPSHA256, kms.OAEPSHA1} {
		if got, err := kms.ParseRSAPadding(p.String()); got != p || err != nil {
			t.Errorf("%s: got %v, %v", p, got, err)
		}
	}
	for _, s := range []string{"", "oaep-sha384", "pkcs1", "canary", "OAEP-SHA256"} {
		if _, err := kms.ParseRSAPadding(s); !errors.Is(err, signet.ErrPolicy) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: got %v, want ErrPolicy", s, err)
		}
	}
	if got := fmt.Sprint(kms.RSAPadding(9)); got != "RSAPadding(9)" {
		t.Errorf("got %s", got)
	}
	// A message does not say which padding it has; the other one does not open it.
	f := rsaFake()
	r := asymmetricRequest(t, suite.AES256GCMCommit(), nil)
	w := wrapNew(t, newRSA(t, kms.RSAConfig{Client: f, Padding: kms.OAEPSHA1}), r)
	if err := onlyAttempt(t, newRSA(t, kms.RSAConfig{Client: f}), r, w.EDKs[0]); !errors.Is(err, kms.ErrInvalidCiphertext) {
		t.Errorf("another padding: %v", err)
	}
}
