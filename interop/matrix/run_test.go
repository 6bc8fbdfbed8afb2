package matrix

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/interop/peers"
	"github.com/signetkeys/signet/message"
)

// run is the matrix of signet and one peer.
type run struct {
	t      *testing.T
	name   string
	peer   *peers.Peer
	caps   *peers.Capabilities
	signet *Signet
	rand   *rand.Rand
	count  *PeerCount
	queues [2][]body // see next
}

// body is the shape of a message's body.
type body struct {
	frame int64
	size  int
}

func (r *run) errorf(c *cell, format string, args ...any) {
	r.t.Helper()
	r.t.Errorf("%s: "+format+"\n    %v", append(append([]any{r.name}, args...), c)...)
}

// pieces is a generator for a stream of signet, or nil for one call.
func (r *run) pieces() *rand.Rand {
	if r.rand.IntN(2) == 0 {
		return nil
	}
	return rand.New(rand.NewPCG(r.rand.Uint64(), 0))
}

// try does a cell one way. It reports whether a message went through; what the peer cannot do is tried and must fail.
func (r *run) try(c *cell, peerWrites bool) bool {
	op := "decrypt"
	if peerWrites {
		op = "encrypt"
	}
	limit := c.limit(r.caps, r.name, op)
	if limit != nil && peerWrites {
		r.mustNot(c, limit, c.encrypt(c.kind.Path))
		return false
	}
	msg, err := r.write(c, peerWrites)
	if err != nil {
		r.errorf(c, "does not write: %v", err)
		return false
	}
	if limit != nil {
		r.mustNot(c, limit, c.decrypt(msg, c.kind.Path))
		return false
	}
	direction := &r.count.Reads
	if peerWrites {
		direction = &r.count.Writes
	}
	if !r.read(c, msg, peerWrites) {
		return false
	}
	direction.add(c.kind.Name, c.encrypt("").Suite)
	r.refusals(c, msg, direction)
	return true
}

func (r *run) mustNot(c *cell, l *peers.Limit, request *peers.Request) {
	r.t.Helper()
	_, err := r.peer.Do(request)
	var refusal *peers.Error
	switch {
	case err == nil:
		r.errorf(c, "capabilities.json is out of date: %s works, although: %s", request.Op, l.Reason)
	case !errors.As(err, &refusal):
		r.t.Fatalf("%s: %v", r.name, err)
	}
	r.count.Disabled[l.Reason]++
}

func (r *run) write(c *cell, peerWrites bool) ([]byte, error) {
	if !peerWrites {
		return r.signet.Encrypt(r.t.Context(), c.encrypt(""), r.pieces())
	}
	request := c.encrypt(c.kind.Path)
	answer, err := r.peer.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.Suite != request.Suite {
		r.errorf(c, "wrote suite %s", answer.Suite)
	}
	return answer.Ciphertext, nil
}

// read reads the message on the other side and compares.
func (r *run) read(c *cell, msg []byte, peerWrites bool) bool {
	if !peerWrites {
		request := c.decrypt(msg, c.kind.Path)
		answer, err := r.peer.Do(request)
		if err != nil {
			r.errorf(c, "cannot read: %v", err)
			return false
		}
		if want := c.encrypt("").Suite; answer.Suite != want {
			r.errorf(c, "read suite %s", answer.Suite)
		}
		return r.compare(c, r.name, answer.Plaintext, answer.Context)
	}
	ok := true
	for _, pieces := range []*rand.Rand{nil, rand.New(rand.NewPCG(r.rand.Uint64(), 0))} {
		plaintext, header, err := r.signet.Decrypt(r.t.Context(), c.decrypt(msg, ""), pieces)
		if err != nil {
			r.errorf(c, "signet cannot read (stream: %t): %v", pieces != nil, err)
			return false
		}
		if header.Suite != c.suite {
			r.errorf(c, "signet read suite %v", header.Suite)
		}
		ok = r.compare(c, "signet", plaintext, header.Context) && ok
	}
	if !c.suite.Signed() && c.frame != 0 {
		ok = r.readRange(c, msg) && ok
	}
	return ok
}

