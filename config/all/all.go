// Package all makes a config.Mux that knows every provider of signet: raw-aes, raw-rsa, raw-ecdh, pkcs11, awskms and tink.
//
// It imports keyring/tink and with it github.com/tink-crypto/tink-go/v2, so a program that links github.com/google/tink/go cannot link this package: it
// would panic at start. Such a program registers the schemes that it needs in a config.Mux of its own.
package all

import (
	"context"

	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/keyring"
)

// Mux returns a new Mux with the schemes
//
//	raw-aes:NAMESPACE/NAME?key-file=PATH       the file holds the key's 16, 24 or 32 bytes and nothing else
//	raw-aes:NAMESPACE/NAME?key-env=VARIABLE    the variable holds the key in base64
//	raw-rsa:NAMESPACE/NAME?public=PATH&private=PATH&padding=oaep-sha256
//	raw-ecdh:?schema=static&private=PATH&peer=PATH
//	pkcs11:token=LABEL;object=LABEL?module-name=NAME&pin-source=file:PATH
//	awskms:///ARN                              also alias/NAME or a key's id, with region=REGION
//	awskms:?discovery=true&account=ID&region=REGION
//	tink:NAME?keyset=PATH&kek=URI
//
// The files of raw-rsa and raw-ecdh hold a key in PEM or DER, in the forms that package keyring/raw reads. Of raw-rsa's two halves the
// public one encrypts and the private one decrypts; padding is also oaep-sha384, oaep-sha512, oaep-sha1 or pkcs1, and
// insecure-padding-errors=true is raw.RSAConfig's InsecurePaddingErrors. The schema of raw-ecdh is static, ephemeral with peer only, or
// discovery with private only; curve=p256, p384 or p521 makes keys on another curve an error.
//
// The last one is a PKCS#11 URI (RFC 7512). Its query may also have module-path instead of module-name, pin-source=env:VARIABLE, and x-namespace and
// x-name, which set the names under which messages refer to the key.
//
// awskms, also written aws-kms, takes region, endpoint, profile and, for multi-Region keys, mrk=true; discovery takes account (several with commas) with
// partition, or allow-any-account=true. padding=oaep-sha256 or oaep-sha1 is for RSA keys, with public=PATH when the public key is at hand;
// agreement=static with peer=PATH, or agreement=discovery, is for ECDH keys. What the URI does not say comes from the configuration of the AWS SDK, which
// reads the variables and files of the process by itself; an Env without variables is not given it.
//
// The keyset of tink is in JSON or binary, encrypted under another keyring, whose URI is percent-encoded, or not, with insecure-cleartext=true.
func Mux() *config.Mux {
	m := new(config.Mux)
	m.Register("raw-aes", config.Scheme{Open: openRawAES, Redact: redactRawAES})
	m.Register("raw-rsa", config.Scheme{Open: openRawRSA, Redact: redactRawRSA})
	m.Register("raw-ecdh", config.Scheme{Open: openRawECDH, Redact: redactRawECDH})
	m.Register("pkcs11", config.Scheme{Open: openPKCS11, Redact: redactPKCS11})
	m.Register("awskms", config.Scheme{Open: openKMS, Redact: redactKMS})
	m.Register("aws-kms", config.Scheme{Open: openKMS, Redact: redactKMS})
	m.Register("tink", config.Scheme{
		Open: func(ctx context.Context, uri string, env config.Env) (keyring.Keyring, error) {
			return openTink(ctx, m, uri, env)
		},
		Redact: func(uri string) (string, error) { return redactTink(m, uri) },
	})
	return m
}
