package kms

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/arn"
)

// What a call to KMS can fail with, beside the end of its context. Each answers for a class of package signet.
var (
	// ErrKeyNotFound: KMS has no such key or alias, in this region and account.
	ErrKeyNotFound = fmt.Errorf("KMS key %w", signet.ErrNotFound)
	// ErrKeyDisabled: the key is disabled, or waits for its deletion or its key material. Once enabled it works again, without a restart.
	ErrKeyDisabled = fmt.Errorf("%w: the KMS key is not enabled", signet.ErrUnavailable)
	// ErrAccessDenied: a policy, or a condition of one, does not allow the call.
	ErrAccessDenied = fmt.Errorf("%w by KMS", signet.ErrAccessDenied)
	// ErrCredentials: there are no credentials, or KMS does not accept them.
	ErrCredentials = fmt.Errorf("%w: AWS credentials are missing or not accepted", signet.ErrAccessDenied)
	// ErrThrottled: more requests than the account's quota for the region.
	ErrThrottled = fmt.Errorf("%w by KMS", signet.ErrThrottled)
	// ErrWrongRegion: the key is of another region than the client. No call was made.
	ErrWrongRegion = fmt.Errorf("%w: the KMS key is of another region", signet.ErrPolicy)
	// ErrInvalidUsage: the key exists and is of a kind that cannot do this.
	ErrInvalidUsage = fmt.Errorf("%w by the KMS key's usage or spec", signet.ErrUnsupported)
	// ErrInvalidCiphertext: KMS did not open the encrypted data key, and does not say which of three reasons it had.
	ErrInvalidCiphertext = fmt.Errorf("%w: did not open in KMS: wrong key, changed context or corrupted", signet.ErrAuthentication)
	// ErrIncorrectKey: the encrypted data key is under another KMS key than the one asked for.
	ErrIncorrectKey = fmt.Errorf("%w: under another KMS key", signet.ErrAuthentication)
	// ErrResponse: KMS, or what answers in its place, returned something that it must not: another key's id, a plaintext of a wrong length.
	ErrResponse = fmt.Errorf("%w: answer of KMS", signet.ErrMalformed)
	// ErrUnavailable: no answer, or one that says to come back later.
	ErrUnavailable = fmt.Errorf("%w: KMS", signet.ErrUnavailable)
)

// An Error is a call to KMS that failed. It has the names of the context's pairs and never their values. It answers [errors.Is] for its kind, one of
// the Err variables of this package, and through it for a class of package signet; [errors.As] finds the SDK's own error in it.
type Error struct {
	Op     string // GenerateDataKey, Encrypt, Decrypt, DescribeKey, GetPublicKey, DeriveSharedSecret
	Key    string // as it was sent
	Region string // of the client, "" when it is not known
	// ContextNames are the names of the encryption context's pairs that were sent, sorted.
	ContextNames []string
	RequestID    string // of KMS, "" when there was no answer
	Err          error  // the SDK's error, whose own text may repeat what was sent, or what is wrong with the answer

	kind   error  // nil when it is none of the kinds
	detail string // what the server said, cut, without values of the context
	need   string // of the request
	spec   string // of DescribeKey: spec and usage of a key that is of another kind
}

// Kind is the Err variable of this package that the error answers for, or nil.
func (e *Error) Kind() error { return e.kind }

// Is answers for the kind and its class.
func (e *Error) Is(target error) bool { return e.kind != nil && errors.Is(e.kind, target) }

// Unwrap returns the SDK's error.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "kms:%s with key %.256q", e.Op, e.Key)
	if e.Region != "" {
		fmt.Fprintf(&b, " in %s", e.Region)
	}
	if e.kind != nil {
		fmt.Fprintf(&b, ": %v", e.kind)
	}
	if e.detail != "" {
		fmt.Fprintf(&b, ": %s", e.detail)
	}
	if hint := e.hint(); hint != "" {
		fmt.Fprintf(&b, "; %s", hint)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %.64q)", e.RequestID)
	}
	return b.String()
}

