package kms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/keyringtest"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/kms/internal/kmsfake"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// Symmetric keys in the fake: two of eu-west-1, one of another account, and a multi-Region key with a replica.
const (
	near, far   = "eu-west-1", "eu-central-1"
	oneARN      = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000001"
	twoARN      = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000002"
	farARN      = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000003"
	strangerARN = "arn:aws:kms:eu-west-1:444455556666:key/00000000-0000-0000-0000-000000000004"
	mrkARN      = "arn:aws:kms:eu-west-1:111122223333:key/mrk-00000000000000000000000000000005"
	mrkFarARN   = "arn:aws:kms:eu-central-1:111122223333:key/mrk-00000000000000000000000000000005"
	aliasARN    = "arn:aws:kms:eu-west-1:111122223333:alias/app"
)

func symmetricFake() *kmsfake.KMS {
	f := kmsfake.New(oneARN, twoARN, farARN, strangerARN, mrkARN, mrkFarARN)
	f.AddAlias(aliasARN, oneARN)
	return f
}

type constructor func(context.Context, kms.Config) (keyring.Keyring, error)

func strict(t testing.TB, build constructor, c kms.Config) keyring.Keyring {
	t.Helper()
	k, err := build(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var testPairs = keyring.EncryptionContext{"tenant": "t-1", "purpose": "test"}

// exact lets a keyring see only what names one key: by design it opens what names any replica, and the suite changes each letter of a name.
type exact struct {
	keyring.Keyring
	arn string
}

func (k *exact) OnDecrypt(ctx context.Context, r *keyring.Request, edks []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
	edks = slices.Clone(edks)
	for i := range edks {
		if string(edks[i].ProviderInfo) != k.arn {
			edks[i].ProviderID = "hidden"
		}
	}
	return k.Keyring.OnDecrypt(ctx, r, edks)
}

func TestConformance(t *testing.T) {
	for name, c := range map[string]struct {
		build     constructor
		arn, read string
	}{
		"strict": {kms.New, oneARN, oneARN}, "MRK, single": {kms.NewMRK, oneARN, oneARN}, "MRK": {kms.NewMRK, mrkARN, mrkARN}, "MRK, replica": {kms.NewMRK, mrkARN, mrkFarARN},
	} {
		t.Run(name, func(t *testing.T) {
			f := symmetricFake()
			f.AddMaterial(c.arn+"0", oneARN)
			f.AddMaterial(c.arn[:len(c.arn)-1], oneARN)
			other := kmsfake.New()
			other.AddMaterial(c.arn, twoARN)
			at := func(t testing.TB, f *kmsfake.KMS, arn string) keyring.Keyring {
				region := strings.Split(arn, ":")[3]
				k := strict(t, c.build, kms.Config{KeyID: arn, Client: f.Region(region), Region: region})
				if strings.Contains(arn, "mrk-") {
					return &exact{k, c.arn}
				}
				return k
			}
			keyringtest.Run(t, keyringtest.Options{
				New:       func(t testing.TB) keyring.Keyring { return at(t, f, c.arn) },
				NewReader: func(t testing.TB) keyring.Keyring { return at(t, f, c.read) },
				OtherKey:  func(t testing.TB) keyring.Keyring { return at(t, other, c.arn) },
				Foreign: func(t testing.TB) []keyring.Keyring {
					aes, err := raw.NewAES(raw.AESConfig{Namespace: "n", Name: c.arn, Key: make([]byte, 32)})
					if err != nil {
						t.Fatal(err)
					}
					return []keyring.Keyring{at(t, f, twoARN), at(t, f, c.arn+"0"), at(t, f, c.arn[:len(c.arn)-1]), aes}
				},
				// KMS says of a cut ciphertext that it did not open, and is not asked for a long one.
				Refusals: []error{signet.ErrAuthentication, signet.ErrLimit},
			})
		})
	}
}

// TestRoles: a generator and two children make one GenerateDataKey and two Encrypts, or, for items, three GenerateDataKeys of 32 bytes; the first
// keyring that can opens with one Decrypt.
func TestRoles(t *testing.T) {
	f := symmetricFake()
	grants := []string{"grant-1", "grant-2"}
	all, err := kms.NewMulti(t.Context(), kms.MultiConfig{Generator: oneARN, Children: []string{twoARN, farARN}, Supplier: supplier(f), GrantTokens: grants})
	if err != nil {
		t.Fatal(err)
	}
	grants[0] = "changed" // the keyring has a copy
	for _, s := range []*suite.Suite{suite.AES128GCM(), suite.AES192GCM(), suite.AES256GCMCommit(), suite.ItemAES256GCM()} {
		r := asymmetricRequest(t, s, testPairs)
		w := wrapNew(t, all, r)
		want := []kmsfake.Call{
			{Op: "GenerateDataKey", Region: near, KeyID: oneARN, Bytes: s.DataKeyLen()},
			{Op: "Encrypt", Region: near, KeyID: twoARN, Bytes: s.DataKeyLen()}, {Op: "Encrypt", Region: far, KeyID: farARN, Bytes: s.DataKeyLen()},
		}
		if s.IsItem() {
			for i := range want {
				want[i].Op, want[i].Bytes = "GenerateDataKey", 32
			}
		}
		calls := f.Calls()
		slices.SortFunc(calls[1:], func(a, b kmsfake.Call) int { return strings.Compare(b.Region, a.Region) }) // children run at once
		checkCalls(t, s.Name(), calls, want)
		for i, arn := range []string{oneARN, twoARN, farARN} {
			if e := w.EDKs[i]; e.ProviderID != "aws-kms" || string(e.ProviderInfo) != arn {
				t.Errorf("%s: EDK %d is of %q, key %q", s, i, e.ProviderID, e.ProviderInfo)
			}
		}
		for first := range w.EDKs {
			u, err := all.OnDecrypt(t.Context(), r, w.EDKs[first:])
			if err != nil {
				t.Fatal(err)
			}
			if !u.DataKey.Equal(w.DataKey) || u.Used != 0 {
				t.Errorf("%s: EDK %d opens to another data key", s, first)
			}
			sent := len(w.EDKs[first].Ciphertext)
			if s.IsItem() {
				sent -= 48
			}
			arn := string(w.EDKs[first].ProviderInfo)
			checkCalls(t, s.Name(), f.Calls(), []kmsfake.Call{{Op: "Decrypt", Region: strings.Split(arn, ":")[3], KeyID: arn, Bytes: sent}})
		}
	}
}

// checkCalls compares calls; all of them have the context and the grants of TestRoles.
func checkCalls(t *testing.T, what string, got, want []kmsfake.Call) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d calls, want %d: %+v", what, len(got), len(want), got)
	}
	for i, g := range got {
		w := want[i]
		if g.Op != w.Op || g.Region != w.Region || g.KeyID != w.KeyID || g.Bytes != w.Bytes {
			t.Errorf("%s: call %d is %+v, want %+v", what, i, g, w)
		}
		if !maps.Equal(g.Context, testPairs) || !slices.Equal(g.GrantTokens, []string{"grant-1", "grant-2"}) {
			t.Errorf("%s: call %d has context %v and grants %v", what, i, g.Context, g.GrantTokens)
		}
	}
}

