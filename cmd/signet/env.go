package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/signetkeys/signet/envvar"
	"github.com/spf13/cobra"
)

func newEnv(a *app) *cobra.Command {
	return group("env", "Encrypted environment variables", newEnvEncrypt(a), newEnvExec(a))
}

// envFlags are the flags of env encrypt.
type envFlags struct {
	context     []string
	stdin       bool
	keepNewline bool
	allowValue  bool
}

func newEnvEncrypt(a *app) *cobra.Command {
	var f envFlags
	cmd := &cobra.Command{
		Use:   "encrypt NAME",
		Short: "Encrypt the value of an environment variable",
		Long: `encrypt prints what to set the variable NAME to: "signet:" and, in base64 on one line, an AWS Encryption SDK message of its value. The
value comes from standard input, without a line ending at its end, or from whoever sits at the terminal, who is asked and not shown
what is typed.

The message is bound to NAME, so that the values of two variables cannot be exchanged, and to the pairs given with -c. Anybody can read
these in it, and a policy of an AWS KMS key can have conditions on them. The AWS Lambda console uses the pair LambdaFunctionName.

"signet env exec" starts a program with plain values; a Go program opens them itself with one call of package envvar.`,
		Example: `  signet env encrypt -k "$KEY" DB_PASSWORD <password.txt
  signet env encrypt -k "$KEY" -c LambdaFunctionName=billing DB_PASSWORD
  export DB_PASSWORD=$(pass show db | signet env encrypt -k "$KEY" DB_PASSWORD)`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &fault{code: codeUsage, err: fmt.Errorf("%q takes the name of one variable, and %d arguments were given", cmd.CommandPath(), len(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.envEncrypt(cmd.Context(), args[0], &f) },
	}
	cmd.Flags().StringArrayVarP(&f.context, "context", "c", nil, "encryption context pair `NAME=VALUE`; repeat it for several")
	cmd.Flags().BoolVar(&f.stdin, "stdin", false, "read the value from standard input even if that is a terminal, to its end")
	cmd.Flags().BoolVar(&f.keepNewline, "keep-newline", false, "a line ending at the end of standard input belongs to the value")
	cmd.Flags().BoolVar(&f.allowValue, "allow-value-argument", false, "take the value from the argument, NAME=VALUE, where the system shows it to others and the shell keeps it")
	return cmd
}

// encryptedVariable is what env encrypt prints with --output json.
type encryptedVariable struct {
	Name    string            `json:"name"`
	Value   string            `json:"value"`
	Context map[string]string `json:"context"`
}

func (a *app) envEncrypt(ctx context.Context, arg string, f *envFlags) error {
	name, given, hasValue := strings.Cut(arg, "=")
	if err := a.checkVariable(name, hasValue, f); err != nil {
		return err
	}
	ec, err := contextPairs(f.context)
	if err != nil {
		return err
	}
	k, err := a.openKeyring(ctx, true)
	if err != nil {
		return err
	}
	defer k.Close()
	value := []byte(given)
	if !hasValue {
		if value, err = a.readValue(ctx, name, f); err != nil {
			return err
		}
	}
	defer clear(value)
	encrypted, err := envvar.Encrypt(ctx, k, name, value, &envvar.Options{Context: ec, OnDegraded: a.degraded})
	if errors.Is(err, envvar.ErrValue) {
		return &fault{code: codeConfig, err: err}
	}
	if err != nil {
		return err
	}
	if a.output == text {
		return a.print(encrypted + "\n")
	}
	bound := map[string]string{envvar.VariablePair: name}
	for pair, v := range ec {
		bound[pair] = v
	}
	return a.printJSON(&encryptedVariable{Name: name, Value: encrypted, Context: bound})
}

// checkVariable refuses what is wrong with the argument. It repeats nothing that may be a value in the wrong place.
func (a *app) checkVariable(name string, hasValue bool, f *envFlags) error {
	switch err := envvar.CheckName(name); {
	case looksLikeURI(name):
		return &fault{code: codeUsage, err: errors.New("the argument is a keyring URI and not the name of a variable"), hint: "give keyring URIs with -k"}
	case err != nil:
		return &fault{code: codeUsage, err: err}
	case hasValue && !f.allowValue:
		return &fault{code: codeUsage, err: errors.New("a value on the command line is shown to other users and kept by the shell"),
			hint: "give the name only, and the value on standard input or when asked for it; --allow-value-argument takes it all the same"}
	case hasValue && f.stdin:
		return &fault{code: codeUsage, err: errors.New("the value is given both as an argument and, with --stdin, on standard input")}
	}
	return nil
}

// readValue reads a value from standard input, or asks for it. An empty one is most likely the output of a command that failed.
func (a *app) readValue(ctx context.Context, name string, f *envFlags) ([]byte, error) {
	if !f.stdin && a.isTerminal(a.stdin) {
		value, err := a.askValue(ctx, name)
		if err == nil && len(value) == 0 {
			err = emptyValue("what was typed", name)
		}
		return value, err
	}
	in := &input{name: "standard input", file: a.stdin}
	value, err := in.read(ctx, envvar.MaxValue+2)
	if err != nil {
		return nil, err
	}
	if !f.keepNewline {
		if rest, ok := bytes.CutSuffix(value, []byte("\n")); ok {
			value = bytes.TrimSuffix(rest, []byte("\r"))
		}
	}
	if len(value) == 0 {
		return nil, emptyValue("standard input", name)
	}
	return value, nil
}

func emptyValue(source, name string) error {
	return &fault{code: codeUsage, err: fmt.Errorf("%s is empty", source),
		hint: fmt.Sprintf("for an empty value: signet env encrypt --allow-value-argument %s=", printable(name))}
}

// askValue asks the person at the terminal, which is opened itself, because standard input may be open for reading only.
func (a *app) askValue(ctx context.Context, name string) ([]byte, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, &fault{code: codeOther, err: fmt.Errorf("cannot ask for the value: %w", err), hint: "give it on standard input, with --stdin"}
	}
	defer tty.Close()
	return readHidden(ctx, tty, fmt.Sprintf("Value of %s: ", printable(name)))
}
