package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"

	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/message"
	"github.com/spf13/cobra"
)

func newRotate(a *app) *cobra.Command {
	var f messageFlags
	var from []string
	cmd := &cobra.Command{
		Use:   "rotate [FILE|FOLDER]...",
		Short: "Decrypt a message and encrypt it afresh under today's keys",
		Long: `rotate opens a message and writes another one of the same plaintext and with the same encryption context: under the keys that -k
names today, with a new data key and a new message id, in the suite that the commitment policy prefers. The keys of -k open the old
message, too, unless --from names others for that.

With --in-place the new message takes the place of FILE when all of the old one is verified and all of the new one is on the disk; until
then, and when anything fails, the old file stays as it was. Several files may be given. Backups and hard links keep the old message.
Without --in-place the new message goes to -o or standard output, as with encrypt.

With --recursive each file of a folder with the suffix .signet is rotated, in place or into the folder that -o names. Files that fail do
not stop the others; the exit code is that of the worst.

There is no way to give a message new encrypted data keys and leave the rest: docs/concepts.md says why.`,
		Example: `  signet rotate -k "$NEW" --from "$OLD" --in-place db.enc archive.enc
  signet rotate -k "$NEW" --from "$OLD" --in-place --recursive documents.enc
  signet rotate -k "$NEW" --from "$OLD" -o db.new db.enc`,
		Args: func(cmd *cobra.Command, args []string) error { return rotateArgs(cmd, args, &f) },
		RunE: func(cmd *cobra.Command, args []string) error { return a.rotate(cmd.Context(), args, from, &f) },
	}
	cmd.Flags().StringArrayVar(&from, "from", nil, "keyring `URI` that opens the old message, before those of -k; repeat it for several")
	f.addReading(cmd)
	cmd.Flags().Lookup("armor").Usage = "read and write base64 text"
	f.addOutput(cmd, "")
	cmd.Flags().BoolVarP(&f.inPlace, "in-place", "i", false, "replace the files that are read")
	cmd.Flags().StringVar(&f.suffix, "suffix", defaultSuffix, "with --recursive, `TEXT` that file names must end in")
	cmd.Flags().Var(&f.suite, "suite", "algorithm suite of the new message, `NAME` or number such as 0x0478 (default 0x0578, with key commitment and signature)")
	f.addClient(cmd)
	cmd.Flags().Var(&f.frameLength, "frame-length", "`BYTES` of plaintext in a frame (default: as in the old message)")
	return cmd
}

func rotateArgs(cmd *cobra.Command, args []string, f *messageFlags) error {
	if !f.inPlace || f.recursive {
		return atMostOne(cmd, args)
	}
	usage := func(text string) error {
		return &fault{code: codeUsage, err: errors.New(text), hint: "write signet rotate --in-place FILE..., or leave --in-place out"}
	}
	switch {
	case len(args) == 0:
		return usage("--in-place takes files, and none is given")
	case f.out != "":
		return usage("--in-place and -o contradict each other")
	}
	for _, arg := range args {
		if err := atMostOne(cmd, []string{arg}); err != nil {
			return err
		}
		if arg == "-" {
			return usage("standard input cannot be rotated in place")
		}
	}
	return nil
}

func (a *app) rotate(ctx context.Context, args, from []string, f *messageFlags) error {
	d, err := a.newDecryption(f)
	if err != nil {
		return err
	}
	if err := f.checkFrameLength(); err != nil {
		return err
	}
	r := &rotation{a: a, f: f, old: d, from: from}
	defer r.close()
	t := &task{verb: "rotate", done: "rotated", perm: 0o666, toEncrypt: true, binary: !f.armor, target: f.rotatedName, one: r.one}
	t.open = func(k keyring.Keyring) error { return r.open(ctx, k) }
	if f.inPlace && !f.recursive {
		return a.rotateInPlace(ctx, args, t)
	}
	return a.process(ctx, args, f, t)
}

func (f *messageFlags) rotatedName(name string) (output, leftOut string) {
	_, leftOut = f.decryptedName(name)
	return name, leftOut
}

