package config

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
)

// Scheme is how a Mux opens URIs that begin with one scheme.
type Scheme struct {
	// Open opens the keyring. A URI that is wrong is a [*URIError]. A keyring that is also an io.Closer is closed with the [Opened] that
	// holds it.
	Open func(ctx context.Context, uri string, env Env) (keyring.Keyring, error)
	// Redact returns the URI without whatever might be secret or leads to a secret, or the error that Open would return for its syntax.
	Redact func(uri string) (string, error)
}

// Mux opens keyrings by the scheme of their URI. The zero value knows no scheme. Register comes first; after that a Mux is safe for concurrent
// use.
type Mux struct{ schemes map[string]Scheme }

// Register adds a scheme, in lower case and without the colon. It panics when the scheme is registered already or a function is missing.
func (m *Mux) Register(scheme string, s Scheme) {
	if got, err := schemeOf(scheme + ":"); err != nil || got != scheme || s.Open == nil || s.Redact == nil {
		panic(fmt.Sprintf("config: scheme %q cannot be registered as given", scheme))
	}
	if _, taken := m.schemes[scheme]; taken {
		panic(fmt.Sprintf("config: scheme %q is registered twice", scheme))
	}
	if m.schemes == nil {
		m.schemes = make(map[string]Scheme)
	}
	m.schemes[scheme] = s
}

// Schemes returns the registered schemes in ascending order.
func (m *Mux) Schemes() []string { return slices.Sorted(maps.Keys(m.schemes)) }

func (m *Mux) lookup(uri string) (Scheme, error) {
	name, err := schemeOf(uri)
	if err != nil {
		return Scheme{}, err
	}
	if s, ok := m.schemes[name]; ok {
		return s, nil
	}
	e := &URIError{Reason: "unknown scheme; known: " + strings.Join(m.Schemes(), ", ")}
	if near := nearest(name, m.Schemes()); near != "" {
		e.Reason = fmt.Sprintf("unknown scheme, did you mean %q?", near)
	}
	return Scheme{}, e
}

// Redact returns a form of the URI that may be printed. Of one that cannot be parsed only a known scheme is left: nobody knows which part of
// it is a secret.
func (m *Mux) Redact(uri string) string {
	s, err := m.lookup(uri)
	if err != nil {
		return "(unreadable URI)"
	}
	text, err := s.Redact(uri)
	if err != nil {
		name, _ := schemeOf(uri)
		return name + ":..."
	}
	return text
}

// Opened is a keyring, or a multi-keyring, and what belongs to it. Close it when no operation uses it any more.
type Opened struct {
	keyring.Keyring
	uris    []string
	closers []interface{ Close() error }
}

var _ keyring.EncryptChecker = (*Opened)(nil)

// URIs returns the redacted URIs of the members in order.
func (o *Opened) URIs() []string { return slices.Clone(o.uris) }

// CanEncrypt reports whether the keyring can wrap data keys.
func (o *Opened) CanEncrypt() bool {
	c, ok := o.Keyring.(keyring.EncryptChecker)
	return !ok || c.CanEncrypt()
}

// Close closes what was opened, last first, and returns the joined errors.
func (o *Opened) Close() error {
	var errs []error
	for _, c := range slices.Backward(o.closers) {
		errs = append(errs, c.Close())
	}
	o.closers = nil
	return errors.Join(errs...)
}

// abandon closes everything and returns err, to which a failure to close adds nothing.
func (o *Opened) abandon(err error) error {
	_ = o.Close()
	return err
}

func (o *Opened) add(k keyring.Keyring, redacted string) {
	o.uris = append(o.uris, redacted)
	if c, ok := k.(interface{ Close() error }); ok {
		o.closers = append(o.closers, c)
	}
}

// Open opens one keyring. Errors are [*OpenError].
func (m *Mux) Open(ctx context.Context, uri string, env Env) (*Opened, error) {
	return m.OpenAll(ctx, []string{uri}, env)
}

// OpenAll opens keyrings as one: the first generates data keys, all wrap them, each can open them. Errors are [*OpenError], or
// [*keyring.ConfigError] when no URI is given or a member cannot wrap. Nothing stays open after an error.
func (m *Mux) OpenAll(ctx context.Context, uris []string, env Env) (*Opened, error) {
	members, o, err := m.open(ctx, uris, env, false)
	if err != nil {
		return nil, err
	}
	o.Keyring = members[0]
	if len(members) > 1 {
		o.Keyring, err = keyring.NewMulti(keyring.MultiOptions{Generator: members[0], Children: members[1:]})
	}
	if err != nil {
		return nil, o.abandon(err)
	}
	return o, nil
}

// OpenToDecrypt opens keyrings that only need to decrypt; any of them may be decrypt-only. A member whose backend is unavailable or throttles
// does not keep the others from opening a message, and is part of the trace of [keyring.UnwrapError] when none does. Other errors
// are those of OpenAll.
func (m *Mux) OpenToDecrypt(ctx context.Context, uris []string, env Env) (*Opened, error) {
	members, o, err := m.open(ctx, uris, env, true)
	if err != nil {
		return nil, err
	}
	o.Keyring = members[0]
	if len(members) > 1 {
		o.Keyring, err = keyring.NewMulti(keyring.MultiOptions{Optional: members})
	}
	if err != nil {
		return nil, o.abandon(err)
	}
	o.Keyring = decryptOnly{o.Keyring}
	return o, nil
}

// open opens one after the other, because two logins to one token at once could spend two tries of its PIN.
func (m *Mux) open(ctx context.Context, uris []string, env Env, lenient bool) ([]keyring.Keyring, *Opened, error) {
	if len(uris) == 0 {
		return nil, nil, &keyring.ConfigError{Reason: "no keyring is given"}
	}
	o := new(Opened)
	var members []keyring.Keyring
	for i, uri := range uris {
		redacted := m.Redact(uri)
		s, err := m.lookup(uri)
		var k keyring.Keyring
		if err == nil {
			k, err = s.Open(ctx, uri, env)
		}
		if err != nil && lenient && ctx.Err() == nil && (errors.Is(err, signet.ErrUnavailable) || errors.Is(err, signet.ErrThrottled)) {
			k, err = failed{redacted, err}, nil
		}
		if err != nil {
			return nil, nil, o.abandon(&OpenError{Index: i, Of: len(uris), URI: redacted, Err: err})
		}
		members = append(members, k)
		o.add(k, redacted)
	}
	return members, o, nil
}

// failed stands for a keyring that could not be opened.
type failed struct {
	uri string
	err error
}

func (f failed) CanEncrypt() bool { return false }

func (f failed) OnEncrypt(context.Context, *keyring.Request, *keyring.Secret) (*keyring.Wrapped, error) {
	return nil, &keyring.WrapError{Reason: "the keyring could not be opened", Attempts: []keyring.Attempt{f.attempt()}}
}

func (f failed) OnDecrypt(_ context.Context, _ *keyring.Request, edks []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
	return nil, &keyring.UnwrapError{EDKs: len(edks), Attempts: []keyring.Attempt{f.attempt()}}
}

func (f failed) attempt() keyring.Attempt {
	return keyring.Attempt{EDK: -1, Provider: "keyring", Key: f.uri, Err: f.err}
}

// decryptOnly refuses to encrypt, which its members may be able to.
type decryptOnly struct{ keyring.Keyring }

func (decryptOnly) CanEncrypt() bool { return false }

func (decryptOnly) OnEncrypt(context.Context, *keyring.Request, *keyring.Secret) (*keyring.Wrapped, error) {
	return nil, &keyring.ConfigError{Reason: "this keyring was opened to decrypt only"}
}
