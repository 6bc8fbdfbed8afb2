package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
	"github.com/spf13/cobra"
)

func newEncrypt(a *app) *cobra.Command {
	var f messageFlags
	cmd := &cobra.Command{
		Use:   "encrypt [FILE|FOLDER]",
		Short: "Encrypt a file, a folder or standard input",
		Long: `encrypt makes an AWS Encryption SDK message of a file or of standard input, of any length in constant memory. Every key
given with -k can open it. The pairs given with -c are bound to the message, and anybody can read them in it, unless
--unstored-context names them: then whoever decrypts must give them.

With --recursive each file of a folder becomes a message in the folder that -o names, under the same path and with the suffix
.signet. Symbolic links and special files are left out. Files that fail do not stop the others; the exit code is that of the worst.`,
		Example: `  signet encrypt -k 'raw-aes:example/kek?key-file=kek.bin' -c purpose=backup -o db.enc db.sql
  signet encrypt -k 'raw-aes:example/kek?key-file=kek.bin' --recursive -o documents.enc documents
  tar c data | signet encrypt -k 'pkcs11:token=prod;object=kek?module-name=softhsm2&pin-source=file:pin' >data.enc`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error { return a.encrypt(cmd.Context(), args, &f) },
	}
	cmd.Flags().StringArrayVarP(&f.context, "context", "c", nil, "encryption context pair `NAME=VALUE`; repeat it for several")
	cmd.Flags().StringArrayVar(&f.unstored, "unstored-context", nil, "`NAME` of a pair of -c that is bound to the message and not stored in it; repeat it for several")
	f.addOutput(cmd, "")
	cmd.Flags().StringVar(&f.suffix, "suffix", defaultSuffix, "with --recursive, `TEXT` that is added to file names")
	cmd.Flags().BoolVar(&f.armor, "armor", false, "write base64 text")
	cmd.Flags().Var(&f.suite, "suite", "algorithm suite, `NAME` or number such as 0x0478 (default 0x0578, with key commitment and signature)")
	f.addClient(cmd)
	cmd.Flags().Var(&f.frameLength, "frame-length", "`BYTES` of plaintext in a frame (default 4KiB); one frame is held in memory several times")
	cmd.Flags().Var(&f.maxLength, "max-length", "refuse a plaintext of more than these `BYTES`")
	return cmd
}

// written is what encrypt, decrypt and rotate print with --output json when the output is a file.
type written struct {
	Out     string            `json:"out"`
	Bytes   int64             `json:"bytes"`
	Suite   string            `json:"suite"`
	EDKs    int               `json:"encrypted_data_keys"`
	Context map[string]string `json:"context"`

	Degraded  []degradedJSON `json:"degraded,omitempty"`
	MessageID string         `json:"message_id,omitempty"`
	Previous  *previousJSON  `json:"previous,omitempty"`
}

// degradedJSON is a keyring without a data key in what was written.
type degradedJSON struct {
	Provider string `json:"provider"`
	Key      string `json:"key"`
	Error    string `json:"error"`
}

func degradedList(attempts []keyring.Attempt) []degradedJSON {
	var out []degradedJSON
	for _, j := range attemptsJSON(attempts) {
		out = append(out, degradedJSON{j.Provider, j.Key, j.Error})
	}
	return out
}

// previousJSON is the message that rotate read.
type previousJSON struct {
	MessageID string `json:"message_id"`
	Suite     string `json:"suite"`
	EDKs      int    `json:"encrypted_data_keys"`
}

func (a *app) encrypt(ctx context.Context, args []string, f *messageFlags) error {
	e := &encryption{a: a, f: f, options: message.EncryptOptions{Suite: f.suite.Suite, MaxLength: int64(f.maxLength)}}
	var err error
	if e.options.Context, err = contextPairs(f.context); err != nil {
		return err
	}
	if err := checkUnstored(f.unstored, e.options.Context); err != nil {
		return err
	}
	if err := f.checkFrameLength(); err != nil {
		return err
	}
	e.options.FrameLength = int(f.frameLength)
	if e.client, err = f.client(); err != nil {
		return err
	}
	return a.process(ctx, args, f, &task{verb: "encrypt", done: "encrypted", perm: 0o666, toEncrypt: true, binary: !f.armor, target: f.encryptedName, one: e.one, open: e.open})
}

