package tinkv1_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/tink/go/aead"
	"github.com/google/tink/go/insecurecleartextkeyset"
	"github.com/google/tink/go/keyset"
	"github.com/google/tink/go/mac"
	tinkpb "github.com/google/tink/go/proto/tink_go_proto"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/interop/tinkv1"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/keyringtest"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/message"
)

// must is for what cannot fail in these tests.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// newHandle is a keyset with a key of each template; the last one is the primary key.
func newHandle(templates ...*tinkpb.KeyTemplate) *keyset.Handle {
	m := keyset.NewManager()
	for _, template := range templates {
		if err := m.SetPrimary(must(m.Add(template))); err != nil {
			panic(err)
		}
	}
	return must(m.Handle())
}

// ours is a keyring over an AEAD of google/tink/go, with the provider id of keyring/tink, which cannot be linked here.
func ours(name string, h *keyset.Handle) keyring.Keyring {
	return must(keyring.NewAEAD(keyring.AEADConfig{ProviderID: "tink", Name: name, AEAD: must(aead.New(h))}))
}

func messageAEAD(k keyring.Keyring) *message.AEAD {
	return must(message.NewAEAD(keyring.NewManager(k), nil))
}

func rawKeyring(key []byte) keyring.Keyring {
	return must(raw.NewAES(raw.AESConfig{Namespace: "tinkv1", Name: "kek", Key: key}))
}

func write(t *testing.T, h *keyset.Handle, json bool, kek keyring.AEAD, ad []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w keyset.Writer = keyset.NewBinaryWriter(&b)
	if json {
		w = keyset.NewJSONWriter(&b)
	}
	var err error
	if kek == nil {
		err = insecurecleartextkeyset.Write(h, w)
	} else {
		err = h.WriteWithAssociatedData(w, kek, ad)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestConformance(t *testing.T) {
	h, other := newHandle(aead.AES256GCMKeyTemplate()), newHandle(aead.AES256GCMKeyTemplate())
	keyringtest.Run(t, keyringtest.Options{
		New:      func(testing.TB) keyring.Keyring { return ours("orders", h) },
		OtherKey: func(testing.TB) keyring.Keyring { return ours("orders", other) },
		Foreign: func(testing.TB) []keyring.Keyring {
			return []keyring.Keyring{ours("other", h), ours("orders2", h), ours("order", h)}
		},
		Refusals: []error{signet.ErrAuthentication},
	})
}

// build makes a program of this module and returns its path.
func build(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./"+name).CombinedOutput(); err != nil {
		t.Fatalf("go build ./%s: %v\n%s", name, err, out)
	}
	return path
}

// TestCannotLinkBoth is the reason for this module. When it fails, docs/adr/0002-which-tink.md can be simpler.
func TestCannotLinkBoth(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), build(t, "both"))
	cmd.Env = append(os.Environ(), "GOLANG_PROTOBUF_REGISTRATION_CONFLICT=") // the default
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !bytes.HasPrefix(out, []byte("panic: proto:")) || !bytes.Contains(out, []byte("google.crypto.tink")) {
		t.Errorf("got %v, want a panic of protobuf:\n%.2000s", err, out)
	}
}

var update = flag.Bool("update", false, "write the golden keysets of keyring/tink")

