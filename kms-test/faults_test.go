package kmstest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// behind is a keyring whose every call goes through a proxy to local-kms, and a data key that it sealed before anything was wrong.
type behind struct {
	*proxy
	k    keyring.Keyring
	arn  string
	d    *sealed
	note []kms.Event
}

func newBehind(t *testing.T) *behind {
	t.Helper()
	s := start(t, localKMS)
	b := &behind{proxy: newProxy(t, s)}
	var err error
	if b.arn, err = s.newKey(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	client, err := s.supplierAt(b.url)(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	b.k, err = kms.New(t.Context(), kms.Config{KeyID: b.arn, Client: client, Observer: func(_ context.Context, e kms.Event) { b.note = append(b.note, e) }})
	if err != nil {
		t.Fatal(err)
	}
	if b.d, err = seal(t.Context(), b.k, pairs()); err != nil {
		t.Fatal(err)
	}
	return b
}

// do makes one call of the operation.
func (b *behind) do(ctx context.Context, op string) error {
	switch op {
	case "GenerateDataKey":
		_, err := seal(ctx, b.k, pairs())
		return err
	case "Encrypt":
		r, err := keyring.NewRequest(suite.AES256GCMCommit(), pairs())
		if err != nil {
			return err
		}
		key := keyring.RandomSecret(32)
		defer key.Destroy()
		_, err = b.k.OnEncrypt(ctx, r, key)
		return err
	case "Decrypt":
		return b.d.open(ctx, b.k)
	}
	return errors.New("no such operation")
}

var operations = []string{"GenerateDataKey", "Encrypt", "Decrypt"}

// What KMS can refuse with, how often a request is sent, and what comes out.
func TestRefusals(t *testing.T) {
	const denial = "User: arn:aws:iam::111122223333:user/app is not authorized to perform this action because no resource-based policy allows it"
	for _, c := range []struct {
		name     string
		fault    fault
		attempts int
		want     []error
		text     []string
	}{
		{"throttled", refusal(400, "ThrottlingException", "Rate exceeded"), kms.MaxAttempts, []error{kms.ErrThrottled, signet.ErrThrottled},
			[]string{"backoff", "cache", "quota"}},
		{"over a limit", refusal(400, "LimitExceededException", "Rate exceeded"), kms.MaxAttempts, []error{kms.ErrThrottled, signet.ErrThrottled}, nil},
		{"internal", refusal(500, "KMSInternalException", "internal"), kms.MaxAttempts, []error{kms.ErrUnavailable, signet.ErrUnavailable}, nil},
		{"dependency", refusal(503, "DependencyTimeoutException", "timed out"), kms.MaxAttempts, []error{kms.ErrUnavailable, signet.ErrUnavailable}, nil},
		{"key unavailable", refusal(500, "KeyUnavailableException", "try again"), kms.MaxAttempts, []error{kms.ErrUnavailable, signet.ErrUnavailable}, nil},
		{"gateway", fault{status: 502, body: "<html>Bad Gateway</html>"}, kms.MaxAttempts, []error{signet.ErrUnavailable}, nil},
		{"denied by a condition", refusal(400, "AccessDeniedException", denial), 1, []error{kms.ErrAccessDenied, signet.ErrAccessDenied},
			[]string{"key policy", "IAM policy", "condition", `"purpose"`}},
		{"disabled", refusal(400, "DisabledException", "disabled"), 1, []error{kms.ErrKeyDisabled, signet.ErrUnavailable}, nil},
		{"pending deletion", refusal(400, "KMSInvalidStateException", "is pending deletion"), 1, []error{kms.ErrKeyDisabled, signet.ErrUnavailable}, nil},
		{"not found", refusal(400, "NotFoundException", "does not exist"), 1, []error{kms.ErrKeyNotFound, signet.ErrNotFound}, nil},
		{"usage", refusal(400, "InvalidKeyUsageException", "usage"), 1, []error{kms.ErrInvalidUsage, signet.ErrUnsupported}, nil},
		{"ciphertext", refusal(400, "InvalidCiphertextException", ""), 1, []error{kms.ErrInvalidCiphertext, signet.ErrAuthentication}, nil},
		{"key", refusal(400, "IncorrectKeyException", "wrong key"), 1, []error{kms.ErrIncorrectKey, signet.ErrAuthentication}, nil},
		{"credentials", refusal(400, "UnrecognizedClientException", "The security token is invalid"), 1, []error{kms.ErrCredentials, signet.ErrAccessDenied}, nil},
		{"expired", refusal(400, "ExpiredTokenException", "expired"), 1, []error{kms.ErrCredentials, signet.ErrAccessDenied}, nil},
		{"no JSON", fault{status: 200, body: "<html>hello</html>"}, 1, []error{kms.ErrResponse, signet.ErrMalformed}, nil},
		{"empty answer", fault{status: 200, body: "{}"}, 1, []error{kms.ErrResponse, signet.ErrMalformed}, nil},
	} {
		for _, op := range operations {
			t.Run(c.name+"/"+op, func(t *testing.T) {
				t.Parallel()
				b := newBehind(t)
				f := c.fault
				f.op = op
				b.set(&f)
				err := b.do(t.Context(), op)
				if err := refused(err, c.want...); err != nil {
					t.Error(err)
				}
				if got := b.requests(); got != c.attempts {
					t.Errorf("got %d requests, want %d", got, c.attempts)
				}
				var failure *kms.Error
				if !errors.As(err, &failure) || failure.Op != op || failure.Key != b.arn {
					t.Fatalf("the error is not one of %s with the key: %v", op, err)
				}
				told := slices.DeleteFunc(slices.Clone(b.note), func(e kms.Event) bool { return e.Op != op }) // a DescribeKey may follow
				if len(told) == 0 || !errors.Is(told[len(told)-1].Err, c.want[0]) {
					t.Errorf("the observer was told of %+v", told)
				}
				for _, want := range c.text {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("the error does not say %q: %v", want, err)
					}
				}
				if strings.Contains(fmt.Sprintf("%v %+v", err, b.note), "contract") {
					t.Errorf("a value of the context is in the error or the event: %v", err)
				}
				// It was the server's moment, not the keyring's end.
				b.set(nil)
				if err := b.do(t.Context(), op); err != nil {
					t.Errorf("afterwards: %v", err)
				}
			})
		}
	}
}

// Two refusals that pass are not seen by the caller.
func TestThrottledForAWhile(t *testing.T) {
	for _, op := range operations {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			b := newBehind(t)
			f := refusal(400, "ThrottlingException", "Rate exceeded")
			f.op, f.times = op, kms.MaxAttempts-1
			b.set(&f)
			if err := b.do(t.Context(), op); err != nil {
				t.Error(err)
			}
			if got := b.requests(); got != kms.MaxAttempts {
				t.Errorf("got %d requests, want %d", got, kms.MaxAttempts)
			}
			if n := len(b.note); b.note[n-1].Err != nil || n != 2 { // one for the data key that was sealed before
				t.Errorf("the observer was told of %d calls, the last with %v", n, b.note[n-1].Err)
			}
		})
	}
}