// TestStrictFilter: what is asked of KMS, what is skipped, and what is refused without a call.
func TestStrictFilter(t *testing.T) {
	f := symmetricFake()
	r := asymmetricRequest(t, suite.AES256GCMCommit(), testPairs)
	writer := func(arn string) keyring.EncryptedDataKey {
		region := strings.Split(arn, ":")[3]
		return wrapNew(t, strict(t, kms.New, kms.Config{KeyID: arn, Client: f.Region(region)}), r).EDKs[0]
	}
	const (
		opens = iota
		skips
		malformed
	)
	as := func(e keyring.EncryptedDataKey, provider, info string) keyring.EncryptedDataKey {
		e.ProviderID, e.ProviderInfo = provider, []byte(info)
		return e
	}
	one, mrk := writer(oneARN), writer(mrkFarARN)
	for name, c := range map[string]struct {
		build constructor
		key   string
		edk   keyring.EncryptedDataKey
		want  int
	}{
		"own":                      {kms.New, oneARN, one, opens},
		"another key":              {kms.New, oneARN, writer(twoARN), skips},
		"another region":           {kms.New, oneARN, as(one, "aws-kms", strings.Replace(oneARN, near, far, 1)), skips},
		"another account":          {kms.New, oneARN, as(one, "aws-kms", strings.Replace(oneARN, "111122223333", "444455556666", 1)), skips},
		"another case":             {kms.New, oneARN, as(one, "aws-kms", strings.Replace(oneARN, "aws", "AWS", 1)), skips},
		"replica, strict":          {kms.New, mrkARN, mrk, skips},
		"replica, MRK":             {kms.NewMRK, mrkARN, mrk, opens},
		"other account's, MRK":     {kms.NewMRK, mrkARN, as(mrk, "aws-kms", strings.Replace(mrkFarARN, "1111", "2222", 1)), skips},
		"other partition's, MRK":   {kms.NewMRK, mrkARN, as(mrk, "aws-kms", strings.Replace(mrkFarARN, "aws", "aws-cn", 1)), skips},
		"single key, MRK":          {kms.NewMRK, oneARN, one, opens},
		"single key far away, MRK": {kms.NewMRK, oneARN, as(one, "aws-kms", strings.Replace(oneARN, near, far, 1)), skips},
		"provider's case":          {kms.New, oneARN, as(one, "AWS-KMS", oneARN), skips},
		"provider is longer":       {kms.New, oneARN, as(one, "aws-kms2", oneARN), skips},
		"no provider":              {kms.New, oneARN, as(one, "", oneARN), skips},
		"other provider, no ARN":   {kms.New, oneARN, as(one, "raw", "no ARN"), skips},
		"other provider, no UTF-8": {kms.New, oneARN, as(one, "raw", "\xff"), skips},
		"no ARN":                   {kms.New, oneARN, as(one, "aws-kms", "no ARN"), malformed},
		"empty":                    {kms.New, oneARN, as(one, "aws-kms", ""), malformed},
		"not UTF-8":                {kms.New, oneARN, as(one, "aws-kms", oneARN[:len(oneARN)-1]+"\xff"), malformed},
		"a space more":             {kms.New, oneARN, as(one, "aws-kms", oneARN+" "), malformed},
		"an alias":                 {kms.New, oneARN, as(one, "aws-kms", aliasARN), malformed},
		"a bare id":                {kms.New, oneARN, as(one, "aws-kms", oneARN[strings.LastIndexByte(oneARN, '/')+1:]), malformed},
	} {
		t.Run(name, func(t *testing.T) {
			k := strict(t, c.build, kms.Config{KeyID: c.key, Client: f.Region(near), Region: near})
			f.Calls()
			u, err := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{c.edk})
			calls := f.Calls()
			if c.want == opens {
				if err != nil || len(calls) != 1 || calls[0].KeyID != c.key {
					t.Errorf("got %v, calls %+v", err, calls)
				}
				return
			}
			if err == nil || u != nil || len(calls) != 0 {
				t.Fatalf("got %v, calls %+v", err, calls)
			}
			err = onlyAttempt(t, k, r, c.edk)
			if c.want == skips && !isSkip(err) || c.want == malformed && (isSkip(err) || !errors.Is(err, keyring.ErrShape)) {
				t.Errorf("got %v", err)
			}
			// It does not keep the next one from being opened.
			own := writer(c.key)
			if u, err := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{c.edk, own}); err != nil || u.Used != 1 || len(u.Attempts) != 1 {
				t.Errorf("the next: %v", err)
			}
		})
	}
}

