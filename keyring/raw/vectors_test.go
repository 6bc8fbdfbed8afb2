package raw_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// header is as much of a version 2 message header (ESDK spec, data-format/message-header) as a keyring needs.
type header struct {
	suite   *suite.Suite
	context keyring.EncryptionContext
	edks    []keyring.EncryptedDataKey
}

func parseHeader(t *testing.T, b []byte) header {
	t.Helper()
	next := func(n int) []byte {
		if n > len(b) {
			t.Fatal("header is truncated")
		}
		v := b[:n]
		b = b[n:]
		return v
	}
	u16 := func() int { return int(binary.BigEndian.Uint16(next(2))) }
	if v := next(1)[0]; v != 2 {
		t.Fatalf("message version %d, want 2", v)
	}
	s, ok := suite.ByID(uint16(u16()))
	if !ok {
		t.Fatal("unknown suite")
	}
	next(32)
	h := header{suite: s, context: keyring.EncryptionContext{}}
	if u16() > 0 {
		for range u16() {
			k := string(next(u16()))
			h.context[k] = string(next(u16()))
		}
	}
	for range u16() {
		h.edks = append(h.edks, keyring.EncryptedDataKey{ProviderID: string(next(u16())), ProviderInfo: next(u16()), Ciphertext: next(u16())})
	}
	return h
}

// TestCommitmentKnownAnswers opens the two messages of the peers' commitment-known-answers.json that are under a raw AES key.
func TestCommitmentKnownAnswers(t *testing.T) {
	b, err := os.ReadFile(sharedtest.Vectors(t, "esdk", "commitment-known-answers.json"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("SKIP: commitment-known-answers.json is not among the vectors")
	}
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Tests []struct {
			Ciphertext []byte `json:"ciphertext"`
			DataKey    []byte `json:"decrypted-dek"`
			Keyring    string `json:"keyring-type"`
			Comment    string `json:"comment"`
		} `json:"tests"`
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	k := newAES(t, "ProviderName", "KeyId", make([]byte, 32))
	opened, refused := 0, 0
	for _, c := range file.Tests {
		h := parseHeader(t, c.Ciphertext)
		r, err := keyring.NewRequest(h.suite, h.context)
		if err != nil {
			t.Fatal(err)
		}
		u, err := k.OnDecrypt(t.Context(), r, h.edks)
		if c.Keyring != "static" {
			// The other messages are under KMS keys: they are not this keyring's.
			if !errors.Is(err, signet.ErrNoKey) || errors.Is(err, signet.ErrAuthentication) {
				t.Errorf("%s: got %v, want Skips only", c.Comment, err)
			}
			refused++
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.Comment, err)
			continue
		}
		opened++
		if !bytes.Equal(u.DataKey.Reveal(), c.DataKey) || u.Used != 0 {
			t.Errorf("%s: opened another data key than the vector's", c.Comment)
		}
		for _, other := range []keyring.Keyring{newAES(t, "ProviderName", "KeyI", make([]byte, 32)), newAES(t, "ProviderName", "KeyId", sequence(0, 32))} {
			if _, err := other.OnDecrypt(t.Context(), r, h.edks); !errors.Is(err, signet.ErrNoKey) {
				t.Errorf("%s: another keyring: got %v, want ErrNoKey", c.Comment, err)
			}
		}
	}
	if opened != 2 || refused != 44 {
		t.Errorf("opened %d and refused %d messages, want 2 and 44", opened, refused)
	}
}

// TestCommitmentKnownAnswer1 is the first of them, so that one peer's EDK is checked without the vectors' folder too.
// Source: aws-encryption-sdk-specification, commitment-known-answers.json, test 1; by its authors, 2020-09-18.
func TestCommitmentKnownAnswer1(t *testing.T) {
	const start = "AgR4TfvRMU2dVZJbgXIyxeNtbj5eIw8BiTDiwsHyQ/Z9wXkAAAABAAxQcm92aWRlck5hbWUAGUtleUlkAAAAgAAAAAz45sc3cDvJZ7D4P3sAMKE7d/w8ziQt" +
		"2C0qHsy1Qu2E2q92eIGE/kLnF/Y003HKvTxx7xv2Zv83YuOdwHML5QIA"
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(start, "="))
	if err != nil {
		t.Fatal(err)
	}
	want, err := base64.StdEncoding.DecodeString("+p6+whPVw9kOrYLZFMRBJ2n6Vli6T/7TkjDouS+25s0=")
	if err != nil {
		t.Fatal(err)
	}
	h := parseHeader(t, b)
	r, err := keyring.NewRequest(h.suite, h.context)
	if err != nil {
		t.Fatal(err)
	}
	u, err := newAES(t, "ProviderName", "KeyId", make([]byte, 32)).OnDecrypt(t.Context(), r, h.edks)
	if err != nil || !bytes.Equal(u.DataKey.Reveal(), want) {
		t.Fatalf("does not open to the known data key: %v", err)
	}
}
