package token

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/cktest"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/module"
)

const pin = "1234"

func asks(pin string) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) { return []byte(pin), nil }
}

// moduleFor returns a fake behind a registry, in a file that exists.
func moduleFor(t testing.TB, fake *cktest.Module) *module.Module {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fake.so")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := module.NewRegistry(func(string) (ck.Module, error) { return fake, nil })
	m, err := r.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func openFake(t testing.TB, fake *cktest.Module, o Options) (*module.Module, *Token) {
	t.Helper()
	m := moduleFor(t, fake)
	tok, err := Open(context.Background(), m, &Selector{Label: "t"}, asks(pin), o)
	if err != nil {
		t.Fatal(err)
	}
	return m, tok
}

func kindOf(err error) Kind {
	var f *Failure
	if errors.As(err, &f) {
		return f.Kind
	}
	return KindOther
}

func TestDecryptOAEP(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		t.Fatal(err)
	}
	fake := cktest.New("t", pin)
	_, private := fake.AddRSA("kek", key)
	m, tok := openFake(t, fake, Options{})
	h := Handle{private, tok.Epoch()}
	secret := bytes.Repeat([]byte{7}, 32)
	sealed, err := rsa.EncryptOAEP(sha512.New(), rand.Reader, &key.PublicKey, secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for name, ctx := range map[string]context.Context{"direct": context.Background(), "cancellable": ctx} {
		before, out := bytes.Clone(sealed), make([]byte, len(sealed))
		if n, err := tok.DecryptOAEP(ctx, h, ck.SHA512, out, sealed); err != nil || !bytes.Equal(out[:n], secret) || !bytes.Equal(sealed, before) {
			t.Errorf("%s: got %d, %v", name, n, err)
		}
		if _, err := tok.DecryptOAEP(ctx, h, ck.SHA256, out, sealed); ck.Code(err) != ck.REncryptedDataInvalid {
			t.Errorf("%s: another hash: got %v", name, err)
		}
		if _, err := tok.DecryptOAEP(ctx, Handle{private, h.Epoch + 1}, ck.SHA512, out, sealed); !errors.Is(err, ErrStale) {
			t.Errorf("%s: got %v, want ErrStale", name, err)
		}
		calls := fake.Count("C_DecryptInit")
		if _, err := tok.DecryptOAEP(ctx, h, ck.SHA512, make([]byte, MaxRSA+1), make([]byte, MaxRSA+1)); err == nil || fake.Count("C_DecryptInit") != calls {
			t.Errorf("%s: an oversized input was accepted", name)
		}
	}
	if err := errors.Join(tok.Release(), m.Close()); err != nil || fake.Open() != 0 {
		t.Errorf("%v with %d sessions", err, fake.Open())
	}
}

// Peek sees public objects and logs nobody in.
func TestPeek(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	fake := cktest.New("t", pin)
	fake.AddRSA("kek", key)
	m := moduleFor(t, fake)
	find := func(c ck.Module, h ck.Session) (int, error) {
		found, err := c.FindObjects(h, []ck.Attribute{ck.String(ck.ALabel, "kek")}, 10)
		return len(found), err
	}
	n, label, err := Peek(context.Background(), m, &Selector{Label: "t"}, find)
	if n != 1 || label != "t" || err != nil || fake.Count("C_Login") != 0 || fake.Open() != 0 {
		t.Errorf("got %d on %q, %v, with %d logins and %d sessions left", n, label, err, fake.Count("C_Login"), fake.Open())
	}
	if _, _, err := Peek(context.Background(), m, &Selector{Label: "u"}, find); kindOf(err) != KindTokenNotFound {
		t.Errorf("got %v", err)
	}
	// A module that knows no read-only sessions.
	refused := false
	fake.Hook = func(f string, _ ck.Session) error {
		if f == "C_OpenSession" && !refused {
			refused = true
			return &ck.Error{Func: f, Code: ck.RSessionReadOnly}
		}
		return nil
	}
	if n, _, err := Peek(context.Background(), m, &Selector{}, find); n != 1 || err != nil || !refused {
		t.Errorf("got %d, %v", n, err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func TestRoundTrip(t *testing.T) {
	fake := cktest.New("t", pin)
	obj := fake.AddKey("k", make([]byte, 32))
	m, tok := openFake(t, fake, Options{})
	cancellable, cancel := context.WithCancel(context.Background())
	defer cancel()
	h := Handle{obj, tok.Epoch()}
	for name, ctx := range map[string]context.Context{"direct": context.Background(), "cancellable": cancellable} {
		t.Run(name, func(t *testing.T) {
			secret := bytes.Repeat([]byte{9}, 32)
			before := bytes.Clone(secret)
			iv := [12]byte{1}
			sealed := make([]byte, 48)
			n, err := tok.Generate(ctx, h, &iv, []byte("aad"), sealed, secret)
			if err != nil || n != 48 {
				t.Fatalf("got %d, %v", n, err)
			}
			if bytes.Equal(secret, before) {
				t.Error("the token's random bytes were not mixed in")
			}
			out := make([]byte, 48)
			n, err = tok.Decrypt(ctx, h, &iv, []byte("aad"), out, sealed)
			if err != nil || !bytes.Equal(out[:n], secret) {
				t.Fatalf("got %d, %v", n, err)
			}
			if n, err = tok.Encrypt(ctx, h, &iv, nil, sealed, out[:n]); err != nil || n != 48 {
				t.Fatalf("got %d, %v", n, err)
			}
			if _, err = tok.Decrypt(ctx, h, &iv, []byte("other"), out, sealed); ck.Code(err) != ck.RGeneralError {
				t.Fatalf("got %v, want CKR_GENERAL_ERROR", err)
			}
			if _, err = tok.Encrypt(ctx, Handle{obj, h.Epoch + 1}, &iv, nil, sealed, before); !errors.Is(err, ErrStale) {
				t.Fatalf("got %v, want ErrStale", err)
			}
			if _, err = tok.Encrypt(ctx, h, &iv, nil, sealed, make([]byte, MaxInput+1)); err == nil {
				t.Fatal("an oversized input was accepted")
			}
		})
	}
	if err := errors.Join(tok.Release(), m.Close()); err != nil {
		t.Fatal(err)
	}
	if fake.Open() != 0 || fake.Count("C_Finalize") != 1 {
		t.Errorf("%d sessions open, finalized %d times", fake.Open(), fake.Count("C_Finalize"))
	}
}

// A failed operation may poison its session, so none survives an error.
func TestSessionIsDroppedAfterAnError(t *testing.T) {
	fake := cktest.New("t", pin)
	obj := fake.AddKey("k", make([]byte, 32))
	_, tok := openFake(t, fake, Options{})
	for i, ctx := range []context.Context{context.Background(), t.Context()} {
		var used []ck.Session
		fake.Hook = func(f string, h ck.Session) error {
			if f == "C_Encrypt" {
				used = append(used, h)
				return &ck.Error{Func: f, Code: ck.ROperationActive}
			}
			return nil
		}
		iv := [12]byte{1}
		for range 2 {
			if _, err := tok.Encrypt(ctx, Handle{obj, 1}, &iv, nil, make([]byte, 48), make([]byte, 32)); Classify(err) != ClassSession {
				t.Fatalf("got %v", err)
			}
		}
		if used[0] == used[1] {
			t.Errorf("case %d: session %d was used again after an error", i, used[0])
		}
	}
}

func TestPoolIsBounded(t *testing.T) {
	fake := cktest.New("t", pin)
	obj := fake.AddKey("k", make([]byte, 32))
	_, tok := openFake(t, fake, Options{MaxSessions: 3})
	var inside, most atomic.Int32
	fake.Hook = func(f string, _ ck.Session) error {
		if f == "C_Encrypt" {
			n := inside.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			inside.Add(-1)
		}
		return nil
	}
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if i%2 == 0 {
				ctx = context.Background()
			}
			for range 50 {
				iv := [12]byte{1}
				if _, err := tok.Encrypt(ctx, Handle{obj, 1}, &iv, nil, make([]byte, 48), make([]byte, 32)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if fake.Peak() > 4 || most.Load() > 3 {
		t.Errorf("got %d sessions with the anchor and %d calls at once, want at most 4 and 3", fake.Peak(), most.Load())
	}
}

func TestPoolShrinksAtTheTokensLimit(t *testing.T) {
	fake := cktest.New("t", pin)
	obj := fake.AddKey("k", make([]byte, 32))
	fake.MaxOpen = 3 // the anchor and two
	_, tok := openFake(t, fake, Options{MaxSessions: 8})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 50 {
				iv := [12]byte{1}
				if _, err := tok.Encrypt(t.Context(), Handle{obj, 1}, &iv, nil, make([]byte, 48), make([]byte, 32)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := tok.Sessions(); n < 1 || n > 2 {
		t.Errorf("got %d work sessions", n)
	}
	fake.MaxOpen = 1
	_, tok = openFake(t, cktestWithLimit(1), Options{})
	iv := [12]byte{1}
	if _, err := tok.Encrypt(t.Context(), Handle{1, 1}, &iv, nil, make([]byte, 48), make([]byte, 32)); Classify(err) != ClassLoad {
		t.Errorf("no session at all: got %v", err)
	}
}

func cktestWithLimit(n int) *cktest.Module {
	fake := cktest.New("t", pin)
	fake.AddKey("k", make([]byte, 32))
	fake.MaxOpen = n
	return fake
}

func TestPoolSize(t *testing.T) {
	for _, tc := range []struct{ asked, limit, min, max int }{
		{0, 0, 4, 8}, {3, 0, 3, 3}, {0, 4, 2, 2}, {16, 10, 8, 8}, {0, 1, 1, 1}, {2, 1024, 2, 2},
	} {
		if n := poolSize(tc.asked, tc.limit); n < tc.min || n > tc.max {
			t.Errorf("poolSize(%d, %d): got %d, want %d to %d", tc.asked, tc.limit, n, tc.min, tc.max)
		}
	}
}

// A hung call keeps its session and its place; the caller leaves with its context. When all are hung, nobody waits for a session in vain; when
// they return, the pool works again.
func TestHungCalls(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		fake := cktest.New("t", pin)
		obj := fake.AddKey("k", make([]byte, 32))
		m, tok := openFake(t, fake, Options{MaxSessions: 2})
		stuck := make(chan struct{})
		fake.Hook = func(f string, _ ck.Session) error {
			if f == "C_Encrypt" {
				<-stuck
			}
			return nil
		}
		encrypt := func(ctx context.Context) error {
			iv := [12]byte{1}
			_, err := tok.Encrypt(ctx, Handle{obj, 1}, &iv, nil, make([]byte, 48), make([]byte, 32))
			return err
		}
		errs := make(chan error, 2)
		for range 2 {
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				errs <- encrypt(ctx)
			}()
		}
		for range 2 {
			if err := <-errs; !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("got %v, want the deadline", err)
			}
		}
		if err := encrypt(context.Background()); kindOf(err) != KindHung {
			t.Fatalf("got %v, want KindHung", err)
		}
		if err := m.Gate.Enter(); err != nil {
			t.Fatal(err)
		}
		m.Gate.Leave()
		if m.Gate.ShutWithin(0) {
			t.Fatal("the module counts no call although two hang in it")
		}
		close(stuck)
		synctest.Wait()
		if tok.Sessions() != 0 {
			t.Errorf("%d sessions of abandoned calls are open", tok.Sessions())
		}
		if err := encrypt(context.Background()); err != nil {
			t.Errorf("after the calls returned: %v", err)
		}
		if err := errors.Join(tok.Release(), m.Close()); err != nil {
			t.Error(err)
		}
	})
}

// Close under a hung call leaks instead of finalizing under it.
func TestCloseUnderAHungCall(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		fake := cktest.New("t", pin)
		obj := fake.AddKey("k", make([]byte, 32))
		m, tok := openFake(t, fake, Options{})
		stuck := make(chan struct{})
		fake.Hook = func(f string, _ ck.Session) error {
			if f == "C_Encrypt" {
				<-stuck
			}
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		iv := [12]byte{1}
		if _, err := tok.Encrypt(ctx, Handle{obj, 1}, &iv, nil, make([]byte, 48), make([]byte, 32)); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		if err := tok.Release(); err != nil {
			t.Error(err)
		}
		if err := m.Close(); !errors.Is(err, module.ErrBusy) {
			t.Errorf("got %v, want ErrBusy", err)
		}
		if n := fake.Count("C_Finalize"); n != 0 {
			t.Errorf("finalized %d times under a call", n)
		}
		close(stuck)
		synctest.Wait()
		if fake.Open() != 0 {
			t.Errorf("%d sessions are left", fake.Open())
		}
	})
}

// A session that takes too long to open is closed when it arrives.
func TestHungOpen(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		fake := cktest.New("t", pin)
		obj := fake.AddKey("k", make([]byte, 32))
		_, tok := openFake(t, fake, Options{MaxSessions: 1})
		stuck := make(chan struct{})
		fake.Hook = func(f string, _ ck.Session) error {
			if f == "C_OpenSession" {
				<-stuck
			}
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		iv := [12]byte{1}
		if _, err := tok.Encrypt(ctx, Handle{obj, 1}, &iv, nil, make([]byte, 48), make([]byte, 32)); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		// The only session is held by a call that does not return.
		if _, err := tok.Encrypt(context.Background(), Handle{obj, 1}, &iv, nil, make([]byte, 48), make([]byte, 32)); kindOf(err) != KindHung {
			t.Errorf("got %v, want KindHung", err)
		}
		close(stuck)
		synctest.Wait()
		if fake.Open() != 1 {
			t.Errorf("got %d sessions, want the anchor only", fake.Open())
		}
		if _, err := tok.Encrypt(context.Background(), Handle{obj, 1}, &iv, nil, make([]byte, 48), make([]byte, 32)); err != nil {
			t.Error(err)
		}
	})
}

func TestIdleSessionsAreClosed(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		fake := cktest.New("t", pin)
		_, tok := openFake(t, fake, Options{MaxSessions: 4})
		a, _ := tok.acquire(context.Background())
		b, _ := tok.acquire(context.Background())
		tok.put(a)
		tok.put(b)
		if n := tok.Sessions(); n != 2 {
			t.Fatalf("got %d sessions, want 2", n)
		}
		time.Sleep(idleLimit + time.Second)
		c, _ := tok.acquire(context.Background())
		if c != b {
			t.Error("the pool is not last in, first out")
		}
		tok.put(c)
		if n := tok.Sessions(); n != 1 {
			t.Errorf("got %d sessions after the idle limit, want 1", n)
		}
	})
}

