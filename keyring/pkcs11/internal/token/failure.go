// Package token works with one PKCS#11 token: which one it is, the login, the sessions, and what its errors mean.
//
// A handle is bound to the login epoch in which it was found. Modules number handles anew after a login is lost, and an old number then
// silently means another key; so a handle of another epoch is refused before the module sees it.
package token

import (
	"errors"
	"fmt"

	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
)

// Kind says what went wrong in terms that a caller can act on.
type Kind uint8

const (
	KindOther Kind = iota
	KindTokenNotFound
	KindTokenAmbiguous
	KindPINRequired
	KindPINIncorrect
	KindPINLocked
	KindUnavailable
	KindHung
	KindUnsupported // the token or the module cannot do it
)

// Failure is an error of this package that is not simply a return value of the module.
type Failure struct {
	Kind   Kind
	Detail string // plain words; never a PIN
	Err    error  // the cause, often *ck.Error; may be nil
}

// Error implements error.
func (f *Failure) Error() string {
	if f.Err == nil {
		return f.Detail
	}
	return fmt.Sprintf("%s: %v", f.Detail, f.Err)
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// ErrStale says that a handle is of an earlier epoch and that nothing was sent: look the object up again.
var ErrStale = errors.New("object handle of an earlier login")

// Class is what an error of the module says about where the fault is, and with it what may help.
type Class uint8

const (
	// ClassPermanent will not go away by itself: a setting, a permission, a missing mechanism.
	ClassPermanent Class = iota
	// ClassData blames the input: the next encrypted data key may open.
	ClassData
	// ClassSession: a new session helps.
	ClassSession
	// ClassLogin: the login or the object is gone; a new lookup, or a new login, helps.
	ClassLogin
	// ClassDevice: the token does not answer or is not there.
	ClassDevice
	// ClassLoad: waiting helps.
	ClassLoad
	// ClassUnclear is CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED and codes that the standard does not know: data when a decrypt gave
	// them and the token answers a probe, device when it does not, permanent otherwise.
	ClassUnclear
)

// Classify sorts the return value that err carries. Errors that carry none are ClassPermanent.
func Classify(err error) Class {
	if errors.Is(err, ErrStale) {
		return ClassLogin
	}
	var e *ck.Error
	if !errors.As(err, &e) {
		return ClassPermanent
	}
	switch e.Code {
	case ck.REncryptedDataInvalid, ck.REncryptedDataLenRange, ck.RAEADDecryptFailed, ck.RDataInvalid, ck.RDataLenRange,
		ck.RWrappedKeyInvalid, ck.RWrappedKeyLenRange:
		return ClassData
	case ck.RSessionHandleInvalid, ck.RSessionClosed, ck.ROperationActive, ck.ROperationNotInitialized:
		return ClassSession
	case ck.RUserNotLoggedIn, ck.RObjectHandleInvalid, ck.RKeyHandleInvalid, ck.RWrappingKeyHandleInvalid, ck.RUnwrappingKeyHandleInvalid:
		return ClassLogin
	case ck.RDeviceError, ck.RDeviceRemoved, ck.RDeviceMemory, ck.RTokenNotPresent, ck.RTokenNotRecognized, ck.RSlotIdInvalid,
		ck.RCryptokiNotInitialized:
		return ClassDevice
	case ck.RSessionCount, ck.RHostMemory, ck.RFunctionCanceled, ck.RTokenResourceExceeded:
		return ClassLoad
	case ck.RGeneralError, ck.RFunctionFailed:
		return ClassUnclear
	}
	if ck.CodeName(e.Code) == "" || e.Code >= ck.RVendorDefined {
		return ClassUnclear
	}
	return ClassPermanent
}
