package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/pkcs11"
	"github.com/signetkeys/signet/keyring/suite"
)

// A fault is an error whose code and hint are known where it happened. Other errors get theirs from their class.
type fault struct {
	code code
	err  error
	hint string // "" means the code's
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// usageFault makes a fault of what cobra says about a command line.
func usageFault(err error) error {
	var f *fault
	if errors.As(err, &f) {
		return err
	}
	return &fault{code: codeUsage, err: err}
}

// codeOf maps an error to its code: an explicit one; a mistake in a URI or in what it names; else that of its class, those that ask for another
// try first.
func codeOf(err error) code {
	var f *fault
	if errors.As(err, &f) {
		return f.code
	}
	var uri *config.URIError
	if errors.As(err, &uri) {
		return codeKeyringURI
	}
	var source *config.SourceError
	if errors.As(err, &source) {
		switch {
		case errors.Is(source, signet.ErrNotFound):
			return codeNoFile
		case errors.Is(source, signet.ErrAccessDenied):
			return codeFileDenied
		}
		return codeKeySource
	}
	var unwrap *keyring.UnwrapError
	if errors.As(err, &unwrap) {
		return unwrapCode(err)
	}
	if isPIN(err) {
		return codePIN
	}
	var policy *suite.PolicyError
	if errors.As(err, &policy) && policy.Suite != nil {
		return codePolicy
	}
	for _, c := range classes() {
		if errors.Is(err, c.class) {
			return c.code
		}
	}
	return codeOther
}

type class struct {
	class error
	code  code
}

func classes() []class {
	return []class{
		{kms.ErrKeyDisabled, codeKMSDisabled},
		{kms.ErrKeyNotFound, codeKMSKey},
		{kms.ErrCredentials, codeCredentials},
		{kms.ErrAccessDenied, codeKMSDenied},
		{kms.ErrWrongRegion, codeKMSRegion},
		{kms.ErrInvalidUsage, codeKMSUsage},
		{signet.ErrThrottled, codeThrottled},
		{signet.ErrUnavailable, codeUnavailable},
		{signet.ErrAccessDenied, codeDenied},
		{signet.ErrNotFound, codeNotFound},
		{signet.ErrNoKey, codeNoKey},
		{io.ErrUnexpectedEOF, codeTruncated},
		{signet.ErrAuthentication, codeAuth},
		{signet.ErrContext, codeContext},
		{signet.ErrMalformed, codeMalformed},
		{signet.ErrPolicy, codeConfig},
		{signet.ErrLimit, codeLimit},
		{signet.ErrUnsupported, codeUnsupported},
		{fs.ErrNotExist, codeNoFile},
		{fs.ErrPermission, codeFileDenied},
	}
}

// unwrapCode: a backend that may answer later comes before one that refused, and that before no key at all.
func unwrapCode(err error) code {
	switch {
	case errors.Is(err, signet.ErrThrottled):
		return codeThrottled
	case errors.Is(err, kms.ErrKeyDisabled):
		return codeKMSDisabled
	case errors.Is(err, signet.ErrUnavailable):
		return codeUnavailable
	case isPIN(err):
		return codePIN
	case errors.Is(err, kms.ErrCredentials):
		return codeCredentials
	case errors.Is(err, kms.ErrAccessDenied):
		return codeKMSDenied
	case errors.Is(err, signet.ErrAccessDenied):
		return codeDenied
	}
	return codeNoKey
}

// errorJSON is the error on stderr with --output json. Its fields are stable.
type errorJSON struct {
	Code      string        `json:"code"`
	Exit      int           `json:"exit"`
	Message   string        `json:"message"`
	Hint      string        `json:"hint,omitempty"`
	Reference string        `json:"reference"`
	Attempts  []attemptJSON `json:"attempts,omitempty"`
}

type attemptJSON struct {
	EDK         *int   `json:"edk,omitempty"`
	EDKProvider string `json:"edk_provider,omitempty"` // what the message says, unverified
	EDKKey      string `json:"edk_key,omitempty"`
	Provider    string `json:"provider"`
	Key         string `json:"key,omitempty"`
	Skipped     bool   `json:"skipped,omitempty"`
	Error       string `json:"error"`
}

// report prints the error and returns its exit code.
func (a *app) report(err error, args []string) int {
	c := codeOf(err)
	if hint := a.printError(err, args); hint != "" {
		fmt.Fprintf(a.stderr, "signet: hint: %s\n", hint)
	}
	return c.exit()
}

// printError prints the error, and returns the hint that is still to be printed.
func (a *app) printError(err error, args []string) (hint string) {
	c := codeOf(err)
	hint = c.info().hint
	var f *fault
	switch {
	case errors.As(err, &f) && f.hint != "":
		hint = f.hint
	case c == codePIN && errors.Is(err, pkcs11.ErrPINRequired):
		hint = "name a file or variable with the PIN in the URI: pin-source=file:FILE or pin-source=env:VARIABLE"
	}
	message, name := printable(err.Error()), c.String()
	if a.output == asJSON || a.output == ndjson || !a.started && asksForJSON(args) {
		e := errorJSON{Code: name, Exit: c.exit(), Message: message, Hint: hint, Reference: "errors#" + name, Attempts: attempts(err)}
		enc := json.NewEncoder(a.stderr)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(map[string]errorJSON{"error": e})
		return ""
	}
	if !strings.HasSuffix(message, "?") {
		message += "."
	}
	fmt.Fprintf(a.stderr, "signet: error: %s %s See errors#%s\n", name, message, name)
	return hint
}

func attempts(err error) []attemptJSON {
	var trace []keyring.Attempt
	var u *keyring.UnwrapError
	var w *keyring.WrapError
	switch {
	case errors.As(err, &u):
		trace = u.Attempts
	case errors.As(err, &w):
		trace = w.Attempts
	}
	return attemptsJSON(trace)
}

func attemptsJSON(trace []keyring.Attempt) []attemptJSON {
	var out []attemptJSON
	for _, t := range trace {
		j := attemptJSON{
			EDKProvider: printable(clip(t.MessageProvider)), EDKKey: printable(clip(t.MessageKey)),
			Provider: printable(t.Provider), Key: printable(t.Key), Error: printable(t.Err.Error()),
		}
		if t.EDK >= 0 {
			j.EDK = &t.EDK
		}
		var skip *keyring.Skip
		j.Skipped = errors.As(t.Err, &skip)
		out = append(out, j)
	}
	return out
}

// clip bounds text that a message brought.
func clip(s string) string { return s[:min(len(s), 256)] }

// asksForJSON reads the format from a command line that could not be parsed.
func asksForJSON(args []string) bool {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	for i, arg := range args {
		switch arg {
		case "--json", "--output=json", "--output=ndjson":
			return true
		case "--output":
			if i+1 < len(args) && (args[i+1] == asJSON || args[i+1] == ndjson) {
				return true
			}
		}
	}
	return false
}

// printable makes text from a message, a token or a service safe for a terminal: control characters, invalid UTF-8 and invisible runes become
// escapes.
func printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) || r == '\uFFFD' }) {
		return s
	}
	q := strconv.Quote(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}

// shown quotes an argument for an error text, unless it may be a keyring URI or is too long to be looked at: such an argument may hold a
// secret.
func shown(arg string) string {
	if looksLikeURI(arg) {
		return "(a keyring URI)"
	}
	if len(arg) > 100 {
		return fmt.Sprintf("(%d bytes)", len(arg))
	}
	return strconv.Quote(arg)
}

func looksLikeURI(arg string) bool {
	l := strings.ToLower(arg)
	return strings.HasPrefix(l, "pkcs11:") || strings.HasPrefix(l, "raw-") || strings.HasPrefix(l, "awskms:") || strings.HasPrefix(l, "aws-kms:") || strings.HasPrefix(l, "tink:") || strings.Contains(l, "pin-value") || strings.Contains(l, "pin-source") || strings.Contains(l, "key-file=")
}