// readRange reads a part of a framed unsigned message, without the rest.
func (r *run) readRange(c *cell, msg []byte) bool {
	request := c.decrypt(msg, "")
	client, mm, err := r.signet.client(request)
	if err != nil {
		r.errorf(c, "%v", err)
		return false
	}
	in, err := client.OpenAt(r.t.Context(), mm, bytes.NewReader(msg), int64(len(msg)), &message.DecryptOptions{ReproducedContext: request.ReproducedContext})
	if err != nil {
		r.errorf(c, "signet cannot read in parts: %v", err)
		return false
	}
	defer in.Close()
	want := c.plaintext()
	if in.Size() != int64(len(want)) {
		r.errorf(c, "signet finds a plaintext of %d bytes", in.Size())
		return false
	}
	from := r.rand.IntN(len(want) + 1)
	got := make([]byte, r.rand.IntN(len(want)-from+1))
	if n, err := in.ReadAt(got, int64(from)); n != len(got) || err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(got, want[from:from+n]) {
		r.errorf(c, "signet reads %d bytes from %d: got %d, %v", len(got), from, n, err)
		return false
	}
	return true
}

func (r *run) compare(c *cell, reader string, plaintext []byte, ec map[string]string) bool {
	ok := true
	if want := c.plaintext(); !bytes.Equal(plaintext, want) {
		r.errorf(c, "%s reads other bytes: %d, want %d", reader, len(plaintext), len(want))
		ok = false
	}
	_, signed := ec["aws-crypto-public-key"]
	if signed != c.suite.Signed() {
		r.errorf(c, "%s reads a context with a public key: %t", reader, signed)
		ok = false
	}
	got, want := maps.Clone(ec), maps.Clone(c.context)
	maps.DeleteFunc(got, func(k, _ string) bool { return strings.HasPrefix(k, "aws-crypto-") })
	if r.caps.Has(reader, "returned-context-stored-only") {
		for _, k := range c.required {
			delete(want, k)
		}
	}
	if !maps.Equal(got, want) {
		r.errorf(c, "%s reads the context %q, want %q", reader, got, want)
		ok = false
	}
	return ok
}

// signetRefuses fails unless signet refuses the message with an error of a class that says so.
func (r *run) signetRefuses(c *cell, what string, request *peers.Request) {
	r.t.Helper()
	_, _, err := r.signet.Decrypt(context.WithoutCancel(r.t.Context()), request, r.pieces())
	if err == nil {
		r.errorf(c, "signet reads %s", what)
		return
	}
	for _, class := range []error{signet.ErrMalformed, signet.ErrAuthentication, signet.ErrNoKey, signet.ErrPolicy, signet.ErrLimit, signet.ErrContext,
		signet.ErrUnsupported, io.ErrUnexpectedEOF} {
		if errors.Is(err, class) {
			return
		}
	}
	r.errorf(c, "signet refuses %s with an error of no class: %v", what, err)
}

// peerRefuses fails unless the peer refuses it.
func (r *run) peerRefuses(c *cell, what string, request *peers.Request) {
	r.t.Helper()
	_, err := r.peer.Do(request)
	var refusal *peers.Error
	switch {
	case err == nil:
		r.errorf(c, "reads %s", what)
	case !errors.As(err, &refusal):
		r.t.Fatalf("%s: %s: %v\n    %v", r.name, what, err, c)
	case refusal.Kind == "internal" && c.onCurve() && r.caps.Has(r.name, "panics-at-a-bad-point"):
	case refusal.Kind != "refused" && refusal.Kind != "keyring":
		r.errorf(c, "refuses %s with %v", what, refusal)
	}
}
