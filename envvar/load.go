package envvar

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
)

// parallelism bounds the variables that are opened at once: each may be a call to a service or an HSM, and a program waits for all of them
// when it starts.
const parallelism = 8

// Load opens every encrypted variable of environ, which is what [os.Environ] returns. Call it once, when the program starts, and keep the
// result: each call asks the keyring once per variable, for up to eight at once. Plain variables are not looked at, unless Options.Require names
// them: one that is not set is signet.ErrNotFound, one that is not encrypted a *keyring.ConfigError.
//
// When one does not open there is no result, and the error is a [*LoadError] with all that did not. Without an encrypted variable the keyring may
// be nil. A variable that is set twice is refused if either is encrypted, since programs differ in which they take.
func Load(ctx context.Context, k keyring.Keyring, environ []string, o *Options) (*Values, error) {
	o = options(o)
	v := &values{environ: slices.Clone(environ), plain: map[string]string{}}
	found, marked := scan(environ)
	results := make([]result, len(marked))
	each(len(marked), func(i int) {
		r, m := &results[i], &marked[i]
		if found[m.name] > 1 {
			r.err = fmt.Errorf("%w: the variable is set %d times", signet.ErrMalformed, found[m.name])
			return
		}
		r.value, r.attempts, r.err = decrypt(ctx, k, m.name, m.text, o)
	})
	var failed LoadError
	for i, m := range marked {
		r := &results[i]
		if r.err != nil {
			failed.Variables = append(failed.Variables, &Error{"decrypt", m.name, r.err})
			continue
		}
		o.tell(m.name, r.attempts)
		v.environ[m.index] = m.name + "=" + r.value
		v.plain[m.name] = r.value
		v.names = append(v.names, m.name)
	}
	for _, name := range o.Require {
		if slices.ContainsFunc(marked, func(m variable) bool { return m.name == name }) {
			continue
		}
		err := fmt.Errorf("%w: it is not set", signet.ErrNotFound)
		if found[name] > 0 {
			err = &keyring.ConfigError{Reason: "it must be encrypted, and is not"}
		}
		failed.Variables = append(failed.Variables, &Error{"decrypt", name, err})
	}
	if len(failed.Variables) > 0 {
		return nil, &failed
	}
	return &Values{func() *values { return v }}, nil
}

// Encrypted returns the names of the encrypted variables of environ, in its order.
func Encrypted(environ []string) []string {
	_, marked := scan(environ)
	names := make([]string, len(marked))
	for i := range marked {
		names[i] = marked[i].name
	}
	return names
}

type variable struct {
	index      int // in environ
	name, text string
}

type result struct {
	value    string
	attempts []keyring.Attempt
	err      error
}

// scan counts the variables by name, and returns those that are encrypted.
func scan(environ []string) (found map[string]int, marked []variable) {
	found = make(map[string]int, len(environ))
	for i, entry := range environ {
		name, text, ok := strings.Cut(entry, "=")
		if !ok {
			continue
		}
		found[name]++
		if strings.HasPrefix(text, Prefix) {
			marked = append(marked, variable{i, name, text})
		}
	}
	return found, marked
}

// each calls work for 0 to n-1, several at once, the caller's goroutine included. A panic reaches the caller.
func each(n int, work func(i int)) {
	var next atomic.Int64
	var crash atomic.Pointer[crashed]
	run := func() {
		defer func() {
			if v := recover(); v != nil {
				next.Store(int64(n))
				crash.CompareAndSwap(nil, &crashed{v, debug.Stack()})
			}
		}()
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			work(i)
		}
	}
	var wg sync.WaitGroup
	for range min(n, parallelism) - 1 {
		wg.Go(run)
	}
	run()
	wg.Wait()
	if c := crash.Load(); c != nil {
		panic(c)
	}
}

// crashed carries a panic of a keyring to the caller of Load, who may recover from it.
type crashed struct {
	value any
	stack []byte
}

func (c *crashed) String() string { return fmt.Sprintf("%v\n\nin a worker:\n%s", c.value, c.stack) }

// Values are the variables that [Load] opened. They print as a placeholder. All methods are safe for concurrent use.
type Values struct {
	open func() *values // package fmt follows pointers in unexported fields without asking for methods, and cannot follow a function
}

type values struct {
	environ []string
	names   []string
	plain   map[string]string
}

// Lookup returns the plain value of an encrypted variable. It reports false for every other one, set or not, so that a secret that somebody
// set in the clear is not taken unnoticed.
func (v Values) Lookup(name string) (string, bool) {
	value, ok := v.open().plain[name]
	return value, ok
}

// Names returns the names of the variables that were opened, in the order of the environment. The slice is the caller's.
func (v Values) Names() []string { return slices.Clone(v.open().names) }

// Environ returns the whole environment with plain values in place of encrypted ones, for a program to be started. The slice is the caller's.
func (v Values) Environ() []string { return slices.Clone(v.open().environ) }

const redacted = "[values of variables]"

// Format prints a placeholder for every verb.
func (v Values) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// GoString returns a placeholder.
func (v Values) GoString() string { return redacted }

// LogValue returns a placeholder.
func (v Values) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns a placeholder.
func (v Values) MarshalText() ([]byte, error) { return []byte(redacted), nil }

var (
	_ fmt.Formatter  = Values{}
	_ slog.LogValuer = Values{}
)
