package kms_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/kms/internal/kmsfake"
	"github.com/signetkeys/signet/keyring/suite"
)

// TestNilClients: a nil pointer in place of a client is refused when the keyring is made.
func TestNilClients(t *testing.T) {
	var none *sdk.Client
	filter := &kms.Filter{Partition: "aws", Accounts: []string{kmsfake.Account}}
	nothing := func(context.Context, string) (kms.Client, error) { return none, nil }
	for name, build := range map[string]func() (keyring.Keyring, error){
		"New": func() (keyring.Keyring, error) { return kms.New(t.Context(), kms.Config{KeyID: oneARN, Client: none}) },
		"NewMRK": func() (keyring.Keyring, error) {
			return kms.NewMRK(t.Context(), kms.Config{KeyID: "alias/x", Client: none})
		},
		"NewDiscovery": func() (keyring.Keyring, error) {
			return kms.NewDiscovery(kms.DiscoveryConfig{Client: none, Filter: filter})
		},
		"NewRSA": func() (keyring.Keyring, error) {
			return kms.NewRSA(t.Context(), kms.RSAConfig{KeyID: oneARN, Client: none, Padding: kms.OAEPSHA256})
		},
		"NewECDH": func() (keyring.Keyring, error) {
			return kms.NewECDH(t.Context(), kms.ECDHConfig{KeyID: oneARN, Client: none})
		},
		"NewMulti": func() (keyring.Keyring, error) {
			return kms.NewMulti(t.Context(), kms.MultiConfig{Generator: "alias/x", Supplier: nothing})
		},
		"DiscoveryMulti": func() (keyring.Keyring, error) {
			return kms.NewDiscoveryMulti(t.Context(), kms.DiscoveryMultiConfig{Regions: []string{near}, Filter: filter, Supplier: nothing})
		},
		"nothing at all": func() (keyring.Keyring, error) {
			return kms.NewMulti(t.Context(), kms.MultiConfig{Generator: oneARN, Supplier: func(context.Context, string) (kms.Client, error) { return nil, nil }})
		},
	} {
		if k, err := build(); k != nil || !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "client") {
			t.Errorf("%s: got %v, %v", name, k, err)
		}
	}
}

// TestRegionOfClient: a client of the SDK knows its region, whatever the configuration says.
func TestRegionOfClient(t *testing.T) {
	client := sdk.New(sdk.Options{Region: far, Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", "")})
	for _, said := range []string{"", near, far} {
		_, err := kms.New(t.Context(), kms.Config{KeyID: oneARN, Client: client, Region: said})
		if !errors.Is(err, kms.ErrWrongRegion) || !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), near) || !strings.Contains(err.Error(), far) {
			t.Errorf("%q: got %v, want ErrWrongRegion with both regions", said, err)
		}
	}
	_, err := kms.NewMulti(t.Context(), kms.MultiConfig{Generator: oneARN, Supplier: func(context.Context, string) (kms.Client, error) { return client, nil }})
	if !errors.Is(err, kms.ErrWrongRegion) || !strings.Contains(err.Error(), oneARN) {
		t.Errorf("a supplier's client of another region: got %v", err)
	}
}

