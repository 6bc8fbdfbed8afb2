package kmstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/suite"
)

// A wire is the network between a keyring and a server.
type wire struct {
	t         *testing.T
	proxy     *toxiproxy.Proxy
	transport *http.Transport
	calls     calls
}

// ownAddress is a port of an address that no other test listens on: a wire that is cut gives its port up, and must get it back when it is restored.
func ownAddress() string {
	if runtime.GOOS != "linux" { // others have one address on loopback
		return "127.0.0.1:0"
	}
	return fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
}

func newWire(t *testing.T, s *server) *wire {
	t.Helper()
	toxics := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	w := &wire{t: t, proxy: toxiproxy.NewProxy(toxics, "kms", ownAddress(), strings.TrimPrefix(s.endpoint, "http://"))}
	w.transport = http.DefaultTransport.(*http.Transport).Clone()
	if err := w.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.transport.CloseIdleConnections()
		w.proxy.Stop()
	})
	return w
}

// supplier gives signet's own clients over the wire.
func (w *wire) supplier(s *server) kms.Supplier {
	base := s.supplierAt("http://" + w.proxy.Listen)
	return func(ctx context.Context, region string) (kms.Client, error) {
		c, err := base(ctx, region)
		if err != nil {
			return nil, err
		}
		return sdk.New(c.(*sdk.Client).Options(), w.calls.option, func(o *sdk.Options) { o.HTTPClient = &http.Client{Transport: w.transport} }), nil
	}
}

// poison makes answers toxic. Connections of before are closed, so that the next call meets the toxic.
func (w *wire) poison(kind, attributes string) {
	w.t.Helper()
	w.transport.CloseIdleConnections()
	toxic := fmt.Sprintf(`{"name":"t","type":%q,"stream":"downstream","toxicity":1,"attributes":%s}`, kind, attributes)
	if _, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) heal() {
	w.t.Helper()
	w.transport.CloseIdleConnections()
	if err := w.proxy.Toxics.RemoveToxic(context.Background(), "t"); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) cut() {
	w.transport.CloseIdleConnections()
	w.proxy.Stop()
}

func (w *wire) restore() {
	w.t.Helper()
	if err := w.proxy.Start(); err != nil {
		w.t.Fatal(err)
	}
}

