package keyring_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
)

var classes = []error{
	signet.ErrMalformed, signet.ErrPolicy, signet.ErrLimit, signet.ErrContext, signet.ErrNotFound, signet.ErrNoKey, signet.ErrAccessDenied,
	signet.ErrAuthentication, signet.ErrThrottled, signet.ErrUnavailable, signet.ErrUnsupported,
}

// TestClasses is the whole table: which error answers for which classes, and for no other.
func TestClasses(t *testing.T) {
	attempt := func(errs ...error) (as []keyring.Attempt) {
		for i, err := range errs {
			as = append(as, keyring.Attempt{EDK: i, Provider: "p", Err: err})
		}
		return as
	}
	skip := &keyring.Skip{Reason: "not mine"}
	for _, c := range []struct {
		name string
		err  error
		want []error
	}{
		{"Skip", skip, nil},
		{"LimitError", &keyring.LimitError{What: "things", Got: 2, Max: 1}, []error{signet.ErrLimit}},
		{"ContextError", &keyring.ContextError{Key: "k", Reason: "r"}, []error{signet.ErrContext}},
		{"ConfigError", &keyring.ConfigError{Reason: "r"}, []error{signet.ErrPolicy}},
		{"ErrDidNotOpen", keyring.ErrDidNotOpen, []error{signet.ErrAuthentication}},
		{"ErrShape", keyring.ErrShape, []error{signet.ErrMalformed}},
		{"no EDK", &keyring.UnwrapError{}, []error{signet.ErrNoKey}},
		{"Skips only", &keyring.UnwrapError{EDKs: 2, Attempts: attempt(skip, skip)}, []error{signet.ErrNoKey}},
		{"wrapped Skip", &keyring.UnwrapError{EDKs: 1, Attempts: attempt(fmt.Errorf("%w (%w)", skip, signet.ErrThrottled))}, []error{signet.ErrNoKey}},
		{"did not open", &keyring.UnwrapError{EDKs: 2, Attempts: attempt(skip, keyring.ErrDidNotOpen)}, []error{signet.ErrNoKey, signet.ErrAuthentication}},
		{"two causes", &keyring.UnwrapError{EDKs: 2, Attempts: attempt(keyring.ErrShape, fmt.Errorf("kms: %w", signet.ErrThrottled))},
			[]error{signet.ErrNoKey, signet.ErrMalformed, signet.ErrThrottled}},
		{"attempt without an error", &keyring.UnwrapError{EDKs: 1, Attempts: attempt(nil)}, []error{signet.ErrNoKey}},
		{"nested", &keyring.UnwrapError{EDKs: 1, Attempts: attempt(&keyring.UnwrapError{EDKs: 1, Attempts: attempt(signet.ErrUnavailable)})},
			[]error{signet.ErrNoKey, signet.ErrUnavailable}},
		{"WrapError", &keyring.WrapError{Reason: "r", Attempts: attempt(signet.ErrAccessDenied)}, []error{signet.ErrAccessDenied}},
		{"WrapError without attempts", &keyring.WrapError{Reason: "r"}, nil},
	} {
		for _, err := range []error{c.err, fmt.Errorf("outer: %w", c.err)} {
			for _, class := range classes {
				want := slices.Contains(c.want, class)
				if got := errors.Is(err, class); got != want {
					t.Errorf("%s: Is(%v): got %v, want %v", c.name, class, got, want)
				}
			}
		}
		if errors.Is(c.err, io.EOF) || errors.Is(c.err, context.Canceled) {
			t.Errorf("%s answers for everything", c.name)
		}
	}
	deep := &keyring.UnwrapError{EDKs: 1, Attempts: attempt(fmt.Errorf("x: %w", context.DeadlineExceeded))}
	if !errors.Is(deep, context.DeadlineExceeded) {
		t.Error("an UnwrapError hides a deadline")
	}
}

