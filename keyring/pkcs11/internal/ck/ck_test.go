package ck

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestErrorNames(t *testing.T) {
	for code, want := range map[uint]string{
		0x05: "CKR_GENERAL_ERROR", 0x1b: "CKR_ACTION_PROHIBITED", 0x42: "CKR_AEAD_DECRYPT_FAILED", 0xa0: "CKR_PIN_INCORRECT",
		0x203: "CKR_KEY_EXHAUSTED", 0x209: "CKR_PARAMETER_SET_NOT_SUPPORTED", 0x80000000: "CKR_VENDOR_DEFINED", 0x80000012: "CKR_VENDOR_DEFINED+0x12",
		0x77: "CKR 0x77",
	} {
		if got := (&Error{"C_X", code}).Name(); got != want {
			t.Errorf("%#x: got %s, want %s", code, got, want)
		}
	}
	err := fmt.Errorf("outer: %w", &Error{"C_Decrypt", RDeviceError})
	if got := Code(err); got != RDeviceError {
		t.Errorf("Code: got %#x", got)
	}
	if got := Code(errors.New("other")); got != ROK {
		t.Errorf("Code of another error: got %#x", got)
	}
	if !strings.Contains(err.Error(), "C_Decrypt: CKR_DEVICE_ERROR") {
		t.Errorf("got %v", err)
	}
}

func TestAttributeValues(t *testing.T) {
	if v, ok := AsUlong(Ulong(AValueLen, 32).Value); v != 32 || !ok {
		t.Errorf("got %d, %t", v, ok)
	}
	if v, ok := AsUlongs(Ulong(AAllowedMechanisms, 1, 2).Value); !ok || len(v) != 2 || v[1] != 2 {
		t.Errorf("got %v, %t", v, ok)
	}
	for _, b := range [][]byte{nil, {1}, make([]byte, 7), make([]byte, 16)} {
		if v, ok := AsUlong(b); ok {
			t.Errorf("AsUlong of %d bytes: got %d", len(b), v)
		}
	}
	if _, ok := AsUlongs(make([]byte, 7)); ok {
		t.Error("AsUlongs took 7 bytes")
	}
	for _, want := range []bool{true, false} {
		if v, ok := AsBool(Bool(AToken, want).Value); v != want || !ok {
			t.Errorf("AsBool: got %t, %t", v, ok)
		}
	}
	if _, ok := AsBool(nil); ok {
		t.Error("AsBool took nothing")
	}
}

func TestSessionLimit(t *testing.T) {
	for n, want := range map[uint]int{0: 0, 1024: 1024, ^uint(0): 0, ^uint(0) - 1: 0, 1 << 31: 0, 16: 16} {
		if got := (&TokenInfo{MaxSessions: n}).SessionLimit(); got != want {
			t.Errorf("%d: got %d, want %d", n, got, want)
		}
	}
}

func TestHashes(t *testing.T) {
	for h, want := range map[Hash]uint{SHA1: 1, SHA256: 2, SHA384: 3, SHA512: 4, 0: 0, 0x255: 0} { // CKG_MGF1_...
		if got := h.mgf(); got != want {
			t.Errorf("%#x: got %d, want %d", uint(h), got, want)
		}
	}
}
