package kdf

import (
	"crypto/hkdf"
	"crypto/sha512"
	"testing"
)

// The schedule of a version 2 message: one extract, two expands of 32 bytes.

func BenchmarkMessageKeys(b *testing.B) {
	var ikm, salt, key, commitment [32]byte
	suite, label, commit := []byte{5, 0x78}, []byte("DERIVEKEY"), []byte("COMMITKEY")
	b.ReportAllocs()
	for b.Loop() {
		var prk [sha512.Size]byte
		if ExtractSHA512(&prk, salt[:], ikm[:]) != nil ||
			ExpandSHA512(key[:], &prk, suite, label) != nil ||
			ExpandSHA512(commitment[:], &prk, commit) != nil {
			b.Fatal("refused")
		}
	}
}

func BenchmarkMessageKeysStd(b *testing.B) {
	var ikm, salt [32]byte
	info := string([]byte{5, 0x78}) + "DERIVEKEY"
	b.ReportAllocs()
	for b.Loop() {
		prk, err := hkdf.Extract(sha512.New, ikm[:], salt[:])
		if err != nil {
			b.Fatal(err)
		}
		if _, err := hkdf.Expand(sha512.New, prk, info, 32); err != nil {
			b.Fatal(err)
		}
		if _, err := hkdf.Expand(sha512.New, prk, "COMMITKEY", 32); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHMACSHA512(b *testing.B) {
	var dst, key [sha512.Size]byte
	msg := make([]byte, inlineSize)
	b.ReportAllocs()
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		if err := HMACSHA512(&dst, key[:], msg); err != nil {
			b.Fatal(err)
		}
	}
}
