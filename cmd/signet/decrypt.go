package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
	"github.com/spf13/cobra"
)

func newDecrypt(a *app) *cobra.Command {
	var f messageFlags
	cmd := &cobra.Command{
		Use:   "decrypt [FILE|FOLDER]",
		Short: "Decrypt a message, or a folder of messages",
		Long: `decrypt opens an AWS Encryption SDK message of any length, with any of the keys given with -k, in constant memory.

An output file appears when the whole message is verified, and not before. On standard output: a signed message is verified as a
whole before anything of it is printed. A file is read twice for that; what comes from a pipe is held in a temporary file in TMPDIR, as
it is, encrypted. Of an unsigned message each frame is printed when it is verified, so a damaged one is noticed in the middle: discard the
output unless the exit code is 0.

With -c pairs are given that the message was bound to and may not have stored; a stored one must be equal. With --require-context the
message must be bound to a pair.

With --recursive each file of a folder with the suffix .signet is decrypted into the folder that -o names, under the same path without the
suffix. Other files are left out. Files that fail do not stop the others; the exit code is that of the worst.`,
		Example: `  signet decrypt -k 'raw-aes:example/kek?key-file=kek.bin' --require-context purpose=backup -o db.sql db.enc
  signet decrypt -k 'raw-aes:example/kek?key-file=kek.bin' --recursive -o documents documents.enc
  signet decrypt -k 'pkcs11:token=prod;object=kek?module-name=softhsm2&pin-source=file:pin' data.enc | tar x`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error { return a.decrypt(cmd.Context(), args, &f) },
	}
	f.addReading(cmd)
	f.addOutput(cmd, ", readable by its owner only")
	cmd.Flags().StringVar(&f.suffix, "suffix", defaultSuffix, "with --recursive, `TEXT` that file names must end in, and that is taken off")
	cmd.Flags().BoolVar(&f.allowUnverified, "allow-unverified-stream", false, "print a signed message from a pipe before its signature is verified")
	f.addClient(cmd)
	return cmd
}

// addReading adds the flags of commands that open messages.
func (f *messageFlags) addReading(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&f.context, "context", "c", nil, "pair `NAME=VALUE` that the message was bound to, stored or not; repeat it for several")
	cmd.Flags().StringArrayVar(&f.require, "require-context", nil, "pair `NAME[=VALUE]` that the message must be bound to; repeat it for several")
	cmd.Flags().BoolVar(&f.armor, "armor", false, "read base64 text")
	cmd.Flags().Var(&f.maxLength, "max-length", "refuse a frame, or a body without frames, of more than these `BYTES`, which are held in memory (default 64MiB)")
}

func (a *app) decrypt(ctx context.Context, args []string, f *messageFlags) error {
	d, err := a.newDecryption(f)
	if err != nil {
		return err
	}
	return a.process(ctx, args, f, &task{verb: "decrypt", done: "decrypted", perm: 0o600, target: f.decryptedName, one: d.one, open: d.open})
}

// decryption is what the messages of one command share.
type decryption struct {
	a       *app
	f       *messageFlags
	client  *message.Client
	mm      keyring.MaterialsManager
	options message.DecryptOptions
	require []requiredPair
}

func (a *app) newDecryption(f *messageFlags) (*decryption, error) {
	d := &decryption{a: a, f: f, options: message.DecryptOptions{MaxFrameLength: int64(f.maxLength)}}
	var err error
	if d.options.ReproducedContext, err = contextPairs(f.context); err != nil {
		return nil, err
	}
	if d.require, err = requiredPairs(f.require); err != nil {
		return nil, err
	}
	d.client, err = f.client()
	return d, err
}

func (d *decryption) open(k keyring.Keyring) error {
	d.mm = keyring.NewManager(k)
	return nil
}

