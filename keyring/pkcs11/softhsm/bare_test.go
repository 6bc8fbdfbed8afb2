//go:build cgo && unix

package softhsm_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	bare "github.com/miekg/pkcs11"

	"github.com/signetkeys/signet/keyring/pkcs11/softhsm"
)

// Other code runs SoftHSM with its own configuration: a token would land in the folder of that.
func TestOtherCodeRunsSoftHSM(t *testing.T) {
	path, err := softhsm.Module()
	if err != nil {
		t.Skip(err)
	}
	theirs, err := softhsm.WriteConf(filepath.Join(t.TempDir(), "theirs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(softhsm.ConfVariable, theirs)
	c := bare.New(path)
	if err := c.Initialize(); err != nil {
		t.Fatal(err)
	}
	defer c.Finalize()
	mine := filepath.Join(t.TempDir(), "mine")
	o := softhsm.InitOptions{Dir: mine, Label: "adopted", PIN: []byte("1234"), SOPIN: []byte("12345678")}
	if _, err := softhsm.Init(t.Context(), o); !errors.Is(err, softhsm.ErrConflict) {
		made, _ := os.ReadDir(filepath.Join(filepath.Dir(theirs), "tokens"))
		t.Errorf("got %v, want ErrConflict; %d tokens are in the other folder", err, len(made))
	}
	if got := os.Getenv(softhsm.ConfVariable); got != theirs {
		t.Errorf("%s is %s afterwards, want %s", softhsm.ConfVariable, got, theirs)
	}
	o.Dir = filepath.Dir(theirs)
	if _, err := softhsm.Init(t.Context(), o); err != nil {
		t.Errorf("in the folder that it runs with: %v", err)
	}
}
