package attr

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/signetkeys/signet"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Values, their bytes, and what comes back when that differs from what went in.
var known = []struct {
	name string
	in   Value
	hex  string
	back Value
}{
	{"NULL", Null{}, "", nil},
	{"S", String("a\u00e9"), "61c3a9", nil},
	{"S empty", String(""), "", nil},
	{"N", Number("+1.50"), "312e35", Number("1.5")},
	{"B", Binary{0, 0xff}, "00ff", nil},
	{"B empty", Binary{}, "", nil},
	{"BOOL true", Bool(true), "01", nil},
	{"BOOL false", Bool(false), "00", nil},
	{"SS", StringSet{"b", "", "aa"}, "00000003 00000000 00000002 6161 00000001 62", StringSet{"", "aa", "b"}},
	{"SS in UTF-16 order", StringSet{"\uE000", "\U00010000", "Z"}, "00000003 00000001 5a 00000004 f0908080 00000003 ee8080",
		StringSet{"Z", "\U00010000", "\uE000"}},
	{"NS", NumberSet{"10", "9", "1e0"}, "00000003 00000001 31 00000002 3130 00000001 39", NumberSet{"1", "10", "9"}},
	{"BS", BinarySet{{2}, {1, 0}, {}}, "00000003 00000000 00000002 0100 00000001 02", BinarySet{{}, {1, 0}, {2}}},
	{"L", List{String("x"), Null{}, Number("01")}, "00000003 0001 00000001 78 0000 00000000 0002 00000001 31",
		List{String("x"), Null{}, Number("1")}},
	{"L empty", List{}, "00000000", nil},
	{"M", Map{"b": Bool(true), "a": List{}}, "00000002 0001 00000001 61 0300 00000004 00000000 0001 00000001 62 0004 00000001 01", nil},
	{"M in UTF-16 order", Map{"\uFFFD": Null{}, "\U0001F600": Null{}},
		"00000002 0001 00000004 f09f9880 0000 00000000 0001 00000003 efbfbd 0000 00000000", nil},
	{"M empty", Map{}, "00000000", nil},
	{"nested", Map{"m": Map{"l": List{BinarySet{{1}}}}},
		"00000001 0001 00000001 6d 0200 00000024 00000001 0001 00000001 6c 0300 00000013 00000001 01ff 00000009 00000001 00000001 01", nil},
}

func TestKnownValues(t *testing.T) {
	for _, tt := range known {
		got, err := AppendValue([]byte{0xAA}, tt.in)
		if err != nil || got[0] != 0xAA {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if !bytes.Equal(got[1:], unhex(t, tt.hex)) {
			t.Errorf("%s: got %x, want %s", tt.name, got[1:], tt.hex)
		}
		want := tt.back
		if want == nil {
			want = tt.in
		}
		back, err := ParseValue(tt.in.Type(), got[1:])
		if err != nil || !reflect.DeepEqual(back, want) {
			t.Errorf("%s: parsed %#v, %v, want %#v", tt.name, back, err, want)
		}
		if !Equal(back, tt.in) {
			t.Errorf("%s: not equal to itself", tt.name)
		}
		for n := range len(got) - 1 {
			switch _, err := ParseValue(tt.in.Type(), got[1:1+n]); tt.in.Type() {
			case TypeString, TypeNumber, TypeBinary: // any length is a value, unless it cuts a character or number
			default:
				if !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%s cut at %d: got %v, want io.ErrUnexpectedEOF", tt.name, n, err)
				}
			}
		}
		switch tt.in.Type() {
		case TypeString, TypeNumber, TypeBinary:
		default:
			if _, err := ParseValue(tt.in.Type(), append(got[1:], 0)); !errors.Is(err, signet.ErrMalformed) {
				t.Errorf("%s with a byte behind it: got %v", tt.name, err)
			}
		}
	}
}