// hint is what to look at next.
func (e *Error) hint() string {
	pairs := "no context pairs were sent"
	if len(e.ContextNames) > 0 {
		pairs = fmt.Sprintf("context pairs sent: %.256q", e.ContextNames)
	}
	switch e.kind {
	case ErrKeyNotFound:
		return "check the id, the account and the region"
	case ErrKeyDisabled:
		return "enable the key or cancel its deletion"
	case ErrAccessDenied:
		owner := "the key's account"
		if a, err := arn.Parse(e.Key); err == nil {
			owner = "account " + a.Account
		}
		return fmt.Sprintf("look at both the key policy and the caller's IAM policy: one of them must allow kms:%s, both when the caller is not of %s, neither may deny it; "+
			"and compare conditions on the encryption context, since KMS does not say what failed (%s)", e.Op, owner, pairs)
	case ErrCredentials:
		return "set a profile, a role or AWS_ACCESS_KEY_ID, and check the clock"
	case ErrThrottled:
		return "retry later with backoff, cache data keys to make fewer calls, or have the account's KMS quota raised (Service Quotas or a support case)"
	case ErrInvalidCiphertext:
		if e.need == needRSA {
			return "KMS was not sent the context: compare the key that the data names, the padding and the data itself"
		}
		return "compare the key that the data names, the context (" + pairs + ") and the data itself"
	case ErrInvalidUsage:
		if e.need != "" {
			return e.need
		}
		return "a symmetric key is needed (SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT); RSA and ECDH keys have keyrings of their own"
	}
	return ""
}

// answered notes the id of the answer that the error is about.
func (e *Error) answered(requestID string) {
	if e.RequestID == "" {
		e.RequestID = requestID
	}
}

// request is one call to KMS, for its error and its event.
type request struct {
	op, key, region string
	context         map[string]string
	plaintext       []byte // of Encrypt
	need            string // what ErrInvalidUsage advises; "" is for symmetric keys
}

// failed makes the error of a call that the SDK returned err for.
func (q *request) failed(ctx context.Context, err error) *Error {
	if ended := ctx.Err(); ended != nil && (errors.Is(err, ended) || isCanceled(err)) {
		return q.error(nil, ended.Error(), errors.Join(ended, err))
	}
	detail, kind := q.classify(err)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		err = attemptEnded{err}
	}
	return q.error(kind, detail, err)
}

// attemptEnded is the SDK's error when AttemptTimeout ended the last attempt. net/http says context.DeadlineExceeded then, although the caller's context
// goes on; it does not answer for that.
type attemptEnded struct{ err error }

func (e attemptEnded) Error() string { return e.err.Error() }
func (e attemptEnded) Is(target error) bool {
	return target != context.DeadlineExceeded && errors.Is(e.err, target)
}
func (e attemptEnded) As(target any) bool { return errors.As(e.err, target) }

// repeated reports whether a server's text has a value of the context in it, as it is or as Go and JSON write it, or the plaintext: it may say again
// what it was sent. A short value may be there by chance, and counts.
func (q *request) repeated(text string) bool {
	for _, v := range q.context {
		if v == "" {
			continue
		}
		inJSON, _ := json.Marshal(v)
		for _, form := range []string{`"` + v + `"`, strconv.Quote(v), strconv.QuoteToASCII(v), string(inJSON)} {
			if strings.Contains(text, form[1:len(form)-1]) {
				return true
			}
		}
	}
	return len(q.plaintext) > 0 && (strings.Contains(text, string(q.plaintext)) || strings.Contains(text, base64.StdEncoding.EncodeToString(q.plaintext)))
}

// wrong is the error of an answer that fails a check.
func (q *request) wrong(format string, args ...any) *Error {
	for i, a := range args {
		if _, number := a.(int); !number && q.repeated(fmt.Sprint(a)) {
			args[i] = "(left out, because it repeats what was sent)"
		}
	}
	err := fmt.Errorf(format, args...)
	return q.error(ErrResponse, err.Error(), err)
}

func (q *request) error(kind error, detail string, err error) *Error {
	return &Error{
		Op: q.op, Key: q.key, Region: q.region, ContextNames: slices.Sorted(maps.Keys(q.context)), RequestID: requestID(err), Err: err,
		kind: kind, detail: detail, need: q.need,
	}
}

// Explain makes an [Error] of what the SDK returned for a call that a program made by itself: its kind, and a text that names where to look.
// pairs are those of the encryption context that was sent; only their names are kept. A nil err is a nil error.
func Explain(ctx context.Context, op, key, region string, pairs map[string]string, err error) error {
	if err == nil {
		return nil
	}
	q := &request{op: op, key: key, region: region, context: pairs}
	return q.failed(ctx, err)
}
