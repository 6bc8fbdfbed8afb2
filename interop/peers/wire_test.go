package peers_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/signetkeys/signet/interop/peers"
)

// refusal fails unless err is a peer's refusal of the kind.
func refusal(t *testing.T, p *peer, what string, err error, kind string) {
	t.Helper()
	var e *peers.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: %s: %v, want a refusal", p.name, what, err)
	} else if e.Kind != kind {
		t.Errorf("%s: %s: %v, want the kind %s", p.name, what, e, kind)
	}
}

func TestMalformedRequests(t *testing.T) {
	const keyring = `"keyring":{"type":"raw-aes","namespace":"n","name":"k","key_b64":"AAAAAAAAAAAAAAAAAAAAAA=="}`
	for _, p := range start(t) {
		for _, c := range []struct{ line, kind string }{
			{``, "request"},
			{`x`, "request"},
			{`null`, "request"},
			{`[]`, "request"},
			{`"op"`, "request"},
			{`{"op":"hello"} x`, "request"},
			{`{"op":"hello"`, "request"},
			{strings.Repeat("[", 100_000), "request"},
			{`{"op":7}`, "request"},
			{`{"op":"nothing"}`, "request"},
			{`{"op":"hello","suite":"0478"}`, "request"},
			{`{"op":"encrypt","plaintext_b64":""}`, "request"},
			{`{"op":"encrypt",` + keyring + `}`, "request"},
			{`{"op":"encrypt","plaintext_b64":"?",` + keyring + `}`, "request"},
			{`{"op":"encrypt","plaintext_b64":"","misspelt":1,` + keyring + `}`, "request"},
			{`{"op":"encrypt","plaintext_b64":"","ciphertext_b64":"",` + keyring + `}`, "request"},
			{`{"op":"encrypt","plaintext_b64":"","context":{"a":1},` + keyring + `}`, "request"},
			{`{"op":"encrypt","plaintext_b64":"","context":[],` + keyring + `}`, "request"},
			{`{"op":"encrypt","plaintext_b64":"","suite":"478",` + keyring + `}`, "request"},
			{`{"op":"encrypt","plaintext_b64":"","suite":"1234",` + keyring + `}`, "unsupported"},
			{`{"op":"encrypt","plaintext_b64":"","frame_length":"7",` + keyring + `}`, "request"},
			{`{"op":"encrypt","plaintext_b64":"","commitment_policy":"none",` + keyring + `}`, "request"},
			{`{"op":"encrypt","plaintext_b64":"","path":"x",` + keyring + `}`, "request"},
			{`{"op":"encrypt","plaintext_b64":"","keyring":[]}`, "request"},
			{`{"op":"encrypt","plaintext_b64":"","keyring":{"type":"kms"}}`, "unsupported"},
			{`{"op":"encrypt","plaintext_b64":"","keyring":{"type":"raw-aes","namespace":"n","name":"k","key_b64":"AAAA"}}`, "request"},
			{`{"op":"encrypt","plaintext_b64":"","keyring":{"type":"raw-rsa","namespace":"n","name":"k","padding":"none"}}`, "request"},
			{`{"op":"bench","of":"encrypt","plaintext_b64":"","warmup":0,"n":0,` + keyring + `}`, "request"},
			{`{"op":"bench","of":"hello","plaintext_b64":"","warmup":0,"n":1,` + keyring + `}`, "request"},
			{`{"op":"decrypt","ciphertext_b64":"",` + keyring + `}`, "refused"},
		} {
			a, err := p.Raw(c.line)
			if err != nil {
				t.Fatalf("%s: %.60s: %v", p.name, c.line, err)
			}
			if a.OK {
				t.Errorf("%s: %.200s is accepted", p.name, c.line)
				continue
			}
			refusal(t, p, "to "+c.line[:min(len(c.line), 200)], a.Err, c.kind)
		}
		if _, err := p.Do(&peers.Request{Op: "hello"}); err != nil {
			t.Errorf("%s: after malformed requests: %v", p.name, err)
		}
	}
}

// Every peer refuses a message with one bit flipped, a truncated one, and one under another key. The only bits that a peer may overlook are
// those of sequence numbers, which capabilities.json says.
func TestTampered(t *testing.T) {
	all, c := start(t), capabilities(t)
	k, other := aesKeyring(32), aesKeyring(32)
	other.Name = k.Name
	plaintext := random(300)
	frame := int64(128)
	refused := 0
	for i, suite := range []string{"0014", "0178", "0214", "0378", "0478", "0578"} {
		policy := policyFor(suite)
		writer := all[i%len(all)]
		out, err := writer.Do(&peers.Request{Op: "encrypt", Suite: suite, Keyring: k, Plaintext: &plaintext, FrameLength: &frame,
			Context: map[string]string{"a": "1"}, CommitmentPolicy: policy})
		if err != nil {
			t.Fatalf("%s: %v", writer.name, err)
		}
		message := out.Ciphertext
		for _, reader := range all {
			try := func(what string, k *peers.Keyring, m []byte) {
				_, err := reader.Do(&peers.Request{Op: "decrypt", Keyring: k, Ciphertext: &m, CommitmentPolicy: policy})
				refusal(t, reader, what+" of suite "+suite+" from "+writer.name, err, "refused")
				refused++
			}
			if _, err := reader.Do(&peers.Request{Op: "decrypt", Keyring: k, Ciphertext: &message, CommitmentPolicy: policy}); err != nil {
				t.Fatalf("%s: %v", reader.name, err)
			}
			try("another key", other, message)
			for at := i; at < len(message); at += 23 {
				if c.Has(reader.name, "sequence-number-ignored-unsigned") && !signed(suite) && inSequenceNumber(at-len(message)+404) {
					continue
				}
				m := append([]byte(nil), message...)
				m[at] ^= 1 << (at % 8)
				try("a flipped bit", k, m)
			}
			for n := i; n < len(message); n += 41 {
				try("a truncation", k, message[:n:n])
			}
		}
	}
	t.Logf("%d refusals", refused)
}

func signed(suite string) bool {
	return suite == "0214" || suite == "0346" || suite == "0378" || suite == "0578"
}

// inSequenceNumber reports whether an offset in the body of TestTampered's messages, two frames of 128 bytes and a final one of 44, is in
// one of the sequence numbers.
func inSequenceNumber(at int) bool {
	return at >= 0 && at < 4 || at >= 160 && at < 164 || at >= 324 && at < 328
}

func TestBench(t *testing.T) {
	k := aesKeyring(32)
	plaintext := random(100)
	warmup := 1
	for _, p := range start(t) {
		for _, path := range p.offers.Paths {
			a, err := p.Do(&peers.Request{Op: "bench", Of: "encrypt", Warmup: &warmup, N: 5, Suite: "0478", Keyring: k, Plaintext: &plaintext, Path: path})
			if err != nil {
				t.Errorf("%s, %s: %v", p.name, path, err)
				continue
			}
			if a.N != 5 || a.Min <= 0 || a.Min > a.Median || a.Min > a.Mean {
				t.Errorf("%s, %s: %d times, min %v, median %v, mean %v", p.name, path, a.N, a.Min, a.Median, a.Mean)
			}
		}
	}
}