// A context that ends while a request is on its way, or between two attempts, ends the call, which is not repeated.
func TestCancelledOnTheWay(t *testing.T) {
	for _, op := range operations {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			b := newBehind(t)
			ctx, cancel := context.WithCancel(t.Context())
			f := refusal(400, "ThrottlingException", "Rate exceeded")
			f.op, f.hit = op, cancel
			b.set(&f)
			err := b.do(ctx, op)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want %v", err, context.Canceled)
			}
			if got := b.requests(); got != 1 {
				t.Errorf("got %d requests, want 1", got)
			}
			if err := b.do(ctx, op); !errors.Is(err, context.Canceled) || b.requests() != 1 {
				t.Errorf("with a context that has ended: %v after %d requests", err, b.requests())
			}
		})
	}
}

// Answers that KMS must not give are refused, and nothing comes of them.
func TestWrongAnswers(t *testing.T) {
	other := "arn:aws:kms:eu-west-1:111122223333:key/" + nobodysKey
	plaintext := func(n int) func(map[string]any) {
		return func(a map[string]any) { a["Plaintext"] = base64.StdEncoding.EncodeToString(make([]byte, n)) }
	}
	drop := func(name string) func(map[string]any) { return func(a map[string]any) { delete(a, name) } }
	replace := func(name string, v any) func(map[string]any) { return func(a map[string]any) { a[name] = v } }
	for _, c := range []struct {
		name   string
		ops    []string
		change func(map[string]any)
	}{
		{"another key", operations, replace("KeyId", other)},
		{"bare id", operations, func(a map[string]any) {
			id := a["KeyId"].(string)
			a["KeyId"] = id[strings.LastIndexByte(id, '/')+1:]
		}},
		{"no key", operations, drop("KeyId")},
		{"short plaintext", []string{"GenerateDataKey", "Decrypt"}, plaintext(31)},
		{"long plaintext", []string{"GenerateDataKey", "Decrypt"}, plaintext(33)},
		{"empty plaintext", []string{"GenerateDataKey", "Decrypt"}, plaintext(0)},
		{"no plaintext", []string{"GenerateDataKey", "Decrypt"}, drop("Plaintext")},
		{"no ciphertext", []string{"GenerateDataKey", "Encrypt"}, drop("CiphertextBlob")},
		{"empty ciphertext", []string{"GenerateDataKey", "Encrypt"}, replace("CiphertextBlob", "")},
		{"ciphertext that no Decrypt takes", []string{"GenerateDataKey", "Encrypt"}, replace("CiphertextBlob", base64.StdEncoding.EncodeToString(make([]byte, 6145)))},
	} {
		for _, op := range c.ops {
			t.Run(c.name+"/"+op, func(t *testing.T) {
				b := newBehind(t)
				b.set(&fault{op: op, change: c.change})
				if err := refused(b.do(t.Context(), op), kms.ErrResponse, signet.ErrMalformed); err != nil {
					t.Error(err)
				}
				if got := b.requests(); got != 1 {
					t.Errorf("got %d requests, want 1", got)
				}
				if op == "GenerateDataKey" {
					if out, err := message.Encrypt(t.Context(), b.k, []byte("hello"), nil); err == nil || out != nil {
						t.Errorf("a message of %d bytes is made, error %v", len(out), err)
					}
				}
			})
		}
	}
}

