package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"

	"github.com/signetkeys/signet/envvar"
	"github.com/signetkeys/signet/keyring"
	"github.com/spf13/cobra"
)

func newEnvExec(a *app) *cobra.Command {
	var context, require []string
	cmd := &cobra.Command{
		Use:   "exec [--] COMMAND [ARGUMENT...]",
		Short: "Start a command with decrypted environment variables",
		Long: `exec decrypts every environment variable whose value begins with "signet:" and starts the command with the plain values in their place. If
one does not open nothing is started. Variables without that prefix are passed on as they are; --require names those that must
be encrypted. Without any encrypted variable no key is needed.

Each value must be bound to its variable's name and to the pairs given with -c. "signet env encrypt" makes them.

The command takes the place of signet: the process, its standard input and output, signals and its exit code are those of the command.
An exit code of exec itself comes with an error on standard error. The command sees every other variable too, those that open the keyring
included; "signet env exec env -u NAME COMMAND" takes one away.`,
		Example: `  signet env exec -k "$KEY" -- ./server --port 8080
  signet env exec -k "$KEY" -c LambdaFunctionName="$AWS_LAMBDA_FUNCTION_NAME" --require DB_PASSWORD ./bootstrap`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &fault{code: codeUsage, err: fmt.Errorf("%q takes a command to start", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.envExec(cmd.Context(), args, context, require) },
	}
	cmd.Flags().StringArrayVarP(&context, "context", "c", nil, "pair `NAME=VALUE` that every encrypted value must be bound to; repeat it for several")
	cmd.Flags().StringArrayVar(&require, "require", nil, "`NAME` of a variable that must be set and encrypted; repeat it for several")
	cmd.Flags().SetInterspersed(false) // what follows the command is the command's
	return cmd
}

func (a *app) envExec(ctx context.Context, args, context, require []string) error {
	ec, err := contextPairs(context)
	if err != nil {
		return err
	}
	path, err := command(args[0])
	if err != nil {
		return err
	}
	env, err := a.decryptedEnv(ctx, &envvar.Options{
		Context: ec, Require: require,
		OnAttempts: func(_ string, attempts []keyring.Attempt) { a.passedOver(attempts) },
	})
	if err != nil {
		return err
	}
	if err := replaceProcess(ctx, path, args, env); err != nil {
		return startError(args[0], err)
	}
	return ctx.Err()
}

// decryptedEnv is the environment of the command. The keyring is closed when it returns.
func (a *app) decryptedEnv(ctx context.Context, o *envvar.Options) ([]string, error) {
	environ := os.Environ()
	var k keyring.Keyring
	if len(envvar.Encrypted(environ)) > 0 {
		opened, err := a.openKeyring(ctx, false)
		if err != nil {
			return nil, err
		}
		defer opened.Close()
		k = opened
	}
	values, err := envvar.Load(ctx, k, environ, o)
	if err != nil {
		return nil, loadFault(err)
	}
	a.log.Info("decrypted", "variables", values.Names())
	return values.Environ(), nil
}

// loadFault adds what can be done about variables that do not open.
func loadFault(err error) error {
	c, hint := codeOf(err), ""
	switch c {
	case codeContext:
		hint = "a value opens in the variable that it was encrypted for, and with the pairs of -c that it is bound to"
	case codeNotFound:
		hint = `set it to what "signet env encrypt" prints`
	case codeMalformed, codeTruncated:
		hint = `"signet env encrypt" prints encrypted values; a plain one must not begin with "signet:"`
	case codeNoKey:
		hint = `what follows "signet:" is a message: "signet inspect --armor" shows which keys it was written for`
	}
	return &fault{code: c, err: err, hint: hint}
}

// command finds the program to start, before any key is asked.
func command(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", startError(name, err)
	}
	return path, nil
}

func startError(name string, err error) error {
	var lookup *exec.Error
	if errors.As(err, &lookup) {
		err = lookup.Err
	}
	err = withoutPath(err)
	c := codeOther
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		c = codeNoFile
	case errors.Is(err, fs.ErrPermission):
		c = codeFileDenied
	}
	return &fault{code: c, err: fmt.Errorf("cannot start %s: %w", shown(name), err)}
}