func TestParseDoesNotAlias(t *testing.T) {
	for _, tt := range known {
		b, _ := AppendValue(nil, tt.in)
		v, err := ParseValue(tt.in.Type(), b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range b {
			b[i] ^= 0xff
		}
		if !Equal(v, tt.in) {
			t.Errorf("%s changed with its input", tt.name)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		v     Value
		class error
	}{
		{"nil", nil, signet.ErrMalformed},
		{"nil in a list", List{nil}, signet.ErrMalformed},
		{"nil in a map", Map{"a": nil}, signet.ErrMalformed},
		{"text not UTF-8", String("\xff"), signet.ErrMalformed},
		{"set not UTF-8", StringSet{"\xff"}, signet.ErrMalformed},
		{"key not UTF-8", Map{"\xff": Null{}}, signet.ErrMalformed},
		{"empty key", Map{"": Null{}}, signet.ErrMalformed},
		{"long key", Map{strings.Repeat("k", MaxKeyLen+1): Null{}}, signet.ErrMalformed},
		{"string twice", StringSet{"a", "b", "a"}, signet.ErrMalformed},
		{"number twice after normalization", NumberSet{"1", "1.0"}, signet.ErrMalformed},
		{"bytes twice", BinarySet{{1}, {1}}, signet.ErrMalformed},
		{"number", Number("secret"), signet.ErrMalformed},
		{"number in a set", NumberSet{"1e999"}, signet.ErrLimit},
		{"32 lists", nest(32), signet.ErrLimit},
		{"32 maps", nestMaps(32), signet.ErrLimit},
	} {
		if _, err := AppendValue(nil, tt.v); !errors.Is(err, tt.class) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want class %v", tt.name, err, tt.class)
		}
		if Equal(tt.v, tt.v) {
			t.Errorf("%s: equal to itself", tt.name)
		}
	}
	if _, err := AppendValue(nil, Map{strings.Repeat("k", MaxKeyLen): Null{}}); err != nil {
		t.Errorf("longest key: %v", err)
	}
}

func nest(n int) Value {
	var v Value = List{}
	for range n - 1 {
		v = List{v}
	}
	return v
}

func nestMaps(n int) Value {
	var v Value = Map{}
	for range n - 1 {
		v = Map{"k": v}
	}
	return v
}

func TestDepth(t *testing.T) {
	for _, v := range []Value{nest(31), nestMaps(31)} {
		b, err := AppendValue(nil, v)
		if err != nil {
			t.Fatalf("31 deep: %v", err)
		}
		if back, err := ParseValue(v.Type(), b); err != nil || !reflect.DeepEqual(back, v) {
			t.Errorf("31 deep: %v", err)
		}
		// One more around it, by hand.
		deep := unhex(t, "00000001")
		if v.Type() == TypeMap {
			deep = append(deep, unhex(t, "0001 00000001 6b")...)
		}
		deep = append(deep, byte(v.Type()>>8), byte(v.Type()), 0, 0, byte(len(b)>>8), byte(len(b)))
		deep = append(deep, b...)
		if _, err := ParseValue(v.Type(), deep); !errors.Is(err, signet.ErrMalformed) {
			t.Errorf("32 deep: got %v", err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		t    Type
		hex  string
	}{
		{"unknown type", 0x0003, ""},
		{"unknown type in a list", TypeList, "00000001 0005 00000000"},
		{"NULL with a byte", TypeNull, "00"},
		{"BOOL 02", TypeBool, "02"},
		{"BOOL of two bytes", TypeBool, "0101"},
		{"S not UTF-8", TypeString, "ff"},
		{"S surrogate", TypeString, "eda080"},
		{"N", TypeNumber, "6161"},
		{"N empty", TypeNumber, ""},
		{"SS twice", TypeStringSet, "00000002 00000001 61 00000001 61"},
		{"NS twice", TypeNumberSet, "00000002 00000001 31 00000003 312e30"},
		{"BS twice", TypeBinarySet, "00000002 00000000 00000000"},
		{"NS with no number", TypeNumberSet, "00000001 00000001 61"},
		{"SS not UTF-8", TypeStringSet, "00000001 00000001 ff"},
		{"M key type", TypeMap, "00000001 0002 00000001 31 0000 00000000"},
		{"M empty key", TypeMap, "00000001 0001 00000000 0000 00000001 00"},
		{"M key twice", TypeMap, "00000002 0001 00000001 61 0000 00000000 0001 00000001 61 0000 00000000"},
		{"M key not UTF-8", TypeMap, "00000001 0001 00000001 ff 0000 00000000"},
		{"L element shorter than its content", TypeList, "00000002 0101 00000008 00000001 00000009 0000 00000000"},
		{"L element longer than its content", TypeList, "00000001 0004 00000002 0100"},
		{"L NULL with bytes", TypeList, "00000001 0000 00000001 00"},
	} {
		v, err := ParseValue(tt.t, unhex(t, tt.hex))
		if !errors.Is(err, signet.ErrMalformed) {
			t.Errorf("%s: got %v, %v, want a format error", tt.name, v, err)
		}
	}
}

// Counts that the input cannot hold must not be allocated.
func TestParseBoundsCounts(t *testing.T) {
	const size = 1 << 20
	for _, typ := range []Type{TypeStringSet, TypeNumberSet, TypeBinarySet, TypeList, TypeMap} {
		for _, count := range []uint32{math.MaxUint32, size, size / 3} {
			in := binary.BigEndian.AppendUint32(nil, count)
			in = append(in, bytes.Repeat([]byte{0xff}, size)...)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := ParseValue(typ, in)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%v, count %d: %v", typ, count, err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > size/2 {
				t.Errorf("%v, count %d: %d bytes were allocated", typ, count, n)
			}
		}
	}
}

func TestTypes(t *testing.T) {
	for _, n := range []string{"S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "M", "L"} {
		typ, ok := TypeByName(n)
		if !ok || typ.String() != n {
			t.Errorf("%s: got %v, %v", n, typ, ok)
		}
	}
	for _, n := range []string{"", "s", "Bool", "S ", "Type(0003)"} {
		if typ, ok := TypeByName(n); ok {
			t.Errorf("%q is %v", n, typ)
		}
	}
	if Type(3).String() != "Type(0003)" {
		t.Errorf("type 3 is %v", Type(3))
	}
}

func TestCompareUTF16(t *testing.T) {
	words := []string{"", "a", "aa", "ab", "b", "\u007f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uefff", "\uf000", "\uffff",
		"\U00010000", "\U0001F600", "\U0010FFFF", "a\ue000", "a\U00010000", "\U00010000a", "\U00010001", "x\uffffy", "x\U0010FFFFy", "\u0801"}
	for _, a := range words {
		for _, b := range words {
			want := slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
			if got := CompareUTF16(a, b); got != want {
				t.Errorf("%q, %q: got %d, want %d", a, b, got, want)
			}
		}
	}
}

func FuzzCompareUTF16(f *testing.F) {
	f.Add("\uE000", "\U00010000")
	f.Fuzz(func(t *testing.T, a, b string) {
		CompareUTF16(a, b) // must not panic, whatever the bytes
		a, b = strings.ToValidUTF8(a, "?"), strings.ToValidUTF8(b, "?")
		got := CompareUTF16(a, b)
		if want := slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b))); got != want || CompareUTF16(b, a) != -got {
			t.Fatalf("%q, %q: got %d, want %d", a, b, got, want)
		}
	})
}

func FuzzValue(f *testing.F) {
	for _, tt := range known {
		b, err := AppendValue(nil, tt.in)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(tt.in.Type()), b)
	}
	f.Fuzz(func(t *testing.T, typ uint16, b []byte) {
		v, err := ParseValue(Type(typ), b)
		if err != nil {
			if !errors.Is(err, signet.ErrMalformed) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		out, err := AppendValue(nil, v)
		if err != nil {
			t.Fatalf("what parsed does not serialize: %v", err)
		}
		back, err := ParseValue(Type(typ), out)
		if err != nil || !Equal(v, back) {
			t.Fatalf("%#v came back as %#v, %v", v, back, err)
		}
		if again, _ := AppendValue(nil, back); !bytes.Equal(out, again) {
			t.Fatal("two serializations of one value")
		}
	})
}
