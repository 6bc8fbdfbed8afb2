package main

import (
	"crypto/ecdh"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signetkeys/signet/cache"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/hierarchy"
	"github.com/signetkeys/signet/keyring/raw"
)

// manager makes the materials manager of a description.
func (f keyFile) manager(d *description) (keyring.MaterialsManager, error) {
	switch d.Type {
	case "required-encryption-context-cmm", "caching-cmm":
		if d.Underlying == nil {
			return nil, fmt.Errorf("%s without an underlying description", d.Type)
		}
		next, err := f.manager(d.Underlying)
		if err != nil {
			return nil, err
		}
		if d.Type == "caching-cmm" {
			return cache.NewManager(next, cache.NewLocal(10), cache.Options{MaxAge: time.Duration(d.TTL) * time.Second})
		}
		return keyring.RequireContext(next, d.RequiredKeys...)
	}
	k, err := f.keyring(d)
	if err != nil {
		return nil, err
	}
	return keyring.NewManager(k), nil
}

// keyring makes the keyring of a description, or returns a skipError when its key is not at hand.
func (f keyFile) keyring(d *description) (keyring.Keyring, error) {
	switch d.Type {
	case "raw":
		return f.raw(d)
	case "raw-ecdh":
		return f.ecdh(d)
	case "aws-kms-hierarchy":
		k, err := f.find(d.Key)
		if err != nil {
			return nil, err
		}
		if k.Type != "static-branch-key" {
			return nil, needsKMS(d.Type)
		}
		return hierarchy.NewStatic(hierarchy.StaticConfig{BranchKeyID: k.ID, Version: k.BranchKeyVersion, Key: k.BranchKey})
	case "multi-keyring":
		return f.multi(d)
	case "static-material-keyring":
		k, err := f.find(d.Key)
		if err == nil && len(k.PlaintextDataKey) == 0 {
			err = errors.New("the static material has no data key")
		}
		return dataKey(k.PlaintextDataKey), err
	}
	if strings.HasPrefix(d.Type, "aws-kms") {
		return nil, needsKMS(d.Type)
	}
	return nil, fmt.Errorf("unknown key description of type %q", d.Type)
}

// multi is the multi-keyring as described, or what is at hand of it.
func (f keyFile) multi(d *description) (keyring.Keyring, error) {
	all := d.Children
	if d.Generator != nil {
		all = append([]description{*d.Generator}, all...)
	}
	atHand, err := f.anyOf(all)
	if err != nil {
		return nil, err
	}
	var o keyring.MultiOptions
	for i := range all {
		k, err := f.keyring(&all[i])
		c, ok := k.(keyring.EncryptChecker)
		switch {
		case err != nil || (ok && !c.CanEncrypt()):
			return atHand, nil
		case i == 0 && d.Generator != nil:
			o.Generator = k
		default:
			o.Children = append(o.Children, k)
		}
	}
	return keyring.NewMulti(o)
}

func (f keyFile) raw(d *description) (keyring.Keyring, error) {
	k, err := f.find(d.Key)
	if err != nil {
		return nil, err
	}
	m := k.material()
	switch {
	case d.Algorithm == "aes" && k.Type == "symmetric":
		return m.aes(d.Provider, k.ID)
	case d.Algorithm == "rsa" && k.Type == "private":
		return m.rsa(d.Provider, k.ID, d.Padding, d.Hash)
	}
	return nil, fmt.Errorf("encryption-algorithm %q with a key of type %q", d.Algorithm, k.Type)
}

// A material is key bytes in the encoding of a manifest.
type material struct {
	encoding, text string
	bits           int
}