// TestOtherKeyIsNamed: the error says which key the data names and which is configured.
func TestOtherKeyIsNamed(t *testing.T) {
	f := symmetricFake()
	one := strict(t, kms.New, kms.Config{KeyID: oneARN, Client: f.Region(near)})
	two := strict(t, kms.New, kms.Config{KeyID: twoARN, Client: f.Region(near)})
	msg, err := message.Encrypt(t.Context(), one, []byte("text"), testPairs)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = message.Decrypt(t.Context(), two, msg)
	if !errors.Is(err, signet.ErrNoKey) || !strings.Contains(err.Error(), oneARN) || !strings.Contains(err.Error(), twoARN) {
		t.Errorf("got %v", err)
	}
}

// TestIdentifiers: whatever names the key, messages name it by its ARN, and are opened.
func TestIdentifiers(t *testing.T) {
	f := symmetricFake()
	for _, id := range []string{oneARN, aliasARN, "alias/app", oneARN[strings.LastIndexByte(oneARN, '/')+1:]} {
		var events []kms.Event
		k := strict(t, kms.New, kms.Config{
			KeyID: id, Client: f.Region(near), Region: near, GrantTokens: []string{"g"}, Observer: func(_ context.Context, e kms.Event) { events = append(events, e) },
		})
		calls := f.Calls()
		if id == oneARN && len(calls) != 0 || id != oneARN && (len(calls) != 1 || calls[0].Op != "DescribeKey" || calls[0].KeyID != id || len(calls[0].GrantTokens) != 1) {
			t.Errorf("%s: calls %+v", id, calls)
		}
		if len(events) != len(calls) {
			t.Errorf("%s: %d events", id, len(events))
		}
		r := asymmetricRequest(t, suite.AES256GCMCommit(), nil)
		w := wrapNew(t, k, r)
		if string(w.EDKs[0].ProviderInfo) != oneARN {
			t.Errorf("%s: the data key names %q", id, w.EDKs[0].ProviderInfo)
		}
		opensTo(t, k, r, w.EDKs[0], w.DataKey)
		for _, c := range f.Calls() {
			if c.KeyID != oneARN {
				t.Errorf("%s: %s is sent with %q", id, c.Op, c.KeyID)
			}
		}
	}
	// Encrypting only, it is KMS that says which key the alias names.
	k := strict(t, kms.New, kms.Config{KeyID: "alias/app", Client: f.Region(near), EncryptOnly: true})
	r := asymmetricRequest(t, suite.AES256GCMCommit(), nil)
	w := wrapNew(t, k, r)
	if calls := f.Calls(); len(calls) != 1 || calls[0].KeyID != "alias/app" || string(w.EDKs[0].ProviderInfo) != oneARN {
		t.Errorf("encrypt-only: calls %+v, the data key names %q", calls, w.EDKs[0].ProviderInfo)
	}
	if err := onlyAttempt(t, k, r, w.EDKs[0]); !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "encrypt-only") {
		t.Errorf("encrypt-only: %v", err)
	}
	f.AddAlias(aliasARN, twoARN)
	if w = wrapNew(t, k, r); string(w.EDKs[0].ProviderInfo) != twoARN {
		t.Errorf("the alias was moved and the data key names %q", w.EDKs[0].ProviderInfo)
	}
}

