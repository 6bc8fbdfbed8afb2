package all_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
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
		"awskms:?discovery=true&allow-any-account=true&partition=aws": "belongs to account",
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

// A key file that does not parse is named like one that is not there, and not the URI blamed.
func TestKMSKeyFiles(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	file := filepath.Join(t.TempDir(), "garbage.pem")
	if err := os.WriteFile(file, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, attributes := range []string{"padding=oaep-sha256&public=", "agreement=static&peer="} {
		for _, name := range []string{file, file + ".absent"} {
			_, err := all.Mux().Open(t.Context(), "awskms:///"+keyARN+"?"+attributes+name, config.System())
			var source *config.SourceError
			var uri *config.URIError
			if !errors.As(err, &source) || errors.As(err, &uri) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s%s: got %v, want a SourceError", attributes, name, err)
			}
		}
	}
}

// The credentials of the machine's role never go to an endpoint on this machine, wherever it is configured and however it is spelled.
func TestMachineRoleStaysAway(t *testing.T) {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "") // put back afterwards
			os.Unsetenv(name)
		}
	}
	var mu sync.Mutex
	asked := 0
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked++
		mu.Unlock()
		switch {
		case strings.HasSuffix(r.URL.Path, "/token"):
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
			io.WriteString(w, "token")
		case strings.HasSuffix(strings.TrimSuffix(r.URL.Path, "/"), "/security-credentials"):
			io.WriteString(w, "role")
		default:
			io.WriteString(w, `{"Code":"Success","AccessKeyId":"MACHINE","SecretAccessKey":"s","Token":"t","Expiration":"2999-01-01T00:00:00Z"}`)
		}
	}))
	defer metadata.Close()
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.URL)
	dir := t.TempDir()
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "none"))
	file := filepath.Join(dir, "config")
	t.Setenv("AWS_CONFIG_FILE", file)
	for name, c := range map[string]struct {
		endpoint, file string
		asks           bool
	}{
		"URI":          {"http://127.0.0.1:1", "", false},
		"profile":      {"", "[default]\nendpoint_url = http://127.0.0.1:1\n", false},
		"services":     {"", "[default]\nservices = x\n[services x]\nkms =\n  endpoint_url = http://127.0.0.1:1\n", false},
		"capitals":     {"http://LOCALHOST:1", "", false},
		"trailing dot": {"http://localhost.:1", "", false},
		"below":        {"http://kms.localhost:1", "", false},
		"unspecified":  {"http://0.0.0.0:1", "", false},
		"elsewhere":    {"http://192.0.2.1:1", "", true},
	} {
		if err := os.WriteFile(file, []byte(c.file), 0o600); err != nil {
			t.Fatal(err)
		}
		asked = 0
		k, err := all.KMS("awskms:///" + keyARN)
		if err != nil {
			t.Fatal(err)
		}
		k.Endpoint = c.endpoint
		client, _, err := k.Client(t.Context(), config.System())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := client.Options().Credentials.Retrieve(t.Context())
		if (asked > 0) != c.asks || (got.AccessKeyID == "MACHINE") != c.asks || (err == nil) != c.asks {
			t.Errorf("%s: %d requests to the metadata service, credentials %q, %v", name, asked, got.AccessKeyID, err)
		}
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
