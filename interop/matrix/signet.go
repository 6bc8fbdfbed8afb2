package matrix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"sync"

	"github.com/signetkeys/signet/interop/peers"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// Signet does what a peer does with the same requests. It is safe for concurrent use.
type Signet struct {
	mu       sync.Mutex
	keyrings map[*peers.Keyring]keyring.Keyring
}

// Use makes s use k where a request has the keyring of a peer, for keys that a request cannot describe.
func (s *Signet) Use(described *peers.Keyring, k keyring.Keyring) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keyrings == nil {
		s.keyrings = map[*peers.Keyring]keyring.Keyring{}
	}
	s.keyrings[described] = k
}

// Keyring makes signet's keyring, once for each pointer.
func (s *Signet) Keyring(described *peers.Keyring) (keyring.Keyring, error) {
	s.mu.Lock()
	k, ok := s.keyrings[described]
	s.mu.Unlock()
	if ok {
		return k, nil
	}
	k, err := s.build(described)
	if err != nil {
		return nil, fmt.Errorf("keyring %s: %w", described.Type, err)
	}
	s.Use(described, k)
	return k, nil
}

func (s *Signet) build(d *peers.Keyring) (keyring.Keyring, error) {
	switch d.Type {
	case "raw-aes":
		return raw.NewAES(raw.AESConfig{Namespace: d.Namespace, Name: d.Name, Key: d.Key})
	case "raw-rsa":
		return buildRSA(d)
	case "raw-ecdh":
		return buildECDH(d)
	case "multi":
		var o keyring.MultiOptions
		var err error
		if d.Generator != nil {
			if o.Generator, err = s.Keyring(d.Generator); err != nil {
				return nil, err
			}
		}
		for _, child := range d.Children {
			k, err := s.Keyring(child)
			if err != nil {
				return nil, err
			}
			o.Children = append(o.Children, k)
		}
		return keyring.NewMulti(o)
	}
	return nil, errors.New("unknown type")
}

func buildRSA(d *peers.Keyring) (_ keyring.Keyring, err error) {
	cfg := raw.RSAConfig{Namespace: d.Namespace, Name: d.Name}
	if cfg.Padding, err = raw.ParseRSAPadding(d.Padding); err != nil {
		return nil, err
	}
	if d.PublicPEM != "" {
		if cfg.Public, err = raw.ParseRSAPublicKey([]byte(d.PublicPEM)); err != nil {
			return nil, err
		}
	}
	if d.PrivatePEM != "" {
		if cfg.Private, err = raw.ParseRSAPrivateKey([]byte(d.PrivatePEM)); err != nil {
			return nil, err
		}
	}
	return raw.NewRSA(cfg)
}

func buildECDH(d *peers.Keyring) (_ keyring.Keyring, err error) {
	var cfg raw.ECDHConfig
	if cfg.Curve, err = ecdhCurve(d.Curve); err != nil {
		return nil, err
	}
	if cfg.Schema, err = raw.ParseECDHSchema(d.Schema); err != nil {
		return nil, err
	}
	if d.PrivatePEM != "" {
		if cfg.Private, err = raw.ParseECPrivateKey([]byte(d.PrivatePEM)); err != nil {
			return nil, err
		}
	}
	if d.PublicPEM != "" {
		if cfg.Peer, err = raw.ParseECPublicKey([]byte(d.PublicPEM)); err != nil {
			return nil, err
		}
	}
	return raw.NewECDH(cfg)
}

// client returns what the request says about client and materials manager.
func (s *Signet) client(r *peers.Request) (*message.Client, keyring.MaterialsManager, error) {
	c := &message.Client{MaxEncryptedDataKeys: r.MaxEDKs}
	if r.CommitmentPolicy != "" {
		var err error
		if c.CommitmentPolicy, err = suite.ParseCommitmentPolicy(r.CommitmentPolicy); err != nil {
			return nil, nil, err
		}
	}
	k, err := s.Keyring(r.Keyring)
	if err != nil {
		return nil, nil, err
	}
	mm := keyring.NewManager(k)
	if len(r.RequiredKeys) > 0 {
		if mm, err = keyring.RequireContext(mm, r.RequiredKeys...); err != nil {
			return nil, nil, err
		}
	}
	return c, mm, nil
}

// Encrypt answers a request to encrypt: in one call, or with a generator through a stream in pieces that it chooses.
func (s *Signet) Encrypt(ctx context.Context, r *peers.Request, pieces *rand.Rand) ([]byte, error) {
	c, mm, err := s.client(r)
	if err != nil {
		return nil, err
	}
	o := &message.EncryptOptions{Context: r.Context}
	if r.Suite != "" {
		id, err := strconv.ParseUint(r.Suite, 16, 16)
		if err != nil {
			return nil, err
		}
		var ok bool
		if o.Suite, ok = suite.ByID(uint16(id)); !ok {
			return nil, fmt.Errorf("no suite %s", r.Suite)
		}
	}
	if r.FrameLength != nil {
		o.FrameLength = int(*r.FrameLength)
	}
	if pieces == nil {
		return c.Encrypt(ctx, mm, *r.Plaintext, o)
	}
	if pieces.IntN(2) == 0 {
		n := int64(len(*r.Plaintext))
		o.Length = &n
	}
	o.Concurrency = pieces.IntN(3)
	out := new(bytes.Buffer)
	w, err := c.NewEncryptWriter(ctx, mm, out, o)
	if err != nil {
		return nil, err
	}
	for rest := *r.Plaintext; len(rest) > 0; {
		n := 1 + pieces.IntN(len(rest))
		if _, err := w.Write(rest[:n]); err != nil {
			return nil, errors.Join(err, w.Close())
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Decrypt answers a request to decrypt, in one call or through a stream.
func (s *Signet) Decrypt(ctx context.Context, r *peers.Request, pieces *rand.Rand) ([]byte, *message.Header, error) {
	c, mm, err := s.client(r)
	if err != nil {
		return nil, nil, err
	}
	o := &message.DecryptOptions{ReproducedContext: r.ReproducedContext}
	if pieces == nil {
		return c.Decrypt(ctx, mm, *r.Ciphertext, o)
	}
	o.Concurrency = pieces.IntN(3)
	var src io.Reader = bytes.NewReader(*r.Ciphertext) // can seek: signed messages are read twice
	if pieces.IntN(2) == 0 {
		src, o.ReleaseUnverified = &chopped{*r.Ciphertext, pieces}, true
	}
	in, err := c.NewDecryptReader(ctx, mm, src, o)
	if err != nil {
		return nil, nil, err
	}
	plaintext, err := io.ReadAll(in)
	if closeErr := in.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, nil, err
	}
	return plaintext, in.Header(), nil
}

// chopped reads in pieces of chosen lengths.
type chopped struct {
	rest   []byte
	pieces *rand.Rand
}

// Read implements io.Reader.
func (c *chopped) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.rest[:1+c.pieces.IntN(len(c.rest))])
	c.rest = c.rest[n:]
	return n, nil
}
