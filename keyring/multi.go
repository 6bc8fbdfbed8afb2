package keyring

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/signetkeys/signet"
)

// MultiOptions say which keyrings wrap every data key. At least one keyring is needed; a multi-keyring without a generator can decrypt,
// and can be a child of another.
type MultiOptions struct {
	// Generator makes the data key and wraps it first.
	Generator Keyring
	// Children wrap the same data key, in parallel; a failure of one fails the operation.
	Children []Keyring
	// Optional children wrap it too, but a failure of one is only reported, in [Wrapped.Degraded]. Decrypt-only keyrings are allowed
	// here: they serve older messages and are not asked to wrap.
	Optional []Keyring
	// OptionalTimeout is how long the optional children are waited for once all others have wrapped; one that takes longer counts as
	// unavailable. 0 means as long as the context allows, so that one optional key that hangs holds up every write.
	OptionalTimeout time.Duration
	// MinWrapped is how many keyrings, the generator included, must have wrapped the data key for the operation to succeed. 0 means
	// the generator and every required child.
	MinWrapped int
	// Hedge is how long a decrypt waits for the keyring asked last before it asks the next one as well. The first that opens wins: the
	// contexts of the others are cancelled and what they still return is destroyed. A keyring that was passed over without an answer is
	// among the [Unwrapped.Attempts], as unavailable. 0 means never: each keyring is asked when the one before it has failed, so that
	// one that hangs holds up every read.
	Hedge time.Duration
}

// NewMulti makes a keyring of several: any one of them can later open what they wrapped together. Its EDKs are in the order generator,
// children, optional children. On decrypt they are tried in that order and the first success wins.
//
// As in every implementation of the format, a multi-keyring with a generator refuses a data key that exists already, so it cannot be a
// child, and one without refuses to make one, so it cannot be a generator. What cannot work is refused here; errors are [*ConfigError].
func NewMulti(o MultiOptions) (Keyring, error) {
	m := &multi{generator: o.Generator, required: len(o.Children), min: o.MinWrapped, patience: o.OptionalTimeout, hedge: o.Hedge}
	if o.OptionalTimeout < 0 {
		return nil, &ConfigError{"multi-keyring: OptionalTimeout is negative"}
	}
	if o.Hedge < 0 {
		return nil, &ConfigError{"multi-keyring: Hedge is negative"}
	}
	if g := o.Generator; g != nil {
		if !canEncrypt(g) {
			return nil, &ConfigError{"multi-keyring: the generator is decrypt-only"}
		}
		if inner, ok := g.(*multi); ok && inner.generator == nil {
			return nil, &ConfigError{"multi-keyring: the generator is a multi-keyring without a generator"}
		}
		m.readers = append(m.readers, g)
	}
	for i, c := range append(append([]Keyring(nil), o.Children...), o.Optional...) {
		if c == nil {
			return nil, &ConfigError{fmt.Sprintf("multi-keyring: child %d is nil", i)}
		}
		if inner, ok := c.(*multi); ok && inner.generator != nil {
			return nil, &ConfigError{fmt.Sprintf("multi-keyring: child %d is a multi-keyring with a generator", i)}
		}
		m.readers = append(m.readers, c)
		if canEncrypt(c) {
			m.children = append(m.children, c)
			m.position = append(m.position, i)
		} else if i < m.required {
			return nil, &ConfigError{fmt.Sprintf("multi-keyring: child %d is decrypt-only", i)}
		}
	}
	if len(m.readers) == 0 {
		return nil, &ConfigError{"multi-keyring: no keyring given"}
	}
	wrappers := len(m.children)
	if m.generator != nil {
		wrappers++
	}
	if o.MinWrapped < 0 || o.MinWrapped > wrappers {
		return nil, &ConfigError{fmt.Sprintf("multi-keyring: MinWrapped is %d and %d keyrings can wrap", o.MinWrapped, wrappers)}
	}
	return m, nil
}

type multi struct {
	generator Keyring
	children  []Keyring // those that wrap; the first required ones are not optional
	position  []int     // of each in Children and Optional, as NewMulti's errors count them
	required  int
	min       int
	patience  time.Duration // for optional children
	hedge     time.Duration // 0: one reader after the other
	readers   []Keyring     // generator and all children
}

