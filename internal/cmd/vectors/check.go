package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// A verdict is what came of a case.
type verdict uint8

const (
	passed verdict = iota
	failed
	skipped
)

// result says why for verdicts other than passed.
type result struct {
	verdict verdict
	reason  string
	net400  bool // only with the faults of the .NET client's release 4.0.0
}

func fail(err error) result { return result{verdict: failed, reason: err.Error()} }

// run checks one case.
func (c *testCase) run(ctx context.Context) result {
	if c.broken != nil {
		return fail(c.broken)
	}
	msg, err := c.message()
	if err != nil {
		return fail(err)
	}
	if err := c.checkOutline(msg); err != nil {
		return fail(err)
	}
	if c.skip != "" {
		return result{verdict: skipped, reason: c.skip}
	}
	var want []byte
	if c.want.failure == none {
		if want, err = c.want.plaintext(); err != nil {
			return fail(err)
		}
	}
	err = c.decrypt(ctx, msg, want, false)
	if err != nil && c.net400 && c.want.failure == none {
		if c.decrypt(ctx, msg, want, true) == nil {
			return result{verdict: passed, net400: true}
		}
	}
	if err != nil {
		return fail(err)
	}
	return result{}
}

// checkOutline walks the message to its last byte, without any key. A message that must fail may be malformed.
func (c *testCase) checkOutline(msg []byte) error {
	o, err := message.ParseOutline(msg)
	if err != nil {
		if c.want.failure == anyFailure {
			return nil
		}
		return fmt.Errorf("parsing: %w", err)
	}
	if c.suite != nil && o.Header.Suite != c.suite {
		return fmt.Errorf("the message is of suite %s, not of the declared %s", o.Header.Suite, c.suite)
	}
	if c.outline != nil {
		return c.outline(o)
	}
	return nil
}

// A way of decrypting.
type way struct {
	name string
	open func(ctx context.Context, msg []byte, o message.DecryptOptions) ([]byte, *message.Header, error)
}

// decrypt opens the message in every way and compares.
func (c *testCase) decrypt(ctx context.Context, msg, want []byte, faults bool) error {
	client := &message.Client{CommitmentPolicy: suite.RequireEncryptAllowDecrypt, MaxEncryptedDataKeys: message.MaxEDKs}
	ways := []way{
		{"in one call", func(ctx context.Context, msg []byte, o message.DecryptOptions) ([]byte, *message.Header, error) {
			return client.Decrypt(ctx, c.manager, msg, &o)
		}},
		{"as a file", func(ctx context.Context, msg []byte, o message.DecryptOptions) ([]byte, *message.Header, error) {
			return stream(client.NewDecryptReader(ctx, c.manager, bytes.NewReader(msg), &o))
		}},
		{"as a stream", func(ctx context.Context, msg []byte, o message.DecryptOptions) ([]byte, *message.Header, error) {
			o.ReleaseUnverified = true
			return stream(client.NewDecryptReader(ctx, c.manager, onlyReader{bytes.NewReader(msg)}, &o))
		}},
	}
	if c.unsignedOnly {
		ways = []way{{"as a stream of an unsigned message", func(ctx context.Context, msg []byte, o message.DecryptOptions) ([]byte, *message.Header, error) {
			return stream(client.NewDecryptReader(ctx, c.manager, onlyReader{bytes.NewReader(msg)}, &o))
		}}}
	}
	for _, w := range ways {
		got, h, err := w.open(ctx, msg, message.DecryptOptions{ReproducedContext: c.reproduced, AllowNET400Faults: faults})
		if err := c.compare(got, h, err, want); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	return nil
}

// onlyReader hides that its reader can seek.
type onlyReader struct{ io.Reader }

func stream(r *message.Reader, err error) ([]byte, *message.Header, error) {
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return b, r.Header(), err
}

func (c *testCase) compare(got []byte, h *message.Header, err error, want []byte) error {
	switch {
	case c.want.failure == none:
		return c.compareSuccess(got, h, err, want)
	case err == nil:
		return errors.New("it opened although it must not")
	case c.want.failure == atCommitment:
		if ae, ok := errors.AsType[*message.AuthenticationError](err); ok && ae.Layer == message.LayerCommitment {
			return nil
		}
	case c.refused(err):
		return nil
	}
	return fmt.Errorf("it failed in another way than it must: %w", err)
}

// refused reports whether an error is about the message, and not about how this program uses the keys.
func (c *testCase) refused(err error) bool {
	for _, class := range []error{
		signet.ErrAuthentication, signet.ErrMalformed, io.ErrUnexpectedEOF, signet.ErrContext, signet.ErrNoKey, signet.ErrLimit,
	} {
		if errors.Is(err, class) {
			return true
		}
	}
	return c.unsignedOnly && errors.Is(err, signet.ErrPolicy)
}

func (c *testCase) compareSuccess(got []byte, h *message.Header, err error, want []byte) error {
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("the plaintext differs: %d bytes, want %d", len(got), len(want))
	}
	for k, v := range c.context {
		if have, ok := h.Context[k]; !ok || have != v {
			return &keyring.ContextError{Key: k, Reason: "not in the message as the set says"}
		}
	}
	return nil
}
