package all

import (
	"context"
	"strings"

	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
)

const (
	publicFile            = "public"
	privateFile           = "private"
	rsaPadding            = "padding"
	insecurePaddingErrors = "insecure-padding-errors"
)

func parseRawRSA(uri string) (*config.URI, error) {
	u, err := config.ParseURI(uri, publicFile, privateFile, rsaPadding, insecurePaddingErrors)
	if err != nil {
		return nil, err
	}
	fail := func(attribute, reason string) (*config.URI, error) {
		return nil, &config.URIError{Scheme: u.Scheme, Offset: -1, Attribute: attribute, Reason: reason}
	}
	_, public := u.Lookup(publicFile)
	_, private := u.Lookup(privateFile)
	padding, hasPadding := u.Lookup(rsaPadding)
	switch {
	case len(u.Path) < 2:
		return fail("", "must be raw-rsa:NAMESPACE/NAME?public=PATH&private=PATH&padding=PADDING")
	case !public && !private:
		return fail("", "needs public=PATH to encrypt, private=PATH to decrypt, or both")
	case !hasPadding:
		return fail("", "needs padding=oaep-sha256, oaep-sha384, oaep-sha512, oaep-sha1 or pkcs1, as the messages have it")
	}
	if _, err := raw.ParseRSAPadding(padding); err != nil {
		return fail(rsaPadding, err.Error())
	}
	if v, ok := u.Lookup(insecurePaddingErrors); ok && v != "true" {
		return fail(insecurePaddingErrors, "must be true or absent")
	}
	return u, nil
}

// redactRawRSA keeps the query: paths are no secrets.
func redactRawRSA(uri string) (string, error) {
	u, err := parseRawRSA(uri)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

func openRawRSA(_ context.Context, uri string, env config.Env) (keyring.Keyring, error) {
	u, err := parseRawRSA(uri)
	if err != nil {
		return nil, err
	}
	cfg := raw.RSAConfig{Namespace: u.Path[0], Name: strings.Join(u.Path[1:], "/")}
	text, _ := u.Lookup(rsaPadding)
	if cfg.Padding, err = raw.ParseRSAPadding(text); err != nil {
		return nil, err
	}
	_, cfg.InsecurePaddingErrors = u.Lookup(insecurePaddingErrors)
	if cfg.Public, err = readKey(u, &env, publicFile, "public key", raw.ParseRSAPublicKey); err != nil {
		return nil, err
	}
	if cfg.Private, err = readKey(u, &env, privateFile, "private key", raw.ParseRSAPrivateKey); err != nil {
		return nil, err
	}
	k, err := raw.NewRSA(cfg)
	if err != nil {
		return nil, uriError(u.Scheme, err)
	}
	return k, nil
}
