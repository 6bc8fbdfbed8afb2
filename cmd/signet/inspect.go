package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
	"github.com/spf13/cobra"
)

func newInspect(a *app) *cobra.Command {
	var armored bool
	var pairs []string
	cmd := &cobra.Command{
		Use:   "inspect [FILE]",
		Short: "Show what a message claims, without any key",
		Long: `inspect prints the structure of an AWS Encryption SDK message: suite, encryption context, encrypted data keys,
frames, signature and sizes. It needs no key, so it verifies nothing: anybody may have changed what it shows.

With -k it also says for each of these keyrings whether it has a data key in the message. One that has none cannot open it: it was added
later, or could not be reached when the message was written. Each keyring is asked to open its data key, once; one that can only encrypt
is asked to wrap something, to compare the names. SIGNET_KEYRING is not looked at.`,
		Example: `  signet inspect db.enc
  signet inspect --json - <db.enc
  signet inspect -k "$MAIN" -k "$BREAKGLASS" db.enc`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error { return a.inspect(cmd.Context(), args, armored, pairs) },
	}
	cmd.Flags().StringArrayVarP(&pairs, "context", "c", nil, "with -k, pair `NAME=VALUE` that the message was bound to and does not store; repeat it for several")
	cmd.Flags().BoolVar(&armored, "armor", false, "read base64 text")
	return cmd
}

func (a *app) inspect(ctx context.Context, args []string, armored bool, pairs []string) error {
	given, err := contextPairs(pairs)
	if err != nil {
		return err
	}
	in, err := a.openInput(args)
	if err != nil {
		return err
	}
	defer in.Close()
	src, err := in.message(ctx, armored)
	if err != nil {
		return err
	}
	o, parseErr := message.ParseOutlineFrom(src.r)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if o == nil {
		return fmt.Errorf("cannot inspect %s: %w", in.name, parseErr)
	}
	d := describeOutline(o, parseErr)
	d.Source = in.name
	if len(a.keyrings) > 0 {
		if d.Coverage, err = a.coverage(ctx, o.Header, given); err != nil {
			return err
		}
	}
	if a.output != text {
		err = a.printJSON(d)
	} else {
		err = a.print(d.text())
	}
	if err == nil && parseErr != nil {
		err = fmt.Errorf("%s is damaged behind its header: %w", in.name, parseErr)
	}
	return err
}

// description is what inspect prints; with --output json these fields, which are stable. Byte strings are in hexadecimal.
type description struct {
	Source      string            `json:"source,omitempty"`
	Verified    bool              `json:"verified"` // always false
	Format      string            `json:"format"`
	Version     int               `json:"version"`
	Suite       suiteJSON         `json:"suite"`
	MessageID   string            `json:"message_id"`
	Context     map[string]string `json:"context"`
	EDKs        []edkJSON         `json:"encrypted_data_keys"`
	Commitment  string            `json:"commitment"`          // "" in version 1
	HeaderIV    string            `json:"header_iv,omitempty"` // version 1 only
	HeaderTag   string            `json:"header_tag"`
	Framed      bool              `json:"framed"`
	FrameLength uint32            `json:"frame_length"`
	Body        *bodyJSON         `json:"body,omitempty"` // absent when the message is damaged behind its header
	Coverage    *coverageJSON     `json:"coverage,omitempty"`
}

type suiteJSON struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Commits bool   `json:"commits"`
	Signed  bool   `json:"signed"`
}

type edkJSON struct {
	Index           int    `json:"index"`
	Provider        string `json:"provider"`
	Key             string `json:"key"`          // key name of the raw AES layout, else the provider information as text if it is text
	IV              string `json:"iv,omitempty"` // raw AES layout only
	ProviderInfo    string `json:"provider_info"`
	Ciphertext      string `json:"ciphertext"`
	CiphertextBytes int    `json:"ciphertext_bytes"`
}

type bodyJSON struct {
	Frames         int64  `json:"frames"`
	PlaintextBytes int64  `json:"plaintext_bytes"`
	FirstIV        string `json:"first_iv"`
	LastTag        string `json:"last_tag"`
	Signature      string `json:"signature,omitempty"`
	HeaderBytes    int    `json:"header_bytes"`
	BodyBytes      int64  `json:"body_bytes"`
	FooterBytes    int    `json:"footer_bytes"`
	TotalBytes     int64  `json:"total_bytes"`
}

// describe reads as much of a message in memory as can be read. With an error, the description is nil when not even the header could be
// read.
func describe(data []byte) (*description, error) {
	o, err := message.ParseOutlineFrom(bytes.NewReader(data))
	if o == nil {
		return nil, err
	}
	return describeOutline(o, err), err
}

