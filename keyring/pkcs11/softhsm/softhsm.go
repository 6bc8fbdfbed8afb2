// Package softhsm makes tokens of SoftHSM, the HSM in software, for development, demonstrations and tests:
//
//	tok, err := softhsm.Init(ctx, softhsm.InitOptions{Dir: dir, Label: "dev", PIN: []byte("1234"), SOPIN: []byte("12345678")})
//
// A SoftHSM token is a folder of files encrypted under its PIN. Who can read the folder can try PINs at leisure, so it protects nothing that
// matters.
//
// SoftHSM reads the environment variable SOFTHSM2_CONF when a process initializes it. [Init] sets it for this process; other programs need it
// in their own environment.
package softhsm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/module"
)

const (
	// ModuleName is the name of the module for Config.ModuleName of package pkcs11 and for module-name in URIs.
	ModuleName = "softhsm2"
	// ConfVariable is the environment variable that names SoftHSM's configuration file.
	ConfVariable = "SOFTHSM2_CONF"
)

// ErrConflict says that SoftHSM runs in this process with another configuration. It answers for signet.ErrPolicy.
var ErrConflict error = conflict{}

type conflict struct{}

func (conflict) Error() string {
	return "softhsm: this process uses SoftHSM with another configuration, and it reads one only when it starts"
}
func (conflict) Is(target error) bool { return target == signet.ErrPolicy }

// Module returns the path of the installed module. The error answers for signet.ErrNotFound.
func Module() (string, error) {
	path, err := module.Resolve(ModuleName)
	if err != nil {
		return "", fmt.Errorf("softhsm: %w: %w (on Debian and Ubuntu: apt-get install softhsm2)", signet.ErrNotFound, err)
	}
	return path, nil
}

// Running reports whether signet has initialized SoftHSM in this process or shares it with other code that has. Then its configuration cannot change.
func Running() bool {
	path, err := module.Resolve(ModuleName)
	return err == nil && module.Process().Loaded(path)
}

// WriteConf makes dir a home of tokens and returns the path of the configuration file in it. It keeps a configuration that is there. The
// folder and its files are readable by this user only.
func WriteConf(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("softhsm: %w", err)
	}
	// SoftHSM ends a value at a line ending, at "#" and at a second "=", and would then keep its tokens in another folder.
	if strings.ContainsAny(dir, "\n\r#=") || strings.TrimSpace(dir) != dir {
		return "", fmt.Errorf("softhsm: SoftHSM cannot use a folder with such a name: %q", dir)
	}
	tokens := filepath.Join(dir, "tokens")
	if err := os.MkdirAll(tokens, 0o700); err != nil {
		return "", fmt.Errorf("softhsm: %w", err)
	}
	conf := filepath.Join(dir, "softhsm2.conf")
	text := fmt.Sprintf("directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n", tokens)
	if _, err := os.Lstat(conf); err == nil {
		return conf, nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("softhsm: %w", err)
	}
	// Whoever finds the file finds all of it: two that make one home at once write the same text.
	f, err := os.CreateTemp(dir, ".softhsm2.conf-*")
	if err != nil {
		return "", fmt.Errorf("softhsm: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), conf)
	}
	if err != nil {
		os.Remove(f.Name())
		return "", fmt.Errorf("softhsm: %w", err)
	}
	return conf, nil
}

// starting is held from the choice of the configuration until SoftHSM has read it.
var starting sync.Mutex

// Use makes conf the configuration of this process: it sets the environment variable. ErrConflict says that SoftHSM already runs with another;
// that other code runs it shows only when signet opens it, as Init does. It is safe for concurrent use, and beside Init.
func Use(conf string) error {
	starting.Lock()
	defer starting.Unlock()
	return use(conf)
}

// use is Use for who holds starting.
func use(conf string) error {
	if os.Getenv(ConfVariable) == conf {
		return nil
	}
	if Running() {
		return ErrConflict
	}
	return os.Setenv(ConfVariable, conf)
}

// Token is a token that Init made.
type Token struct {
	Module, Conf  string // paths
	Label, Serial string
}

// InitOptions say which token to make. All are required.
type InitOptions struct {
	Dir        string // see WriteConf
	Label      string // at most 32 bytes
	PIN, SOPIN []byte // 4 to 255 bytes; the caller keeps them
}

