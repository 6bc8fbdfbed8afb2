package token

import (
	"context"

	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/module"
)

// Peek runs fn in a session of its own on the one token that matches, without a login, which is enough to read public objects. It returns
// the token's label too. When the process is logged in to the token already, so is the session. Otherwise it is like [Do].
func Peek[T any](ctx context.Context, m *module.Module, s *Selector, fn func(ck.Module, ck.Session) (T, error)) (T, string, error) {
	p, err := Find(ctx, m, s)
	if err != nil {
		var zero T
		return zero, "", err
	}
	v, err := module.Call(ctx, m, func(c ck.Module) (T, error) {
		h, err := m.OpenSession(p.Slot, false)
		if err != nil && Classify(err) == ClassPermanent {
			h, err = m.OpenSession(p.Slot, true) // as in logIn
		}
		if err != nil {
			var zero T
			return zero, err
		}
		defer m.CloseSession(h)
		return fn(c, h)
	})
	return v, p.Info.Label, err
}