func TestWrongPINIsSentOnce(t *testing.T) {
	fake := cktest.New("t", pin)
	m := moduleFor(t, fake)
	open := func(pin string) error {
		tok, err := Open(context.Background(), m, &Selector{Label: "t"}, asks(pin), Options{})
		if err == nil {
			defer tok.Release()
		}
		return err
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if err := open("9999"); kindOf(err) != KindPINIncorrect {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if n := fake.Count("C_Login"); n != 1 {
		t.Fatalf("the wrong PIN was sent %d times", n)
	}
	if err := open(pin); err != nil {
		t.Fatalf("the right PIN after a wrong one: %v", err)
	}
	// The right login has cleared the token's counter: what was wrong may be right now, and gets one more try.
	if err := open("9999"); kindOf(err) != KindPINIncorrect || fake.Count("C_Login") != 3 {
		t.Errorf("got %v after %d logins", err, fake.Count("C_Login"))
	}
	for i := range 10 {
		open(fmt.Sprint("wrong", i))
	}
	if n := fake.Count("C_Login"); n != 3+4 {
		t.Errorf("got %d logins for 10 more wrong PINs, want 7 in all", n)
	}
}

func TestPINIsNotSent(t *testing.T) {
	for _, tc := range []struct {
		name  string
		flags uint
		ask   func(context.Context) ([]byte, error)
		want  Kind
	}{
		{"none configured", 0, nil, KindPINRequired},
		{"empty", 0, asks(""), KindPINRequired},
		{"only a line ending", 0, asks("\r\n"), KindPINRequired},
		{"not obtained", 0, func(context.Context) ([]byte, error) { return nil, os.ErrNotExist }, KindPINRequired},
		{"keypad", ck.FlagProtectedAuthPath, nil, KindUnsupported},
		{"locked", ck.FlagUserPINLocked, asks(pin), KindPINLocked},
		{"final try", ck.FlagUserPINFinalTry, asks(pin), KindPINLocked},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fake := cktest.New("t", pin)
			fake.Token.Flags |= tc.flags
			_, err := Open(context.Background(), moduleFor(t, fake), &Selector{}, tc.ask, Options{})
			if kindOf(err) != tc.want || fake.Count("C_Login") != 0 {
				t.Errorf("got %v after %d logins", err, fake.Count("C_Login"))
			}
			if fake.Open() != 0 {
				t.Errorf("%d sessions are left", fake.Open())
			}
		})
	}
}

