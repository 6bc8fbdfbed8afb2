package interop

import (
	"fmt"
	"testing"

	"github.com/signetkeys/signet/keyring/pkcs11"
	softhsmtest "github.com/signetkeys/signet/softhsm-test"
)

// TestHSM: a message under a key inside an HSM opens with the official client that holds the same key bytes under the same names, and
// the reverse. Nobody but the test has both.
func TestHSM(t *testing.T) {
	for _, keyLen := range []int{16, 24, 32} {
		t.Run(fmt.Sprintf("aes%d", keyLen*8), func(t *testing.T) {
			key := testKey(keyLen)
			token := softhsmtest.New(t)
			token.ImportAES(keyName, key)
			cfg := token.Config(keyName)
			cfg.Namespace = namespace
			hsm, err := pkcs11.New(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := hsm.Close(); err != nil {
					t.Error(err)
				}
			}()
			all := peers(t, key)
			all["hsm"] = NewSignetKeyring(hsm)
			for _, suite := range suites {
				for i, ec := range contexts {
					testPair(t, all, suite, 0, testPlaintext(5000), ec, fmt.Sprintf("suite %04x, context %d", suite, i))
				}
			}
			// For each suite and context the HSM writes once and reads what three wrote.
			pairs := uint64(len(suites) * len(contexts))
			if got := hsm.Stats(); got.Wraps != pairs || got.Unwraps != 3*pairs {
				t.Errorf("operations of the HSM: got %d wraps and %d unwraps, want %d and %d", got.Wraps, got.Unwraps, pairs, 3*pairs)
			}
		})
	}
}

// TestHSMRefusesTampered: what the official client wrote and somebody changed, the HSM does not open.
func TestHSMRefusesTampered(t *testing.T) {
	key := testKey(32)
	token := softhsmtest.New(t)
	token.ImportAES(keyName, key)
	cfg := token.Config(keyName)
	cfg.Namespace = namespace
	hsm, err := pkcs11.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := hsm.Close(); err != nil {
			t.Error(err)
		}
	}()
	official, err := NewOfficial(namespace, keyName, key)
	if err != nil {
		t.Fatal(err)
	}
	message, err := official.Encrypt(0x0478, 17, testPlaintext(40), contexts[1])
	if err != nil {
		t.Fatal(err)
	}
	reader := NewSignetKeyring(hsm)
	if _, _, err := reader.Decrypt(message); err != nil {
		t.Fatalf("the message itself does not open: %v", err)
	}
	for i := range message {
		changed := append([]byte(nil), message...)
		changed[i] ^= 1 << (i % 8)
		if _, _, err := reader.Decrypt(changed); err == nil {
			t.Errorf("opens with a bit of byte %d changed", i)
		}
	}
}
