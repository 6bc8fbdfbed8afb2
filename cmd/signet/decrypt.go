package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/message"
	"github.com/spf13/cobra"
)

func newDecrypt(a *app) *cobra.Command {
	var f encryptFlags
	cmd := &cobra.Command{
		Use:   "decrypt [FILE]",
		Short: "Decrypt a message",
		Long: `decrypt opens an AWS Encryption SDK message, at most 1 GiB, with any of the keys given with -k. Nothing is written before
the whole message is verified. With -c the message must have been bound to these pairs; it may have more.`,
		Example: `  signet decrypt -k 'raw-aes:example/kek?key-file=kek.bin' -c purpose=backup -o db.sql db.enc
  signet decrypt -k 'pkcs11:token=prod;object=kek?module-name=softhsm2&pin-source=file:pin' data.enc | tar x`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error { return a.decrypt(cmd.Context(), args, &f) },
	}
	cmd.Flags().StringArrayVarP(&f.context, "context", "c", nil, "pair `NAME=VALUE` that the message must be bound to; repeat it for several")
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "output `FILE`, readable by its owner only; - is standard output (default)")
	cmd.Flags().BoolVar(&f.force, "force", false, "replace the output file if it exists")
	cmd.Flags().BoolVar(&f.armor, "armor", false, "read base64 text")
	return cmd
}

func (a *app) decrypt(ctx context.Context, args []string, f *encryptFlags) error {
	want, err := contextPairs(f.context)
	if err != nil {
		return err
	}
	in, err := a.openInput(args)
	if err != nil {
		return err
	}
	defer in.Close()
	out := newOutput(f.out, f.force, 0o600)
	if err := out.check(a, in, false); err != nil {
		return err
	}
	k, err := a.openKeyring(ctx, false)
	if err != nil {
		return err
	}
	defer k.Close()
	data, err := a.readMessage(ctx, in, f.armor)
	if err != nil {
		return err
	}
	plaintext, h, err := new(message.Client).Decrypt(ctx, keyring.NewManager(k), data, nil)
	if err != nil {
		return a.decryptError(in, args, err)
	}
	defer clear(plaintext)
	a.passedOver(h.Attempts)
	if err := checkContext(h.Context, want); err != nil {
		return fmt.Errorf("%s is authentic, and not what was asked for: %w", in.name, err)
	}
	if out.path == "" && !out.dash && isBinary(plaintext) && a.isTerminal(a.stdout) {
		return &fault{code: codeTerminal, err: errors.New("refusing to print binary output to a terminal"), hint: "use -o FILE, or -o - to print it anyway"}
	}
	if err := out.write(a, plaintext); err != nil {
		return err
	}
	a.log.Info("decrypted", "from", in.name, "bytes", len(plaintext), "suite", h.Suite.String())
	if out.path == "" || a.output == text {
		return nil
	}
	return a.printJSON(written{Out: out.path, Bytes: len(plaintext), Suite: h.Suite.String(), EDKs: len(h.EDKs), Context: h.Context})
}

// readMessage reads a message, which is base64 text if armored. Text without --armor is refused and not guessed at.
func (a *app) readMessage(ctx context.Context, in *input, armored bool) ([]byte, error) {
	data, err := in.read(ctx, maxInput)
	if err != nil {
		return nil, err
	}
	switch {
	case armored:
		return dearmor(data)
	case looksArmored(data):
		return nil, &fault{code: codeArmor, err: fmt.Errorf("%s is base64 text and no binary message", in.name), hint: "add --armor"}
	case len(data) == 0:
		return nil, &fault{code: codeTruncated, err: fmt.Errorf("%s is empty", in.name)}
	}
	return data, nil
}

// decryptError adds how to see what the message was written for.
func (a *app) decryptError(in *input, args []string, err error) error {
	err = fmt.Errorf("cannot decrypt %s: %w", in.name, err)
	if c := codeOf(err); c == codeNoKey && len(args) == 1 && args[0] != "-" {
		return &fault{code: c, err: err, hint: fmt.Sprintf("run \"signet inspect %s\" to see which keys it was written for, and give one of them with -k", args[0])}
	}
	return err
}

// checkContext compares the pairs that were demanded with the verified ones.
func checkContext(got, want keyring.EncryptionContext) error {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		switch value, ok := got[name]; {
		case !ok:
			return &keyring.ContextError{Key: name, Reason: "demanded, and the message does not have it"}
		case value != want[name]:
			return &keyring.ContextError{Key: name, Reason: "has another value than the one demanded"}
		}
	}
	return nil
}
