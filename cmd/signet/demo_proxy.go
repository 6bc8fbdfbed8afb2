package main

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"time"
)

// A proxy stands before a server and can cut it off: then connections are closed without an answer, as they are when the server is not there.
type proxy struct {
	url string
	cut atomic.Bool

	server *http.Server
	done   chan error
}

// newProxy starts a proxy on a free port of loopback.
func newProxy(target string) (*proxy, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	silent := log.New(io.Discard, "", 0)
	forward := &httputil.ReverseProxy{
		ErrorLog:     silent,
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(u); r.Out.Host = r.In.Host }, // the host stays as the client signed it
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p := &proxy{url: "http://" + listener.Addr().String(), done: make(chan error, 1)}
	p.server = &http.Server{ErrorLog: silent, ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.cut.Load() {
			panic(http.ErrAbortHandler)
		}
		forward.ServeHTTP(w, r)
	})}
	go func() { p.done <- p.server.Serve(listener) }()
	return p, nil
}

// close ends the proxy and everything that goes through it.
func (p *proxy) close() error {
	err := p.server.Close()
	if served := <-p.done; !errors.Is(served, http.ErrServerClosed) {
		return errors.Join(err, served)
	}
	return err
}