type threeCalls struct{ kms.API } // hides DescribeKey

func TestConfig(t *testing.T) {
	f := symmetricFake()
	f.SetUsage(twoARN, types.KeySpecRsa2048, types.KeyUsageTypeSignVerify)
	f.AddAlias(strings.Replace(aliasARN, "app", "rsa", 1), twoARN)
	bare, eleven := threeCalls{f.Region(near)}, strings.Split("1234567890a", "")
	real := sdk.New(sdk.Options{Region: far})
	for name, c := range map[string]struct {
		cfg  kms.Config
		want error
		says []string
	}{
		"nothing":            {kms.Config{}, signet.ErrPolicy, []string{"client"}},
		"no client":          {kms.Config{KeyID: oneARN}, signet.ErrPolicy, []string{"client"}},
		"no key":             {kms.Config{Client: bare}, signet.ErrMalformed, []string{"empty"}},
		"long key":           {kms.Config{KeyID: strings.Repeat("x", 2049), Client: bare}, signet.ErrMalformed, []string{"2049", "2048"}},
		"no ASCII":           {kms.Config{KeyID: "alias/ü", Client: bare}, signet.ErrMalformed, []string{"ASCII"}},
		"broken ARN":         {kms.Config{KeyID: "arn:aws:kms:eu-west-1:111122223333:key/", Client: bare}, signet.ErrMalformed, []string{"resource"}},
		"alias":              {kms.Config{KeyID: "alias/app", Client: bare}, signet.ErrPolicy, []string{`"alias/app"`, "DescribeKey"}},
		"alias ARN":          {kms.Config{KeyID: aliasARN, Client: bare}, signet.ErrPolicy, []string{aliasARN, "DescribeKey"}},
		"bare id":            {kms.Config{KeyID: "1234", Client: bare}, signet.ErrPolicy, []string{`"1234"`, "DescribeKey"}},
		"region":             {kms.Config{KeyID: oneARN, Client: bare, Region: far}, kms.ErrWrongRegion, []string{near, far}},
		"region of a client": {kms.Config{KeyID: oneARN, Client: real}, kms.ErrWrongRegion, []string{near, far}},
		"alias's region":     {kms.Config{KeyID: aliasARN, Client: real}, kms.ErrWrongRegion, []string{near, far}},
		"encrypt-only":       {kms.Config{KeyID: oneARN, Client: real, EncryptOnly: true}, kms.ErrWrongRegion, []string{near, far}},
		"11 grants":          {kms.Config{KeyID: oneARN, Client: bare, GrantTokens: eleven}, signet.ErrPolicy, []string{"11 grant tokens", "10"}},
		"empty grant":        {kms.Config{KeyID: oneARN, Client: bare, GrantTokens: []string{"a", ""}}, signet.ErrPolicy, []string{"grant token 1", "8192"}},
		"long grant":         {kms.Config{KeyID: oneARN, Client: bare, GrantTokens: []string{strings.Repeat("g", 8193)}}, signet.ErrPolicy, []string{"8193"}},
		"no such key":        {kms.Config{KeyID: "alias/none", Client: f.Region(near)}, kms.ErrKeyNotFound, []string{"alias/none", "kms:DescribeKey"}},
		"RSA key":            {kms.Config{KeyID: "alias/rsa", Client: f.Region(near)}, kms.ErrInvalidUsage, []string{"RSA_2048", "SIGN_VERIFY", "keyrings of their own"}},
	} {
		for kind, build := range map[string]constructor{"strict": kms.New, "MRK": kms.NewMRK} {
			k, err := build(t.Context(), c.cfg)
			if !errors.Is(err, c.want) || k != nil {
				t.Errorf("%s, %s: got %v, want %v", name, kind, err, c.want)
				continue
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%s, %s: %v does not say %q", name, kind, err, s)
				}
			}
		}
	}
	for _, call := range f.Calls() {
		if call.Op != "DescribeKey" {
			t.Errorf("a call for a refused configuration: %+v", call)
		}
	}
	limits := kms.Config{KeyID: oneARN, Client: f.Region(near), Region: near, GrantTokens: append(eleven[:9:9], strings.Repeat("g", 8192))}
	wrapNew(t, strict(t, kms.New, limits), asymmetricRequest(t, suite.AES256GCMCommit(), nil))
}

