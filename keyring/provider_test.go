package keyring_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// TestCalls is the table of what New asks of a provider.
func TestCalls(t *testing.T) {
	for _, c := range []struct {
		suite     *suite.Suite
		generates bool
		given     bool // a data key
		want      string
	}{
		{suite.AES128GCM(), false, false, "wrap16"},
		{suite.AES192GCM(), false, false, "wrap24"},
		{suite.AES256GCMCommit(), false, false, "wrap32"},
		{suite.AES256GCMCommitECDSAP384(), false, false, "wrap32"},
		{suite.AES128GCM(), true, false, "generate16"},
		{suite.AES192GCM(), true, false, "generate24"},
		{suite.AES256GCMCommit(), true, false, "generate32"},
		{suite.AES128GCM(), false, true, "wrap16"},
		{suite.AES128GCM(), true, true, "wrap16"},
		{suite.AES256GCMCommit(), true, true, "wrap32"},
		{suite.ItemAES256GCM(), false, false, "wrap32"},
		{suite.ItemAES256GCM(), false, true, "wrap32"},
		{suite.ItemAES256GCM(), true, false, "generate32"},
		{suite.ItemAES256GCM(), true, true, "generate32"}, // in a child too
		{suite.ItemAES256GCMECDSAP384(), true, true, "generate32"},
	} {
		t.Run(fmt.Sprintf("%s/generator=%v/given=%v", c.suite.Name(), c.generates, c.given), func(t *testing.T) {
			p := &recorder{id: "recorder", info: "key"}
			var w keyring.Wrapper = p
			if c.generates {
				w = generating{p}
			}
			k := keyring.New("recorder", w, p, nil)
			r := request(t, c.suite, testPairs)
			var key *keyring.Secret
			if c.given {
				key = keyring.RandomSecret(c.suite.DataKeyLen())
			}
			res, err := k.OnEncrypt(t.Context(), r, key)
			if err != nil {
				t.Fatal(err)
			}
			seen := p.calls[0].plaintext
			if got := p.ops(); got != c.want {
				t.Errorf("OnEncrypt called %q, want %q", got, c.want)
			}
			if (res.DataKey == nil) != c.given {
				t.Errorf("data key returned: %v, want %v", res.DataKey != nil, !c.given)
			}
			if !c.given {
				key = res.DataKey
			}
			if c.suite.IsItem() == bytes.Equal(seen, key.Reveal()) {
				t.Errorf("the provider saw the data key: %v, want %v", !c.suite.IsItem(), c.suite.IsItem())
			}
			u, err := k.OnDecrypt(t.Context(), r, res.EDKs)
			if err != nil || !u.DataKey.Equal(key) || u.Attempts != nil || u.Used != 0 {
				t.Fatalf("OnDecrypt: %+v, %v", u, err)
			}
			if got := p.ops(); !strings.HasPrefix(got, "unwrap") || strings.Contains(got, " ") {
				t.Errorf("OnDecrypt called %q, want one unwrap", got)
			}
		})
	}
}

func TestOneSided(t *testing.T) {
	p := &recorder{id: "recorder", info: "key"}
	r := request(t, suite.AES256GCMCommit(), nil)
	w, err := keyring.New("writer", p, nil, nil).OnEncrypt(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = keyring.New("writer", p, nil, nil).OnDecrypt(t.Context(), r, w.EDKs)
	if _, ok := errors.AsType[*keyring.UnwrapError](err); !ok || !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "encrypt-only") {
		t.Errorf("encrypt-only: got %v", err)
	}
	reader := keyring.New("reader", nil, p, nil)
	if _, err := reader.OnDecrypt(t.Context(), r, w.EDKs); err != nil {
		t.Errorf("decrypt-only does not decrypt: %v", err)
	}
	p.ops()
	for _, key := range []*keyring.Secret{nil, keyring.RandomSecret(32)} {
		_, err = reader.OnEncrypt(t.Context(), r, key)
		if _, ok := errors.AsType[*keyring.WrapError](err); !ok || !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "decrypt-only") {
			t.Errorf("decrypt-only: got %v", err)
		}
	}
	if got := p.ops(); got != "" {
		t.Errorf("the provider was called: %q", got)
	}
	for k, want := range map[keyring.Keyring]bool{reader: false, keyring.New("writer", p, nil, nil): true} {
		if got := k.(keyring.EncryptChecker).CanEncrypt(); got != want {
			t.Errorf("CanEncrypt: got %v, want %v", got, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("New without wrapper and unwrapper did not panic")
		}
	}()
	keyring.New("none", nil, nil, nil)
}

func TestDataKeyLengthChecked(t *testing.T) {
	for _, s := range oneOfEach {
		for _, n := range []int{1, 15, 16, 17, 24, 31, 32, 33, 64} {
			if n == s.DataKeyLen() {
				continue
			}
			p := &recorder{id: "recorder", info: "key"}
			_, err := keyring.New("recorder", generating{p}, p, nil).OnEncrypt(t.Context(), request(t, s, nil), keyring.RandomSecret(n))
			if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d bytes", n)) || p.ops() != "" {
				t.Errorf("%s: data key of %d bytes: got %v and calls", s, n, err)
			}
		}
	}
}

