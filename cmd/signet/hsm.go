package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/config/all"
	"github.com/signetkeys/signet/keyring/pkcs11"
	"github.com/signetkeys/signet/keyring/pkcs11/softhsm"
	"github.com/signetkeys/signet/keyring/pkcs11/uri"
	"github.com/spf13/cobra"
)

func newHSM(a *app) *cobra.Command {
	return group("hsm", "Make and list tokens and keys", newInitSoftHSM(a), newHSMGenerate(a), newHSMList(a))
}

// hsmConfig reads the one PKCS#11 URI that the hsm commands work on.
func (a *app) hsmConfig() (pkcs11.Config, error) {
	if err := needsCgo(); err != nil {
		return pkcs11.Config{}, err
	}
	uris, err := a.uris()
	if err != nil {
		return pkcs11.Config{}, &fault{code: codeOf(err), err: err, hint: "give the token's with -k, for example -k 'pkcs11:?module-name=softhsm2'"}
	}
	if len(uris) != 1 || !strings.HasPrefix(strings.ToLower(uris[0]), "pkcs11:") {
		return pkcs11.Config{}, &fault{code: codeUsage, err: errors.New("this command works on one token: give one pkcs11: URI with -k")}
	}
	return all.PKCS11(uris[0], a.env())
}

// hsmFault adds to an error of a token what to do about it.
func hsmFault(err error, cfg *pkcs11.Config) error {
	if err == nil {
		return nil
	}
	f := &fault{code: codeOf(err), err: err}
	switch {
	case errors.Is(err, pkcs11.ErrTokenNotFound):
		f.hint = fmt.Sprintf("signet hsm list -k %s shows the module's tokens", shellQuote(moduleURI(cfg)))
	case errors.Is(err, pkcs11.ErrPINRequired) && cfg.PIN == nil:
		f.hint = "say where the PIN is, with pin-source=file:PATH or pin-source=env:VARIABLE in the URI, or run signet at a terminal, where it asks"
	case f.code == codeNotFound && !errors.Is(err, pkcs11.ErrKeyNotFound): // the module
		f.hint = "install the token's module, or name its file with module-path=/absolute/path in the URI"
	}
	return f
}

// moduleURI names the module of cfg and no token.
func moduleURI(cfg *pkcs11.Config) string {
	var u uri.URI
	for _, q := range []uri.Attribute{{Name: uri.ModuleName, Value: cfg.ModuleName}, {Name: uri.ModulePath, Value: cfg.ModulePath}} {
		if q.Value != "" {
			u.Query = append(u.Query, q)
		}
	}
	return u.String()
}