// over is a keyring over a wire, as behind is one over a proxy.
func over(t *testing.T) (*wire, *behind) {
	t.Helper()
	s := start(t, localKMS)
	w := newWire(t, s)
	arn, err := s.newKey(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	client, err := w.supplier(s)(t.Context(), homeRegion)
	if err != nil {
		t.Fatal(err)
	}
	b := &behind{arn: arn}
	b.k, err = kms.New(t.Context(), kms.Config{KeyID: arn, Client: client, Observer: func(_ context.Context, e kms.Event) { b.note = append(b.note, e) }})
	if err != nil {
		t.Fatal(err)
	}
	if b.d, err = seal(t.Context(), b.k, pairs()); err != nil {
		t.Fatal(err)
	}
	return w, b
}

func TestSlowNetwork(t *testing.T) {
	for _, c := range []struct{ name, kind, attributes string }{
		{"latency", "latency", `{"latency":150,"jitter":10}`},
		{"narrow", "bandwidth", `{"rate":2}`},
		{"pieces", "slicer", `{"average_size":7,"size_variation":3,"delay":1}`},
	} {
		for _, op := range operations {
			t.Run(c.name+"/"+op, func(t *testing.T) {
				t.Parallel()
				w, b := over(t)
				w.poison(c.kind, c.attributes)
				if err := b.do(t.Context(), op); err != nil {
					t.Fatal(err)
				}
				if got := b.note[len(b.note)-1].Duration; c.name == "latency" && got < 140*time.Millisecond {
					t.Errorf("the observer was told of %v, which is less than the latency", got)
				}
			})
		}
	}
}

// A network that breaks is an error of a kind, after the attempts that there are, and the keyring works again when the network does.
func TestBrokenNetwork(t *testing.T) {
	toxic := func(kind, attributes string) (breaks, heals func(*wire)) {
		return func(w *wire) { w.poison(kind, attributes) }, (*wire).heal
	}
	type way struct {
		name          string
		breaks, heals func(*wire)
		attempts      int
	}
	ways := []way{{"stopped", (*wire).cut, (*wire).restore, kms.MaxAttempts}}
	for _, c := range []struct {
		name, kind, attributes string
		attempts               int
	}{
		{"closed without an answer", "timeout", `{"timeout":100}`, kms.MaxAttempts},
		{"reset", "reset_peer", `{"timeout":0}`, kms.MaxAttempts},
		{"cut in the headers", "limit_data", `{"bytes":20}`, kms.MaxAttempts},
		{"cut in the body", "limit_data", `{"bytes":180}`, 1}, // the SDK does not repeat a call whose answer has begun
	} {
		breaks, heals := toxic(c.kind, c.attributes)
		ways = append(ways, way{c.name, breaks, heals, c.attempts})
	}
	for _, c := range ways {
		for _, op := range operations {
			t.Run(c.name+"/"+op, func(t *testing.T) {
				t.Parallel()
				w, b := over(t)
				c.breaks(w)
				before := w.calls.count(op)
				err := b.do(t.Context(), op)
				if got := w.calls.count(op) - before; got != c.attempts {
					t.Errorf("got %d attempts, want %d", got, c.attempts)
				}
				if err := refused(err, signet.ErrUnavailable); err != nil {
					t.Error(err)
				}
				var failure *kms.Error
				if !errors.As(err, &failure) || failure.Op != op || failure.Key != b.arn || failure.Region != homeRegion {
					t.Errorf("the error is not one of %s with the key in %s: %v", op, homeRegion, err)
				}
				c.heals(w)
				if err := b.do(t.Context(), op); err != nil {
					t.Errorf("afterwards: %v", err)
				}
			})
		}
	}
}

// A server that never answers holds the caller until the context's deadline, and no longer.
func TestHangingNetwork(t *testing.T) {
	for _, op := range operations {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			w, b := over(t)
			w.poison("timeout", `{"timeout":0}`)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := b.do(ctx, op)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
			}
			var failure *kms.Error
			if !errors.As(err, &failure) || failure.Op != op {
				t.Errorf("the error is not one of %s: %v", op, err)
			}
			w.heal()
			if err := b.do(t.Context(), op); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// overTwo is a keyring of two keys in two regions, each behind a wire of its own.
func overTwo(t *testing.T, c kms.MultiConfig) (home, away *wire, k keyring.Keyring) {
	t.Helper()
	s := start(t, miniStack)
	home, away = newWire(t, s), newWire(t, s)
	ids := make(map[string]string)
	for _, region := range []string{homeRegion, otherRegion} {
		out, err := s.client(region).CreateKey(t.Context(), &sdk.CreateKeyInput{})
		if err != nil {
			t.Fatal(err)
		}
		ids[region] = *out.KeyMetadata.Arn
	}
	c.Generator, c.Optional = ids[homeRegion], []string{ids[otherRegion]}
	c.Supplier = func(ctx context.Context, region string) (kms.Client, error) {
		if region == otherRegion {
			return away.supplier(s)(ctx, region)
		}
		return home.supplier(s)(ctx, region)
	}
	k, err := kms.NewMulti(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return home, away, k
}

func TestOneRegionIsAway(t *testing.T) {
	breaks := map[string]func(*wire){
		"stopped": (*wire).cut, "reset": func(w *wire) { w.poison("reset_peer", `{"timeout":0}`) },
	}
	for name, hit := range breaks {
		t.Run(name+"/opens in the other", func(t *testing.T) {
			t.Parallel()
			home, _, k := overTwo(t, kms.MultiConfig{})
			d, err := seal(t.Context(), k, pairs())
			if err != nil {
				t.Fatal(err)
			}
			if len(d.edks) != 2 {
				t.Fatalf("got %d data keys, want 2", len(d.edks))
			}
			hit(home)
			if err := d.open(t.Context(), k); err != nil {
				t.Error(err)
			}
		})
		t.Run(name+"/writes without the other", func(t *testing.T) {
			t.Parallel()
			_, away, k := overTwo(t, kms.MultiConfig{})
			hit(away)
			degraded(t, k, signet.ErrUnavailable)
		})
		t.Run(name+"/generator", func(t *testing.T) {
			t.Parallel()
			home, _, k := overTwo(t, kms.MultiConfig{})
			hit(home)
			_, err := seal(t.Context(), k, pairs())
			if err := refused(err, signet.ErrUnavailable); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("hangs/writes without the other", func(t *testing.T) {
		t.Parallel()
		_, away, k := overTwo(t, kms.MultiConfig{OptionalTimeout: 200 * time.Millisecond})
		away.poison("timeout", `{"timeout":0}`)
		degraded(t, k, signet.ErrUnavailable)
	})
	t.Run("hangs/hedged", func(t *testing.T) {
		t.Parallel()
		home, _, k := overTwo(t, kms.MultiConfig{Hedge: 50 * time.Millisecond})
		d, err := seal(t.Context(), k, pairs())
		if err != nil {
			t.Fatal(err)
		}
		home.poison("timeout", `{"timeout":0}`)
		if err := d.open(t.Context(), k); err != nil { // there is no deadline: only the other region can answer
			t.Error(err)
		}
	})
	t.Run("hangs/not hedged", func(t *testing.T) {
		t.Parallel()
		home, _, k := overTwo(t, kms.MultiConfig{})
		d, err := seal(t.Context(), k, pairs())
		if err != nil {
			t.Fatal(err)
		}
		home.poison("timeout", `{"timeout":0}`)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := d.open(ctx, k); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

// degraded makes a data key and wants it to say what its second key failed with.
func degraded(t *testing.T, k keyring.Keyring, why error) {
	t.Helper()
	r, err := keyring.NewRequest(suite.AES256GCMCommit(), pairs())
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.OnEncrypt(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.DataKey.Destroy()
	if len(w.EDKs) != 1 || len(w.Degraded) != 1 || !errors.Is(w.Degraded[0].Err, why) {
		t.Errorf("got %d data keys, degraded %v, want 1 and %v", len(w.EDKs), w.Degraded, why)
	}
}