func TestPINIsTrimmedAndWiped(t *testing.T) {
	fake := cktest.New("t", pin)
	m := moduleFor(t, fake)
	given := []byte(pin + "\r\n")
	tok, err := Open(context.Background(), m, &Selector{}, func(context.Context) ([]byte, error) { return given, nil }, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(given, []byte(pin)) {
		t.Error("the PIN was not wiped")
	}
	again, err := Open(context.Background(), m, &Selector{Serial: "0001"}, asks(pin), Options{})
	if err != nil || again != tok {
		t.Errorf("the token is not shared: %v", err)
	}
	if _, err = Open(context.Background(), m, &Selector{}, asks("9999"), Options{}); kindOf(err) != KindPINIncorrect {
		t.Errorf("a second keyring with another PIN: got %v", err)
	}
	if n := fake.Count("C_Login"); n != 1 {
		t.Errorf("got %d logins, want 1", n)
	}
}

func TestTokenWithoutLogin(t *testing.T) {
	fake := cktest.New("t", pin)
	fake.Token.Flags &^= ck.FlagLoginRequired
	if _, err := Open(context.Background(), moduleFor(t, fake), &Selector{}, nil, Options{}); err != nil || fake.Count("C_Login") != 0 {
		t.Errorf("got %v after %d logins", err, fake.Count("C_Login"))
	}
}

func TestFind(t *testing.T) {
	fake := cktest.New("t", pin)
	m := moduleFor(t, fake)
	slot, other := uint64(cktest.Slot), uint64(1)
	for _, tc := range []struct {
		name string
		s    Selector
		want bool
	}{
		{"any", Selector{}, true},
		{"all", Selector{Label: "t", Serial: "0001", Manufacturer: "cktest", Model: "memory", Slot: &slot, SlotDescription: "slot",
			SlotManufacturer: "cktest", LibraryDescription: "memory", LibraryManufacturer: "cktest", LibraryVersion: "2.6"}, true},
		{"library major", Selector{LibraryVersion: "2"}, true},
		{"label", Selector{Label: "T"}, false},
		{"serial", Selector{Serial: "1"}, false},
		{"manufacturer", Selector{Manufacturer: "x"}, false},
		{"model", Selector{Model: "x"}, false},
		{"slot", Selector{Slot: &other}, false},
		{"slot description", Selector{SlotDescription: "x"}, false},
		{"slot manufacturer", Selector{SlotManufacturer: "x"}, false},
		{"library description", Selector{LibraryDescription: "x"}, false},
		{"library manufacturer", Selector{LibraryManufacturer: "x"}, false},
		{"library version", Selector{LibraryVersion: "2.7"}, false},
		{"label right and serial wrong", Selector{Label: "t", Serial: "x"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := Find(context.Background(), m, &tc.s)
			if tc.want && (err != nil || p.Slot != cktest.Slot) {
				t.Errorf("got %v", err)
			}
			if !tc.want && kindOf(err) != KindTokenNotFound {
				t.Errorf("got %v, want not found", err)
			}
		})
	}
	fake.Hook = func(f string, _ ck.Session) error {
		if f == "C_GetTokenInfo" {
			return &ck.Error{Func: f, Code: ck.RGeneralError}
		}
		return nil
	}
	if _, err := Find(context.Background(), m, &Selector{}); kindOf(err) != KindUnavailable {
		t.Errorf("silent slot: got %v, want unavailable", err)
	}
}

func TestProbe(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		fake := cktest.New("t", pin)
		_, tok := openFake(t, fake, Options{})
		probes := func() int { return fake.Count("C_GenerateRandom") }
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := tok.Probe(context.Background(), false); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if probes() != 1 {
			t.Errorf("got %d probes for 8 at once, want 1", probes())
		}
		tok.Probe(context.Background(), true)
		time.Sleep(probeInterval)
		tok.Probe(context.Background(), false)
		if probes() != 3 {
			t.Errorf("got %d probes, want 3", probes())
		}
		fake.Token.Serial = "0002"
		if err := tok.Probe(context.Background(), true); kindOf(err) != KindUnavailable {
			t.Errorf("another token in the slot: got %v", err)
		}
	})
}

