package keyring_test

import (
	"bytes"
	"context"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/ecsig"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

const (
	strict = suite.RequireEncryptRequireDecrypt
	allow  = suite.RequireEncryptAllowDecrypt
	forbid = suite.ForbidEncryptAllowDecrypt
)

// Every suite under the policy that lets it be written: materials are complete, and decryption gives the same ones back.
func TestManagerRoundTrip(t *testing.T) {
	k := rawAES(t, "a")
	m := keyring.NewManager(k)
	for _, s := range suite.All() {
		for _, ec := range []keyring.EncryptionContext{nil, {}, testPairs} {
			policy := strict
			if !s.IsItem() && !s.Commits() {
				policy = forbid
			}
			given := maps.Clone(ec)
			mat, err := m.EncryptionMaterials(t.Context(), &keyring.EncryptionRequest{Context: given, Suite: s, Policy: policy, Length: keyring.UnknownLength})
			if err != nil {
				t.Fatalf("%s: %v", s, err)
			}
			if !maps.Equal(given, ec) {
				t.Errorf("%s: the caller's context was changed", s)
			}
			want := maps.Clone(ec)
			if s.Signed() {
				if mat.SigningKey == nil {
					t.Fatalf("%s: no signing key", s)
				}
				point, err := ecsig.CompressedPoint(&mat.SigningKey.PublicKey)
				if err != nil {
					t.Fatal(err)
				}
				if want == nil {
					want = keyring.EncryptionContext{}
				}
				want[keyring.PublicKeyName] = base64.StdEncoding.EncodeToString(point)
				if mat.SigningKey.Curve != s.Curve() {
					t.Errorf("%s: signing key on %s", s, mat.SigningKey.Curve.Params().Name)
				}
			} else if mat.SigningKey != nil {
				t.Errorf("%s: a signing key although it is not signed", s)
			}
			if !maps.Equal(mat.Context, want) {
				t.Errorf("%s: context %v, want %v", s, mat.Context, want)
			}
			if r := request(t, s, want); !bytes.Equal(mat.AAD, r.AAD) {
				t.Errorf("%s: AAD is not that of the full context", s)
			}
			if mat.Suite != s || mat.DataKey.Len() != s.DataKeyLen() || len(mat.EDKs) != 1 || mat.RequiredKeys != nil || mat.Degraded != nil {
				t.Errorf("%s: materials %v", s, mat)
			}
			if (len(mat.SigningKeys) == 1) != s.IsItem() {
				t.Errorf("%s: %d signing keys", s, len(mat.SigningKeys))
			}
			if len(ec) > 0 { // the materials' context is not the caller's map
				given["purpose"] = "changed"
				if mat.Context["purpose"] != ec["purpose"] {
					t.Errorf("%s: materials share the caller's map", s)
				}
			}

			stored := maps.Clone(mat.Context)
			dec, err := m.DecryptionMaterials(t.Context(), &keyring.DecryptionRequest{Suite: s, Context: stored, EDKs: mat.EDKs, Policy: allow})
			if err != nil {
				t.Fatalf("%s: %v", s, err)
			}
			if !maps.Equal(stored, mat.Context) {
				t.Errorf("%s: the stored context was changed", s)
			}
			if !dec.DataKey.Equal(mat.DataKey) || dec.Suite != s || dec.Used != 0 || dec.Attempts != nil || !maps.Equal(dec.Context, mat.Context) || !bytes.Equal(dec.AAD, mat.AAD) {
				t.Errorf("%s: decryption materials differ", s)
			}
			if s.IsItem() != (dec.SigningKey != nil) || s.IsItem() && !dec.SigningKey.Equal(mat.SigningKeys[0]) {
				t.Errorf("%s: wrong symmetric signing key", s)
			}
			if s.Signed() != (dec.VerificationKey != nil) || s.Signed() && !dec.VerificationKey.Equal(&mat.SigningKey.PublicKey) {
				t.Errorf("%s: wrong verification key", s)
			}
			mat.Release()
			mat.Release()
			dec.Release()
			dec.Release()
			if !destroyed(mat.DataKey) || !destroyed(dec.DataKey) || mat.SigningKey != nil {
				t.Errorf("%s: Release left secrets", s)
			}
			if s.IsItem() && (!destroyed(mat.SigningKeys[0]) || !destroyed(dec.SigningKey)) {
				t.Errorf("%s: Release left signing keys", s)
			}
		}
	}
}

func TestSigningKeysDiffer(t *testing.T) {
	m := keyring.NewManager(rawAES(t, "a"))
	seen := make(map[string]bool)
	for range 20 {
		mat, err := m.EncryptionMaterials(t.Context(), &keyring.EncryptionRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if p := mat.Context[keyring.PublicKeyName]; seen[p] {
			t.Fatal("a signing key was used twice")
		} else {
			seen[p] = true
		}
	}
}

func TestManagerPolicies(t *testing.T) {
	k := rawAES(t, "a")
	m := keyring.NewManager(k)
	defaults := map[suite.CommitmentPolicy]uint16{strict: 0x0578, allow: 0x0578, forbid: 0x0378}
	for _, p := range []suite.CommitmentPolicy{strict, allow, forbid} {
		mat, err := m.EncryptionMaterials(t.Context(), &keyring.EncryptionRequest{Policy: p})
		if err != nil || mat.Suite.ID() != defaults[p] {
			t.Errorf("%s: default suite %v, want %04x (%v)", p, mat.Suite, defaults[p], err)
		}
		for _, s := range suite.All() {
			canWrite := s.IsItem() || s.Commits() == (p != forbid)
			_, err := m.EncryptionMaterials(t.Context(), &keyring.EncryptionRequest{Suite: s, Policy: p})
			if canWrite != (err == nil) || err != nil && !errors.Is(err, signet.ErrPolicy) {
				t.Errorf("%s, encrypt under %s: got %v, want allowed %v", s, p, err, canWrite)
			}
			r := request(t, s, nil)
			w, err := k.OnEncrypt(t.Context(), r, nil)
			if err != nil {
				t.Fatal(err)
			}
			canRead := s.IsItem() || s.Commits() || p != strict
			_, err = m.DecryptionMaterials(t.Context(), &keyring.DecryptionRequest{Suite: s, EDKs: w.EDKs, Policy: p})
			if canRead && s.Signed() { // past the policy, and then without a public key
				if !errors.Is(err, signet.ErrMalformed) {
					t.Errorf("%s, decrypt under %s: got %v, want ErrMalformed", s, p, err)
				}
			} else if canRead != (err == nil) || err != nil && !errors.Is(err, signet.ErrPolicy) {
				t.Errorf("%s, decrypt under %s: got %v, want allowed %v", s, p, err, canRead)
			}
		}
	}
	if _, err := m.EncryptionMaterials(t.Context(), &keyring.EncryptionRequest{Policy: 99}); !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("unknown policy: got %v", err)
	}
}

func TestReservedPair(t *testing.T) {
	asked := 0
	m := keyring.NewManager(&funcs{encrypt: func(context.Context, *keyring.Request, *keyring.Secret) (*keyring.Wrapped, error) {
		asked++
		return nil, errChild
	}})
	for _, s := range []*suite.Suite{nil, suite.AES256GCMCommit(), suite.ItemAES256GCM(), suite.ItemAES256GCMECDSAP384()} {
		_, err := m.EncryptionMaterials(t.Context(), &keyring.EncryptionRequest{Suite: s, Context: keyring.EncryptionContext{keyring.PublicKeyName: "value-canary"}})
		if ce, ok := errors.AsType[*keyring.ContextError](err); !ok || ce.Key != keyring.PublicKeyName || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v: got %v, want a ContextError about the pair", s, err)
		}
	}
	for what, ec := range map[string]keyring.EncryptionContext{
		"too large": {"a": strings.Repeat("x", 65535)}, "key not UTF-8": {"a\xff": "b"}, "value not UTF-8": {"a": "value-canary\xff"},
	} {
		_, err := m.EncryptionMaterials(t.Context(), &keyring.EncryptionRequest{Context: ec})
		if want := map[bool]error{true: signet.ErrLimit, false: signet.ErrContext}[what == "too large"]; !errors.Is(err, want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v, want %v", what, err, want)
		}
	}
	if asked != 0 {
		t.Errorf("the keyring was asked %d times", asked)
	}
	if _, err := m.EncryptionMaterials(t.Context(), &keyring.EncryptionRequest{}); !errors.Is(err, errChild) {
		t.Errorf("the keyring's error: got %v", err)
	}
}