// rotation is what the messages of one command share.
type rotation struct {
	a      *app
	f      *messageFlags
	from   []string
	opened *config.Opened // of from
	old    *decryption
	new    keyring.MaterialsManager
}

// open takes the keyring of today. The old messages are opened with those of --from first.
func (r *rotation) open(ctx context.Context, today keyring.Keyring) (err error) {
	r.new = keyring.NewManager(today)
	if len(r.from) == 0 {
		return r.old.open(today)
	}
	if r.opened, err = r.a.openURIs(ctx, r.from, false); err != nil {
		return err
	}
	both, err := keyring.NewMulti(keyring.MultiOptions{Optional: []keyring.Keyring{r.opened, readOnly{today}}})
	if err != nil {
		return err
	}
	return r.old.open(both)
}

func (r *rotation) close() {
	if r.opened != nil {
		_ = r.opened.Close()
	}
}

// readOnly is a keyring that is to decrypt only.
type readOnly struct{ keyring.Keyring }

func (readOnly) CanEncrypt() bool { return false }

// one rotates one input. The plaintext goes from frame to frame in memory, and the new message has no name before the old one is verified.
func (r *rotation) one(ctx context.Context, in *input, s *sink) (*written, error) {
	before, err := in.file.Stat()
	if err != nil {
		return nil, err
	}
	src, err := in.message(ctx, r.f.armor)
	if err != nil {
		return nil, err
	}
	o := r.old.options
	from, done := src.r, func() {}
	if s.o.isDirect() { // somebody sees the new message as it comes
		if from, done, err = r.old.twice(src, in, s.o, &o); err != nil {
			return nil, fmt.Errorf("cannot decrypt %s: %w", in.name, err)
		}
	} else {
		o.ReleaseUnverified = true // to the temporary file
	}
	defer done()
	if src.header != nil {
		o.Concurrency = r.f.pieces(in, int64(src.header.FrameLength))
	}
	old, err := r.old.client.NewDecryptReader(ctx, r.old.mm, from, &o)
	if err != nil {
		return nil, r.old.failure(in, src, s, err)
	}
	defer old.Close()
	h := old.Header()
	r.a.passedOver(h.Attempts)
	if err := checkContext(h.Context, r.old.require); err != nil {
		return nil, fmt.Errorf("%s is authentic, and not what was asked for: %w", in.name, err)
	}
	if src.header == nil {
		return nil, &fault{code: codeLimit, err: fmt.Errorf("%s has a header of more than %d bytes", in.name, maxHeader)}
	}
	w, err := r.writer(ctx, h, src.header, s, o.Concurrency)
	if err != nil {
		return nil, encryptError(in, err)
	}
	defer w.Abort()
	if _, err := old.WriteTo(w); err != nil {
		if w.err != nil {
			return nil, encryptError(in, w.err)
		}
		return nil, r.old.failure(in, src, s, err)
	}
	fresh, err := w.finish()
	if err != nil {
		return nil, encryptError(in, err)
	}
	if err := s.o.unchanged(before); err != nil {
		return nil, err
	}
	if err := s.commit(); err != nil {
		return nil, err
	}
	id := hex.EncodeToString(fresh.MessageID)
	r.a.log.Info("rotated", "from", in.name, "bytes", s.n, "suite", fresh.Suite.String(), "keys", len(fresh.EDKs), "message", id, "degraded", len(w.degraded))
	return &written{
		Out: s.o.path, Bytes: s.n, Suite: fresh.Suite.String(), EDKs: len(fresh.EDKs), Context: fresh.Context, Degraded: degradedList(w.degraded), MessageID: id,
		Previous: &previousJSON{MessageID: hex.EncodeToString(h.MessageID), Suite: h.Suite.String(), EDKs: len(h.EDKs)},
	}, nil
}

// A rotatedWriter is the new message. It remembers its own error, to tell it from one of the old message.
type rotatedWriter struct {
	*message.Writer
	tap      *headerTap
	armored  *armorWriter // nil without --armor
	degraded []keyring.Attempt
	err      error
}

