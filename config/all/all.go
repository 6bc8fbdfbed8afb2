// Package all makes a config.Mux that knows every provider of signet: raw-aes, raw-rsa, raw-ecdh and pkcs11.
package all

import "github.com/signetkeys/signet/config"

// Mux returns a new Mux with the schemes
//
//	raw-aes:NAMESPACE/NAME?key-file=PATH       the file holds the key's 16, 24 or 32 bytes and nothing else
//	raw-aes:NAMESPACE/NAME?key-env=VARIABLE    the variable holds the key in base64
//	raw-rsa:NAMESPACE/NAME?public=PATH&private=PATH&padding=oaep-sha256
//	raw-ecdh:?schema=static&private=PATH&peer=PATH
//	pkcs11:token=LABEL;object=LABEL?module-name=NAME&pin-source=file:PATH
//
// The files of raw-rsa and raw-ecdh hold a key in PEM or DER, in the forms that package keyring/raw reads. Of raw-rsa's two halves the
// public one encrypts and the private one decrypts; padding is also oaep-sha384, oaep-sha512, oaep-sha1 or pkcs1, and
// insecure-padding-errors=true is raw.RSAConfig's InsecurePaddingErrors. The schema of raw-ecdh is static, ephemeral with peer only, or
// discovery with private only; curve=p256, p384 or p521 makes keys on another curve an error.
//
// The last one is a PKCS#11 URI (RFC 7512). Its query may also have module-path instead of module-name, pin-source=env:VARIABLE, and x-namespace and
// x-name, which set the names under which messages refer to the key.
func Mux() *config.Mux {
	m := new(config.Mux)
	m.Register("raw-aes", config.Scheme{Open: openRawAES, Redact: redactRawAES})
	m.Register("raw-rsa", config.Scheme{Open: openRawRSA, Redact: redactRawRSA})
	m.Register("raw-ecdh", config.Scheme{Open: openRawECDH, Redact: redactRawECDH})
	m.Register("pkcs11", config.Scheme{Open: openPKCS11, Redact: redactPKCS11})
	return m
}
