package ck

import (
	"errors"
	"fmt"
)

// Error is a return value other than CKR_OK.
type Error struct {
	Func string // C_Decrypt
	Code uint
}

// Name returns CKR_DEVICE_ERROR and the like, and a number for codes that are a vendor's own.
func (e *Error) Name() string {
	if n := CodeName(e.Code); n != "" {
		return n
	}
	if e.Code >= RVendorDefined {
		return fmt.Sprintf("CKR_VENDOR_DEFINED+%#x", e.Code-RVendorDefined)
	}
	return fmt.Sprintf("CKR %#x", e.Code)
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s (%#x)", e.Func, e.Name(), e.Code) }

// Code returns the return value that err carries, and CKR_OK when it carries none.
func Code(err error) uint {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ROK
}

// LoadError says why a file could not be used as a PKCS#11 module.
type LoadError struct {
	Path   string
	Reason string
	// Unsupported is set when no module at all can be loaded by this build.
	Unsupported bool
}

// Error implements error.
func (e *LoadError) Error() string { return fmt.Sprintf("load module %s: %s", e.Path, e.Reason) }
