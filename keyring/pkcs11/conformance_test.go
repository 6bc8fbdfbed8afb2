package pkcs11_test

import (
	"bytes"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/keyringtest"
	"github.com/signetkeys/signet/keyring/pkcs11"
	softhsmtest "github.com/signetkeys/signet/softhsm-test"
)

func TestConformance(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.ImportAES("kek", bytes.Repeat([]byte{1}, 32))
	tok.ImportAES("other", bytes.Repeat([]byte{2}, 32))
	named := func(t testing.TB, label, namespace, name string) keyring.Keyring {
		cfg := tok.Config(label)
		cfg.Namespace, cfg.Name = namespace, name
		return open(t, cfg)
	}
	open(t, tok.Config("kek")) // keeps the module initialized between the subtests
	keyringtest.Run(t, keyringtest.Options{
		New:      func(t testing.TB) keyring.Keyring { return named(t, "kek", pkcs11.DefaultNamespace, "kek") },
		OtherKey: func(t testing.TB) keyring.Keyring { return named(t, "other", pkcs11.DefaultNamespace, "kek") },
		Foreign: func(t testing.TB) []keyring.Keyring {
			return []keyring.Keyring{
				named(t, "kek", "elsewhere", "kek"), named(t, "kek", pkcs11.DefaultNamespace, "other"),
				named(t, "kek", pkcs11.DefaultNamespace, "kek2"), named(t, "kek", pkcs11.DefaultNamespace, "ke"),
			}
		},
	})
}
