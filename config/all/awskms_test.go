package all_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/config/all"
	"github.com/signetkeys/signet/keyring/kms"
)

const keyARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

func noVariables() config.Env {
	return config.Env{LookupEnv: func(string) (string, bool) { return "", false }}
}

func TestKMSRefuses(t *testing.T) {
	for uri, says := range map[string]string{
		"awskms:": "names no key", "awskms:///": "names no key", "awskms:?region=eu-west-1": "names no key",
		"awskms:?discovery=true":                                      "allow-any-account=true",
		"awskms:?discovery=true&account=1&allow-any-account=true":     "allow-any-account=true",
		"awskms:///" + keyARN + "?discovery=true":                     "names none",
		"awskms:///" + keyARN + "?account=1":                          "belongs to discovery",
		"awskms:///" + keyARN + "?public=a.pem":                       "belongs to RSA",
		"awskms:///" + keyARN + "?peer=a.pem":                         "belongs to ECDH",
		"awskms:///" + keyARN + "?mrk=true&padding=oaep-sha256":       "belongs to symmetric",
		"awskms:///" + keyARN + "?agreement=static&padding=oaep-sha1": "contradict",
		"awskms:///" + keyARN + "?mrk=yes":                            "must be true or false",
		"awskms:///" + keyARN + "?endpoint=127.0.0.1:4566":            "must be http://",
		"awskms:///" + keyARN + "?endpoint=http://u:canary@host":      "must be http://",
		"awskms:///" + keyARN + "?regoin=eu-west-1":                   `did you mean "region"?`,
		"awskms:///" + keyARN + "?padding=pkcs1":                      "oaep-sha256 or oaep-sha1",
		"awskms:///" + keyARN + "?agreement=both":                     "static or discovery",
		"awskms:///" + keyARN + "?agreement=static":                   "public key of the other side",
		"awskms:///arn:aws:s3:eu-west-1:111122223333:key/a":           "not an ARN of AWS KMS",
		"awskms:///arn:aws:kms:eu-west-1:111122223333:key":            "not an ARN of AWS KMS",
		"awskms:///alias/a":                                           "no region",
		"akskms:///" + keyARN:                                         `did you mean "awskms"?`,
		"tink:":                                                       "must be tink:NAME",
		"tink:a?keyset=f":                                             "insecure-cleartext=true says so",
		"tink:a?keyset=f&kek=raw-aes:a%2Fb&insecure-cleartext=true":   "insecure-cleartext=true says so",
		"tink:a?keyset=f&insecure-cleartext=yes":                      "must be true",
		"tink:a?kek=x":                                                "must be tink:NAME",
	} {
		t.Setenv("AWS_REGION", "")
		t.Setenv("AWS_DEFAULT_REGION", "")
		t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
		_, err := all.Mux().Open(t.Context(), uri, noVariables())
		var u *config.URIError
		if !errors.Is(err, signet.ErrPolicy) || !errors.As(err, &u) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v, want a URIError with %q", uri, err, says)
		}
	}
	if _, err := all.Mux().Open(t.Context(), "awskms:///"+keyARN+"?region=us-east-1", noVariables()); !errors.Is(err, kms.ErrWrongRegion) {
		t.Errorf("another region: got %v, want ErrWrongRegion", err)
	}
	var source *config.SourceError
	if _, err := all.Mux().Open(t.Context(), "awskms:///"+keyARN, config.Env{}); !errors.As(err, &source) {
		t.Errorf("nothing can be reached: got %v, want a SourceError", err)
	}
}

func TestKMSForms(t *testing.T) {
	for uri, want := range map[string]string{
		"awskms:///" + keyARN:                                            "awskms:///" + keyARN,
		"aws-kms://" + keyARN:                                            "aws-kms:///" + keyARN,
		"AWSKMS:" + keyARN + "?mrk=true":                                 "awskms:///" + keyARN + "?mrk=true",
		"awskms:///alias/a/b?region=r":                                   "awskms:///alias/a/b?region=r",
		"awskms:?discovery=true&account=1,2&partition=aws":               "awskms:?discovery=true&account=1,2&partition=aws",
		"awskms:///a?nosuch=canary":                                      "awskms:...",
		"tink:a?keyset=f&kek=pkcs11:token%3Dt%3Fpin-source%3Denv:CANARY": "tink:a?keyset=f&kek=pkcs11:token=t",
	} {
		if got := all.Mux().Redact(uri); got != want {
			t.Errorf("%s: got %s, want %s", uri, got, want)
		}
	}
	k, err := all.KMS("awskms:///alias/a?region=r&endpoint=http://127.0.0.1:4566&profile=p")
	if err != nil || k.KeyID != "alias/a" || k.Region != "r" || k.Endpoint != "http://127.0.0.1:4566" || k.Profile != "p" {
		t.Errorf("got %+v, %v", k, err)
	}
}
