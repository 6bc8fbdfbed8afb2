package config_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/config"
)

func TestParseURI(t *testing.T) {
	for _, c := range []struct {
		in   string
		want config.URI
	}{
		{"raw-aes:ns/name?key-file=kek.bin", config.URI{Scheme: "raw-aes", Path: []string{"ns", "name"}, Query: []config.Attribute{{"key-file", "kek.bin"}}}},
		{"RAW-AES:ns/a/b", config.URI{Scheme: "raw-aes", Path: []string{"ns", "a", "b"}}},
		{"raw-aes:a%2Fb/c%20d?key-file=/x/y%20z%26%3D+%3F", config.URI{Scheme: "raw-aes", Path: []string{"a/b", "c d"}, Query: []config.Attribute{{"key-file", "/x/y z&=+?"}}}},
		{"raw-aes:?key-env=A&key-file=B", config.URI{Scheme: "raw-aes", Path: []string{""}, Query: []config.Attribute{{"key-env", "A"}, {"key-file", "B"}}}},
		{"raw-aes:ns/r&d%3D1?key-file=a%3Fb=c;d%3De", config.URI{Scheme: "raw-aes", Path: []string{"ns", "r&d=1"}, Query: []config.Attribute{{"key-file", "a?b=c;d=e"}}}},
		{"raw-aes:a=b;c:d@e/%C3%A4", config.URI{Scheme: "raw-aes", Path: []string{"a=b;c:d@e", "ä"}}},
	} {
		u, err := config.ParseURI(c.in, "key-file", "key-env")
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if !reflect.DeepEqual(*u, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.in, *u, c.want)
		}
		again, err := config.ParseURI(u.String(), "key-file", "key-env")
		if err != nil || !reflect.DeepEqual(again, u) {
			t.Errorf("%s prints as %s, which parses to %+v, %v", c.in, u, again, err)
		}
	}
}

func TestParseURIRefuses(t *testing.T) {
	const canary = "hunter2canary"
	for _, c := range []struct {
		in     string
		offset int
		reason string
	}{
		{"", 0, "no scheme"},
		{canary, len(canary), "no scheme"},
		{":x", 0, "no scheme"},
		{"1raw:x", 0, "no scheme"},
		{"raw_aes:x", 3, "no scheme"},
		{"raw-aes:n/a?key-fil=" + canary, 12, `did you mean "key-file"?`},
		{"raw-aes:n/a?keyfile=" + canary, 12, `did you mean "key-file"?`},
		{"raw-aes:n/a?Key-File=" + canary, 12, `did you mean "key-file"?`},
		{"raw-aes:n/a?key-evn=" + canary, 12, `did you mean "key-env"?`},
		{"raw-aes:n/a?" + canary + "=1", 12, "unknown attribute; known here: key-file, key-env"},
		{"raw-aes:n/a?key=" + canary, 12, "name that, with key-file or key-env"},
		{"raw-aes:n/a?pin-value=" + canary, 12, "a secret in a URI"},
		{"raw-aes:n/a?password=" + canary, 12, "a secret in a URI"},
		{"raw-aes:n/a?", 12, "attribute without a name"},
		{"raw-aes:n/a?=" + canary, 12, "attribute without a name"},
		{"raw-aes:n/a?key-file", 20, "has no value"},
		{"raw-aes:n/a?key-file=", 20, "has no value"},
		{"raw-aes:n/a?key-file=a&key-file=" + canary, 23, "given twice"},
		{"raw-aes:n/a?key-file=a&", 23, "attribute without a name"},
		{"raw-aes:n/a?key-file=a b", 22, "byte 0x20 must be written as %20"},
		{"raw-aes:n/ä", 10, "byte 0xc3 must be written as %C3"},
		{"raw-aes://n/a?key-file=k", 8, "no slashes behind the colon"},
		{"raw-aes:n/a&key-file=" + canary, 12, "within the path"},
		{"raw-aes:n/a&key=" + canary + "?key-file=k", 12, "within the path"},
		{"raw-aes:n/a;typo=" + canary + "?key-file=k", 12, "within the path"},
		{"raw-aes:n/key=" + canary + "?key-file=k", 10, "within the path"},
		{"raw-aes:secret=" + canary + "/a?key-file=k", 8, "within the path"},
		{"raw-aes:n/a,pin=" + canary + "?key-file=k", 12, "within the path"},
		{"raw-aes:n/a?key-file=k;key=" + canary, 23, `attribute "key-file": another attribute seems to begin`},
		{"raw-aes:n/a?key-file=k?typo=" + canary, 23, "within the value"},
		{"raw-aes:n/a?key-env=K,key=" + canary, 22, "within the value"},
		{"raw-aes:n/a#x", 11, "byte 0x23 must be written as %23"},
		{"raw-aes:n/a%", 11, "percent sign"},
		{"raw-aes:n/a%2", 11, "percent sign"},
		{"raw-aes:n/a%zz", 11, "percent sign"},
		{"raw-aes:n/%ff", 10, "not valid UTF-8"},
		{"raw-aes:n/a?key-file=%ff", 21, "not valid UTF-8"},
		{"raw-aes:" + strings.Repeat("a", config.MaxURI), config.MaxURI, "longer than"},
	} {
		_, err := config.ParseURI(c.in, "key-file", "key-env")
		var ue *config.URIError
		if !errors.As(err, &ue) || !errors.Is(err, signet.ErrPolicy) {
			t.Errorf("%.60s: got %v, want a URIError that is ErrPolicy", c.in, err)
			continue
		}
		if ue.Offset != c.offset || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%.60s: got %v, want %q at %d", c.in, err, c.reason, c.offset)
		}
		if strings.Contains(err.Error(), canary) {
			t.Errorf("%.60s: the error repeats a value: %v", c.in, err)
		}
	}
}

func FuzzParseURI(f *testing.F) {
	f.Add("raw-aes:ns/name?key-file=kek.bin")
	f.Add("raw-aes:a%2Fb/c%20d?key-env=A&key-file=%00%26")
	f.Add("pkcs11:token=a;object=b?pin-value=1234")
	f.Add("raw-aes:a%26b=c/d?key-env=x%3Bkey=z")
	f.Fuzz(func(t *testing.T, s string) {
		u, err := config.ParseURI(s, "key-file", "key-env")
		if err != nil {
			if !errors.Is(err, signet.ErrPolicy) {
				t.Fatalf("%q: %v is not ErrPolicy", s, err)
			}
			return
		}
		again, err := config.ParseURI(u.String(), "key-file", "key-env")
		if err != nil || !reflect.DeepEqual(again, u) {
			t.Fatalf("%q: printed as %q, which is %+v, %v", s, u, again, err)
		}
	})
}
