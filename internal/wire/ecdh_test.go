package wire

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// points returns two stand-ins for compressed points of n bytes.
func points(n int) (recipient, sender []byte) {
	return append([]byte{2}, bytes.Repeat([]byte{0xAA}, n-1)...), append([]byte{3}, bytes.Repeat([]byte{0xBB}, n-1)...)
}

func TestECDHInfo(t *testing.T) {
	for _, c := range []struct{ point, info int }{{33, 75}, {49, 107}, {67, 143}} {
		recipient, sender := points(c.point)
		want := binary.BigEndian.AppendUint32([]byte{0xEE, 1}, uint32(c.point))
		want = append(want, recipient...)
		want = binary.BigEndian.AppendUint32(want, uint32(c.point))
		want = append(want, sender...)
		got := AppendECDHInfo([]byte{0xEE}, recipient, sender)
		if !bytes.Equal(got, want) || len(got) != 1+c.info || ECDHInfoLen(c.point) != c.info {
			t.Fatalf("%d: got %x of %d bytes, want %x", c.point, got, len(got), want)
		}
		info := got[1:]
		r, s, reason := ParseECDHInfo(info, c.point)
		if !bytes.Equal(r, recipient) || !bytes.Equal(s, sender) || reason != "" {
			t.Errorf("%d: parsed %x, %x, %q", c.point, r, s, reason)
		}
		if cap(r) != len(r) {
			t.Errorf("%d: appending to the recipient would overwrite the sender", c.point)
		}
		// Every other length, and every change of version and lengths, is refused.
		for n := range 2 * len(info) {
			if _, _, reason := ParseECDHInfo(make([]byte, n), c.point); reason == "" {
				t.Errorf("%d: %d zero bytes are taken", c.point, n)
			}
		}
		for _, at := range []int{0, 1, 2, 3, 4, 5 + c.point, 6 + c.point, 7 + c.point, 8 + c.point} {
			for bit := range 8 {
				b := bytes.Clone(info)
				b[at] ^= 1 << bit
				if _, _, reason := ParseECDHInfo(b, c.point); reason == "" {
					t.Errorf("%d: byte %d with bit %d flipped is taken", c.point, at, bit)
				}
			}
		}
	}
}

func FuzzECDHInfo(f *testing.F) {
	recipient, sender := points(33)
	f.Add(AppendECDHInfo(nil, recipient, sender), uint8(33))
	f.Fuzz(func(t *testing.T, info []byte, point uint8) {
		r, s, reason := ParseECDHInfo(info, int(point))
		if reason != "" {
			if r != nil || s != nil {
				t.Fatal("views of refused bytes")
			}
			return
		}
		if got := AppendECDHInfo(nil, r, s); !bytes.Equal(got, info) {
			t.Fatalf("%x is written again as %x", info, got)
		}
	})
}

func TestECDHFixedInfo(t *testing.T) {
	got := AppendECDHFixedInfo([]byte("-"), "p384", []byte("SENDER"), []byte("RECIPIENT"), []byte("AAD"))
	if want := "-ecdh-key-derivation\x00p384\x00HMAC_SHA384\x00SENDERRECIPIENT\x00\x01\x00AAD"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
