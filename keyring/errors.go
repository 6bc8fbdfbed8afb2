package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/wire"
)

// A Skip is what a provider returns for an EDK that is not its own: another provider id, another key name. The next one is tried.
type Skip struct{ Reason string }

func (e *Skip) Error() string { return "skipped: " + e.Reason }

// An Attempt is one step of a trace: what happened to one EDK at one keyring, or, in [Wrapped.Degraded], what happened at one optional
// child (EDK is -1 then).
type Attempt struct {
	EDK      int    // index in the message
	Provider string // the keyring's kind, as given to New
	Key      string // the configured key: a name or ARN, never a secret
	Err      error  // a *Skip (not mine, why) or the failure

	// MessageProvider and MessageKey are what the message says about the EDK, to compare with Provider and Key: its provider id, and the key's
	// name or ARN where the provider information holds one. Anybody can have written them: print them quoted and cut, as String does.
	MessageProvider, MessageKey string
}

// keyNameIn returns the key's name or ARN that provider information holds, or "".
func keyNameIn(info []byte) string {
	if name, ok := wire.AESKeyName(info); ok {
		return name
	}
	if isText(info) { // raw RSA and KMS: all of it is the name
		return string(info)
	}
	return ""
}

func isText(b []byte) bool {
	return utf8.Valid(b) && !bytes.ContainsFunc(b, func(r rune) bool { return !strconv.IsPrint(r) })
}

// String is one line: which EDK, what the message says about it, which key was tried, and what came of it.
func (a *Attempt) String() string {
	var b strings.Builder
	if a.EDK >= 0 {
		fmt.Fprintf(&b, "EDK %d", a.EDK)
		switch {
		case a.MessageKey != "":
			fmt.Fprintf(&b, " (%.64q, key %.128q)", a.MessageProvider, a.MessageKey) // an ARN of KMS fits
		case a.MessageProvider != "":
			fmt.Fprintf(&b, " (%.64q)", a.MessageProvider)
		}
		b.WriteString(": ")
	}
	b.WriteString(a.Provider)
	if a.Key != "" {
		b.WriteString(" " + a.Key)
	}
	fmt.Fprintf(&b, ": %v", a.Err)
	return b.String()
}

func (a *Attempt) skipped() bool {
	var s *Skip
	return errors.As(a.Err, &s)
}

// UnwrapError reports that none of the encrypted data keys could be opened, and why, per EDK and keyring. It answers for
// [signet.ErrNoKey], and through Unwrap for the classes of the failures among its attempts.
type UnwrapError struct {
	EDKs     int // how many the message has
	Attempts []Attempt
}

const shownAttempts = 8

func (e *UnwrapError) Error() string {
	if e.EDKs == 0 {
		return "no key could decrypt: there is no encrypted data key"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "no key could decrypt: none of %d encrypted data keys opened", e.EDKs)
	if e.EDKs == 1 {
		b.Reset()
		b.WriteString("no key could decrypt: the encrypted data key did not open")
	}
	writeAttempts(&b, e.Attempts)
	return b.String()
}

// Is answers for signet.ErrNoKey, unless the context ended before every key was asked: then nobody knows.
func (e *UnwrapError) Is(target error) bool { return target == signet.ErrNoKey && !e.interrupted() }

func (e *UnwrapError) interrupted() bool {
	for i := range e.Attempts {
		if err := e.Attempts[i].Err; errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return true
		}
	}
	return false
}

// Unwrap returns the failures of the attempts; skips are left out.
func (e *UnwrapError) Unwrap() []error { return failures(e.Attempts) }

// WrapError reports that data keys could not be wrapped as configured. Through Unwrap it answers for the classes of the failures.
type WrapError struct {
	Reason   string
	Attempts []Attempt // EDK is -1
}

func (e *WrapError) Error() string {
	var b strings.Builder
	b.WriteString("data key was not wrapped: " + e.Reason)
	writeAttempts(&b, e.Attempts)
	return b.String()
}

// Unwrap returns the failures of the attempts.
func (e *WrapError) Unwrap() []error { return failures(e.Attempts) }

func writeAttempts(b *strings.Builder, as []Attempt) {
	for i := range as {
		if i == shownAttempts {
			fmt.Fprintf(b, "; and %d more", len(as)-i)
			return
		}
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString("; ")
		}
		b.WriteString(as[i].String())
	}
}

func failures(as []Attempt) []error {
	var errs []error
	for i := range as {
		if as[i].Err != nil && !as[i].skipped() {
			errs = append(errs, as[i].Err)
		}
	}
	return errs
}

// LimitError reports a count or length above a limit. It answers for [signet.ErrLimit].
type LimitError struct {
	What     string
	Got, Max int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: %d is more than %d", e.What, e.Got, e.Max)
}

// Is answers for signet.ErrLimit.
func (e *LimitError) Is(target error) bool { return target == signet.ErrLimit }

// ContextError reports an encryption context that is refused. It names pairs by their keys, never by their values, and answers for
// [signet.ErrContext].
type ContextError struct {
	Key    string
	Reason string
}

func (e *ContextError) Error() string {
	return fmt.Sprintf("encryption context: pair %.64q: %s", e.Key, e.Reason)
}

// Is answers for signet.ErrContext.
func (e *ContextError) Is(target error) bool { return target == signet.ErrContext }

// ConfigError reports a keyring or manager that cannot be built or used as configured. It answers for [signet.ErrPolicy].
type ConfigError struct{ Reason string }

func (e *ConfigError) Error() string { return e.Reason }

// Is answers for signet.ErrPolicy.
func (e *ConfigError) Is(target error) bool { return target == signet.ErrPolicy }

// ErrDidNotOpen is what AES-GCM, an HSM and a KMS can tell about an encrypted data key that does not open: they give one answer for
// three causes. It answers for [signet.ErrAuthentication].
var ErrDidNotOpen = fmt.Errorf("%w: did not open: wrong key, changed context or corrupted", signet.ErrAuthentication)

// ErrShape is the failure of an encrypted data key that names the right key and cannot have been made by it. It answers for
// [signet.ErrMalformed].
var ErrShape = fmt.Errorf("%w: impossible encrypted data key", signet.ErrMalformed)
