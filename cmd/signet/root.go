package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

const longHelp = `signet encrypts files, streams and DynamoDB items under keys that you hold: in an HSM (PKCS#11), in AWS KMS or
in a file, one or several at once. What it writes is byte-compatible with the AWS Encryption SDK.

Keys are chosen by URI, with -k or, when there is no -k, with the variable SIGNET_KEYRING (several URIs are
separated by spaces). With several, the first one makes the data key and each of them can open it later:

  raw-aes:NAMESPACE/NAME?key-file=FILE     a file of 16, 24 or 32 bytes
  raw-aes:NAMESPACE/NAME?key-env=VARIABLE  a variable with the key in base64
  raw-rsa:NAMESPACE/NAME?public=FILE&private=FILE&padding=oaep-sha256
                                           an RSA key in PEM or DER; the public half alone encrypts
  raw-ecdh:?schema=static&private=FILE&peer=FILE
                                           two key pairs; schema=ephemeral with peer, or schema=discovery with private
  pkcs11:token=LABEL;object=LABEL?module-name=softhsm2&pin-source=file:FILE
                                           a key in a PKCS#11 token (RFC 7512)
  awskms:///ARN                            a key in AWS KMS; also alias/NAME or an id, with region=REGION; mrk=true for multi-Region keys
  awskms:?discovery=true&account=ID&region=REGION
                                           decrypts with the key that the message names
  tink:NAME?keyset=FILE&kek=URI            a Tink keyset, encrypted under another keyring, whose URI is percent-encoded

Exit codes: 0 success, 1 failure, 2 usage, 3 configuration or policy, 4 not found, 5 access to a key or file
denied, 6 no key could decrypt, 7 data changed, malformed, truncated or of another context, 8 backend throttled or
unavailable, 130 interrupted. Every error has a code such as SIGNET6000; docs/reference/errors.md explains them.`

// newRoot builds the command tree over a.
func newRoot(a *app) *cobra.Command {
	root := group("signet", "Encrypt files and DynamoDB items under keys you hold",
		newEncrypt(a), newDecrypt(a), newRotate(a), newInspect(a), newExplain(a), newItem(a), newEnv(a), newHSM(a), newKMS(a), newDemo(a), newVersion(a))
	root.Long = longHelp
	root.SilenceErrors, root.SilenceUsage = true, true
	root.PersistentPreRunE = a.begin
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(newHelp(root))
	f := root.PersistentFlags()
	f.StringArrayVarP(&a.keyrings, "keyring", "k", nil, "keyring `URI`; repeat it for several keys (default $SIGNET_KEYRING)")
	f.StringVar(&a.output, "output", text, "`format` of what is printed: text, json or ndjson")
	f.BoolVar(&a.json, "json", false, "the same as --output json")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "print nothing but output and errors")
	f.CountVarP(&a.verbose, "verbose", "v", "log to stderr what is done; -vv logs more")
	return root
}

// addCompletion adds cobra's completion command, which prints to where root prints by now. By itself it would call an unknown shell a success.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	c, _, err := root.Find([]string{"completion"})
	if err != nil {
		return
	}
	g := group(c.Use, c.Short)
	c.Args, c.RunE, c.SuggestionsMinimumDistance = g.Args, g.RunE, g.SuggestionsMinimumDistance
	for _, shell := range c.Commands() {
		shell.Args = noArgs
	}
}

// group is a command that only has subcommands.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{
		Use:   use,
		Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := ""
			if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
				hint = fmt.Sprintf("did you mean %q?", s[0])
			}
			return &fault{code: codeUsage, err: fmt.Errorf("unknown command %s for %q", shown(args[0]), cmd.CommandPath()), hint: hint}
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	g.SuggestionsMinimumDistance = 2
	g.AddCommand(commands...)
	return g
}

// newHelp replaces cobra's help command, which repeats unknown arguments and calls them a success.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return &fault{code: codeUsage, err: fmt.Errorf("no such command: %s", shown(args[len(args)-1])), hint: `"signet help" lists them`}
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}