// one decrypts one input. Nothing is left of an output file that fails.
func (d *decryption) one(ctx context.Context, in *input, s *sink) (*written, error) {
	src, err := in.message(ctx, d.f.armor)
	if err != nil {
		return nil, err
	}
	o := d.options
	from, done, err := d.twice(src, in, s.o, &o)
	if err != nil {
		return nil, fmt.Errorf("cannot decrypt %s: %w", in.name, err)
	}
	defer done()
	var frameLength int64
	if src.header != nil {
		frameLength = int64(src.header.FrameLength)
	}
	o.Concurrency = d.f.pieces(in, frameLength)
	r, err := d.client.NewDecryptReader(ctx, d.mm, from, &o)
	if err != nil {
		return nil, d.failure(in, src, s, err)
	}
	defer r.Close()
	h := r.Header()
	d.a.passedOver(h.Attempts)
	if err := checkContext(h.Context, d.require); err != nil {
		return nil, fmt.Errorf("%s is authentic, and not what was asked for: %w", in.name, err)
	}
	if _, err := r.WriteTo(s); err != nil {
		return nil, d.failure(in, src, s, err)
	}
	if err := s.commit(); err != nil {
		return nil, err
	}
	d.a.log.Info("decrypted", "from", in.name, "bytes", s.n, "suite", h.Suite.String())
	return &written{Out: s.o.path, Bytes: s.n, Suite: h.Suite.String(), EDKs: len(h.EDKs), Context: h.Context}, nil
}

// twice returns what to read a message from: a signed one must be there twice, once to be verified and once to be released. The caller
// calls the returned function when it has been read.
func (d *decryption) twice(src *source, in *input, out *output, o *message.DecryptOptions) (io.Reader, func(), error) {
	nothing := func() {}
	switch {
	case src.again != nil || src.header == nil || !src.header.Suite.Signed():
		return src.r, nothing, nil
	case d.f.allowUnverified:
		if out.isDirect() { // a file appears when all of it is verified
			d.a.note("warning: the signature of %s is verified at its end only: discard the output unless the exit code is 0", printable(in.name))
		}
		o.ReleaseUnverified = true
		return src.r, nothing, nil
	}
	sp, err := newSpool(src.r)
	if err != nil {
		return nil, nil, err
	}
	return sp, sp.Close, nil
}

// failure says what can be done about a message that does not open.
func (d *decryption) failure(in *input, src *source, s *sink, err error) error {
	var out *fault
	if errors.As(err, &out) && (out.code == codeOutput || out.code == codeTerminal) {
		return out
	}
	hint := d.hint(in, src, err)
	err = fmt.Errorf("cannot decrypt %s: %w", in.name, err)
	if n := s.released(); n > 0 {
		err = fmt.Errorf("%w; %d bytes of it were released before: discard them", err, n)
	}
	if hint != "" {
		return &fault{code: codeOf(err), err: err, hint: hint}
	}
	return err
}

func (d *decryption) hint(in *input, src *source, err error) string {
	var policy *suite.PolicyError
	var limit *keyring.LimitError
	switch {
	case errors.As(err, &policy) && policy.Suite != nil:
		return "--commitment-policy require-encrypt-allow-decrypt opens messages without key commitment, too"
	case errors.As(err, &limit) && strings.Contains(limit.What, "MaxFrameLength"):
		return fmt.Sprintf("--max-length %d allows it, and needs several times as much memory", limit.Got)
	case errors.As(err, &limit) && strings.Contains(limit.What, "encrypted data keys"):
		return fmt.Sprintf("--max-edks %d allows it", limit.Got)
	case codeOf(err) != codeNoKey:
		return ""
	}
	if src.header != nil {
		for name := range d.options.ReproducedContext {
			if _, stored := src.header.Context[name]; !stored {
				return "a pair of -c that the message does not store keeps every key from opening it, unless the message was bound to it"
			}
		}
	}
	if in.path == "" {
		return ""
	}
	return fmt.Sprintf("run \"signet inspect %s\" to see which keys it was written for, and \"signet explain\" with these flags to see what was tried", printable(in.path))
}
