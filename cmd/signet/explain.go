package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
	"github.com/spf13/cobra"
)

func newExplain(a *app) *cobra.Command {
	var f messageFlags
	cmd := &cobra.Command{
		Use:   "explain [FILE]",
		Short: "Say why a message opens, or does not",
		Long: `explain opens a message as decrypt would, with the same flags, and says what happened to each encrypted data key at each
keyring, and which check failed. The whole message is verified, and nothing of it is released. The exit code is that of decrypt.`,
		Example: `  signet explain -k 'raw-aes:example/kek?key-file=kek.bin' db.enc
  signet explain --json -k 'raw-aes:example/kek?key-file=kek.bin' --require-context purpose=backup db.enc`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error { return a.explain(cmd.Context(), args, &f) },
	}
	f.addReading(cmd)
	f.addClient(cmd)
	return cmd
}

// explanation is what explain prints; with --output json these fields, which are stable.
type explanation struct {
	Source   string            `json:"source"`
	Opens    bool              `json:"opens"` // decrypt with the same flags would succeed: every check passed
	Version  int               `json:"version,omitempty"`
	Suite    *suiteJSON        `json:"suite,omitempty"`
	Context  map[string]string `json:"context"`  // what the message stores; verified if the header is
	Given    []string          `json:"given"`    // names of the pairs of -c
	Keyrings []string          `json:"keyrings"` // URIs, without what leads to secrets
	EDKs     []explainedEDK    `json:"encrypted_data_keys"`
	Other    []attemptJSON     `json:"other_attempts,omitempty"` // of no data key: a keyring that could not be opened
	Checks   []checkJSON       `json:"checks"`
	Bytes    int64             `json:"plaintext_bytes,omitempty"` // verified, if the message opens
}

type explainedEDK struct {
	Index           int           `json:"index"`
	Provider        string        `json:"provider"`
	Key             string        `json:"key"`
	CiphertextBytes int           `json:"ciphertext_bytes"`
	Outcome         string        `json:"outcome"` // opened, did not open, skipped, not tried
	Attempts        []attemptJSON `json:"attempts,omitempty"`

	what string // the key, for people
}

// Outcomes of data keys and checks.
const (
	edkOpened   = "opened"
	edkFailed   = "did not open"
	edkSkipped  = "skipped" // no keyring that was asked is for it
	edkNotTried = "not tried"

	checkPassed     = "passed"
	checkFailed     = "failed"
	checkNotReached = "not reached"
	checkPartly     = "passed but for the last frame" // which is opened after the signature only
)

type checkJSON struct {
	Check  string `json:"check"`
	Result string `json:"result"`
	Error  string `json:"error,omitempty"`
}

// The checks of a message, in the order in which they are made.
const (
	checkForm       = "form of the header"
	checkPolicy     = "commitment policy"
	checkGiven      = "given context"
	checkDataKey    = "data key"
	checkCommitment = "key commitment"
	checkHeader     = "header"
	checkPairs      = "required context"
	checkBody       = "body"
	checkSignature  = "signature"
)

func (a *app) explain(ctx context.Context, args []string, f *messageFlags) error {
	d, err := a.newDecryption(f)
	if err != nil {
		return err
	}
	in, err := a.openInput(args)
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := in.stat(); err != nil {
		return err
	}
	k, err := a.openKeyring(ctx, false)
	if err != nil {
		return err
	}
	defer k.Close()
	if err := d.open(k); err != nil {
		return err
	}
	src, err := in.message(ctx, f.armor)
	if err != nil {
		return err
	}
	x := d.explain(ctx, in, src, k.URIs())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if a.output != text {
		err = a.printJSON(&x.explanation)
	} else {
		err = a.print(x.text())
	}
	if err != nil || x.err == nil {
		return err
	}
	var f2 *fault
	if errors.As(x.err, &f2) {
		return x.err
	}
	return &fault{code: codeOf(x.err), err: fmt.Errorf("%s does not open: %w", in.name, x.err), hint: x.hint}
}

// explained is an explanation with why the message does not open.
type explained struct {
	explanation
	err  error
	hint string
}

// explain opens the message and notes what happens. The plaintext is dropped as it comes.
func (d *decryption) explain(ctx context.Context, in *input, src *source, uris []string) *explained {
	x := &explained{explanation: explanation{Source: in.name, Context: map[string]string{}, Given: []string{}, EDKs: []explainedEDK{}, Keyrings: uris}}
	var s *suite.Suite
	if h := src.header; h != nil {
		s = h.Suite
		described := describeSuite(s)
		x.Version, x.Suite = h.Version, &described
		if h.Context != nil {
			x.Context = h.Context
		}
		for _, e := range describeEDKs(h.EDKs) {
			x.EDKs = append(x.EDKs, explainedEDK{Index: e.Index, Provider: e.Provider, Key: e.Key, CiphertextBytes: e.CiphertextBytes, Outcome: edkNotTried, what: e.what()})
		}
	}
	for _, arg := range d.f.context {
		name, _, _ := strings.Cut(arg, "=")
		x.Given = append(x.Given, name)
	}
	o := d.options
	o.ReleaseUnverified = true // to nobody
	if src.header != nil {
		o.Concurrency = d.f.pieces(in, int64(src.header.FrameLength))
	}
	r, err := d.client.NewDecryptReader(ctx, d.mm, src.r, &o)
	if err == nil {
		defer r.Close()
		x.opened(r.Header())
		if err = checkContext(r.Header().Context, d.require); err == nil {
			x.Bytes, err = r.WriteTo(io.Discard)
		} else {
			err = &pairsError{err}
		}
	}
	var u *keyring.UnwrapError
	if errors.As(err, &u) {
		x.note(u.Attempts)
	}
	x.err = err
	if x.Opens = err == nil; !x.Opens {
		x.Bytes = 0
		x.hint = d.hint(&input{name: in.name}, src, err)
	}
	x.check(s, len(d.require) > 0, r != nil, err)
	return x
}

