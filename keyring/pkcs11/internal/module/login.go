package module

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
)

// A PINDigest recognizes a PIN without keeping it. It does not protect a short PIN against who can read the process's memory.
type PINDigest struct{ salt, sum [sha256.Size]byte }

// NewPINDigest makes the digest of pin under a fresh salt.
func NewPINDigest(pin []byte) *PINDigest {
	d := new(PINDigest)
	rand.Read(d.salt[:])
	d.sum = d.of(pin)
	return d
}

func (d *PINDigest) of(pin []byte) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, d.salt[:])
	h.Write(pin)
	h.Sum(sum[:0])
	return sum
}

// Matches reports whether pin is the PIN of the digest.
func (d *PINDigest) Matches(pin []byte) bool {
	sum := d.of(pin)
	return hmac.Equal(sum[:], d.sum[:])
}

// latch remembers for one token which PINs it refused, for the life of the process: a wrong PIN is never sent a second time, because tokens
// lock after a few.
type latch struct {
	refused []refusal
	proven  *PINDigest // of the PIN that logged in last
}

type refusal struct {
	digest   *PINDigest
	code     uint
	countLow bool // the token showed CKF_USER_PIN_COUNT_LOW after it
}

// maxRefused bounds how many different PINs may fail before no more are sent: none is worth a sixth try.
const maxRefused = 5

// LoginError is a refused login.
type LoginError struct {
	Code uint // the return value of C_Login, or the one that it would have had
	// Latched: nothing was sent, because this PIN had been refused before or the token must be left alone.
	Latched bool
	Reason  string
}

// Error implements error. It never holds the PIN.
func (e *LoginError) Error() string {
	return fmt.Sprintf("login: %s (%s)", e.Reason, ck.CodeName(e.Code))
}

// Login logs the normal user in to the token that info describes, at most once per wrong PIN. The caller is inside [Share]'s open, which
// serializes it, and inside the gate. CKR_USER_ALREADY_LOGGED_IN counts as success on an adopted module, where the PIN
// then stays unverified. When an earlier login of this process lasts, because a call that was left behind keeps its session, the PIN must be the one that
// logged in.
func (m *Module) Login(h ck.Session, slot ck.Slot, info *ck.TokenInfo, pin []byte) error {
	key := info.Serial + "\x00" + info.Label + "\x00" + info.Manufacturer
	l := m.latches[key]
	if l == nil {
		l = new(latch)
		m.latches[key] = l
	}
	// The flags are read under the lock that serializes logins: older ones would not show the last failure.
	now, err := m.ck.TokenInfo(slot)
	if err != nil {
		return err
	}
	if err := l.check(now.Flags, pin); err != nil {
		return err
	}
	m.sessions.Lock()
	err = m.ck.Login(h, ck.User, pin)
	m.sessions.Unlock()
	code := ck.Code(err)
	switch code {
	case ck.ROK:
		if err == nil {
			l.proven = NewPINDigest(pin)
		}
	case ck.RUserAlreadyLoggedIn:
		if l.proven != nil && !l.proven.Matches(pin) {
			return &LoginError{Code: ck.RPINIncorrect, Latched: true,
				Reason: "an earlier login of this process lasts, because a call has not returned, and it was with another PIN"}
		}
		return nil
	case ck.RPINIncorrect, ck.RPINInvalid, ck.RPINLenRange, ck.RPINExpired, ck.RPINLocked:
		after, infoErr := m.ck.TokenInfo(slot)
		l.refused = append(l.refused, refusal{NewPINDigest(pin), code, infoErr == nil && after.Flags&ck.FlagUserPINCountLow != 0})
		return &LoginError{Code: code, Reason: reasonOf(code)}
	}
	return err
}

func reasonOf(code uint) string {
	switch code {
	case ck.RPINLocked:
		return "the PIN is locked"
	case ck.RPINExpired:
		return "the PIN has expired and must be changed"
	case ck.RPINLenRange, ck.RPINInvalid:
		return "the PIN does not have the token's form"
	}
	return "the PIN is wrong"
}

// check refuses what must not be sent: an empty PIN, a PIN that failed before, anything to a token that is locked or one try away from it.
func (l *latch) check(flags uint, pin []byte) error {
	switch {
	case len(pin) == 0:
		return &LoginError{Code: ck.RPINLenRange, Latched: true, Reason: "a PIN is required"}
	case flags&ck.FlagUserPINLocked != 0:
		return &LoginError{Code: ck.RPINLocked, Latched: true, Reason: "the PIN is locked: unlock it as security officer"}
	case flags&ck.FlagUserPINFinalTry != 0:
		return &LoginError{Code: ck.RPINLocked, Latched: true,
			Reason: "one more wrong PIN would lock the token: log in with another tool first, so that the count starts again"}
	}
	// Somebody logged in correctly or reset the PIN since: what was refused then may be right now.
	kept := l.refused[:0]
	for _, r := range l.refused {
		if !r.countLow || flags&ck.FlagUserPINCountLow != 0 {
			kept = append(kept, r)
		}
	}
	l.refused = kept
	for _, r := range l.refused {
		if r.digest.Matches(pin) {
			return &LoginError{Code: r.code, Latched: true, Reason: reasonOf(r.code) + ", as it was before: it is not sent again"}
		}
	}
	if len(l.refused) >= maxRefused {
		return &LoginError{Code: ck.RPINLocked, Latched: true, Reason: fmt.Sprintf("%d different PINs were wrong: no further one is sent", maxRefused)}
	}
	return nil
}
