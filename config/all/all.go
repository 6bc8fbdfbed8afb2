// Package all makes a config.Mux that knows every provider of signet: raw-aes and pkcs11.
package all

import "github.com/signetkeys/signet/config"

// Mux returns a new Mux with the schemes
//
//	raw-aes:NAMESPACE/NAME?key-file=PATH       the file holds the key's 16, 24 or 32 bytes and nothing else
//	raw-aes:NAMESPACE/NAME?key-env=VARIABLE    the variable holds the key in base64
//	pkcs11:token=LABEL;object=LABEL?module-name=NAME&pin-source=file:PATH
//
// The last one is a PKCS#11 URI (RFC 7512). Its query may also have module-path instead of module-name, pin-source=env:VARIABLE, and x-namespace and
// x-name, which set the names under which messages refer to the key.
func Mux() *config.Mux {
	m := new(config.Mux)
	m.Register("raw-aes", config.Scheme{Open: openRawAES, Redact: redactRawAES})
	m.Register("pkcs11", config.Scheme{Open: openPKCS11, Redact: redactPKCS11})
	return m
}