// TestResolveAnswers: what DescribeKey must not answer.
func TestResolveAnswers(t *testing.T) {
	for what, edit := range map[string]func(*sdk.DescribeKeyOutput){
		"no metadata": func(o *sdk.DescribeKeyOutput) { o.KeyMetadata = nil },
		"no ARN":      func(o *sdk.DescribeKeyOutput) { o.KeyMetadata.Arn = nil },
		"bare id":     func(o *sdk.DescribeKeyOutput) { *o.KeyMetadata.Arn = "1234" },
		"alias":       func(o *sdk.DescribeKeyOutput) { *o.KeyMetadata.Arn = aliasARN },
	} {
		f := symmetricFake()
		f.Edit = func(_ context.Context, _ kmsfake.Call, out any) error { edit(out.(*sdk.DescribeKeyOutput)); return nil }
		if _, err := kms.New(t.Context(), kms.Config{KeyID: "alias/app", Client: f.Region(near)}); !errors.Is(err, kms.ErrResponse) {
			t.Errorf("%s: got %v, want ErrResponse", what, err)
		}
	}
	for id, answer := range map[string]string{
		strings.TrimPrefix(oneARN, oneARN[:strings.LastIndexByte(oneARN, '/')+1]): twoARN, aliasARN: strangerARN,
	} {
		f := symmetricFake()
		f.AddAlias(aliasARN, oneARN)
		f.Edit = func(_ context.Context, _ kmsfake.Call, out any) error {
			*out.(*sdk.DescribeKeyOutput).KeyMetadata.Arn = answer
			return nil
		}
		if _, err := kms.New(t.Context(), kms.Config{KeyID: id, Client: f.Region(near)}); !errors.Is(err, kms.ErrResponse) || !strings.Contains(err.Error(), answer) {
			t.Errorf("%s is answered with %s: got %v, want ErrResponse", id, answer, err)
		}
	}
	f := symmetricFake()
	f.AddAlias(aliasARN, oneARN)
	f.Edit = func(_ context.Context, _ kmsfake.Call, out any) error {
		*out.(*sdk.DescribeKeyOutput).KeyMetadata.Arn = farARN
		return nil
	}
	if _, err := kms.New(t.Context(), kms.Config{KeyID: "alias/app", Client: f.Region(near), Region: near}); !errors.Is(err, kms.ErrWrongRegion) {
		t.Errorf("a key of another region: got %v, want ErrWrongRegion", err)
	}
}