// pairsError is a failed --require-context.
type pairsError struct{ err error }

func (e *pairsError) Error() string { return e.err.Error() }
func (e *pairsError) Unwrap() error { return e.err }

func (x *explained) opened(h *message.Header) {
	x.note(h.Attempts)
	if h.Used < len(x.EDKs) {
		x.EDKs[h.Used].Outcome = edkOpened
	}
}

// note sorts attempts by the data key that they were made with.
func (x *explained) note(attempts []keyring.Attempt) {
	for i, j := range attemptsJSON(attempts) {
		n := attempts[i].EDK
		if n < 0 || n >= len(x.EDKs) {
			x.Other = append(x.Other, j)
			continue
		}
		e := &x.EDKs[n]
		if !j.Skipped {
			e.Outcome = edkFailed
		} else if e.Outcome == edkNotTried {
			e.Outcome = edkSkipped
		}
		e.Attempts = append(e.Attempts, j)
	}
}

// check says of each check whether it passed. headerOpened: the header is authentic.
func (x *explained) check(s *suite.Suite, required, headerOpened bool, err error) {
	checks := []string{checkForm, checkPolicy}
	if len(x.Given) > 0 {
		checks = append(checks, checkGiven)
	}
	checks = append(checks, checkDataKey)
	if s == nil || s.Commits() {
		checks = append(checks, checkCommitment)
	}
	checks = append(checks, checkHeader)
	if required {
		checks = append(checks, checkPairs)
	}
	checks = append(checks, checkBody)
	if s == nil || s.Signed() {
		checks = append(checks, checkSignature)
	}
	failed := failedCheck(headerOpened, err)
	result := checkPassed
	for _, name := range checks {
		j := checkJSON{Check: name, Result: result}
		switch {
		case name == failed:
			j.Result, j.Error = checkFailed, printable(err.Error())
			result = checkNotReached
			var u *keyring.UnwrapError
			if errors.As(err, &u) { // the attempts are printed elsewhere
				j.Error = fmt.Sprintf("none of %d encrypted data keys opened", u.EDKs)
			}
		case name == checkBody && failed == checkSignature:
			j.Result = checkPartly
		}
		x.Checks = append(x.Checks, j)
	}
}

// failedCheck is the check that an error came from, "" for no error.
func failedCheck(headerOpened bool, err error) string {
	var policy *suite.PolicyError
	var auth *message.AuthenticationError
	var pairs *pairsError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &pairs):
		return checkPairs
	case errors.As(err, &auth):
		switch auth.Layer {
		case message.LayerCommitment:
			return checkCommitment
		case message.LayerHeader:
			return checkHeader
		case message.LayerSignature:
			return checkSignature
		}
		return checkBody
	case headerOpened && errors.Is(err, io.ErrUnexpectedEOF) && strings.Contains(err.Error(), "footer"):
		return checkSignature
	case headerOpened:
		return checkBody
	case errors.As(err, &policy):
		return checkPolicy
	}
	switch codeOf(err) {
	case codeMalformed, codeTruncated, codeLimit, codeUnsupported, codeOther:
		return checkForm
	case codeContext:
		return checkGiven
	}
	return checkDataKey
}

func (x *explained) text() string {
	var b strings.Builder
	line := labelled(&b)
	verdict := "opens; everything is verified"
	if !x.Opens {
		verdict = "does not open"
	}
	line("message", "%s: %s", printable(x.Source), verdict)
	if x.Suite != nil {
		line("suite", "version %d, %s", x.Version, x.Suite.text())
	}
	contextLines(line, x.Context)
	for _, name := range x.Given {
		line("given", "%s", printable(name))
	}
	for i, uri := range x.Keyrings {
		line(fmt.Sprintf("keyring %d", i), "%s", printable(uri))
	}
	for _, e := range x.EDKs {
		line(fmt.Sprintf("data key %d", e.Index), "provider %s, %s, %d bytes: %s", strconv.Quote(e.Provider), e.what, e.CiphertextBytes, e.Outcome)
		for _, t := range e.Attempts {
			line("", "%s", t.text())
		}
	}
	for _, t := range x.Other {
		line("other", "%s", t.text())
	}
	for _, c := range x.Checks {
		text := c.Result
		if c.Error != "" {
			text += ": " + c.Error
		}
		line("check", "%s: %s", c.Check, text)
	}
	if x.Opens {
		line("plaintext", "%d bytes", x.Bytes)
	}
	return b.String()
}

func (t *attemptJSON) text() string {
	if t.Key == "" {
		return t.Provider + ": " + t.Error
	}
	return t.Provider + " " + t.Key + ": " + t.Error
}