func TestManagerRefusesBadEncryption(t *testing.T) {
	for _, s := range []*suite.Suite{suite.AES256GCMCommit(), suite.ItemAES256GCM()} {
		try := func(name string, w *keyring.Wrapped) {
			mat, err := keyring.NewManager(returning(w)).EncryptionMaterials(t.Context(), &keyring.EncryptionRequest{Suite: s})
			if mat != nil || err == nil || !strings.Contains(err.Error(), "unusable") {
				t.Errorf("%s: %s: got %v, want an error", s, name, err)
			}
			if w != nil && w.DataKey != nil && !destroyed(w.DataKey) {
				t.Errorf("%s: %s: the data key was not destroyed", s, name)
			}
		}
		for name, w := range badResults(s.IsItem()) {
			if w != nil {
				w.DataKey = keyring.RandomSecret(32)
			}
			try(name, w)
		}
		good := func() *keyring.Wrapped {
			w, err := rawAES(t, "a").OnEncrypt(t.Context(), request(t, s, nil), nil)
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		for _, n := range []int{1, 16, 31, 33} {
			w := good()
			w.DataKey = keyring.RandomSecret(n)
			try(fmt.Sprintf("data key of %d bytes", n), w)
		}
		w := good()
		w.DataKey = nil
		try("no data key", w)
		if _, err := keyring.NewManager(returning(good())).EncryptionMaterials(t.Context(), &keyring.EncryptionRequest{Suite: s}); err != nil {
			t.Errorf("%s: a good result: %v", s, err)
		}
	}
}

func TestManagerRefusesBadDecryption(t *testing.T) {
	edks := make([]keyring.EncryptedDataKey, 3)
	key := func(n int) *keyring.Secret { return keyring.RandomSecret(n) }
	for _, c := range []struct {
		name   string
		suite  *suite.Suite
		result *keyring.Unwrapped
		ok     bool
	}{
		{"good", suite.AES256GCMCommit(), &keyring.Unwrapped{DataKey: key(32), Used: 2}, true},
		{"good item", suite.ItemAES256GCM(), &keyring.Unwrapped{DataKey: key(32), SigningKey: key(32)}, true},
		{"nothing", suite.AES256GCMCommit(), nil, false},
		{"no data key", suite.AES256GCMCommit(), &keyring.Unwrapped{}, false},
		{"short", suite.AES256GCMCommit(), &keyring.Unwrapped{DataKey: key(16)}, false},
		{"long", suite.AES128GCM(), &keyring.Unwrapped{DataKey: key(32)}, false},
		{"Used after the end", suite.AES256GCMCommit(), &keyring.Unwrapped{DataKey: key(32), Used: 3}, false},
		{"Used negative", suite.AES256GCMCommit(), &keyring.Unwrapped{DataKey: key(32), Used: -1}, false},
		{"item without signing key", suite.ItemAES256GCM(), &keyring.Unwrapped{DataKey: key(32)}, false},
		{"item with a short signing key", suite.ItemAES256GCM(), &keyring.Unwrapped{DataKey: key(32), SigningKey: key(31)}, false},
		{"item without data key", suite.ItemAES256GCM(), &keyring.Unwrapped{SigningKey: key(32)}, false},
	} {
		m := keyring.NewManager(&funcs{decrypt: func(context.Context, *keyring.Request, []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
			return c.result, nil
		}})
		mat, err := m.DecryptionMaterials(t.Context(), &keyring.DecryptionRequest{Suite: c.suite, EDKs: edks, Policy: allow})
		if (err == nil) != c.ok || (mat != nil) != c.ok || err != nil && !strings.Contains(err.Error(), "unusable") {
			t.Errorf("%s: got %v, want success %v", c.name, err, c.ok)
		}
		if !c.ok && c.result != nil {
			for _, s := range []*keyring.Secret{c.result.DataKey, c.result.SigningKey} {
				if s != nil && !destroyed(s) {
					t.Errorf("%s: a secret was not destroyed", c.name)
				}
			}
		}
	}
}

func TestPublicKeyPair(t *testing.T) {
	encode := func(c elliptic.Curve, change func([]byte) []byte) string {
		k, err := ecsig.GenerateKey(c)
		if err != nil {
			t.Fatal(err)
		}
		b, err := ecsig.CompressedPoint(&k.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(change(b))
	}
	same := func(b []byte) []byte { return b }
	p256, p384 := elliptic.P256(), elliptic.P384()
	asked := 0
	k := rawAES(t, "a")
	m := keyring.NewManager(&funcs{decrypt: func(ctx context.Context, r *keyring.Request, edks []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
		asked++
		return k.OnDecrypt(ctx, r, edks)
	}})
	signed256, signed384, unsigned, item := suite.AES128GCMECDSAP256(), suite.AES256GCMCommitECDSAP384(), suite.AES256GCMCommit(), suite.ItemAES256GCMECDSAP384()
	for _, c := range []struct {
		name  string
		suite *suite.Suite
		value string // "" is no pair
		want  error
	}{
		{"right curve", signed384, encode(p384, same), nil},
		{"right curve, P-256", signed256, encode(p256, same), nil},
		{"right curve, item", item, encode(p384, same), nil},
		{"none, unsigned", unsigned, "", nil},
		{"missing", signed384, "", signet.ErrMalformed},
		{"missing, item", item, "", signet.ErrMalformed},
		{"there, unsigned", unsigned, encode(p384, same), signet.ErrMalformed},
		{"there, unsigned item", suite.ItemAES256GCM(), encode(p384, same), signet.ErrMalformed},
		{"P-256 instead of P-384", signed384, encode(p256, same), signet.ErrMalformed},
		{"P-384 instead of P-256", signed256, encode(p384, same), signet.ErrMalformed},
		{"cut", signed384, encode(p384, func(b []byte) []byte { return b[:48] }), signet.ErrMalformed},
		{"a byte more", signed384, encode(p384, func(b []byte) []byte { return append(b, 0) }), signet.ErrMalformed},
		{"first byte 04", signed384, encode(p384, func(b []byte) []byte { b[0] = 4; return b }), signet.ErrMalformed},
		{"first byte 00", signed384, encode(p384, func(b []byte) []byte { b[0] = 0; return b }), signet.ErrMalformed},
		{"x above the field", signed384, encode(p384, func(b []byte) []byte { return append(b[:1], bytes.Repeat([]byte{0xFF}, 48)...) }), signet.ErrMalformed},
		{"not on the curve", signed384, encode(p384, func(b []byte) []byte { return offCurve(p384) }), signet.ErrMalformed},
		{"infinity", signed384, base64.StdEncoding.EncodeToString([]byte{0}), signet.ErrMalformed},
		{"only padding", signed384, "====", signet.ErrMalformed},
		{"not base64", signed384, "value-canary!", signet.ErrMalformed},
		{"without padding", signed256, strings.TrimRight(encode(p256, func(b []byte) []byte { return b[:32] }), "="), signet.ErrMalformed},
		{"URL alphabet", signed384, strings.Repeat("_-", 33), signet.ErrMalformed},
	} {
		ec := maps.Clone(testPairs)
		if c.value != "" {
			ec[keyring.PublicKeyName] = c.value
		}
		w, err := k.OnEncrypt(t.Context(), request(t, c.suite, ec), nil)
		if err != nil {
			t.Fatal(err)
		}
		asked = 0
		mat, err := m.DecryptionMaterials(t.Context(), &keyring.DecryptionRequest{Suite: c.suite, Context: ec, EDKs: w.EDKs, Policy: allow})
		switch {
		case c.want == nil && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want == nil && (mat.VerificationKey != nil) != c.suite.Signed():
			t.Errorf("%s: verification key %v", c.name, mat.VerificationKey)
		case c.want != nil && (mat != nil || !errors.Is(err, c.want) || errors.Is(err, signet.ErrContext) || asked != 0):
			t.Errorf("%s: got %v after %d calls of the keyring, want %v before any", c.name, err, asked, c.want)
		case err != nil && strings.Contains(err.Error(), "canary"):
			t.Errorf("%s: the error shows a value: %v", c.name, err)
		}
	}
}

// offCurve is a compressed point whose x has no y.
func offCurve(c elliptic.Curve) []byte {
	b := make([]byte, 49)
	b[0] = 2
	for i := range 256 {
		b[48] = byte(i)
		if _, err := ecsig.ParseCompressedPoint(c, b); err != nil {
			return b
		}
	}
	panic("every x is on the curve")
}

// required keys: the default manager with a context that the message does not store in full.
func TestReproducedContext(t *testing.T) {
	k := rawAES(t, "a")
	m := keyring.NewManager(k)
	full := keyring.EncryptionContext{"a": "1", "b": "2", "c": "3"}
	keys := slices.Sorted(maps.Keys(full))
	w, err := k.OnEncrypt(t.Context(), request(t, suite.AES256GCMCommit(), full), nil)
	if err != nil {
		t.Fatal(err)
	}
	subset := func(bits int) keyring.EncryptionContext {
		ec := make(keyring.EncryptionContext)
		for i, key := range keys {
			if bits&(1<<i) != 0 {
				ec[key] = full[key]
			}
		}
		return ec
	}
	try := func(stored, reproduced keyring.EncryptionContext) (*keyring.DecryptionMaterials, error) {
		before := maps.Clone(reproduced)
		mat, err := m.DecryptionMaterials(t.Context(), &keyring.DecryptionRequest{Suite: suite.AES256GCMCommit(), Context: stored, Reproduced: reproduced, EDKs: w.EDKs})
		if !maps.Equal(before, reproduced) {
			t.Error("the reproduced context was changed")
		}
		return mat, err
	}
	for notStored := range 8 {
		stored := subset(7 &^ notStored)
		for given := range 8 {
			reproduced := subset(given)
			mat, err := try(stored, reproduced)
			if given&notStored != notStored { // a required pair is missing
				if !errors.Is(err, signet.ErrAuthentication) {
					t.Errorf("stored %v, reproduced %v: got %v, want ErrAuthentication", stored, reproduced, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("stored %v, reproduced %v: %v", stored, reproduced, err)
				continue
			}
			if want := slices.Sorted(maps.Keys(subset(notStored))); !slices.Equal(mat.RequiredKeys, want) || !maps.Equal(mat.Context, full) {
				t.Errorf("stored %v, reproduced %v: required %v, context %v", stored, reproduced, mat.RequiredKeys, mat.Context)
			}
		}
		foreign := subset(notStored)
		foreign["d"] = "4"
		if _, err := try(stored, foreign); !errors.Is(err, signet.ErrAuthentication) {
			t.Errorf("foreign pair: got %v, want ErrAuthentication", err)
		}
		for i, key := range keys {
			changed := subset(7)
			changed[key] = "value-canary"
			want := signet.ErrContext
			if notStored&(1<<i) != 0 {
				want = signet.ErrAuthentication // nobody but the key can know
			}
			if _, err := try(stored, changed); !errors.Is(err, want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("changed value of %s: got %v, want %v", key, err, want)
			}
		}
	}
}

func TestMergeContext(t *testing.T) {
	ec := func(kv ...string) keyring.EncryptionContext {
		m := make(keyring.EncryptionContext)
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		return m
	}
	const pk = keyring.PublicKeyName
	for _, c := range []struct {
		name               string
		stored, reproduced keyring.EncryptionContext
		merged             keyring.EncryptionContext
		required           []string
		key                string // of the ContextError
	}{
		{"both nil", nil, nil, nil, nil, ""},
		{"nothing reproduced", ec("a", "1"), nil, ec("a", "1"), nil, ""},
		{"all stored", ec("a", "1", "b", "2"), ec("a", "1"), ec("a", "1", "b", "2"), nil, ""},
		{"nothing stored", nil, ec("b", "2", "a", "1"), ec("a", "1", "b", "2"), []string{"a", "b"}, ""},
		{"some stored", ec("b", "2"), ec("b", "2", "é", "3", "a", "1", "B", ""), ec("a", "1", "b", "2", "é", "3", "B", ""), []string{"B", "a", "é"}, ""},
		{"empty value stored", ec("a", ""), ec("a", ""), ec("a", ""), nil, ""},
		{"empty key", ec("a", "1"), ec("", "x"), ec("a", "1", "", "x"), []string{""}, ""},
		{"value differs", ec("a", "1"), ec("a", "2"), nil, nil, "a"},
		{"value differs from empty", ec("a", ""), ec("a", "2"), nil, nil, "a"},
		{"case differs", ec("a", "x"), ec("a", "X"), nil, nil, "a"},
		{"public key as stored", ec(pk, "P", "a", "1"), ec(pk, "P"), ec(pk, "P", "a", "1"), nil, ""},
		{"public key differs", ec(pk, "P"), ec(pk, "Q"), nil, nil, pk},
		{"public key not stored", ec("a", "1"), ec(pk, "P"), nil, nil, pk},
		{"public key not stored, nothing is", nil, ec(pk, ""), nil, nil, pk},
	} {
		stored, reproduced := maps.Clone(c.stored), maps.Clone(c.reproduced)
		merged, required, err := keyring.MergeContext(c.stored, c.reproduced)
		if !maps.Equal(stored, c.stored) || !maps.Equal(reproduced, c.reproduced) {
			t.Errorf("%s: an argument was changed", c.name)
		}
		if c.key != "" {
			if ce, ok := errors.AsType[*keyring.ContextError](err); !ok || ce.Key != c.key || !errors.Is(err, signet.ErrContext) || merged != nil || required != nil {
				t.Errorf("%s: got %v, want a ContextError about %q", c.name, err, c.key)
			}
			continue
		}
		if err != nil || !maps.Equal(merged, c.merged) || !slices.Equal(required, c.required) {
			t.Errorf("%s: got %v, required %q, %v; want %v, required %q", c.name, merged, required, err, c.merged, c.required)
		}
		if c.required != nil {
			merged["new"] = "pair"
			if !maps.Equal(stored, c.stored) || !maps.Equal(reproduced, c.reproduced) {
				t.Errorf("%s: the result shares an argument's map although it has more pairs", c.name)
			}
		}
	}
}

// owner counts what Release tells it.
type owner int

func (o *owner) Release() { *o++ }

func TestReleaseTellsOwner(t *testing.T) {
	var o owner
	key := keyring.RandomSecret(32)
	enc := &keyring.EncryptionMaterials{DataKey: key, Owner: &o}
	dec := &keyring.DecryptionMaterials{DataKey: key, Owner: &o}
	for range 2 {
		enc.Release()
		dec.Release()
	}
	if o != 2 || destroyed(key) {
		t.Errorf("owner told %d times, want 2; secret destroyed: %v", o, destroyed(key))
	}
	(*keyring.EncryptionMaterials)(nil).Release()
	(*keyring.DecryptionMaterials)(nil).Release()
}

// The private half of the signing key is an ordinary struct, which encoders would print.
func TestMaterialsAreRedacted(t *testing.T) {
	mat, err := keyring.NewManager(rawAES(t, "a")).EncryptionMaterials(t.Context(), &keyring.EncryptionRequest{Context: testPairs})
	if err != nil {
		t.Fatal(err)
	}
	d, err := mat.SigningKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	number := new(big.Int).SetBytes(d).String()
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", mat)
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", "v", mat)
	j, err := json.Marshal(map[string]any{"m": mat})
	if err != nil {
		t.Fatal(err)
	}
	b.Write(j)
	fmt.Fprintf(&b, "%v %+v %#v %s %d %x", mat, mat, mat, mat, mat, mat)
	if strings.Contains(b.String(), number) || leaks(b.String(), string(d)) != "" || leaks(b.String(), string(mat.DataKey.Reveal())) != "" {
		t.Errorf("materials show a key: %s", b.String())
	}
	if strings.Contains(b.String(), "value-canary") {
		t.Errorf("materials show a context value: %s", b.String())
	}
	if got := strings.Count(b.String(), "[secret]"); got != 9 {
		t.Errorf("%d placeholders, want 9: %s", got, b.String())
	}
}

func TestNewManagerWithoutKeyring(t *testing.T) {
	defer func() {
		if got, want := fmt.Sprint(recover()), "keyring: internal error: NewManager without a keyring"; got != want {
			t.Errorf("panic: got %s, want %s", got, want)
		}
	}()
	keyring.NewManager(nil)
}
