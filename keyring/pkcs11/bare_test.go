//go:build cgo && unix

package pkcs11_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"slices"
	"testing"
	"time"

	bare "github.com/miekg/pkcs11"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/pkcs11"
	"github.com/signetkeys/signet/keyring/pkcs11/softhsm"
	softhsmtest "github.com/signetkeys/signet/softhsm-test"
)

// Other code initialized the module first. It is adopted, and it is still that code's when signet is done.
func TestAdoptedModule(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.GenerateAES("kek", 256)
	if softhsm.Running() {
		t.Fatal("SoftHSM is running, so this test proves nothing")
	}
	other := bare.New(tok.Module)
	if err := other.Initialize(); err != nil {
		t.Fatal(err)
	}
	k, err := pkcs11.New(t.Context(), tok.Config("kek"))
	if err != nil {
		t.Fatal(err)
	}
	wantRoundTrip(t, k)
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if _, err := other.GetSlotList(true); err != nil {
		t.Errorf("the other owner of the module: %v", err)
	}
	if err := other.Finalize(); err != nil {
		t.Error(err)
	}
	wantRoundTrip(t, open(t, tok.Config("kek")))
}

// A login that other code ended is an HSM that is unavailable, never a missing key.
func TestLoggedOutByOtherCode(t *testing.T) {
	tok := softhsmtest.New(t)
	tok.GenerateAES("kek", 256)
	k := open(t, tok.Config("kek"))
	wantRoundTrip(t, k)
	other := bare.New(tok.Module)
	h, err := other.OpenSession(slotOf(t, other, tok.Serial), bare.CKF_SERIAL_SESSION)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Logout(h); err != nil {
		t.Fatal(err)
	}
	_, err = k.OnEncrypt(t.Context(), request(t), nil)
	e := wantError(t, err, pkcs11.ErrDeviceUnavailable)
	if e.Kind == pkcs11.ErrKeyNotFound {
		t.Errorf("got %v", err)
	}
}

func slotOf(t testing.TB, c *bare.Ctx, serial string) uint {
	t.Helper()
	slots, err := c.GetSlotList(true)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range slots {
		if info, err := c.GetTokenInfo(s); err == nil && info.SerialNumber == serial {
			return s
		}
	}
	t.Fatalf("no slot with serial %s", serial)
	return 0
}

// bench is a key in SoftHSM, open through signet and through the bare binding.
type bench struct {
	k    *pkcs11.Keyring
	r    *keyring.Request
	ctx  *bare.Ctx
	h    bare.SessionHandle
	key  bare.ObjectHandle
	data []byte
}

func newBench(b *testing.B) *bench {
	tok := softhsmtest.New(b)
	tok.GenerateAES("kek", 256)
	x := &bench{k: open(b, tok.Config("kek")), r: request(b, "tenant", "acme", "purpose", "benchmark of a wrap"), data: bytes.Repeat([]byte{7}, 32)}
	if err := x.k.Check(context.Background()); err != nil {
		b.Fatal(err)
	}
	x.ctx = bare.New(tok.Module)
	var err error
	if x.h, err = x.ctx.OpenSession(slotOf(b, x.ctx, tok.Serial), bare.CKF_SERIAL_SESSION); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { x.ctx.CloseSession(x.h) })
	if err := x.ctx.FindObjectsInit(x.h, []*bare.Attribute{bare.NewAttribute(bare.CKA_LABEL, "kek")}); err != nil {
		b.Fatal(err)
	}
	found, _, err := x.ctx.FindObjects(x.h, 1)
	if err != nil || len(found) != 1 {
		b.Fatalf("found %d, %v", len(found), err)
	}
	x.ctx.FindObjectsFinal(x.h)
	x.key = found[0]
	return x
}

func (x *bench) bareWrap(b *testing.B) (iv, sealed []byte) {
	iv = make([]byte, 12)
	rand.Read(iv)
	p := bare.NewGCMParams(iv, x.r.AAD, 128)
	defer p.Free()
	if err := x.ctx.EncryptInit(x.h, []*bare.Mechanism{bare.NewMechanism(bare.CKM_AES_GCM, p)}, x.key); err != nil {
		b.Fatal(err)
	}
	sealed, err := x.ctx.Encrypt(x.h, x.data)
	if err != nil {
		b.Fatal(err)
	}
	return iv, sealed
}