// writeGolden writes what google/tink/go made for the tests of keyring/tink, which cannot link it. Plaintext is what the message holds.
func writeGolden(t *testing.T, golden []tinkv1.Request) {
	t.Helper()
	b, err := json.MarshalIndent(map[string]any{
		"comment": "Keysets and messages under them, written by github.com/google/tink/go v1.7.0. To make them again: cd interop/tinkv1 && go test . -run TestKeysets -update",
		"keysets": golden,
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("../../keyring/tink/testdata/v1.json", append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestKeysets: keysets of google/tink/go open in keyring/tink, in every form, and messages go both ways.
func TestKeysets(t *testing.T) {
	templates := []*tinkpb.KeyTemplate{
		aead.AES128GCMKeyTemplate(), aead.AES256GCMKeyTemplate(), aead.AES256GCMNoPrefixKeyTemplate(), aead.AES128CTRHMACSHA256KeyTemplate(),
		aead.AES256CTRHMACSHA256KeyTemplate(), aead.ChaCha20Poly1305KeyTemplate(), aead.XChaCha20Poly1305KeyTemplate(),
	}
	kekHandle, wrongHandle := newHandle(aead.AES256GCMKeyTemplate()), newHandle(aead.AES256GCMKeyTemplate())
	rawKey, ad := bytes.Repeat([]byte{7}, 32), []byte("orders")
	type test struct {
		what      string
		request   tinkv1.Request
		handle    *keyset.Handle
		wantClass string // "" opens
	}
	var tests []test
	add := func(what string, h *keyset.Handle, wantClass string, r tinkv1.Request) {
		k := ours("orders", h)
		r.Name, r.Plaintext = "orders", []byte("from v2: "+what)
		r.Messages = [][]byte{must(message.Encrypt(t.Context(), k, []byte("from v1: "+what), keyring.EncryptionContext{"tenant": "a"}))}
		tests = append(tests, test{what, r, h, wantClass})
	}
	for n := range templates {
		h := newHandle(templates[:n+1]...) // grows by one key, which is the primary one
		for _, json := range []bool{false, true} {
			what := fmt.Sprintf("%d keys, JSON %v", n+1, json)
			add(what, h, "", tinkv1.Request{Keyset: write(t, h, json, nil, nil)})
			kek := must(aead.New(kekHandle))
			add(what+", under a keyset", h, "", tinkv1.Request{Keyset: write(t, h, json, kek, nil), KEKKeyset: write(t, kekHandle, false, nil, nil)})
			add(what+", under a keyset with associated data", h, "", tinkv1.Request{Keyset: write(t, h, json, kek, ad), KEKKeyset: write(t, kekHandle, false, nil, nil), AssociatedData: ad})
			add(what+", under a keyring", h, "", tinkv1.Request{Keyset: write(t, h, json, messageAEAD(rawKeyring(rawKey)), ad), KEKRaw: rawKey, AssociatedData: ad})
		}
	}
	h := newHandle(aead.AES256GCMKeyTemplate())
	for _, json := range []bool{false, true} {
		encrypted := write(t, h, json, must(aead.New(kekHandle)), nil)
		add("wrong key", h, "authentication", tinkv1.Request{Keyset: encrypted, KEKKeyset: write(t, wrongHandle, false, nil, nil)})
		add("wrong associated data", h, "authentication", tinkv1.Request{Keyset: encrypted, KEKKeyset: write(t, kekHandle, false, nil, nil), AssociatedData: ad})
		add("encrypted and not said so", h, "malformed", tinkv1.Request{Keyset: encrypted})
		add("a MAC", h, "unsupported", tinkv1.Request{Keyset: write(t, newHandle(mac.HMACSHA256Tag256KeyTemplate()), json, nil, nil)})
		add("an envelope", h, "unsupported", tinkv1.Request{Keyset: write(t, newHandle(aead.KMSEnvelopeAEADKeyTemplate("a://b", aead.AES256GCMKeyTemplate())), json, nil, nil)})
	}

	var requests []tinkv1.Request
	for i := range tests {
		requests = append(requests, tests[i].request)
	}
	cmd := exec.CommandContext(t.Context(), build(t, "v2side"))
	cmd.Stdin = bytes.NewReader(must(json.Marshal(requests)))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("v2side: %v\n%s", err, stderr.String())
	}
	var responses []tinkv1.Response
	if err := json.Unmarshal(out, &responses); err != nil || len(responses) != len(tests) {
		t.Fatalf("v2side: %d responses to %d requests, %v", len(responses), len(tests), err)
	}
	if *update {
		var golden []tinkv1.Request
		for _, c := range tests {
			if c.wantClass == "" && len(c.handle.KeysetInfo().GetKeyInfo()) == len(templates) {
				c.request.Plaintext = []byte("from v1: " + c.what)
				golden = append(golden, c.request)
			}
		}
		writeGolden(t, golden)
	}
	for i, c := range tests {
		got := &responses[i]
		if c.wantClass != "" {
			if got.Class != c.wantClass {
				t.Errorf("%s: got %q (%s), want %q", c.what, got.Class, got.Error, c.wantClass)
			}
			continue
		}
		if got.Error != "" {
			t.Errorf("%s: %s", c.what, got.Error)
			continue
		}
		var keys []string
		for _, k := range c.handle.KeysetInfo().GetKeyInfo() {
			keys = append(keys, fmt.Sprint(strings.TrimPrefix(k.GetTypeUrl(), "type.googleapis.com/google.crypto.tink."), " ", k.GetKeyId()))
		}
		if !slices.Equal(got.Keys, keys) {
			t.Errorf("%s: keys %v, want %v", c.what, got.Keys, keys)
		}
		if len(got.Plaintexts) != 1 || string(got.Plaintexts[0]) != "from v1: "+c.what {
			t.Errorf("%s: v2 opened a message of v1 to %q", c.what, got.Plaintexts)
		}
		plaintext, _, err := message.Decrypt(t.Context(), ours("orders", c.handle), got.Message)
		if err != nil || string(plaintext) != "from v2: "+c.what {
			t.Errorf("%s: v1 opened a message of v2 to %q, %v", c.what, plaintext, err)
		}
	}
}
