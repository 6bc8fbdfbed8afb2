package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestProxy(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Host", r.Host)
		_, _ = io.Copy(w, r.Body)
	}))
	defer target.Close()
	p, err := newProxy(target.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: new(http.Transport)}
	post := func() (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		r.GetBody = nil // sent once
		return client.Do(r)
	}
	through := func(when string) {
		t.Helper()
		r, err := post()
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "body" || r.Header.Get("X-Host") != strings.TrimPrefix(p.url, "http://") {
			t.Errorf("%s: got %q, host %q, %v; want what was sent, for the host that it was sent to", when, body, r.Header.Get("X-Host"), err)
		}
	}
	through("at first")
	p.cut.Store(true)
	if r, err := post(); err == nil {
		r.Body.Close()
		t.Error("cut off, it answers")
	} else if !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "connection") {
		t.Errorf("cut off: got %v, want a connection that ends", err)
	}
	p.cut.Store(false)
	through("back again")
	if err := p.close(); err != nil {
		t.Error(err)
	}
	if r, err := post(); err == nil {
		r.Body.Close()
		t.Error("closed, it answers")
	}
}
