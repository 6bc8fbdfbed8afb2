package keyring_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// keyText is a key that is easy to find in any output: printable bytes, and none of their decimal or hex forms is likely by chance.
const keyText = "Zq7!canary-KEY-bytes-0123456789#"

// leaks reports in which form text shows the bytes of secret, or "".
func leaks(text, secret string) string {
	b := []byte(secret)[:12]
	decimal := strings.Trim(fmt.Sprint(b), "[]")
	golang := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", b), "[]byte{"), "}")
	for name, form := range map[string]string{
		"raw": string(b), "hex": hex.EncodeToString(b), "base64": base64.StdEncoding.EncodeToString(b), "decimal": decimal,
		"Go syntax": golang, "JSON array": strings.ReplaceAll(decimal, " ", ","), "spaced hex": fmt.Sprintf("% x", b),
	} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(form)) {
			return name
		}
	}
	return ""
}

func TestLeaksFindsForms(t *testing.T) {
	b := []byte(keyText)
	for _, text := range []string{string(b), fmt.Sprintf("%x", b), fmt.Sprintf("%X", b), fmt.Sprint(b), fmt.Sprintf("%#v", b), base64.StdEncoding.EncodeToString(b)} {
		if leaks("before "+text+" after", keyText) == "" {
			t.Errorf("not found in %s", text)
		}
	}
	if got := leaks("nothing here", keyText); got != "" {
		t.Errorf("found %s in nothing", got)
	}
}

func TestSecretIsRedacted(t *testing.T) {
	for _, key := range []string{keyText[:16], keyText, keyText + keyText} { // inside the struct, and on the heap
		s := keyring.NewSecret([]byte(key))
		holder := struct {
			Public  *keyring.Secret
			private *keyring.Secret
			Any     any
			List    []*keyring.Secret
			Map     map[string]*keyring.Secret
		}{s, s, s, []*keyring.Secret{s}, map[string]*keyring.Secret{"k": s}}
		materials := &keyring.EncryptionMaterials{Suite: suite.AES256GCMCommit(), DataKey: s, SigningKeys: []*keyring.Secret{s}}
		opened := &keyring.DecryptionMaterials{Suite: suite.AES256GCMCommit(), DataKey: s, SigningKey: s}
		wrapped := &keyring.Wrapped{DataKey: s, SigningKeys: []*keyring.Secret{s}}
		unwrapped := &keyring.Unwrapped{DataKey: s, SigningKey: s}
		for _, v := range []any{s, holder, &holder, materials, opened, wrapped, unwrapped, []any{s}} {
			for verb := rune('A'); verb <= 'z'; verb++ {
				if verb > 'Z' && verb < 'a' {
					continue
				}
				for _, flags := range []string{"", "+", "#", " ", "-30", "030", ".3", "+#"} {
					if got := leaks(fmt.Sprintf("%"+flags+string(verb), v), key); got != "" {
						t.Errorf("%%%s%c of %T shows the key (%s)", flags, verb, v, got)
					}
				}
			}
			if got := leaks(fmt.Sprint(v)+fmt.Sprintln(v), key); got != "" {
				t.Errorf("Print of %T shows the key (%s)", v, got)
			}
			j, err := json.Marshal(v)
			if err != nil {
				t.Errorf("json.Marshal of %T: %v", v, err)
			}
			if got := leaks(string(j), key); got != "" {
				t.Errorf("json.Marshal of %T shows the key (%s)", v, got)
			}
			for name, h := range map[string]func(io.Writer) slog.Handler{
				"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
				"JSON": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
			} {
				var b bytes.Buffer
				slog.New(h(&b)).Info("message", "value", v, slog.Group("g", "value", v))
				if got := leaks(b.String(), key); got != "" {
					t.Errorf("slog's %s handler shows the key in %T (%s)", name, v, got)
				}
				if !strings.Contains(b.String(), "value") {
					t.Errorf("slog's %s handler wrote %q", name, b.String())
				}
			}
		}
		if got := leaks(fmt.Sprintf("%v %+v %#v", *s, *s, *s), key); got != "" { // a copy has no methods
			t.Errorf("a copied Secret shows the key (%s)", got)
		}
		if got := fmt.Sprintf("%v|%s|%x|%#v|%d", s, s, s, s, s); got != strings.Repeat("|[secret]", 5)[1:] {
			t.Errorf("got %s", got)
		}
	}
}

func TestSecretUseAfterDestroyPanics(t *testing.T) {
	for name, use := range map[string]func(s *keyring.Secret){
		"Reveal":    func(s *keyring.Secret) { s.Reveal() },
		"Len":       func(s *keyring.Secret) { s.Len() },
		"Clone":     func(s *keyring.Secret) { s.Clone() },
		"Equal":     func(s *keyring.Secret) { s.Equal(keyring.RandomSecret(32)) },
		"Equal arg": func(s *keyring.Secret) { keyring.RandomSecret(32).Equal(s) },
	} {
		s := keyring.RandomSecret(32)
		s.Destroy()
		s.Destroy() // twice is fine
		func() {
			defer func() {
				if r := recover(); r != "keyring: secret used after Destroy" {
					t.Errorf("%s: got %v, want a panic about Destroy", name, r)
				}
			}()
			use(s)
		}()
		if got := fmt.Sprint(s); got != "[secret]" {
			t.Errorf("a destroyed secret prints %s", got)
		}
	}
	(*keyring.Secret)(nil).Destroy()
}

func TestSecretOwnsItsBytes(t *testing.T) {
	for _, n := range []int{1, 16, 32, 33, 200} {
		b := bytes.Repeat([]byte{7}, n)
		s := keyring.NewSecret(b)
		c := s.Clone()
		clear(b)
		if want := bytes.Repeat([]byte{7}, n); !bytes.Equal(s.Reveal(), want) || s.Len() != n {
			t.Fatalf("%d bytes: NewSecret did not copy", n)
		}
		view := s.Reveal()
		if cap(view) != n {
			t.Errorf("%d bytes: capacity %d, want %d", n, cap(view), n)
		}
		s.Destroy()
		if !bytes.Equal(view, make([]byte, n)) {
			t.Errorf("%d bytes: Destroy left bytes behind", n)
		}
		if !bytes.Equal(c.Reveal(), bytes.Repeat([]byte{7}, n)) {
			t.Errorf("%d bytes: Destroy changed a clone", n)
		}
	}
}

func TestSecretEqual(t *testing.T) {
	a, zero := keyring.NewSecret([]byte(keyText)), keyring.NewSecret(make([]byte, 32))
	for _, c := range []struct {
		x, y *keyring.Secret
		want bool
	}{
		{a, a, true},
		{a, a.Clone(), true},
		{zero, keyring.NewSecret(make([]byte, 32)), true}, // an all-zero key is a key
		{a, zero, false},
		{a, keyring.NewSecret([]byte(keyText[:31])), false},
		{zero, keyring.NewSecret(make([]byte, 16)), false},
		{zero, keyring.NewSecret(append(make([]byte, 31), 1)), false},
	} {
		if got := c.x.Equal(c.y); got != c.want {
			t.Errorf("Equal of %d and %d bytes: got %v, want %v", c.x.Len(), c.y.Len(), got, c.want)
		}
	}
	if keyring.RandomSecret(32).Equal(keyring.RandomSecret(32)) {
		t.Error("two random secrets are equal")
	}
}

func TestSecretWithoutBytesPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"nil":      func() { keyring.NewSecret(nil) },
		"empty":    func() { keyring.NewSecret([]byte{}) },
		"random 0": func() { keyring.RandomSecret(0) },
		"negative": func() { keyring.RandomSecret(-1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
