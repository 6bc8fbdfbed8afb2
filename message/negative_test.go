package message

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/signetkeys/signet/internal/ecsig"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// shapes are the messages that the negative matrix damages (formats/esdk.md 16.3), all under testKey.
func shapes() map[string]forge {
	m := map[string]forge{}
	for _, s := range []*suite.Suite{s0178, s0378, s0478, s0578} {
		id := fmt.Sprintf("%04x ", s.ID())
		m[id+"one final frame"] = forge{suite: s, frameLen: 16, frames: []string{"final"}}
		m[id+"empty"] = forge{suite: s, frameLen: 16, frames: []string{""}}
		m[id+"three frames"] = forge{suite: s, frameLen: 4, frames: []string{"aaaa", "bbbb", "c"}, pairs: keyring.EncryptionContext{"k": "v"}}
		m[id+"exact multiple, full final"] = forge{suite: s, frameLen: 4, frames: []string{"aaaa", "bbbb"}}
		m[id+"exact multiple, empty final"] = forge{suite: s, frameLen: 4, frames: []string{"aaaa", "bbbb", ""}}
		m[id+"non-framed"] = forge{suite: s, nonFramed: true, frames: []string{"non-framed"}}
	}
	return m
}

func TestForgedShapesOpen(t *testing.T) {
	for name, f := range shapes() {
		msg := f.message(t)
		want := strings.Join(f.frames, "")
		if got, h, err := decryptFixed(msg); err != nil || string(got) != want || (h.FrameLength == 0) != f.nonFramed {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		if got, err := reference(msg, testKey); err != nil || string(got) != want {
			t.Errorf("%s: the reference decoder got %q, %v", name, got, err)
		}
	}
}

func TestTruncatedAtEveryLength(t *testing.T) {
	for name, f := range shapes() {
		msg := f.message(t)
		for n := range msg {
			got, h, err := decryptFixed(msg[:n])
			if kind(err) != "truncated" || got != nil || h != nil {
				t.Fatalf("%s: cut at %d of %d: got %s (%v)", name, n, len(msg), kind(err), err)
			}
			if _, err := ParseOutline(msg[:n]); kind(err) != "truncated" {
				t.Fatalf("%s: cut at %d of %d: outline: %v", name, n, len(msg), err)
			}
		}
	}
}

// Every bit of a message under a raw AES key, with the kinds of failure that its region can have.
func TestEveryBitFlipped(t *testing.T) {
	ctx := context.Background()
	k := rawKeyring(t, "kek", 1)
	for _, s := range []*suite.Suite{s0178, s0378, s0478, s0578} {
		v1 := s.MessageVersion() == 1
		msg, err := writerOf(s).Encrypt(ctx, keyring.NewManager(k), []byte("aaaabbbbc"),
			&EncryptOptions{Suite: s, FrameLength: 4, Context: keyring.EncryptionContext{"k": "v"}})
		if err != nil {
			t.Fatal(err)
		}
		h, err := parseHeader(msg, 1)
		if err != nil {
			t.Fatal(err)
		}
		headEnd := len(h.raw)
		idAt := 3
		if v1 {
			idAt = 4
		}
		contextAt := idAt + s.MessageIDLen()
		edkCountAt := contextAt + 2 + len(h.contextAAD)
		contentAt, contentEnd := headEnd-32-5, headEnd-32
		suiteKinds, idKinds := []string{"malformed"}, []string{"key commitment"}
		if v1 {
			contentAt, contentEnd = headEnd-10, headEnd
			// Another suite of version 1 needs another key length or gives another header key.
			suiteKinds, idKinds = []string{"malformed", "no key", "header", "truncated"}, []string{"header"}
		}
		o, err := ParseOutline(msg)
		if err != nil {
			t.Fatal(err)
		}
		bodyAt, footerAt := o.HeaderLen, o.HeaderLen+int(o.BodyLen)
		region := func(i int) (string, []string) {
			switch {
			case i == 0:
				return "version", []string{"malformed"}
			case i < idAt-2:
				return "type", []string{"malformed"}
			case i < idAt:
				return "suite", suiteKinds
			case i < contextAt:
				return "message id", idKinds
			case i < edkCountAt:
				return "context", []string{"malformed", "no key", "truncated", "limit"}
			case i < h.edksAt:
				return "EDK count", []string{"malformed", "limit", "truncated"}
			case i < contentAt:
				return "EDK", []string{"malformed", "no key", "truncated"}
			case i < contentEnd:
				return "content", []string{"malformed", "header"}
			case i < headEnd:
				return "commitment", []string{"key commitment"}
			case i < bodyAt:
				return "header tag", []string{"header"}
			case i < footerAt:
				return "body", []string{"malformed", "body", "truncated"}
			default:
				return "footer", []string{"malformed", "signature", "truncated"}
			}
		}
		for i := range msg {
			for bit := range 8 {
				bad := bytes.Clone(msg)
				bad[i] ^= 1 << bit
				name, want := region(i)
				got, hd, err := anyClient.Decrypt(ctx, keyring.NewManager(k), bad, nil)
				if !slices.Contains(want, kind(err)) || got != nil || hd != nil {
					t.Fatalf("%04x: %s byte %d bit %d: got %s (%v), want one of %v", s.ID(), name, i, bit, kind(err), err, want)
				}
			}
		}
	}
}

// With the data key given, no keyring can catch a flip: commitment, header tag, frame tags and signature have to.
func TestEveryBitFlippedWithoutKeyring(t *testing.T) {
	for name, f := range shapes() {
		msg := f.message(t)
		step := 1
		if f.suite.Signed() && !strings.Contains(name, "one final frame") {
			step = 3 // a point is decompressed each time: every byte in one shape is enough
		}
		for i := 0; i < len(msg); i += step {
			for bit := range 8 {
				bad := bytes.Clone(msg)
				bad[i] ^= 1 << bit
				if got, _, err := decryptFixed(bad); err == nil || got != nil || strings.HasPrefix(kind(err), "other") {
					t.Fatalf("%s: byte %d bit %d: got %q, %v", name, i, bit, got, err)
				}
			}
		}
	}
}

func TestTrailingBytes(t *testing.T) {
	for name, f := range shapes() {
		msg := f.message(t)
		for what, tail := range map[string][]byte{"a byte": {0}, "a footer": {0, 0}, "a message": msg} {
			bad := append(bytes.Clone(msg), tail...)
			if got, _, err := decryptFixed(bad); kind(err) != "malformed" || got != nil {
				t.Errorf("%s with %s behind it: got %s (%v)", name, what, kind(err), err)
			}
			if _, err := ParseOutline(bad); kind(err) != "malformed" {
				t.Errorf("%s with %s behind it: outline: %v", name, what, err)
			}
		}
	}
}

// writerOf is a client that writes suite s.
func writerOf(s *suite.Suite) *Client {
	if s.MessageVersion() == 1 {
		return &Client{CommitmentPolicy: suite.ForbidEncryptAllowDecrypt}
	}
	return new(Client)
}

const (
	frame4 = 4 + 12 + 4 + 16 // a regular frame of four bytes
)

func cut(b []byte, i, n int) []byte { return bytes.Clone(b[i*frame4 : (i+n)*frame4]) }

func TestFramesMoved(t *testing.T) {
	renumber := func(b []byte, at int, seq uint32) []byte {
		b = bytes.Clone(b)
		binary.BigEndian.PutUint32(b[at:], seq)
		return b
	}
	frames := []string{"aaaa", "bbbb", "cccc", "dddd"}
	tests := []struct {
		name   string
		change func(body []byte) []byte
		want   string
	}{
		{"swapped", func(b []byte) []byte { return slices.Concat(cut(b, 1, 1), cut(b, 0, 1), b[2*frame4:]) }, "malformed"},
		{"swapped and renumbered", func(b []byte) []byte {
			return slices.Concat(renumber(cut(b, 1, 1), 0, 1), renumber(cut(b, 0, 1), 0, 2), b[2*frame4:])
		}, "body"},
		{"first dropped", func(b []byte) []byte { return b[frame4:] }, "malformed"},
		{"first dropped and renumbered", func(b []byte) []byte {
			return slices.Concat(renumber(cut(b, 1, 1), 0, 1), renumber(cut(b, 2, 1), 0, 2), renumber(b[3*frame4:], 4, 3))
		}, "body"},
		{"last regular dropped", func(b []byte) []byte { return slices.Concat(cut(b, 0, 2), b[3*frame4:]) }, "malformed"},
		{"final dropped", func(b []byte) []byte { return b[:3*frame4] }, "truncated"},
		{"duplicated", func(b []byte) []byte { return slices.Concat(cut(b, 0, 1), b) }, "malformed"},
		{"duplicated and renumbered", func(b []byte) []byte { return slices.Concat(cut(b, 0, 1), renumber(cut(b, 0, 1), 0, 2), b[frame4:]) }, "body"},
		{"regular made final", func(b []byte) []byte {
			f := cut(b, 0, 1)
			out := append([]byte{0xFF, 0xFF, 0xFF, 0xFF}, f[:16]...)
			out = binary.BigEndian.AppendUint32(out, 4)
			return append(out, f[16:]...)
		}, "body"},
		{"final made regular", func(b []byte) []byte {
			f := b[3*frame4:]
			out := append(bytes.Clone(b[:3*frame4]), f[4:20]...)
			return append(out, f[24:]...)
		}, "body"},
		{"final twice", func(b []byte) []byte { return append(bytes.Clone(b), b[3*frame4:]...) }, "malformed"},
		{"frame behind the final", func(b []byte) []byte { return append(bytes.Clone(b), cut(b, 0, 1)...) }, "malformed"},
		{"sequence 0", func(b []byte) []byte { return renumber(b, 0, 0) }, "malformed"},
		{"sequence 2", func(b []byte) []byte { return renumber(b, 0, 2) }, "malformed"},
		{"final length 5 of 4", func(b []byte) []byte { return renumber(append(bytes.Clone(b), make([]byte, 16)...), 3*frame4+20, 5) }, "malformed"},
		{"final length 3", func(b []byte) []byte { return renumber(b, 3*frame4+20, 3) }, "body"},
		{"final length 2^32-1", func(b []byte) []byte { return renumber(b, 3*frame4+20, 1<<32-1) }, "malformed"},
		{"tags swapped", func(b []byte) []byte {
			b = bytes.Clone(b)
			for i := range 16 {
				b[frame4-16+i], b[2*frame4-16+i] = b[2*frame4-16+i], b[frame4-16+i]
			}
			return b
		}, "body"},
	}
	for _, tt := range tests {
		msg := forge{frameLen: 4, frames: frames, body: tt.change}.message(t)
		if got, _, err := decryptFixed(msg); kind(err) != tt.want || got != nil {
			t.Errorf("%s: got %s (%v), want %s", tt.name, kind(err), err, tt.want)
		}
		msg = forge{suite: s0178, frameLen: 4, frames: frames, body: tt.change}.message(t)
		if got, _, err := decryptFixed(msg); kind(err) != tt.want || got != nil {
			t.Errorf("%s, version 1: got %s (%v), want %s", tt.name, kind(err), err, tt.want)
		}
		// A signature over the damaged message does not help.
		msg = forge{suite: s0578, frameLen: 4, frames: frames, body: tt.change}.message(t)
		got, _, err := decryptFixed(msg)
		signed := tt.want
		if slices.Contains([]string{"final dropped", "final twice", "frame behind the final"}, tt.name) {
			signed = kind(err) // the next bytes are read as a frame or a footer: any failure will do
		}
		if err == nil || kind(err) != signed || got != nil {
			t.Errorf("%s, signed: got %s (%v), want %s", tt.name, kind(err), err, signed)
		}
	}
}

// Two messages under one data key, as caching makes them: their pieces must not mix.
func TestSpliced(t *testing.T) {
	for _, s := range []*suite.Suite{s0178, s0378, s0478, s0578} {
		var msgs [2][]byte
		var heads [2]int
		for i := range msgs {
			msgs[i] = forge{suite: s, frameLen: 4, frames: []string{"aaaa", "bb"}, messageID: bytes.Repeat([]byte{byte(i)}, s.MessageIDLen())}.message(t)
			_, n, err := ParseHeader(msgs[i])
			if err != nil {
				t.Fatal(err)
			}
			heads[i] = n
		}
		a, b := msgs[0], msgs[1]
		if got, _, err := decryptFixed(slices.Concat(a[:heads[0]], b[heads[1]:])); kind(err) != "body" || got != nil {
			t.Errorf("%04x: header of one, body of the other: %s", s.ID(), kind(err))
		}
		auth := headerAuthLen(s)
		if got, _, err := decryptFixed(slices.Concat(a[:heads[0]-auth], b[heads[1]-auth:])); kind(err) != "header" || got != nil {
			t.Errorf("%04x: header tag of the other: %s", s.ID(), kind(err))
		}
		frame := heads[0] + frame4
		if got, _, err := decryptFixed(slices.Concat(a[:heads[0]], b[heads[1]:frame], a[frame:])); kind(err) != "body" || got != nil {
			t.Errorf("%04x: a frame of the other: %s", s.ID(), kind(err))
		}
		if s.Signed() {
			oa, _ := ParseOutline(a)
			if got, _, err := decryptFixed(slices.Concat(a[:len(a)-oa.FooterLen], b[len(b)-oa.FooterLen:])); kind(err) != "signature" || got != nil {
				t.Errorf("footer of the other: %s", kind(err))
			}
			if got, _, err := decryptFixed(a[:len(a)-oa.FooterLen]); kind(err) != "truncated" || got != nil {
				t.Errorf("no footer: %s", kind(err))
			}
		}
	}
}

func TestFooters(t *testing.T) {
	other, err := ecsig.GenerateKey(s0578.Curve())
	if err != nil {
		t.Fatal(err)
	}
	resize := func(n int) func([]byte) []byte {
		return func(b []byte) []byte { return appendFooter(nil, append(b[2:], make([]byte, 200)...)[:n]) }
	}
	tests := []struct {
		name string
		f    forge
		want string
	}{
		{"other signer", forge{signer: other}, "signature"},
		{"empty", forge{footer: resize(0)}, "malformed"},
		{"one byte short", forge{footer: resize(102)}, "signature"},
		{"one byte long", forge{footer: resize(104)}, "signature"},
		{"very long", forge{footer: resize(129)}, "malformed"},
		{"length above the rest", forge{footer: func(b []byte) []byte { b[1]++; return b }}, "truncated"},
		{"length below the rest", forge{footer: func(b []byte) []byte { b[1]--; return b }}, "signature"},
		{"zeros", forge{footer: func(b []byte) []byte { clear(b[2:]); return b }}, "signature"},
	}
	for _, tt := range tests {
		tt.f.suite, tt.f.frameLen, tt.f.frames = s0578, 16, []string{"text"}
		if got, _, err := decryptFixed(tt.f.message(t)); kind(err) != tt.want || got != nil {
			t.Errorf("%s: got %s (%v), want %s", tt.name, kind(err), err, tt.want)
		}
	}
	// An unsigned message with a footer has bytes behind its end.
	msg := append(forge{frameLen: 16, frames: []string{"text"}}.message(t), 0, 0)
	if _, _, err := decryptFixed(msg); kind(err) != "malformed" {
		t.Errorf("footer on an unsigned message: %v", err)
	}
}

// Headers that no writer makes, each with a valid tag where one is possible.
func TestHeaders(t *testing.T) {
	patch := func(at int, with ...byte) func([]byte) []byte {
		return func(b []byte) []byte { copy(b[at:], with); return b }
	}
	fromEnd := func(back int, with ...byte) func([]byte) []byte {
		return func(b []byte) []byte { copy(b[len(b)-back:], with); return b }
	}
	const contextAt, contentBack, frameBack = 35, 37, 36
	edk := func(p, i, c string) keyring.EncryptedDataKey {
		return keyring.EncryptedDataKey{ProviderID: p, ProviderInfo: []byte(i), Ciphertext: []byte(c)}
	}
	tests := []struct {
		name string
		f    forge
		want string
	}{
		{"expanded empty context", forge{context: []byte{0, 0}}, "ok"},
		{"unsorted context", forge{context: []byte("\x00\x02\x00\x01b\x00\x01x\x00\x01a\x00\x01y")}, "ok"},
		{"empty key and value", forge{context: []byte("\x00\x01\x00\x00\x00\x00")}, "ok"},
		{"duplicate key", forge{context: []byte("\x00\x02\x00\x01a\x00\x01x\x00\x01a\x00\x01x")}, "malformed"},
		{"key not UTF-8", forge{context: []byte("\x00\x01\x00\x01\xff\x00\x00")}, "malformed"},
		{"value not UTF-8", forge{context: []byte("\x00\x01\x00\x00\x00\x01\xff")}, "malformed"},
		{"context one byte long", forge{context: []byte("\x00\x01\x00\x01a\x00\x01xZ")}, "malformed"},
		{"context one byte short", forge{context: []byte("\x00\x01\x00\x01a\x00\x02x")}, "malformed"},
		{"context count 0 with bytes", forge{context: []byte{0, 0, 0, 0}}, "malformed"},
		{"context of one byte", forge{context: []byte{0}}, "malformed"},
		{"public key in an unsigned suite", forge{pairs: keyring.EncryptionContext{keyring.PublicKeyName: "x"}}, "malformed"},
		{"no public key in a signed suite", forge{suite: s0578, context: []byte{}}, "malformed"},
		{"public key not base64", forge{suite: s0578, context: publicKeyContext("!")}, "malformed"},
		{"public key of P-256", forge{suite: s0578, context: publicKeyContext("AmsX0fLhLEJH+Lzm5WOkQPJ3A32BLeszoPShOUXYmMKW")}, "malformed"},
		{"public key not on the curve", forge{suite: s0578, context: publicKeyContext("Av///////////////////////////////////////////////////////////////w==")}, "malformed"},
		{"several EDKs", forge{edks: []keyring.EncryptedDataKey{edk("", "", ""), edk("p", "", "c"), fixedEDK}}, "ok"},
		{"no EDK", forge{edks: []keyring.EncryptedDataKey{}}, "malformed"},
		{"provider id not UTF-8", forge{edks: []keyring.EncryptedDataKey{edk("\xff", "", "")}}, "malformed"},
		{"65535 EDKs declared", forge{header: patch(contextAt+2, 0xFF, 0xFF)}, "limit"},
		{"two EDKs declared, one there", forge{header: patch(contextAt+2, 0, 2)}, "truncated"},
		{"version 0", forge{header: patch(0, 0)}, "malformed"},
		{"version 1", forge{header: patch(0, 1)}, "malformed"},
		{"version 3", forge{header: patch(0, 3)}, "malformed"},
		{"suite 0000", forge{header: patch(1, 0, 0)}, "malformed"},
		{"suite 0178 in version 2", forge{header: patch(1, 0x01, 0x78)}, "malformed"},
		{"suite 6700", forge{header: patch(1, 0x67, 0x00)}, "malformed"},
		{"suite 0070", forge{header: patch(1, 0x00, 0x70)}, "malformed"},
		{"the other suite", forge{header: patch(1, 0x05, 0x78)}, "malformed"},
		{"content type 0", forge{header: fromEnd(contentBack, 0)}, "malformed"},
		{"content type 3", forge{header: fromEnd(contentBack, 3)}, "malformed"},
		{"framed, length 0", forge{header: fromEnd(frameBack, 0, 0, 0, 0)}, "malformed"},
		{"non-framed with a frame length", forge{header: fromEnd(contentBack, 1)}, "malformed"},
		{"frame length 2^32-1, one frame", forge{frameLen: 1<<32 - 1}, "ok"},
		{"frame length 2^32-1, regular frame", forge{frameLen: 1<<32 - 1, frames: []string{"a", "b"}}, "truncated"},
		{"padded IVs", forge{iv: func(seq uint32) []byte {
			return append(bytes.Repeat([]byte{0xFF}, 8), binary.BigEndian.AppendUint32(nil, seq)...)
		}}, "ok"},
		{"starts at frame 2", forge{firstSeq: 2}, "malformed"},
	}
	for _, tt := range tests {
		if tt.f.frameLen == 0 {
			tt.f.frameLen = 16
		}
		if tt.f.frames == nil {
			tt.f.frames = []string{"text"}
		}
		got, _, err := decryptFixed(tt.f.message(t))
		if kind(err) != tt.want || (err != nil) != (got == nil) {
			t.Errorf("%s: got %s (%v), want %s", tt.name, kind(err), err, tt.want)
		}
	}
	// A header that is malformed and whose tag is wrong is malformed: format comes first.
	for text, want := range map[string]string{
		"": "truncated", "A": "malformed", "AgV4": "malformed", "AYAA": "malformed", "hello": "malformed", "\x80\x00": "malformed",
	} {
		_, _, err := decryptFixed([]byte(text))
		if kind(err) != want {
			t.Errorf("%q: got %s (%v), want %s", text, kind(err), err, want)
		}
		if strings.HasPrefix(text, "Ag") && !strings.Contains(err.Error(), "base64") {
			t.Errorf("%q: the error does not say base64: %v", text, err)
		}
	}
}

func publicKeyContext(value string) []byte {
	req, err := keyring.NewRequest(s0478, keyring.EncryptionContext{keyring.PublicKeyName: value})
	if err != nil {
		panic(err)
	}
	return req.AAD
}

// The frame counter ends one below the final marker; the last final frame may carry the marker's own number.
func TestSequenceBoundary(t *testing.T) {
	key, err := deriveContentKey(s0478, testKey, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	var bc bodyCipher
	bc.init(key.aead, make([]byte, 32))
	h := &header{suite: s0478, contentType: contentFramed, frameLen: 1}
	last := bc.appendFrame(nil, []byte("x"), finalMarker-1, false)
	if f, _, err := h.parseFrame(last, finalMarker-1, 0); err != nil || f.final {
		t.Errorf("regular frame 2^32-2: %+v, %v", f, err)
	}
	final := bc.appendFrame(nil, []byte("x"), finalMarker, true)
	if f, _, err := h.parseFrame(final, finalMarker, 0); err != nil || !f.final {
		t.Errorf("final frame 2^32-1: %+v, %v", f, err)
	}
	// A regular frame of that number reads as a final frame's start and cannot pass.
	regular := bc.appendFrame(nil, []byte("x"), finalMarker, false)
	if _, _, err := h.parseFrame(regular, finalMarker, 0); err == nil {
		t.Error("regular frame 2^32-1 accepted")
	}
	if _, err := bodyLen(1<<32, 1); kind(err) != "limit" {
		t.Errorf("2^32 frames: %v", err)
	}
	if n, err := bodyLen(1<<32-1, 1); err != nil || n != (1<<32-2)*33+41 {
		t.Errorf("2^32-1 frames: %d, %v", n, err)
	}
}

// What a small message declares must not be allocated.
func TestDeclaredLengthsAreNotAllocated(t *testing.T) {
	huge := map[string][]byte{
		"65535 EDKs":   forge{frameLen: 1, frames: []string{"x"}, header: func(b []byte) []byte { b[37], b[38] = 0xFF, 0xFF; return b }}.message(t),
		"4 GiB frames": forge{frameLen: 1<<32 - 1, frames: []string{"a", "b"}}.message(t),
		"non-framed 64 GiB": forge{nonFramed: true, frames: []string{"text"}, body: func(b []byte) []byte {
			binary.BigEndian.PutUint64(b[12:], 1<<36-33)
			return b
		}}.message(t),
		"non-framed above the cipher's bound": forge{nonFramed: true, frames: []string{"text"}, body: func(b []byte) []byte {
			binary.BigEndian.PutUint64(b[12:], 1<<36-32)
			return b
		}}.message(t),
		"non-framed above the cipher's bound, 2^63": forge{nonFramed: true, frames: []string{"text"}, body: func(b []byte) []byte {
			binary.BigEndian.PutUint64(b[12:], 1<<63)
			return b
		}}.message(t),
	}
	for name, msg := range huge {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := (&Client{MaxEncryptedDataKeys: MaxEDKs}).Decrypt(context.Background(), keyring.NewManager(fixedKeyring{testKey}), msg, nil)
		runtime.ReadMemStats(&after)
		want := "truncated"
		if strings.HasPrefix(name, "non-framed above") {
			want = "malformed"
		}
		if got := kind(err); got != want {
			t.Errorf("%s: got %s (%v), want %s", name, got, err, want)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
			t.Errorf("%s: %d bytes allocated for a message of %d", name, n, len(msg))
		}
	}
}

func TestWrongKeyContextAndName(t *testing.T) {
	ctx := context.Background()
	msg, err := Encrypt(ctx, rawKeyring(t, "kek", 1), []byte("canary plaintext"), keyring.EncryptionContext{"tenant": "canary value"})
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]keyring.Keyring{
		"wrong key": rawKeyring(t, "kek", 2), "wrong name": rawKeyring(t, "kek2", 1), "prefix of the name": rawKeyring(t, "ke", 1),
	} {
		got, _, err := Decrypt(ctx, k, msg)
		if kind(err) != "no key" || got != nil {
			t.Errorf("%s: got %s (%v)", name, kind(err), err)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error says too much: %v", name, err)
		}
	}
}