func newHSMGenerate(a *app) *cobra.Command {
	bits := 0
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Make a wrapping key inside a token",
		Long: `generate makes a key that never leaves the token and can do nothing but wrap data keys: an AES key, or an RSA pair when the
URI says type=private. The URI names the token and, with object=, the label of the new key. A key with this label must not
exist. An RSA pair takes a while: seconds in SoftHSM, minutes in some tokens.`,
		Example: `  signet hsm generate -k 'pkcs11:token=prod;object=kek-2026?module-name=softhsm2&pin-source=file:pin'
  signet hsm generate -k 'pkcs11:token=prod;object=pair;type=private?module-name=softhsm2&pin-source=file:pin&x-padding=oaep-sha1'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.hsmGenerate(cmd.Context(), bits) },
	}
	cmd.Flags().IntVar(&bits, "bits", bits, "size of the key: 128, 192 or 256 (default), of an RSA pair 2048 to 8192 (default 3072)")
	return cmd
}

type keyJSON struct {
	Token       string   `json:"token"`
	Serial      string   `json:"serial"`
	Label       string   `json:"label"`
	ID          string   `json:"id"` // hexadecimal
	Type        string   `json:"type"`
	Bits        int      `json:"bits"` // 0: the token does not tell
	Encrypt     bool     `json:"encrypt"`
	Decrypt     bool     `json:"decrypt"`
	Sensitive   bool     `json:"sensitive"`
	Extractable bool     `json:"extractable"`
	URI         string   `json:"uri"`
	Dropped     []string `json:"dropped,omitempty"` // attributes that the token refused on generation
}

// keyURI is the URI of a key with the way to its module and PIN.
func keyURI(k *pkcs11.KeyInfo, cfg *pkcs11.Config, withID bool) string {
	u := k.URI()
	if !withID {
		u.Path = u.Path[:0]
		for _, a := range k.URI().Path {
			if a.Name != uri.ID {
				u.Path = append(u.Path, a)
			}
		}
	}
	query := []uri.Attribute{{Name: uri.ModuleName, Value: cfg.ModuleName}, {Name: uri.ModulePath, Value: cfg.ModulePath}, {Name: uri.PINSource, Value: cfg.PINSource}}
	if k.Class != pkcs11.SecretKey {
		query = append(query, uri.Attribute{Name: pkcs11.PaddingAttribute, Value: cfg.Padding.String()},
			uri.Attribute{Name: pkcs11.PublicKeyFileAttribute, Value: cfg.PublicKeyFile})
	}
	for _, q := range query {
		if q.Value != "" {
			u.Query = append(u.Query, q)
		}
	}
	return u.String()
}

func describeKey(k *pkcs11.KeyInfo, cfg *pkcs11.Config, withID bool) keyJSON {
	return keyJSON{
		Token: k.Token, Serial: k.Serial, Label: k.Label, ID: hex.EncodeToString(k.ID), Type: k.Type, Bits: k.Bits, Encrypt: k.Encrypt,
		Decrypt: k.Decrypt, Sensitive: k.Sensitive, Extractable: k.Extractable, URI: keyURI(k, cfg, withID), Dropped: k.Dropped,
	}
}

func (a *app) hsmGenerate(ctx context.Context, bits int) error {
	cfg, err := a.hsmConfig()
	if err != nil {
		return err
	}
	generate := pkcs11.GenerateKey
	switch rsa := cfg.Class == pkcs11.PrivateKey; {
	case rsa && bits != 0 && (bits < 2048 || bits > 8192 || bits%256 != 0):
		return &fault{code: codeUsage, err: fmt.Errorf("--bits is %d: an RSA pair has 2048 to 8192 bits, in steps of 256", bits)}
	case rsa:
		generate = pkcs11.GenerateRSAKey
	case bits == 0:
		bits = 256
	case bits != 128 && bits != 192 && bits != 256:
		return &fault{code: codeUsage, err: fmt.Errorf("--bits is %d: an AES key has 128, 192 or 256 bits", bits)}
	}
	if cfg.Key.Label == "" {
		return &fault{code: codeConfig, err: errors.New("the URI does not say how the key is to be called"), hint: "add object=LABEL to the URI"}
	}
	k, err := generate(ctx, cfg, pkcs11.GenerateOptions{Bits: bits})
	if err != nil {
		return hsmFault(err, &cfg)
	}
	for _, name := range k.Dropped {
		a.note("warning: the token refused the attribute %s for the new key", name)
	}
	// The label alone names the key in messages, and generate made sure that it is unique.
	d := describeKey(k, &cfg, len(cfg.Key.ID) > 0)
	if a.output != text {
		return a.printJSON(d)
	}
	return a.print(d.URI + "\n")
}

func newHSMList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the tokens of a module, and the keys of a token",
		Long: `list shows the tokens of the module that the URI names. When the URI names a token and says where its PIN is, list logs
in and shows the token's secret keys too, or with type=private its RSA pairs.`,
		Example: `  signet hsm list -k 'pkcs11:?module-name=softhsm2'
  signet hsm list -k 'pkcs11:token=prod?module-name=softhsm2&pin-source=file:pin'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.hsmList(cmd.Context()) },
	}
}

type tokenJSON struct {
	Label        string `json:"label"`
	Serial       string `json:"serial"`
	Manufacturer string `json:"manufacturer"`
	Model        string `json:"model"`
	Slot         uint64 `json:"slot"`
	Initialized  bool   `json:"initialized"`
	PINSet       bool   `json:"pin_set"`
	PINCountLow  bool   `json:"pin_count_low"` // a wrong PIN was given since the last right one
	PINFinalTry  bool   `json:"pin_final_try"`
	PINLocked    bool   `json:"pin_locked"`
	AESGCM       bool   `json:"aes_gcm"` // can hold signet's keys
}

type listJSON struct {
	Tokens []tokenJSON `json:"tokens"`
	Keys   []keyJSON   `json:"keys"` // of the one token that was named, if its PIN was
}

func (a *app) hsmList(ctx context.Context) error {
	cfg, err := a.hsmConfig()
	if err != nil {
		return err
	}
	path, err := modulePath(&cfg)
	if err != nil {
		return hsmFault(err, &cfg)
	}
	tokens, err := pkcs11.ListTokens(ctx, path)
	if err != nil {
		return hsmFault(err, &cfg)
	}
	out := listJSON{Tokens: []tokenJSON{}, Keys: []keyJSON{}}
	for _, t := range tokens {
		if cfg.Token.Label != "" && t.Label != cfg.Token.Label || cfg.Token.Serial != "" && t.Serial != cfg.Token.Serial {
			continue
		}
		out.Tokens = append(out.Tokens, tokenJSON{t.Label, t.Serial, t.Manufacturer, t.Model, t.Slot, t.Initialized, t.UserPINSet,
			t.PINCountLow, t.PINFinalTry, t.PINLocked, t.AESGCM})
	}
	named := cfg.Token.Label != "" || cfg.Token.Serial != ""
	if named && len(out.Tokens) == 0 {
		err := fmt.Errorf("%w: module %s has no token %s", pkcs11.ErrTokenNotFound, path, shown(cfg.Token.Label+cfg.Token.Serial))
		if strings.Contains(path, "softhsm") {
			err = fmt.Errorf("%w; SoftHSM has the tokens of the configuration that SOFTHSM2_CONF names", err)
		}
		return hsmFault(err, &cfg)
	}
	wanted := cfg.Key.Label != "" || len(cfg.Key.ID) > 0
	switch {
	case named && cfg.PIN != nil:
		keys, err := pkcs11.ListKeys(ctx, cfg)
		if err != nil {
			return hsmFault(err, &cfg)
		}
		if wanted && len(keys) == 0 {
			return &fault{code: codeNotFound, err: fmt.Errorf("%w: token %s has no such key", pkcs11.ErrKeyNotFound, shown(out.Tokens[0].Label)), hint: othersHint(cfg.Class)}
		}
		for i := range keys {
			out.Keys = append(out.Keys, describeKey(&keys[i], &cfg, true))
		}
	case wanted:
		a.note("keys are listed when the URI names a token and says where its PIN is")
	}
	return a.printList(out)
}

// othersHint says how to see the keys that are there.
func othersHint(class pkcs11.KeyClass) string {
	if class == pkcs11.PrivateKey {
		return "without object= and id= the same command lists the RSA pairs of the token; secret keys are listed without type=private"
	}
	return "without object= and id= the same command lists the secret keys of the token; RSA pairs are listed with type=private"
}

// modulePath returns the module's file. A name other than SoftHSM's is resolved by the keyring only.
func modulePath(cfg *pkcs11.Config) (string, error) {
	switch {
	case cfg.ModulePath != "":
		return cfg.ModulePath, nil
	case cfg.ModuleName == softhsm.ModuleName:
		return softhsm.Module()
	}
	return "", &fault{code: codeConfig, err: errors.New("the module is needed by its path"), hint: "add module-path=/absolute/path/of/module.so to the URI's query"}
}

func (a *app) printList(l listJSON) error {
	switch a.output {
	case asJSON:
		return a.printJSON(l)
	case ndjson:
		for _, t := range l.Tokens {
			if err := a.printJSON(map[string]tokenJSON{"token": t}); err != nil {
				return err
			}
		}
		for _, k := range l.Keys {
			if err := a.printJSON(map[string]keyJSON{"key": k}); err != nil {
				return err
			}
		}
		return nil
	}
	var b strings.Builder
	for _, t := range l.Tokens {
		if !t.Initialized {
			fmt.Fprintf(&b, "slot %d: not initialized\n", t.Slot)
			continue
		}
		fmt.Fprintf(&b, "token %s serial %s, %s\n", strconv.Quote(t.Label), printable(t.Serial), t.state())
	}
	for _, k := range l.Keys {
		fmt.Fprintf(&b, "key %s id %s, %s-%d%s\n", strconv.Quote(k.Label), k.ID, k.Type, k.Bits, k.warnings())
	}
	return a.print(b.String())
}

func (t *tokenJSON) state() string {
	switch {
	case !t.PINSet:
		return "without a user PIN"
	case t.PINLocked:
		return "PIN locked"
	case t.PINFinalTry:
		return "one PIN try left"
	case t.PINCountLow:
		return "a wrong PIN was given"
	case !t.AESGCM:
		return "no AES-GCM"
	}
	return "ready"
}

func (k *keyJSON) warnings() string {
	s := ""
	if k.Extractable {
		s += ", extractable"
	}
	if !k.Sensitive {
		s += ", not sensitive"
	}
	if !k.Encrypt {
		s += ", cannot encrypt"
	}
	if !k.Decrypt {
		s += ", cannot decrypt"
	}
	return s
}

// needsCgo is what a build without cgo answers to commands that need a token.
func needsCgo() error {
	if cgoEnabled {
		return nil
	}
	return fmt.Errorf("%w: this signet was built without cgo and cannot load PKCS#11 modules; build it with CGO_ENABLED=1 and a C compiler", signet.ErrUnsupported)
}
