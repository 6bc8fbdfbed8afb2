package message

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/keyring"
)

// AWS's commitment known answers (formats/esdk.md 13.1): 41 of 46 open, 5 are refused at the commitment.
func TestCommitmentKnownAnswers(t *testing.T) {
	data, err := os.ReadFile(sharedtest.Vectors(t, "esdk", "commitment-known-answers.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Tests []struct {
			Ciphertext, Commitment string
			Header                 string
			DEK                    string            `json:"decrypted-dek"`
			Context                map[string]string `json:"encryption-context"`
			MessageID              string            `json:"message-id"`
			Status                 bool
			Comment                string
			Frames                 []string `json:"plaintext-frames"`
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	b64 := func(s string) []byte {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	opened, refused := 0, []int(nil)
	for i, tt := range file.Tests {
		msg := b64(tt.Ciphertext)
		o, err := ParseOutline(msg)
		if err != nil {
			t.Errorf("%s: outline: %v", tt.Comment, err)
			continue
		}
		if !bytes.Equal(o.Header.MessageID, b64(tt.MessageID)) {
			t.Errorf("%s: wrong message id", tt.Comment)
		}
		got, h, err := Decrypt(context.Background(), fixedKeyring{b64(tt.DEK)}, msg)
		if !tt.Status {
			refused = append(refused, i+1)
			if kind(err) != "key commitment" || got != nil || h != nil {
				t.Errorf("%s: got %s, want a refusal at the commitment", tt.Comment, kind(err))
			}
			continue
		}
		if want := strings.Join(tt.Frames, ""); err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", tt.Comment, got, err, want)
			continue
		}
		opened++
		for k, v := range tt.Context {
			if h.Context[k] != v {
				t.Errorf("%s: context pair %q differs", tt.Comment, k)
			}
		}
		if int64(len(got)) != o.PlaintextLen || len(h.Context) != len(tt.Context) {
			t.Errorf("%s: outline says %d bytes, %d pairs", tt.Comment, o.PlaintextLen, len(h.Context))
		}
	}
	if opened != 41 || !slices.Equal(refused, []int{2, 12, 13, 20, 21}) {
		t.Errorf("%d opened, %v refused", opened, refused)
	}
}

// Known answers 1 and 2 are under a raw AES key of zeros.
func TestKnownAnswersRawAES(t *testing.T) {
	data, err := os.ReadFile(sharedtest.Vectors(t, "esdk", "commitment-known-answers.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Tests []struct{ Ciphertext string } }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	k := rawKey(t, "ProviderName", "KeyId", make([]byte, 32))
	for i, want := range []string{"ok", "key commitment"} {
		msg, err := base64.StdEncoding.DecodeString(file.Tests[i].Ciphertext)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Decrypt(context.Background(), k, msg); kind(err) != want {
			t.Errorf("known answer %d: got %s (%v), want %s", i+1, kind(err), err, want)
		}
		if _, _, err := Decrypt(context.Background(), rawKey(t, "ProviderName", "KeyI", make([]byte, 32)), msg); kind(err) != "no key" {
			t.Errorf("known answer %d under another name: got %s", i+1, kind(err))
		}
	}
}

var _ keyring.Keyring = fixedKeyring{}
