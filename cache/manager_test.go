package cache

import (
	"context"
	"errors"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

func TestConfigRefused(t *testing.T) {
	b, c := newBackend(t), NewLocal(1)
	for name, f := range map[string]func(o *Options) (keyring.MaterialsManager, Cache){
		"no manager":           func(*Options) (keyring.MaterialsManager, Cache) { return nil, c },
		"no cache":             func(*Options) (keyring.MaterialsManager, Cache) { return b, nil },
		"no age":               func(o *Options) (keyring.MaterialsManager, Cache) { o.MaxAge = 0; return b, c },
		"negative age":         func(o *Options) (keyring.MaterialsManager, Cache) { o.MaxAge = -1; return b, c },
		"messages":             func(o *Options) (keyring.MaterialsManager, Cache) { o.MaxMessages = 1<<32 + 1; return b, c },
		"bytes":                func(o *Options) (keyring.MaterialsManager, Cache) { o.MaxBytes = 1 << 63; return b, c },
		"timeout":              func(o *Options) (keyring.MaterialsManager, Cache) { o.Timeout = -1; return b, c },
		"zero in partition":    func(o *Options) (keyring.MaterialsManager, Cache) { o.Partition = "a\x00b"; return b, c },
		"partition not UTF-8":  func(o *Options) (keyring.MaterialsManager, Cache) { o.Partition = "a\xff"; return b, c },
		"largest is one above": func(o *Options) (keyring.MaterialsManager, Cache) { o.MaxMessages = math.MaxUint64; return b, c },
	} {
		o := Options{MaxAge: time.Second}
		next, c := f(&o)
		m, err := NewManager(next, c, o)
		var ce *keyring.ConfigError
		if m != nil || !errors.As(err, &ce) || !errors.Is(err, signet.ErrPolicy) {
			t.Errorf("%s: got %v, %v, want a ConfigError", name, m, err)
		}
	}
	m, err := NewManager(b, c, Options{MaxAge: time.Second, MaxMessages: 1 << 32, MaxBytes: 1<<63 - 1})
	if err != nil || m.lim != newManager(t, b, c, Options{MaxAge: time.Second}).lim || m.timeout != 30*time.Second {
		t.Errorf("got %+v, %v: the defaults are not the largest values", m.lim, err)
	}
}

// M35: each limit alone forces a new data key.
func TestEachLimitForcesANewKey(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    Options
		step func() // between messages
		want []int  // calls after each message of 10 bytes
	}{
		{"age", Options{MaxAge: 10 * time.Second}, func() { time.Sleep(5 * time.Second) }, []int{1, 1, 1, 2, 2, 2, 3}},
		{"messages", Options{MaxAge: time.Hour, MaxMessages: 3}, func() {}, []int{1, 1, 1, 2, 2, 2, 3}},
		{"bytes", Options{MaxAge: time.Hour, MaxBytes: 30}, func() {}, []int{1, 1, 1, 2, 2, 2, 3}},
		{"bytes, not a multiple", Options{MaxAge: time.Hour, MaxBytes: 29}, func() {}, []int{1, 1, 2, 2, 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sharedtest.Bubble(t, func(t *testing.T) { // time is the bubble's: Sleep returns at once
				b := newBackend(t)
				m := newManager(t, b, NewLocal(10), tt.o)
				var last *keyring.Secret
				for i, want := range tt.want {
					mat := encrypt(t, m, encRequest(nil, 10))
					if got := b.count(); got != want {
						t.Errorf("message %d: %d calls, want %d", i, got, want)
					}
					if i > 0 {
						if fresh := want != tt.want[i-1]; (mat.DataKey != last) != fresh {
							t.Errorf("message %d: the key is new: %v, want %v", i, mat.DataKey != last, fresh)
						} else if fresh {
							wantDestroyed(t, last, true, "the key before a new one")
						}
					}
					last = mat.DataKey
					mat.Release()
					tt.step()
				}
				s := m.Stats()
				if want := tt.want[len(tt.want)-1]; s.Misses != uint64(want) || s.Hits != uint64(len(tt.want)-want) || s.Bypassed != 0 {
					t.Errorf("got %+v", s)
				}
			})
		})
	}
}

