package all

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/pkcs11"
	"github.com/signetkeys/signet/keyring/pkcs11/uri"
	"github.com/signetkeys/signet/keyring/raw"
)

const maxCertificate = 64 << 10 // bytes; a public key or a certificate in PEM

// PKCS11 reads the configuration of a key or token from a PKCS#11 URI; its PIN function reads the URI's pin-source, or asks if env has somebody to
// ask and there is none. The public half of an RSA pair is read if the URI names its file. Errors are [*config.URIError],
// [*config.SourceError], and [*pkcs11.Error] for a type of key that cannot wrap data keys.
func PKCS11(text string, env config.Env) (pkcs11.Config, error) {
	u, err := parsePKCS11(text)
	if err != nil {
		return pkcs11.Config{}, err
	}
	cfg, err := pkcs11.FromURI(u)
	if err != nil {
		return pkcs11.Config{}, uriError("pkcs11", err)
	}
	if known := pkcs11.ModuleNames(); cfg.ModuleName != "" && !slices.Contains(known, cfg.ModuleName) {
		e := &config.URIError{Scheme: "pkcs11", Offset: -1, Attribute: uri.ModuleName,
			Reason: "unknown name; known are " + strings.Join(known, ", ") + "; module-path=/absolute/path names any other module"}
		if near := uri.Nearest(cfg.ModuleName, known); near != "" {
			e.Reason = fmt.Sprintf("unknown name, did you mean %q?", near)
		}
		return pkcs11.Config{}, e
	}
	if cfg.PublicKeyFile != "" {
		b, err := env.ReadFile("public key", cfg.PublicKeyFile, maxCertificate)
		if err != nil {
			return pkcs11.Config{}, err
		}
		if cfg.Public, err = raw.ParseRSAPublicKey(b); err != nil {
			return pkcs11.Config{}, &config.SourceError{What: "public key", Kind: "file", Name: cfg.PublicKeyFile, Err: err}
		}
	}
	switch source, label := cfg.PINSource, cfg.Token.Label; {
	case source != "":
		cfg.PIN = func(context.Context) ([]byte, error) { return env.ReadPIN(source) }
	case env.AskPIN != nil:
		cfg.PIN = func(ctx context.Context) ([]byte, error) { return env.AskPIN(ctx, label) }
	}
	return cfg, nil
}

// parsePKCS11 makes a mistake in a URI a mistake in the configuration.
func parsePKCS11(text string) (*uri.URI, error) {
	u, err := uri.Parse(text)
	var pe *uri.ParseError
	if errors.As(err, &pe) {
		return nil, &config.URIError{Scheme: "pkcs11", Offset: pe.Offset, Attribute: pe.Attribute, Reason: pe.Reason}
	}
	return u, err
}

func openPKCS11(ctx context.Context, text string, env config.Env) (keyring.Keyring, error) {
	cfg, err := PKCS11(text, env)
	if err != nil {
		return nil, err
	}
	k, err := pkcs11.New(ctx, cfg)
	if err != nil {
		return nil, uriError("pkcs11", err)
	}
	return k, nil
}

// uriError makes what a provider refuses of its configuration a mistake in the URI, where the configuration came from. Other errors stay.
func uriError(scheme string, err error) error {
	var c *keyring.ConfigError
	if !errors.As(err, &c) {
		return err
	}
	return &config.URIError{Scheme: scheme, Offset: -1, Reason: strings.TrimPrefix(c.Reason, scheme+": ")}
}

// redactPKCS11 keeps which key it is and drops how to get its PIN.
func redactPKCS11(text string) (string, error) {
	u, err := parsePKCS11(text)
	if err != nil {
		return "", err
	}
	named := []string{uri.ModuleName, uri.ModulePath, pkcs11.NamespaceAttribute, pkcs11.NameAttribute,
		pkcs11.PaddingAttribute, pkcs11.PublicKeyFileAttribute, pkcs11.AllowExtractableAttribute}
	unnamed := func(a uri.Attribute) bool { return !slices.Contains(named, a.Name) }
	vendor := func(a uri.Attribute) bool { return len(a.Name) > 1 && a.Name[:2] == "x-" && unnamed(a) }
	u.Path = slices.DeleteFunc(u.Path, vendor)
	u.Query = slices.DeleteFunc(u.Query, unnamed)
	return u.String(), nil
}
