package all_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/config/all"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/message"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// A keyset, encrypted under a key in a variable and in the clear, makes the same keyring; under another key it does not open.
func TestTinkOpen(t *testing.T) {
	const uri = "raw-aes:keys/kek?key-env=KEK"
	env := config.System()
	env.Dir = t.TempDir()
	key := bytes.Repeat([]byte{1}, 32)
	env.LookupEnv = func(name string) (string, bool) {
		return base64.StdEncoding.EncodeToString(key), name == "KEK"
	}
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	kek, err := all.Mux().Open(t.Context(), uri, env)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := message.NewAEAD(keyring.NewManager(kek), nil)
	if err != nil {
		t.Fatal(err)
	}
	var sealed, clear bytes.Buffer
	if err := h.Write(keyset.NewJSONWriter(&sealed), wrapped); err != nil {
		t.Fatal(err)
	}
	if err := insecurecleartextkeyset.Write(h, keyset.NewBinaryWriter(&clear)); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"sealed": sealed.Bytes(), "clear": clear.Bytes()} {
		if err := os.WriteFile(filepath.Join(env.Dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	under := "tink:orders?keyset=sealed&kek=" + url.QueryEscape(uri)
	a, err := all.Mux().Open(t.Context(), under, env)
	if err != nil {
		t.Fatal(err)
	}
	b, err := all.Mux().Open(t.Context(), "tink:orders?keyset=clear&insecure-cleartext=true", env)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := message.Encrypt(t.Context(), a, []byte("hello"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := message.Decrypt(t.Context(), b, msg); err != nil || string(got) != "hello" {
		t.Errorf("the keyset in the clear: got %q, %v", got, err)
	}

	// The cleartext keyset is not taken for an encrypted one, nor the reverse; a missing file and another key are told apart.
	for uri, class := range map[string]error{
		"tink:orders?keyset=clear&kek=" + url.QueryEscape(uri):   signet.ErrMalformed,
		"tink:orders?keyset=sealed&insecure-cleartext=true":      signet.ErrMalformed,
		"tink:orders?keyset=missing&insecure-cleartext=true":     os.ErrNotExist,
		"tink:orders?keyset=sealed&kek=raw-aes:nothing":          signet.ErrPolicy,
		"tink:orders?keyset=sealed&kek=tink:a%3Fkeyset%3Dsealed": signet.ErrPolicy,
	} {
		if _, err := all.Mux().Open(t.Context(), uri, env); !errors.Is(err, class) {
			t.Errorf("%s: got %v, want %v", uri, err, class)
		}
	}
	key = bytes.Repeat([]byte{2}, 32)
	if _, err := all.Mux().Open(t.Context(), under, env); !errors.Is(err, signet.ErrNoKey) {
		t.Errorf("another key: got %v, want ErrNoKey", err)
	}
}
