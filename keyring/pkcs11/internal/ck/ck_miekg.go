//go:build cgo && unix

package ck

/*
#cgo linux LDFLAGS: -ldl
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"errors"
	"strings"
	"unsafe"

	"github.com/miekg/pkcs11"
)

// module is miekg/pkcs11 for everything that happens once, and the shim for what is hot or secret: miekg's C_Encrypt and C_Decrypt ask for the
// length first (some modules answer wrongly), leak the output buffer of a failed decrypt and leave plaintext in freed C memory, and
// its C_Login takes a string that cannot be wiped. Both address one function list of one library.
type module struct {
	ctx  *pkcs11.Ctx
	list *C.struct_ck_list
}

var _ Module = (*module)(nil)

// Load opens a PKCS#11 module by path. It does not initialize it. The error is *[LoadError].
func Load(path string) (Module, error) {
	if path == "" || strings.ContainsRune(path, 0) {
		return nil, &LoadError{Path: path, Reason: "not a path"}
	}
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	var reason [512]C.char
	list := C.signet_load(p, &reason[0], C.size_t(len(reason)))
	if list == nil {
		return nil, &LoadError{Path: path, Reason: C.GoString(&reason[0])}
	}
	ctx := pkcs11.New(path)
	if ctx == nil {
		return nil, &LoadError{Path: path, Reason: "the module opened once and not a second time"}
	}
	return &module{ctx, list}, nil
}

func wrap(function string, err error) error {
	if err == nil {
		return nil
	}
	var code pkcs11.Error
	if errors.As(err, &code) {
		return &Error{function, uint(code)}
	}
	return err
}

func result(function string, rv C.ck_ulong) error {
	if rv == 0 {
		return nil
	}
	return &Error{function, uint(rv)}
}

func (m *module) Initialize(params string) error {
	if params == "" {
		return wrap("C_Initialize", m.ctx.Initialize())
	}
	p := C.CString(params)
	defer C.free(unsafe.Pointer(p))
	return wrap("C_Initialize", m.ctx.Initialize(pkcs11.InitializeWithReserved(unsafe.Pointer(p))))
}

func (m *module) Finalize() error { return wrap("C_Finalize", m.ctx.Finalize()) }

func (m *module) Info() (Info, error) {
	i, err := m.ctx.GetInfo()
	return Info{i.ManufacturerID, i.LibraryDescription, i.LibraryVersion.Major, i.LibraryVersion.Minor}, wrap("C_GetInfo", err)
}

func (m *module) SlotList() ([]Slot, error) {
	list, err := m.ctx.GetSlotList(true)
	if errors.Is(err, pkcs11.Error(RBufferTooSmall)) { // a token arrived between the two calls that miekg makes
		list, err = m.ctx.GetSlotList(true)
	}
	slots := make([]Slot, len(list))
	for i, s := range list {
		slots[i] = Slot(s)
	}
	return slots, wrap("C_GetSlotList", err)
}

func (m *module) SlotInfo(s Slot) (SlotInfo, error) {
	i, err := m.ctx.GetSlotInfo(uint(s))
	return SlotInfo{i.SlotDescription, i.ManufacturerID}, wrap("C_GetSlotInfo", err)
}

func (m *module) TokenInfo(s Slot) (TokenInfo, error) {
	i, err := m.ctx.GetTokenInfo(uint(s))
	// Some modules pad with NUL although the standard says blanks.
	trim := func(s string) string { return strings.TrimRight(s, " \x00") }
	return TokenInfo{trim(i.Label), trim(i.ManufacturerID), trim(i.Model), trim(i.SerialNumber), i.Flags, i.MaxSessionCount},
		wrap("C_GetTokenInfo", err)
}

func (m *module) Mechanisms(s Slot) ([]uint, error) {
	list, err := m.ctx.GetMechanismList(uint(s))
	out := make([]uint, len(list))
	for i, x := range list {
		out[i] = x.Mechanism
	}
	return out, wrap("C_GetMechanismList", err)
}

func (m *module) MechanismInfo(s Slot, mechanism uint) (MechanismInfo, error) {
	i, err := m.ctx.GetMechanismInfo(uint(s), []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)})
	return MechanismInfo{i.MinKeySize, i.MaxKeySize, i.Flags}, wrap("C_GetMechanismInfo", err)
}

func (m *module) OpenSession(s Slot, readWrite bool) (Session, error) {
	flags := uint(pkcs11.CKF_SERIAL_SESSION)
	if readWrite {
		flags |= pkcs11.CKF_RW_SESSION
	}
	h, err := m.ctx.OpenSession(uint(s), flags)
	return Session(h), wrap("C_OpenSession", err)
}

func (m *module) CloseSession(h Session) error {
	return wrap("C_CloseSession", m.ctx.CloseSession(pkcs11.SessionHandle(h)))
}

func (m *module) SessionState(h Session) (uint, error) {
	i, err := m.ctx.GetSessionInfo(pkcs11.SessionHandle(h))
	return i.State, wrap("C_GetSessionInfo", err)
}

func (m *module) Login(h Session, user uint, pin []byte) error {
	return result("C_Login", C.signet_login(m.list, C.ck_ulong(h), C.ck_ulong(user), bytePtr(pin), C.ck_ulong(len(pin))))
}

func (m *module) InitToken(s Slot, soPIN []byte, label string) error {
	return wrap("C_InitToken", m.ctx.InitToken(uint(s), string(soPIN), label))
}

func (m *module) InitPIN(h Session, pin []byte) error {
	return wrap("C_InitPIN", m.ctx.InitPIN(pkcs11.SessionHandle(h), string(pin)))
}

func attributes(template []Attribute) []*pkcs11.Attribute {
	out := make([]*pkcs11.Attribute, len(template))
	for i, a := range template {
		out[i] = &pkcs11.Attribute{Type: a.Type, Value: a.Value}
	}
	return out
}

func (m *module) FindObjects(h Session, template []Attribute, limit int) ([]Object, error) {
	s := pkcs11.SessionHandle(h)
	if err := m.ctx.FindObjectsInit(s, attributes(template)); err != nil {
		return nil, wrap("C_FindObjectsInit", err)
	}
	var found []Object
	for len(found) < limit {
		// Modules may return fewer than there are: only an empty page is the end.
		page, _, err := m.ctx.FindObjects(s, min(limit-len(found), 64))
		if err != nil {
			m.ctx.FindObjectsFinal(s)
			return nil, wrap("C_FindObjects", err)
		}
		if len(page) == 0 {
			break
		}
		for _, o := range page {
			found = append(found, Object(o))
		}
	}
	return found, wrap("C_FindObjectsFinal", m.ctx.FindObjectsFinal(s))
}

func (m *module) Attribute(h Session, o Object, typ uint) ([]byte, error) {
	a, err := m.ctx.GetAttributeValue(pkcs11.SessionHandle(h), pkcs11.ObjectHandle(o), []*pkcs11.Attribute{{Type: typ}})
	if err != nil {
		return nil, wrap("C_GetAttributeValue", err)
	}
	return a[0].Value, nil
}

func (m *module) CreateObject(h Session, template []Attribute) (Object, error) {
	o, err := m.ctx.CreateObject(pkcs11.SessionHandle(h), attributes(template))
	return Object(o), wrap("C_CreateObject", err)
}

func (m *module) DestroyObject(h Session, o Object) error {
	return wrap("C_DestroyObject", m.ctx.DestroyObject(pkcs11.SessionHandle(h), pkcs11.ObjectHandle(o)))
}

func (m *module) GenerateKey(h Session, mechanism uint, template []Attribute) (Object, error) {
	o, err := m.ctx.GenerateKey(pkcs11.SessionHandle(h), []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}, attributes(template))
	return Object(o), wrap("C_GenerateKey", err)
}

func (m *module) GenerateKeyPair(h Session, mechanism uint, public, private []Attribute) (Object, Object, error) {
	pub, priv, err := m.ctx.GenerateKeyPair(pkcs11.SessionHandle(h), []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)},
		attributes(public), attributes(private))
	return Object(pub), Object(priv), wrap("C_GenerateKeyPair", err)
}