// TestLimits: sizes that KMS refuses are refused before the call.
func TestLimits(t *testing.T) {
	f := symmetricFake()
	k := strict(t, kms.New, kms.Config{KeyID: oneARN, Client: f.Region(near)})
	r := asymmetricRequest(t, suite.AES256GCMCommit(), nil)
	e := wrapNew(t, k, r).EDKs[0]
	f.Calls()
	for n, want := range map[int]error{0: keyring.ErrShape, 1: kms.ErrInvalidCiphertext, 6144: kms.ErrInvalidCiphertext, 6145: signet.ErrLimit} {
		e.Ciphertext = make([]byte, n)
		if err := onlyAttempt(t, k, r, e); !errors.Is(err, want) {
			t.Errorf("%d bytes: got %v, want %v", n, err, want)
		}
		if calls, sent := f.Calls(), n == 1 || n == 6144; (len(calls) == 1) != sent {
			t.Errorf("%d bytes: calls %+v", n, calls)
		}
	}
	e.Ciphertext = make([]byte, 6145)
	var limit *keyring.LimitError
	if err := onlyAttempt(t, k, r, e); !errors.As(err, &limit) || limit.Got != 6145 || limit.Max != 6144 {
		t.Errorf("got %v", err)
	}
}

// TestAnswers: answers that KMS must not give are refused, nothing comes of them, and plaintext in them is wiped.
func TestAnswers(t *testing.T) {
	type answer struct {
		keyID           **string
		plaintext, blob *[]byte
	}
	fields := func(out any) answer {
		switch o := out.(type) {
		case *sdk.GenerateDataKeyOutput:
			return answer{&o.KeyId, &o.Plaintext, &o.CiphertextBlob}
		case *sdk.EncryptOutput:
			return answer{&o.KeyId, nil, &o.CiphertextBlob}
		case *sdk.DecryptOutput:
			return answer{&o.KeyId, &o.Plaintext, nil}
		}
		panic("no such output")
	}
	name := func(s string) func(answer) { return func(a answer) { *a.keyID = &s } }
	for what, c := range map[string]struct {
		plaintext, blob bool // what must be in the answer for this
		edit            func(answer)
	}{
		"no key":            {false, false, func(a answer) { *a.keyID = nil }},
		"empty key":         {false, false, name("")},
		"another key":       {false, false, name(twoARN)},
		"bare id":           {false, false, name("00000000-0000-0000-0000-000000000001")},
		"alias":             {false, false, name(aliasARN)},
		"replica":           {false, false, name(strings.Replace(oneARN, near, far, 1))},
		"nil plaintext":     {true, false, func(a answer) { *a.plaintext = nil }},
		"empty plaintext":   {true, false, func(a answer) { *a.plaintext = []byte{} }},
		"a byte less":       {true, false, func(a answer) { *a.plaintext = (*a.plaintext)[:31] }},
		"a byte more":       {true, false, func(a answer) { *a.plaintext = append(*a.plaintext, 1) }},
		"nil ciphertext":    {false, true, func(a answer) { *a.blob = nil }},
		"empty ciphertext":  {false, true, func(a answer) { *a.blob = []byte{} }},
		"ciphertext > 6144": {false, true, func(a answer) { *a.blob = make([]byte, 6145) }},
	} {
		t.Run(what, func(t *testing.T) {
			f := symmetricFake()
			var events []kms.Event
			k := strict(t, kms.New, kms.Config{KeyID: oneARN, Client: f.Region(near), Observer: func(_ context.Context, e kms.Event) { events = append(events, e) }})
			r := asymmetricRequest(t, suite.AES256GCMCommit(), testPairs)
			e := wrapNew(t, k, r).EDKs
			key := keyring.RandomSecret(32)
			for op, do := range map[string]func() error{
				"GenerateDataKey": func() error { _, err := k.OnEncrypt(t.Context(), r, nil); return err },
				"Encrypt":         func() error { _, err := k.OnEncrypt(t.Context(), r, key); return err },
				"Decrypt":         func() error { _, err := k.OnDecrypt(t.Context(), r, e); return err },
			} {
				if c.plaintext && op == "Encrypt" || c.blob && op == "Decrypt" {
					continue
				}
				var plaintext []byte
				f.Edit = func(_ context.Context, _ kmsfake.Call, out any) error {
					a := fields(out)
					c.edit(a)
					if a.plaintext != nil {
						plaintext = *a.plaintext
					}
					return nil
				}
				events = nil
				err := do()
				var ke *kms.Error
				if !errors.Is(err, kms.ErrResponse) || !errors.Is(err, signet.ErrMalformed) || !errors.As(err, &ke) || ke.Op != op || ke.Key != oneARN {
					t.Errorf("%s: got %v, want ErrResponse", op, err)
				}
				if len(events) != 1 || events[0].Op != op || !errors.Is(events[0].Err, kms.ErrResponse) {
					t.Errorf("%s: events %+v", op, events)
				}
				if !bytes.Equal(plaintext, make([]byte, len(plaintext))) {
					t.Errorf("%s: the plaintext is not wiped", op)
				}
			}
		})
	}
}

