package envvar_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/envvar"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/message"
)

// hooked calls before for each data key that it is asked to open.
type hooked struct {
	keyring.Keyring
	before func(ctx context.Context) error
}

func (h *hooked) OnDecrypt(ctx context.Context, r *keyring.Request, edks []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
	if err := h.before(ctx); err != nil {
		return nil, err
	}
	return h.Keyring.OnDecrypt(ctx, r, edks)
}

func newKeyring(t testing.TB, name string) keyring.Keyring {
	t.Helper()
	k, err := raw.NewAES(raw.AESConfig{Namespace: "test", Name: name, Key: bytes.Repeat([]byte{7}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// untouched is a keyring that nobody may ask.
func untouched(t *testing.T) keyring.Keyring {
	return &hooked{newKeyring(t, "kek"), func(context.Context) error {
		t.Error("a key was asked")
		return errors.New("asked")
	}}
}

func encrypt(t testing.TB, name, value string, ec keyring.EncryptionContext) string {
	t.Helper()
	text, err := envvar.Encrypt(context.Background(), newKeyring(t, "kek"), name, []byte(value), &envvar.Options{Context: ec})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestRoundTrip(t *testing.T) {
	for name, value := range map[string]string{
		"EMPTY": "", "DB_PASSWORD": "hunter2", "unicode-Ä": "Straße\n", "not.text": "\xff\x80", "LONGEST": strings.Repeat("x", envvar.MaxValue),
	} {
		text := encrypt(t, name, value, nil)
		if strings.ContainsAny(text, "\r\n ") || !strings.HasPrefix(text, envvar.Prefix) {
			t.Errorf("%s: %.40q is not one line with the prefix", name, text)
		}
		got, err := envvar.Decrypt(t.Context(), newKeyring(t, "kek"), name, text, nil)
		if err != nil || got != value {
			t.Errorf("%s: got %.40q, %v", name, got, err)
		}
	}
}

// What is behind the prefix is a message for every AWS Encryption SDK, with the pairs that key policies can have conditions on.
func TestMessage(t *testing.T) {
	text := encrypt(t, "DB_PASSWORD", "hunter2", keyring.EncryptionContext{envvar.LambdaFunctionName: "billing"})
	msg, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "signet:"))
	if err != nil {
		t.Fatal(err)
	}
	value, h, err := message.Decrypt(t.Context(), newKeyring(t, "kek"), msg)
	if err != nil || string(value) != "hunter2" {
		t.Fatalf("got %q, %v", value, err)
	}
	if got := fmt.Sprint(h.Context); got != "map[LambdaFunctionName:billing variable:DB_PASSWORD]" || h.Suite.ID() != 0x0478 {
		t.Errorf("context %s, suite %s", got, h.Suite)
	}
}

func TestBoundToNameAndContext(t *testing.T) {
	ec := keyring.EncryptionContext{"LambdaFunctionName": "billing", "stage": "prod"}
	text := encrypt(t, "A", "canary-value", ec)
	for _, c := range []struct {
		name    string
		context keyring.EncryptionContext
		pair    string // that is wrong
	}{
		{"A", nil, ""},
		{"A", keyring.EncryptionContext{"stage": "prod"}, ""},
		{"A", ec, ""},
		{"B", ec, "variable"},
		{"a", nil, "variable"},
		{"A", keyring.EncryptionContext{"stage": "canary-test"}, "stage"},
		{"A", keyring.EncryptionContext{"stage": ""}, "stage"},
		{"A", keyring.EncryptionContext{"tenant": "canary-x"}, "tenant"},
		{"A", keyring.EncryptionContext{"variable": "A"}, "variable"},
	} {
		k := newKeyring(t, "kek")
		if c.pair != "" {
			k = untouched(t)
		}
		got, err := envvar.Decrypt(t.Context(), k, c.name, text, &envvar.Options{Context: c.context})
		if c.pair == "" {
			if err != nil || got != "canary-value" {
				t.Errorf("%s %v: got %q, %v", c.name, c.context, got, err)
			}
			continue
		}
		var pair *keyring.ContextError
		var named *envvar.Error
		if !errors.As(err, &pair) || pair.Key != c.pair || !errors.Is(err, signet.ErrContext) || !errors.As(err, &named) || named.Name != c.name || got != "" {
			t.Errorf("%s %v: got %q, %v; want pair %s", c.name, c.context, got, err, c.pair)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s %v: the error has a value: %v", c.name, c.context, err)
		}
	}
	for _, ec := range []keyring.EncryptionContext{{"variable": "A"}, {"aws-crypto-x": "y"}} {
		if _, err := envvar.Encrypt(t.Context(), newKeyring(t, "kek"), "A", nil, &envvar.Options{Context: ec}); !errors.Is(err, signet.ErrContext) {
			t.Errorf("%v: got %v", ec, err)
		}
	}
}

func TestTextsThatAreRefused(t *testing.T) {
	good := encrypt(t, "A", "x", nil)
	for text, want := range map[string]error{
		"":                           envvar.ErrText,
		"x":                          envvar.ErrText,
		"Signet:" + good[7:]:         envvar.ErrText,
		" " + good:                   envvar.ErrText,
		"signet:":                    io.ErrUnexpectedEOF,
		"signet:%%%%":                envvar.ErrText,
		good + "\n":                  envvar.ErrText,
		good[:40] + "\n" + good[40:]: envvar.ErrText,
		good + " ":                   envvar.ErrText,
		good + "AAAA":                signet.ErrMalformed,
		"signet:signet:" + good[7:]:  envvar.ErrText,
		"signet:" + strings.Repeat("A", 2*envvar.MaxValue): signet.ErrLimit,
	} {
		if got, err := envvar.Decrypt(t.Context(), newKeyring(t, "kek"), "A", text, nil); !errors.Is(err, want) || got != "" {
			t.Errorf("%.60q: got %q, %v, want %v", text, got, err, want)
		}
	}
	if _, err := envvar.Decrypt(t.Context(), newKeyring(t, "other"), "A", good, nil); !errors.Is(err, signet.ErrNoKey) {
		t.Errorf("other key: got %v", err)
	}
	if _, err := envvar.Decrypt(t.Context(), nil, "A", good, nil); !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("no keyring: got %v", err)
	}
}

// Cut anywhere or changed in any byte it does not open.
func TestDamagedMessages(t *testing.T) {
	k := newKeyring(t, "kek")
	msg, err := base64.StdEncoding.DecodeString(encrypt(t, "A", "canary-value", nil)[7:])
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(b []byte, how string, i int) {
		got, err := envvar.Decrypt(t.Context(), k, "A", "signet:"+base64.StdEncoding.EncodeToString(b), nil)
		if err == nil || got != "" || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s at %d: got %q, %v", how, i, got, err)
		}
	}
	for i := range msg {
		refuse(msg[:i], "cut", i)
		changed := bytes.Clone(msg)
		changed[i] ^= 1
		refuse(changed, "changed", i)
	}
}

func TestNamesAndValues(t *testing.T) {
	k := newKeyring(t, "kek")
	for _, name := range []string{"", "A=B", "A\x00", "A\nB", "\xff", strings.Repeat("A", 1025)} {
		if _, err := envvar.Encrypt(t.Context(), k, name, nil, nil); !errors.Is(err, envvar.ErrName) || !errors.Is(err, signet.ErrMalformed) {
			t.Errorf("name %.20q: got %v", name, err)
		}
	}
	for value, want := range map[string]error{
		"a\x00b":        envvar.ErrValue,
		"signet:canary": envvar.ErrValue,
		strings.Repeat("canary", envvar.MaxValue/6+1): signet.ErrLimit,
	} {
		if text, err := envvar.Encrypt(t.Context(), k, "A", []byte(value), nil); !errors.Is(err, want) || text != "" || strings.Contains(err.Error(), "canary") {
			t.Errorf("value %.20q: got %v, want %v", value, err, want)
		}
	}
	if _, err := envvar.Encrypt(t.Context(), nil, "A", nil, nil); !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("no keyring: got %v", err)
	}
	// A message that another program made.
	for value, want := range map[string]error{"a\x00b": envvar.ErrValue, strings.Repeat("x", envvar.MaxValue+1): signet.ErrLimit} {
		msg, err := message.Encrypt(t.Context(), k, []byte(value), keyring.EncryptionContext{"variable": "A"})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := envvar.Decrypt(t.Context(), k, "A", "signet:"+base64.StdEncoding.EncodeToString(msg), nil); !errors.Is(err, want) || got != "" {
			t.Errorf("message of %.20q: got %q, %v, want %v", value, got, err, want)
		}
	}
	// Context pairs count towards the length of the text.
	if _, err := envvar.Encrypt(t.Context(), k, "A", bytes.Repeat([]byte{'x'}, envvar.MaxValue), &envvar.Options{Context: keyring.EncryptionContext{"a": strings.Repeat("x", 60000)}}); !errors.Is(err, signet.ErrLimit) {
		t.Errorf("long context: got %v", err)
	}
}

// Of all texts only the one that was made opens.
func FuzzDecrypt(f *testing.F) {
	for _, s := range []string{encrypted, "signet:", "signet:AgR4", encrypted[:len(encrypted)/2], strings.TrimSuffix(encrypted, "=")} {
		f.Add(s)
	}
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(i)
	}
	k, err := raw.NewAES(raw.AESConfig{Namespace: "example", Name: "kek", Key: key})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := envvar.Decrypt(context.Background(), k, "DB_PASSWORD", text, nil)
		if (err == nil) != (text == encrypted) {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	})
}
