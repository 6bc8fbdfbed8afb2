//go:build cgo && unix

package ck

/*
#cgo noescape signet_crypt
#cgo noescape signet_decrypt_oaep
#cgo noescape signet_random
#include "shim.h"
*/
import "C"

import "unsafe"

func bytePtr(b []byte) *C.uchar {
	return (*C.uchar)(unsafe.Pointer(unsafe.SliceData(b)))
}

func (m *module) Encrypt(h Session, key Object, g *GCM, dst, src []byte) (int, error) {
	return m.crypt(0, h, key, g, dst, src)
}

func (m *module) Decrypt(h Session, key Object, g *GCM, dst, src []byte) (int, error) {
	return m.crypt(1, h, key, g, dst, src)
}

func (m *module) crypt(decrypt C.int, h Session, key Object, g *GCM, dst, src []byte) (int, error) {
	names := [...]string{"C_EncryptInit", "C_Encrypt", "C_DecryptInit", "C_Decrypt"}
	if len(src) == 0 || len(dst) == 0 || len(src) > MaxInput || len(g.AAD) > MaxInput {
		return 0, &Error{names[2*decrypt+1], RArgumentsBad}
	}
	n := C.ck_ulong(len(dst))
	var step C.int
	rv := C.signet_crypt(m.list, decrypt, C.ck_ulong(h), C.ck_ulong(key), bytePtr(g.IV[:]), bytePtr(g.AAD), C.ck_ulong(len(g.AAD)),
		bytePtr(src), C.ck_ulong(len(src)), bytePtr(dst), &n, &step)
	if rv != 0 {
		return 0, result(names[2*decrypt+step], rv)
	}
	if n > C.ck_ulong(len(dst)) { // a module that says so has written past the buffer or lies
		return 0, &Error{names[2*decrypt+1], RGeneralError}
	}
	return int(n), nil
}

func (m *module) DecryptOAEP(h Session, key Object, hash Hash, dst, src []byte) (int, error) {
	names := [...]string{"C_DecryptInit", "C_Decrypt"}
	if len(src) == 0 || len(src) > MaxInput || len(dst) < len(src) || hash.mgf() == 0 {
		return 0, &Error{names[1], RArgumentsBad}
	}
	n := C.ck_ulong(len(dst))
	var step C.int
	rv := C.signet_decrypt_oaep(m.list, C.ck_ulong(h), C.ck_ulong(key), C.ck_ulong(hash), C.ck_ulong(hash.mgf()),
		bytePtr(src), C.ck_ulong(len(src)), bytePtr(dst), &n, &step)
	if rv != 0 {
		return 0, result(names[step], rv)
	}
	if n > C.ck_ulong(len(dst)) { // as in crypt
		return 0, &Error{names[1], RGeneralError}
	}
	return int(n), nil
}

func (m *module) GenerateRandom(h Session, dst []byte) error {
	if len(dst) == 0 {
		return nil
	}
	return result("C_GenerateRandom", C.signet_random(m.list, C.ck_ulong(h), bytePtr(dst), C.ck_ulong(len(dst))))
}
