package kdf

import (
	"crypto"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math"

	"github.com/signetkeys/signet"
)

// CounterHMAC fills out with the KDF in counter mode of NIST SP 800-108r1, section 4.1, under HMAC with SHA-256 or SHA-384: block i, from
// 1, is HMAC(key, i ‖ label ‖ 00 ‖ context ‖ L), with i and the output length in bits L as 32-bit big-endian integers. Another hash is
// [signet.ErrUnsupported]; so is a key shorter than 14 bytes with GODEBUG=fips140=only. An output of more than 2^32-1 bits is
// [signet.ErrLimit]. After an error out is as it was.
func CounterHMAC(h crypto.Hash, out, key, label, context []byte) error {
	var newHash func() hash.Hash
	switch h {
	case crypto.SHA256:
		newHash = sha256.New
	case crypto.SHA384:
		newHash = sha512.New384
	default:
		return fmt.Errorf("kdf: SP 800-108 with %v: %w", h, signet.ErrUnsupported)
	}
	if uint64(len(out)) > math.MaxUint32/8 {
		return fmt.Errorf("kdf: SP 800-108 output of %d bytes, at most %d: %w", len(out), uint32(math.MaxUint32/8), signet.ErrLimit)
	}
	if len(key) < minApprovedKey && fips140.Enforced() {
		return stdError(errors.New("HMAC key shorter than 112 bits"))
	}
	m := hmac.New(newHash, key)
	var word [4]byte
	block := make([]byte, 0, m.Size())
	bits := uint32(len(out)) * 8
	for i := uint32(1); len(out) > 0; i++ {
		m.Reset()
		binary.BigEndian.PutUint32(word[:], i)
		m.Write(word[:])
		m.Write(label)
		m.Write([]byte{0})
		m.Write(context)
		binary.BigEndian.PutUint32(word[:], bits)
		m.Write(word[:])
		block = m.Sum(block[:0])
		out = out[copy(out, block):]
	}
	clear(block)
	return nil
}