func TestProviderResultsChecked(t *testing.T) {
	for _, s := range oneOfEach {
		for _, resize := range []int{1, 8, 32} {
			p := &recorder{id: "recorder", info: "key", resize: resize}
			r := request(t, s, nil)
			w, err := keyring.New("recorder", generating{p}, p, nil).OnEncrypt(t.Context(), r, nil)
			if err == nil || w != nil || !strings.Contains(err.Error(), fmt.Sprintf("generated %d bytes instead of %d", s.WrappedKeyLen()+resize, s.WrappedKeyLen())) {
				t.Errorf("%s: Generate of %d bytes too many: got %v", s, resize, err)
			}
			k := keyring.New("recorder", p, p, nil)
			if w, err = k.OnEncrypt(t.Context(), r, nil); err != nil {
				t.Fatal(err)
			}
			u, err := k.OnDecrypt(t.Context(), r, w.EDKs)
			if err == nil || u != nil || !errors.Is(err, signet.ErrMalformed) || !errors.Is(err, signet.ErrNoKey) {
				t.Errorf("%s: Unwrap of %d bytes too many: got %v", s, resize, err)
			}
		}
	}
}

// What a provider returned in the clear is wiped, when it is used as when it is refused.
func TestProviderResultsWiped(t *testing.T) {
	for _, s := range oneOfEach {
		for _, resize := range []int{0, 8} {
			p := &recorder{id: "recorder", info: "key", resize: resize}
			k := keyring.New("recorder", generating{p}, p, nil)
			r := request(t, s, nil)
			if _, err := k.OnEncrypt(t.Context(), r, nil); (err == nil) != (resize == 0) {
				t.Fatal(err)
			}
			w, err := keyring.New("recorder", p, nil, nil).OnEncrypt(t.Context(), r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := k.OnDecrypt(t.Context(), r, w.EDKs); (err == nil) != (resize == 0) {
				t.Fatal(err)
			}
			if len(p.gave) != 2 {
				t.Fatalf("%s: the provider returned %d keys, want 2", s, len(p.gave))
			}
			for i, b := range p.gave {
				if !bytes.Equal(b, make([]byte, len(b))) {
					t.Errorf("%s, %d bytes too many: %s left the key in memory", s, resize, [...]string{"Generate", "Unwrap"}[i])
				}
			}
		}
	}
}

// oversized wraps into EDKs whose fields have the given sizes.
type oversized struct{ id, info, ct int }

func (p oversized) Wrap(context.Context, *keyring.Request, []byte) (keyring.EncryptedDataKey, error) {
	return keyring.EncryptedDataKey{ProviderID: strings.Repeat("i", p.id), ProviderInfo: make([]byte, p.info), Ciphertext: make([]byte, p.ct)}, nil
}

func TestEDKFieldsBounded(t *testing.T) {
	const most = 65535
	for _, s := range []*suite.Suite{suite.AES256GCMCommit(), suite.ItemAES256GCM()} {
		sealed := 0
		if s.IsItem() {
			sealed = 48 // the data key under the intermediate key comes on top
		}
		for _, c := range []struct {
			p  oversized
			ok bool
		}{
			{oversized{most, most, most - sealed}, true},
			{oversized{most + 1, 1, 1}, false},
			{oversized{1, most + 1, 1}, false},
			{oversized{1, 1, most + 1 - sealed}, false},
			{oversized{1, 1, 1 << 20}, false},
		} {
			w, err := keyring.New("oversized", c.p, nil, nil).OnEncrypt(t.Context(), request(t, s, nil), nil)
			if (err == nil) != c.ok || (w != nil) != c.ok || err != nil && !errors.Is(err, signet.ErrLimit) {
				t.Errorf("%s: %v: got %v, want success %v", s, c.p, err, c.ok)
			}
		}
	}
}

func TestMaxTries(t *testing.T) {
	for _, c := range []struct {
		configured, bad, foreign int
		opens                    bool
		unwraps                  int
	}{
		{0, keyring.DefaultMaxTries - 1, 0, true, keyring.DefaultMaxTries},
		{0, keyring.DefaultMaxTries, 0, false, keyring.DefaultMaxTries},
		{0, 1000, 0, false, keyring.DefaultMaxTries},
		{0, 10, 1000, true, 11}, // Skips cost nothing
		{1, 0, 0, true, 1},
		{1, 0, 5, true, 1},
		{1, 1, 0, false, 1},
		{3, 2, 2, true, 3},
		{3, 3, 0, false, 3},
		{-1, keyring.DefaultMaxTries, 0, false, keyring.DefaultMaxTries},
	} {
		p := &recorder{id: "recorder", info: "key"}
		k := keyring.New("recorder", p, p, &keyring.Options{Key: "key", MaxTries: c.configured})
		r := request(t, suite.AES256GCMCommit(), testPairs)
		w, err := k.OnEncrypt(t.Context(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.ops()
		var edks []keyring.EncryptedDataKey
		for range c.foreign {
			edks = append(edks, keyring.EncryptedDataKey{ProviderID: "somebody", Ciphertext: []byte("x")})
		}
		for range c.bad {
			edks = append(edks, keyring.EncryptedDataKey{ProviderID: "recorder", ProviderInfo: []byte("key"), Ciphertext: []byte("bad")})
		}
		edks = append(edks, w.EDKs...)
		u, err := k.OnDecrypt(t.Context(), r, edks)
		if (err == nil) != c.opens {
			t.Errorf("%+v: got %v", c, err)
		}
		if err == nil && (u.Used != len(edks)-1 || len(u.Attempts) != len(edks)-1) {
			t.Errorf("%+v: used %d with %d attempts, want both %d", c, u.Used, len(u.Attempts), len(edks)-1)
		}
		if err != nil && (!errors.Is(err, signet.ErrLimit) || !errors.Is(err, signet.ErrNoKey)) {
			t.Errorf("%+v: got %v, want ErrNoKey and ErrLimit", c, err)
		}
		if got := len(strings.Fields(p.ops())); got != c.unwraps {
			t.Errorf("%+v: %d unwraps, want %d", c, got, c.unwraps)
		}
	}
	// Exactly MaxTries failures and nothing after them is no matter of limits.
	p := &recorder{id: "recorder", info: "key"}
	_, err := keyring.New("recorder", p, p, &keyring.Options{MaxTries: 1}).OnDecrypt(t.Context(), request(t, suite.AES256GCMCommit(), nil),
		[]keyring.EncryptedDataKey{{ProviderID: "recorder", ProviderInfo: []byte("key")}})
	if errors.Is(err, signet.ErrLimit) || !errors.Is(err, signet.ErrAuthentication) {
		t.Errorf("one failure of one: got %v", err)
	}
}

// Failures of a provider keep their classes and name the key.
func TestErrorsJoined(t *testing.T) {
	throttled := fmt.Errorf("slow down: %w", signet.ErrThrottled)
	p := &recorder{id: "recorder", info: "key", wrapErr: throttled, unwrapErr: throttled}
	for _, s := range oneOfEach {
		for _, w := range []keyring.Wrapper{p, generating{p}} {
			r := request(t, s, testPairs)
			k := keyring.New("recorder", w, p, &keyring.Options{Key: "the key's name"})
			for _, key := range []*keyring.Secret{nil, keyring.RandomSecret(s.DataKeyLen())} {
				res, err := k.OnEncrypt(t.Context(), r, key)
				we, ok := errors.AsType[*keyring.WrapError](err)
				if res != nil || !ok || !errors.Is(err, signet.ErrThrottled) || errors.Is(err, signet.ErrNoKey) || len(we.Attempts) != 1 || we.Attempts[0].EDK != -1 {
					t.Errorf("OnEncrypt: got %v", err)
				} else if got := err.Error(); !strings.Contains(got, "recorder the key's name: slow down") {
					t.Errorf("OnEncrypt: error does not say who failed: %s", got)
				}
			}
			edks := []keyring.EncryptedDataKey{{ProviderID: "x"}, {ProviderID: "recorder", ProviderInfo: []byte("key"), Ciphertext: make([]byte, 100)}}
			_, err := k.OnDecrypt(t.Context(), r, edks)
			ue, ok := errors.AsType[*keyring.UnwrapError](err)
			if !ok || !errors.Is(err, signet.ErrThrottled) || !errors.Is(err, signet.ErrNoKey) || errors.Is(err, signet.ErrAuthentication) || len(ue.Attempts) != 2 || ue.EDKs != 2 {
				t.Fatalf("OnDecrypt: got %v", err)
			}
			if a := ue.Attempts[1]; a.EDK != 1 || a.Provider != "recorder" || a.Key != "the key's name" {
				t.Errorf("OnDecrypt: attempt %v", &a)
			}
		}
	}
}

func TestEndedContextCallsNoProvider(t *testing.T) {
	p := &recorder{id: "recorder", info: "key"}
	k := keyring.New("recorder", p, p, nil)
	r := request(t, suite.AES256GCMCommit(), nil)
	w, err := k.OnEncrypt(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.ops()
	cause := errors.New("the caller's reason")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := k.OnEncrypt(ctx, r, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("OnEncrypt: got %v", err)
	}
	if _, err := k.OnDecrypt(ctx, r, w.EDKs); !errors.Is(err, context.Canceled) || errors.Is(err, signet.ErrNoKey) {
		t.Errorf("OnDecrypt: got %v", err)
	}
	if got := p.ops(); got != "" {
		t.Errorf("the provider was called: %q", got)
	}
}
