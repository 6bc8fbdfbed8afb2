package all

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
)

const (
	keyFile = "key-file"
	keyEnv  = "key-env"

	maxKeyFile = 4096 // bytes; larger than any key so that the error can say what was found
)

func parseRawAES(uri string) (*config.URI, error) {
	u, err := config.ParseURI(uri, keyFile, keyEnv)
	if err != nil {
		return nil, err
	}
	if len(u.Path) < 2 {
		return nil, &config.URIError{Scheme: u.Scheme, Offset: -1, Reason: "must be raw-aes:NAMESPACE/NAME?key-file=PATH"}
	}
	if len(u.Query) != 1 {
		return nil, &config.URIError{Scheme: u.Scheme, Offset: -1, Reason: "needs exactly one of key-file=PATH and key-env=VARIABLE"}
	}
	return u, nil
}

// redactRawAES keeps the query: a path and a variable's name are no secrets.
func redactRawAES(uri string) (string, error) {
	u, err := parseRawAES(uri)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

func openRawAES(_ context.Context, uri string, env config.Env) (keyring.Keyring, error) {
	u, err := parseRawAES(uri)
	if err != nil {
		return nil, err
	}
	key, err := rawKey(u, &env)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	k, err := raw.NewAES(raw.AESConfig{Namespace: u.Path[0], Name: strings.Join(u.Path[1:], "/"), Key: key})
	if err != nil && len(key)%8 == 1 && key[len(key)-1] == '\n' {
		return nil, &keyring.ConfigError{Reason: fmt.Sprintf("%v (the last one is a line feed, and keys are never trimmed)", err)}
	}
	return k, err
}

// rawKey returns the key bytes, which the caller wipes.
func rawKey(u *config.URI, env *config.Env) ([]byte, error) {
	if path, ok := u.Lookup(keyFile); ok {
		return env.ReadFile("key", path, maxKeyFile)
	}
	name, _ := u.Lookup(keyEnv)
	text, err := env.Variable("key", name)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") { // the decoder skips line endings
		return nil, &config.SourceError{What: "key", Kind: "environment variable", Name: name, Err: errors.New("not standard base64 with padding and without line breaks")}
	}
	return key, nil
}
