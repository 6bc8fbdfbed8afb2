// Package module shares loaded PKCS#11 modules within the process: who initialized one, who uses it, when it may be finalized.
//
// C_Initialize, logins and object handles belong to the process and not to whoever made them, so this package keeps the one registry that signet
// has. It is keyed by the file itself (device and inode), because two paths to one file are one module to the loader.
package module

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
)

// PathError says that a module path is refused before anything is loaded.
type PathError struct {
	Path, Reason string
	Missing      bool // there is no such file
}

// ParamsError says that a module runs in this process and was initialized with other library parameters than the ones that are asked for.
type ParamsError struct {
	Path   string
	Reason string
}

// Error implements error. It does not repeat the parameters.
func (e *ParamsError) Error() string { return fmt.Sprintf("module %q: %s", e.Path, e.Reason) }

// Error implements error.
func (e *PathError) Error() string { return fmt.Sprintf("module path %q: %s", e.Path, e.Reason) }

// Registry holds modules by file. Use the process's own, [Process]; tests make others.
type Registry struct {
	load func(path string) (ck.Module, error)

	mu      sync.Mutex
	modules map[string]*Module
}

// NewRegistry makes a registry that loads modules with load.
func NewRegistry(load func(path string) (ck.Module, error)) *Registry {
	return &Registry{load: load, modules: make(map[string]*Module)}
}

// process is the one process-wide state of signet: PKCS#11 itself is initialized per process.
var process = NewRegistry(ck.Load)

// Process returns the registry of this process.
func Process() *Registry { return process }

// sharedValue is what [Share] keeps, with the number of its users.
type sharedValue struct {
	value io.Closer
	refs  int
}

// Module is one loaded module. It is never unloaded: unloading crashes several vendors' modules and other users of it.
type Module struct {
	Path string // the real path
	Gate Gate   // counts calls that are in the module

	ck ck.Module

	// lifecycle serializes Initialize, Finalize and changes of shared. It is a channel so that waiting for it ends with a context.
	lifecycle   chan struct{}
	refs        int
	initialized bool
	adopted     bool
	params      string // of the initialization
	shared      map[string]*sharedValue
	latches     map[string]*latch

	// sessions serializes C_OpenSession, C_CloseSession and C_Login, which some modules cannot do concurrently.
	sessions sync.Mutex
}

// Open loads and initializes the module at an absolute path, or shares it. Each success needs one [Module.Close].
//
// A module that other code of the process had initialized is adopted: it is used and never finalized.
func (r *Registry) Open(ctx context.Context, path string) (*Module, error) {
	return r.OpenWith(ctx, path, "")
}