// writer begins the new message. claimed is the old header as it was looked at: pairs that are not in it are not stored in the new one either.
func (r *rotation) writer(ctx context.Context, h *message.Header, claimed *message.UnverifiedHeader, s *sink, concurrency int) (*rotatedWriter, error) {
	w := &rotatedWriter{tap: &headerTap{w: s}}
	if r.f.armor {
		w.armored = &armorWriter{w: s}
		w.tap.w = w.armored
	}
	o := &message.EncryptOptions{Context: maps.Clone(h.Context), Suite: r.f.suite.Suite, FrameLength: int(r.f.frameLength), Concurrency: concurrency}
	delete(o.Context, keyring.PublicKeyName)
	o.OnDegraded = func(attempts []keyring.Attempt) {
		w.degraded = attempts
		r.a.degraded(attempts)
	}
	if o.FrameLength == 0 && h.FrameLength <= message.MaxFrameLength {
		o.FrameLength = int(h.FrameLength)
	}
	mm := r.new
	var unstored []string
	for name := range o.Context {
		if _, ok := claimed.Context[name]; !ok {
			unstored = append(unstored, name)
		}
	}
	var err error
	if len(unstored) > 0 {
		if mm, err = keyring.RequireContext(mm, unstored...); err != nil {
			return nil, err
		}
	}
	w.Writer, err = r.old.client.NewEncryptWriter(ctx, mm, w.tap, o)
	return w, err
}

func (w *rotatedWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.err = err
	return n, err
}

// finish ends the message and returns its header.
func (w *rotatedWriter) finish() (*message.UnverifiedHeader, error) {
	if err := w.Close(); err != nil {
		return nil, err
	}
	if w.armored != nil {
		if err := w.armored.Close(); err != nil {
			return nil, err
		}
	}
	h, err := w.tap.header()
	if err != nil {
		return nil, fmt.Errorf("signet wrote a message that it cannot read: %w", err)
	}
	return h, nil
}

// rotatedJSON is what rotate prints for several files with --output json.
type rotatedJSON struct {
	Rotated []*written   `json:"rotated"`
	Failed  []failedJSON `json:"failed"`
}

// rotateInPlace does the task with each file. One that fails does not stop the others.
func (a *app) rotateInPlace(ctx context.Context, args []string, t *task) error {
	if len(args) == 1 { // before anybody is asked for a PIN
		if _, err := os.Stat(args[0]); err != nil {
			return err
		}
	}
	k, err := a.openKeyring(ctx, true)
	if err != nil {
		return err
	}
	defer k.Close()
	if err := t.open(k); err != nil {
		return err
	}
	res := &rotatedJSON{Rotated: []*written{}, Failed: []failedJSON{}}
	var worst failures
	for _, name := range args {
		w, err := a.rotateFile(ctx, name, t)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			res.Rotated = append(res.Rotated, w)
			continue
		}
		if len(args) == 1 {
			return err
		}
		a.tell(err)
		worst.add(err)
		res.Failed = append(res.Failed, failedJSON{Path: printable(name), Code: codeOf(err).String(), Message: printable(err.Error())})
		if codeOf(err) == codePIN { // another try could lock the token
			break
		}
	}
	switch {
	case a.output == text:
	case len(args) == 1:
		err = a.printJSON(res.Rotated[0])
	default:
		err = a.printJSON(res)
	}
	if err != nil || worst.n == 0 {
		return err
	}
	return worst.fault(len(args), t.done)
}

func (a *app) rotateFile(ctx context.Context, name string, t *task) (*written, error) {
	in, err := a.openInput([]string{name})
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if _, err := in.stat(); err != nil {
		return nil, err
	}
	out := &output{path: name, force: true, inPlace: true}
	if err := out.check(a, in, false); err != nil {
		return nil, err
	}
	s := out.open(a)
	defer s.abort()
	p := a.fileProgress(t, in, out)
	defer p.stop()
	return t.one(ctx, in, s)
}

var _ io.Writer = (*rotatedWriter)(nil)
