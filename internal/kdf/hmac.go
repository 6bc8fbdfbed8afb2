package kdf

import (
	"crypto/fips140"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/binary"
	"errors"
)

const (
	blockSize = sha512.BlockSize // 128
	// inlineSize is the longest message that is hashed from the stack.
	inlineSize = 256

	innerPad = 0x3636363636363636
	outerPad = 0x5c5c5c5c5c5c5c5c

	// minApprovedKey is the shortest HMAC key, in bytes, that crypto/hmac takes under GODEBUG=fips140=only: it panics below.
	minApprovedKey = 14
)

// HMACSHA512 sets dst to HMAC-SHA-512 (RFC 2104) of the concatenated parts under key. Keys and messages may have any length; up to
// 256 bytes of message cost no allocation. dst may overlap the inputs. The only error is a key shorter than 14 bytes under
// GODEBUG=fips140=only, [signet.ErrUnsupported].
func HMACSHA512(dst *[sha512.Size]byte, key []byte, parts ...[]byte) error {
	if fast() {
		macFast(dst, key, parts, nil)
		return nil
	}
	return macStd(dst, key, parts)
}

// macFast sets dst to HMAC-SHA-512(key, parts ‖ tail).
func macFast(dst *[sha512.Size]byte, key []byte, parts [][]byte, tail []byte) {
	var block [blockSize]byte
	if len(key) > blockSize {
		digest := sha512.Sum512(key)
		copy(block[:], digest[:])
		clear(digest[:])
	} else {
		copy(block[:], key)
	}

	n := blockSize + len(tail)
	for _, p := range parts {
		n += len(p)
	}
	var stack [blockSize + inlineSize]byte
	inner := stack[:]
	if n > len(stack) {
		inner = make([]byte, n)
	}
	inner = inner[:n]
	xorPad(inner, &block, innerPad)
	i := blockSize
	for _, p := range parts {
		i += copy(inner[i:], p)
	}
	copy(inner[i:], tail)
	digest := sha512.Sum512(inner)

	var outer [blockSize + sha512.Size]byte
	xorPad(outer[:], &block, outerPad)
	copy(outer[blockSize:], digest[:])
	*dst = sha512.Sum512(outer[:])

	clear(inner)
	clear(outer[:])
	clear(digest[:])
	clear(block[:])
}

// xorPad sets the first block of dst to block xor the repeated pad byte.
func xorPad(dst []byte, block *[blockSize]byte, pad uint64) {
	dst = dst[:blockSize]
	for i := 0; i < blockSize; i += 8 {
		binary.NativeEndian.PutUint64(dst[i:], binary.NativeEndian.Uint64(block[i:])^pad)
	}
}

func macStd(dst *[sha512.Size]byte, key []byte, parts [][]byte) error {
	if len(key) < minApprovedKey && fips140.Enforced() {
		return stdError(errors.New("HMAC key shorter than 112 bits"))
	}
	k := private(key)
	defer clear(k)
	m := hmac.New(sha512.New, k)
	for _, p := range parts {
		c := private(p)
		m.Write(c)
		clear(c)
	}
	sum := m.Sum(nil)
	copy(dst[:], sum)
	clear(sum)
	return nil
}
