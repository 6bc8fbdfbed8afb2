package matrix

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/signetkeys/signet/interop/peers"
	"github.com/signetkeys/signet/keyring/suite"
)

const unset = -1 // as a frame length: the writer's default, 4096

var (
	// Frame lengths; 0 is a non-framed body.
	peerFrames   = []int64{unset, 0, 1, 17, 128, 256, 1000, 4096, 10240, 65536}
	signetFrames = []int64{unset, 1, 17, 128, 256, 1000, 4096, 10240, 65536}
)

// sizes are those that matter to a frame length.
func sizes(frame int64) []int {
	f := int(frame)
	if frame <= 0 {
		f = 4096
	}
	return []int{0, 1, max(f-1, 0), f, f + 1, 3 * f, 3*f + f/2 + 1}
}

var contexts = []map[string]string{
	nil,
	{"purpose": "matrix"},
	{"a": "1", "b": "2", "aa": "3", "B": "4", "A": "5", "c": "6", "d": "7", "e": "8", "f": "9", "10": "ten", "9": "nine", "-": "_"},
	{"größe": "naïve", "日本": "語", "é": "composed", "e\u0301": "decomposed"},
	// Above U+FFFF, where the order of UTF-16 differs from that of UTF-8.
	{"\U0001F600": "\U0001F511", "\uFF5E": "\U00010000", "z": "\uFFFD", "\uE000": "private use"},
	{"": "empty key", "empty value": "", "k": "v"},
	{"large": strings.Repeat("long value. ", 3333)},
}

const large = 6 // index in contexts; drawn seldom

// cell is one message: how it is written and how it is read.
type cell struct {
	kind        *Kind
	suite       *suite.Suite
	frame       int64
	size        int
	context     map[string]string
	required    []string
	writer      *peers.Keyring
	reader      *peers.Keyring
	requiring   bool // the reader stands behind a required-context manager too
	reproduced  map[string]string
	writePolicy string
	readPolicy  string
}

const (
	allowDecrypt  = "require-encrypt-allow-decrypt"
	forbidEncrypt = "forbid-encrypt-allow-decrypt"
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// draw chooses what the seed decides about a cell.
func draw(r *rand.Rand, kind *Kind, s *suite.Suite, frame int64, size int) *cell {
	c := &cell{kind: kind, suite: s, frame: frame, size: size, writer: pick(r, kind.Write), reader: pick(r, kind.Read)}
	i := r.IntN(len(contexts))
	if i == large && r.IntN(4) > 0 {
		i = r.IntN(large)
	}
	c.context = contexts[i]
	if keys := slices.DeleteFunc(slices.Sorted(maps.Keys(c.context)), func(k string) bool { return k == "" }); len(keys) > 0 && r.IntN(4) == 0 {
		r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		c.required = keys[:1+r.IntN(len(keys))]
		c.requiring = r.IntN(2) == 0
		c.reproduced = maps.Clone(c.context)
		if r.IntN(2) == 0 {
			maps.DeleteFunc(c.reproduced, func(k, _ string) bool { return !slices.Contains(c.required, k) })
		}
	}
	if s.Commits() {
		c.writePolicy = pick(r, []string{"", allowDecrypt})
		c.readPolicy = pick(r, []string{"", allowDecrypt, forbidEncrypt})
	} else {
		c.writePolicy = forbidEncrypt
		c.readPolicy = pick(r, []string{allowDecrypt, forbidEncrypt})
	}
	return c
}

// plaintext is never all zero, so that a buffer that nobody filled would show.
func (c *cell) plaintext() []byte {
	p := make([]byte, c.size)
	for i := range p {
		p[i] = byte(i*31 + i>>8 + 1)
	}
	return p
}

// encrypt is the request that writes the cell; path is that of the peer, "" for signet.
func (c *cell) encrypt(path string) *peers.Request {
	p := c.plaintext()
	r := &peers.Request{Op: "encrypt", Keyring: c.writer, Suite: fmt.Sprintf("%04x", c.suite.ID()), Plaintext: &p, Context: c.context, RequiredKeys: c.required,
		CommitmentPolicy: c.writePolicy, Path: path}
	if c.frame != unset {
		r.FrameLength = &c.frame
	}
	return r
}

// decrypt is the request that reads it.
func (c *cell) decrypt(message []byte, path string) *peers.Request {
	r := &peers.Request{Op: "decrypt", Keyring: c.reader, Ciphertext: &message, ReproducedContext: c.reproduced, CommitmentPolicy: c.readPolicy, Path: path}
	if c.requiring {
		r.RequiredKeys = c.required
	}
	return r
}

// limit returns why the peer cannot do its part of the cell, or nil.
func (c *cell) limit(all *peers.Capabilities, peer, op string) *peers.Limit {
	description := c.encrypt(c.kind.Path)
	if op == "decrypt" {
		d := c.decrypt(nil, c.kind.Path)
		description.Keyring, description.RequiredKeys, description.ReproducedContext = d.Keyring, d.RequiredKeys, d.ReproducedContext
	}
	return all.Cannot(peer, op, description)
}

// onCurve reports whether the message has a point of a curve: in the data key of ECDH, or as the public key of a signature.
func (c *cell) onCurve() bool { return c.suite.Signed() || strings.Contains(c.kind.Name, "ecdh") }

func (c *cell) String() string {
	return fmt.Sprintf("suite %04x, %s, written with %s, read with %s, frame length %d, %d bytes, context of %d pairs, required %q (manager %t), reproduced %d, policies %q and %q",
		c.suite.ID(), c.kind.Name, part(c.writer), part(c.reader), c.frame, c.size, len(c.context), c.required, c.requiring, len(c.reproduced), c.writePolicy, c.readPolicy)
}

// part describes a keyring without its keys.
func part(k *peers.Keyring) string {
	halves := ""
	if k.PublicPEM != "" {
		halves += " public"
	}
	if k.PrivatePEM != "" {
		halves += " private"
	}
	return strings.TrimSpace(k.Type+" "+k.Schema) + halves
}
