package kmstest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signetkeys/signet/keyring/kms"
)

// A fault is what a proxy does to requests of one operation.
type fault struct {
	op  string
	key string // only requests that name this key; "" is any
	// status and body are the answer in the server's place; status 0 lets the request through.
	status int
	body   string
	times  int // how many requests it hits; 0 is all
	// change is done to the server's own answer.
	change func(answer map[string]any)
	// hit is called when a request comes, before it is answered.
	hit func()
}

// refusal is the answer of KMS for an error code.
func refusal(status int, code, text string) fault {
	body, err := json.Marshal(map[string]string{"__type": code, "message": text})
	if err != nil {
		panic(err)
	}
	return fault{status: status, body: string(body)}
}

// A proxy stands in front of a server. It lets everything through until set.
type proxy struct {
	url string

	mu    sync.Mutex
	fault *fault
	hits  int
}

func newProxy(t *testing.T, s *server) *proxy {
	t.Helper()
	target, err := url.Parse(s.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{}
	through := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			if f := matched(r.Request.Context()); f != nil {
				return edit(r, f.change)
			}
			return nil
		},
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client is gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		f := p.match(r.Header.Get("X-Amz-Target"), body)
		switch {
		case f == nil:
		case f.status != 0:
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.Header().Set("X-Amzn-Requestid", "11112222-3333-4444-5555-666677778888")
			w.WriteHeader(f.status)
			io.WriteString(w, f.body)
			return
		case f.change != nil:
			r = r.WithContext(context.WithValue(r.Context(), matchedKey{}, f))
		}
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	p.url = front.URL
	return p
}

type matchedKey struct{}

func matched(ctx context.Context) *fault {
	f, _ := ctx.Value(matchedKey{}).(*fault)
	return f
}

func (p *proxy) match(target string, body []byte) *fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.fault
	if f == nil || target != "TrentService."+f.op || !strings.Contains(string(body), f.key) {
		return nil
	}
	p.hits++
	if f.hit != nil {
		f.hit()
	}
	if f.times > 0 && p.hits > f.times {
		return nil
	}
	return f
}

// set makes f the fault, or none with nil, and forgets the hits.
func (p *proxy) set(f *fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.hits = f, 0
}

// requests is how many requests the fault has been for, those that it let through included.
func (p *proxy) requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hits
}

// edit replaces the JSON of an answer.
func edit(r *http.Response, change func(map[string]any)) error {
	var answer map[string]any
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		return err
	}
	if _, ok := answer["KeyId"]; !ok {
		return fmt.Errorf("an answer without KeyId: status %d", r.StatusCode)
	}
	r.Body.Close()
	change(answer)
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Length", fmt.Sprint(len(body)))
	r.Header.Del("X-Amz-Crc32")
	return nil
}

// supplierAt gives signet's own clients, for the server behind a proxy.
func (s *server) supplierAt(endpoint string) kms.Supplier {
	return kms.NewSupplier(aws.Config{
		Region: homeRegion, BaseEndpoint: &endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: s.account, SecretAccessKey: "signet"}, nil
		}),
	})
}