func TestDecryptionHasAnAgeOnly(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		b := newBackend(t)
		m := newManager(t, b, NewLocal(10), Options{MaxAge: time.Minute, MaxMessages: 2, MaxBytes: 20})
		enc := encrypt(t, b, encRequest(keyring.EncryptionContext{"a": "b"}, 10))
		defer enc.Release()
		for range 100 {
			mat := decrypt(t, m, decRequest(enc))
			if !mat.DataKey.Equal(enc.DataKey) {
				t.Fatal("another data key")
			}
			mat.Release()
		}
		if got := b.count(); got != 2 {
			t.Errorf("%d calls, want 2", got)
		}
		time.Sleep(time.Minute)
		decrypt(t, m, decRequest(enc)).Release()
		if got := b.count(); got != 2 {
			t.Errorf("at the maximal age: %d calls, want 2", got)
		}
		time.Sleep(time.Nanosecond)
		decrypt(t, m, decRequest(enc)).Release()
		if got := b.count(); got != 3 {
			t.Errorf("above the maximal age: %d calls, want 3", got)
		}
	})
}

func TestBypass(t *testing.T) {
	ec := keyring.EncryptionContext{"a": "b"}
	for _, tt := range []struct {
		name string
		o    Options
		r    keyring.EncryptionRequest
	}{
		{"no key derivation", Options{}, keyring.EncryptionRequest{Suite: suite.AES256GCMNoKDF(), Policy: suite.ForbidEncryptAllowDecrypt, Length: 1}},
		{"item", Options{}, keyring.EncryptionRequest{Suite: suite.ItemAES256GCM(), Length: 1}},
		{"signed item", Options{}, keyring.EncryptionRequest{Suite: suite.ItemAES256GCMECDSAP384(), Length: 1}},
		{"unknown length", Options{}, keyring.EncryptionRequest{Length: keyring.UnknownLength}},
		{"at the byte limit", Options{MaxBytes: 100}, keyring.EncryptionRequest{Length: 100}},
		{"above the byte limit", Options{MaxBytes: 100}, keyring.EncryptionRequest{Length: math.MaxInt64}},
		{"one message a key", Options{MaxMessages: 1}, keyring.EncryptionRequest{Length: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, c := newBackend(t), NewLocal(10)
			m := newManager(t, b, c, tt.o)
			r := tt.r
			r.Context = ec
			first, second := encrypt(t, m, &r), encrypt(t, m, &r)
			if b.count() != 2 || first.DataKey.Equal(second.DataKey) {
				t.Errorf("%d calls for two messages, want 2 with two keys", b.count())
			}
			if b.lastEnc != &r || r.Length != tt.r.Length {
				t.Error("the request was changed on its way")
			}
			if s := c.Stats(); s != (LocalStats{}) {
				t.Errorf("the cache was asked or filled: %+v", s)
			}
			if s := m.Stats(); s != (Stats{Bypassed: 2}) {
				t.Errorf("got %+v, want 2 bypassed", s)
			}
			key := first.DataKey
			first.Release()
			wantDestroyed(t, key, true, "after Release")
			second.Release()
		})
	}
	t.Run("one byte below the limit is cached", func(t *testing.T) {
		b := newBackend(t)
		m := newManager(t, b, NewLocal(1), Options{MaxBytes: 100})
		encrypt(t, m, encRequest(ec, 99)).Release()
		encrypt(t, m, encRequest(ec, 1)).Release()
		if b.count() != 1 {
			t.Errorf("%d calls, want 1", b.count())
		}
	})
	for _, s := range []*suite.Suite{suite.AES128GCMNoKDF(), suite.ItemAES256GCM()} {
		t.Run("decrypt "+s.Name(), func(t *testing.T) {
			b, c := newBackend(t), NewLocal(10)
			m := newManager(t, b, c, Options{})
			enc := encrypt(t, b, &keyring.EncryptionRequest{Suite: s, Policy: suite.ForbidEncryptAllowDecrypt})
			defer enc.Release()
			for range 2 {
				r := decRequest(enc)
				r.Policy = suite.ForbidEncryptAllowDecrypt
				mat := decrypt(t, m, r)
				if !mat.DataKey.Equal(enc.DataKey) || b.lastDec != r {
					t.Error("another key, or a changed request")
				}
				mat.Release()
			}
			if b.count() != 3 || c.Stats() != (LocalStats{}) {
				t.Errorf("%d calls, cache %+v", b.count(), c.Stats())
			}
		})
	}
	t.Run("decrypt impossible EDK", func(t *testing.T) {
		b, c := newBackend(t), NewLocal(10)
		m := newManager(t, b, c, Options{})
		edks := []keyring.EncryptedDataKey{{ProviderID: strings.Repeat("x", 1<<16)}}
		_, err := m.DecryptionMaterials(context.Background(), &keyring.DecryptionRequest{Suite: suite.AES256GCMCommit(), EDKs: edks})
		if !errors.Is(err, signet.ErrNoKey) || c.Stats() != (LocalStats{}) {
			t.Errorf("got %v, cache %+v", err, c.Stats())
		}
	})
}