// encryption is what the messages of one command share.
type encryption struct {
	a       *app
	f       *messageFlags
	client  *message.Client
	mm      keyring.MaterialsManager
	options message.EncryptOptions
}

func (e *encryption) open(k keyring.Keyring) (err error) {
	e.mm = keyring.NewManager(k)
	if len(e.f.unstored) > 0 {
		e.mm, err = keyring.RequireContext(e.mm, e.f.unstored...)
	}
	return err
}

// one encrypts one input. Nothing is left of an output that fails.
func (e *encryption) one(ctx context.Context, in *input, s *sink) (*written, error) {
	r, err := in.reader(ctx)
	if err != nil {
		return nil, err
	}
	o := e.options
	if size, ok := in.size(); ok {
		if o.MaxLength > 0 && size > o.MaxLength {
			return nil, &fault{code: codeLimit, err: fmt.Errorf("%s has %d bytes, more than --max-length allows (%d)", in.name, size, o.MaxLength)}
		}
		o.Length = &size
	}
	o.Concurrency = e.f.pieces(in, int64(o.FrameLength))
	var degraded []keyring.Attempt
	o.OnDegraded = func(attempts []keyring.Attempt) {
		degraded = attempts
		e.a.degraded(attempts)
	}
	tap := &headerTap{w: s}
	armored := &armorWriter{w: s}
	if e.f.armor {
		tap.w = armored
	}
	w, err := e.client.NewEncryptWriter(ctx, e.mm, tap, &o)
	if err != nil {
		return nil, encryptError(in, err)
	}
	defer w.Abort()
	n, err := w.ReadFrom(r)
	if err == nil {
		err = w.Close()
	}
	if err == nil && e.f.armor {
		err = armored.Close()
	}
	if err != nil {
		return nil, encryptError(in, err)
	}
	h, err := tap.header()
	if err != nil {
		return nil, fmt.Errorf("signet wrote a message that it cannot read: %w", err)
	}
	if err := s.commit(); err != nil {
		return nil, err
	}
	e.a.log.Info("encrypted", "from", in.name, "bytes", n, "suite", h.Suite.String(), "keys", len(h.EDKs), "degraded", len(degraded))
	return &written{Out: s.o.path, Bytes: s.n, Suite: h.Suite.String(), EDKs: len(h.EDKs), Context: h.Context, Degraded: degradedList(degraded)}, nil
}

func encryptError(in *input, err error) error {
	var length *message.LengthError
	if errors.As(err, &length) && length.Exact {
		return &fault{code: codeChanged, err: fmt.Errorf("%s changed while it was read: %w", in.name, err)}
	}
	err = fmt.Errorf("cannot encrypt %s: %w", in.name, err)
	var policy *suite.PolicyError
	if errors.As(err, &policy) && policy.Suite != nil {
		hint := "--commitment-policy forbid-encrypt-allow-decrypt writes suites without key commitment, for readers that know no other"
		if policy.Suite.Commits() {
			hint = "leave --commitment-policy out, or choose a suite without key commitment"
		}
		return &fault{code: codePolicy, err: err, hint: hint}
	}
	return err
}

// headerTap keeps the beginning of what goes through it until it is a header.
type headerTap struct {
	w    io.Writer
	head []byte
	h    *message.UnverifiedHeader
}

func (t *headerTap) Write(p []byte) (int, error) {
	if t.h == nil {
		t.head = append(t.head, p...)
		if h, _, err := message.ParseHeader(t.head); err == nil {
			t.h, t.head = h, nil
		}
	}
	return t.w.Write(p)
}

func (t *headerTap) header() (*message.UnverifiedHeader, error) {
	if t.h != nil {
		return t.h, nil
	}
	_, _, err := message.ParseHeader(t.head)
	return nil, err
}
