package softhsm_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring/pkcs11"
	"github.com/signetkeys/signet/keyring/pkcs11/softhsm"
	softhsmtest "github.com/signetkeys/signet/softhsm-test"
)

func TestWriteConf(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	conf, err := softhsm.WriteConf(dir)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "tokens"): 0o700, conf: 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
	if b, err := os.ReadFile(conf); err != nil || !strings.Contains(string(b), "directories.tokendir = "+filepath.Join(dir, "tokens")+"\n") {
		t.Errorf("got %s, %v", b, err)
	}
	if err := os.WriteFile(conf, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again, err := softhsm.WriteConf(dir); err != nil || again != conf {
		t.Errorf("got %s, %v", again, err)
	}
	if b, _ := os.ReadFile(conf); string(b) != "mine" {
		t.Error("a configuration that was there was overwritten")
	}
	// SoftHSM would cut the name and keep its tokens in another folder.
	for _, name := range []string{"a\nb", "a#b", "a=b"} {
		dir := filepath.Join(t.TempDir(), name)
		if _, err := softhsm.WriteConf(dir); err == nil {
			t.Errorf("a folder called %q was accepted", name)
		}
		if _, err := os.Lstat(dir); err == nil {
			t.Errorf("a folder called %q was made", name)
		}
	}
}

func TestInitRefuses(t *testing.T) {
	tok := softhsmtest.New(t)
	good := softhsm.InitOptions{Dir: tok.Dir, Label: "new", PIN: []byte("1234"), SOPIN: []byte("12345678")}
	for name, edit := range map[string]func(*softhsm.InitOptions){
		"no folder":       func(o *softhsm.InitOptions) { o.Dir = "" },
		"no label":        func(o *softhsm.InitOptions) { o.Label = "" },
		"long label":      func(o *softhsm.InitOptions) { o.Label = strings.Repeat("x", 33) },
		"label in blanks": func(o *softhsm.InitOptions) { o.Label = "x " },
		"short PIN":       func(o *softhsm.InitOptions) { o.PIN = []byte("123") },
		"no officer PIN":  func(o *softhsm.InitOptions) { o.SOPIN = nil },
		"NUL in PIN":      func(o *softhsm.InitOptions) { o.PIN = []byte("12\x0034") },
		"same label":      func(o *softhsm.InitOptions) { o.Label = tok.Label },
	} {
		o := good
		edit(&o)
		made, err := softhsm.Init(t.Context(), o)
		if err == nil || strings.Contains(err.Error(), "12345678") {
			t.Errorf("%s: got %+v, %v", name, made, err)
		}
		if name == "same label" && !errors.Is(err, signet.ErrPolicy) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := softhsm.Init(t.Context(), good); err != nil {
		t.Error(err)
	}
}

// SoftHSM reads its configuration when it starts, so another one meanwhile is refused instead of ignored.
func TestOtherConfigurationIsRefused(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.GenerateAES("kek", 256)
	k, err := pkcs11.New(t.Context(), tok.Config("kek"))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if !softhsm.Running() {
		t.Fatal("SoftHSM does not run with a keyring open")
	}
	_, err = softhsm.Init(t.Context(), softhsm.InitOptions{Dir: t.TempDir(), Label: "x", PIN: []byte("1234"), SOPIN: []byte("12345678")})
	if !errors.Is(err, softhsm.ErrConflict) || !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("got %v, want ErrConflict", err)
	}
	if err := softhsm.Use(tok.Conf); err != nil {
		t.Errorf("the same configuration: %v", err)
	}
}

// Tokens made at the same moment in one new folder, none of which finds the configuration set or SoftHSM started.
func TestManyAtOnce(t *testing.T) {
	softhsmtest.New(t) // skips, and puts the environment back afterwards
	for range 25 {
		dir := t.TempDir()
		var all sync.WaitGroup
		start := make(chan struct{})
		for i := range 4 {
			all.Go(func() {
				<-start
				o := softhsm.InitOptions{Dir: dir, Label: fmt.Sprint("token ", i), PIN: []byte("1234"), SOPIN: []byte("12345678")}
				if _, err := softhsm.Init(t.Context(), o); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		all.Wait()
		if made, err := os.ReadDir(filepath.Join(dir, "tokens")); err != nil || len(made) != 4 {
			t.Fatalf("got %d tokens in their folder, %v, want 4", len(made), err)
		}
	}
}

func TestKeys(t *testing.T) {
	tok := softhsmtest.New(t)
	pin := []byte(tok.PIN)
	if err := softhsm.ImportAES(context.Background(), tok.Serial, pin, "kek", make([]byte, 32), nil); err != nil {
		t.Fatal(err)
	}
	if err := softhsm.ImportAES(context.Background(), "nowhere", pin, "kek", make([]byte, 32), nil); !errors.Is(err, signet.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	list, err := pkcs11.ListKeys(t.Context(), tok.Config(""))
	if err != nil || len(list) != 1 || list[0].Extractable || !list[0].Sensitive || !list[0].Encrypt || !list[0].Decrypt {
		t.Errorf("got %+v, %v", list, err)
	}
	for _, want := range []int{1, 0} {
		if n, err := softhsm.DeleteKeys(t.Context(), tok.Serial, pin, "kek"); n != want || err != nil {
			t.Errorf("got %d, %v, want %d", n, err, want)
		}
	}
}

func TestImportRSA(t *testing.T) {
	tok := softhsmtest.New(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pin := []byte(tok.PIN)
	if err := softhsm.ImportRSA(t.Context(), tok.Serial, pin, "kek", key, &softhsm.KeyOptions{ID: []byte{5}}); err != nil {
		t.Fatal(err)
	}
	cfg := tok.RSAConfig("kek", pkcs11.OAEPSHA1)
	list, err := pkcs11.ListKeys(t.Context(), cfg)
	if err != nil || len(list) != 1 || !list[0].Public.Equal(&key.PublicKey) || list[0].Extractable || !list[0].Sensitive || !list[0].Encrypt || !list[0].Decrypt ||
		string(list[0].ID) != "\x05" {
		t.Errorf("got %+v, %v", list, err)
	}
	if err := softhsm.ImportRSA(t.Context(), "nowhere", pin, "kek", key, nil); !errors.Is(err, signet.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if err := softhsm.ImportRSA(t.Context(), tok.Serial, pin, "kek", &rsa.PrivateKey{PublicKey: key.PublicKey, D: key.D}, nil); err == nil {
		t.Error("a key without primes was imported")
	}
}
