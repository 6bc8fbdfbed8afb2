package token

import (
	"context"
	"crypto/subtle"
	"sync/atomic"
	"time"

	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
)

const (
	// MaxInput is the longest input of Encrypt and Decrypt in bytes. Data keys have 16 to 32 and their wrapped forms 16 more.
	MaxInput = 256
	// MaxRSA is the longest input of DecryptOAEP in bytes: a modulus of 16,384 bits.
	MaxRSA = 2048
)

type opKind uint8

const (
	opEncrypt opKind = iota
	opDecrypt
	opGenerate // XOR the token's random bytes onto src, then encrypt it
	opOAEP     // decrypt with RSA-OAEP
	opFunc
)

// op is one piece of work for a session. It points into its session's buffers when the call can be abandoned, else into the caller's.
type op struct {
	kind     opKind
	key      ck.Object
	gcm      ck.GCM
	hash     ck.Hash
	iv       [12]byte
	src, dst []byte
	n        int
	fn       func(ck.Module, ck.Session) error
}

func (o *op) run(m ck.Module, h ck.Session) (err error) {
	switch o.kind {
	case opFunc:
		return o.fn(m, h)
	case opDecrypt:
		o.n, err = m.Decrypt(h, o.key, &o.gcm, o.dst, o.src)
		return err
	case opOAEP:
		o.n, err = m.DecryptOAEP(h, o.key, o.hash, o.dst, o.src)
		return err
	case opGenerate:
		var random [MaxInput]byte
		r := random[:len(o.src)]
		if err := m.GenerateRandom(h, r); err != nil {
			return err
		}
		subtle.XORBytes(o.src, o.src, r)
		clear(r)
	}
	o.n, err = m.Encrypt(h, o.key, &o.gcm, o.dst, o.src)
	return err
}

// States of a session's worker.
const (
	stateReady int32 = iota
	stateRunning
	stateAbandoned
)

// session is a work session. One operation at a time uses it.
type session struct {
	t     *Token
	h     ck.Session
	epoch uint64
	since time.Time // in the idle list
	inUse bool      // set for a worker that closes a session which still holds its slot

	op  op
	in  [MaxRSA]byte
	out [MaxRSA]byte
	aad []byte

	// The worker runs calls that can be abandoned. It is started by the first of them and ends with the session.
	worker bool
	start  chan struct{}
	done   chan error
	state  atomic.Int32
}

// direct runs the operation in this goroutine, on the caller's buffers.
func (s *session) direct() error {
	return s.op.run(s.t.mod.Raw(), s.h)
}

// abandonable runs the operation in the session's worker. When ctx ends first it returns left = true: the worker then owns the session, wipes
// its buffers and closes it once the call returns.
func (s *session) abandonable(ctx context.Context) (err error, left bool) {
	if !s.worker {
		s.worker = true
		s.start, s.done = make(chan struct{}, 1), make(chan error, 1)
		go s.work()
	}
	s.state.Store(stateRunning)
	s.start <- struct{}{}
	select {
	case err := <-s.done:
		return err, false
	case <-ctx.Done():
	}
	if s.state.CompareAndSwap(stateRunning, stateAbandoned) {
		s.t.abandon(1) // the worker may have counted down already
		return ctx.Err(), true
	}
	return <-s.done, false
}

func (s *session) work() {
	for range s.start {
		err := s.op.run(s.t.mod.Raw(), s.h)
		if s.state.CompareAndSwap(stateRunning, stateReady) {
			s.done <- err
			continue
		}
		s.wipe()
		s.t.closeSession(s)
		s.t.abandon(-1)
		s.t.leave()
		return
	}
	s.t.closeSession(s)
	if s.inUse {
		<-s.t.slots
	}
	s.t.mod.Gate.Leave()
	s.t.closers.Done()
}

// wipe clears what the session's buffers held. It is best effort: the module and the runtime make copies of their own.
func (s *session) wipe() {
	clear(s.in[:])
	clear(s.out[:])
	s.op = op{}
}

// retire closes an idle session that is no longer in the list. With a worker it is the worker that does it, so that a hung close hurts
// nobody else. The caller is inside the gate or holds the module's lifecycle lock.
func (s *session) retire() {
	if !s.worker {
		s.t.closeSession(s)
		return
	}
	if s.t.mod.Gate.Enter() != nil {
		return // the module was finalized, and every session with it
	}
	s.t.closers.Add(1)
	close(s.start)
}
