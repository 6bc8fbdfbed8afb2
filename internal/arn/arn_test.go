package arn_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/arn"
)

const (
	key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	mrk = "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]arn.ARN{
		key:                              {"aws", "eu-west-1", "111122223333", "key", "1234abcd-12ab-34cd-56ef-1234567890ab"},
		"arn:aws-cn:kms:r:a:alias/x":     {"aws-cn", "r", "a", "alias", "x"},
		"arn:aws:kms:r:a:alias/aws/x//y": {"aws", "r", "a", "alias", "aws/x//y"}, // further slashes are the id's
		"arn:aws:kms:r:a:key//":          {"aws", "r", "a", "key", "/"},
		"arn:p:kms:r:a:key/" + strings.Repeat("i", arn.MaxLen-18): {"p", "r", "a", "key", strings.Repeat("i", arn.MaxLen-18)},
	} {
		got, err := arn.Parse(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%.80q: got %+v, %v", text, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"":                                    "1 parts",
		"arn":                                 "1 parts",
		"arn:aws:kms:r:a":                     "5 parts",
		key + ":more":                         "7 parts",
		"ARN:aws:kms:r:a:key/i":               `begin with "arn:"`,
		":aws:kms:r:a:key/i":                  `begin with "arn:"`,
		"arn::kms:r:a:key/i":                  "partition is empty",
		"arn:aws:KMS:r:a:key/i":               "service",
		"arn:aws::r:a:key/i":                  "service",
		"arn:aws:s3:r:a:key/i":                "service",
		"arn:aws:kms::a:key/i":                "region is empty",
		"arn:aws:kms:r::key/i":                "account is empty",
		"arn:aws:kms:r:a:":                    "resource",
		"arn:aws:kms:r:a:key":                 "resource",
		"arn:aws:kms:r:a:key/":                "resource",
		"arn:aws:kms:r:a:alias/":              "resource",
		"arn:aws:kms:r:a:/i":                  "resource",
		"arn:aws:kms:r:a:Key/i":               "resource",
		"arn:aws:kms:r:a:key-i":               "resource",
		"arn:aws:kms:r:a:keys/i":              "resource",
		"arn:aws:kms:r:a:key/ü":               "ASCII",
		"arn:aws:kms:r:a:key/i ":              "ASCII",
		" " + key:                             "ASCII",
		"arn:aws:kms:r:a:key/\x00":            "ASCII",
		"arn:aws:kms:r:a:key/\xff":            "ASCII",
		key + strings.Repeat("i", arn.MaxLen): "at most 2048",
	} {
		_, err := arn.Parse(text)
		if !errors.Is(err, arn.ErrARN) || !errors.Is(err, signet.ErrMalformed) || !strings.Contains(err.Error(), says) {
			t.Errorf("%.80q: got %v, want ErrARN with %q", text, err, says)
		}
	}
}

// TestMultiRegion: only a key whose id begins with "mrk-" is a multi-Region key, and only its replicas are the same but for the region.
func TestMultiRegion(t *testing.T) {
	parse := func(s string) arn.ARN {
		a, err := arn.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	in := func(s, old, new string) string { return strings.Replace(s, old, new, 1) }
	for _, s := range []string{key, in(mrk, "key/", "alias/"), in(mrk, "mrk-", "MRK-"), in(mrk, "mrk-", "mrk"), in(mrk, "mrk-", "x-mrk-")} {
		if parse(s).IsMRK() {
			t.Errorf("%s is a multi-Region key", s)
		}
	}
	if !parse(mrk).IsMRK() || !parse(mrk).IsKey() || parse(in(mrk, "key/", "alias/")).IsKey() {
		t.Error("a multi-Region key is none, or an alias is a key")
	}
	far := parse(mrk).InRegion("us-east-1")
	if got := far.String(); got != in(mrk, "eu-west-1", "us-east-1") {
		t.Errorf("got %s", got)
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{mrk, mrk, true}, {key, key, true}, {mrk, far.String(), true},
		{key, in(key, "eu-west-1", "us-east-1"), false},
		{mrk, in(far.String(), "111122223333", "444455556666"), false},
		{mrk, in(far.String(), "arn:aws:", "arn:aws-cn:"), false},
		{mrk, in(far.String(), "90ab", "90ac"), false},
		{in(mrk, "key/", "alias/"), in(far.String(), "key/", "alias/"), false},
		{mrk, in(far.String(), "key/", "alias/"), false},
		{mrk, key, false},
	} {
		a, b := parse(c.a), parse(c.b)
		if arn.Related(a, b) != c.want || arn.Related(b, a) != c.want {
			t.Errorf("%s and %s: related is %v", a, b, !c.want)
		}
	}
}

func TestParseID(t *testing.T) {
	for text, names := range map[string]bool{
		key: true, mrk: true, "arn:aws:kms:r:a:alias/x": false, "alias/x": false, "alias/aws/x": false,
		"1234abcd-12ab-34cd-56ef-1234567890ab": false, "mrk-1234": false, strings.Repeat("x", arn.MaxLen): false,
	} {
		id, err := arn.ParseID(text)
		if err != nil || id.Text != text || id.NamesKey() != names || id.IsARN != strings.HasPrefix(text, "arn:") {
			t.Errorf("%.80q: got %+v, %v", text, id, err)
		}
	}
	for text, says := range map[string]string{
		"": "empty", " \t": "empty", "alias/": "no name", "a b": "ASCII", "ü": "ASCII", "key/1234": "neither", "aws:1234": "neither",
		"arn:aws:kms:r:a": "parts", "arn:aws:kms:r:a:key/": "resource", strings.Repeat("x", arn.MaxLen+1): "at most 2048",
	} {
		if _, err := arn.ParseID(text); !errors.Is(err, signet.ErrMalformed) || !strings.Contains(err.Error(), says) {
			t.Errorf("%.80q: got %v, want ErrMalformed with %q", text, err, says)
		}
	}
}

// FuzzParse: what is read is written back the same, is within the limits, and is what ParseID says of it.
func FuzzParse(f *testing.F) {
	for _, s := range []string{key, mrk, "", "arn:::::", "arn:aws:kms:r:a:alias/aws/x", "alias/x", "1234", "arn:aws:kms:r:a:key/\xff", "arn:aws:kms:r:a:key/i:j"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := arn.Parse(s)
		id, idErr := arn.ParseID(s)
		if err != nil {
			if !errors.Is(err, signet.ErrMalformed) || a != (arn.ARN{}) {
				t.Fatalf("got %+v, %v", a, err)
			}
			if id.IsARN || idErr == nil && strings.HasPrefix(s, "arn:") {
				t.Fatalf("as an identifier: %+v, %v", id, idErr)
			}
			return
		}
		if a.String() != s || len(s) > arn.MaxLen {
			t.Fatalf("%q is written as %q", s, a)
		}
		if a.Partition == "" || a.Region == "" || a.Account == "" || a.ID == "" || a.Type != "key" && a.Type != "alias" {
			t.Fatalf("an empty part: %+v", a)
		}
		if idErr != nil || !id.IsARN || id.ARN != a || id.NamesKey() != a.IsKey() {
			t.Fatalf("as an identifier: %+v, %v", id, idErr)
		}
		if b := a.InRegion(a.Region + "x"); arn.Related(a, b) != a.IsMRK() || !arn.Related(a, a) {
			t.Fatalf("%s is related wrongly", a)
		}
	})
}
