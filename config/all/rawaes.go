package all

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/internal/uritext"
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
	if name, ok := u.Lookup(keyEnv); ok && (!uritext.IsVariable(name) || encodes(name, hex.DecodeString)) {
		return nil, &config.URIError{Scheme: u.Scheme, Offset: -1, Attribute: keyEnv, Reason: "must be the name of an environment variable, not the key"}
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
	if err != nil {
		return nil, uriError(u.Scheme, err)
	}
	return k, nil
}

// rawKey returns the key bytes, which the caller wipes. There are 16, 24 or 32 of them.
func rawKey(u *config.URI, env *config.Env) ([]byte, error) {
	if path, ok := u.Lookup(keyFile); ok {
		key, err := env.ReadFile("key", path, maxKeyFile)
		if err != nil {
			return nil, err
		}
		return key, checkKey(key, key, &config.SourceError{What: "key", Kind: "file", Name: path})
	}
	name, _ := u.Lookup(keyEnv)
	text, err := env.Variable("key", name)
	if err != nil {
		return nil, err
	}
	source := &config.SourceError{What: "key", Kind: "environment variable", Name: name}
	if encodes(text, hex.DecodeString) { // 32 digits are base64 of 24 bytes, too
		source.Err = errors.New("it looks like hexadecimal digits, and must be base64")
		return nil, source
	}
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") { // the decoder skips line endings
		source.Err = errors.New("not standard base64 with padding and without line breaks")
		return nil, source
	}
	return key, checkKey(key, []byte(text), source)
}

// checkKey refuses a key of a wrong length, wipes it, and guesses from the text that it came from why it is wrong.
func checkKey(key, text []byte, source *config.SourceError) error {
	switch len(key) {
	case 16, 24, 32:
		return nil
	}
	reason := fmt.Sprintf("raw AES key has %d bytes; it must have exactly 16, 24 or 32", len(key))
	line := strings.TrimRight(string(text), "\r\n")
	switch inFile := source.Kind == "file"; {
	case inFile && encodes(line, hex.DecodeString):
		reason += " (it looks like hexadecimal digits: decode them first)"
	case inFile && encodes(line, base64.StdEncoding.DecodeString):
		reason += " (it looks like base64: decode it first, or name a variable that holds it with key-env)"
	case inFile && len(key)%8 == 1 && key[len(key)-1] == '\n':
		reason += " (the last one is a line feed, and keys are never trimmed)"
	}
	clear(key)
	source.Err = errors.New(reason)
	return source
}

// encodes reports whether text is a key in some encoding.
func encodes(text string, decode func(string) ([]byte, error)) bool {
	b, err := decode(text)
	defer clear(b)
	return err == nil && (len(b) == 16 || len(b) == 24 || len(b) == 32)
}
