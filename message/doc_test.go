package message

import (
	"bytes"
	"context"
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// The examples of docs/formats/message.md open, and are what the page says they are.
func TestFormatDocument(t *testing.T) {
	doc, err := os.ReadFile("../docs/formats/message.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```hex\n(.*?)```").FindAllSubmatch(doc, -1)
	want := []struct {
		suite    *suite.Suite
		frameLen uint32
		context  keyring.EncryptionContext
	}{{s0478, 4, keyring.EncryptionContext{"purpose": "docs"}}, {s0178, 4096, nil}}
	if len(blocks) != len(want) {
		t.Fatalf("%d examples, want %d", len(blocks), len(want))
	}
	mm := keyring.NewManager(rawKey(t, "docs", "kek", bytes.Repeat([]byte{0x2a}, 32)))
	for i, block := range blocks {
		var msg []byte
		for line := range strings.Lines(string(block[1])) {
			digits, _, _ := strings.Cut(line, "   ") // what the bytes are
			b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(digits), " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			msg = append(msg, b...)
		}
		got, h, err := anyClient.Decrypt(context.Background(), mm, msg, nil)
		if err != nil || string(got) != "hello" {
			t.Errorf("example %d: got %q, %v", i+1, got, err)
			continue
		}
		if h.Suite != want[i].suite || h.FrameLength != want[i].frameLen || len(h.Context) != len(want[i].context) || h.Context["purpose"] != want[i].context["purpose"] {
			t.Errorf("example %d: header %+v", i+1, h)
		}
	}
}
