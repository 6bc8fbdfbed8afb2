package message

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
)

// However the bytes arrive, the outline is the same, and so is the kind of error at every length.
func TestParseOutlineFromReaders(t *testing.T) {
	for _, s := range shapes() {
		msg := s.message(t)
		want, err := ParseOutline(msg)
		if err != nil {
			t.Fatal(err)
		}
		readers := map[string]func(io.Reader) io.Reader{
			"one byte": iotest.OneByteReader, "half": iotest.HalfReader, "data with error": iotest.DataErrReader,
		}
		for name, wrap := range readers {
			got, err := ParseOutlineFrom(wrap(bytes.NewReader(msg)))
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %+v, %v, want %+v", name, got, err, want)
			}
		}
		for n := range len(msg) {
			o, err := ParseOutlineFrom(iotest.OneByteReader(bytes.NewReader(msg[:n])))
			if kind(err) != "truncated" || (o != nil) != (n >= want.HeaderLen) {
				t.Fatalf("%d of %d bytes: outline %v, %v", n, len(msg), o != nil, err)
			}
			if o != nil && (!reflect.DeepEqual(o.Header, want.Header) || o.HeaderLen != want.HeaderLen || o.BodyLen > want.BodyLen) {
				t.Fatalf("%d of %d bytes: got %+v", n, len(msg), o)
			}
			broken := errors.New("broken")
			if _, err = ParseOutlineFrom(io.MultiReader(bytes.NewReader(msg[:n]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
				t.Fatalf("source broken after %d bytes: got %v", n, err)
			}
		}
		if o, err := ParseOutlineFrom(strings.NewReader(string(msg) + "x")); kind(err) != "malformed" || o == nil || o.BodyLen != want.BodyLen {
			t.Errorf("a byte too many: got %+v, %v", o, err)
		}
	}
}

func TestParseOutlineFromMemory(t *testing.T) {
	const frames, frameLen = 3, 100 << 20
	msg := forge{frameLen: frameLen, frames: []string{""}}.message(t)
	_, n, err := ParseHeader(msg)
	if err != nil {
		t.Fatal(err)
	}
	parts := []io.Reader{bytes.NewReader(msg[:n])}
	for seq := range uint32(frames) {
		b := binary.BigEndian.AppendUint32(nil, seq+1)
		parts = append(parts, bytes.NewReader(append(b, make([]byte, 12)...)), &zeros{frameLen + 16})
	}
	final := append([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, frames + 1}, make([]byte, 12)...)
	parts = append(parts, bytes.NewReader(binary.BigEndian.AppendUint32(final, 5)), &zeros{5 + 16})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	o, err := ParseOutlineFrom(io.MultiReader(parts...))
	runtime.ReadMemStats(&after)
	if err != nil || o.Frames != frames+1 || o.PlaintextLen != frames*frameLen+5 {
		t.Fatalf("got %+v, %v", o, err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("%d bytes were allocated for frames of %d", got, frameLen)
	}
}

// Lengths above 2 GiB are right where an int has 32 bits, too.
func TestParseOutlineFromLongBody(t *testing.T) {
	const content = 3 << 30
	msg := forge{nonFramed: true, frames: []string{""}}.message(t)
	head := binary.BigEndian.AppendUint64(msg[:len(msg)-24:len(msg)-24], content)
	o, err := ParseOutlineFrom(io.MultiReader(bytes.NewReader(head), &zeros{content + 16}))
	if err != nil || o.PlaintextLen != content || o.BodyLen != 12+8+content+16 {
		t.Errorf("got %+v, %v", o, err)
	}
}

func TestParseOutlineFromLongHeader(t *testing.T) {
	edks := make([]keyring.EncryptedDataKey, 150)
	for i := range edks {
		edks[i] = keyring.EncryptedDataKey{ProviderID: "p", ProviderInfo: make([]byte, 65535), Ciphertext: make([]byte, 65535)}
	}
	msg := forge{edks: edks, frameLen: 1, frames: []string{""}}.message(t)
	if _, err := ParseOutlineFrom(bytes.NewReader(msg)); !errors.Is(err, signet.ErrLimit) {
		t.Errorf("header of %d bytes: got %v, want %v", len(msg), err, signet.ErrLimit)
	}
	msg = forge{edks: edks[:DefaultMaxEDKs], frameLen: 1, frames: []string{""}}.message(t)
	if o, err := ParseOutlineFrom(bytes.NewReader(msg)); err != nil || len(o.Header.EDKs) != DefaultMaxEDKs {
		t.Errorf("header of %d bytes: got %v", len(msg), err)
	}
}
