package kms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/suite"
)

func awsConfig(h aws.HTTPClient) aws.Config {
	return aws.Config{Region: near, HTTPClient: h, Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", "")}
}

// script is a transport that answers requests in its own order, and the last answer from then on.
type script struct {
	mu      sync.Mutex
	answers []answer
	seen    []time.Time
}

type answer struct {
	status     int
	code, body string // body when there is no code
	err        error
}

func (s *script) Do(q *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := q.Context().Err(); err != nil {
		return nil, err
	}
	a := s.answers[min(len(s.seen), len(s.answers)-1)]
	s.seen = append(s.seen, time.Now())
	if a.err != nil {
		return nil, a.err
	}
	if a.code != "" {
		a.body = fmt.Sprintf(`{"__type":%q,"message":"text"}`, a.code)
	}
	return &http.Response{
		StatusCode: a.status, Body: io.NopCloser(strings.NewReader(a.body)), Request: q,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amzn-Requestid": {fmt.Sprint("request-", len(s.seen))}},
	}, nil
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

var goodAnswer = answer{status: 200, body: `{"KeyId":"` + oneARN + `","CiphertextBlob":"Yg==","Plaintext":"` + strings.Repeat("A", 43) + `="}`}

// suppliedKey is a keyring of oneARN by a client of a supplier.
func suppliedKey(t testing.TB, cfg aws.Config, observer kms.Observer) keyring.Keyring {
	t.Helper()
	client, err := kms.NewSupplier(cfg)(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return strict(t, kms.New, kms.Config{KeyID: oneARN, Client: client, Observer: observer})
}

// TestAttempts: what is tried again and how often, within how much time, whatever the configuration's own attempts are.
func TestAttempts(t *testing.T) {
	for name, c := range map[string]struct {
		answers  []answer
		attempts int
		want     error
	}{
		"good":              {[]answer{goodAnswer}, 1, nil},
		"throttled":         {[]answer{{status: 400, code: "ThrottlingException"}}, kms.MaxAttempts, kms.ErrThrottled},
		"throttled once":    {[]answer{{status: 400, code: "ThrottlingException"}, goodAnswer}, 2, nil},
		"throttled twice":   {[]answer{{status: 400, code: "ThrottlingException"}, {status: 500, code: "KMSInternalException"}, goodAnswer}, 3, nil},
		"limit":             {[]answer{{status: 400, code: "LimitExceededException"}}, kms.MaxAttempts, kms.ErrThrottled},
		"internal":          {[]answer{{status: 500, code: "KMSInternalException"}}, kms.MaxAttempts, kms.ErrUnavailable},
		"dependency":        {[]answer{{status: 503, code: "DependencyTimeoutException"}}, kms.MaxAttempts, kms.ErrUnavailable},
		"gateway":           {[]answer{{status: 502, body: "<html>"}}, kms.MaxAttempts, kms.ErrUnavailable},
		"no connection":     {[]answer{{err: &net.OpError{Op: "dial", Err: errors.New("connection refused")}}}, kms.MaxAttempts, kms.ErrUnavailable},
		"denied":            {[]answer{{status: 400, code: "AccessDeniedException"}}, 1, kms.ErrAccessDenied},
		"invalid":           {[]answer{{status: 400, code: "InvalidCiphertextException"}}, 1, kms.ErrInvalidCiphertext},
		"another key":       {[]answer{{status: 400, code: "IncorrectKeyException"}}, 1, kms.ErrIncorrectKey},
		"disabled":          {[]answer{{status: 400, code: "DisabledException"}}, 1, kms.ErrKeyDisabled},
		"not found":         {[]answer{{status: 400, code: "NotFoundException"}}, 1, kms.ErrKeyNotFound},
		"wrong answer":      {[]answer{{status: 200, body: `{"KeyId":"` + twoARN + `"}`}}, 1, kms.ErrResponse},
		"denied after that": {[]answer{{status: 400, code: "ThrottlingException"}, {status: 400, code: "AccessDeniedException"}}, 2, kms.ErrAccessDenied},
	} {
		for _, configured := range []int{0, 1, 10} {
			t.Run(fmt.Sprintf("%s/%d", name, configured), func(t *testing.T) {
				sharedtest.Bubble(t, func(t *testing.T) {
					s := &script{answers: c.answers}
					cfg := awsConfig(s)
					cfg.RetryMaxAttempts = configured
					if configured == 10 {
						cfg.RetryMode = aws.RetryModeAdaptive
						cfg.Retryer = func() aws.Retryer { return retry.AddWithMaxAttempts(retry.NewStandard(), 10) }
						cfg.ServiceOptions = []func(string, any){func(_ string, o any) { o.(*sdk.Options).RetryMaxAttempts = 10 }}
					}
					var events []kms.Event
					k := suppliedKey(t, cfg, func(_ context.Context, e kms.Event) { events = append(events, e) })
					start := time.Now()
					_, err := k.OnEncrypt(t.Context(), asymmetricRequest(t, suite.AES256GCMCommit(), nil), nil)
					if !errors.Is(err, c.want) {
						t.Errorf("got %v, want %v", err, c.want)
					}
					if s.count() != c.attempts {
						t.Errorf("%d attempts, want %d", s.count(), c.attempts)
					}
					if took := time.Since(start); took > 4*time.Second || c.attempts == 1 && took > 0 {
						t.Errorf("took %v", took)
					}
					if len(events) != 1 || events[0].Duration != time.Since(start) {
						t.Fatalf("events %+v", events)
					}
					if want := fmt.Sprint("request-", c.attempts); c.answers[0].err == nil && events[0].RequestID != want {
						t.Errorf("got request id %q, want %q", events[0].RequestID, want)
					}
				})
			})
		}
	}
}

// TestEndBetweenAttempts: the context ends the pause before the next attempt.
func TestEndBetweenAttempts(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		s := &script{answers: []answer{{status: 400, code: "ThrottlingException"}}}
		k := suppliedKey(t, awsConfig(s), nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		start := time.Now()
		_, err := k.OnEncrypt(ctx, asymmetricRequest(t, suite.AES256GCMCommit(), nil), nil)
		if !errors.Is(err, context.DeadlineExceeded) || s.count() != 1 || time.Since(start) != time.Nanosecond {
			t.Errorf("got %v after %v and %d attempts", err, time.Since(start), s.count())
		}
	})
}

// TestNeverAnswers: a region that takes connections and says nothing ends a call without a deadline after MaxAttempts of AttemptTimeout.
func TestNeverAnswers(t *testing.T) {
	for name, with := range map[string]func(*awshttp.BuildableClient) aws.HTTPClient{
		"SDK's client": func(h *awshttp.BuildableClient) aws.HTTPClient { return h },
		"with timeout": func(h *awshttp.BuildableClient) aws.HTTPClient { return h.WithTimeout(time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			sharedtest.Bubble(t, func(t *testing.T) {
				var conns []net.Conn
				var mu sync.Mutex
				var readers sync.WaitGroup
				h := awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
					tr.Proxy = nil
					tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
						client, server := net.Pipe()
						mu.Lock()
						conns = append(conns, server)
						mu.Unlock()
						readers.Go(func() { io.Copy(io.Discard, server) })
						return client, nil
					}
				})
				cfg := awsConfig(with(h))
				cfg.BaseEndpoint = aws.String("http://kms.invalid")
				k := suppliedKey(t, cfg, nil)
				start := time.Now()
				_, err := k.OnEncrypt(context.Background(), asymmetricRequest(t, suite.AES256GCMCommit(), nil), nil)
				took, each := time.Since(start), kms.AttemptTimeout
				if name == "with timeout" {
					each = time.Second
				}
				if !errors.Is(err, kms.ErrUnavailable) || len(conns) != kms.MaxAttempts || took < kms.MaxAttempts*each || took > kms.MaxAttempts*each+4*time.Second {
					t.Errorf("got %v after %v and %d connections", err, took, len(conns))
				}
				// The end of the last attempt is not that of the caller's context, which would mean that no key was refused.
				edks := []keyring.EncryptedDataKey{{ProviderID: kms.ProviderID, ProviderInfo: []byte(oneARN), Ciphertext: []byte("x")}}
				_, opened := k.OnDecrypt(context.Background(), asymmetricRequest(t, suite.AES256GCMCommit(), nil), edks)
				if !errors.Is(opened, kms.ErrUnavailable) || !errors.Is(opened, signet.ErrNoKey) {
					t.Errorf("decrypts: got %v, want ErrNoKey and ErrUnavailable", opened)
				}
				var timeout net.Error
				for _, err := range []error{err, opened} {
					if errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
						t.Errorf("got %v, want a timeout of the network and not that of a context", err)
					}
				}
				for _, c := range conns {
					c.Close()
				}
				readers.Wait()
			})
		})
	}
}