func TestErrorText(t *testing.T) {
	skip := &keyring.Skip{Reason: "key name differs"}
	attempts := []keyring.Attempt{
		{EDK: 0, Provider: "raw-aes", Key: "ns/a", Err: skip},
		{EDK: 1, Provider: "pkcs11", Err: keyring.ErrDidNotOpen},
		{EDK: -1, Provider: "kms", Key: "arn:x", Err: signet.ErrThrottled},
	}
	many := make([]keyring.Attempt, 1000)
	for i := range many {
		many[i] = keyring.Attempt{EDK: i, Provider: "p", Err: skip}
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{&keyring.UnwrapError{}, "no key could decrypt: there is no encrypted data key"},
		{&keyring.UnwrapError{EDKs: 1}, "no key could decrypt: the encrypted data key did not open"},
		{&keyring.UnwrapError{EDKs: 2, Attempts: attempts}, "no key could decrypt: none of 2 encrypted data keys opened: EDK 0: raw-aes ns/a: skipped: key name differs; " +
			"EDK 1: pkcs11: authentication failed: did not open: wrong key, changed context or corrupted; kms arn:x: throttled"},
		{&keyring.UnwrapError{EDKs: 1, Attempts: []keyring.Attempt{{EDK: 0, Provider: "pkcs11", Key: "token=dev;object=kek", Err: &keyring.Skip{Reason: "provider id differs"},
			MessageProvider: "ns", MessageKey: "na\nme"}}}, `no key could decrypt: the encrypted data key did not open: EDK 0 ("ns", key "na\nme"): pkcs11 token=dev;object=kek: skipped: provider id differs`},
		{&keyring.UnwrapError{EDKs: 1, Attempts: []keyring.Attempt{{EDK: 0, Provider: "p", Err: skip, MessageProvider: strings.Repeat("x", 60000)}}},
			`no key could decrypt: the encrypted data key did not open: EDK 0 ("` + strings.Repeat("x", 64) + `"): p: skipped: key name differs`},
		{&keyring.WrapError{Reason: "the keyring failed", Attempts: attempts[2:]}, "data key was not wrapped: the keyring failed: kms arn:x: throttled"},
		{&keyring.LimitError{What: "encrypted data keys", Got: 300, Max: 255}, "encrypted data keys: 300 is more than 255"},
		{&keyring.ContextError{Key: "a\nb\x00", Reason: "refused"}, `encryption context: pair "a\nb\x00": refused`},
		{&keyring.ConfigError{Reason: "no"}, "no"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	if got := (&keyring.UnwrapError{EDKs: 1000, Attempts: many}).Error(); len(got) > 1000 || !strings.HasSuffix(got, "; and 992 more") {
		t.Errorf("a long trace is not cut: %d bytes, %s", len(got), got[max(0, len(got)-40):])
	}
	if got := (&keyring.ContextError{Key: strings.Repeat("k", 60000)}).Error(); len(got) > 200 {
		t.Errorf("a long pair name is not cut: %d bytes", len(got))
	}
}

// A trace says what the message wanted.
func TestAttemptNamesWhatTheMessageWants(t *testing.T) {
	mine, err := raw.NewAES(raw.AESConfig{Namespace: "ns", Name: "mine", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	other, err := raw.NewAES(raw.AESConfig{Namespace: "ns", Name: "other", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	r := request(t, suite.AES256GCMCommit(), nil)
	w, err := other.OnEncrypt(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	edks := append(w.EDKs,
		keyring.EncryptedDataKey{ProviderID: "aws-kms", ProviderInfo: []byte("arn:aws:kms:eu-west-1:1:key/a")},
		keyring.EncryptedDataKey{ProviderID: "custom", ProviderInfo: []byte("a\x00b")},
		keyring.EncryptedDataKey{ProviderID: "custom", ProviderInfo: []byte("\xff")})
	multi, err := keyring.NewMulti(keyring.MultiOptions{Optional: []keyring.Keyring{mine, mine}})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []keyring.Keyring{mine, multi} {
		_, err := k.OnDecrypt(t.Context(), r, edks)
		ue, ok := errors.AsType[*keyring.UnwrapError](err)
		if !ok || len(ue.Attempts)%4 != 0 {
			t.Fatalf("got %v, want four attempts a key", err)
		}
		for i, a := range ue.Attempts {
			want := [][2]string{{"ns", "other"}, {"aws-kms", "arn:aws:kms:eu-west-1:1:key/a"}, {"custom", ""}, {"custom", ""}}[i%4]
			if got := [2]string{a.MessageProvider, a.MessageKey}; got != want || a.Key != "ns/mine" {
				t.Errorf("attempt %d: got %q with key %s, want %q", i, got, a.Key, want)
			}
		}
	}
	slices.Reverse(edks)
	u, err := other.OnDecrypt(t.Context(), r, edks)
	if err != nil || len(u.Attempts) != 3 {
		t.Fatalf("got %v, %v, want three attempts before", u, err)
	}
	if a := u.Attempts[2]; a.MessageProvider != "aws-kms" || a.MessageKey != "arn:aws:kms:eu-west-1:1:key/a" {
		t.Errorf("a message that opened: %v", &a)
	}
}