var (
	_ Keyring        = (*multi)(nil)
	_ EncryptChecker = (*multi)(nil)
)

func (m *multi) OnEncrypt(ctx context.Context, r *Request, dataKey *Secret) (*Wrapped, error) {
	switch {
	case m.generator != nil && dataKey != nil:
		return nil, &ConfigError{"multi-keyring: a multi-keyring with a generator cannot wrap a data key that exists already"}
	case m.generator == nil && dataKey == nil:
		return nil, &ConfigError{"multi-keyring: no generator, so no data key can be made"}
	}
	res := new(Wrapped)
	good := false
	defer func() { // also when a child panics
		if !good {
			res.destroy()
		}
	}()
	wrapped := 0
	if m.generator != nil {
		w, err := m.generator.OnEncrypt(ctx, r, nil)
		if err != nil {
			return nil, err
		}
		if err := m.checkGenerated(r, w); err != nil {
			w.destroy()
			return nil, err
		}
		// A result of our own: what a third party's keyring returned is not appended to.
		res.DataKey, res.EDKs, res.SigningKeys = w.DataKey, slices.Clone(w.EDKs), slices.Clone(w.SigningKeys)
		res.Degraded, dataKey, wrapped = slices.Clone(w.Degraded), w.DataKey, 1
	}
	results, err := m.wrapChildren(ctx, r, dataKey)
	if err != nil {
		for _, c := range results {
			if c.w != nil {
				c.w.destroy()
			}
		}
		return nil, err
	}
	var failed []Attempt
	for i, c := range results {
		if c.err != nil {
			a := silent("child", m.position[i], m.children[i], c.err)
			var we *WrapError
			if errors.As(c.err, &we) && len(we.Attempts) == 1 {
				a = we.Attempts[0]
			}
			failed = append(failed, a)
			continue
		}
		wrapped++
		res.EDKs = append(res.EDKs, c.w.EDKs...)
		res.SigningKeys = append(res.SigningKeys, c.w.SigningKeys...)
		res.Degraded = append(res.Degraded, c.w.Degraded...)
	}
	res.Degraded = append(res.Degraded, failed...)
	if need := max(m.min, 1); wrapped < need {
		return nil, &WrapError{Reason: fmt.Sprintf("%d of the required %d keyrings wrapped it", wrapped, need), Attempts: failed}
	}
	if err := checkEDKs(r.Suite, res.EDKs); err != nil {
		failed = append(failed, Attempt{EDK: -1, Provider: "multi-keyring", Err: err})
		return nil, &WrapError{Reason: "the keyrings' results are unusable together", Attempts: failed}
	}
	good = true
	return res, nil
}

func (m *multi) checkGenerated(r *Request, w *Wrapped) error {
	if err := w.complete(r.Suite); err != nil {
		return &WrapError{Reason: "the generator's result is unusable", Attempts: []Attempt{{EDK: -1, Provider: "generator", Err: err}}}
	}
	if w.DataKey == nil || w.DataKey.Len() != r.Suite.DataKeyLen() {
		return &WrapError{Reason: "the generator returned no data key of the suite's length"}
	}
	return nil
}

// silent is the trace of a member that does not speak for itself, by its key where that is known.
func silent(what string, i int, k Keyring, err error) Attempt {
	if s, ok := k.(*single); ok {
		return s.attempt(-1, err)
	}
	return Attempt{EDK: -1, Provider: what, Key: fmt.Sprint(i), Err: err}
}

type childResult struct {
	i     int
	w     *Wrapped
	err   error
	panic *childPanic
}

// childPanic carries a panic of a child's goroutine to whoever called the multi-keyring, as if it had called the child itself. A child that
// panics when nobody waits for it any more is dropped like a late result.
type childPanic struct {
	value any
	stack []byte
}

func (p *childPanic) String() string {
	return fmt.Sprintf("%v\n\nin a child keyring:\n%s", p.value, p.stack)
}

