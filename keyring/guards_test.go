package keyring_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/hierarchy"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
)

// everyWay is what printers and encoders make of v.
func everyWay(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
	return b.String()
}

// Values, copies and fields print no more than pointers do.
func TestCopiesAreRedacted(t *testing.T) {
	key := []byte("0123456789abcdefCANARY0123456789")
	k, err := raw.NewAES(raw.AESConfig{Namespace: "n", Name: "k", Key: key})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	mat, err := keyring.NewManager(k).EncryptionMaterials(ctx, &keyring.EncryptionRequest{Context: keyring.EncryptionContext{"a": "CANARY value"}})
	if err != nil {
		t.Fatal(err)
	}
	dec, err := keyring.NewManager(k).DecryptionMaterials(ctx, &keyring.DecryptionRequest{Suite: mat.Suite, Context: mat.Context, EDKs: mat.EDKs})
	if err != nil {
		t.Fatal(err)
	}
	raw384, err := mat.SigningKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	d := new(big.Int).SetBytes(raw384).String() // the number that encoders print
	for name, v := range map[string]any{
		"encryption materials": mat, "a copy": *mat, "a field": struct{ M keyring.EncryptionMaterials }{*mat}, "empty": keyring.EncryptionMaterials{},
		"decryption materials": dec, "a copy of those": *dec, "a field of those": struct{ M keyring.DecryptionMaterials }{*dec}, "none": keyring.DecryptionMaterials{},
		"raw AES": raw.AESConfig{Namespace: "n", Name: "k", Key: key}, "in a struct": struct{ C raw.AESConfig }{raw.AESConfig{Key: key}},
		"branch key": hierarchy.StaticConfig{BranchKeyID: "b", Key: key},
	} {
		text := everyWay(t, v)
		for _, secret := range []string{"CANARY", d, fmt.Sprintf("%x", key), "48 49 50", "MDEyMzQ1"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows %.20q:\n%s", name, secret, text)
			}
		}
	}
}

type brokenID struct{}

func (brokenID) Wrap(context.Context, *keyring.Request, []byte) (keyring.EncryptedDataKey, error) {
	return keyring.EncryptedDataKey{ProviderID: "p\xff", ProviderInfo: []byte("i"), Ciphertext: []byte("c")}, nil
}

// Readers refuse such a provider id, so it must not be written.
func TestProviderIDMustBeUTF8(t *testing.T) {
	r, err := keyring.NewRequest(suite.AES256GCMCommit(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if w, err := keyring.New("broken", brokenID{}, nil, nil).OnEncrypt(context.Background(), r, nil); !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("got %v, %v", w, err)
	}
}

type panicking struct{}

func (panicking) Wrap(context.Context, *keyring.Request, []byte) (keyring.EncryptedDataKey, error) {
	panic("a provider's fault")
}

// A panic of a child reaches the caller, who may recover from it.
func TestChildPanicReachesTheCaller(t *testing.T) {
	good, err := raw.NewAES(raw.AESConfig{Namespace: "n", Name: "k", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	bad := keyring.New("bad", panicking{}, nil, nil)
	for name, o := range map[string]keyring.MultiOptions{
		"required": {Generator: good, Children: []keyring.Keyring{good, bad}},
		"optional": {Generator: good, Optional: []keyring.Keyring{bad, good}},
		"alone":    {Generator: good, Children: []keyring.Keyring{bad}},
	} {
		m, err := keyring.NewMulti(o)
		if err != nil {
			t.Fatal(err)
		}
		r, err := keyring.NewRequest(suite.AES256GCMCommit(), nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		func() {
			defer cancel()
			defer func() {
				if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), "a provider's fault") {
					t.Errorf("%s: recovered %v", name, v)
				}
			}()
			_, err := m.OnEncrypt(ctx, r, nil)
			t.Errorf("%s: returned %v", name, err)
		}()
	}
}

// A call that was cancelled does not know that no key fits.
func TestCancelledIsNotNoKey(t *testing.T) {
	k, err := raw.NewAES(raw.AESConfig{Namespace: "n", Name: "k", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := keyring.NewRequest(suite.AES256GCMCommit(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = k.OnDecrypt(ctx, r, []keyring.EncryptedDataKey{{ProviderID: "n"}})
	if errors.Is(err, signet.ErrNoKey) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestContextErrorsArePublic(t *testing.T) {
	var ce *keyring.ContextError
	if _, err := keyring.NewRequest(suite.AES256GCMCommit(), keyring.EncryptionContext{"a": "\xff"}); !errors.As(err, &ce) || !errors.Is(err, signet.ErrContext) {
		t.Errorf("not UTF-8: %T %v", err, err)
	}
	var le *keyring.LimitError
	if _, err := keyring.NewRequest(suite.AES256GCMCommit(), keyring.EncryptionContext{"a": strings.Repeat("x", 70000)}); !errors.As(err, &le) || le.Got < 70000 {
		t.Errorf("too long: %T %v", err, err)
	}
}

type sharing struct{ w *keyring.Wrapped }

func (s sharing) OnEncrypt(_ context.Context, r *keyring.Request, _ *keyring.Secret) (*keyring.Wrapped, error) {
	s.w.DataKey = keyring.RandomSecret(r.Suite.DataKeyLen())
	return s.w, nil
}

func (sharing) OnDecrypt(context.Context, *keyring.Request, []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
	return nil, signet.ErrNoKey
}

// What a generator returned is not appended to: it may keep it.
func TestGeneratorsResultIsNotChanged(t *testing.T) {
	edks := make([]keyring.EncryptedDataKey, 1, 10)
	edks[0] = keyring.EncryptedDataKey{ProviderID: "p", ProviderInfo: []byte("i"), Ciphertext: []byte("c")}
	s := sharing{&keyring.Wrapped{EDKs: edks}}
	child, err := raw.NewAES(raw.AESConfig{Namespace: "n", Name: "k", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	m, err := keyring.NewMulti(keyring.MultiOptions{Generator: s, Children: []keyring.Keyring{child}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := keyring.NewRequest(suite.AES256GCMCommit(), nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := m.OnEncrypt(context.Background(), r, nil)
	if err != nil || len(w.EDKs) != 2 {
		t.Fatal(w, err)
	}
	if len(s.w.EDKs) != 1 || edks[:2][1].ProviderID != "" {
		t.Errorf("the generator's own result was changed: %v", edks[:2])
	}
}
