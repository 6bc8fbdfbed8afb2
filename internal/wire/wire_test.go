package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
)

func TestContextCanonical(t *testing.T) {
	tests := []struct {
		name string
		ec   map[string]string
		want string // hex
	}{
		{"nil", nil, ""},
		{"empty", map[string]string{}, ""},
		{"one", map[string]string{"a": "b"}, "0001" + "000161" + "000162"},
		{"empty strings", map[string]string{"": ""}, "0001" + "0000" + "0000"},
		// U+FFFD sorts before U+10000 in UTF-8 bytes and behind it in UTF-16 units.
		{"utf-8 order", map[string]string{"\U00010000": "2", "\uFFFD": "1", "Z": "0"},
			"0003" + "00015a" + "000130" + "0003efbfbd" + "000131" + "0004f0908080" + "000132"},
	}
	for _, tt := range tests {
		got, err := AppendContext([]byte{0xAA}, tt.ec)
		if err != nil || hex.EncodeToString(got) != "aa"+tt.want {
			t.Errorf("%s: got %x, %v, want aa%s", tt.name, got, err, tt.want)
			continue
		}
		back, err := ParseContext(got[1:])
		if err != nil || !maps.Equal(back, tt.ec) {
			t.Errorf("%s: parsed %v, %v, want %v", tt.name, back, err, tt.ec)
		}
	}
}

func TestContextRefusedOnWrite(t *testing.T) {
	long := strings.Repeat("x", MaxField+1)
	many := map[string]string{}
	for i := range 20000 {
		many[string(rune(i+0x10000))] = ""
	}
	tests := []struct {
		name  string
		ec    map[string]string
		class error
	}{
		{"key not UTF-8", map[string]string{"\xff": ""}, signet.ErrContext},
		{"value not UTF-8", map[string]string{"a": "secret\xff"}, signet.ErrContext},
		{"long key", map[string]string{long: ""}, signet.ErrLimit},
		{"long value", map[string]string{"a": long}, signet.ErrLimit},
		{"one byte too many", map[string]string{"a": strings.Repeat("x", MaxField-6)}, signet.ErrLimit},
		{"many pairs", many, signet.ErrLimit},
	}
	for _, tt := range tests {
		got, err := AppendContext(nil, tt.ec)
		if !errors.Is(err, tt.class) || got != nil {
			t.Errorf("%s: got %d bytes, %v, want class %v", tt.name, len(got), err, tt.class)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows a value: %v", tt.name, err)
		}
	}
	if got, err := AppendContext(nil, map[string]string{"a": strings.Repeat("x", MaxField-7)}); err != nil || len(got) != MaxField {
		t.Errorf("largest context: got %d bytes, %v", len(got), err)
	}
}

func TestContextRefusedOnRead(t *testing.T) {
	for name, in := range map[string]string{
		"one byte":        "00",
		"count only":      "0001",
		"count too large": "ffff00016100016200",
		"key cut":         "0001000461",
		"value cut":       "00010001610005",
		"trailing":        "000100016100016200",
		"zero with rest":  "000000",
		"twice":           "0002" + "00016100016200016100016263"[:24],
		"not UTF-8 key":   "00010001ff000162",
		"not UTF-8 value": "0001000161" + "0001ff",
	} {
		b, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := ParseContext(b); !errors.Is(err, signet.ErrMalformed) {
			t.Errorf("%s: got %v, want a format error", name, err)
		}
	}
	if ec, err := ParseContext([]byte{0, 0}); ec != nil || err != nil {
		t.Errorf("expanded empty context: got %v, %v", ec, err)
	}
	// Unsorted is legal to read.
	if ec, err := ParseContext([]byte("\x00\x02\x00\x01b\x00\x00\x00\x01a\x00\x00")); err != nil || len(ec) != 2 {
		t.Errorf("unsorted context: got %v, %v", ec, err)
	}
}

func FuzzContext(f *testing.F) {
	for _, ec := range []map[string]string{nil, {"a": "b"}, {"k": "", "": "v"}} {
		b, _ := AppendContext(nil, ec)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ec, err := ParseContext(b)
		if err != nil {
			if !errors.Is(err, signet.ErrMalformed) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if len(b) > MaxField {
			return
		}
		out, err := AppendContext(nil, ec)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseContext(out)
		if err != nil || !maps.Equal(ec, back) {
			t.Fatalf("round trip: %v, %v", back, err)
		}
		if len(ec) > 0 && len(out) != len(b) {
			t.Fatalf("re-encoded %d bytes into %d", len(b), len(out))
		}
	})
}

func TestEDK(t *testing.T) {
	b := AppendEDK(nil, "p", []byte("info"), []byte("ct"))
	if len(b) != EDKLen("p", []byte("info"), []byte("ct")) {
		t.Errorf("got %d bytes", len(b))
	}
	for n := range len(b) {
		r := NewReader(b[:n])
		r.EDK()
		if !r.Short() {
			t.Errorf("cut at %d of %d was not noticed", n, len(b))
		}
	}
	r := NewReader(b)
	p, i, c := r.EDK()
	if r.Short() || r.Len() != 0 || string(p) != "p" || string(i) != "info" || string(c) != "ct" {
		t.Errorf("got %q %q %q, short %v, %d left", p, i, c, r.Short(), r.Len())
	}
}

func TestAESInfo(t *testing.T) {
	iv := []byte("0123456789ab")
	info := AppendAESInfo(nil, "kek", iv)
	if len(info) != AESInfoLen("kek") {
		t.Fatalf("got %d bytes", len(info))
	}
	if got, reason := ParseAESInfo(info, "kek"); !bytes.Equal(got, iv) {
		t.Errorf("got %q, %s", got, reason)
	}
	if n, ok := AESKeyName(info); n != "kek" || !ok {
		t.Errorf("got name %q, %v", n, ok)
	}
	for _, name := range []string{"", "ke", "kekk", "kek2", "KEK"} {
		if got, reason := ParseAESInfo(info, name); got != nil || reason == "" {
			t.Errorf("%q matched %q", name, info)
		}
	}
	for i := 3; i < 11; i++ { // every bit of the two lengths
		for bit := range 8 {
			bad := bytes.Clone(info)
			bad[i] ^= 1 << bit
			if got, _ := ParseAESInfo(bad, "kek"); got != nil {
				t.Errorf("byte %d bit %d: accepted", i, bit)
			}
			if _, ok := AESKeyName(bad); ok {
				t.Errorf("byte %d bit %d: named", i, bit)
			}
		}
	}
	for n := range len(info) {
		if got, _ := ParseAESInfo(info[:n], "kek"); got != nil {
			t.Errorf("cut at %d: accepted", n)
		}
	}
}

func TestReaderPastTheEnd(t *testing.T) {
	r := NewReader([]byte{1, 2, 3})
	if r.U16() != 0x0102 || r.U32() != 0 || !r.Short() || r.U8() != 0 || r.U64() != 0 || r.Bytes(0) != nil {
		t.Error("a reader that ran short still reads")
	}
	r = NewReader(nil)
	if r.Bytes(-1) != nil || !r.Short() {
		t.Error("a negative length was read")
	}
}
