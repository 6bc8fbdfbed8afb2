// Package pkcs11 keeps wrapping keys inside a PKCS#11 token: an HSM, a smart card, SoftHSM. Data keys are sealed by the token with AES-GCM, or with the
// public half of an RSA pair whose private half is in the token, and are stored in the layout of the raw AES and raw RSA keyrings, so that any AWS
// Encryption SDK that holds the same key bytes reads them, and the reverse.
//
// Keys are named by URIs, which package keyring/pkcs11/uri reads:
//
//	u, err := uri.Parse("pkcs11:token=payments;object=kek-2026?module-name=softhsm2&pin-source=env:SIGNET_PIN")
//	cfg, err := pkcs11.FromURI(u)
//	cfg.PIN = func(context.Context) ([]byte, error) { return []byte(os.Getenv("SIGNET_PIN")), nil }
//	k, err := pkcs11.New(ctx, cfg)
//	defer k.Close()
//
// An RSA pair is type=private in the URI, with x-padding=oaep-sha256 (the default), oaep-sha384, oaep-sha512 or oaep-sha1; what a token cannot do,
// SoftHSM 2.6 for one all but SHA-1, is ErrMechanismUnsupported before anything is wrapped. With type=public, or without a PIN, the public half alone
// wraps: no login, and no proof either that the private half is there and opens it.
//
// A wrong PIN is sent once per process, and again only after the right one has reset the token's count of wrong ones. A key is found by exact
// label and id, and two matches are an error. Sessions are
// pooled, four to eight per token, and shared by all keyrings on it; so is the login. Calls honour their context: one that does not return
// in time is left behind, keeps its session, and everything else goes on. A call under a context that can end is handed to another goroutine, which
// costs a microsecond when the processors are busy and several when they sleep and must be woken; under context.Background() it is not.
//
// What it does not do: it cannot protect data keys in the memory of the process, or the token from code in the same process, with
// which it shares the module's login. Wiping of PINs and data keys is best effort.
//
// This is the only package of signet that needs cgo. Without cgo it compiles, and [New] says what is missing.
package pkcs11