// TestCredentials: without credentials nothing is sent.
func TestCredentials(t *testing.T) {
	for name, p := range map[string]aws.CredentialsProvider{
		"empty": credentials.NewStaticCredentialsProvider("", "", ""),
		"failing": aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("no such profile")
		}),
	} {
		s := &script{answers: []answer{goodAnswer}}
		cfg := awsConfig(s)
		cfg.Credentials = p
		_, err := suppliedKey(t, cfg, nil).OnEncrypt(t.Context(), asymmetricRequest(t, suite.AES256GCMCommit(), nil), nil)
		if !errors.Is(err, kms.ErrCredentials) || !errors.Is(err, signet.ErrAccessDenied) || s.count() != 0 {
			t.Errorf("%s: got %v after %d requests", name, err, s.count())
		}
	}
	for name, p := range map[string]aws.CredentialsProvider{"none": nil, "anonymous": aws.AnonymousCredentials{}} {
		cfg := awsConfig(&script{})
		cfg.Credentials = p
		if c, err := kms.NewSupplier(cfg)(t.Context(), ""); c != nil || !errors.Is(err, kms.ErrCredentials) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// Options may have them.
	own := func(o *sdk.Options) { o.Credentials = credentials.NewStaticCredentialsProvider("AKID", "secret", "") }
	if _, err := kms.NewSupplier(aws.Config{}, own)(t.Context(), near); err != nil {
		t.Errorf("in the options: got %v", err)
	}
}