// silent answers nothing at all, with no error.
type silent struct{}

func (silent) GenerateDataKey(context.Context, *sdk.GenerateDataKeyInput, ...func(*sdk.Options)) (*sdk.GenerateDataKeyOutput, error) {
	return nil, nil
}

func (silent) Encrypt(context.Context, *sdk.EncryptInput, ...func(*sdk.Options)) (*sdk.EncryptOutput, error) {
	return nil, nil
}

func (silent) Decrypt(context.Context, *sdk.DecryptInput, ...func(*sdk.Options)) (*sdk.DecryptOutput, error) {
	return nil, nil
}

func (silent) DescribeKey(context.Context, *sdk.DescribeKeyInput, ...func(*sdk.Options)) (*sdk.DescribeKeyOutput, error) {
	return nil, nil
}

func TestNoAnswer(t *testing.T) {
	k := strict(t, kms.New, kms.Config{KeyID: oneARN, Client: silent{}})
	r := asymmetricRequest(t, suite.AES256GCMCommit(), nil)
	edk := keyring.EncryptedDataKey{ProviderID: kms.ProviderID, ProviderInfo: []byte(oneARN), Ciphertext: []byte{1}}
	_, generate := k.OnEncrypt(t.Context(), r, nil)
	_, encrypt := k.OnEncrypt(t.Context(), r, keyring.RandomSecret(32))
	_, decrypt := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{edk})
	_, describe := kms.New(t.Context(), kms.Config{KeyID: "alias/app", Client: silent{}})
	for op, err := range map[string]error{"generate": generate, "encrypt": encrypt, "decrypt": decrypt, "describe": describe} {
		if !errors.Is(err, kms.ErrResponse) {
			t.Errorf("%s: got %v, want ErrResponse", op, err)
		}
	}
}