func (m material) aes(namespace, name string) (keyring.Keyring, error) {
	if m.encoding != "base64" {
		return nil, fmt.Errorf("AES key in encoding %q", m.encoding)
	}
	b, err := base64.StdEncoding.DecodeString(m.text)
	if err != nil {
		return nil, errors.New("AES key is not base64")
	}
	if len(b)*8 != m.bits {
		return nil, fmt.Errorf("AES key has %d bits and not the declared %d", len(b)*8, m.bits)
	}
	return raw.NewAES(raw.AESConfig{Namespace: namespace, Name: name, Key: b})
}

func (m material) rsa(namespace, name, padding, hash string) (keyring.Keyring, error) {
	p, err := rsaPadding(padding, hash)
	if err != nil {
		return nil, err
	}
	if m.encoding != "pem" {
		return nil, fmt.Errorf("RSA key in encoding %q", m.encoding)
	}
	private, err := raw.ParseRSAPrivateKey([]byte(m.text))
	if err != nil {
		return nil, err
	}
	if n := private.N.BitLen(); n != m.bits {
		return nil, fmt.Errorf("RSA key has %d bits and not the declared %d", n, m.bits)
	}
	return raw.NewRSA(raw.RSAConfig{Namespace: namespace, Name: name, Padding: p, Private: private})
}

// rsaPadding ignores the hash of pkcs1, which some manifests have.
func rsaPadding(padding, hash string) (raw.RSAPadding, error) {
	if padding == "pkcs1" {
		return raw.PKCS1v15, nil
	}
	for _, p := range []raw.RSAPadding{raw.OAEPSHA1, raw.OAEPSHA256, raw.OAEPSHA384, raw.OAEPSHA512} {
		if padding == "oaep-mgf1" && p.String() == "oaep-"+hash {
			return p, nil
		}
	}
	return 0, fmt.Errorf("unknown padding %q with hash %q", padding, hash)
}

// ecdh: a static key file entry has both parties, of which the sender decrypts; discovery decrypts as the recipient.
func (f keyFile) ecdh(d *description) (keyring.Keyring, error) {
	name := d.Recipient
	if d.Schema == "static" {
		name = d.Sender
	}
	k, err := f.find(name)
	if err != nil {
		return nil, err
	}
	if k.Type != "ecc-private" || k.Encoding != "pem" {
		return nil, fmt.Errorf("raw-ecdh with a key of type %q in encoding %q", k.Type, k.Encoding)
	}
	cfg := raw.ECDHConfig{}
	private := k.RecipientMaterial
	switch d.Schema {
	case "static":
		cfg.Schema, private = raw.ECDHStatic, k.SenderMaterial
	case "discovery":
		cfg.Schema = raw.ECDHDiscovery
	case "ephemeral":
		return nil, &skipError{"the key is encrypt-only"}
	default:
		return nil, fmt.Errorf("unknown schema %q", d.Schema)
	}
	if cfg.Private, err = raw.ParseECPrivateKey([]byte(private)); err != nil {
		return nil, err
	}
	cfg.Curve = cfg.Private.Curve()
	if bits := curveBits(cfg.Curve); bits != k.Bits || !strings.Contains(d.Curve, fmt.Sprint(bits)) {
		return nil, fmt.Errorf("a key on %v where one of %d bits on %q is declared", cfg.Curve, k.Bits, d.Curve)
	}
	if d.Schema == "static" {
		peer, err := f.find(d.Recipient)
		if err != nil {
			return nil, err
		}
		if peer.PublicEncoding != "base64-der" {
			return nil, fmt.Errorf("public key in encoding %q", peer.PublicEncoding)
		}
		der, err := base64.StdEncoding.DecodeString(peer.RecipientPublic)
		if err != nil {
			return nil, errors.New("public key is not base64")
		}
		if cfg.Peer, err = raw.ParseECPublicKey(der); err != nil {
			return nil, err
		}
	}
	return raw.NewECDH(cfg)
}

func curveBits(c ecdh.Curve) int {
	switch c {
	case ecdh.P256():
		return 256
	case ecdh.P384():
		return 384
	case ecdh.P521():
		return 521
	}
	return 0
}