// A data key whose key does not answer, or answers with nonsense, does not keep the next one from being tried.
func TestNextDataKeyIsTried(t *testing.T) {
	for name, f := range map[string]fault{
		"unavailable": refusal(http.StatusInternalServerError, "KMSInternalException", ""), "denied": refusal(400, "AccessDeniedException", ""),
		"incorrect key": refusal(400, "IncorrectKeyException", ""), "another key": {change: func(a map[string]any) { a["KeyId"] = "x" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, localKMS)
			p := newProxy(t, s)
			supplier := s.supplierAt(p.url)
			one, err := s.newKey(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			two, err := s.newKey(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			k, err := kms.NewMulti(t.Context(), kms.MultiConfig{Generator: one, Children: []string{two}, Supplier: supplier})
			if err != nil {
				t.Fatal(err)
			}
			d, err := seal(t.Context(), k, pairs())
			if err != nil {
				t.Fatal(err)
			}
			f.op, f.key = "Decrypt", one
			p.set(&f)
			r, err := keyring.NewRequest(d.suite, d.ec)
			if err != nil {
				t.Fatal(err)
			}
			u, err := k.OnDecrypt(t.Context(), r, d.edks)
			if err != nil {
				t.Fatal(err)
			}
			defer u.DataKey.Destroy()
			if !u.DataKey.Equal(d.key) || u.Used != 1 || p.requests() == 0 {
				t.Errorf("opened data key %d after %d requests for the first", u.Used, p.requests())
			}
			if len(u.Attempts) == 0 {
				t.Error("the result does not say what was tried before")
			}
		})
	}
}
