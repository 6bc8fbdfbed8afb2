package config_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/message"
)

// testKeyring is a raw keyring that notes in log that it was closed.
type testKeyring struct {
	keyring.Keyring
	name     string
	log      *[]string
	readOnly bool
}

func (k testKeyring) CanEncrypt() bool { return !k.readOnly }
func (k testKeyring) Close() error     { *k.log = append(*k.log, k.name); return nil }

var errDown = fmt.Errorf("%w: the device sleeps", signet.ErrUnavailable)

// testMux knows test:NAME. The names "down" and "bad" cannot be opened, "old" cannot encrypt.
func testMux(log *[]string) *config.Mux {
	m := new(config.Mux)
	parse := func(uri string) (*config.URI, error) { return config.ParseURI(uri, "pin-source") }
	m.Register("test", config.Scheme{
		Open: func(_ context.Context, uri string, _ config.Env) (keyring.Keyring, error) {
			u, err := parse(uri)
			if err != nil {
				return nil, err
			}
			switch u.Path[0] {
			case "down":
				return nil, errDown
			case "bad":
				return nil, &keyring.ConfigError{Reason: "bad"}
			}
			k, err := raw.NewAES(raw.AESConfig{Namespace: "test", Name: u.Path[0], Key: bytes.Repeat([]byte(u.Path[0][:1]), 32)})
			return testKeyring{k, u.Path[0], log, u.Path[0] == "old"}, err
		},
		Redact: func(uri string) (string, error) {
			u, err := parse(uri)
			if err != nil {
				return "", err
			}
			u.Query = nil
			return u.String(), nil
		},
	})
	return m
}

func TestOpen(t *testing.T) {
	ctx := t.Context()
	var log []string
	m := testMux(&log)
	both, err := m.OpenAll(ctx, []string{"test:a?pin-source=x", "test:b"}, config.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := both.URIs(), []string{"test:a", "test:b"}; !slices.Equal(got, want) {
		t.Errorf("URIs: got %v, want %v", got, want)
	}
	if !both.CanEncrypt() {
		t.Error("a multi-keyring of two cannot encrypt")
	}
	msg, err := message.Encrypt(ctx, both, []byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	h, _, err := message.ParseHeader(msg)
	if err != nil || len(h.EDKs) != 2 || !bytes.HasPrefix(h.EDKs[0].ProviderInfo, []byte("a")) {
		t.Fatalf("the message has %d encrypted data keys, want 2, that of the first URI first; %v", len(h.EDKs), err)
	}
	for _, uri := range []string{"test:a", "test:b"} {
		one, err := m.Open(ctx, uri, config.Env{})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := message.Decrypt(ctx, one, msg); err != nil {
			t.Errorf("%s alone: %v", uri, err)
		}
	}
	if err := both.Close(); err != nil || !slices.Equal(log, []string{"b", "a"}) {
		t.Errorf("closed %v, %v; want b and then a", log, err)
	}
	if err := both.Close(); err != nil || len(log) != 2 {
		t.Errorf("second Close: %v, %v; want nothing", log, err)
	}
}

func TestOpenFails(t *testing.T) {
	const pin = "4711canary"
	for _, c := range []struct {
		uris   []string
		is     error
		text   string
		closed []string
	}{
		{nil, signet.ErrPolicy, "no keyring is given", nil},
		{[]string{"tset:a"}, signet.ErrPolicy, `unknown scheme, did you mean "test"?`, nil},
		{[]string{"https:a"}, signet.ErrPolicy, "unknown scheme; known: test", nil},
		{[]string{pin}, signet.ErrPolicy, "no scheme", nil},
		{[]string{"test:a?pin-value=" + pin}, signet.ErrPolicy, "keyring test:...: keyring URI (test): at byte 7: attribute \"pin-value\"", nil},
		{[]string{"test:a?pin-source=" + pin, "test:down?pin-source=" + pin}, signet.ErrUnavailable, "keyring 2 of 2 (test:down): ", []string{"a"}},
		{[]string{"test:a", "test:old"}, signet.ErrPolicy, "decrypt-only", []string{"old", "a"}},
		{[]string{"test:old", "test:a"}, signet.ErrPolicy, "decrypt-only", []string{"a", "old"}},
	} {
		var log []string
		o, err := testMux(&log).OpenAll(t.Context(), c.uris, config.Env{})
		if o != nil || !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%q: got %v, want %v with %q", c.uris, err, c.is, c.text)
			continue
		}
		if strings.Contains(err.Error(), pin) {
			t.Errorf("%q: the error repeats a secret: %v", c.uris, err)
		}
		if !slices.Equal(log, c.closed) {
			t.Errorf("%q: closed %v, want %v", c.uris, log, c.closed)
		}
	}
}

func TestOpenToDecrypt(t *testing.T) {
	ctx := t.Context()
	var log []string
	m := testMux(&log)
	a, err := m.Open(ctx, "test:a", config.Env{})
	if err != nil {
		t.Fatal(err)
	}
	msg, err := message.Encrypt(ctx, a, []byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, uris := range [][]string{{"test:a"}, {"test:old", "test:a"}, {"test:down", "test:a"}, {"test:a", "test:down"}} {
		o, err := m.OpenToDecrypt(ctx, uris, config.Env{})
		if err != nil {
			t.Fatalf("%v: %v", uris, err)
		}
		if _, _, err := message.Decrypt(ctx, o, msg); err != nil {
			t.Errorf("%v: %v", uris, err)
		}
		if _, err := message.Encrypt(ctx, o, nil, nil); o.CanEncrypt() || !errors.Is(err, signet.ErrPolicy) {
			t.Errorf("%v: encrypting with it: %v, want ErrPolicy", uris, err)
		}
	}

	o, err := m.OpenToDecrypt(ctx, []string{"test:down?pin-source=x", "test:b"}, config.Env{})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = message.Decrypt(ctx, o, msg)
	var ue *keyring.UnwrapError
	if !errors.As(err, &ue) || !errors.Is(err, signet.ErrNoKey) || !errors.Is(err, signet.ErrUnavailable) {
		t.Fatalf("got %v, want an UnwrapError with the unavailable keyring in its trace", err)
	}
	if len(ue.Attempts) != 2 || ue.Attempts[0].Key != "test:down" {
		t.Errorf("trace: got %v, want the keyring test:down first", ue.Attempts)
	}

	for _, bad := range []string{"test:bad", "test:a?x=1", "nosuch:a"} {
		if _, err := m.OpenToDecrypt(ctx, []string{"test:a", bad}, config.Env{}); !errors.Is(err, signet.ErrPolicy) {
			t.Errorf("%s: got %v, want ErrPolicy at once", bad, err)
		}
	}
}

func TestRegisterPanics(t *testing.T) {
	ok := config.Scheme{
		Open:   func(context.Context, string, config.Env) (keyring.Keyring, error) { return nil, nil },
		Redact: func(string) (string, error) { return "", nil },
	}
	m := new(config.Mux)
	m.Register("a", ok)
	for name, s := range map[string]config.Scheme{"a": ok, "B": ok, "": ok, "c:d": ok, "e": {}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("registering %q does not panic", name)
				}
			}()
			m.Register(name, s)
		}()
	}
}

