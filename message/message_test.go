package message

import (
	"bytes"
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/cache"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

func TestRoundTripGrid(t *testing.T) {
	ctx := context.Background()
	k := rawKeyring(t, "kek", 1)
	contexts := []keyring.EncryptionContext{
		nil,
		{"purpose": "test"},
		{"a": "", "": "empty key", "ключ": "значение", "\U00010000": "\uFFFD", "long": strings.Repeat("x", 300)},
	}
	for _, s := range messageSuites() {
		client := writerOf(s)
		for _, frameLen := range []int{1, 17, 4096} {
			for _, n := range []int{0, 1, frameLen - 1, frameLen, frameLen + 1, 2 * frameLen, 3*frameLen + 5} {
				ec := contexts[n%len(contexts)]
				plaintext := bytes.Repeat([]byte{byte(n)}, n)
				name := fmt.Sprintf("%04x frame %d length %d", s.ID(), frameLen, n)
				kept, keptEC := bytes.Clone(plaintext), maps.Clone(ec)
				msg, err := client.Encrypt(ctx, keyring.NewManager(k), plaintext, &EncryptOptions{Context: ec, Suite: s, FrameLength: frameLen})
				if err != nil {
					t.Fatal(name, err)
				}
				if !bytes.Equal(plaintext, kept) || !maps.Equal(ec, keptEC) {
					t.Fatal(name, "input changed")
				}
				got, h, err := client.Decrypt(ctx, keyring.NewManager(k), msg, nil)
				if err != nil || !bytes.Equal(got, plaintext) {
					t.Fatalf("%s: got %d bytes, %v", name, len(got), err)
				}
				stored := maps.Clone(h.Context)
				delete(stored, keyring.PublicKeyName)
				if h.Suite != s || h.FrameLength != uint32(frameLen) || !maps.Equal(stored, ec) || h.Used != 0 || h.Attempts != nil {
					t.Errorf("%s: header %+v", name, h)
				}
				want, err := Shape{Suite: s, Context: ec, EDKs: h.EDKs, FrameLength: frameLen}.CiphertextLen(int64(n))
				if err != nil || want != int64(len(msg)) {
					t.Errorf("%s: promised length %d, %v, got %d", name, want, err, len(msg))
				}
				if cap(msg) != len(msg) {
					t.Errorf("%s: message has capacity %d for %d bytes", name, cap(msg), len(msg))
				}
				o, err := ParseOutline(msg)
				if err != nil || o.PlaintextLen != int64(n) || o.HeaderLen+int(o.BodyLen)+o.FooterLen != len(msg) || (o.Signature != nil) != s.Signed() {
					t.Errorf("%s: outline %+v, %v", name, o, err)
				}
			}
		}
	}
}

// The writer's output as an independent decoder sees it, for random shapes.
func TestWriterAgainstReference(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		s := messageSuites()[rnd.IntN(11)]
		frameLen := 1 + rnd.IntN(100)
		plaintext := make([]byte, rnd.IntN(400))
		for i := range plaintext {
			plaintext[i] = byte(rnd.Uint32())
		}
		ec := keyring.EncryptionContext{}
		for range rnd.IntN(12) {
			ec[fmt.Sprint("k", rnd.IntN(1000))] = strings.Repeat("é", rnd.IntN(20))
		}
		msg, err := writerOf(s).Encrypt(context.Background(), keyring.NewManager(fixedKeyring{testKey}), plaintext,
			&EncryptOptions{Context: ec, Suite: s, FrameLength: frameLen})
		if err != nil {
			t.Fatal(err)
		}
		got, err := reference(msg, testKey)
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Fatalf("suite %v frame %d length %d: %v", s, frameLen, len(plaintext), err)
		}
	}
}

func messageSuites() []*suite.Suite {
	var out []*suite.Suite
	for _, s := range suite.All() {
		if s.Format() == suite.Message {
			out = append(out, s)
		}
	}
	return out
}