// TestSupplier: one client for a region, with the region of each call's key, and the user agent.
func TestSupplier(t *testing.T) {
	f := symmetricFake()
	var mu sync.Mutex
	var agents []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		mu.Lock()
		agents = append(agents, q.UserAgent())
		mu.Unlock()
		f.ServeHTTP(w, q)
	}))
	t.Cleanup(server.Close)
	cfg := awsConfig(nil)
	s := kms.NewSupplier(cfg, func(o *sdk.Options) { o.BaseEndpoint = &server.URL })
	first, err := s(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	clients := make(chan kms.Client, 8)
	for range cap(clients) {
		go func() {
			c, _ := s(t.Context(), near)
			clients <- c
		}()
	}
	for range cap(clients) {
		if c := <-clients; c != first {
			t.Error("another client for the same region")
		}
	}
	if other, err := s(t.Context(), far); err != nil || other == first || other.(*sdk.Client).Options().Region != far {
		t.Errorf("the other region's client: %v", err)
	}
	var events []kms.Event
	k := multi(t, kms.MultiConfig{
		Generator: "alias/app", Children: []string{farARN}, Supplier: s, GrantTokens: []string{"grant"},
		Observer: func(_ context.Context, e kms.Event) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, e)
		},
	})
	r := asymmetricRequest(t, suite.AES256GCMCommit(), testPairs)
	w := wrapNew(t, k, r)
	u, err := k.OnDecrypt(t.Context(), r, w.EDKs[1:])
	if err != nil || !u.DataKey.Equal(w.DataKey) {
		t.Fatal(err)
	}
	calls := f.Calls()
	want := []string{"DescribeKey eu-west-1 alias/app", "GenerateDataKey eu-west-1 " + oneARN, "Encrypt eu-central-1 " + farARN, "Decrypt eu-central-1 " + farARN}
	if len(calls) != len(want) || len(events) != len(want) {
		t.Fatalf("calls %+v, events %+v", calls, events)
	}
	for i, c := range calls {
		if got := c.Op + " " + c.Region + " " + c.KeyID; got != want[i] || len(c.GrantTokens) != 1 || c.Op != "DescribeKey" && c.Context["tenant"] != "t-1" {
			t.Errorf("got %+v, want %s", c, want[i])
		}
		if e := events[i]; e.Op != c.Op || e.Region != c.Region || e.Key != c.KeyID || e.RequestID != fmt.Sprint("request-", i+1) || e.Err != nil {
			t.Errorf("event %+v", e)
		}
		if !regexp.MustCompile(` AwsCryptographicMPL/Go/signet-[0-9A-Za-z.+-]+$`).MatchString(agents[i]) {
			t.Errorf("user agent %q", agents[i])
		}
	}
	f.Deny(farARN, true)
	var e *kms.Error
	if _, err := k.OnDecrypt(t.Context(), r, w.EDKs[1:]); !errors.As(err, &e) || e.Kind() != kms.ErrAccessDenied || e.RequestID == "" || e.Region != far {
		t.Errorf("denied: got %v", err)
	}
	if _, err := kms.NewSupplier(aws.Config{})(t.Context(), ""); !errors.Is(err, signet.ErrPolicy) || !strings.Contains(err.Error(), "no region") {
		t.Errorf("without a region: got %v", err)
	}
}