func mapEnv(files fstest.MapFS, vars map[string]string) config.Env {
	return config.Env{
		Open: func(p string) (io.ReadCloser, error) {
			if p == "denied" {
				return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrPermission}
			}
			return files.Open(p)
		},
		LookupEnv: func(n string) (string, bool) { v, ok := vars[n]; return v, ok },
	}
}

func TestReadPIN(t *testing.T) {
	env := mapEnv(fstest.MapFS{
		"lf": {Data: []byte("12 34\n")}, "crlf": {Data: []byte("1234\r\n")}, "two": {Data: []byte("1234\n\n")}, "cr": {Data: []byte("1234\r")},
		"none": {Data: []byte(" 1234 ")}, "empty": {}, "newline": {Data: []byte("\n")}, "long": {Data: bytes.Repeat([]byte("7"), 1025)}, "dir/x": {},
	}, map[string]string{"PIN": "1234\n", "EMPTY": "", "LONG": strings.Repeat("7", 1025)})
	for _, c := range []struct {
		source, want string
		is           error
	}{
		{"file:lf", "12 34", nil},
		{"file:crlf", "1234", nil},
		{"file:two", "1234\n", nil},
		{"file:cr", "1234\r", nil},
		{"file:none", " 1234 ", nil},
		{"env:PIN", "1234", nil},
		{"file:empty", "", signet.ErrPolicy},
		{"file:newline", "", signet.ErrPolicy},
		{"file:long", "", signet.ErrPolicy},
		{"file:dir", "", signet.ErrPolicy},
		{"file:absent", "", signet.ErrNotFound},
		{"file:denied", "", signet.ErrAccessDenied},
		{"env:EMPTY", "", signet.ErrPolicy},
		{"env:LONG", "", signet.ErrPolicy},
		{"env:ABSENT", "", signet.ErrPolicy},
		{"env:1234", "", signet.ErrPolicy}, // pin-source=env:$PIN in a shell
		{"|cat pin", "", signet.ErrPolicy},
		{"1234", "", signet.ErrPolicy},
		{"file:", "", signet.ErrPolicy},
	} {
		got, err := env.ReadPIN(c.source)
		if string(got) != c.want || c.is == nil && err != nil || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: got %q, %v; want %q, %v", c.source, got, err, c.want, c.is)
		}
		if err != nil && (strings.Contains(err.Error(), "1234") || strings.Contains(err.Error(), "777")) {
			t.Errorf("%s: the error repeats the PIN: %v", c.source, err)
		}
	}
	var nothing config.Env
	for _, source := range []string{"file:lf", "env:PIN"} {
		if _, err := nothing.ReadPIN(source); !errors.Is(err, signet.ErrPolicy) {
			t.Errorf("zero Env, %s: got %v, want ErrPolicy", source, err)
		}
	}
}

func TestReadFile(t *testing.T) {
	env := mapEnv(fstest.MapFS{"d/f": {Data: []byte("12345")}, "f": {Data: []byte("12345678")}}, nil)
	env.Dir = "d"
	if got, err := env.ReadFile("key", "f", 5); string(got) != "12345" || err != nil {
		t.Errorf("got %q, %v; want all of d/f", got, err)
	}
	if _, err := env.ReadFile("key", "f", 4); err == nil || !strings.Contains(err.Error(), "longer than 4 bytes") {
		t.Errorf("limit: got %v", err)
	}
	if _, err := env.ReadFile("key", "absent", 4); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `key from file "absent": file does not exist`) {
		t.Errorf("absent: got %v", err)
	}
}