// wrapChildren runs all children at once and returns their results by position. The error is that of the first required child that
// failed, or of ctx; the results so far then still need destroying.
func (m *multi) wrapChildren(ctx context.Context, r *Request, dataKey *Secret) ([]childResult, error) {
	n := len(m.children)
	if n == 0 {
		return nil, nil
	}
	results := make([]childResult, n)
	if n == 1 && ctx.Done() == nil && (m.patience == 0 || m.required == 1) { // nothing can end the wait for it early
		results[0] = m.wrapChild(ctx, r, dataKey, 0)
		if results[0].err != nil && m.required == 1 {
			return nil, results[0].err
		}
		return results, nil
	}
	r = cloneRequest(r) // a child that ignores ctx can outlive this call
	childCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Buffered, and each child has its own copy of the key: a child that ignores ctx can finish after this call has returned.
	done := make(chan childResult, n)
	for i := range m.children {
		key := dataKey.Clone()
		go func() {
			defer key.Destroy()
			defer func() {
				if v := recover(); v != nil {
					done <- childResult{i: i, panic: &childPanic{v, debug.Stack()}}
				}
			}()
			done <- m.wrapChild(childCtx, r, key, i)
		}()
	}
	missing := m.required // required children still to come
	var enough <-chan time.Time
	for got := range n {
		if missing == 0 && enough == nil && m.patience > 0 {
			timer := time.NewTimer(m.patience)
			defer timer.Stop()
			enough = timer.C
		}
		var c childResult
		select {
		case c = <-done:
		case <-ctx.Done():
			go drain(done, n-got)
			return results, ctx.Err()
		case <-enough:
			go drain(done, n-got)
			for i := m.required; i < n; i++ {
				if r := &results[i]; r.w == nil && r.err == nil {
					r.err = fmt.Errorf("%w: no answer within %v", signet.ErrUnavailable, m.patience)
				}
			}
			return results, nil
		}
		if c.panic != nil {
			go drain(done, n-got-1)
			for _, other := range results {
				other.w.destroy()
			}
			panic(c.panic)
		}
		results[c.i] = c
		if c.i < m.required {
			missing--
		}
		switch {
		case c.err == nil:
		case ctx.Err() != nil: // an optional child that ran out of time is no reason to go on either
			go drain(done, n-got-1)
			return results, ctx.Err()
		case c.i < m.required:
			go drain(done, n-got-1)
			return results, c.err
		}
	}
	return results, nil
}

func (m *multi) wrapChild(ctx context.Context, r *Request, dataKey *Secret, i int) childResult {
	w, err := m.children[i].OnEncrypt(ctx, r, dataKey)
	if err == nil {
		if err = w.complete(r.Suite); err != nil {
			err = fmt.Errorf("the child's result is unusable: %w", err)
		} else if w.DataKey != nil {
			err = errors.New("the child made a data key of its own")
		}
	}
	if err != nil {
		w.destroy()
		return childResult{i: i, err: err}
	}
	return childResult{i: i, w: w}
}

// drain destroys what children return that nobody waits for any more.
func drain(done <-chan childResult, n int) {
	for range n {
		if c := <-done; c.w != nil {
			c.w.destroy()
		}
	}
}

func (m *multi) OnDecrypt(ctx context.Context, r *Request, edks []EncryptedDataKey) (*Unwrapped, error) {
	if m.hedge > 0 && len(m.readers) > 1 {
		return m.hedged(ctx, r, edks)
	}
	fail := &UnwrapError{EDKs: len(edks)}
	for i, k := range m.readers {
		if ctx.Err() != nil {
			fail.Attempts = append(fail.Attempts, Attempt{EDK: -1, Provider: "member", Key: fmt.Sprint(i), Err: ctx.Err()})
			break
		}
		u, err := k.OnDecrypt(ctx, r, edks)
		if err == nil && u == nil {
			err = errNoResult
		}
		if err == nil {
			u.Attempts = append(fail.Attempts, u.Attempts...)
			return u, nil
		}
		fail.Attempts = append(fail.Attempts, memberAttempts(i, err)...)
	}
	return nil, fail
}

// CanEncrypt reports whether any member wraps.
func (m *multi) CanEncrypt() bool { return m.generator != nil || len(m.children) > 0 }