func (x *bench) bareUnwrap(b *testing.B, iv, sealed []byte) {
	p := bare.NewGCMParams(iv, x.r.AAD, 128)
	defer p.Free()
	if err := x.ctx.DecryptInit(x.h, []*bare.Mechanism{bare.NewMechanism(bare.CKM_AES_GCM, p)}, x.key); err != nil {
		b.Fatal(err)
	}
	if _, err := x.ctx.Decrypt(x.h, sealed); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkBareWrap is miekg/pkcs11 with one session and nothing around it: what a wrap costs at least.
func BenchmarkBareWrap(b *testing.B) {
	x := newBench(b)
	b.ReportAllocs()
	for b.Loop() {
		x.bareWrap(b)
	}
}

func BenchmarkBareUnwrap(b *testing.B) {
	x := newBench(b)
	iv, sealed := x.bareWrap(b)
	b.ReportAllocs()
	for b.Loop() {
		x.bareUnwrap(b, iv, sealed)
	}
}

// contexts are the two ways through the pool.
func contexts(b *testing.B) map[string]context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	b.Cleanup(cancel)
	return map[string]context.Context{"background": context.Background(), "cancellable": ctx}
}

// BenchmarkWrap wraps an existing data key through the whole keyring.
func BenchmarkWrap(b *testing.B) {
	x := newBench(b)
	data := keyring.NewSecret(x.data)
	for name, ctx := range contexts(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := x.k.OnEncrypt(ctx, x.r, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGenerate makes a data key from both sources of random bytes and wraps it.
func BenchmarkGenerate(b *testing.B) {
	x := newBench(b)
	for name, ctx := range contexts(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w, err := x.k.OnEncrypt(ctx, x.r, nil)
				if err != nil {
					b.Fatal(err)
				}
				w.DataKey.Destroy()
			}
		})
	}
}

func BenchmarkUnwrap(b *testing.B) {
	x := newBench(b)
	_, edk := wrap(b, x.k, x.r)
	edks := []keyring.EncryptedDataKey{edk}
	for name, ctx := range contexts(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				u, err := x.k.OnDecrypt(ctx, x.r, edks)
				if err != nil {
					b.Fatal(err)
				}
				u.DataKey.Destroy()
			}
		})
	}
}

func BenchmarkWrapParallel(b *testing.B) {
	x := newBench(b)
	data := keyring.NewSecret(x.data)
	b.SetParallelism(16)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := x.k.OnEncrypt(context.Background(), x.r, data); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkAgainstBare runs signet and the bare binding in turn, so that both see the same machine, and reports medians and their ratio. "percent" is
// the speed of signet where the binding has 100.
func BenchmarkAgainstBare(b *testing.B) {
	x := newBench(b)
	data := keyring.NewSecret(x.data)
	_, edk := wrap(b, x.k, x.r)
	edks := []keyring.EncryptedDataKey{edk}
	iv, sealed := x.bareWrap(b)
	for name, ctx := range contexts(b) {
		for op, pair := range map[string][2]func(){
			"wrap": {func() { x.bareWrap(b) }, func() {
				if _, err := x.k.OnEncrypt(ctx, x.r, data); err != nil {
					b.Fatal(err)
				}
			}},
			"unwrap": {func() { x.bareUnwrap(b, iv, sealed) }, func() {
				u, err := x.k.OnDecrypt(ctx, x.r, edks)
				if err != nil {
					b.Fatal(err)
				}
				u.DataKey.Destroy()
			}},
		} {
			b.Run(op+"/"+name, func(b *testing.B) {
				var times [2][]time.Duration
				for b.Loop() {
					for i, f := range pair {
						start := time.Now()
						f()
						times[i] = append(times[i], time.Since(start))
					}
				}
				median := func(d []time.Duration) float64 { slices.Sort(d); return float64(d[len(d)/2]) }
				bareTime, signetTime := median(times[0]), median(times[1])
				b.ReportMetric(bareTime, "bare-ns")
				b.ReportMetric(signetTime, "signet-ns")
				b.ReportMetric(100*bareTime/signetTime, "percent")
			})
		}
	}
}
