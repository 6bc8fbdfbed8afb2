package all

import (
	"context"
	"crypto/ecdh"

	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
)

const (
	ecdhCurve  = "curve"
	ecdhSchema = "schema"
	peerFile   = "peer"
)

func parseRawECDH(uri string) (*config.URI, error) {
	u, err := config.ParseURI(uri, ecdhSchema, ecdhCurve, privateFile, peerFile)
	if err != nil {
		return nil, err
	}
	fail := func(attribute, reason string) (*config.URI, error) {
		return nil, &config.URIError{Scheme: u.Scheme, Offset: -1, Attribute: attribute, Reason: reason}
	}
	if len(u.Path) != 1 || u.Path[0] != "" {
		return fail("", "must be raw-ecdh:?schema=SCHEMA&private=PATH&peer=PATH: the keys have no names")
	}
	text, ok := u.Lookup(ecdhSchema)
	if !ok {
		return fail("", "needs schema=static, ephemeral or discovery")
	}
	schema, err := raw.ParseECDHSchema(text)
	if err != nil {
		return fail(ecdhSchema, err.Error())
	}
	if name, ok := u.Lookup(ecdhCurve); ok && curveNamed(name) == nil {
		return fail(ecdhCurve, "must be p256, p384 or p521")
	}
	_, private := u.Lookup(privateFile)
	_, peer := u.Lookup(peerFile)
	switch {
	case schema == raw.ECDHStatic && !(private && peer):
		return fail("", "schema static needs private=PATH, the own private key, and peer=PATH, the other party's public key")
	case schema == raw.ECDHEphemeral && (private || !peer):
		return fail("", "schema ephemeral needs peer=PATH, the recipient's public key, and nothing else")
	case schema == raw.ECDHDiscovery && (!private || peer):
		return fail("", "schema discovery needs private=PATH, the recipient's private key, and nothing else")
	}
	return u, nil
}

func curveNamed(name string) ecdh.Curve {
	switch name {
	case "p256":
		return ecdh.P256()
	case "p384":
		return ecdh.P384()
	case "p521":
		return ecdh.P521()
	}
	return nil
}

// redactRawECDH keeps the query: paths are no secrets.
func redactRawECDH(uri string) (string, error) {
	u, err := parseRawECDH(uri)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

func openRawECDH(_ context.Context, uri string, env config.Env) (keyring.Keyring, error) {
	u, err := parseRawECDH(uri)
	if err != nil {
		return nil, err
	}
	var cfg raw.ECDHConfig
	text, _ := u.Lookup(ecdhSchema)
	if cfg.Schema, err = raw.ParseECDHSchema(text); err != nil {
		return nil, err
	}
	if cfg.Private, err = readKey(u, &env, privateFile, "private key", raw.ParseECPrivateKey); err != nil {
		return nil, err
	}
	if cfg.Peer, err = readKey(u, &env, peerFile, "public key", raw.ParseECPublicKey); err != nil {
		return nil, err
	}
	name, named := u.Lookup(ecdhCurve)
	switch {
	case named:
		cfg.Curve = curveNamed(name)
	case cfg.Private != nil:
		cfg.Curve = cfg.Private.Curve()
	default:
		cfg.Curve = cfg.Peer.Curve()
	}
	k, err := raw.NewECDH(cfg)
	if err != nil {
		return nil, uriError(u.Scheme, err)
	}
	return k, nil
}
