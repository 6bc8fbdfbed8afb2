package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/config/all"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/message"
)

func needKMS(t *testing.T) string {
	t.Helper()
	endpoint := os.Getenv("SIGNET_TEST_KMS")
	if endpoint == "" {
		missing(t, "SIGNET_TEST_KMS names no KMS emulator")
	}
	return endpoint
}

// denying stands before KMS and refuses some operations, as a policy would.
func denying(t testing.TB, endpoint string, operations ...string) string {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, op := range operations {
			if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+op) {
				w.Header().Set("Content-Type", "application/x-amz-json-1.1")
				w.Header().Set("X-Amzn-Requestid", "denied-by-the-test")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, `{"__type":"AccessDeniedException","message":"User is not authorized to perform: kms:`+op+`"}`)
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// The scripts have a symmetric key in KEY, one of another region in FAR, a disabled one, a signing one, an RSA one whose public half is in a file, a
// multi-Region one with a replica, an alias, proxies that deny one operation, and a Tink keyset encrypted under KEY.
func TestKMSScripts(t *testing.T) {
	endpoint := needKMS(t)
	ctx := t.Context()
	id := randomAccount()
	client := func(region string) *sdk.Client {
		return sdk.New(sdk.Options{BaseEndpoint: &endpoint, Region: region, Credentials: credentials.NewStaticCredentialsProvider(id, "signet", "")})
	}
	near := client("eu-west-1")
	createIn := func(c *sdk.Client, in sdk.CreateKeyInput) string {
		t.Helper()
		out, err := c.CreateKey(ctx, &in)
		if err != nil {
			t.Fatal(err)
		}
		return *out.KeyMetadata.Arn
	}
	create := func(in sdk.CreateKeyInput) string { t.Helper(); return createIn(near, in) }
	env := map[string]string{
		"FAR": createIn(client("eu-central-1"), sdk.CreateKeyInput{}),
		"KEY": create(sdk.CreateKeyInput{}), "OTHER": create(sdk.CreateKeyInput{}), "DISABLED": create(sdk.CreateKeyInput{}),
		"SIGNER": create(sdk.CreateKeyInput{KeySpec: types.KeySpecRsa2048, KeyUsage: types.KeyUsageTypeSignVerify}),
		"RSA":    create(sdk.CreateKeyInput{KeySpec: types.KeySpecRsa2048, KeyUsage: types.KeyUsageTypeEncryptDecrypt}),
		"MRK":    create(sdk.CreateKeyInput{MultiRegion: aws.Bool(true)}),
	}
	env["REPLICA"] = strings.Replace(env["MRK"], "eu-west-1", "eu-central-1", 1)
	for _, step := range []func() error{
		func() error {
			_, err := near.DisableKey(ctx, &sdk.DisableKeyInput{KeyId: aws.String(env["DISABLED"])})
			return err
		},
		func() error {
			_, err := near.ReplicateKey(ctx, &sdk.ReplicateKeyInput{KeyId: aws.String(env["MRK"]), ReplicaRegion: aws.String("eu-central-1")})
			return err
		},
		func() error {
			_, err := near.CreateAlias(ctx, &sdk.CreateAliasInput{AliasName: aws.String("alias/orders"), TargetKeyId: aws.String(env["KEY"])})
			return err
		},
	} {
		// The emulator now and then loses an answer, and the SDK repeats a request that has been done.
		var exists *types.AlreadyExistsException
		if err := step(); err != nil && !errors.As(err, &exists) {
			t.Fatal(err)
		}
	}
	env["ACCOUNT"], env["ENDPOINT"] = id, endpoint
	env["NODECRYPT"], env["NOENCRYPT"] = denying(t, endpoint, "Decrypt"), denying(t, endpoint, "Encrypt")
	env["NOGENERATE"], env["NODESCRIBE"] = denying(t, endpoint, "GenerateDataKey"), denying(t, endpoint, "DescribeKey", "GetKeyRotationStatus")
	env["NOPUBLIC"] = denying(t, endpoint, "GetPublicKey")
	public, err := near.GetPublicKey(ctx, &sdk.GetPublicKeyInput{KeyId: aws.String(env["RSA"])})
	if err != nil {
		t.Fatal(err)
	}
	scripts(t, "kms", func(e *testscript.Env) error {
		dynamoEnv(e, endpoint)
		e.Setenv("AWS_ACCESS_KEY_ID", id)
		e.Setenv("AWS_ENDPOINT_URL_KMS", endpoint)
		for name, value := range env {
			e.Setenv(name, value)
		}
		e.Setenv("KEYENCODED", "awskms:///"+strings.ReplaceAll(env["KEY"], "/", "%2F")+"%3Fendpoint="+url.QueryEscape(endpoint))
		if err := os.WriteFile(filepath.Join(e.WorkDir, "rsa.pem"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public.PublicKey}), 0o600); err != nil {
			return err
		}
		return writeKeyset(t, e.WorkDir, near, env["KEY"])
	})
}

// writeKeyset makes a Tink keyset, in the clear and encrypted under a key of KMS.
func writeKeyset(t *testing.T, dir string, client *sdk.Client, key string) error {
	t.Helper()
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return err
	}
	k, err := kms.New(t.Context(), kms.Config{KeyID: key, Client: client})
	if err != nil {
		return err
	}
	kek, err := message.NewAEAD(keyring.NewManager(k), nil)
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "keyset.json"))
	if err != nil {
		return err
	}
	defer f.Close()
	return h.Write(keyset.NewJSONWriter(f), tink.AEAD(kek))
}

