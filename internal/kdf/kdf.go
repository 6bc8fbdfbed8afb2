// Package kdf derives keys: HKDF (RFC 5869) as the message and item formats use it, and the counter mode of SP 800-108 that ECDH
// keyrings and branch keys use. For HKDF-SHA-512, which runs three times per message, it composes HMAC from one-shot SHA-512 without
// heap allocation; everything else is the standard library's HKDF and HMAC.
//
// The fast path is off when [fips140.Enabled] reports true: the derivation then runs inside the Go Cryptographic Module. Both paths
// give the same bytes. Stack temporaries that held key material are cleared, best effort: copies made inside the standard library or
// by the runtime are out of reach.
//
// All functions are safe for concurrent use; none retains or changes its inputs.
package kdf

import (
	"bytes"
	"crypto"
	"crypto/fips140"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"

	"github.com/signetkeys/signet"
)

// fast reports whether derivations may use the composed HMAC instead of the standard library's.
func fast() bool { return !fips140.Enabled() }

// HKDF returns n bytes of HKDF-Extract-and-Expand (RFC 5869) with SHA-256, SHA-384 or SHA-512. An empty salt stands for hash-length
// zeros, as the RFC says. Another hash is [signet.ErrUnsupported], n below zero or above 255 times the hash length is
// [signet.ErrLimit]. With GODEBUG=fips140=only a secret shorter than 14 bytes is ErrUnsupported.
func HKDF(h crypto.Hash, secret, salt, info []byte, n int) ([]byte, error) {
	var newHash func() hash.Hash
	switch h {
	case crypto.SHA256:
		newHash = sha256.New
	case crypto.SHA384:
		newHash = sha512.New384
	case crypto.SHA512:
		newHash = sha512.New
	default:
		return nil, fmt.Errorf("kdf: HKDF with %v: %w", h, signet.ErrUnsupported)
	}
	if err := checkLength(n, h.Size()); err != nil {
		return nil, err
	}
	out, err := hkdf.Key(newHash, secret, salt, string(info), n)
	if err != nil {
		return nil, stdError(err)
	}
	return out, nil
}

func checkLength(n, hashSize int) error {
	if n < 0 || n > 255*hashSize {
		return fmt.Errorf("kdf: HKDF output of %d bytes, at most %d: %w", n, 255*hashSize, signet.ErrLimit)
	}
	return nil
}

// stdError classes the one refusal that crypto/hkdf has left once lengths are checked: keys below 112 bits under fips140=only.
func stdError(err error) error {
	return fmt.Errorf("kdf: %w: %w", err, signet.ErrUnsupported)
}

// private returns a copy of b for calls through interfaces. The compiler moves what such a call may retain to the heap; copying keeps
// the callers' own buffers on their stacks, so that the fast path stays free of allocations. The caller clears the copy.
func private(b []byte) []byte { return bytes.Clone(b) }
