package envvar_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/envvar"
	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/keyring"
)

func TestLoad(t *testing.T) {
	environ := []string{"PATH=/bin", "B=" + encrypt(t, "B", "b=\n", nil), "ODD", "A=" + encrypt(t, "A", "", nil), "C=plain", "PATH=/usr/bin", "=C:=C:\\"}
	before := slices.Clone(environ)
	v, err := envvar.Load(t.Context(), newKeyring(t, "kek"), environ, &envvar.Options{Require: []string{"A"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(v.Names(), " "); got != "B A" || strings.Join(envvar.Encrypted(environ), " ") != got {
		t.Errorf("names %q", got)
	}
	if got, want := v.Environ(), []string{"PATH=/bin", "B=b=\n", "ODD", "A=", "C=plain", "PATH=/usr/bin", "=C:=C:\\"}; !slices.Equal(got, want) {
		t.Errorf("environment %q, want %q", got, want)
	}
	if !slices.Equal(environ, before) {
		t.Error("the caller's slice was changed")
	}
	for name, want := range map[string]string{"A": "", "B": "b=\n"} {
		if got, ok := v.Lookup(name); !ok || got != want {
			t.Errorf("%s: got %q, %t, want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"C", "PATH", "nosuch", ""} {
		if got, ok := v.Lookup(name); ok || got != "" {
			t.Errorf("%s is not an encrypted variable: got %q, %t", name, got, ok)
		}
	}
	v.Environ()[1] = "B=changed"
	v.Names()[0] = "changed"
	if v.Environ()[1] != "B=b=\n" || v.Names()[0] != "B" {
		t.Error("results share memory")
	}
}

func TestLoadNothing(t *testing.T) {
	v, err := envvar.Load(t.Context(), nil, []string{"A=b"}, nil)
	if err != nil || len(v.Names()) != 0 || !slices.Equal(v.Environ(), []string{"A=b"}) {
		t.Errorf("got %v, %v", v, err)
	}
	if _, err := envvar.Load(t.Context(), nil, []string{"A=" + encrypt(t, "A", "x", nil)}, nil); !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("no keyring: got %v", err)
	}
}

// One that does not open is enough for there to be no result, and all of them are told.
func TestLoadFailures(t *testing.T) {
	a := encrypt(t, "A", "canary-a", nil)
	environ := []string{"A=" + a, "MOVED=" + a, "BROKEN=signet:canary", "PLAIN=canary-plain", "TWICE=" + encrypt(t, "TWICE", "canary", nil), "TWICE=canary"}
	v, err := envvar.Load(t.Context(), newKeyring(t, "kek"), environ, &envvar.Options{Require: []string{"A", "PLAIN", "NOSUCH"}})
	var all *envvar.LoadError
	if v != nil || !errors.As(err, &all) {
		t.Fatalf("got %v, %v", v, err)
	}
	var names []string
	for _, e := range all.Variables {
		names = append(names, e.Name)
	}
	if got := strings.Join(names, " "); got != "MOVED BROKEN TWICE PLAIN NOSUCH" {
		t.Errorf("failed: %s", got)
	}
	for i, class := range []error{signet.ErrContext, envvar.ErrText, signet.ErrMalformed, signet.ErrPolicy, signet.ErrNotFound} {
		if !errors.Is(all.Variables[i], class) || !errors.Is(err, class) {
			t.Errorf("%v is not %v", all.Variables[i], class)
		}
	}
	if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has a value or a line break: %v", err)
	}
	var many []string
	for i := range 20 {
		many = append(many, fmt.Sprintf("V%d=signet:", i))
	}
	if _, err := envvar.Load(t.Context(), newKeyring(t, "kek"), many, nil); !strings.HasSuffix(err.Error(), "; and 12 more variables") {
		t.Errorf("got %v", err)
	}
}

// Variables are opened eight at once: 20 that take a second each take three.
func TestLoadInParallel(t *testing.T) {
	var environ []string
	for i := range 20 {
		name := fmt.Sprintf("V%d", i)
		environ = append(environ, name+"="+encrypt(t, name, name, nil))
	}
	sharedtest.Bubble(t, func(t *testing.T) {
		k := &hooked{newKeyring(t, "kek"), func(context.Context) error { time.Sleep(time.Second); return nil }}
		start := time.Now()
		v, err := envvar.Load(t.Context(), k, environ, nil)
		if err != nil || len(v.Names()) != 20 {
			t.Fatal(err)
		}
		if got := time.Since(start); got != 3*time.Second {
			t.Errorf("took %v, want 3s", got)
		}
	})
}

func TestLoadEndsWithItsContext(t *testing.T) {
	environ := []string{"A=" + encrypt(t, "A", "x", nil)}
	ctx, cancel := context.WithCancel(t.Context())
	k := &hooked{newKeyring(t, "kek"), func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() }}
	if v, err := envvar.Load(ctx, k, environ, nil); v != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestPanicReachesTheCaller(t *testing.T) {
	environ := []string{"A=" + encrypt(t, "A", "x", nil), "B=" + encrypt(t, "B", "x", nil), "C=" + encrypt(t, "C", "x", nil)}
	defer func() {
		if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), "keyring broke") {
			t.Errorf("recovered %v", v)
		}
	}()
	_, err := envvar.Load(t.Context(), &hooked{newKeyring(t, "kek"), func(context.Context) error { panic("keyring broke") }}, environ, nil)
	t.Errorf("returned %v", err)
}

// Who opened it in place of another key is told, for one variable after the other.
func TestAttempts(t *testing.T) {
	down := errors.New("down")
	failing := &hooked{newKeyring(t, "kek"), func(context.Context) error {
		return &keyring.UnwrapError{EDKs: 1, Attempts: []keyring.Attempt{{Provider: "down", Err: down}}}
	}}
	k, err := keyring.NewMulti(keyring.MultiOptions{Children: []keyring.Keyring{failing, newKeyring(t, "kek")}})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	tell := func(name string, attempts []keyring.Attempt) {
		told = append(told, name)
		if !slices.ContainsFunc(attempts, func(a keyring.Attempt) bool { return errors.Is(a.Err, down) }) {
			t.Errorf("%s: %v", name, attempts)
		}
	}
	environ := []string{"B=" + encrypt(t, "B", "x", nil), "A=" + encrypt(t, "A", "x", nil)}
	if _, err := envvar.Load(t.Context(), k, environ, &envvar.Options{OnAttempts: tell}); err != nil {
		t.Fatal(err)
	}
	if _, err := envvar.Decrypt(t.Context(), k, "A", environ[1][2:], &envvar.Options{OnAttempts: tell}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(told, " "); got != "B A A" {
		t.Errorf("told of %s", got)
	}
}

func TestValuesPrintNothing(t *testing.T) {
	v, err := envvar.Load(t.Context(), newKeyring(t, "kek"), []string{"A=" + encrypt(t, "A", "canary", nil)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	type holder struct{ v *envvar.Values }
	type copied struct{ v envvar.Values }
	var b strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%p", "%t"} {
		fmt.Fprintf(&b, verb, v)
		fmt.Fprintf(&b, verb, *v)
		fmt.Fprintf(&b, verb, holder{v})
		fmt.Fprintf(&b, verb, &holder{v})
		fmt.Fprintf(&b, verb, copied{*v})
		fmt.Fprintf(&b, verb, []*envvar.Values{v})
	}
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v, "w", *v)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v, "w", *v)
	for _, x := range []any{v, *v, map[string]any{"v": v}} {
		text, err := json.Marshal(x)
		if err != nil {
			t.Error(err)
		}
		b.Write(text)
	}
	if strings.Contains(b.String(), "canary") || strings.Contains(b.String(), "63616e617279") {
		t.Errorf("prints its values: %s", b.String())
	}
}

func TestConcurrentUse(t *testing.T) {
	v, err := envvar.Load(t.Context(), newKeyring(t, "kek"), []string{"A=" + encrypt(t, "A", "x", nil)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got, ok := v.Lookup("A"); !ok || got != "x" || len(v.Environ()) != 1 || len(v.Names()) != 1 {
				t.Error("wrong")
			}
		})
	}
	wg.Wait()
}
