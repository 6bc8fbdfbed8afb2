package all

import (
	"context"
	"strings"

	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/tink"
	"github.com/signetkeys/signet/message"
)

// The attributes of tink URIs.
const (
	tinkKeyset    = "keyset"
	tinkKEK       = "kek"
	tinkCleartext = "insecure-cleartext"
)

func parseTink(text string) (*config.URI, error) {
	u, err := config.ParseURI(text, tinkKeyset, tinkKEK, tinkCleartext)
	if err != nil {
		return nil, err
	}
	fail := func(attribute, reason string) (*config.URI, error) {
		return nil, &config.URIError{Scheme: u.Scheme, Offset: -1, Attribute: attribute, Reason: reason}
	}
	clear, isClear := u.Lookup(tinkCleartext)
	_, hasKEK := u.Lookup(tinkKEK)
	switch _, ok := u.Lookup(tinkKeyset); {
	case !ok || strings.Join(u.Path, "") == "":
		return fail("", "must be tink:NAME?keyset=PATH&kek=URI")
	case isClear && clear != "true":
		return fail(tinkCleartext, "must be true, or left out")
	case hasKEK == isClear:
		return fail(tinkKEK, "the keyset is encrypted under kek=URI, a keyring, percent-encoded; or it is not, and insecure-cleartext=true says so")
	}
	return u, nil
}

// redactTink prints the kek as its own scheme does.
func redactTink(m *config.Mux, text string) (string, error) {
	u, err := parseTink(text)
	if err != nil {
		return "", err
	}
	for i, a := range u.Query {
		if a.Name == tinkKEK {
			u.Query[i].Value = m.Redact(a.Value)
		}
	}
	return u.String(), nil
}

// openTink reads the keyset and forgets the key that opened it.
func openTink(ctx context.Context, m *config.Mux, text string, env config.Env) (keyring.Keyring, error) {
	u, err := parseTink(text)
	if err != nil {
		return nil, err
	}
	path, _ := u.Lookup(tinkKeyset)
	b, err := env.ReadFile("keyset", path, tink.MaxKeysetLen)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	keys, err := readKeyset(ctx, m, u, env, b)
	if err != nil {
		return nil, &config.SourceError{What: "keyset", Kind: "file", Name: path, Err: err}
	}
	k, err := tink.New(tink.Config{Name: strings.Join(u.Path, "/"), Keyset: keys})
	if err != nil {
		return nil, uriError(u.Scheme, err)
	}
	return k, nil
}

func readKeyset(ctx context.Context, m *config.Mux, u *config.URI, env config.Env, b []byte) (*tink.Keyset, error) {
	uri, ok := u.Lookup(tinkKEK)
	if !ok {
		return tink.ParseCleartextInsecure(b)
	}
	kek, err := m.OpenToDecrypt(ctx, []string{uri}, env)
	if err != nil {
		return nil, err
	}
	defer kek.Close()
	aead, err := message.NewAEAD(keyring.NewManager(kek), nil)
	if err != nil {
		return nil, err
	}
	return tink.Parse(ctx, b, aead, nil)
}
