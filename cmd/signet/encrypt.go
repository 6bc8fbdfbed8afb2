package main

import (
	"context"
	"fmt"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/message"
	"github.com/spf13/cobra"
)

type encryptFlags struct {
	context []string
	out     string
	force   bool
	armor   bool
}

func newEncrypt(a *app) *cobra.Command {
	var f encryptFlags
	cmd := &cobra.Command{
		Use:   "encrypt [FILE]",
		Short: "Encrypt a file or standard input",
		Long: `encrypt makes an AWS Encryption SDK message of a file or of standard input, at most 1 GiB. Every key given with -k
can open it. The pairs given with -c are bound to the message, and anybody can read them in it.`,
		Example: `  signet encrypt -k 'raw-aes:example/kek?key-file=kek.bin' -c purpose=backup -o db.enc db.sql
  tar c data | signet encrypt -k 'pkcs11:token=prod;object=kek?module-name=softhsm2&pin-source=file:pin' >data.enc`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error { return a.encrypt(cmd.Context(), args, &f) },
	}
	cmd.Flags().StringArrayVarP(&f.context, "context", "c", nil, "encryption context pair `NAME=VALUE`; repeat it for several")
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "output `FILE`; - is standard output (default)")
	cmd.Flags().BoolVar(&f.force, "force", false, "replace the output file if it exists")
	cmd.Flags().BoolVar(&f.armor, "armor", false, "write base64 text")
	return cmd
}

// written is what encrypt and decrypt print with --output json when the output is a file.
type written struct {
	Out     string            `json:"out"`
	Bytes   int               `json:"bytes"`
	Suite   string            `json:"suite"`
	EDKs    int               `json:"encrypted_data_keys"`
	Context map[string]string `json:"context"`
}

func (a *app) encrypt(ctx context.Context, args []string, f *encryptFlags) error {
	ec, err := contextPairs(f.context)
	if err != nil {
		return err
	}
	in, err := a.openInput(args)
	if err != nil {
		return err
	}
	defer in.Close()
	out := newOutput(f.out, f.force, 0o666)
	if err := out.check(a, in, !f.armor); err != nil {
		return err
	}
	k, err := a.openKeyring(ctx, true)
	if err != nil {
		return err
	}
	defer k.Close()
	plaintext, err := in.read(ctx, maxInput)
	if err != nil {
		return err
	}
	data, err := new(message.Client).Encrypt(ctx, keyring.NewManager(k), plaintext, &message.EncryptOptions{Context: ec, OnDegraded: a.degraded})
	clear(plaintext)
	if err != nil {
		return fmt.Errorf("cannot encrypt %s: %w", in.name, err)
	}
	h, _, err := message.ParseHeader(data)
	if err != nil {
		return fmt.Errorf("signet wrote a message that it cannot read: %w", err)
	}
	if f.armor {
		data = armor(data)
	}
	if err := out.write(a, data); err != nil {
		return err
	}
	a.log.Info("encrypted", "from", in.name, "bytes", len(data), "suite", h.Suite.String(), "keys", len(h.EDKs))
	if out.path == "" || a.output == text {
		return nil
	}
	return a.printJSON(written{Out: out.path, Bytes: len(data), Suite: h.Suite.String(), EDKs: len(h.EDKs), Context: h.Context})
}
