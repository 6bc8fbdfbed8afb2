package peers_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/signetkeys/signet/interop/peers"
	"github.com/signetkeys/signet/message"
)

func capabilities(t *testing.T) *peers.Capabilities {
	t.Helper()
	c, err := peers.ReadCapabilities()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// examples returns messages that a limit covers.
func examples(t *testing.T, w peers.When) []peers.Request {
	t.Helper()
	plaintext := random(100)
	r := peers.Request{Suite: "0478", Plaintext: &plaintext, Keyring: aesKeyring(32), Path: w.Path}
	with := func(change func(*peers.Request)) peers.Request {
		c := r
		change(&c)
		return c
	}
	frame := func(n int64) peers.Request { return with(func(r *peers.Request) { r.FrameLength = &n }) }
	abc := map[string]string{"a": "1", "b": "2", "c": "3"}
	switch {
	case w.Keyring == "raw-ecdh":
		var out []peers.Request
		for _, curve := range []string{"p256", "p384", "p521"} {
			public, private := ecPair(t, curve)
			k := &peers.Keyring{Type: "raw-ecdh", Curve: curve, Schema: "static", PublicPEM: public, PrivatePEM: private}
			out = append(out, with(func(r *peers.Request) { r.Keyring = k }))
		}
		return out
	case w.Path != "" && !w.RequiredContext && !w.ReproducedContext:
		return []peers.Request{r}
	case w.FrameLengthBelow != 0:
		return []peers.Request{frame(w.FrameLengthBelow - 1)}
	case w.FrameLengthAbove != 0:
		return []peers.Request{frame(w.FrameLengthAbove + 1)}
	case w.FrameLengthNotMultipleOf != 0:
		return []peers.Request{frame(1), frame(w.FrameLengthNotMultipleOf - 1), frame(w.FrameLengthNotMultipleOf + 1)}
	case w.RequiredContext:
		return []peers.Request{with(func(r *peers.Request) {
			r.Context, r.RequiredKeys, r.ReproducedContext = abc, []string{"b"}, map[string]string{"b": "2"}
		})}
	case w.ReproducedContext:
		return []peers.Request{with(func(r *peers.Request) { r.Context, r.ReproducedContext = abc, map[string]string{"b": "2"} })}
	case w.ContextHasEmptyString:
		return []peers.Request{
			with(func(r *peers.Request) { r.Context = map[string]string{"": "value"} }),
			with(func(r *peers.Request) { r.Context = map[string]string{"key": ""} }),
		}
	case w.ContextStringAbove != 0:
		return []peers.Request{
			with(func(r *peers.Request) {
				r.Context = map[string]string{strings.Repeat("k", w.ContextStringAbove+1): "v"}
			}),
			with(func(r *peers.Request) {
				r.Context = map[string]string{"k": strings.Repeat("v", w.ContextStringAbove+1)}
			}),
		}
	case w.ContextBytesAbove != 0:
		return []peers.Request{with(func(r *peers.Request) {
			r.Context = map[string]string{"k1": strings.Repeat("v", w.ContextBytesAbove/2), "k2": strings.Repeat("v", w.ContextBytesAbove/2)}
		})}
	}
	t.Fatalf("no example for %+v", w)
	return nil
}

// An entry of capabilities.json that a peer meets nevertheless is out of date; a peer that is not named must do the same work.
func TestLimits(t *testing.T) {
	all, c := start(t), capabilities(t)
	done := map[peers.When]bool{}
	for _, l := range c.Limits {
		if l.Reason == "" || len(l.Ops) == 0 {
			t.Errorf("%+v has no reason or no operation", l)
		}
		if done[l.When] {
			continue
		}
		done[l.When] = true
		for _, r := range examples(t, l.When) {
			var written []byte
			for _, p := range all {
				w := r
				w.Op, w.ReproducedContext = "encrypt", nil
				out, err := p.Do(&w)
				if l := c.Cannot(p.name, "encrypt", &r); (err == nil) == (l != nil) {
					t.Errorf("%s encrypts %+v: %v, but capabilities.json has %+v", p.name, describe(&r), err, l)
				}
				if err == nil {
					written = out.Ciphertext
				}
			}
			if written == nil {
				continue
			}
			for _, p := range all {
				out, err := p.Do(&peers.Request{Op: "decrypt", Keyring: r.Keyring, Ciphertext: &written, RequiredKeys: r.RequiredKeys,
					ReproducedContext: r.ReproducedContext, Path: r.Path})
				if l := c.Cannot(p.name, "decrypt", &r); (err == nil) == (l != nil) {
					t.Errorf("%s decrypts %+v: %v, but capabilities.json has %+v", p.name, describe(&r), err, l)
				}
				if err == nil && !bytes.Equal(out.Plaintext, *r.Plaintext) {
					t.Errorf("%s reads other bytes", p.name)
				}
			}
		}
	}
}

func describe(r *peers.Request) string {
	s := fmt.Sprintf("%s, suite %s, %d context keys, required %q, reproduced %d, path %q", r.Keyring.Type, r.Suite, len(r.Context),
		r.RequiredKeys, len(r.ReproducedContext), r.Path)
	if r.FrameLength != nil {
		s += fmt.Sprintf(", frame length %d", *r.FrameLength)
	}
	return s
}

func TestOffersAgreeWithLimits(t *testing.T) {
	all, c := start(t), capabilities(t)
	zero := int64(0)
	for _, p := range all {
		for _, o := range []struct {
			name    string
			offered bool
			message peers.Request
		}{
			{"raw-ecdh", slices.Contains(p.offers.Keyrings, "raw-ecdh"), peers.Request{Keyring: &peers.Keyring{Type: "raw-ecdh"}}},
			{"non-framed", p.offers.WritesNonFramed, peers.Request{FrameLength: &zero}},
			{"required context", p.offers.RequiredContext, peers.Request{RequiredKeys: []string{"k"}}},
			{"master-key", slices.Contains(p.offers.Paths, "master-key"), peers.Request{Path: "master-key"}},
		} {
			if o.offered == (c.Cannot(p.name, "encrypt", &o.message) != nil) {
				t.Errorf("%s: hello says %t about %s, capabilities.json the opposite", p.name, o.offered, o.name)
			}
		}
	}
}

// Each quirk has a probe, which must find it in exactly the peers that capabilities.json names.
func TestQuirks(t *testing.T) {
	all, c := start(t), capabilities(t)
	k := aesKeyring(32)
	plaintext := random(256)
	encrypt := func(p *peer, r peers.Request) []byte {
		t.Helper()
		r.Op, r.Keyring, r.Plaintext = "encrypt", k, &plaintext
		out, err := p.Do(&r)
		if err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
		return out.Ciphertext
	}
	decrypt := func(p *peer, message []byte, reproduced map[string]string) (*peers.Answer, error) {
		return p.Do(&peers.Request{Op: "decrypt", Keyring: k, Ciphertext: &message, ReproducedContext: reproduced})
	}
	trailing := func(suite string) func(*peer) bool {
		return func(p *peer) bool {
			_, err := decrypt(p, append(encrypt(p, peers.Request{Suite: suite}), 0, 0), nil)
			return err == nil
		}
	}
	probes := map[string]func(p *peer) bool{
		"empty-final-frame": func(p *peer) bool {
			frame := int64(128)
			return len(encrypt(p, peers.Request{Suite: "0478", FrameLength: &frame}))-len(encrypt(p, peers.Request{Suite: "0478"})) > 32
		},
		"signature-length-varies": func(p *peer) bool {
			lengths := map[int]bool{}
			for range 30 { // equal by chance: less than 1 in 10,000
				lengths[len(encrypt(p, peers.Request{Suite: "0578"}))] = true
			}
			return len(lengths) > 1
		},
		"reserved-context-accepted": func(p *peer) bool {
			_, err := p.Do(&peers.Request{Op: "encrypt", Keyring: k, Plaintext: &plaintext, Context: map[string]string{"aws-crypto-x": "y"}})
			return err == nil
		},
		"aws-kms-namespace-accepted": func(p *peer) bool {
			reserved := *k
			reserved.Namespace = "aws-kms"
			_, err := p.Do(&peers.Request{Op: "encrypt", Keyring: &reserved, Plaintext: &plaintext})
			return err == nil
		},
		"sequence-number-ignored-unsigned": func(p *peer) bool {
			message := encrypt(p, peers.Request{Suite: "0478"})
			message[len(message)-(len(plaintext)+40)+7] ^= 1 // one final frame: marker, sequence number, ...
			_, err := decrypt(p, message, nil)
			return err == nil
		},
		"panics-at-a-bad-point": func(p *peer) bool {
			if !slices.Contains(p.offers.Keyrings, "raw-ecdh") {
				return false
			}
			public, private := ecPair(t, "p256")
			out, err := p.Do(&peers.Request{Op: "encrypt", Keyring: &peers.Keyring{Type: "raw-ecdh", Curve: "p256", Schema: "ephemeral", PublicPEM: public},
				Plaintext: &plaintext, Suite: "0478"})
			if err != nil {
				t.Fatalf("%s: %v", p.name, err)
			}
			header, _, err := message.ParseHeader(out.Ciphertext)
			if err != nil {
				t.Fatalf("%s: %v", p.name, err)
			}
			info := header.EDKs[0].ProviderInfo // ends with the sender's public key, of which half of all are not on the curve
			at := bytes.Index(out.Ciphertext, info) + len(info) - 1
			for x := range 32 {
				m := slices.Clone(out.Ciphertext)
				m[at] ^= byte(x + 1)
				_, err := p.Do(&peers.Request{Op: "decrypt", Keyring: &peers.Keyring{Type: "raw-ecdh", Curve: "p256", Schema: "discovery", PrivatePEM: private},
					Ciphertext: &m})
				var refusal *peers.Error
				if !errors.As(err, &refusal) {
					t.Fatalf("%s: with another point: %v", p.name, err)
				}
				if refusal.Kind == "internal" {
					return true
				}
			}
			return false
		},
		"trailing-bytes-ignored-unsigned": trailing("0478"),
		"trailing-bytes-ignored-signed":   trailing("0578"),
		"returned-context-stored-only": func(p *peer) bool {
			if !p.offers.RequiredContext {
				return false
			}
			message := encrypt(p, peers.Request{Context: map[string]string{"a": "1", "b": "2"}, RequiredKeys: []string{"b"}})
			out, err := decrypt(p, message, map[string]string{"b": "2"})
			if err != nil {
				t.Fatalf("%s: %v", p.name, err)
			}
			_, ok := out.Context["b"]
			return !ok
		},
	}
	for _, q := range c.Quirks {
		if probes[q.ID] == nil {
			t.Errorf("the quirk %s has no probe", q.ID)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(probes)) {
		for _, p := range all {
			if got, want := probes[id](p), c.Has(p.name, id); got != want {
				t.Errorf("%s: %s is %t, capabilities.json says %t", p.name, id, got, want)
			}
		}
	}
}