// Init makes a token. The configuration in o.Dir becomes that of the process ([Use]). A token with the same label must not exist
// (errors.Is signet.ErrPolicy). Several calls at once are fine; while one with another folder runs, the error is ErrConflict.
func Init(ctx context.Context, o InitOptions) (*Token, error) {
	switch {
	case o.Dir == "":
		return nil, errors.New("softhsm: a folder is required")
	case o.Label == "" || len(o.Label) > 32 || strings.TrimRight(o.Label, " \x00") != o.Label:
		return nil, fmt.Errorf("softhsm: label %q: must have 1 to 32 bytes and not end in a blank", o.Label)
	case badPIN(o.PIN) || badPIN(o.SOPIN):
		return nil, errors.New("softhsm: a PIN has 4 to 255 bytes and no NUL")
	}
	path, err := Module()
	if err != nil {
		return nil, err
	}
	conf, err := WriteConf(o.Dir)
	if err != nil {
		return nil, err
	}
	m, err := openWith(ctx, path, conf)
	if err != nil {
		return nil, err
	}
	serial, err := initToken(ctx, m, o)
	err = typed(errors.Join(err, m.Close()))
	if err != nil {
		return nil, err
	}
	return &Token{Module: path, Conf: conf, Label: o.Label, Serial: serial}, nil
}

func badPIN(pin []byte) bool {
	return len(pin) < 4 || len(pin) > 255 || strings.ContainsRune(string(pin), 0)
}

// openWith starts SoftHSM with conf, or shares it when it runs with conf already.
func openWith(ctx context.Context, path, conf string) (*module.Module, error) {
	starting.Lock()
	defer starting.Unlock()
	before, set := os.LookupEnv(ConfVariable)
	if err := use(conf); err != nil {
		return nil, err
	}
	m, err := module.Process().Open(ctx, path)
	if err != nil || before == conf || !m.Adopted() {
		return m, typed(err)
	}
	// Other code started SoftHSM, with what the variable was before.
	err = os.Unsetenv(ConfVariable)
	if set {
		err = os.Setenv(ConfVariable, before)
	}
	return nil, errors.Join(ErrConflict, err, m.Close())
}

// with opens the module for the time of fn.
func with(ctx context.Context, path string, fn func(*module.Module) error) error {
	m, err := module.Process().Open(ctx, path)
	if err != nil {
		return typed(err)
	}
	return typed(errors.Join(fn(m), m.Close()))
}

// typed gives errors of the module their class.
func typed(err error) error {
	var load *ck.LoadError
	if errors.As(err, &load) && load.Unsupported {
		return fmt.Errorf("softhsm: %w: %w", signet.ErrUnsupported, err)
	}
	if err == nil || strings.HasPrefix(err.Error(), "softhsm: ") {
		return err
	}
	return fmt.Errorf("softhsm: %w", err)
}

func initToken(ctx context.Context, m *module.Module, o InitOptions) (string, error) {
	return module.Exclusive(ctx, m, func() (string, error) {
		slot, err := freeSlot(m.Raw(), o.Label)
		if err != nil {
			return "", err
		}
		if err := m.Raw().InitToken(slot, o.SOPIN, o.Label); err != nil {
			return "", err
		}
		// SoftHSM numbers the slot anew when the slots are listed after that.
		slots, err := m.Raw().SlotList()
		if err != nil {
			return "", err
		}
		for _, s := range slots {
			info, err := m.Raw().TokenInfo(s)
			if err != nil || info.Label != o.Label || info.Flags&ck.FlagTokenInitialized == 0 {
				continue
			}
			return info.Serial, setPIN(m, s, o)
		}
		return "", fmt.Errorf("softhsm: the new token %q does not appear", o.Label)
	})
}

func freeSlot(c ck.Module, label string) (ck.Slot, error) {
	slots, err := c.SlotList()
	if err != nil {
		return 0, err
	}
	free, found := ck.Slot(0), false
	for _, s := range slots {
		info, err := c.TokenInfo(s)
		switch {
		case err != nil:
		case info.Flags&ck.FlagTokenInitialized == 0:
			free, found = s, true
		case info.Label == label:
			return 0, fmt.Errorf("softhsm: %w: token %q exists", signet.ErrPolicy, label)
		}
	}
	if !found {
		return 0, errors.New("softhsm: there is no free slot")
	}
	return free, nil
}

func setPIN(m *module.Module, s ck.Slot, o InitOptions) error {
	h, err := m.OpenSession(s, true)
	if err != nil {
		return err
	}
	defer m.CloseSession(h) // and with it the officer's login
	if err := m.LoginAs(h, ck.UserSO, o.SOPIN); err != nil {
		return err
	}
	return m.Raw().InitPIN(h, o.PIN)
}