func TestHeaderSharesNothing(t *testing.T) {
	k := rawKeyring(t, "kek", 1)
	msg, err := Encrypt(context.Background(), k, []byte("text"), keyring.EncryptionContext{"a": "b"})
	if err != nil {
		t.Fatal(err)
	}
	u, _, err := ParseHeader(msg)
	if err != nil {
		t.Fatal(err)
	}
	_, h, err := Decrypt(context.Background(), k, msg)
	if err != nil {
		t.Fatal(err)
	}
	before := fmt.Sprintf("%x %v %v | %x %v %v %x %x", h.MessageID, h.Context, h.EDKs, u.MessageID, u.Context, u.EDKs, u.Commitment, u.Tag)
	for i := range msg {
		msg[i] = 0xEE
	}
	after := fmt.Sprintf("%x %v %v | %x %v %v %x %x", h.MessageID, h.Context, h.EDKs, u.MessageID, u.Context, u.EDKs, u.Commitment, u.Tag)
	if before != after {
		t.Errorf("headers changed with the input:\n%s\n%s", before, after)
	}
}

// A caller may change its header without harming materials that a cache shares.
func TestHeaderIsTheCallers(t *testing.T) {
	ctx := context.Background()
	mm, err := cache.NewManager(keyring.NewManager(rawKeyring(t, "kek", 1)), cache.NewLocal(10), cache.Options{MaxAge: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	var c Client
	required := keyring.EncryptionContext{"a": "1"}
	for _, keys := range [][]string{nil, {"a"}} {
		msg, err := c.Encrypt(ctx, requiring{keyring.NewManager(rawKeyring(t, "kek", 1)), keys}, []byte("x"),
			&EncryptOptions{Context: keyring.EncryptionContext{"a": "1", "b": "2"}, Suite: s0478})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			_, h, err := c.Decrypt(ctx, mm, msg, &DecryptOptions{ReproducedContext: required})
			if err != nil || !maps.Equal(h.Context, keyring.EncryptionContext{"a": "1", "b": "2"}) {
				t.Fatalf("required %v: %v, %v", keys, h, err)
			}
			h.Context["a"] = "changed"
			clear(h.EDKs)
		}
	}
	if mm.Stats().Hits == 0 {
		t.Error("nothing came from the cache")
	}
}

func TestMessagesDiffer(t *testing.T) {
	k := fixedKeyring{testKey}
	seen := map[string]bool{}
	for range 50 {
		msg, err := Encrypt(context.Background(), k, []byte("same"), nil)
		if err != nil {
			t.Fatal(err)
		}
		u, _, err := ParseHeader(msg)
		if err != nil {
			t.Fatal(err)
		}
		seen[string(u.MessageID)] = true
	}
	if len(seen) != 50 {
		t.Errorf("%d message ids in 50 messages", len(seen))
	}
}

func TestEncryptRefuses(t *testing.T) {
	ctx := context.Background()
	k := rawKeyring(t, "kek", 1)
	many := keyring.EncryptionContext{"a": strings.Repeat("x", 65536)}
	full := keyring.EncryptionContext{"a": strings.Repeat("x", 65525)} // fits alone, not with the public key
	tooLong := MaxFrameLength
	tooLong++ // negative where int has 32 bits
	tests := []struct {
		name   string
		client Client
		opts   EncryptOptions
		want   string
	}{
		{"reserved name", Client{}, EncryptOptions{Context: keyring.EncryptionContext{"aws-crypto-x": ""}}, "context"},
		{"public key", Client{}, EncryptOptions{Context: keyring.EncryptionContext{keyring.PublicKeyName: ""}}, "context"},
		{"context not UTF-8", Client{}, EncryptOptions{Context: keyring.EncryptionContext{"\xff": ""}}, "context"},
		{"context too large", Client{}, EncryptOptions{Context: many}, "limit"},
		{"context too large with the public key", Client{}, EncryptOptions{Context: full}, "limit"},
		{"frame length -1", Client{}, EncryptOptions{FrameLength: -1}, "policy"},
		{"frame length 2^31", Client{}, EncryptOptions{FrameLength: tooLong}, "policy"},
		{"negative EDK limit", Client{MaxEncryptedDataKeys: -1}, EncryptOptions{}, "policy"},
		{"EDK limit above the format's", Client{MaxEncryptedDataKeys: 65536}, EncryptOptions{}, "policy"},
		{"item suite", Client{}, EncryptOptions{Suite: suite.ItemAES256GCM()}, "policy"},
		{"no commitment", Client{}, EncryptOptions{Suite: suite.AES256GCM()}, "policy"},
		{"commitment forbidden", Client{CommitmentPolicy: suite.ForbidEncryptAllowDecrypt}, EncryptOptions{Suite: s0478}, "policy"},
	}
	for _, tt := range tests {
		msg, err := tt.client.Encrypt(ctx, keyring.NewManager(k), []byte("x"), &tt.opts)
		if kind(err) != tt.want || msg != nil {
			t.Errorf("%s: got %s (%v), want %s", tt.name, kind(err), err, tt.want)
		}
	}
	for _, p := range []suite.CommitmentPolicy{suite.RequireEncryptRequireDecrypt, suite.RequireEncryptAllowDecrypt} {
		c := Client{CommitmentPolicy: p}
		msg, err := c.Encrypt(ctx, keyring.NewManager(k), []byte("x"), nil)
		if err != nil {
			t.Fatal(p, err)
		}
		for r := suite.RequireEncryptRequireDecrypt; r <= suite.ForbidEncryptAllowDecrypt; r++ {
			reader := Client{CommitmentPolicy: r}
			if got, _, err := reader.Decrypt(ctx, keyring.NewManager(k), msg, nil); err != nil || string(got) != "x" {
				t.Errorf("written under %s, read under %s: %q, %v", p, r, got, err)
			}
		}
	}
}

func TestEDKLimit(t *testing.T) {
	ctx := context.Background()
	o := keyring.MultiOptions{Generator: rawKeyring(t, "g", 0)}
	for i := range 70 {
		o.Children = append(o.Children, rawKeyring(t, fmt.Sprint("c", i), byte(i+1)))
	}
	k, err := keyring.NewMulti(o)
	if err != nil {
		t.Fatal(err)
	}
	mm := keyring.NewManager(k)
	if _, err := new(Client).Encrypt(ctx, mm, nil, nil); kind(err) != "limit" {
		t.Errorf("71 data keys under the default limit: %v", err)
	}
	msg, err := (&Client{MaxEncryptedDataKeys: 71}).Encrypt(ctx, mm, []byte("x"), &EncryptOptions{Suite: s0478})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := new(Client).Decrypt(ctx, mm, msg, nil); kind(err) != "limit" {
		t.Errorf("71 data keys read under the default limit: %v", err)
	}
	if _, _, err := (&Client{MaxEncryptedDataKeys: 70}).Decrypt(ctx, mm, msg, nil); kind(err) != "limit" {
		t.Errorf("71 data keys read under a limit of 70: %v", err)
	}
	last := keyring.NewManager(rawKeyring(t, "c69", 70))
	got, h, err := (&Client{MaxEncryptedDataKeys: 71}).Decrypt(ctx, last, msg, nil)
	if err != nil || string(got) != "x" || h.Used != 70 || len(h.Attempts) != 70 {
		t.Errorf("got %q, %+v, %v", got, h, err)
	}
}

// requiring is a manager in the role of the required-context manager: some pairs are authenticated and not stored.
type requiring struct {
	keyring.MaterialsManager
	keys []string
}

func (m requiring) EncryptionMaterials(ctx context.Context, r *keyring.EncryptionRequest) (*keyring.EncryptionMaterials, error) {
	mat, err := m.MaterialsManager.EncryptionMaterials(ctx, r)
	if err == nil {
		mat.RequiredKeys = m.keys
	}
	return mat, err
}

func TestReproducedContext(t *testing.T) {
	ctx := context.Background()
	mm := keyring.NewManager(rawKeyring(t, "kek", 1))
	full := keyring.EncryptionContext{"a": "1", "b": "2", "c": "3"}
	for _, s := range []*suite.Suite{s0478, s0578} {
		for mask := range 8 {
			var required []string
			for i, k := range []string{"a", "b", "c"} {
				if mask>>i&1 == 1 {
					required = append(required, k)
				}
			}
			msg, err := new(Client).Encrypt(ctx, requiring{mm, required}, []byte("x"), &EncryptOptions{Context: full, Suite: s})
			if err != nil {
				t.Fatal(err)
			}
			u, _, err := ParseHeader(msg)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range required {
				if _, stored := u.Context[k]; stored {
					t.Errorf("required %v: %q is stored", required, k)
				}
			}
			for give := range 8 {
				repro := keyring.EncryptionContext{}
				for i, k := range []string{"a", "b", "c"} {
					if give>>i&1 == 1 {
						repro[k] = full[k]
					}
				}
				got, h, err := new(Client).Decrypt(ctx, mm, msg, &DecryptOptions{ReproducedContext: repro})
				if ok := mask&^give == 0; ok != (err == nil) || (ok && string(got) != "x") {
					t.Errorf("required %v, reproduced %v: %v", required, repro, err)
				} else if !ok && kind(err) != "no key" {
					t.Errorf("required %v, reproduced %v: got %s, want no key", required, repro, kind(err))
				} else if ok && (h.Context["a"] != "1" || h.Context["b"] != "2" || h.Context["c"] != "3") {
					t.Errorf("required %v, reproduced %v: context %v", required, repro, h.Context)
				}
			}
			// A fixed data key lets the header tag decide instead of the keyring.
			for name, repro := range map[string]keyring.EncryptionContext{
				"foreign pair": {"a": "1", "b": "2", "c": "3", "d": "4"},
				"wrong value":  {"a": "1", "b": "2", "c": "4"},
			} {
				fixed := keyring.NewManager(fixedKeyring{testKey})
				msg, err := new(Client).Encrypt(ctx, requiring{fixed, required}, []byte("x"), &EncryptOptions{Context: full, Suite: s})
				if err != nil {
					t.Fatal(err)
				}
				_, _, err = new(Client).Decrypt(ctx, fixed, msg, &DecryptOptions{ReproducedContext: repro})
				want := "header"
				if name == "wrong value" && mask&4 == 0 {
					want = "context"
				}
				if kind(err) != want {
					t.Errorf("required %v, %s: got %s, want %s", required, name, kind(err), want)
				}
			}
		}
	}
}

// lying changes what a good manager returns.
type lying struct {
	keyring.MaterialsManager
	enc func(*keyring.EncryptionMaterials)
	dec func(*keyring.DecryptionMaterials)
}

func (m lying) EncryptionMaterials(ctx context.Context, r *keyring.EncryptionRequest) (*keyring.EncryptionMaterials, error) {
	mat, err := m.MaterialsManager.EncryptionMaterials(ctx, r)
	if err == nil && m.enc != nil {
		m.enc(mat)
	}
	return mat, err
}

func (m lying) DecryptionMaterials(ctx context.Context, r *keyring.DecryptionRequest) (*keyring.DecryptionMaterials, error) {
	mat, err := m.MaterialsManager.DecryptionMaterials(ctx, r)
	if err == nil && m.dec != nil {
		m.dec(mat)
	}
	return mat, err
}

func TestBadManagers(t *testing.T) {
	ctx := context.Background()
	good := keyring.NewManager(rawKeyring(t, "kek", 1))
	for name, tt := range map[string]struct {
		enc  func(*keyring.EncryptionMaterials)
		want string
	}{
		"item suite":         {func(m *keyring.EncryptionMaterials) { m.Suite = suite.ItemAES256GCM() }, "policy"},
		"version 1 suite":    {func(m *keyring.EncryptionMaterials) { m.Suite = suite.AES256GCM() }, "policy"},
		"no EDKs":            {func(m *keyring.EncryptionMaterials) { m.EDKs = nil }, "policy"},
		"no data key":        {func(m *keyring.EncryptionMaterials) { m.DataKey = nil }, "policy"},
		"short data key":     {func(m *keyring.EncryptionMaterials) { m.DataKey = keyring.RandomSecret(16) }, "policy"},
		"no signing key":     {func(m *keyring.EncryptionMaterials) { m.SigningKey = nil }, "policy"},
		"suite not signed":   {func(m *keyring.EncryptionMaterials) { m.Suite = s0478 }, "policy"},
		"no public key":      {func(m *keyring.EncryptionMaterials) { delete(m.Context, keyring.PublicKeyName) }, "policy"},
		"no suite":           {func(m *keyring.EncryptionMaterials) { m.Suite = nil }, "policy"},
		"long EDK":           {func(m *keyring.EncryptionMaterials) { m.EDKs[0].ProviderInfo = make([]byte, 70000) }, "limit"},
		"provider not UTF-8": {func(m *keyring.EncryptionMaterials) { m.EDKs[0].ProviderID = "p\xff" }, "policy"},
		"long AAD":           {func(m *keyring.EncryptionMaterials) { m.AAD = make([]byte, 70000) }, "policy"},
		"required not there": {func(m *keyring.EncryptionMaterials) { m.RequiredKeys = []string{"x"} }, "context"},
	} {
		if msg, err := new(Client).Encrypt(ctx, lying{good, tt.enc, nil}, nil, nil); kind(err) != tt.want || msg != nil {
			t.Errorf("%s: got %s (%v), want %s", name, kind(err), err, tt.want)
		}
	}
	// An unsigned message is not written when a signed one was asked for, nor a key stored that nothing is signed with.
	for name, enc := range map[string]func(*keyring.EncryptionMaterials){
		"downgrade": func(m *keyring.EncryptionMaterials) {
			m.Suite, m.SigningKey = s0478, nil
			delete(m.Context, keyring.PublicKeyName)
		},
	} {
		if msg, err := new(Client).Encrypt(ctx, lying{good, enc, nil}, nil, &EncryptOptions{Suite: s0578}); kind(err) != "policy" || msg != nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
	public := func(m *keyring.EncryptionMaterials) {
		m.Context = keyring.EncryptionContext{keyring.PublicKeyName: "x"}
	}
	if msg, err := new(Client).Encrypt(ctx, lying{good, public, nil}, nil, &EncryptOptions{Suite: s0478}); kind(err) != "policy" || msg != nil {
		t.Errorf("public key in an unsigned suite: got %v", err)
	}
	for _, mm := range []keyring.MaterialsManager{nil, nothing{}, nothing{&keyring.EncryptionMaterials{}}} {
		if msg, err := new(Client).Encrypt(ctx, mm, nil, nil); kind(err) != "policy" || msg != nil {
			t.Errorf("no materials: got %v", err)
		}
	}
	msg, err := new(Client).Encrypt(ctx, good, []byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := new(Client).Decrypt(ctx, nothing{}, msg, nil); kind(err) != "policy" || got != nil {
		t.Errorf("no materials: got %v", err)
	}
	for name, tt := range map[string]struct {
		dec  func(*keyring.DecryptionMaterials)
		want string
	}{
		"other suite":         {func(m *keyring.DecryptionMaterials) { m.Suite = s0478 }, "policy"},
		"no data key":         {func(m *keyring.DecryptionMaterials) { m.DataKey = nil }, "policy"},
		"short data key":      {func(m *keyring.DecryptionMaterials) { m.DataKey = keyring.RandomSecret(16) }, "policy"},
		"other data key":      {func(m *keyring.DecryptionMaterials) { m.DataKey = keyring.RandomSecret(32) }, "key commitment"},
		"no verification key": {func(m *keyring.DecryptionMaterials) { m.VerificationKey = nil }, "policy"},
	} {
		if got, _, err := new(Client).Decrypt(ctx, lying{good, nil, tt.dec}, msg, nil); kind(err) != tt.want || got != nil {
			t.Errorf("%s: got %s (%v), want %s", name, kind(err), err, tt.want)
		}
	}
}

// nothing is a manager that returns no error and nothing usable either.
type nothing struct{ enc *keyring.EncryptionMaterials }

func (n nothing) EncryptionMaterials(context.Context, *keyring.EncryptionRequest) (*keyring.EncryptionMaterials, error) {
	return n.enc, nil
}

func (nothing) DecryptionMaterials(context.Context, *keyring.DecryptionRequest) (*keyring.DecryptionMaterials, error) {
	return nil, nil
}

// counter counts what a message does with materials that belong to somebody else.
type counter struct{ given, released int }

func (c *counter) Release() { c.released++ }

func (c *counter) own(mm keyring.MaterialsManager) keyring.MaterialsManager {
	return lying{mm,
		func(m *keyring.EncryptionMaterials) { c.given++; m.Owner = c },
		func(m *keyring.DecryptionMaterials) { c.given++; m.Owner = c }}
}

// Materials are released exactly once, whatever happens.
func TestMaterialsAreReleased(t *testing.T) {
	ctx := context.Background()
	var c counter
	mm := c.own(keyring.NewManager(fixedKeyring{testKey}))
	check := func(name string) {
		t.Helper()
		if c.given != c.released || c.given == 0 {
			t.Errorf("%s: %d materials given, %d released", name, c.given, c.released)
		}
		c = counter{}
	}
	for name, f := range shapes() {
		msg := f.message(t)
		for i := 0; i <= len(msg); i += 7 {
			bad := bytes.Clone(msg)
			if i < len(msg) {
				bad[i] ^= 1
			}
			_, _, _ = anyClient.Decrypt(ctx, mm, bad, nil)
			for _, o := range []*DecryptOptions{nil, {ReleaseUnverified: true, Concurrency: 2}} {
				if r, err := anyClient.NewDecryptReader(ctx, mm, bytes.NewReader(bad), o); err == nil {
					_, _ = io.Copy(io.Discard, r)
				}
			}
			if r, err := anyClient.OpenAt(ctx, mm, bytes.NewReader(bad), int64(len(bad)), nil); err == nil {
				r.Close()
			}
		}
		check(name)
	}
	_, _, _ = anyClient.Decrypt(ctx, mm, shapes()["0478 empty"].message(t), &DecryptOptions{RequireContext: keyring.EncryptionContext{"a": "b"}})
	check("context refused")
	r, err := anyClient.NewDecryptReader(ctx, mm, bytes.NewReader(shapes()["0478 three frames"].message(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	r.Close()
	check("reader closed early, twice")
	for _, o := range []*EncryptOptions{nil, {Suite: s0478}} {
		_, _ = new(Client).Encrypt(ctx, mm, []byte("x"), o)
		check("encrypt")
		for _, finish := range []func(*Writer){
			func(w *Writer) { w.Close() }, func(w *Writer) { w.Abort(); w.Close() }, func(w *Writer) { w.Close(); w.Abort(); w.Close() },
		} {
			w, err := new(Client).NewEncryptWriter(ctx, mm, io.Discard, o)
			if err != nil {
				t.Fatal(err)
			}
			w.Write([]byte("x"))
			finish(w)
			check("writer")
		}
	}
	_, _ = (&Client{MaxEncryptedDataKeys: 1}).Encrypt(ctx, c.own(keyring.NewManager(twoEDKs{fixedKeyring{testKey}})), nil, nil)
	check("too many data keys")
}

type twoEDKs struct{ fixedKeyring }

func (k twoEDKs) OnEncrypt(ctx context.Context, r *keyring.Request, s *keyring.Secret) (*keyring.Wrapped, error) {
	w, err := k.fixedKeyring.OnEncrypt(ctx, r, s)
	if err == nil {
		w.EDKs = append(w.EDKs, fixedEDK)
	}
	return w, err
}

// watched keeps what was opened, to see that it is wiped when the message is refused in the end.
type watched struct {
	cipher.AEAD
	opened [][]byte
}

func (w *watched) Open(dst, nonce, ciphertext, aad []byte) ([]byte, error) {
	out, err := w.AEAD.Open(dst, nonce, ciphertext, aad)
	if err == nil && len(out) > len(dst) {
		w.opened = append(w.opened, out[len(dst):])
	}
	return out, err
}

func TestRefusedPlaintextIsWiped(t *testing.T) {
	msg := forge{frameLen: 4, frames: []string{"aaaa", "bbbb", "c"}}.message(t)
	for name, bad := range map[string][]byte{
		"trailing byte": append(bytes.Clone(msg), 0), "truncated": msg[:len(msg)-1], "last tag": func() []byte {
			b := bytes.Clone(msg)
			b[len(b)-1] ^= 1
			return b
		}(),
	} {
		h, err := parseHeader(bad, 1)
		if err != nil {
			t.Fatal(err)
		}
		m, err := anyClient.open(context.Background(), keyring.NewManager(fixedKeyring{testKey}), h, bad[len(h.raw):], &DecryptOptions{})
		if err != nil {
			t.Fatal(err)
		}
		w := &watched{AEAD: m.body.aead}
		m.body.aead = w
		if _, err := m.openBody(bad, len(h.raw)+headerAuthLen(h.suite)); err == nil || len(w.opened) < 2 {
			t.Fatalf("%s: %v, %d frames opened", name, err, len(w.opened))
		}
		for _, b := range w.opened {
			if !bytes.Equal(b, make([]byte, len(b))) {
				t.Errorf("%s: plaintext %q is left", name, b)
			}
		}
	}
}

func TestSizeRefusesWhatEncryptRefuses(t *testing.T) {
	fits := keyring.EncryptionContext{"a": strings.Repeat("x", 65525)} // alone, not with the public key
	for name, tt := range map[string]struct {
		s    Shape
		n    int64
		want string
	}{
		"negative":        {Shape{}, -1, "policy"},
		"reserved name":   {Shape{Context: keyring.EncryptionContext{"aws-crypto-x": ""}}, 1, "context"},
		"public key":      {Shape{Context: fits}, 1, "limit"},
		"unsigned":        {Shape{Context: fits, Suite: s0478}, 1, "ok"},
		"item suite":      {Shape{Suite: suite.ItemAES256GCM()}, 1, "policy"},
		"long EDK":        {Shape{EDKs: []keyring.EncryptedDataKey{{ProviderInfo: make([]byte, 65536)}}}, 1, "limit"},
		"too many EDKs":   {Shape{EDKs: make([]keyring.EncryptedDataKey, 65536)}, 1, "limit"},
		"too many frames": {Shape{FrameLength: 1}, 1 << 33, "limit"},
		"overflow":        {Shape{FrameLength: MaxFrameLength}, 1<<63 - 1, "limit"},
	} {
		if n, err := tt.s.CiphertextLen(tt.n); kind(err) != tt.want || (err == nil) != (n > 0) {
			t.Errorf("%s: got %d, %v, want %s", name, n, err, tt.want)
		}
	}
}

func TestDegradedIsTold(t *testing.T) {
	dead := keyring.New("dead", deadWrapper{}, nil, &keyring.Options{Key: "far"})
	k, err := keyring.NewMulti(keyring.MultiOptions{Generator: rawKeyring(t, "kek", 1), Optional: []keyring.Keyring{dead}})
	if err != nil {
		t.Fatal(err)
	}
	var told []keyring.Attempt
	msg, err := new(Client).Encrypt(context.Background(), keyring.NewManager(k), []byte("x"), &EncryptOptions{
		OnDegraded: func(a []keyring.Attempt) { told = append(told, a...) },
	})
	if err != nil || len(told) != 1 || told[0].Provider != "dead" || told[0].Key != "far" || !errors.Is(told[0].Err, signet.ErrUnavailable) {
		t.Fatalf("told %v, %v", told, err)
	}
	if got, _, err := Decrypt(context.Background(), k, msg); err != nil || string(got) != "x" {
		t.Errorf("got %q, %v", got, err)
	}
}

type deadWrapper struct{}

func (deadWrapper) Wrap(context.Context, *keyring.Request, []byte) (keyring.EncryptedDataKey, error) {
	return keyring.EncryptedDataKey{}, signet.ErrUnavailable
}

func TestConcurrent(t *testing.T) {
	k := rawKeyring(t, "kek", 1)
	mm := keyring.NewManager(k)
	var c Client
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			want := fmt.Sprint("text ", i)
			msg, err := c.Encrypt(context.Background(), mm, []byte(want), &EncryptOptions{Suite: s0478})
			if err != nil {
				t.Error(err)
				return
			}
			if got, _, err := c.Decrypt(context.Background(), mm, msg, nil); err != nil || string(got) != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		})
	}
	wg.Wait()
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	k := keyring.New("ctx", ctxWrapper{}, nil, nil)
	if _, err := Encrypt(ctx, k, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

type ctxWrapper struct{}

func (ctxWrapper) Wrap(ctx context.Context, _ *keyring.Request, _ []byte) (keyring.EncryptedDataKey, error) {
	return keyring.EncryptedDataKey{}, ctx.Err()
}