// OpenWith is Open with library parameters for C_Initialize. A module that already runs with other parameters, or with those of other
// code, is a *[ParamsError]: it would silently work on something else.
func (r *Registry) OpenWith(ctx context.Context, path, params string) (*Module, error) {
	m, err := r.find(path)
	if err != nil {
		return nil, err
	}
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	if m.initialized {
		if err := m.checkParams(params); err != nil {
			m.unlock()
			return nil, err
		}
		m.refs++
		m.unlock()
		return m, nil
	}
	// The lock passes to the call: when ctx ends first, the module is closed again once it is initialized.
	_, err = Await(ctx, func() (struct{}, error) {
		defer m.unlock()
		err := m.ck.Initialize(params)
		switch ck.Code(err) {
		case ck.ROK:
			if err != nil {
				return struct{}{}, err
			}
		case ck.RCryptokiAlreadyInitialized:
			m.adopted = true
			if err := m.checkParams(params); err != nil {
				m.adopted = false
				return struct{}{}, err
			}
		default:
			return struct{}{}, err
		}
		m.initialized, m.params = true, params
		m.refs++
		return struct{}{}, nil
	}, func(_ struct{}, err error) {
		if err == nil {
			m.close()
		}
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// checkParams compares with what the module was initialized with. An adopted module does not tell, so it fits no parameters but none.
func (m *Module) checkParams(params string) error {
	switch {
	case m.adopted && params != "":
		return &ParamsError{m.Path, "other code of this process initialized it, with parameters that it does not tell"}
	case !m.adopted && m.params != params:
		return &ParamsError{m.Path, "it runs in this process with other parameters"}
	}
	return nil
}

func (r *Registry) find(path string) (*Module, error) {
	if !filepath.IsAbs(path) {
		return nil, &PathError{Path: path, Reason: "must be absolute: a bare name would be searched for in folders that others may write to"}
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, &PathError{Path: path, Reason: "no such file", Missing: true}
		}
		reason := err // EvalSymlinks gives a bare error for a loop of links
		if cause := errors.Unwrap(err); cause != nil {
			reason = cause
		}
		return nil, &PathError{Path: path, Reason: reason.Error()}
	}
	info, err := os.Stat(real)
	if err != nil {
		return nil, &PathError{Path: path, Reason: err.Error()}
	}
	if !info.Mode().IsRegular() {
		return nil, &PathError{Path: path, Reason: "not a file"}
	}
	key := fileKey(real, info)
	r.mu.Lock()
	defer r.mu.Unlock()
	if m, ok := r.modules[key]; ok {
		return m, nil
	}
	c, err := r.load(real)
	if err != nil {
		return nil, err
	}
	m := &Module{Path: real, ck: c, lifecycle: make(chan struct{}, 1), shared: make(map[string]*sharedValue), latches: make(map[string]*latch)}
	r.modules[key] = m
	return m, nil
}

// Loaded reports whether the module at path is open here. Other code may have initialized it nevertheless.
func (r *Registry) Loaded(path string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	info, err := os.Stat(real)
	if err != nil {
		return false
	}
	r.mu.Lock()
	m := r.modules[fileKey(real, info)]
	r.mu.Unlock()
	if m == nil || m.lock(context.Background()) != nil {
		return false
	}
	defer m.unlock()
	return m.initialized
}

func (m *Module) lock(ctx context.Context) error {
	select {
	case m.lifecycle <- struct{}{}:
		return nil
	default:
	}
	select {
	case m.lifecycle <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *Module) unlock() { <-m.lifecycle }

// Adopted reports whether other code initialized the module.
func (m *Module) Adopted() bool {
	m.lock(context.Background())
	defer m.unlock()
	return m.adopted
}

// ErrBusy is returned by [Module.Close] when the module stays initialized because a call has not returned. That is a leak of memory
// and never an error in use: finalizing under a call crashes.
var ErrBusy = errors.New("a call into the module has not returned, so it stays initialized")

// closeGrace is how long the last Close waits for calls that were abandoned. Most return within microseconds.
const closeGrace = time.Second

// patience is how long Close and Unshare wait for a module that hangs while it is opened or closed. It is longer than closeGrace, which may be a part
// of it.
const patience = 2 * closeGrace

// patiently runs fn, which takes the lifecycle lock and calls the module. When that hangs, fn is left behind, does its work once the module answers,
// and the error is ErrBusy.
func patiently(fn func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := Await(ctx, func() (struct{}, error) { return struct{}{}, fn() }, nil)
	if err != nil && err == ctx.Err() {
		return ErrBusy
	}
	return err
}

// Close gives up one reference. The last one closes what is shared in the module and finalizes it, unless it was adopted or an abandoned call
// is still in it after a second. A call that hangs and holds the lifecycle lock, such as C_Login, makes it return ErrBusy after two.
func (m *Module) Close() error { return patiently(m.close) }

func (m *Module) close() error {
	m.lock(context.Background())
	defer m.unlock()
	m.refs--
	if m.refs > 0 {
		return nil
	}
	var errs []error
	for key, c := range m.shared {
		errs = append(errs, c.value.Close())
		delete(m.shared, key)
	}
	if m.adopted {
		m.initialized, m.adopted = false, false
		return errors.Join(errs...)
	}
	if !m.Gate.ShutWithin(closeGrace) {
		return errors.Join(append(errs, ErrBusy)...)
	}
	defer m.Gate.Reopen()
	if err := m.ck.Finalize(); err != nil {
		errs = append(errs, err)
	}
	m.initialized = false
	return errors.Join(errs...)
}