// describeOutline describes a message, without its body when err says that this is damaged.
func describeOutline(o *message.Outline, err error) *description {
	d := describeHeader(o.Header)
	if err != nil {
		return d
	}
	d.Body = &bodyJSON{
		Frames: o.Frames, PlaintextBytes: o.PlaintextLen, FirstIV: hex.EncodeToString(o.FirstIV), LastTag: hex.EncodeToString(o.LastTag),
		Signature: hex.EncodeToString(o.Signature), HeaderBytes: o.HeaderLen, BodyBytes: o.BodyLen, FooterBytes: o.FooterLen,
		TotalBytes: int64(o.HeaderLen) + o.BodyLen + int64(o.FooterLen),
	}
	return d
}

func describeHeader(h *message.UnverifiedHeader) *description {
	d := &description{
		Format: "aws-encryption-sdk", Version: h.Version, Suite: describeSuite(h.Suite),
		MessageID: hex.EncodeToString(h.MessageID), Context: h.Context, EDKs: describeEDKs(h.EDKs),
		Commitment: hex.EncodeToString(h.Commitment), HeaderIV: hex.EncodeToString(h.IV), HeaderTag: hex.EncodeToString(h.Tag),
		Framed: h.Framed, FrameLength: h.FrameLength,
	}
	if d.Context == nil {
		d.Context = map[string]string{}
	}
	return d
}

func describeSuite(s *suite.Suite) suiteJSON {
	return suiteJSON{fmt.Sprintf("0x%04X", s.ID()), s.Name(), s.Commits(), s.Signed()}
}

func describeEDKs(edks []keyring.EncryptedDataKey) []edkJSON {
	out := make([]edkJSON, len(edks))
	for i, e := range edks {
		j := edkJSON{
			Index: i, Provider: e.ProviderID, ProviderInfo: hex.EncodeToString(e.ProviderInfo),
			Ciphertext: hex.EncodeToString(e.Ciphertext), CiphertextBytes: len(e.Ciphertext),
		}
		if name, ok := wire.AESKeyName(e.ProviderInfo); ok && utf8.ValidString(name) {
			j.Key, j.IV = name, hex.EncodeToString(e.ProviderInfo[len(e.ProviderInfo)-wire.AESIVLen:])
		} else if utf8.Valid(e.ProviderInfo) {
			j.Key = string(e.ProviderInfo)
		}
		out[i] = j
	}
	return out
}

func (d *description) text() string {
	var b strings.Builder
	line := labelled(&b)
	line("message", "%s: AWS Encryption SDK, version %d; nothing shown here is verified", printable(d.Source), d.Version)
	line("suite", "%s", d.Suite.text())
	line("message id", "%s", d.MessageID)
	contextLines(line, d.Context)
	for _, e := range d.EDKs {
		line(fmt.Sprintf("data key %d", e.Index), "provider %s, %s, %d bytes", strconv.Quote(e.Provider), e.what(), e.CiphertextBytes)
		line("", "%s", e.Ciphertext)
	}
	if d.Commitment != "" {
		line("commitment", "%s", d.Commitment)
	}
	if d.HeaderIV != "" {
		line("header iv", "%s", d.HeaderIV)
	}
	line("header tag", "%s", d.HeaderTag)
	if d.Body == nil {
		line("body", "damaged")
	} else {
		d.Body.write(line, d)
	}
	if d.Coverage != nil {
		d.Coverage.write(line)
	}
	return b.String()
}

// labelled returns a function that writes lines with a label at their beginning.
func labelled(b *strings.Builder) func(label, format string, args ...any) {
	return func(label, format string, args ...any) {
		fmt.Fprintf(b, "%-13s "+format+"\n", append([]any{label}, args...)...)
	}
}

func (s suiteJSON) text() string {
	t := fmt.Sprintf("%s (%s)", s.Name, s.ID)
	if s.Commits {
		t += ", key commitment"
	}
	if s.Signed {
		t += ", signed"
	}
	return t
}

func contextLines(line func(string, string, ...any), ec map[string]string) {
	label := "context"
	for _, name := range slices.Sorted(maps.Keys(ec)) {
		line(label, "%s = %s", printable(name), strconv.Quote(ec[name]))
		label = ""
	}
	if len(ec) == 0 {
		line(label, "(empty)")
	}
}

func (e *edkJSON) what() string {
	switch {
	case e.IV != "":
		return fmt.Sprintf("key %s, iv %s", strconv.Quote(e.Key), e.IV)
	case e.Key != "":
		return "key " + strconv.Quote(e.Key)
	}
	return "info " + e.ProviderInfo
}

func (j *bodyJSON) write(line func(string, string, ...any), d *description) {
	shape := "not framed"
	if d.Framed {
		shape = fmt.Sprintf("frames of %d bytes: %d", d.FrameLength, j.Frames)
	}
	line("body", "%s", shape)
	line("first iv", "%s", j.FirstIV)
	line("last tag", "%s", j.LastTag)
	if j.Signature != "" {
		line("signature", "%s (%d bytes)", j.Signature, len(j.Signature)/2)
	}
	line("size", "header %d + body %d + footer %d = %d bytes, for %d bytes of plaintext", j.HeaderBytes, j.BodyBytes, j.FooterBytes, j.TotalBytes, j.PlaintextBytes)
}
