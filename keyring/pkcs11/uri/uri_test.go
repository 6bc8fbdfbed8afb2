package uri

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		path     []Attribute
		query    []Attribute
		out      string
	}{
		{"empty", "pkcs11:", nil, nil, "pkcs11:"},
		{"key", "pkcs11:token=payments;object=kek-2026;id=%01;type=secret-key?module-path=/usr/lib/m.so&pin-source=file:/run/pin",
			[]Attribute{{Token, "payments"}, {Object, "kek-2026"}, {ID, "\x01"}, {Type, "secret-key"}},
			[]Attribute{{ModulePath, "/usr/lib/m.so"}, {PINSource, "file:/run/pin"}},
			"pkcs11:token=payments;object=kek-2026;id=%01;type=secret-key?module-path=/usr/lib/m.so&pin-source=file:/run/pin"},
		{"type secret-key", "pkcs11:type=secret-key", []Attribute{{Type, "secret-key"}}, nil, "pkcs11:type=secret-key"},
		{"type data", "pkcs11:type=data", []Attribute{{Type, "data"}}, nil, "pkcs11:type=data"},
		{"plus is a plus", "pkcs11:object=a+b", []Attribute{{Object, "a+b"}}, nil, "pkcs11:object=a+b"},
		{"plus in a pin source", "pkcs11:?pin-source=file:/a+b", nil, []Attribute{{PINSource, "file:/a+b"}}, "pkcs11:?pin-source=file:/a+b"},
		{"id is not hexadecimal", "pkcs11:id=73", []Attribute{{ID, "73"}}, nil, "pkcs11:id=%37%33"},
		{"id is bytes", "pkcs11:id=%37%33", []Attribute{{ID, "73"}}, nil, "pkcs11:id=%37%33"},
		{"id of any bytes", "pkcs11:id=%FF%00", []Attribute{{ID, "\xff\x00"}}, nil, "pkcs11:id=%FF%00"},
		{"scheme in upper case", "PKCS11:token=t", []Attribute{{Token, "t"}}, nil, "pkcs11:token=t"},
		{"slot-id of 64 bits", "pkcs11:slot-id=18446744073709551615", []Attribute{{SlotID, "18446744073709551615"}}, nil,
			"pkcs11:slot-id=18446744073709551615"},
		{"slot-id with zeros", "pkcs11:slot-id=007", []Attribute{{SlotID, "7"}}, nil, "pkcs11:slot-id=7"},
		{"vendor attributes", "pkcs11:x-a=1;token=t?x-b=2&x-b=1", []Attribute{{Token, "t"}, {"x-a", "1"}},
			[]Attribute{{"x-b", "2"}, {"x-b", "1"}}, "pkcs11:token=t;x-a=1?x-b=2&x-b=1"},
		{"utf-8", "pkcs11:object=schl%C3%BCssel", []Attribute{{Object, "schlüssel"}}, nil, "pkcs11:object=schl%C3%BCssel"},
		{"reserved bytes", "pkcs11:object=a%3Bb%2Fc%20d&e", []Attribute{{Object, "a;b/c d&e"}}, nil, "pkcs11:object=a%3Bb%2Fc%20d&e"},
		{"ampersand before an equals sign", "pkcs11:object=r&d%3D1", []Attribute{{Object, "r&d=1"}}, nil, "pkcs11:object=r&d%3D1"},
		{"the same, escaped otherwise", "pkcs11:object=r%26d=1", []Attribute{{Object, "r&d=1"}}, nil, "pkcs11:object=r&d%3D1"},
		{"question mark in the query", "pkcs11:?x-a=b?c%3Dd", nil, []Attribute{{"x-a", "b?c=d"}}, "pkcs11:?x-a=b?c%3Dd"},
		{"distinguished name", "pkcs11:object=CN=kek,O=bank", []Attribute{{Object, "CN=kek,O=bank"}}, nil, "pkcs11:object=CN=kek,O=bank"},
		{"equals in a value", "pkcs11:object=a=b", []Attribute{{Object, "a=b"}}, nil, "pkcs11:object=a=b"},
		{"empty value", "pkcs11:object=", []Attribute{{Object, ""}}, nil, "pkcs11:object="},
		{"order", "pkcs11:type=private;id=%01;serial=s;token=t;library-version=2.6;model=m;manufacturer=x",
			[]Attribute{{Token, "t"}, {Manufacturer, "x"}, {Serial, "s"}, {Model, "m"}, {LibraryVersion, "2.6"}, {ID, "\x01"}, {Type, "private"}},
			nil, "pkcs11:token=t;manufacturer=x;serial=s;model=m;library-version=2.6;id=%01;type=private"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			u, err := Parse(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(u.Path, tc.path) || !reflect.DeepEqual(u.Query, tc.query) {
				t.Errorf("got %q and %q, want %q and %q", u.Path, u.Query, tc.path, tc.query)
			}
			if got := u.String(); got != tc.out {
				t.Errorf("got %s, want %s", got, tc.out)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, in  string
		offset    int
		attribute string
		reason    string
	}{
		{"scheme", "pkcs12:token=t", 0, "", "does not begin"},
		{"nothing", "", 0, "", "does not begin"},
		{"pin-value in the path", "pkcs11:token=t;pin-value=1234", 15, "pin-value", "pin-source"},
		{"pin-value in the query", "pkcs11:token=t?pin-value=1234", 15, "pin-value", "pin-source"},
		{"slashes", "pkcs11://token=t", 7, "", "no slashes"},
		{"ampersand in the path", "pkcs11:token=t;object=k&module-name=softhsm2", 24, "object", "within the value"},
		{"PIN behind an ampersand", "pkcs11:token=t;object=k&pin-value=1234?module-name=softhsm2", 24, "object", "%3D"},
		{"PIN behind a comma", "pkcs11:token=t,pin=1234", 15, "token", "within the value"},
		{"PIN behind a question mark", "pkcs11:token=t?module-name=softhsm2?pin-value=1234", 36, "module-name", "within the value"},
		{"duplicate", "pkcs11:token=a;token=b", 15, "token", "twice"},
		{"duplicate vendor in the path", "pkcs11:x-a=1;x-a=2", 13, "x-a", "twice"},
		{"duplicate in the query", "pkcs11:?module-path=/a&module-path=/b", 23, "module-path", "twice"},
		{"raw space", "pkcs11:token=a b", 14, "token", "%20"},
		{"raw 0xFF", "pkcs11:token=a\xffb", 14, "token", "%FF"},
		{"raw slash in the path", "pkcs11:object=a/b", 15, "object", "%2F"},
		{"escaped 0xFF in text", "pkcs11:token=%FF", 13, "token", "UTF-8"},
		{"empty segment", "pkcs11:token=a;;object=b", 15, "", "empty segment"},
		{"trailing separator", "pkcs11:token=a;", 15, "", "empty segment"},
		{"empty query", "pkcs11:token=a?", 15, "", "empty query"},
		{"unknown", "pkcs11:lable=a", 7, "", "unknown attribute"},
		{"misspelt", "pkcs11:tokne=a", 7, "tokne", `did you mean "token"?`},
		{"misspelt in the query", "pkcs11:?pin-sorce=env:P", 8, "pin-sorce", `did you mean "pin-source"?`},
		{"upper case name", "pkcs11:Token=a", 7, "Token", `did you mean "token"?`},
		{"query attribute in the path", "pkcs11:module-path=m", 7, "module-path", "belongs in the query"},
		{"path attribute in the query", "pkcs11:?token=t", 8, "token", "belongs in the path"},
		{"bare vendor prefix", "pkcs11:x-=1", 7, "", "unknown attribute"},
		{"no equals", "pkcs11:token", 12, "token", `no "="`},
		{"no name", "pkcs11:=a", 7, "", "without a name"},
		{"percent without digits", "pkcs11:token=a%4", 14, "token", "percent"},
		{"percent with other digits", "pkcs11:token=%zz", 13, "token", "percent"},
		{"slot-id of 65 bits", "pkcs11:slot-id=18446744073709551616", 15, "slot-id", "64 bits"},
		{"slot-id with a sign", "pkcs11:slot-id=+1", 15, "slot-id", "decimal"},
		{"type", "pkcs11:type=secret", 12, "type", "secret-key"},
		{"library-version", "pkcs11:library-version=2.", 23, "library-version", "version"},
		{"command", "pkcs11:?pin-source=|cat%20/pin", 19, "pin-source", "never run"},
		{"pin-source without a kind", "pkcs11:?pin-source=/run/pin", 19, "pin-source", "file:PATH"},
		{"pin-source without a name", "pkcs11:?pin-source=env:", 19, "pin-source", "names nothing"},
		{"a PIN for its variable", "pkcs11:?pin-source=env:1234", 19, "pin-source", "must name an environment variable"},
		{"too long", "pkcs11:token=" + strings.Repeat("a", MaxLength), MaxLength, "", "longer"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			u, err := Parse(tc.in)
			var pe *ParseError
			if !errors.As(err, &pe) {
				t.Fatalf("got %v, %v, want a ParseError", u, err)
			}
			if !errors.Is(err, signet.ErrMalformed) || errors.Is(err, signet.ErrNotFound) {
				t.Errorf("class of %v is not ErrMalformed alone", err)
			}
			if pe.Offset != tc.offset || pe.Attribute != tc.attribute || !strings.Contains(pe.Reason, tc.reason) {
				t.Errorf("got %+v, want offset %d, attribute %q, reason with %q", pe, tc.offset, tc.attribute, tc.reason)
			}
			if strings.Contains(err.Error(), "1234") {
				t.Errorf("error holds the PIN: %v", err)
			}
		})
	}
}

// A PIN that landed in the wrong place must not be printed, whatever else is wrong with the URI.
func TestErrorHidesValues(t *testing.T) {
	const pin = "98761234"
	for _, in := range []string{
		"pkcs11:token=" + pin + " ", "pkcs11:?pin-source=" + pin, "pkcs11:slot-id=x" + pin, "pkcs11:type=" + pin, "pkcs11:token=t?pin-value=" + pin,
		"pkcs11:token=t?pin-value" + pin + "%", pin, "pkcs11:library-version=v" + pin, "pkcs11:pin-value=" + pin + ";;",
		"pkcs11:?pin" + pin, "pkcs11:hunter" + pin, "pkcs11:token=t?canary", "pkcs11:token=t;object=k&pin-value=" + pin, "pkcs11:token=t;object=k&typo=" + pin + "?module-name=m",
		"pkcs11:token=t&pin-value=" + pin + ";object=k", "pkcs11:token=t?pin-source=file:p?pin-value=" + pin, "pkcs11:token=t?pin-source=file:p|pin-value=" + pin,
		"pkcs11:token=t:pin=" + pin, "pkcs11:id=%01&pin-value=" + pin, "pkcs11:token=t;pin-value&" + pin,
	} {
		_, err := Parse(in)
		if err == nil {
			t.Errorf("%q was accepted", in)
			continue
		}
		if strings.Contains(err.Error(), pin) || strings.Contains(err.Error(), "canary") {
			t.Errorf("error of %q holds a value: %v", in, err)
		}
	}
}

func TestAccessors(t *testing.T) {
	if _, err := Parse("pkcs11:slot-id=5;token=t 1"); err == nil {
		t.Fatal("a raw space was accepted")
	}
	u, err := Parse("pkcs11:id=%01;slot-id=5;token=a%20b;serial=9;object=k?module-name=m&x-v=1")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := u.KeyName(), "token=a%20b;object=k;id=%01"; got != want {
		t.Errorf("KeyName: got %s, want %s", got, want)
	}
	if n, ok := u.Slot(); n != 5 || !ok {
		t.Errorf("Slot: got %d, %t", n, ok)
	}
	if _, ok := new(URI).Slot(); ok {
		t.Error("Slot of an empty URI is present")
	}
	if v, ok := u.LookupQuery("x-v"); v != "1" || !ok {
		t.Errorf("LookupQuery: got %q, %t", v, ok)
	}
	if _, ok := u.Lookup(Model); ok {
		t.Error("model is present")
	}
}

func TestNearest(t *testing.T) {
	names := []string{"token", "object", "pin-source"}
	for in, want := range map[string]string{"tokn": "token", "objects": "object", "pinsource": "pin-source", "zebra": "", strings.Repeat("a", 100): ""} {
		if got := Nearest(in, names); got != want {
			t.Errorf("Nearest(%q): got %q, want %q", in, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"pkcs11:", "PKCS11:token=a;id=%00%ff?module-path=/m&pin-source=env:P", "pkcs11:object=a%3Bb;x-q=%25?x-a=1&x-a=0",
		"pkcs11:slot-id=007;library-version=2.6;type=secret-key", "pkcs11:;", "pkcs11:pin-value=1",
		"pkcs11:object=a%26b=1?x-a=b%3Fc=d", "pkcs11:object=a&b%3D1%26pin=2",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := Parse(s)
		if err != nil {
			var pe *ParseError
			if !errors.As(err, &pe) || pe.Offset < 0 || pe.Offset > len(s) {
				t.Fatalf("%q: %#v", s, err)
			}
			return
		}
		text := u.String()
		if len(text) > MaxLength {
			return // escaping an id can triple it
		}
		v, err := Parse(text)
		if err != nil {
			t.Fatalf("%q prints as %q, which does not parse: %v", s, text, err)
		}
		if !reflect.DeepEqual(u, v) || v.String() != text {
			t.Fatalf("%q: got %q, want %q", s, v, u)
		}
	})
}