// TestUsage: the error of a key of another kind names key, spec and usage, when the caller may ask for them, and says which keyring there is.
func TestUsage(t *testing.T) {
	f := symmetricFake()
	var events []kms.Event
	k := strict(t, kms.New, kms.Config{KeyID: oneARN, Client: f.Region(near), Observer: func(_ context.Context, e kms.Event) { events = append(events, e) }})
	r := asymmetricRequest(t, suite.AES256GCMCommit(), testPairs)
	f.SetUsage(oneARN, types.KeySpecRsa2048, types.KeyUsageTypeSignVerify)
	for _, key := range []*keyring.Secret{nil, keyring.RandomSecret(32)} {
		_, err := k.OnEncrypt(t.Context(), r, key)
		for _, s := range []string{oneARN, "RSA_2048", "SIGN_VERIFY", "SYMMETRIC_DEFAULT", "RSA and ECDH keys have keyrings of their own"} {
			if !errors.Is(err, kms.ErrInvalidUsage) || !strings.Contains(err.Error(), s) {
				t.Errorf("got %v, want ErrInvalidUsage with %q", err, s)
			}
		}
	}
	if len(events) != 4 || events[1].Op != "DescribeKey" {
		t.Errorf("events %+v", events)
	}
	f.Edit = func(context.Context, kmsfake.Call, any) error {
		return refusal("AccessDeniedException", "kms:DescribeKey")
	}
	if _, err := k.OnEncrypt(t.Context(), r, nil); !errors.Is(err, kms.ErrInvalidUsage) || errors.Is(err, kms.ErrAccessDenied) || strings.Contains(err.Error(), "RSA_2048") {
		t.Errorf("without the permission: got %v", err)
	}
	f.Edit = nil
	hidden := strict(t, kms.New, kms.Config{KeyID: oneARN, Client: symmetricOnly{f.Region(near)}})
	if _, err := hidden.OnEncrypt(t.Context(), r, nil); !errors.Is(err, kms.ErrInvalidUsage) || strings.Contains(err.Error(), "RSA_2048") {
		t.Errorf("without DescribeKey: got %v", err)
	}
	if _, err := kms.New(t.Context(), kms.Config{KeyID: "alias/app", Client: f.Region(near)}); !errors.Is(err, kms.ErrInvalidUsage) || !strings.Contains(err.Error(), "SIGN_VERIFY") {
		t.Errorf("by an alias: got %v", err)
	}
}

// TestRefusedRole: what AWS STS refuses is no refusal by KMS, and nothing is sent to KMS.
func TestRefusedRole(t *testing.T) {
	for code, status := range map[string]int{"AccessDenied": 403, "ExpiredTokenException": 400, "NotFoundException": 400} {
		body := fmt.Sprintf(`<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>canary</Message></Error><RequestId>sts-request</RequestId></ErrorResponse>`, code)
		role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(awsConfig(&script{answers: []answer{{status: status, body: body}}})), "arn:aws:iam::111122223333:role/r")
		s := &script{answers: []answer{goodAnswer}}
		cfg := awsConfig(s)
		cfg.Credentials = aws.NewCredentialsCache(role)
		_, err := suppliedKey(t, cfg, nil).OnEncrypt(t.Context(), asymmetricRequest(t, suite.AES256GCMCommit(), nil), nil)
		var e *kms.Error
		if !errors.As(err, &e) || e.Kind() != kms.ErrCredentials || e.RequestID != "" || s.count() != 0 {
			t.Errorf("%s: got %v after %d requests", code, err, s.count())
			continue
		}
		if text := e.Error(); !strings.Contains(text, "STS AssumeRole: "+code) || strings.Contains(text, "canary") || strings.Contains(text, "key policy") {
			t.Errorf("%s: got %s", code, text)
		}
	}
}

// TestSilentRole: AWS STS that does not answer is no missing credential, and KMS's client does not repeat what STS's client has.
func TestSilentRole(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		silent := &script{answers: []answer{{err: &net.OpError{Op: "dial", Err: errors.New("no route to host")}}}}
		role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(awsConfig(silent)), "arn:aws:iam::111122223333:role/r")
		s := &script{answers: []answer{goodAnswer}}
		cfg := awsConfig(s)
		cfg.Credentials = aws.NewCredentialsCache(role)
		_, err := suppliedKey(t, cfg, nil).OnEncrypt(t.Context(), asymmetricRequest(t, suite.AES256GCMCommit(), nil), nil)
		if !errors.Is(err, kms.ErrUnavailable) || errors.Is(err, kms.ErrCredentials) || !strings.Contains(err.Error(), "STS AssumeRole: no answer") {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
		if silent.count() != retry.DefaultMaxAttempts || s.count() != 0 {
			t.Errorf("%d requests to STS and %d to KMS", silent.count(), s.count())
		}
	})
}

