package all

import (
	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/keyring/raw"
)

// readKey reads the PEM or DER file that an attribute of u names, as what; the zero K when u has no such attribute.
func readKey[K any](u *config.URI, env *config.Env, attribute, what string, parse func([]byte) (K, error)) (K, error) {
	var none K
	path, ok := u.Lookup(attribute)
	if !ok {
		return none, nil
	}
	b, err := env.ReadFile(what, path, raw.MaxKeyFile)
	if err != nil {
		return none, err
	}
	defer clear(b)
	k, err := parse(b)
	if err != nil {
		return none, &config.SourceError{What: what, Kind: "file", Name: path, Err: err}
	}
	return k, nil
}
