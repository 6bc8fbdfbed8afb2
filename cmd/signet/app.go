package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/config/all"
	"github.com/signetkeys/signet/keyring"
	"github.com/spf13/cobra"
)

// app is one run of the command: where it reads and writes, and its global flags.
type app struct {
	stdin, stdout *os.File
	stderr        io.Writer
	lookupEnv     func(string) (string, bool)
	isTerminal    func(*os.File) bool

	keyrings []string
	output   string
	json     bool
	quiet    bool
	verbose  int

	started bool // a command's own code has begun: errors before that are mistakes in usage
	log     *slog.Logger
	temps   tempFiles

	mu   sync.Mutex
	told map[string]bool
}

// Output formats.
const (
	text   = "text"
	asJSON = "json"
	ndjson = "ndjson"
)

// run executes a command line and returns the exit code. Whatever goes wrong is on stderr.
func (a *app) run(ctx context.Context, args []string) int {
	a.log = slog.New(slog.DiscardHandler)
	a.stderr = &sharedWriter{w: a.stderr}
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	addCompletion(root)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil {
		err = &fault{code: codeInterrupted, err: fmt.Errorf("interrupted")}
	} else if !a.started {
		err = usageFault(err)
	}
	return a.report(err, args)
}

// begin is the start of every command: it checks the global flags.
func (a *app) begin(cmd *cobra.Command, _ []string) error {
	if a.json {
		if cmd.Flags().Changed("output") && a.output != asJSON {
			return &fault{code: codeUsage, err: fmt.Errorf("--json and --output %s contradict each other", shown(a.output))}
		}
		a.output = asJSON
	}
	switch a.output {
	case text, asJSON, ndjson:
	default:
		bad := a.output
		a.output = text
		return &fault{code: codeOutputFormat, err: fmt.Errorf("--output is the format, one of text, json and ndjson, and not %s", shown(bad)),
			hint: fmt.Sprintf("to write to a file use -o %s, or --out", shown(bad))}
	}
	if a.verbose > 0 && !a.quiet {
		level := slog.LevelInfo
		if a.verbose > 1 {
			level = slog.LevelDebug
		}
		a.log = slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
	}
	a.started = true
	return nil
}

// note tells people something on stderr; --quiet silences it.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, "signet: "+format+"\n", args...)
	}
}

func (a *app) env() config.Env {
	e := config.System()
	e.LookupEnv = a.lookupEnv
	e.AskPIN = a.askPIN()
	return e
}

// uris are the keyring URIs: those of the flags, else those of SIGNET_KEYRING.
func (a *app) uris() ([]string, error) {
	if len(a.keyrings) > 0 {
		return a.keyrings, nil
	}
	if v, _ := a.lookupEnv("SIGNET_KEYRING"); strings.TrimSpace(v) != "" {
		return strings.Fields(v), nil
	}
	return nil, &fault{code: codeNoKeyring, err: fmt.Errorf("no keyring is given")}
}

// openKeyring opens what -k names, to encrypt and decrypt or to decrypt only. The caller closes it.
func (a *app) openKeyring(ctx context.Context, toEncrypt bool) (*config.Opened, error) {
	uris, err := a.uris()
	if err != nil {
		return nil, err
	}
	return a.openURIs(ctx, uris, toEncrypt)
}

func (a *app) openURIs(ctx context.Context, uris []string, toEncrypt bool) (*config.Opened, error) {
	mux, open := all.Mux(), (*config.Mux).OpenToDecrypt
	if toEncrypt {
		open = (*config.Mux).OpenAll
	}
	k, err := open(mux, ctx, uris, a.env())
	if err != nil {
		return nil, err
	}
	for i, u := range k.URIs() {
		a.log.Info("keyring", "index", i, "uri", u)
	}
	return k, nil
}

// passedOver tells what was tried without success on the way to it: keys that are not meant are logged, and a key that failed is a warning, because
// another one took its place. Each is told once.
func (a *app) passedOver(attempts []keyring.Attempt) {
	for i := range attempts {
		line := printable(attempts[i].String())
		if !a.firstTime(line) {
			continue
		}
		var skip *keyring.Skip
		if errors.As(attempts[i].Err, &skip) {
			a.log.Info("passed over", "attempt", line)
		} else {
			a.note("warning: another key had to open it: %s", line)
		}
	}
}

// degraded warns about keyrings that did not wrap the data key, once for each.
func (a *app) degraded(attempts []keyring.Attempt) {
	for i := range attempts {
		if line := printable(attempts[i].String()); a.firstTime(line) {
			a.note("warning: this key will not open what was written: %s", line)
		}
	}
}

// firstTime reports whether it is asked about this line for the first time.
func (a *app) firstTime(line string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.told[line] {
		return false
	}
	if a.told == nil {
		a.told = make(map[string]bool)
	}
	a.told[line] = true
	return true
}

// sharedWriter is standard error, for several goroutines. What is written while bars are on the screen appears above them.
type sharedWriter struct {
	mu    sync.Mutex
	w     io.Writer
	above io.Writer // nil without bars
}

func (s *sharedWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.above != nil {
		return s.above.Write(p)
	}
	return s.w.Write(p)
}

func (s *sharedWriter) setAbove(w io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.above = w
}
