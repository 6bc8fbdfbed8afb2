package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/ddb"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/pkcs11"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

var update = flag.Bool("update", false, "rewrite docs/reference/errors.md and what scripts in testdata compare with")

const referenceHead = `# Errors

<!-- Made from the table in cmd/signet/codes.go: go test ./cmd/signet -run TestErrorReference -update -->

An error of the command line is one line on standard error, with a second one where there is something to do about it:

    signet: error: SIGNET6000 cannot decrypt a.enc: no key could decrypt: ... See errors#SIGNET6000
    signet: hint: run "signet inspect a.enc" to see which keys it was written for, and "signet explain" with these flags to see what was tried

With ` + "`--output json`" + ` or ` + "`ndjson`" + ` it is one line of JSON on standard error. These fields are stable:

| field | |
|---|---|
| ` + "`error.code`" + ` | the code, for example ` + "`SIGNET6000`" + ` |
| ` + "`error.exit`" + ` | the exit code |
| ` + "`error.message`" + ` | the text; it may change |
| ` + "`error.hint`" + ` | what to do; may be absent |
| ` + "`error.reference`" + ` | ` + "`errors#`" + ` and the code |
| ` + "`error.attempts`" + ` | what was tried with each encrypted data key (` + "`edk`, `edk_provider` and `edk_key` as the message says them, `provider`, `key`, `skipped`, `error`" + `); may be absent |

The first digit of a code is the exit code, except that interruption exits with 130:

| exit | |
|---|---|
| 0 | success |
| 1 | failure that no other code describes |
| 2 | usage |
| 3 | configuration or policy |
| 4 | not found |
| 5 | access to a key or file denied, PIN refused |
| 6 | no key could decrypt |
| 7 | data changed, malformed, truncated or of another context |
| 8 | backend throttled or unavailable; try again later |
| 130 | interrupted |

When none of a message's data keys opened, the exit code is 8 if a backend was unavailable or throttled, else 5 if one refused, else 6.

With ` + "`--recursive`" + ` each failure is printed, and the exit code is that of the worst: 7, then 6, 5, 4, 3, 2 and 1, and 8 when nothing but backends failed.

Errors never hold keys, PINs, plaintext or values of an encryption context.
`

func reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, i := range codeTable() {
		fmt.Fprintf(&b, "\n## SIGNET%04d\n\n**%s.** %s", i.code, i.title, i.meaning)
		if i.hint != "" {
			fmt.Fprintf(&b, "\n\nWhat to do: %s.", i.hint)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestErrorReference(t *testing.T) {
	const path = "../../docs/reference/errors.md"
	want := reference()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, []byte(want)) {
		t.Errorf("%s is not what the table of codes says; run the test with -update", path)
	}
}

func TestCodeTable(t *testing.T) {
	seen := map[code]bool{}
	var order []code
	for _, i := range codeTable() {
		if seen[i.code] || i.title == "" || i.meaning == "" {
			t.Errorf("%d: twice, or without a text", i.code)
		}
		seen[i.code] = true
		order = append(order, i.code)
		if e := i.code.exit(); e < 1 || e > 8 && e != exitInterrupted {
			t.Errorf("%d: exit code %d", i.code, e)
		}
	}
	if !slices.IsSorted(order) {
		t.Error("the table is not in ascending order")
	}
}

func TestCodeOf(t *testing.T) {
	attempt := func(errs ...error) error {
		u := &keyring.UnwrapError{EDKs: 1}
		for _, err := range errs {
			u.Attempts = append(u.Attempts, keyring.Attempt{Provider: "p", Err: err})
		}
		return &ddb.FieldError{Op: "decrypt", Attribute: "a", Err: u}
	}
	skip := &keyring.Skip{Reason: "not mine"}
	for _, c := range []struct {
		err  error
		want code
	}{
		{errors.New("x"), codeOther},
		{&fault{code: codeNoItem, err: signet.ErrThrottled}, codeNoItem},
		{&message.FormatError{Reason: "x"}, codeMalformed},
		{&message.AuthenticationError{Layer: message.LayerBody}, codeAuth},
		{fmt.Errorf("x: %w", signet.ErrUnsupported), codeUnsupported},
		{&keyring.LimitError{What: "x"}, codeLimit},
		{&keyring.ContextError{Key: "k"}, codeContext},
		{&keyring.ConfigError{Reason: "x"}, codeConfig},
		{&suite.PolicyError{Suite: suite.AES256GCM()}, codePolicy},
		{&suite.PolicyError{Reason: "x"}, codeConfig},
		{&message.LengthError{}, codeLimit},
		{fmt.Errorf("x: %w", io.ErrUnexpectedEOF), codeTruncated},
		{attempt(), codeNoKey},
		{attempt(skip, keyring.ErrDidNotOpen), codeNoKey},
		{attempt(keyring.ErrDidNotOpen, pkcs11.ErrKeyNotFound), codeNoKey},
		{attempt(pkcs11.ErrKeyNotPermitted, keyring.ErrDidNotOpen), codeDenied},
		{attempt(pkcs11.ErrPINIncorrect), codePIN},
		{attempt(pkcs11.ErrPINIncorrect, pkcs11.ErrDeviceUnavailable), codeUnavailable},
		{attempt(pkcs11.ErrDeviceUnavailable, signet.ErrThrottled), codeThrottled},
		{attempt(&config.SourceError{Err: fs.ErrNotExist}), codeNoFile},
		{&keyring.WrapError{Attempts: []keyring.Attempt{{Err: pkcs11.ErrPINLocked}}}, codePIN},
		{&keyring.WrapError{Attempts: []keyring.Attempt{{Err: pkcs11.ErrDeviceHung}}}, codeUnavailable},
		{pkcs11.ErrTokenNotFound, codeNotFound},
		{&config.URIError{Reason: "x"}, codeKeyringURI},
		{&config.SourceError{Err: fs.ErrPermission}, codeFileDenied},
		{&config.SourceError{Err: errors.New("x")}, codeKeySource},
		{&fs.PathError{Op: "open", Err: fs.ErrNotExist}, codeNoFile},
		{&fs.PathError{Op: "open", Err: fs.ErrPermission}, codeFileDenied},
		{&itemError{}, codeMalformed},
	} {
		if got := codeOf(c.err); got != c.want {
			t.Errorf("%T %v: got %d, want %d", c.err, c.err, got, c.want)
		}
	}
}

func TestAWSErrors(t *testing.T) {
	for name, want := range map[string]code{
		"ResourceNotFoundException": codeNoTable, "ThrottlingException": codeThrottled, "ProvisionedThroughputExceededException": codeThrottled,
		"RequestLimitExceeded": codeThrottled, "InternalServerError": codeUnavailable, "AccessDeniedException": codeDenied,
		"UnrecognizedClientException": codeCredentials, "ExpiredTokenException": codeCredentials, "ValidationException": codeOther,
	} {
		err := awsError(t.Context(), "cannot", fmt.Errorf("wrapped: %w", apiError(name)))
		if got := codeOf(err); got != want {
			t.Errorf("%s: got %d, want %d", name, got, want)
		}
	}
	if got := codeOf(awsError(t.Context(), "cannot", errors.New("connection refused"))); got != codeUnavailable {
		t.Errorf("network: got %d, want %d", got, codeUnavailable)
	}
	ctx, cancel := context.WithTimeout(t.Context(), -1)
	defer cancel()
	if err := awsError(ctx, "cannot", ctx.Err()); codeOf(err) != codeUnavailable || !strings.Contains(err.Error(), "in time") {
		t.Errorf("timeout: got %v", err)
	}
}

type apiError string

func (e apiError) Error() string        { return string(e) }
func (e apiError) ErrorCode() string    { return string(e) }
func (e apiError) ErrorMessage() string { return "message" }