func TestClassify(t *testing.T) {
	for code, want := range map[uint]Class{
		ck.REncryptedDataInvalid: ClassData, ck.RAEADDecryptFailed: ClassData, ck.RSessionClosed: ClassSession, ck.ROperationActive: ClassSession,
		ck.RObjectHandleInvalid: ClassLogin, ck.RUserNotLoggedIn: ClassLogin, ck.RDeviceRemoved: ClassDevice, ck.RCryptokiNotInitialized: ClassDevice,
		ck.RSessionCount: ClassLoad, ck.RGeneralError: ClassUnclear, ck.RVendorDefined + 1: ClassUnclear, 0x77: ClassUnclear,
		ck.RMechanismInvalid: ClassPermanent, ck.RKeyFunctionNotPermitted: ClassPermanent, ck.RPINLocked: ClassPermanent,
	} {
		if got := Classify(&ck.Error{Func: "C_Decrypt", Code: code}); got != want {
			t.Errorf("%s: got %d, want %d", ck.CodeName(code), got, want)
		}
	}
	if Classify(ErrStale) != ClassLogin || Classify(errors.New("x")) != ClassPermanent {
		t.Error("errors without a code are classified wrongly")
	}
}

func BenchmarkOverhead(b *testing.B) {
	fake := new(nullModule)
	path := filepath.Join(b.TempDir(), "fake.so")
	os.WriteFile(path, nil, 0o600)
	r := module.NewRegistry(func(string) (ck.Module, error) { return fake, nil })
	m, err := r.Open(context.Background(), path)
	if err != nil {
		b.Fatal(err)
	}
	tok, err := Open(context.Background(), m, &Selector{}, asks(pin), Options{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for name, ctx := range map[string]context.Context{"direct": context.Background(), "cancellable": ctx} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			iv, src, dst, aad := [12]byte{1}, make([]byte, 32), make([]byte, 48), make([]byte, 64)
			for b.Loop() {
				if _, err := tok.Encrypt(ctx, Handle{1, 1}, &iv, aad, dst, src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// nullModule does nothing, so that what is measured is everything around it.
type nullModule struct{ ck.Module }

func (*nullModule) Initialize(string) error      { return nil }
func (*nullModule) Info() (ck.Info, error)       { return ck.Info{}, nil }
func (*nullModule) SlotList() ([]ck.Slot, error) { return []ck.Slot{1}, nil }
func (*nullModule) TokenInfo(ck.Slot) (ck.TokenInfo, error) {
	return ck.TokenInfo{Flags: ck.FlagTokenInitialized}, nil
}
func (*nullModule) SlotInfo(ck.Slot) (ck.SlotInfo, error)         { return ck.SlotInfo{}, nil }
func (*nullModule) OpenSession(ck.Slot, bool) (ck.Session, error) { return 1, nil }
func (*nullModule) Encrypt(_ ck.Session, _ ck.Object, _ *ck.GCM, dst, src []byte) (int, error) {
	return len(src) + 16, nil
}
