package message_test

import (
	"bytes"
	"crypto/ecdh"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// Messages that other implementations wrote (testdata/peers; interop/matrix makes them and documents the fields).
type (
	peerKey struct {
		Type, Namespace, Name, Padding, Curve, Schema string
		Key                                           []byte `json:"key_b64"`
		PublicPEM                                     string `json:"public_pem"`
		PrivatePEM                                    string `json:"private_pem"`
	}
	peerMessage struct {
		Kind, Path, Suite string
		FrameLength       *int64 `json:"frame_length"`
		PlaintextLen      int    `json:"plaintext_len"`
		Context           keyring.EncryptionContext
		Reproduced        keyring.EncryptionContext `json:"reproduced_context"`
		Message           []byte
	}
)

// keyring makes the keyring of a test key.
func (k *peerKey) keyring(t *testing.T) keyring.Keyring {
	t.Helper()
	var made keyring.Keyring
	var err error
	switch k.Type {
	case "raw-aes":
		made, err = raw.NewAES(raw.AESConfig{Namespace: k.Namespace, Name: k.Name, Key: k.Key})
	case "raw-rsa":
		cfg := raw.RSAConfig{Namespace: k.Namespace, Name: k.Name}
		if cfg.Padding, err = raw.ParseRSAPadding(k.Padding); err != nil {
			break
		}
		if cfg.Private, err = raw.ParseRSAPrivateKey([]byte(k.PrivatePEM)); err == nil {
			made, err = raw.NewRSA(cfg)
		}
	case "raw-ecdh":
		cfg := raw.ECDHConfig{Curve: map[string]ecdh.Curve{"p256": ecdh.P256(), "p384": ecdh.P384(), "p521": ecdh.P521()}[k.Curve]}
		if cfg.Schema, err = raw.ParseECDHSchema(k.Schema); err != nil {
			break
		}
		if cfg.Private, err = raw.ParseECPrivateKey([]byte(k.PrivatePEM)); err != nil {
			break
		}
		if k.PublicPEM != "" {
			cfg.Peer, err = raw.ParseECPublicKey([]byte(k.PublicPEM))
		}
		if err == nil {
			made, err = raw.NewECDH(cfg)
		}
	default:
		t.Fatalf("unknown type %q", k.Type)
	}
	if err != nil {
		t.Fatalf("%s %s: %v", k.Type, k.Name, err)
	}
	return made
}

func readJSON(t *testing.T, name string, to any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "peers", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, to); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// TestPeers: what the AWS Encryption SDK of five languages wrote opens with every keyring that should open it, in one call and as a stream, and not
// after a change.
func TestPeers(t *testing.T) {
	var keys struct{ Kinds map[string][]*peerKey }
	readJSON(t, "keys.json", &keys)
	readers := map[string][]keyring.Keyring{}
	for name, all := range keys.Kinds {
		for _, k := range all {
			readers[name] = append(readers[name], k.keyring(t))
		}
		if len(all) > 1 {
			multi, err := keyring.NewMulti(keyring.MultiOptions{Optional: readers[name]})
			if err != nil {
				t.Fatal(err)
			}
			readers[name] = append(readers[name], multi)
		}
	}
	for _, peer := range []string{"go", "java", "javascript", "python", "rust"} {
		t.Run(peer, func(t *testing.T) {
			var file struct {
				Peer     string
				Messages []*peerMessage
			}
			readJSON(t, peer+".json", &file)
			if file.Peer != peer {
				t.Errorf("the file is of %s", file.Peer)
			}
			suites, kinds, changes := map[string]bool{}, map[string]bool{}, 0
			for i, m := range file.Messages {
				suites[m.Suite], kinds[m.Kind] = true, true
				if len(readers[m.Kind]) == 0 {
					t.Fatalf("no key for %s", m.Kind)
				}
				for _, k := range readers[m.Kind] {
					m.open(t, k)
				}
				changes += m.change(t, readers[m.Kind][0], i)
			}
			want := 16 // kinds of keyring
			switch peer {
			case "javascript":
				want = 9 // no ECDH
			case "java", "python":
				want = 17 // and their older API
			}
			if len(suites) != 11 || len(kinds) != want {
				t.Errorf("%d suites and %d kinds of keyring, want 11 and %d", len(suites), len(kinds), want)
			}
			t.Logf("%d messages; %d changed ones were refused", len(file.Messages), changes)
		})
	}
}

func (m *peerMessage) String() string {
	return fmt.Sprintf("suite %s, %s, %d bytes", m.Suite, m.Kind, m.PlaintextLen)
}

var peerClient = &message.Client{CommitmentPolicy: suite.RequireEncryptAllowDecrypt}

func (m *peerMessage) open(t *testing.T, k keyring.Keyring) {
	t.Helper()
	want := make([]byte, m.PlaintextLen)
	for i := range want {
		want[i] = byte(i*31 + i>>8 + 1)
	}
	check := func(how string, got []byte, h *message.Header, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%v: %s: %v", m, how, err)
			return
		}
		ec := maps.Clone(h.Context)
		maps.DeleteFunc(ec, func(k, _ string) bool { return strings.HasPrefix(k, keyring.ReservedPrefix) })
		if !bytes.Equal(got, want) || !maps.Equal(ec, m.Context) || fmt.Sprintf("%04x", h.Suite.ID()) != m.Suite {
			t.Errorf("%v: %s: got %d bytes, context %q, suite %v", m, how, len(got), ec, h.Suite)
		}
		if frame := int64(h.FrameLength); m.FrameLength != nil && frame != *m.FrameLength || m.FrameLength == nil && frame != message.DefaultFrameLength {
			t.Errorf("%v: %s: frame length %d", m, how, frame)
		}
	}
	mm := keyring.NewManager(k)
	got, h, err := peerClient.Decrypt(t.Context(), mm, m.Message, &message.DecryptOptions{ReproducedContext: m.Reproduced})
	check("one call", got, h, err)

	r, err := peerClient.NewDecryptReader(t.Context(), mm, iotest.OneByteReader(bytes.NewReader(m.Message)),
		&message.DecryptOptions{ReproducedContext: m.Reproduced, ReleaseUnverified: true})
	if err != nil {
		t.Errorf("%v: stream: %v", m, err)
		return
	}
	got, err = io.ReadAll(r)
	check("stream", got, r.Header(), errors.Join(err, r.Close()))

	o, err := message.ParseOutline(m.Message)
	if err != nil {
		t.Errorf("%v: outline: %v", m, err)
	} else if o.PlaintextLen != int64(m.PlaintextLen) || o.Header.Suite != h.Suite {
		t.Errorf("%v: the outline has %d bytes and suite %v", m, o.PlaintextLen, o.Header.Suite)
	}
	if m.Reproduced != nil {
		if _, _, err := peerClient.Decrypt(t.Context(), mm, m.Message, nil); !errors.Is(err, signet.ErrNoKey) && !errors.Is(err, signet.ErrAuthentication) {
			t.Errorf("%v: without the pairs that are not stored: %v", m, err)
		}
	}
}

// change flips a bit in every eleventh byte, from another one in each message.
func (m *peerMessage) change(t *testing.T, k keyring.Keyring, from int) (n int) {
	t.Helper()
	for at := from % 11; at < len(m.Message); at += 11 {
		changed := slices.Clone(m.Message)
		changed[at] ^= 1 << (at % 8)
		if got, h, err := peerClient.Decrypt(t.Context(), keyring.NewManager(k), changed, &message.DecryptOptions{ReproducedContext: m.Reproduced}); err == nil ||
			got != nil || h != nil {
			t.Errorf("%v: opens with a bit of byte %d changed", m, at)
		}
		n++
	}
	return n
}
