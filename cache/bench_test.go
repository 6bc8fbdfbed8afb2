package cache

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

func benchContext() keyring.EncryptionContext {
	return keyring.EncryptionContext{"tenant": "acme", "field": "email", "table": "customers"}
}

func benchManager(b *testing.B, capacity int) (*Manager, *keyring.EncryptionMaterials) {
	m := newManager(b, newBackend(b), NewLocal(capacity), Options{MaxAge: time.Hour})
	return m, encrypt(b, m, encRequest(benchContext(), 100))
}

// hit is one request as a format makes it: the request itself is on the heap, because it goes through an interface.
func hit(b testing.TB, m keyring.MaterialsManager, ec keyring.EncryptionContext) {
	mat, err := m.EncryptionMaterials(context.Background(), &keyring.EncryptionRequest{Context: ec, Suite: suite.AES256GCMCommit(), Length: 100})
	if err != nil {
		b.Fatal(err)
	}
	mat.Release()
}

func BenchmarkHitEncrypt(b *testing.B) {
	m, mat := benchManager(b, 100)
	defer mat.Release()
	ec := benchContext()
	b.ReportAllocs()
	for b.Loop() {
		hit(b, m, ec)
	}
}

func BenchmarkHitDecrypt(b *testing.B) {
	m, mat := benchManager(b, 100)
	defer mat.Release()
	r := decRequest(mat)
	b.ReportAllocs()
	for b.Loop() {
		decrypt(b, m, r).Release()
	}
}

func BenchmarkHitParallel(b *testing.B) {
	m, mat := benchManager(b, 100)
	defer mat.Release()
	ec := benchContext()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			hit(b, m, ec)
		}
	})
}

// Each request has a context of its own: a call, an entry and an eviction.
func BenchmarkMiss(b *testing.B) {
	m, mat := benchManager(b, 100)
	defer mat.Release()
	var n atomic.Uint64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			hit(b, m, keyring.EncryptionContext{"n": strconv.FormatUint(n.Add(1), 10)})
		}
	})
}

// What a miss costs without a cache, to compare.
func BenchmarkUncached(b *testing.B) {
	m := newBackend(b)
	ec := benchContext()
	b.ReportAllocs()
	for b.Loop() {
		hit(b, m, ec)
	}
}

func TestHitAllocations(t *testing.T) {
	m := newManager(t, newBackend(t), NewLocal(10), Options{})
	ec := benchContext()
	mat := encrypt(t, m, encRequest(ec, 100))
	defer mat.Release()
	dec := decRequest(mat)
	decrypt(t, m, dec).Release()
	if got := testing.AllocsPerRun(100, func() { hit(t, m, ec) }); got > 3 {
		t.Errorf("encrypt: %v allocations, want at most 3", got)
	}
	if got := testing.AllocsPerRun(100, func() { decrypt(t, m, dec).Release() }); got > 3 {
		t.Errorf("decrypt: %v allocations, want at most 3", got)
	}
}
