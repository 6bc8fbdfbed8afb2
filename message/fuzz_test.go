package message

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/signetkeys/signet"
)

func FuzzHeader(f *testing.F) {
	for _, s := range shapes() {
		f.Add(s.message(f))
	}
	f.Add([]byte("AgV4"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHeader(b, 100)
		if err != nil {
			for _, class := range []error{signet.ErrMalformed, signet.ErrLimit, signet.ErrUnsupported, io.ErrUnexpectedEOF} {
				if errors.Is(err, class) {
					return
				}
			}
			t.Fatalf("untyped error: %v", err)
		}
		// What parses re-encodes to the same bytes, before and after it is detached.
		if got := h.append(nil); !bytes.Equal(got, h.raw) || len(got) != h.bodyLen() {
			t.Fatalf("re-encoded differently:\n%x\n%x", got, h.raw)
		}
		aad := h.contextAAD
		h.detach()
		h.contextAAD = aad
		if got := h.append(nil); !bytes.Equal(got, h.raw) {
			t.Fatalf("detached differently:\n%x\n%x", got, h.raw)
		}
	})
}

// FuzzBody gives the reader any bytes behind an authentic header and compares it with the reference decoder.
func FuzzBody(f *testing.F) {
	heads := map[bool][]byte{}
	for _, nonFramed := range []bool{false, true} {
		shape := forge{frameLen: 4, frames: []string{"aaaa", "b"}, nonFramed: nonFramed}
		if nonFramed {
			shape.frameLen, shape.frames = 0, []string{"aaaab"}
		}
		msg := shape.message(f)
		_, n, err := ParseHeader(msg)
		if err != nil {
			f.Fatal(err)
		}
		heads[nonFramed] = msg[:n]
		f.Add(nonFramed, msg[n:])
	}
	f.Fuzz(func(t *testing.T, nonFramed bool, body []byte) {
		msg := append(bytes.Clone(heads[nonFramed]), body...)
		got, _, err := decryptFixed(msg)
		want, refErr := reference(msg, testKey)
		if (err == nil) != (refErr == nil) || !bytes.Equal(got, want) {
			t.Fatalf("got %q, %v; reference %q, %v", got, err, want, refErr)
		}
		if _, outlineErr := ParseOutline(msg); err == nil && outlineErr != nil {
			t.Fatalf("opens, but has no outline: %v", outlineErr)
		}
	})
}

// FuzzDecrypt gives whole messages to every way of reading: they agree with each other and with the reference decoder.
func FuzzDecrypt(f *testing.F) {
	for _, s := range shapes() {
		f.Add(s.message(f), false)
		f.Add(s.message(f), true)
	}
	f.Fuzz(func(t *testing.T, msg []byte, parallel bool) {
		want, _, err := decryptFixed(msg)
		ref, refErr := reference(msg, testKey)
		if err == nil && (refErr != nil || !bytes.Equal(want, ref)) {
			t.Fatalf("opened to %q; reference %q, %v", want, ref, refErr)
		}
		o := &DecryptOptions{ReleaseUnverified: true}
		if parallel {
			o.Concurrency = 2
		}
		got, streamErr := streamDecrypt(plain{bytes.NewReader(msg)}, o)
		if (streamErr == nil) != (err == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("in one call %q, %v; as a stream %q, %v", want, err, got, streamErr)
		}
		got, streamErr = streamDecrypt(bytes.NewReader(msg), nil)
		if (streamErr == nil) != (err == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("in one call %q, %v; in two passes %q, %v", want, err, got, streamErr)
		}
	})
}
