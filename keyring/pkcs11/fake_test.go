package pkcs11

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/cktest"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/module"
	"github.com/signetkeys/signet/keyring/suite"
)

// odd is a module with manners that SoftHSM does not have.
type odd struct {
	*cktest.Module
	encrypt  func(g *ck.GCM, dst []byte, n int) int // changes the result of an encryption
	generate func(template []ck.Attribute) (ck.Object, error)
}

func (o *odd) Encrypt(h ck.Session, key ck.Object, g *ck.GCM, dst, src []byte) (int, error) {
	n, err := o.Module.Encrypt(h, key, g, dst, src)
	if err == nil && o.encrypt != nil {
		n = o.encrypt(g, dst, n)
	}
	return n, err
}

func (o *odd) GenerateKey(h ck.Session, _ uint, template []ck.Attribute) (ck.Object, error) {
	return o.generate(template)
}

func registryOf(t testing.TB, m ck.Module) (*module.Registry, Config) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fake.so")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return module.NewRegistry(func(string) (ck.Module, error) { return m, nil }),
		Config{ModulePath: path, Key: KeySelector{Label: "kek"}, PIN: func(context.Context) ([]byte, error) { return []byte("1234"), nil }}
}

func fakeKeyring(t testing.TB, m ck.Module) *Keyring {
	t.Helper()
	r, cfg := registryOf(t, m)
	k, err := newKeyring(context.Background(), r, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func fakeRequest(t testing.TB) *keyring.Request {
	t.Helper()
	r, err := keyring.NewRequest(suite.AES256GCMCommit(), keyring.EncryptionContext{"tenant": "acme"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A token that makes its own IV: what it used goes into the provider information, and what cannot be told is refused.
func TestTokenWithItsOwnIV(t *testing.T) {
	for _, tc := range []struct {
		name    string
		encrypt func(g *ck.GCM, dst []byte, n int) int
		want    error
	}{
		{"IV written back", func(g *ck.GCM, _ []byte, n int) int { *g.IV = [12]byte{1, 2, 3}; return n }, nil},
		{"IV of zeros", func(g *ck.GCM, _ []byte, n int) int { clear(g.IV[:]); return n }, ErrNotInteroperable},
		{"IV appended", func(_ *ck.GCM, _ []byte, n int) int { return n + 12 }, ErrNotInteroperable},
		{"short tag", func(_ *ck.GCM, _ []byte, n int) int { return n - 4 }, ErrNotInteroperable},
	} {
		for _, ctx := range []context.Context{context.Background(), t.Context()} {
			fake := &odd{Module: cktest.New("t", "1234"), encrypt: tc.encrypt}
			fake.AddKey("kek", make([]byte, 32))
			k := fakeKeyring(t, fake)
			w, err := k.OnEncrypt(ctx, fakeRequest(t), nil)
			if !errors.Is(err, tc.want) {
				t.Errorf("%s: got %v, want %v", tc.name, err, tc.want)
			}
			if err == nil {
				iv, reason := wire.ParseAESInfo(w.EDKs[0].ProviderInfo, "kek")
				if reason != "" || !bytes.Equal(iv, []byte{1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0}) {
					t.Errorf("%s: got IV %x, %s", tc.name, iv, reason)
				}
			}
		}
	}
}

// What return values mean to a caller.
func TestReturnValues(t *testing.T) {
	for _, tc := range []struct {
		name, function string
		code           uint
		probe          bool // the token also fails the probe
		want           error
		class          error
	}{
		{"data", "C_Decrypt", ck.REncryptedDataInvalid, false, keyring.ErrDidNotOpen, signet.ErrAuthentication},
		{"AEAD", "C_Decrypt", ck.RAEADDecryptFailed, false, keyring.ErrDidNotOpen, signet.ErrAuthentication},
		{"unclear, token well", "C_Decrypt", ck.RGeneralError, false, keyring.ErrDidNotOpen, signet.ErrAuthentication},
		{"unclear, token ill", "C_Decrypt", ck.RGeneralError, true, ErrDeviceUnavailable, signet.ErrUnavailable},
		{"vendor's", "C_Decrypt", ck.RVendorDefined + 5, false, keyring.ErrDidNotOpen, signet.ErrAuthentication},
		{"device", "C_Decrypt", ck.RDeviceError, false, ErrDeviceUnavailable, signet.ErrUnavailable},
		{"removed", "C_Decrypt", ck.RDeviceRemoved, false, ErrDeviceUnavailable, signet.ErrUnavailable},
		{"session", "C_Decrypt", ck.RSessionHandleInvalid, false, ErrDeviceUnavailable, signet.ErrUnavailable},
		{"not permitted", "C_Decrypt", ck.RKeyFunctionNotPermitted, false, ErrKeyNotPermitted, signet.ErrAccessDenied},
		{"mechanism", "C_Decrypt", ck.RMechanismInvalid, false, ErrMechanismUnsupported, signet.ErrUnsupported},
		{"key type", "C_Decrypt", ck.RKeyTypeInconsistent, false, errUnsupported, signet.ErrUnsupported},
		{"handle, again and again", "C_Decrypt", ck.RKeyHandleInvalid, false, ErrDeviceUnavailable, signet.ErrUnavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fake := cktest.New("t", "1234")
			fake.AddKey("kek", make([]byte, 32))
			k := fakeKeyring(t, fake)
			r := fakeRequest(t)
			w, err := k.OnEncrypt(t.Context(), r, nil)
			if err != nil {
				t.Fatal(err)
			}
			fake.Hook = func(f string, _ ck.Session) error {
				if f == tc.function || tc.probe && f == "C_GetTokenInfo" {
					return &ck.Error{Func: f, Code: tc.code}
				}
				return nil
			}
			_, err = k.OnDecrypt(t.Context(), r, w.EDKs)
			if !errors.Is(err, tc.want) || !errors.Is(err, tc.class) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if tc.want != keyring.ErrDidNotOpen && errors.Is(err, signet.ErrAuthentication) {
				t.Errorf("%v also blames the data", err)
			}
			if n := fake.Count("C_Decrypt"); n > 2 {
				t.Errorf("the token was asked %d times", n)
			}
		})
	}
}

// A key that was replaced is found again within the same operation.
func TestHandleIsLookedUpAgain(t *testing.T) {
	fake := cktest.New("t", "1234")
	old := fake.AddKey("kek", make([]byte, 32))
	k := fakeKeyring(t, fake)
	r := fakeRequest(t)
	if _, err := k.OnEncrypt(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	fake.AddKey("kek", bytes.Repeat([]byte{1}, 32))
	fake.Remove(old)
	if _, err := k.OnEncrypt(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	if s := k.Stats(); s.Lookups != 2 || s.Wraps != 3 {
		t.Errorf("got %+v", s)
	}
}

// The deadline of one operation holds whatever the token does, and Close afterwards does not wait for the call.
func TestDeadline(t *testing.T) {
	r := fakeRequest(t)
	for _, function := range []string{"C_Login", "C_FindObjectsInit", "C_GetAttributeValue", "C_Encrypt", "C_GetSlotList", "C_OpenSession"} {
		fake := cktest.New("t", "1234")
		fake.AddKey("kek", make([]byte, 32))
		registry, cfg := registryOf(t, fake)
		sharedtest.Bubble(t, func(t *testing.T) {
			k, err := newKeyring(context.Background(), registry, cfg)
			if err != nil {
				t.Fatal(err)
			}
			stuck := make(chan struct{})
			fake.Hook = func(f string, _ ck.Session) error {
				if f == function {
					<-stuck
				}
				return nil
			}
			start := time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_, err = k.OnEncrypt(ctx, r, nil)
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
				t.Errorf("%s: got %v after %v", function, err, time.Since(start))
			}
			close(stuck)
			synctest.Wait()
			if _, err := k.OnEncrypt(context.Background(), r, nil); err != nil {
				t.Errorf("%s, after it returned: %v", function, err)
			}
			if err := k.Close(); err != nil || fake.Open() != 0 {
				t.Errorf("%s: Close: %v with %d sessions", function, err, fake.Open())
			}
		})
	}
}

// A token that tells little: what is not told is not taken for false.
func TestAttributesThatAreNotTold(t *testing.T) {
	fake := cktest.New("t", "1234")
	o := fake.AddKey("kek", make([]byte, 32))
	for _, a := range []uint{ck.AEncrypt, ck.ADecrypt, ck.ASensitive, ck.AExtractable, ck.AValueLen, ck.AID} {
		fake.Set(o, a, nil)
	}
	k := fakeKeyring(t, fake)
	if err := k.Check(t.Context()); err != nil || !k.CanEncrypt() {
		t.Errorf("got %v", err)
	}
	fake.Set(o, ck.AValueLen, ck.Ulong(ck.AValueLen, 20).Value)
	if err := fakeKeyring(t, fake).Check(t.Context()); !errors.Is(err, signet.ErrUnsupported) {
		t.Errorf("a key of 20 bytes: got %v", err)
	}
}

func TestGenerateDropsOptionalAttributes(t *testing.T) {
	o := GenerateOptions{Label: "new", ID: []byte{9}, Bits: 256}
	for _, tc := range []struct {
		name    string
		refuses []uint // attribute types
		dropped []string
		fails   bool
	}{
		{"takes all", nil, nil, false},
		{"knows no allowed mechanisms", []uint{ck.AAllowedMechanisms}, []string{"CKA_ALLOWED_MECHANISMS"}, false},
		{"nor derive", []uint{ck.ADerive}, []string{"CKA_ALLOWED_MECHANISMS", "CKA_MODIFIABLE", "CKA_SIGN, CKA_VERIFY, CKA_DERIVE"}, false},
		{"refuses sensitive", []uint{ck.ASensitive}, nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fake := &odd{Module: cktest.New("t", "1234")}
			fake.generate = func(template []ck.Attribute) (ck.Object, error) {
				for _, a := range template {
					if slices.Contains(tc.refuses, a.Type) {
						return 0, &ck.Error{Func: "C_GenerateKey", Code: ck.RTemplateInconsistent}
					}
				}
				obj := fake.AddKey("", make([]byte, 32))
				for _, a := range template {
					fake.Set(obj, a.Type, a.Value)
				}
				return obj, nil
			}
			r, cfg := registryOf(t, fake)
			info, err := generateKey(t.Context(), r, cfg, o)
			if tc.fails {
				if err == nil {
					t.Errorf("got %+v", info)
				}
				return
			}
			if err != nil || !slices.Equal(info.Dropped, tc.dropped) {
				t.Errorf("got %+v, %v", info, err)
			}
		})
	}
}

// A token that makes another key than asked for does not keep it.
func TestGenerateDestroysWhatIsWrong(t *testing.T) {
	for attribute, value := range map[uint]ck.Attribute{
		ck.AExtractable: ck.Bool(ck.AExtractable, true), ck.ASensitive: ck.Bool(ck.ASensitive, false), ck.AWrap: ck.Bool(ck.AWrap, true),
		ck.AValueLen: ck.Ulong(ck.AValueLen, 16), ck.ALabel: ck.String(ck.ALabel, "x"), ck.APrivate: ck.Bool(ck.APrivate, false),
		ck.AToken: ck.Bool(ck.AToken, false),
	} {
		fake := &odd{Module: cktest.New("t", "1234")}
		fake.generate = func(template []ck.Attribute) (ck.Object, error) {
			obj := fake.AddKey("", make([]byte, 32))
			for _, a := range template {
				fake.Set(obj, a.Type, a.Value)
			}
			fake.Set(obj, attribute, value.Value)
			return obj, nil
		}
		r, cfg := registryOf(t, fake)
		_, err := generateKey(t.Context(), r, cfg, GenerateOptions{Label: "new"})
		if err == nil || !strings.Contains(err.Error(), "not as asked for") || fake.Count("C_DestroyObject") != 1 {
			t.Errorf("attribute %#x: got %v and %d destroyed", attribute, err, fake.Count("C_DestroyObject"))
		}
	}
}

// Two programs that generate the same key at once: at most one stays.
func TestGenerateSeesATwin(t *testing.T) {
	fake := &odd{Module: cktest.New("t", "1234")}
	fake.generate = func(template []ck.Attribute) (ck.Object, error) {
		fake.AddKey("new", make([]byte, 32)) // the other program's
		obj := fake.AddKey("", make([]byte, 32))
		for _, a := range template {
			fake.Set(obj, a.Type, a.Value)
		}
		return obj, nil
	}
	r, cfg := registryOf(t, fake)
	if _, err := generateKey(t.Context(), r, cfg, GenerateOptions{Label: "new"}); !errors.Is(err, ErrKeyExists) || fake.Count("C_DestroyObject") != 1 {
		t.Errorf("got %v and %d destroyed", err, fake.Count("C_DestroyObject"))
	}
}

// quick is a module that does nothing but count, so that what is measured is everything around it.
type quick struct{ *cktest.Module }

func (*quick) Encrypt(_ ck.Session, _ ck.Object, _ *ck.GCM, _, src []byte) (int, error) {
	return len(src) + 16, nil
}
func (*quick) Decrypt(_ ck.Session, _ ck.Object, _ *ck.GCM, _, src []byte) (int, error) {
	return len(src) - 16, nil
}

// BenchmarkOverhead is the cost of the provider around a token that takes no time.
func BenchmarkOverhead(b *testing.B) {
	fake := &quick{cktest.New("t", "1234")}
	fake.AddKey("kek", make([]byte, 32))
	k := fakeKeyring(b, fake)
	defer k.Close()
	p, r, data := (*provider)(k), fakeRequest(b), make([]byte, 32)
	cancellable, cancel := context.WithCancel(context.Background())
	defer cancel()
	edk, err := p.Wrap(cancellable, r, data)
	if err != nil {
		b.Fatal(err)
	}
	for name, ctx := range map[string]context.Context{"background": context.Background(), "cancellable": cancellable} {
		b.Run("wrap/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Wrap(ctx, r, data); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("unwrap/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Unwrap(ctx, r, &edk); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Close does not wait for ever for a module that hangs, and what it left behind is done once the module answers.
func TestCloseOfAHungModule(t *testing.T) {
	r := fakeRequest(t)
	for _, function := range []string{"C_Login", "C_OpenSession", "C_CloseSession"} {
		fake := cktest.New("t", "1234")
		fake.AddKey("kek", make([]byte, 32))
		registry, cfg := registryOf(t, fake)
		sharedtest.Bubble(t, func(t *testing.T) {
			k, err := newKeyring(context.Background(), registry, cfg)
			if err != nil {
				t.Fatal(err)
			}
			stuck := make(chan struct{})
			fake.Hook = func(f string, _ ck.Session) error {
				if f == function {
					<-stuck
				}
				return nil
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			k.OnEncrypt(ctx, r, nil)
			closed := make(chan error, 1)
			go func() { closed <- k.Close() }()
			select {
			case err := <-closed:
				if !errors.Is(err, module.ErrBusy) {
					t.Errorf("%s: got %v, want ErrBusy", function, err)
				}
			case <-time.After(10 * time.Second):
				t.Errorf("%s: Close hangs", function)
			}
			close(stuck)
			synctest.Wait()
			if n := fake.Count("C_Finalize"); n != 1 || fake.Open() != 0 {
				t.Errorf("%s: finalized %d times, %d sessions are left", function, n, fake.Open())
			}
		})
	}
}

// A call that was left behind keeps its session and with it the login, to which the module lets any PIN in.
func TestPINWhileAnEarlierLoginLasts(t *testing.T) {
	r := fakeRequest(t)
	fake := cktest.New("t", "1234")
	fake.AddKey("kek", make([]byte, 32))
	registry, cfg := registryOf(t, fake)
	sharedtest.Bubble(t, func(t *testing.T) {
		k, err := newKeyring(context.Background(), registry, cfg)
		if err != nil {
			t.Fatal(err)
		}
		stuck := make(chan struct{})
		fake.Hook = func(f string, _ ck.Session) error {
			if f == "C_Encrypt" {
				<-stuck
			}
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := k.OnEncrypt(ctx, r, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		k.Close()
		for _, pin := range []string{"9999", "1234"} {
			cfg.PIN = func(context.Context) ([]byte, error) { return []byte(pin), nil }
			k, err := newKeyring(context.Background(), registry, cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			if err := k.Check(context.Background()); errors.Is(err, ErrPINIncorrect) != (pin == "9999") {
				t.Errorf("PIN %s: got %v", pin, err)
			}
		}
		close(stuck)
		synctest.Wait()
	})
}

// What goes wrong before and around the generation is an *Error too.
func TestGenerateErrorsAreTyped(t *testing.T) {
	for name, tc := range map[string]struct {
		code uint // of C_OpenSession for reading and writing; 0 is a hang in the session
		kind error
	}{
		"read-only": {ck.RTokenWriteProtected, ErrKeyNotPermitted}, "no session": {ck.RSessionCount, ErrDeviceUnavailable}, "hung": {0, context.DeadlineExceeded},
	} {
		fake := cktest.New("t", "1234")
		registry, cfg := registryOf(t, fake)
		sharedtest.Bubble(t, func(t *testing.T) {
			stuck := make(chan struct{})
			fake.Hook = func(f string, _ ck.Session) error {
				if tc.code == 0 && f == "C_FindObjectsInit" {
					<-stuck
				}
				if tc.code == 0 || f != "C_OpenSession" || fake.Count(f) == 1 { // the first is the anchor
					return nil
				}
				return &ck.Error{Func: f, Code: tc.code}
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_, err := generateKey(ctx, registry, cfg, GenerateOptions{Label: "new"})
			var typed *Error
			if !errors.As(err, &typed) || !errors.Is(err, tc.kind) {
				t.Errorf("%s: got %T %v", name, err, err)
			}
			close(stuck)
			synctest.Wait()
		})
	}
}
