package pkcs11

import (
	"bytes"
	"context"
	"crypto/fips140"
	"crypto/rsa"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/module"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/token"
	"github.com/signetkeys/signet/keyring/pkcs11/uri"
)

// PINFunc returns the user PIN of a token. It is called when a login needs one, perhaps again for a later login, so it should read the PIN
// anew rather than keep it. The slice becomes the caller's and is wiped after use; one line ending at its end is ignored. ctx is that of the operation
// that needs the login.
type PINFunc func(ctx context.Context) ([]byte, error)

// DefaultNamespace is the provider id of encrypted data keys when none is configured.
const DefaultNamespace = "pkcs11"

// Vendor attributes that [FromURI] understands, in the path or in the query.
const (
	NamespaceAttribute        = "x-namespace"
	NameAttribute             = "x-name"
	AllowExtractableAttribute = "x-allow-extractable"
	PaddingAttribute          = "x-padding"         // with type=private and type=public
	PublicKeyFileAttribute    = "x-public-key-file" // as well
)

// KeyClass is the kind of key that wraps data keys.
type KeyClass uint8

const (
	// SecretKey is an AES key. It is what a URI without a type, or with type=secret-key, names.
	SecretKey KeyClass = iota
	// PrivateKey is an RSA pair: the private half opens data keys in the token, the public half wraps them in this process. type=private.
	PrivateKey
	// PublicKey is the public half of an RSA pair alone. The keyring is encrypt-only and never logs in. type=public.
	PublicKey
)

// String is the URI's word for the class.
func (c KeyClass) String() string {
	switch c {
	case SecretKey:
		return "secret-key"
	case PrivateKey:
		return "private"
	case PublicKey:
		return "public"
	}
	return fmt.Sprintf("KeyClass(%d)", uint8(c))
}

// TokenSelector says which token: every attribute that is set must match exactly, and exactly one token may match. The zero value fits when there is
// only one.
type TokenSelector struct {
	Label, Serial, Manufacturer, Model                      string
	Slot                                                    *uint64 // numbers change when tokens do: prefer Label or Serial
	SlotDescription, SlotManufacturer                       string
	LibraryDescription, LibraryManufacturer, LibraryVersion string
}

// KeySelector says which key: by label, by id, or by both, which must then both match. Exactly one key of the configured class may
// match.
type KeySelector struct {
	Label string
	ID    []byte
}

// Config says which key in which token, and what its encrypted data keys look like. A module and a key selector are required.
type Config struct {
	// ModulePath is the absolute path of the vendor's PKCS#11 module. ModuleName is one of the known names ([ModuleNames]) instead. One of both is
	// required. It is code that runs in this process: it never comes from a message.
	ModulePath string
	ModuleName string

	// InitParams are the library parameters that some modules need for C_Initialize (in pReserved), such as NSS its "configdir=...". A module that
	// already runs in this process with others is refused with ErrModuleUnusable.
	InitParams string

	Token TokenSelector
	Class KeyClass
	Key   KeySelector

	// Padding is how RSA pads data keys; messages do not store it. The zero value is OAEP with SHA-256.
	Padding RSAPadding
	// Public is the public half of an RSA pair, for tokens that do not have it as an object of its own. nil means that of the token: the public key
	// with the private key's id or modulus, or a certificate with its id. It is copied.
	Public *rsa.PublicKey
	// PublicKeyFile is where [FromURI] found that the public half is. This package does not read it: whoever assembles the Config sets Public
	// from it.
	PublicKeyFile string

	// PIN is required for tokens that require a login, which is nearly all. Without one, an RSA pair whose public half can be read without a
	// login wraps nevertheless.
	PIN PINFunc
	// PINSource is where [FromURI] found that the PIN is: "file:PATH" or "env:VARIABLE". This package reads neither: whoever
	// assembles the Config sets PIN from it.
	PINSource string

	// Namespace is the provider id of encrypted data keys, DefaultNamespace when empty. It must not begin with "aws-kms".
	Namespace string
	// Name is the key name in encrypted data keys, by which they find back to this key. Empty means the label, or, for a key that is selected by
	// id alone, token and id in the form of a URI's path: "token=payments;id=%01". Set both to the names of an existing raw keyring
	// to share messages with it. At most MaxNameLen bytes of UTF-8, and for RSA 20 more.
	Name string

	// MaxSessions bounds the pool of sessions of the token; 0 means four to eight. The first keyring on a token decides.
	MaxSessions int
	// AllowExtractable accepts a key that the token would give out (CKA_EXTRACTABLE true or CKA_SENSITIVE false).
	AllowExtractable bool
}