// TestServersText: a server's text is cut, has nothing that a terminal obeys, and is left out when it has a value of the context in any form.
func TestServersText(t *testing.T) {
	f := symmetricFake()
	k := strict(t, kms.New, kms.Config{KeyID: oneARN, Client: f.Region(near)})
	const secret = "<geheim-ü>&"
	r := asymmetricRequest(t, suite.AES256GCMCommit(), keyring.EncryptionContext{"a": secret, "version": "7"})
	for name, c := range map[string]struct {
		code, text string
		says       string
		never      []string
	}{
		"controls":   {"ValidationException", "a\x1b[2J\u009b2J\u202eb\r\nc\xff", "ValidationException: a", []string{"\x1b", "\u009b", "\u202e", "\r", "\n", "\xff"}},
		"long":       {strings.Repeat("C", 1000), strings.Repeat("x", 100000), "xxx", []string{strings.Repeat("C", 65), strings.Repeat("x", 301)}},
		"as it is":   {"ValidationException", "value " + secret, "ValidationException", []string{"geheim"}},
		"JSON":       {"ValidationException", `value "\u003cgeheim-ü\u003e\u0026"`, "ValidationException", []string{"geheim"}},
		"ASCII":      {"ValidationException", `value <geheim-\u00fc>&`, "ValidationException", []string{"geheim"}},
		"code":       {secret, "harmless", "left out", []string{"geheim", "harmless"}},
		"short":      {"AccessDeniedException", "version 7", "AccessDeniedException: (the text is left out", []string{"version 7"}},
		"known code": {"DisabledException", "", "DisabledException; enable", nil},
	} {
		f.Edit = func(context.Context, kmsfake.Call, any) error { return refusal(c.code, c.text) }
		_, err := k.OnEncrypt(t.Context(), r, nil)
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %.600v does not say %q", name, err, c.says)
		}
		for _, s := range c.never {
			if strings.Contains(err.Error(), s) {
				t.Errorf("%s: %.600v says %q", name, err, s)
			}
		}
	}
	f.Edit = func(context.Context, kmsfake.Call, any) error {
		return httpFailure(0, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")})
	}
	if _, err := k.OnEncrypt(t.Context(), r, nil); !errors.Is(err, kms.ErrUnavailable) || !strings.Contains(err.Error(), "no answer: dial tcp: connection refused") {
		t.Errorf("no connection: got %v", err)
	}
}

// TestSupplierWithRole is what a program does whose keys are another account's: one role for all calls, its credentials kept.
func TestSupplierWithRole(t *testing.T) {
	const body = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>` +
		`<SecretAccessKey>s</SecretAccessKey><SessionToken>token</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`
	roles := &script{answers: []answer{{status: http.StatusOK, body: body}}}
	role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(awsConfig(roles)), "arn:aws:iam::444455556666:role/r")
	f := symmetricFake()
	var keys []string
	cfg := awsConfig(handled(func(w http.ResponseWriter, q *http.Request) {
		keys = append(keys, q.Header.Get("Authorization"))
		f.ServeHTTP(w, q)
	}))
	cfg.Credentials = aws.NewCredentialsCache(role)
	k := multi(t, kms.MultiConfig{Generator: strangerARN, Supplier: kms.NewSupplier(cfg)})
	r := asymmetricRequest(t, suite.AES256GCMCommit(), testPairs)
	w := wrapNew(t, k, r)
	opensTo(t, k, r, w.EDKs[0], w.DataKey)
	if roles.count() != 1 || len(keys) != 2 || !strings.Contains(keys[0], "Credential=ASIAROLE/") || !strings.Contains(keys[1], "Credential=ASIAROLE/") {
		t.Errorf("%d calls to STS, calls to KMS by %q", roles.count(), keys)
	}
}

// handled is a transport that calls a handler in the process.
type handled http.HandlerFunc

func (h handled) Do(q *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h(w, q)
	return w.Result(), nil
}
