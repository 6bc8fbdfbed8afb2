package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/keyring/pkcs11/softhsm"
	"github.com/signetkeys/signet/keyring/pkcs11/uri"
	"github.com/spf13/cobra"
)

type softhsmFlags struct{ dir, label, pinSource string }

func newInitSoftHSM(a *app) *cobra.Command {
	var f softhsmFlags
	cmd := &cobra.Command{
		Use:   "init-softhsm",
		Short: "Make a SoftHSM token to try things with",
		Long: `init-softhsm makes a token of SoftHSM in a folder, with its configuration file beside it. Without --pin-source it makes up a
PIN and puts it into a file that only its owner can read. SoftHSM keeps keys in files: it is for trying things, not for
secrets. SoftHSM finds its tokens through the variable SOFTHSM2_CONF: run the export line that this command prints.

Several processes may use the same token at once. While one of them makes a token or a key, another may see it half
made and fail: do that first.`,
		Example: `  signet hsm init-softhsm --dir ./hsm --label dev`,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.initSoftHSM(cmd, &f) },
	}
	cmd.Flags().StringVar(&f.dir, "dir", "", "`FOLDER` of tokens and configuration; it is made if it does not exist")
	cmd.Flags().StringVar(&f.label, "label", "", "`LABEL` of the token")
	cmd.Flags().StringVar(&f.pinSource, "pin-source", "", "where the user PIN is: `file:PATH or env:VARIABLE`")
	return cmd
}

// softToken is a new token and how to reach it.
type softToken struct {
	Conf    string `json:"softhsm2_conf"`
	Module  string `json:"module"`
	Token   string `json:"token"`
	Serial  string `json:"serial"`
	PINFile string `json:"pin_file,omitempty"` // when the PIN was made up
	SOPIN   string `json:"so_pin_file"`
	URI     string `json:"uri"` // names the token and no key
}

func (a *app) initSoftHSM(cmd *cobra.Command, f *softhsmFlags) error {
	if f.dir == "" || f.label == "" {
		return &fault{code: codeUsage, err: errors.New("--dir and --label are needed")}
	}
	if len(f.label) > maxTokenLabel || strings.TrimRight(f.label, " \x00") != f.label {
		return &fault{code: codeUsage, err: fmt.Errorf("--label has %d bytes: the label of a token has 1 to %d and does not end in a blank", len(f.label), maxTokenLabel)}
	}
	t, err := makeSoftToken(cmd, a.env(), f)
	if err != nil {
		return err
	}
	if a.output != text {
		return a.printJSON(t)
	}
	example, _ := uri.Parse(t.URI)
	example.Path = append(example.Path, uri.Attribute{Name: uri.Object, Value: "kek"})
	return a.print(fmt.Sprintf("export SOFTHSM2_CONF=%s\n%s hsm generate -k %s\n", shellQuote(t.Conf), self(), shellQuote(example.String())))
}

// maxTokenLabel is PKCS#11's limit in bytes.
const maxTokenLabel = 32

func makeSoftToken(cmd *cobra.Command, env config.Env, f *softhsmFlags) (_ *softToken, err error) {
	if err := needsCgo(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(f.dir)
	if err != nil {
		return nil, err
	}
	source := f.pinSource
	var pin []byte
	if source != "" { // before anything is made
		if pin, err = env.ReadPIN(source); err != nil {
			return nil, err
		}
		defer clear(pin)
	}
	if _, err := softhsm.WriteConf(dir); err != nil {
		return nil, err
	}
	name := url.PathEscape(f.label)
	t := &softToken{Token: f.label, SOPIN: filepath.Join(dir, name+".so-pin")}
	var made []string
	defer func() {
		if err != nil {
			for _, path := range made {
				_ = os.Remove(path)
			}
		}
	}()
	soPIN, err := makePIN(t.SOPIN)
	if err != nil {
		return nil, err
	}
	defer clear(soPIN)
	made = append(made, t.SOPIN)
	if source == "" {
		t.PINFile = filepath.Join(dir, name+".pin")
		source = "file:" + t.PINFile
		if pin, err = makePIN(t.PINFile); err != nil {
			return nil, err
		}
		made = append(made, t.PINFile)
		defer clear(pin)
	}
	token, err := softhsm.Init(cmd.Context(), softhsm.InitOptions{Dir: dir, Label: f.label, PIN: pin, SOPIN: soPIN})
	if err != nil {
		return nil, err
	}
	t.Conf, t.Module, t.Serial = token.Conf, token.Module, token.Serial
	u := uri.URI{
		Path:  []uri.Attribute{{Name: uri.Token, Value: f.label}},
		Query: []uri.Attribute{{Name: uri.ModuleName, Value: softhsm.ModuleName}, {Name: uri.PINSource, Value: source}},
	}
	t.URI = u.String()
	return t, nil
}

// makePIN puts a PIN of 130 random bits into a new file.
func makePIN(path string) ([]byte, error) {
	pin := []byte(rand.Text())
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, &fault{code: codeExists, err: fmt.Errorf("%s exists already, so there may be a token with this label", path), hint: "choose another --label or --dir"}
	}
	if err != nil {
		return nil, outputError(path, err)
	}
	_, err = f.Write(append(pin[:len(pin):len(pin)], '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, outputError(path, err)
	}
	return pin, nil
}

// shellQuote quotes for a POSIX shell.
func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
