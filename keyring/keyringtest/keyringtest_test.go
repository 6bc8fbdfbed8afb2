package keyringtest

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

func memoryOptions(t testing.TB) Options {
	key := make([]byte, 32)
	rand.Read(key)
	over := func(name string, key []byte) keyring.Keyring {
		p := &memory{name, newGCM(t, key)}
		return keyring.New("memory", p, p, nil)
	}
	return Options{
		New:      func(testing.TB) keyring.Keyring { return over("key", key) },
		OtherKey: func(testing.TB) keyring.Keyring { return over("key", make([]byte, 16)) },
		Foreign:  func(testing.TB) []keyring.Keyring { return []keyring.Keyring{over("ke", key), over("keys", key)} },
		Thorough: true,
	}
}

func TestSoundKeyring(t *testing.T) { Run(t, memoryOptions(t)) }

// A reader and a writer that can do only their part.
func TestSeparateReader(t *testing.T) {
	p := &memory{"key", newGCM(t, make([]byte, 32))}
	Run(t, Options{
		New:       func(testing.TB) keyring.Keyring { return keyring.New("memory", p, nil, nil) },
		NewReader: func(testing.TB) keyring.Keyring { return keyring.New("memory", nil, p, nil) },
	})
}

// broken keyrings, and the subtest that must find each.
var broken = map[string]struct {
	finds string
	wrap  func(t testing.TB, sound keyring.Keyring) keyring.Keyring
}{
	"binds no context":           {"WrongContext", func(t testing.TB, k keyring.Keyring) keyring.Keyring { return &faulty{Keyring: k, context: true} }},
	"ignores its context":        {"Cancelled", func(t testing.TB, k keyring.Keyring) keyring.Keyring { return &faulty{Keyring: k, deaf: true} }},
	"shows the context":          {"Flipped", func(t testing.TB, k keyring.Keyring) keyring.Keyring { return &faulty{Keyring: k, tell: "context"} }},
	"shows the ciphertext":       {"Flipped", func(t testing.TB, k keyring.Keyring) keyring.Keyring { return &faulty{Keyring: k, tell: "ciphertext"} }},
	"untyped errors":             {"Misshapen", func(t testing.TB, k keyring.Keyring) keyring.Keyring { return &faulty{Keyring: k, tell: "nothing"} }},
	"opens foreign keys":         {"Foreign", func(t testing.TB, k keyring.Keyring) keyring.Keyring { return &faulty{Keyring: k, anyone: true} }},
	"changes the data key":       {"InputsUnchanged", func(t testing.TB, k keyring.Keyring) keyring.Keyring { return &faulty{Keyring: k, wipe: true} }},
	"changes the EDK":            {"InputsUnchanged", func(t testing.TB, k keyring.Keyring) keyring.Keyring { return &faulty{Keyring: k, wipeEDK: true} }},
	"one result for all":         {"ResultsIndependent", func(t testing.TB, k keyring.Keyring) keyring.Keyring { return &faulty{Keyring: k, share: true} }},
	"one EDK buffer":             {"ResultsIndependent", func(t testing.TB, k keyring.Keyring) keyring.Keyring { return &faulty{Keyring: k, buffer: true} }},
	"repeats data keys":          {"Generate", func(t testing.TB, k keyring.Keyring) keyring.Keyring { return &faulty{Keyring: k, repeat: true} }},
	"wrong index":                {"Order", func(t testing.TB, k keyring.Keyring) keyring.Keyring { return &faulty{Keyring: k, index: true} }},
	"returns the given data key": {"Wrap", func(t testing.TB, k keyring.Keyring) keyring.Keyring { return &faulty{Keyring: k, echo: true} }},
	"repeats its nonce":          {"Generate", func(t testing.TB, k keyring.Keyring) keyring.Keyring { return newCareless(t, false) }},
	"keeps the data key clear":   {"Generate", func(t testing.TB, k keyring.Keyring) keyring.Keyring { return newCareless(t, true) }},
	"no error for nothing":       {"Order", func(t testing.TB, k keyring.Keyring) keyring.Keyring { return &faulty{Keyring: k, silent: true} }},
}

const brokenEnv = "KEYRINGTEST_BROKEN"

// TestBrokenKeyring is run by TestFindsBrokenKeyrings in a process of its own, and fails there.
func TestBrokenKeyring(t *testing.T) {
	b, ok := broken[os.Getenv(brokenEnv)]
	if !ok {
		t.Skip("runs only as a part of TestFindsBrokenKeyrings")
	}
	o := memoryOptions(t)
	sound := o.New
	o.New = func(t testing.TB) keyring.Keyring { return b.wrap(t, sound(t)) }
	o.Suites = []*suite.Suite{suite.AES256GCMCommit()}
	Run(t, o)
}

func TestFindsBrokenKeyrings(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range broken {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(self, "-test.run=^TestBrokenKeyring$", "-test.v")
			cmd.Env = append(os.Environ(), brokenEnv+"="+name)
			out, err := cmd.CombinedOutput()
			if _, ok := errors.AsType[*exec.ExitError](err); !ok {
				t.Fatalf("the suite passed: %v", err)
			}
			want := "--- FAIL: TestBrokenKeyring/" + suite.AES256GCMCommit().Name() + "/" + b.finds
			if !strings.Contains(string(out), want) {
				t.Fatalf("no %q in:\n%s", want, out)
			}
			if strings.Contains(string(out), "panic:") {
				t.Fatalf("the suite panicked:\n%s", out)
			}
		})
	}
}

