package keyring_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
)

// hung answers when it is let go, whatever its context says.
type hung struct {
	keyring.Keyring
	let chan struct{}
}

func (h hung) OnEncrypt(ctx context.Context, r *keyring.Request, s *keyring.Secret) (*keyring.Wrapped, error) {
	<-h.let
	return h.Keyring.OnEncrypt(context.WithoutCancel(ctx), r, s)
}

// An optional key that hangs degrades the write after OptionalTimeout; a required one does not profit from it.
func TestOptionalTimeout(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		k := func(name string) keyring.Keyring {
			k, err := raw.NewAES(raw.AESConfig{Namespace: "n", Name: name, Key: make([]byte, 32)})
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
		r, err := keyring.NewRequest(suite.AES256GCMCommit(), nil)
		if err != nil {
			t.Fatal(err)
		}
		let := make(chan struct{})
		slow := hung{k("slow"), let}
		for name, o := range map[string]keyring.MultiOptions{
			"alone":              {Generator: k("g"), Optional: []keyring.Keyring{slow}},
			"beside an optional": {Generator: k("g"), Optional: []keyring.Keyring{slow, k("o")}},
			"beside a required":  {Generator: k("g"), Children: []keyring.Keyring{k("c")}, Optional: []keyring.Keyring{slow}},
		} {
			o.OptionalTimeout = time.Second
			m, err := keyring.NewMulti(o)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			w, err := m.OnEncrypt(t.Context(), r, nil)
			if err != nil || len(w.Degraded) != 1 || !errors.Is(w.Degraded[0].Err, signet.ErrUnavailable) || time.Since(start) != time.Second {
				t.Fatalf("%s: %+v, %v after %v", name, w, err, time.Since(start))
			}
			if want := len(o.Children) + len(o.Optional); len(w.EDKs) != want {
				t.Errorf("%s: %d data keys, want %d", name, len(w.EDKs), want)
			}
		}
		m, err := keyring.NewMulti(keyring.MultiOptions{Generator: k("g"), Children: []keyring.Keyring{slow}, OptionalTimeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := m.OnEncrypt(ctx, r, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("required: %v", err)
		}
		close(let) // late results are destroyed
		synctest.Wait()
	})
	if _, err := keyring.NewMulti(keyring.MultiOptions{Generator: hung{}, OptionalTimeout: -1}); !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("negative: %v", err)
	}
}
