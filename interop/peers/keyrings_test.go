package peers_test

import (
	"bytes"
	"testing"

	"github.com/signetkeys/signet/interop/peers"
)

// cell is a message and the ways to read it.
type cell struct {
	name    string
	write   peers.Request
	readers []peers.Request // Keyring, Path, RequiredKeys, ReproducedContext
	refused bool            // every peer refuses to read it in this way
}

func cells(t *testing.T) []cell {
	var out []cell
	add := func(name string, write peers.Request, readers ...peers.Request) {
		out = append(out, cell{name: name, write: write, readers: readers})
	}
	for _, size := range []int{16, 24, 32} {
		k := aesKeyring(size)
		add("raw AES", peers.Request{Keyring: k}, peers.Request{Keyring: k}, peers.Request{Keyring: k, Path: "master-key"})
		add("master key", peers.Request{Keyring: k, Path: "master-key"}, peers.Request{Keyring: k})
	}
	for _, padding := range []string{"pkcs1", "oaep-sha1", "oaep-sha256", "oaep-sha384", "oaep-sha512"} {
		k := rsaKeyring(t, padding)
		public, private := *k, *k
		public.PrivatePEM, private.PublicPEM = "", ""
		add("raw RSA "+padding, peers.Request{Keyring: &public}, peers.Request{Keyring: &private}, peers.Request{Keyring: k})
	}
	for _, curve := range []string{"p256", "p384", "p521"} {
		publicA, privateA := ecPair(t, curve)
		publicB, privateB := ecPair(t, curve)
		a := &peers.Keyring{Type: "raw-ecdh", Curve: curve, Schema: "static", PrivatePEM: privateA, PublicPEM: publicB}
		b := &peers.Keyring{Type: "raw-ecdh", Curve: curve, Schema: "static", PrivatePEM: privateB, PublicPEM: publicA}
		discovery := &peers.Keyring{Type: "raw-ecdh", Curve: curve, Schema: "discovery", PrivatePEM: privateB}
		ephemeral := &peers.Keyring{Type: "raw-ecdh", Curve: curve, Schema: "ephemeral", PublicPEM: publicB}
		add("raw ECDH static "+curve, peers.Request{Keyring: a}, peers.Request{Keyring: a}, peers.Request{Keyring: b}, peers.Request{Keyring: discovery})
		add("raw ECDH ephemeral "+curve, peers.Request{Keyring: ephemeral}, peers.Request{Keyring: discovery})
	}
	one, two := aesKeyring(16), rsaKeyring(t, "oaep-sha1")
	multi := &peers.Keyring{Type: "multi", Generator: one, Children: []*peers.Keyring{two}}
	add("multi", peers.Request{Keyring: multi}, peers.Request{Keyring: one}, peers.Request{Keyring: two}, peers.Request{Keyring: multi},
		peers.Request{Keyring: multi, MaxEDKs: 2})
	out = append(out, cell{name: "too many EDKs", write: peers.Request{Keyring: multi}, readers: []peers.Request{{Keyring: multi, MaxEDKs: 1}}, refused: true})

	required := peers.Request{Keyring: one, Context: map[string]string{"a": "1", "b": "2", "é": "3"}, RequiredKeys: []string{"b", "é"}}
	right := map[string]string{"b": "2", "é": "3"}
	add("required context", required, peers.Request{Keyring: one, ReproducedContext: right},
		peers.Request{Keyring: one, ReproducedContext: required.Context},
		peers.Request{Keyring: one, ReproducedContext: right, RequiredKeys: []string{"b", "é"}})
	out = append(out, cell{name: "required context, wrong", write: required, refused: true, readers: []peers.Request{
		{Keyring: one},
		{Keyring: one, ReproducedContext: map[string]string{"b": "2"}},
		{Keyring: one, ReproducedContext: map[string]string{"b": "2", "é": "x"}},
		{Keyring: one, ReproducedContext: map[string]string{"b": "2", "é": "3", "d": "4"}},
	}})
	return out
}

// Every kind of keyring, written by every peer that can and read by every peer that can; what a peer cannot do must fail.
func TestEveryPairEveryKeyring(t *testing.T) {
	all, c := start(t), capabilities(t)
	messages, reads, refusals := 0, 0, 0
	for _, cell := range cells(t) {
		for _, writer := range all {
			for _, suite := range []string{"0478", "0578"} {
				plaintext := random(300)
				w := cell.write
				w.Op, w.Suite, w.Plaintext = "encrypt", suite, &plaintext
				out, err := writer.Do(&w)
				if l := c.Cannot(writer.name, "encrypt", &w); l != nil {
					if err == nil {
						t.Errorf("%s: %s encrypts, although: %s", cell.name, writer.name, l.Reason)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s: %s: %v", cell.name, writer.name, err)
					continue
				}
				messages++
				for _, reader := range all {
					for _, r := range cell.readers {
						r.Op, r.Ciphertext = "decrypt", &out.Ciphertext
						got, err := reader.Do(&r)
						switch {
						case cell.refused || c.Cannot(reader.name, "decrypt", &r) != nil:
							refusals++
							if err == nil {
								t.Errorf("%s: %s reads %s's message as %s", cell.name, reader.name, writer.name, describe(&r))
							}
						case err != nil:
							t.Errorf("%s: %s cannot read %s's message as %s: %v", cell.name, reader.name, writer.name, describe(&r), err)
						case !bytes.Equal(got.Plaintext, plaintext):
							t.Errorf("%s: %s reads other bytes from %s", cell.name, reader.name, writer.name)
						default:
							reads++
						}
					}
				}
			}
		}
	}
	t.Logf("%d messages, %d reads, %d refusals", messages, reads, refusals)
}

// Bodies that are not framed are written by Java and Python only, and read by all.
func TestNonFramed(t *testing.T) {
	all := start(t)
	k := aesKeyring(32)
	zero := int64(0)
	for _, writer := range all {
		if !writer.offers.WritesNonFramed {
			continue
		}
		for _, suite := range []string{"0014", "0178", "0378", "0478", "0578"} {
			for _, size := range []int{0, 1, 5000} {
				plaintext := random(size)
				exchange(t, all, writer, peers.Request{Suite: suite, Keyring: k, Plaintext: &plaintext, FrameLength: &zero,
					Context: contexts[size%3], CommitmentPolicy: policyFor(suite)}, k)
			}
		}
	}
}