// MaxNameLen is the longest name of an AES key in bytes: the provider information of an encrypted data key has 65,535 and holds 20 more.
const MaxNameLen = wire.MaxAESName

// ModuleNames returns the values that Config.ModuleName and the module-name of a URI may have, sorted.
func ModuleNames() []string { return module.Names() }

// FromURI reads the configuration that a URI holds. PIN is left for the caller to set from PINSource. Unknown vendor attributes are refused,
// because a misspelt x-name would silently change which data keys can be opened.
func FromURI(u *uri.URI) (Config, error) {
	var c Config
	if t, ok := u.Lookup(uri.Type); ok {
		switch t {
		case SecretKey.String():
		case PrivateKey.String():
			c.Class = PrivateKey
		case PublicKey.String():
			c.Class = PublicKey
		default:
			return Config{}, &Error{Op: "configure", Kind: errUnsupported,
				Detail: fmt.Sprintf("type=%s: only secret-key (AES), private and public (RSA) can wrap data keys", t)}
		}
	}
	seen := make(map[string]bool)
	for _, a := range append(slices.Clone(u.Path), u.Query...) {
		if seen[a.Name] { // a vendor attribute may be in the path and in the query, and repeat there
			return Config{}, configError("attribute %q is given twice", a.Name)
		}
		seen[a.Name] = true
		if err := c.set(a); err != nil {
			return Config{}, err
		}
	}
	if c.PublicKeyFile != "" && c.Class == SecretKey {
		return Config{}, onlyRSA(PublicKeyFileAttribute)
	}
	if slot, ok := u.Slot(); ok {
		c.Token.Slot = &slot
	}
	return c, nil
}

func (c *Config) set(a uri.Attribute) error {
	text := map[string]*string{
		uri.Token: &c.Token.Label, uri.Serial: &c.Token.Serial, uri.Manufacturer: &c.Token.Manufacturer, uri.Model: &c.Token.Model,
		uri.SlotDescription: &c.Token.SlotDescription, uri.SlotManufacturer: &c.Token.SlotManufacturer,
		uri.LibraryDescription: &c.Token.LibraryDescription, uri.LibraryManufacturer: &c.Token.LibraryManufacturer,
		uri.LibraryVersion: &c.Token.LibraryVersion, uri.Object: &c.Key.Label, uri.ModulePath: &c.ModulePath, uri.ModuleName: &c.ModuleName,
		uri.PINSource: &c.PINSource, NamespaceAttribute: &c.Namespace, NameAttribute: &c.Name, PublicKeyFileAttribute: &c.PublicKeyFile,
	}
	if a.Value == "" {
		return configError("attribute %q is empty", a.Name)
	}
	switch field := text[a.Name]; {
	case field != nil:
		*field = a.Value
	case a.Name == uri.ID:
		c.Key.ID = []byte(a.Value)
	case a.Name == uri.Type, a.Name == uri.SlotID:
	case a.Name == PaddingAttribute:
		padding, err := ParseRSAPadding(a.Value)
		if err != nil {
			return err
		}
		if c.Class == SecretKey {
			return onlyRSA(a.Name)
		}
		c.Padding = padding
	case a.Name == AllowExtractableAttribute:
		if a.Value != "true" && a.Value != "false" {
			return configError("attribute %q must be true or false", a.Name)
		}
		c.AllowExtractable = a.Value == "true"
	default:
		known := []string{NamespaceAttribute, NameAttribute, PaddingAttribute, PublicKeyFileAttribute, AllowExtractableAttribute}
		if near := uri.Nearest(a.Name, known); near != "" {
			return configError("unknown attribute %q, did you mean %q?", a.Name, near)
		}
		return configError("unknown attribute %q: known vendor attributes are %s", a.Name, strings.Join(known, ", "))
	}
	return nil
}