// TestWipes: the plaintext that the SDK returned does not stay in its answers, and what was sent is the caller's.
func TestWipes(t *testing.T) {
	f := symmetricFake()
	var answers [][]byte
	f.Edit = func(_ context.Context, _ kmsfake.Call, out any) error {
		switch o := out.(type) {
		case *sdk.GenerateDataKeyOutput:
			answers = append(answers, o.Plaintext)
		case *sdk.DecryptOutput:
			answers = append(answers, o.Plaintext)
		}
		return nil
	}
	k := strict(t, kms.New, kms.Config{KeyID: oneARN, Client: f.Region(near)})
	for _, s := range []*suite.Suite{suite.AES256GCMCommit(), suite.ItemAES256GCM()} {
		r := asymmetricRequest(t, s, nil)
		w := wrapNew(t, k, r)
		opensTo(t, k, r, w.EDKs[0], w.DataKey)
	}
	if len(answers) != 4 {
		t.Fatalf("%d answers with plaintext", len(answers))
	}
	for i, a := range answers {
		if len(a) != 32 || !bytes.Equal(a, make([]byte, 32)) {
			t.Errorf("answer %d is not wiped", i)
		}
	}
}

// TestKeyComesBack: a key that is disabled fails distinctly, and works again once it is enabled, with the same keyring.
func TestKeyComesBack(t *testing.T) {
	f := symmetricFake()
	k := strict(t, kms.New, kms.Config{KeyID: oneARN, Client: f.Region(near)})
	r := asymmetricRequest(t, suite.AES256GCMCommit(), nil)
	w := wrapNew(t, k, r)
	f.Disable(oneARN, true)
	_, encrypt := k.OnEncrypt(t.Context(), r, nil)
	for what, err := range map[string]error{"encrypt": encrypt, "decrypt": onlyAttempt(t, k, r, w.EDKs[0])} {
		if !errors.Is(err, kms.ErrKeyDisabled) || errors.Is(err, signet.ErrNotFound) || errors.Is(err, signet.ErrAccessDenied) || !strings.Contains(fmt.Sprint(err), "enable the key") {
			t.Errorf("%s: got %v", what, err)
		}
	}
	f.Disable(oneARN, false)
	wrapNew(t, k, r)
	opensTo(t, k, r, w.EDKs[0], w.DataKey)
}