// faulty breaks one rule of the contract.
type faulty struct {
	keyring.Keyring
	context, deaf, anyone, wipe, wipeEDK, share, buffer, repeat, index, echo, silent bool
	tell                                                                             string

	mu   sync.Mutex
	key  *keyring.Secret
	last *keyring.Unwrapped
	buf  [512]byte
}

func (f *faulty) request(r *keyring.Request) *keyring.Request {
	if f.context {
		return &keyring.Request{Suite: r.Suite}
	}
	return r
}

func (f *faulty) OnEncrypt(ctx context.Context, r *keyring.Request, key *keyring.Secret) (*keyring.Wrapped, error) {
	if f.deaf {
		ctx = context.WithoutCancel(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.repeat && key == nil {
		if f.key == nil || f.key.Len() != r.Suite.DataKeyLen() {
			f.key = keyring.RandomSecret(r.Suite.DataKeyLen())
		}
		w, err := f.Keyring.OnEncrypt(ctx, r, f.key)
		if err == nil {
			w.DataKey = f.key.Clone()
		}
		return w, err
	}
	w, err := f.Keyring.OnEncrypt(ctx, f.request(r), key)
	if err == nil && f.buffer {
		n := copy(f.buf[:], w.EDKs[0].Ciphertext)
		w.EDKs[0].Ciphertext = f.buf[:n]
	}
	if err == nil && f.echo && key != nil {
		w.DataKey = key.Clone()
	}
	if f.wipe && key != nil {
		key.Reveal()[0] ^= 1
	}
	return w, err
}

func (f *faulty) OnDecrypt(ctx context.Context, r *keyring.Request, edks []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
	if f.deaf {
		ctx = context.WithoutCancel(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.silent && len(edks) == 0 {
		return nil, nil
	}
	if f.anyone {
		edks = cloneEDKs(edks)
		for i := range edks {
			edks[i].ProviderID = "keyringtest-memory"
		}
	}
	u, err := f.Keyring.OnDecrypt(ctx, f.request(r), edks)
	if f.wipeEDK && len(edks) > 0 && len(edks[0].Ciphertext) > 0 {
		edks[0].Ciphertext[0] ^= 1
	}
	switch {
	case err != nil && f.tell == "context":
		err = fmt.Errorf("%w: context %v", err, r.Context)
	case err != nil && f.tell == "ciphertext" && len(edks) > 0:
		err = fmt.Errorf("%w: %s", err, hex.EncodeToString(edks[0].Ciphertext))
	case err != nil && f.tell == "nothing":
		err = errors.New("failed")
	case err == nil && f.share && f.last != nil && same(f.last.DataKey, u.DataKey):
		u.DataKey = f.last.DataKey
	case err == nil && f.index:
		u.Used = 0
	}
	if err == nil && f.share {
		f.last = u
	}
	return u, err
}

// careless wraps with one nonce for all data keys, or only authenticates them.
type careless struct {
	aead  cipher.AEAD
	clear bool
}

func newCareless(t testing.TB, clear bool) keyring.Keyring {
	t.Helper()
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	c := &careless{aead, clear}
	return keyring.New("careless", c, c, nil)
}

func (c *careless) Wrap(_ context.Context, r *keyring.Request, plaintext []byte) (keyring.EncryptedDataKey, error) {
	nonce := make([]byte, c.aead.NonceSize())
	ct := c.aead.Seal(nil, nonce, plaintext, r.AAD)
	if c.clear {
		rand.Read(nonce)
		ct = append(append(nonce, plaintext...), c.aead.Seal(nil, nonce, nil, slices.Concat(plaintext, r.AAD))...)
	}
	return keyring.EncryptedDataKey{ProviderID: "careless", ProviderInfo: []byte("key"), Ciphertext: ct}, nil
}

func (c *careless) Unwrap(_ context.Context, r *keyring.Request, e *keyring.EncryptedDataKey) ([]byte, error) {
	if e.ProviderID != "careless" || string(e.ProviderInfo) != "key" {
		return nil, &keyring.Skip{Reason: "another key"}
	}
	nonce, ct := make([]byte, c.aead.NonceSize()), e.Ciphertext
	want := r.Suite.WrappedKeyLen() + c.aead.Overhead()
	if c.clear {
		want += len(nonce)
	}
	if len(ct) != want {
		return nil, keyring.ErrShape
	}
	if !c.clear {
		b, err := c.aead.Open(nil, nonce, ct, r.AAD)
		if err != nil {
			return nil, keyring.ErrDidNotOpen
		}
		return b, nil
	}
	nonce, b, tag := ct[:len(nonce)], ct[len(nonce):len(ct)-c.aead.Overhead()], ct[len(ct)-c.aead.Overhead():]
	if _, err := c.aead.Open(nil, nonce, tag, slices.Concat(b, r.AAD)); err != nil {
		return nil, keyring.ErrDidNotOpen
	}
	return slices.Clone(b), nil
}
