package module_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/cktest"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/module"
)

func file(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRegistrySharesByFile(t *testing.T) {
	fake := cktest.New("t", "1")
	loads := 0
	r := module.NewRegistry(func(string) (ck.Module, error) { loads++; return fake, nil })
	path := file(t, "m.so")
	link, hard := filepath.Join(t.TempDir(), "link.so"), filepath.Join(filepath.Dir(path), "hard.so")
	if err := errors.Join(os.Symlink(path, link), os.Link(path, hard)); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	var opened []*module.Module
	for _, p := range []string{path, link, hard} {
		m, err := r.Open(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		opened = append(opened, m)
	}
	if opened[0] != opened[1] || opened[0] != opened[2] || loads != 1 || fake.Count("C_Initialize") != 1 {
		t.Errorf("one file was loaded %d times and initialized %d times", loads, fake.Count("C_Initialize"))
	}
	if !r.Loaded(link) {
		t.Error("Loaded is false for a loaded module")
	}
	for i, m := range opened {
		if n := fake.Count("C_Finalize"); n != 0 {
			t.Errorf("finalized with %d users left", len(opened)-i)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if fake.Count("C_Finalize") != 1 || r.Loaded(path) {
		t.Error("the last Close did not finalize")
	}
	m, err := r.Open(ctx, path)
	if err != nil || fake.Count("C_Initialize") != 2 || loads != 1 {
		t.Errorf("reopening: %v, %d initializations, %d loads", err, fake.Count("C_Initialize"), loads)
	}
	m.Close()
}

func TestAdoptedModuleIsNotFinalized(t *testing.T) {
	fake := cktest.New("t", "1")
	if err := fake.Initialize(""); err != nil { // by other code of the process
		t.Fatal(err)
	}
	r := module.NewRegistry(func(string) (ck.Module, error) { return fake, nil })
	m, err := r.Open(context.Background(), file(t, "m.so"))
	if err != nil {
		t.Fatal(err)
	}
	if !m.Adopted() {
		t.Error("not adopted")
	}
	if err := m.Close(); err != nil || fake.Count("C_Finalize") != 0 {
		t.Errorf("got %v and %d C_Finalize", err, fake.Count("C_Finalize"))
	}
}

func TestPathsThatAreRefused(t *testing.T) {
	load := func(string) (ck.Module, error) { t.Error("loaded"); return nil, errors.New("x") }
	r := module.NewRegistry(load)
	loop := filepath.Join(t.TempDir(), "loop.so")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		loop:             "too many links",
		"libsofthsm2.so": "absolute", "./libsofthsm2.so": "absolute", "": "absolute", "/nonexistent/m.so": "no such file", os.TempDir(): "not a file",
	} {
		_, err := r.Open(context.Background(), path)
		var pe *module.PathError
		if !errors.As(err, &pe) || !strings.Contains(pe.Reason, want) {
			t.Errorf("%q: got %v, want %q", path, err, want)
		}
		if missing := want == "no such file"; pe != nil && pe.Missing != missing {
			t.Errorf("%q: Missing is %t", path, pe.Missing)
		}
	}
}

// A module that hangs in C_Initialize keeps others waiting no longer than their contexts.
func TestHungInitialize(t *testing.T) {
	path := file(t, "m.so")
	sharedtest.Bubble(t, func(t *testing.T) {
		fake := cktest.New("t", "1")
		stuck := make(chan struct{})
		fake.Hook = func(f string, _ ck.Session) error {
			if f == "C_Initialize" {
				<-stuck
			}
			return nil
		}
		r := module.NewRegistry(func(string) (ck.Module, error) { return fake, nil })
		for range 2 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			if _, err := r.Open(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			cancel()
		}
		close(stuck)
		synctest.Wait()
		if n := fake.Count("C_Finalize"); n != 1 {
			t.Errorf("what nobody waited for was finalized %d times, want 1", n)
		}
		m, err := r.Open(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
	})
}

func TestResolve(t *testing.T) {
	if _, err := module.Resolve("softhms2"); err == nil || !strings.Contains(err.Error(), "softhsm2") {
		t.Errorf("got %v, want the known names", err)
	}
	if !slices.Contains(module.Names(), "softhsm2") || !slices.IsSorted(module.Names()) {
		t.Errorf("got %v", module.Names())
	}
}

func TestGate(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		var g module.Gate
		if g.Enter() != nil || g.ShutWithin(time.Second) {
			t.Fatal("shut with somebody inside")
		}
		shut := make(chan bool)
		go func() { shut <- g.Shut() }()
		synctest.Wait()
		if err := g.Enter(); !errors.Is(err, module.ErrShut) {
			t.Errorf("got %v, want ErrShut", err)
		}
		select {
		case <-shut:
			t.Error("Shut did not wait")
		default:
		}
		g.Leave()
		if !<-shut || g.Shut() {
			t.Error("the first Shut is false or the second true")
		}
		g.Reopen()
		if g.Enter() != nil {
			t.Error("not reopened")
		}
		go func() {
			time.Sleep(time.Second)
			g.Leave()
		}()
		if !g.ShutWithin(2*time.Second) || g.ShutWithin(time.Second) {
			t.Error("ShutWithin did not wait, or shut twice")
		}
	})
}

type closer struct{ closed int }

func (c *closer) Close() error { c.closed++; return nil }

func TestShareOpensOnce(t *testing.T) {
	r := module.NewRegistry(func(string) (ck.Module, error) { return cktest.New("t", "1"), nil })
	m, err := r.Open(context.Background(), file(t, "m.so"))
	if err != nil {
		t.Fatal(err)
	}
	v, opens, dones := new(closer), 0, 0
	var mu sync.Mutex
	done := func() { mu.Lock(); dones++; mu.Unlock() }
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := module.Share(t.Context(), m, "k", func(*closer) error { return nil }, func() (*closer, error) { opens++; return v, nil }, done)
			if got != v || err != nil {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	wg.Wait()
	if opens != 1 || dones != 8 {
		t.Errorf("opened %d times and done %d times", opens, dones)
	}
	refused := errors.New("refused")
	if _, err := module.Share(t.Context(), m, "k", func(*closer) error { return refused }, nil, done); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	for range 8 {
		if v.closed != 0 {
			t.Fatal("closed with users left")
		}
		m.Unshare("k")
	}
	if v.closed != 1 {
		t.Errorf("closed %d times", v.closed)
	}
}

// Library parameters are given once. A module that runs with others, or with unknown ones, is refused instead of used on something else.
func TestParams(t *testing.T) {
	fake := cktest.New("t", "1")
	r := module.NewRegistry(func(string) (ck.Module, error) { return fake, nil })
	path, ctx := file(t, "m.so"), context.Background()
	a, err := r.OpenWith(ctx, path, "configdir='secret'")
	if err != nil || fake.Params != "configdir='secret'" {
		t.Fatalf("got %q, %v", fake.Params, err)
	}
	b, err := r.OpenWith(ctx, path, "configdir='secret'")
	if err != nil || fake.Count("C_Initialize") != 1 {
		t.Errorf("the same again: %v", err)
	}
	for _, params := range []string{"", "configdir='other'"} {
		_, err := r.OpenWith(ctx, path, params)
		var pe *module.ParamsError
		if !errors.As(err, &pe) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v", params, err)
		}
	}
	if err := errors.Join(a.Close(), b.Close()); err != nil || fake.Count("C_Finalize") != 1 {
		t.Fatalf("a refused Open was counted: %v, finalized %d times", err, fake.Count("C_Finalize"))
	}
	if c, err := r.OpenWith(ctx, path, "configdir='other'"); err != nil || fake.Params != "configdir='other'" {
		t.Errorf("after the last Close: %q, %v", fake.Params, err)
	} else if err := c.Close(); err != nil {
		t.Error(err)
	}

	if err := fake.Initialize("theirs"); err != nil { // by other code of the process
		t.Fatal(err)
	}
	var pe *module.ParamsError
	if _, err := r.OpenWith(ctx, path, "configdir='other'"); !errors.As(err, &pe) {
		t.Errorf("a module of other code: got %v", err)
	}
	m, err := r.Open(ctx, path)
	if err != nil || !m.Adopted() {
		t.Fatalf("adopting: %v", err)
	}
	if _, err := r.OpenWith(ctx, path, "theirs"); !errors.As(err, &pe) {
		t.Errorf("an adopted module: got %v", err)
	}
	before := fake.Count("C_Finalize")
	if err := m.Close(); err != nil || fake.Count("C_Finalize") != before {
		t.Errorf("an adopted module was finalized, %v", err)
	}
}
