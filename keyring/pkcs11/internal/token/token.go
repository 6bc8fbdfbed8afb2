package token

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/module"
)

// Token is a logged-in token with its pool of sessions, shared by every keyring of the process that uses it. It is safe for concurrent use.
type Token struct {
	mod  *module.Module
	slot ck.Slot
	info ck.TokenInfo
	rng  bool

	pin       *module.PINDigest // nil when the token needs no login
	anchor    ck.Session
	readWrite bool // the module refused read-only sessions

	// epoch counts logins. Handles and sessions of another epoch are not used.
	epoch atomic.Uint64

	slots chan struct{} // one element per work session in use; its capacity is the maximum
	max   int

	mu        sync.Mutex
	idle      []*session    // last in, first out
	live      int           // work sessions that are open
	shrunk    int           // elements of slots that the token's own session limit took away
	abandoned int           // calls that nobody waits for any more
	hung      chan struct{} // closed while every session is held by an abandoned call
	closed    bool

	closers sync.WaitGroup

	probing chan struct{} // held by the one probe at a time
	passed  time.Time     // when the token passed its last probe
}

// Options of [Open].
type Options struct {
	MaxSessions int // 0 means the default: about four
}

func key(p *Place) string { return fmt.Sprintf("%d/%s/%s", p.Slot, p.Info.Serial, p.Info.Label) }

// Open finds the token, logs in once, and shares it. ask may be nil for tokens that need no login. Each success needs one [Token.Release].
// The slice that ask returns becomes Open's and is wiped.
func Open(ctx context.Context, m *module.Module, s *Selector, ask func(ctx context.Context) ([]byte, error), o Options) (*Token, error) {
	p, err := Find(ctx, m, s)
	if err != nil {
		return nil, err
	}
	var pin []byte
	if p.Info.Flags&ck.FlagLoginRequired != 0 {
		if pin, err = askPIN(ctx, p, ask); err != nil {
			return nil, err
		}
	}
	t, err := module.Share(ctx, m, key(p), func(t *Token) error { return t.checkPIN(pin) },
		func() (*Token, error) { return open(m, p, pin, o) },
		func() { clear(pin) })
	return t, loginFailure(err)
}

func askPIN(ctx context.Context, p *Place, ask func(ctx context.Context) ([]byte, error)) ([]byte, error) {
	if ask == nil {
		if p.Info.Flags&ck.FlagProtectedAuthPath != 0 {
			return nil, &Failure{Kind: KindUnsupported, Detail: "the token wants its PIN on its own keypad, which is not supported"}
		}
		return nil, &Failure{Kind: KindPINRequired, Detail: "the token requires a PIN and none is configured"}
	}
	pin, err := ask(ctx)
	if err != nil {
		return nil, &Failure{Kind: KindPINRequired, Detail: "the PIN could not be obtained", Err: err}
	}
	// A file that an editor wrote ends in a line ending, and no PIN does.
	if line, ok := bytes.CutSuffix(pin, []byte("\n")); ok {
		pin = bytes.TrimSuffix(line, []byte("\r"))
	}
	if len(pin) == 0 {
		return nil, &Failure{Kind: KindPINRequired, Detail: "the PIN is empty"}
	}
	return pin, nil
}

// checkPIN compares with the PIN that logged in: the token itself would say CKR_USER_ALREADY_LOGGED_IN to any PIN.
func (t *Token) checkPIN(pin []byte) error {
	if t.pin == nil || t.pin.Matches(pin) {
		return nil
	}
	return &Failure{Kind: KindPINIncorrect, Detail: "another keyring of this process is logged in with another PIN, and the token verifies none while it is"}
}

func loginFailure(err error) error {
	var l *module.LoginError
	if !errors.As(err, &l) {
		return err
	}
	f := &Failure{Kind: KindPINIncorrect, Detail: l.Reason, Err: &ck.Error{Func: "C_Login", Code: l.Code}}
	if l.Code == ck.RPINLocked {
		f.Kind = KindPINLocked
	}
	return f
}

func open(m *module.Module, p *Place, pin []byte, o Options) (*Token, error) {
	t := &Token{mod: m, slot: p.Slot, info: p.Info, rng: p.Info.Flags&ck.FlagRNG != 0,
		probing: make(chan struct{}, 1), hung: make(chan struct{})}
	t.max = poolSize(o.MaxSessions, p.Info.SessionLimit())
	t.slots = make(chan struct{}, t.max)
	if err := t.logIn(pin); err != nil {
		return nil, err
	}
	return t, nil
}

// poolSize: about four sessions are faster than one and kinder to latency than many. Two of the token's own limit stay free, for
// the anchor and for other programs.
func poolSize(asked, limit int) int {
	n := asked
	if n <= 0 {
		n = min(8, max(4, 2*runtime.GOMAXPROCS(0)))
	}
	if limit > 0 {
		n = min(n, max(1, limit-2))
	}
	return n
}

// logIn opens the anchor, a session that does nothing but keep the login alive, and starts an epoch.
func (t *Token) logIn(pin []byte) error {
	anchor, err := t.mod.OpenSession(t.slot, false)
	if err != nil && Classify(err) == ClassPermanent {
		// Some HSMs know only read-write sessions.
		if anchor, err = t.mod.OpenSession(t.slot, true); err == nil {
			t.readWrite = true
		}
	}
	if err != nil {
		return err
	}
	if pin != nil {
		if err := t.mod.Login(anchor, t.slot, &t.info, pin); err != nil {
			t.mod.CloseSession(anchor)
			return err
		}
		t.pin = module.NewPINDigest(pin)
	}
	t.anchor = anchor
	t.epoch.Add(1)
	return nil
}

// Release gives up one use. The last one closes the sessions, with which the login ends.
func (t *Token) Release() error {
	return t.mod.Unshare(key(&Place{Slot: t.slot, Info: t.info}))
}

// Close closes the sessions. It is called by the module when the last user released the token; no call waits for a session any more.
// A call that was abandoned closes its own session when it returns.
func (t *Token) Close() error {
	t.mu.Lock()
	t.closed = true
	idle := t.idle
	t.idle = nil
	t.mu.Unlock()
	for _, s := range idle {
		s.retire()
	}
	t.closers.Wait()
	t.mod.CloseSession(t.anchor) // an error means that it is gone already
	return nil
}

// Label and Serial identify the token to people.
func (t *Token) Label() string { return t.info.Label }

// Serial: see Label.
func (t *Token) Serial() string { return t.info.Serial }

// Slot is the slot's number, which may change whenever the module is initialized.
func (t *Token) Slot() ck.Slot { return t.slot }

// Epoch is the number of the current login.
func (t *Token) Epoch() uint64 { return t.epoch.Load() }

// Offers reports whether a slot offers a mechanism for all the uses in flags. The caller is inside the module's gate.
func Offers(m ck.Module, slot ck.Slot, mechanism, flags uint) (bool, error) {
	list, err := m.Mechanisms(slot)
	if err != nil || !slices.Contains(list, mechanism) {
		return false, err
	}
	info, err := m.MechanismInfo(slot, mechanism)
	if ck.Code(err) == ck.RMechanismInvalid {
		return false, nil
	}
	return info.Flags&flags == flags, err
}

// Offers reports whether the token offers a mechanism for all the uses in flags.
func (t *Token) Offers(ctx context.Context, mechanism, flags uint) (bool, error) {
	return module.Call(ctx, t.mod, func(m ck.Module) (bool, error) { return Offers(m, t.slot, mechanism, flags) })
}