func onlyRSA(attribute string) error {
	return configError("attribute %q is for RSA: give type=private or type=public too", attribute)
}

func configError(format string, args ...any) error {
	return &keyring.ConfigError{Reason: "pkcs11: " + fmt.Sprintf(format, args...)}
}

// resolveModule returns the absolute path of the configured module.
func (c *Config) resolveModule() (string, error) {
	switch {
	case c.ModulePath != "" && c.ModuleName != "":
		return "", configError("give a module path or a module name, not both")
	case c.ModulePath != "":
		return c.ModulePath, nil
	case c.ModuleName != "":
		return module.Resolve(c.ModuleName)
	}
	return "", configError("a module is required: module-path=/absolute/path or module-name=%s", strings.Join(ModuleNames(), "|"))
}

func (c *Config) selector() *token.Selector {
	s := token.Selector(c.Token)
	return &s
}

// complete checks a copy of the configuration for a keyring and fills in the defaults.
func (c Config) complete() (Config, error) {
	if c.Key.Label == "" && len(c.Key.ID) == 0 {
		return c, configError("name the key: object=LABEL or id=%%01")
	}
	c.Key.ID = bytes.Clone(c.Key.ID)
	if c.Namespace == "" {
		c.Namespace = DefaultNamespace
	}
	if c.Name == "" {
		c.Name = c.Key.Label
	}
	if c.Name == "" {
		c.Name = c.path().KeyName()
	}
	maxName := MaxNameLen
	if c.Class != SecretKey {
		maxName = wire.MaxField
	}
	switch {
	case c.Class > PublicKey || c.Padding > OAEPSHA1:
		return c, configError("unknown class or padding")
	case c.Class == SecretKey && (c.Padding != 0 || c.Public != nil):
		return c, configError("padding and public half are for RSA: set Class to PrivateKey or PublicKey")
	case c.Padding == OAEPSHA1 && fips140.Enforced():
		return c, &Error{Op: "configure", Kind: errUnsupported, Detail: "padding oaep-sha1 is not allowed with GODEBUG=fips140=only"}
	case c.Public == nil && c.PublicKeyFile != "":
		return c, configError("the file of the public half is set and Public is not: pass the key that is in it")
	case c.PIN == nil && c.PINSource != "" && c.Class != PublicKey:
		return c, configError("the PIN source is set and PIN is not: pass a function that reads it")
	case strings.HasPrefix(c.Namespace, "aws-kms"):
		return c, configError(`the namespace must not begin with "aws-kms", which belongs to KMS keys`)
	case len(c.Namespace) > wire.MaxField:
		return c, configError("the namespace has %d bytes, more than %d", len(c.Namespace), wire.MaxField)
	case len(c.Name) > maxName:
		return c, configError("the key name has %d bytes, more than %d", len(c.Name), maxName)
	case !utf8.ValidString(c.Namespace) || !utf8.ValidString(c.Name):
		return c, configError("namespace and key name must be UTF-8")
	case c.MaxSessions < 0:
		return c, configError("the maximum of sessions is negative")
	}
	if c.Public != nil {
		if reason := checkPublic(c.Public); reason != "" {
			return c, configError("public half: %s", reason)
		}
		c.Public = &rsa.PublicKey{N: new(big.Int).Set(c.Public.N), E: c.Public.E}
	}
	return c, nil
}

// path names the key as a URI does, without anything that changes with the machine.
func (c *Config) path() *uri.URI {
	u := new(uri.URI)
	if c.Token.Label != "" {
		u.Path = append(u.Path, uri.Attribute{Name: uri.Token, Value: c.Token.Label})
	}
	if c.Key.Label != "" {
		u.Path = append(u.Path, uri.Attribute{Name: uri.Object, Value: c.Key.Label})
	}
	if len(c.Key.ID) > 0 {
		u.Path = append(u.Path, uri.Attribute{Name: uri.ID, Value: string(c.Key.ID)})
	}
	return u
}

// keyLabel is how errors name the key.
func (c *Config) keyLabel() string {
	if c.Key.Label != "" {
		return c.Key.Label
	}
	if len(c.Key.ID) == 0 {
		return ""
	}
	return (&uri.URI{Path: []uri.Attribute{{Name: uri.ID, Value: string(c.Key.ID)}}}).KeyName()
}
