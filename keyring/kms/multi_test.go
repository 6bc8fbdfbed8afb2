package kms_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/keyringtest"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/kms/internal/kmsfake"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// supplier gives clients of the fake; its default region is near.
func supplier(f *kmsfake.KMS) kms.Supplier {
	return func(_ context.Context, region string) (kms.Client, error) {
		if region == "" {
			region = near
		}
		return f.Region(region), nil
	}
}

func multi(t testing.TB, c kms.MultiConfig) keyring.Keyring {
	t.Helper()
	k, err := kms.NewMulti(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestMultiConformance(t *testing.T) {
	f := symmetricFake()
	keyringtest.Run(t, keyringtest.Options{
		New: func(t testing.TB) keyring.Keyring {
			return multi(t, kms.MultiConfig{Generator: oneARN, Children: []string{farARN}, Optional: []string{twoARN}, MRK: true, Supplier: supplier(f)})
		},
		Refusals: []error{signet.ErrAuthentication, signet.ErrLimit},
		NoWrap:   true,
		Suites:   []*suite.Suite{suite.AES256GCMCommit(), suite.ItemAES256GCM()},
	})
}

func TestMultiConfig(t *testing.T) {
	f := symmetricFake()
	f.AddAlias(strings.Replace(aliasARN, "app", "mrk", 1), mrkARN)
	s := supplier(f)
	third := strings.Replace(mrkARN, near, "us-east-1", 1)
	noClient := errors.New("no client for it")
	for name, c := range map[string]struct {
		cfg  kms.MultiConfig
		want error
		says []string
	}{
		"no supplier":       {kms.MultiConfig{Generator: oneARN}, signet.ErrPolicy, []string{"supplier"}},
		"no keys":           {kms.MultiConfig{Supplier: s}, signet.ErrPolicy, []string{"no keyring"}},
		"empty child":       {kms.MultiConfig{Generator: oneARN, Children: []string{""}, Supplier: s}, signet.ErrMalformed, []string{"key 1", "empty"}},
		"broken ARN":        {kms.MultiConfig{Children: []string{oneARN, "arn:aws:kms"}, Supplier: s}, signet.ErrMalformed, []string{"key 1"}},
		"twice":             {kms.MultiConfig{Generator: oneARN, Children: []string{twoARN, oneARN}, Supplier: s}, signet.ErrPolicy, []string{"twice", oneARN + ", " + oneARN}},
		"alias of another":  {kms.MultiConfig{Generator: oneARN, Optional: []string{"alias/app"}, Supplier: s}, signet.ErrPolicy, []string{"twice", oneARN}},
		"replicas":          {kms.MultiConfig{Generator: mrkARN, Children: []string{oneARN, mrkFarARN}, Optional: []string{third}, MRK: true, Supplier: s}, signet.ErrPolicy, []string{mrkARN, mrkFarARN, third}},
		"alias of a replic": {kms.MultiConfig{Generator: mrkFarARN, Children: []string{"alias/mrk"}, MRK: true, Supplier: s}, signet.ErrPolicy, []string{mrkARN, mrkFarARN}},
		"no such alias":     {kms.MultiConfig{Generator: "alias/none", Supplier: s}, kms.ErrKeyNotFound, []string{"alias/none"}},
		"min":               {kms.MultiConfig{Generator: oneARN, MinWrapped: 2, Supplier: s}, signet.ErrPolicy, []string{"MinWrapped"}},
		"hedge":             {kms.MultiConfig{Generator: oneARN, Hedge: -1, Supplier: s}, signet.ErrPolicy, []string{"Hedge"}},
		"timeout":           {kms.MultiConfig{Generator: oneARN, OptionalTimeout: -1, Supplier: s}, signet.ErrPolicy, []string{"OptionalTimeout"}},
		"grants":            {kms.MultiConfig{Generator: "alias/app", GrantTokens: []string{""}, Supplier: s}, signet.ErrPolicy, []string{"grant token 0"}},
		"supplier fails": {kms.MultiConfig{Generator: oneARN, Supplier: func(context.Context, string) (kms.Client, error) { return nil, noClient }},
			noClient, []string{oneARN}},
	} {
		k, err := kms.NewMulti(t.Context(), c.cfg)
		if !errors.Is(err, c.want) || k != nil {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
			continue
		}
		for _, text := range c.says {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v does not say %q", name, err, text)
			}
		}
		if name == "replicas" && strings.Contains(err.Error(), oneARN) {
			t.Errorf("%s: %v names a key that is there once", name, err)
		}
		if calls := f.Calls(); name == "grants" && len(calls) != 0 {
			t.Errorf("%s: calls %+v", name, calls)
		}
	}
	// Without the rules for multi-Region keys, replicas are keys like others.
	multi(t, kms.MultiConfig{Generator: mrkARN, Children: []string{mrkFarARN}, Supplier: s})
}

// TestMultiAcrossRegions: with one region away, an optional key is missed and told of, and the other region opens.
func TestMultiAcrossRegions(t *testing.T) {
	f := symmetricFake()
	k := multi(t, kms.MultiConfig{Generator: "alias/app", Optional: []string{farARN}, Supplier: supplier(f)})
	r := asymmetricRequest(t, suite.AES256GCMCommit(), testPairs)
	w := wrapNew(t, k, r)
	f.Edit = func(_ context.Context, c kmsfake.Call, _ any) error {
		if c.Region == near {
			return &types.KMSInternalException{}
		}
		return nil
	}
	u, err := k.OnDecrypt(t.Context(), r, w.EDKs)
	if err != nil || !u.DataKey.Equal(w.DataKey) || u.Used != 1 || !errors.Is(u.Attempts[0].Err, kms.ErrUnavailable) {
		t.Errorf("got %+v, %v", u, err)
	}
	f.Edit = nil
	f.Deny(farARN, true)
	w = wrapNew(t, k, r)
	if len(w.EDKs) != 1 || len(w.Degraded) != 1 || w.Degraded[0].Key != farARN || !errors.Is(w.Degraded[0].Err, kms.ErrAccessDenied) {
		t.Errorf("EDKs %d, degraded %+v", len(w.EDKs), w.Degraded)
	}
	// A key that must be there and is denied is named, and nothing is written under the other one alone.
	must := multi(t, kms.MultiConfig{Generator: oneARN, Children: []string{farARN}, Supplier: supplier(f)})
	if w, err := must.OnEncrypt(t.Context(), r, nil); w != nil || !errors.Is(err, kms.ErrAccessDenied) || !strings.Contains(err.Error(), farARN) {
		t.Errorf("got %+v, %v", w, err)
	}
}

// TestMultiHedge: a region that does not answer is passed over after the hedge's time.
func TestMultiHedge(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		f := symmetricFake()
		k := multi(t, kms.MultiConfig{Generator: oneARN, Children: []string{farARN}, Supplier: supplier(f), Hedge: 200 * time.Millisecond})
		r := asymmetricRequest(t, suite.AES256GCMCommit(), nil)
		w := wrapNew(t, k, r)
		f.Edit = func(ctx context.Context, c kmsfake.Call, _ any) error {
			if c.Region == near {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		start := time.Now()
		u, err := k.OnDecrypt(t.Context(), r, w.EDKs)
		if err != nil || !u.DataKey.Equal(w.DataKey) || time.Since(start) != 200*time.Millisecond {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

func discovery(t testing.TB, c kms.DiscoveryConfig, mrk bool) keyring.Keyring {
	t.Helper()
	build := kms.NewDiscovery
	if mrk {
		build = kms.NewMRKDiscovery
	}
	k, err := build(c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestDiscoveryFilter: which keys a discovery keyring asks for, by what name, and which it skips.
func TestDiscoveryFilter(t *testing.T) {
	f := symmetricFake()
	r := asymmetricRequest(t, suite.AES256GCMCommit(), testPairs)
	written := map[string]keyring.EncryptedDataKey{}
	var key *keyring.Secret
	for _, arn := range []string{oneARN, farARN, strangerARN, mrkARN, mrkFarARN} {
		region := strings.Split(arn, ":")[3]
		k := strict(t, kms.New, kms.Config{KeyID: arn, Client: f.Region(region)})
		if key == nil {
			w := wrapNew(t, k, r)
			key, written[arn] = w.DataKey, w.EDKs[0]
			continue
		}
		w, err := k.OnEncrypt(t.Context(), r, key)
		if err != nil {
			t.Fatal(err)
		}
		written[arn] = w.EDKs[0]
	}
	filter := &kms.Filter{Partition: "aws", Accounts: []string{"111122223333"}}
	for name, c := range map[string]struct {
		cfg   kms.DiscoveryConfig
		mrk   bool
		asked map[string]string // by the ARN in the message: the KeyId that is sent
	}{
		"filter": {kms.DiscoveryConfig{Region: near, Filter: filter}, false, map[string]string{oneARN: oneARN, mrkARN: mrkARN}},
		"two accounts": {kms.DiscoveryConfig{Region: near, Filter: &kms.Filter{Partition: "aws", Accounts: []string{"444455556666", "111122223333"}}}, false,
			map[string]string{oneARN: oneARN, mrkARN: mrkARN, strangerARN: strangerARN}},
		"any account":    {kms.DiscoveryConfig{Region: near, AllowAnyAccount: true}, false, map[string]string{oneARN: oneARN, mrkARN: mrkARN, strangerARN: strangerARN}},
		"part of an id":  {kms.DiscoveryConfig{Region: near, Filter: &kms.Filter{Partition: "aws", Accounts: []string{"11112222333"}}}, false, nil},
		"partition":      {kms.DiscoveryConfig{Region: near, Filter: &kms.Filter{Partition: "aws-cn", Accounts: filter.Accounts}}, false, nil},
		"MRK":            {kms.DiscoveryConfig{Region: near, Filter: filter}, true, map[string]string{oneARN: oneARN, mrkARN: mrkARN, mrkFarARN: mrkARN}},
		"MRK, elsewhere": {kms.DiscoveryConfig{Region: far, Filter: filter}, true, map[string]string{farARN: farARN, mrkARN: mrkFarARN, mrkFarARN: mrkFarARN}},
	} {
		t.Run(name, func(t *testing.T) {
			c.cfg.Client = f.Region(c.cfg.Region)
			k := discovery(t, c.cfg, c.mrk)
			for arn, edk := range written {
				f.Calls()
				if c.asked[arn] == "" {
					if err := onlyAttempt(t, k, r, edk); !isSkip(err) || len(f.Calls()) != 0 {
						t.Errorf("%s: got %v, want a skip without a call", arn, err)
					}
					continue
				}
				opensTo(t, k, r, edk, key)
				if calls := f.Calls(); len(calls) != 1 || calls[0].Op != "Decrypt" || calls[0].KeyID != c.asked[arn] || calls[0].Context["tenant"] != "t-1" {
					t.Errorf("%s: calls %+v", arn, calls)
				}
			}
			if _, err := k.OnEncrypt(t.Context(), r, nil); !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "decrypt-only") {
				t.Errorf("encrypts: %v", err)
			}
		})
	}
	// A region that is not known is not compared.
	k := discovery(t, kms.DiscoveryConfig{Client: f.Region(near), Filter: filter}, false)
	if err := onlyAttempt(t, k, r, written[farARN]); !errors.Is(err, kms.ErrKeyNotFound) {
		t.Errorf("without a region: got %v, want ErrKeyNotFound", err)
	}
	// The answer must be of the key that was asked for.
	f.Edit = func(_ context.Context, _ kmsfake.Call, out any) error {
		*out.(*sdk.DecryptOutput).KeyId = mrkFarARN
		return nil
	}
	k = discovery(t, kms.DiscoveryConfig{Client: f.Region(near), Region: near, Filter: filter}, true)
	if err := onlyAttempt(t, k, r, written[mrkFarARN]); !errors.Is(err, kms.ErrResponse) {
		t.Errorf("an answer of the replica: got %v, want ErrResponse", err)
	}
}

// TestDiscoveryMixed: data keys of other kinds, and broken ones, do not keep a discovery keyring from the one that it can open.
func TestDiscoveryMixed(t *testing.T) {
	f := symmetricFake()
	aes, err := raw.NewAES(raw.AESConfig{Namespace: "n", Name: "no ARN", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	both, err := keyring.NewMulti(keyring.MultiOptions{Generator: aes, Children: []keyring.Keyring{strict(t, kms.New, kms.Config{KeyID: oneARN, Client: f.Region(near)})}})
	if err != nil {
		t.Fatal(err)
	}
	filter := &kms.Filter{Partition: "aws", Accounts: []string{"111122223333"}}
	for _, mrk := range []bool{false, true} {
		k := discovery(t, kms.DiscoveryConfig{Client: f.Region(near), Region: near, Filter: filter}, mrk)
		msg, err := message.Encrypt(t.Context(), both, []byte("text"), testPairs)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := message.Decrypt(t.Context(), k, msg); err != nil || string(got) != "text" {
			t.Errorf("got %q, %v", got, err)
		}
		r := asymmetricRequest(t, suite.AES256GCMCommit(), testPairs)
		w := wrapNew(t, both, r)
		broken := w.EDKs[1]
		broken.ProviderInfo = []byte("no ARN")
		u, err := k.OnDecrypt(t.Context(), r, []keyring.EncryptedDataKey{w.EDKs[0], broken, w.EDKs[1]})
		if err != nil || u.Used != 2 || !isSkip(u.Attempts[0].Err) || !errors.Is(u.Attempts[1].Err, keyring.ErrShape) {
			t.Errorf("got %+v, %v", u, err)
		}
	}
}

func TestDiscoveryConfig(t *testing.T) {
	c := symmetricFake().Region(near)
	filter := &kms.Filter{Partition: "aws", Accounts: []string{"111122223333"}}
	for name, v := range map[string]struct {
		cfg kms.DiscoveryConfig
		mrk bool // refused by NewMRKDiscovery only
	}{
		"no client":       {kms.DiscoveryConfig{Region: near, Filter: filter}, false},
		"no filter":       {kms.DiscoveryConfig{Client: c, Region: near}, false},
		"both":            {kms.DiscoveryConfig{Client: c, Region: near, Filter: filter, AllowAnyAccount: true}, false},
		"no partition":    {kms.DiscoveryConfig{Client: c, Region: near, Filter: &kms.Filter{Accounts: filter.Accounts}}, false},
		"blank partition": {kms.DiscoveryConfig{Client: c, Region: near, Filter: &kms.Filter{Partition: " ", Accounts: filter.Accounts}}, false},
		"no accounts":     {kms.DiscoveryConfig{Client: c, Region: near, Filter: &kms.Filter{Partition: "aws"}}, false},
		"blank account":   {kms.DiscoveryConfig{Client: c, Region: near, Filter: &kms.Filter{Partition: "aws", Accounts: []string{"111122223333", " "}}}, false},
		"grants":          {kms.DiscoveryConfig{Client: c, Region: near, Filter: filter, GrantTokens: []string{""}}, false},
		"no region":       {kms.DiscoveryConfig{Client: c, Filter: filter}, true},
	} {
		if k, err := kms.NewMRKDiscovery(v.cfg); k != nil || !errors.Is(err, signet.ErrPolicy) {
			t.Errorf("%s, MRK: got %v, want ErrPolicy", name, err)
		}
		if k, err := kms.NewDiscovery(v.cfg); (err == nil) != v.mrk || (k == nil) == v.mrk {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestDiscoveryMulti(t *testing.T) {
	f := symmetricFake()
	r := asymmetricRequest(t, suite.AES256GCMCommit(), testPairs)
	w := wrapNew(t, strict(t, kms.New, kms.Config{KeyID: farARN, Client: f.Region(far)}), r)
	filter := &kms.Filter{Partition: "aws", Accounts: []string{"111122223333"}}
	base := kms.DiscoveryMultiConfig{Regions: []string{near, far}, Filter: filter, Supplier: supplier(f)}
	k, err := kms.NewDiscoveryMulti(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	filter.Accounts[0] = "changed" // the keyrings have copies
	f.Calls()
	opensTo(t, k, r, w.EDKs[0], w.DataKey)
	if calls := f.Calls(); len(calls) != 1 || calls[0].Region != far {
		t.Errorf("calls %+v", calls)
	}
	if _, err := k.OnEncrypt(t.Context(), r, nil); !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("encrypts: %v", err)
	}
	noClient := errors.New("no client for it")
	for name, c := range map[string]struct {
		change func(*kms.DiscoveryMultiConfig)
		want   error
	}{
		"no supplier":  {func(c *kms.DiscoveryMultiConfig) { c.Supplier = nil }, signet.ErrPolicy},
		"no regions":   {func(c *kms.DiscoveryMultiConfig) { c.Regions = nil }, signet.ErrPolicy},
		"blank region": {func(c *kms.DiscoveryMultiConfig) { c.Regions = []string{near, ""} }, signet.ErrPolicy},
		"twice":        {func(c *kms.DiscoveryMultiConfig) { c.Regions = []string{near, far, near} }, signet.ErrPolicy},
		"no filter":    {func(c *kms.DiscoveryMultiConfig) { c.Filter = nil }, signet.ErrPolicy},
		"hedge":        {func(c *kms.DiscoveryMultiConfig) { c.Hedge = -1 }, signet.ErrPolicy},
		"supplier": {func(c *kms.DiscoveryMultiConfig) {
			c.Supplier = func(context.Context, string) (kms.Client, error) { return nil, noClient }
		}, noClient},
		"another region's client": {func(c *kms.DiscoveryMultiConfig) {
			c.Supplier = func(context.Context, string) (kms.Client, error) { return sdk.New(sdk.Options{Region: near}), nil }
		}, kms.ErrWrongRegion},
	} {
		cfg := base
		cfg.Regions = slices.Clone(base.Regions)
		c.change(&cfg)
		if k, err := kms.NewDiscoveryMulti(t.Context(), cfg); k != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}