func TestKMSPairs(t *testing.T) {
	for in, want := range map[string]string{
		"":                            "null",
		"field=test,entity=User":      `{"entity":"User","field":"test"}`,
		`{"field":"test","a":"b,c"}`:  `{"a":"b,c","field":"test"}`,
		"field":                       "SIGNET2002",
		"field=a,field=b":             "SIGNET2002",
		`{"field":"a"}}`:              "SIGNET2002",
		`{"field":null}`:              "SIGNET2002",
		`{"field":1}`:                 "SIGNET2002",
		`{"field":"a"} x`:             "SIGNET2002",
		"aws-crypto-public-key=value": "SIGNET2002",
		`{"a=b":"c"}`:                 "SIGNET2002",
	} {
		f := kmsFlags{context: in}
		ec, err := f.pairs()
		got, _ := json.Marshal(ec)
		if err != nil {
			got = []byte(codeOf(err).String())
		}
		if string(got) != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestKMSFlags(t *testing.T) {
	f := kmsFlags{region: "same", profile: "same", endpoint: "http://127.0.0.1:2"}
	k, err := f.key("awskms:///alias/a?region=r&profile=p&endpoint=http://127.0.0.1:1")
	if err != nil || k.Region != "same" || k.Profile != "same" || k.Endpoint != "http://127.0.0.1:2" {
		t.Errorf("flags come before the URI: got %+v, %v", k, err)
	}
	k, err = (&kmsFlags{}).key("awskms:///alias/a?region=r&profile=p&endpoint=http://127.0.0.1:1")
	if err != nil || k.Region != "r" || k.Profile != "p" || k.Endpoint != "http://127.0.0.1:1" {
		t.Errorf("no flags: got %+v, %v", k, err)
	}
	if _, err := (&kmsFlags{endpoint: "http://u:canary@host"}).key("alias/a"); codeOf(err) != codeKeyringURI || strings.Contains(err.Error(), "canary") {
		t.Errorf("an endpoint with a password: got %v", err)
	}
}

func TestKMSWithoutConfiguration(t *testing.T) {
	if _, err := all.Mux().Open(context.Background(), "awskms:///alias/a", config.Env{}); err == nil || !strings.Contains(err.Error(), "AWS configuration") {
		t.Errorf("an environment that reaches nothing: got %v", err)
	}
}

// A public key that is none is no key that can be used, also where nothing else was refused.
func TestDoctorWithoutPublicKey(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, `{"PublicKey":"AAAA"}`)
	}))
	defer s.Close()
	key, err := all.KMS("awskms:///arn:aws:kms:eu-west-1:111122223333:key/a?padding=oaep-sha256")
	if err != nil {
		t.Fatal(err)
	}
	client := sdk.New(sdk.Options{BaseEndpoint: &s.URL, Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})
	x := &examination{key: key, client: client, id: key.KeyID}
	if err := x.tryRSA(t.Context(), config.Env{}); err != nil {
		t.Fatal(err)
	}
	if x.conclude(); x.res.OK || !strings.Contains(x.res.Problem, "could not be tried") {
		t.Errorf("got %+v", x.res)
	}
}

func TestEncryptionContextFlag(t *testing.T) {
	for text, want := range map[string]keyring.EncryptionContext{
		"": nil, " {} ": nil, "a=1,b=2": {"a": "1", "b": "2"}, `{"b":"2", "a":"1,=x"}`: {"a": "1,=x", "b": "2"}, `{"a":"\ud83d\ude00"}`: {"a": "\U0001F600"},
	} {
		f := kmsFlags{context: text}
		if got, err := f.pairs(); err != nil || !maps.Equal(got, want) {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	for text, reason := range map[string]string{
		"a": `no "="`, "a=1,a=canary": `"a" is given twice`, `{"a":"1","a":"canary"}`: `"a" is given twice`, `{"a":"1","\u0061":"canary"}`: `"a" is given twice`,
		`{"":"canary"}`: "no name", `{"a=b":"canary"}`: `names with "="`, `{"a":null}`: "JSON object of strings", `{"a":1}`: "JSON object of strings",
		`{"a":{"b":"canary"}}`: "JSON object of strings", `{"a":"canary"} {}`: "JSON object of strings", `{"a":"canary"`: "JSON object of strings",
		`{"a":"\ud83d"}`: "JSON object of strings", "{\"a\":\"\xff\"}": "JSON object of strings", `{"aws-crypto-a":"canary"}`: "the format's own",
	} {
		f := kmsFlags{context: text}
		_, err := f.pairs()
		if codeOf(err) != codeContextPair || !strings.Contains(err.Error(), reason) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: got %v, want %q and no value", text, err, reason)
		}
	}
}

// Hints name the flag that the command has.
func TestPairHints(t *testing.T) {
	kek := keyURIFor(t)
	for _, c := range []struct{ hint, args string }{
		{"write --encryption-context NAME=VALUE,NAME=VALUE, each name once", "kms test alias/x --region eu-west-1 --encryption-context a"},
		{"write --encryption-context NAME=VALUE,NAME=VALUE, each name once", `kms doctor alias/x --region eu-west-1 --encryption-context {"a":"1","a":"2"}`},
		{"write -c NAME=VALUE, each name once", "encrypt -c a -k " + kek},
	} {
		exit, _, text := runApp(t, t.Context(), "", "", strings.Fields(c.args)...)
		if exit != exitUsage || !strings.Contains(text, "signet: hint: "+c.hint+"\n") {
			t.Errorf("%q: exit code %d, %s", c.args, exit, text)
		}
	}
}