// What a call keeps are copies: it may outlive the caller, who may change what it passed.
func TestInnerRequests(t *testing.T) {
	b := newBackend(t)
	m := newManager(t, b, NewLocal(10), Options{})
	ec := keyring.EncryptionContext{"a": "b"}
	r := encRequest(ec, 5)
	mat := encrypt(t, m, r)
	defer mat.Release()
	if b.lastEnc.Length != keyring.UnknownLength || r.Length != 5 {
		t.Errorf("the inner length is %d, the outer %d", b.lastEnc.Length, r.Length)
	}
	ec["a"] = "changed"
	if b.lastEnc.Context["a"] != "b" || mat.Context["a"] != "b" {
		t.Error("the materials changed with the caller's context")
	}
	d := decRequest(mat)
	d.Context = maps.Clone(d.Context)
	d.EDKs = []keyring.EncryptedDataKey{mat.EDKs[0]}
	dec := decrypt(t, m, d)
	defer dec.Release()
	d.Context["a"] = "changed"
	if dec.Context["a"] != "b" || &b.lastDec.EDKs[0].Ciphertext[0] == &d.EDKs[0].Ciphertext[0] {
		t.Error("the inner request shares memory with the caller's")
	}
}

func TestFailuresAreNotCached(t *testing.T) {
	boom := errors.New("boom")
	b, c := newBackend(t), NewLocal(10)
	m := newManager(t, b, c, Options{})
	enc := encrypt(t, b, encRequest(nil, 1))
	defer enc.Release()
	b.before = func(context.Context) error { return boom }
	for range 2 {
		if _, err := m.EncryptionMaterials(context.Background(), encRequest(nil, 1)); !errors.Is(err, boom) {
			t.Errorf("got %v", err)
		}
		if _, err := m.DecryptionMaterials(context.Background(), decRequest(enc)); !errors.Is(err, boom) {
			t.Errorf("got %v", err)
		}
	}
	if b.count() != 5 || c.Stats().Len != 0 {
		t.Errorf("%d calls, want 5; %d entries", b.count(), c.Stats().Len)
	}
	b.before = nil
	encrypt(t, m, encRequest(nil, 1)).Release()
	decrypt(t, m, decRequest(enc)).Release()
	if len(m.flights.m) != 0 {
		t.Errorf("%d flights are left", len(m.flights.m))
	}
}

// A data key that not all keyrings wrapped is for the messages that asked for it while it was made.
func TestDegradedIsNotCached(t *testing.T) {
	down := errors.New("down")
	failing := &switchWrapper{err: down}
	multi, err := keyring.NewMulti(keyring.MultiOptions{Generator: rawKeyring(t, "a"), Optional: []keyring.Keyring{keyring.New("optional", failing, nil, nil)}})
	if err != nil {
		t.Fatal(err)
	}
	b, c := &backend{inner: keyring.NewManager(multi)}, NewLocal(10)
	m := newManager(t, b, c, Options{})
	for range 2 {
		mat := encrypt(t, m, encRequest(nil, 1))
		if len(mat.Degraded) != 1 || len(mat.EDKs) != 1 {
			t.Errorf("got %d degraded, %d EDKs", len(mat.Degraded), len(mat.EDKs))
		}
		key := mat.DataKey
		mat.Release()
		wantDestroyed(t, key, true, "degraded")
	}
	failing.err = nil
	for range 2 {
		mat := encrypt(t, m, encRequest(nil, 1))
		if len(mat.Degraded) != 0 || len(mat.EDKs) != 2 {
			t.Errorf("got %d degraded, %d EDKs", len(mat.Degraded), len(mat.EDKs))
		}
		mat.Release()
	}
	if b.count() != 3 {
		t.Errorf("%d calls, want 3", b.count())
	}
}

type switchWrapper struct{ err error }

func (w *switchWrapper) Wrap(context.Context, *keyring.Request, []byte) (keyring.EncryptedDataKey, error) {
	return keyring.EncryptedDataKey{ProviderID: "optional", Ciphertext: []byte("x")}, w.err
}