// TestOptionsAreLast: what the caller asks for is what counts.
func TestOptionsAreLast(t *testing.T) {
	s := &script{answers: []answer{{status: 400, code: "ThrottlingException"}}}
	client, err := kms.NewSupplier(awsConfig(s), func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	k := strict(t, kms.New, kms.Config{KeyID: oneARN, Client: client})
	if _, err := k.OnEncrypt(t.Context(), asymmetricRequest(t, suite.AES256GCMCommit(), nil), nil); !errors.Is(err, kms.ErrThrottled) || s.count() != 1 {
		t.Errorf("got %v after %d attempts", err, s.count())
	}
}

// TestOverHTTP: the fake's keys answer the SDK as they answer in the process, for messages and items.
func TestOverHTTP(t *testing.T) {
	f := symmetricFake()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	cfg := awsConfig(nil)
	cfg.BaseEndpoint = &server.URL
	k := suppliedKey(t, cfg, nil)
	for _, s := range []*suite.Suite{suite.AES256GCMCommit(), suite.ItemAES256GCM()} {
		r := asymmetricRequest(t, s, testPairs)
		w := wrapNew(t, k, r)
		opensTo(t, k, r, w.EDKs[0], w.DataKey)
		opensTo(t, strict(t, kms.New, kms.Config{KeyID: oneARN, Client: f.Region(near)}), r, w.EDKs[0], w.DataKey)
		e := w.EDKs[0]
		e.Ciphertext = bytes.Clone(e.Ciphertext)
		e.Ciphertext[len(e.Ciphertext)-1] ^= 1
		if err := onlyAttempt(t, k, r, e); !errors.Is(err, kms.ErrInvalidCiphertext) {
			t.Errorf("changed: got %v, want ErrInvalidCiphertext", err)
		}
		other := asymmetricRequest(t, s, keyring.EncryptionContext{"tenant": "t-2", "purpose": "test"})
		if err := onlyAttempt(t, k, other, w.EDKs[0]); !errors.Is(err, kms.ErrInvalidCiphertext) {
			t.Errorf("another context: got %v, want ErrInvalidCiphertext", err)
		}
	}
}
