package pkcs11

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/module"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/token"
)

// kind is a sentinel with the class of package signet that it belongs to.
type kind struct {
	text  string
	class error
}

func (k *kind) Error() string        { return k.text }
func (k *kind) Is(target error) bool { return target == k.class }

// What went wrong, for errors.Is. Each also answers for the class of package signet that is named with it. The error that carries one is an
// *[Error].
var (
	ErrModuleNotFound       error = &kind{"module not found", signet.ErrNotFound}
	ErrModuleUnusable       error = &kind{"module unusable", signet.ErrPolicy}
	ErrTokenNotFound        error = &kind{"token not found", signet.ErrNotFound}
	ErrTokenAmbiguous       error = &kind{"more than one token matches", signet.ErrPolicy}
	ErrKeyNotFound          error = &kind{"key not found", signet.ErrNotFound}
	ErrKeyAmbiguous         error = &kind{"more than one key matches", signet.ErrPolicy}
	ErrKeyExists            error = &kind{"key exists already", signet.ErrPolicy}
	ErrKeyNotPermitted      error = &kind{"key does not permit this", signet.ErrAccessDenied}
	ErrKeyExtractable       error = &kind{"key can leave the token", signet.ErrPolicy}
	ErrPINRequired          error = &kind{"PIN required", signet.ErrAccessDenied}
	ErrPINIncorrect         error = &kind{"PIN incorrect", signet.ErrAccessDenied}
	ErrPINLocked            error = &kind{"PIN locked", signet.ErrAccessDenied}
	ErrDeviceUnavailable    error = &kind{"HSM unavailable", signet.ErrUnavailable}
	ErrDeviceHung           error = &kind{"HSM does not answer", signet.ErrUnavailable}
	ErrMechanismUnsupported error = &kind{"mechanism not supported", signet.ErrUnsupported}
	ErrNotInteroperable     error = &kind{"result is not interoperable", signet.ErrUnsupported}
	ErrClosed               error = &kind{"keyring is closed", signet.ErrUnavailable}

	errUnsupported error = &kind{"not supported", signet.ErrUnsupported}
	errNotAPair    error = &kind{"the halves are no pair", signet.ErrPolicy}
	// errRSA is keyring.ErrDidNotOpen without the context, which RSA does not bind.
	errRSA error = &kind{"did not open: wrong key, wrong padding or corrupted", signet.ErrAuthentication}
)

// Error is what this package returns for everything that happens at a token. It holds names and numbers, never a PIN, a key, an IV, a
// ciphertext or the query of a URI.
type Error struct {
	Op       string // what was attempted: "wrap", "unwrap", "generate key"
	Kind     error  // one of the Err values of this package, keyring.ErrDidNotOpen, keyring.ErrShape, another with a class of signet, or nil
	Detail   string // in plain words; may be empty
	Function string // the PKCS#11 function that failed, "" when none did
	Code     uint   // its return value, CKR_...
	Module   string // path
	Token    string // label
	Key      string // label, or id in the form of a URI
	Err      error  // another cause, such as the context's error; may be nil
}

// Name is the name of Code as the standard writes it, "" when there was no call.
func (e *Error) Name() string {
	if e.Function == "" {
		return ""
	}
	return (&ck.Error{Func: e.Function, Code: e.Code}).Name()
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "pkcs11: %s", e.Op)
	switch {
	case e.Key != "" && e.Token != "":
		fmt.Fprintf(&b, ": key %q on token %q", e.Key, e.Token)
	case e.Key != "":
		fmt.Fprintf(&b, ": key %q", e.Key)
	case e.Token != "":
		fmt.Fprintf(&b, ": token %q", e.Token)
	case e.Module != "":
		fmt.Fprintf(&b, ": module %s", e.Module)
	}
	if e.Kind != nil {
		fmt.Fprintf(&b, ": %v", e.Kind)
	}
	if e.Kind == keyring.ErrDidNotOpen || e.Kind == errRSA {
		return b.String() // nothing that would tell the causes apart
	}
	if e.Detail != "" {
		fmt.Fprintf(&b, ": %s", e.Detail)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Function != "" {
		fmt.Fprintf(&b, " (%s: %s, %#x)", e.Function, e.Name(), e.Code)
	}
	return b.String()
}

// Unwrap returns Kind and Err.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Kind != nil {
		errs = append(errs, e.Kind)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// place says where an error happened.
type place struct{ module, token, key string }

// fail turns an error of the packages below into an *Error. An *Error stays as it is.
func (p place) fail(op string, err error) error {
	var done *Error
	if errors.As(err, &done) {
		return err
	}
	e := &Error{Op: op, Module: p.module, Token: p.token, Key: p.key}
	var call *ck.Error
	if errors.As(err, &call) {
		e.Function, e.Code = call.Func, call.Code
	}
	var (
		path    *module.PathError
		load    *ck.LoadError
		params  *module.ParamsError
		failure *token.Failure
	)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Err = err
	case errors.As(err, &path):
		e.Kind, e.Detail, e.Module, e.Token, e.Key = ErrModuleUnusable, path.Reason, path.Path, "", ""
		if path.Missing {
			e.Kind = ErrModuleNotFound
		}
	case errors.As(err, &load):
		e.Kind, e.Detail, e.Module, e.Token, e.Key = ErrModuleUnusable, load.Reason, load.Path, "", ""
		if load.Unsupported {
			e.Kind = errUnsupported
		}
	case errors.As(err, &params):
		e.Kind, e.Detail = ErrModuleUnusable, params.Reason
	case errors.As(err, &failure):
		e.Kind, e.Detail = failureKind(failure.Kind), failure.Detail
		if failure.Kind == token.KindTokenNotFound && isSoftHSM(p.module) {
			e.Detail += "; SoftHSM has the tokens of the configuration that SOFTHSM2_CONF names"
		}
		if e.Function == "" {
			e.Err = failure.Err
		}
	case errors.Is(err, module.ErrShut):
		e.Kind = ErrClosed
	case call != nil:
		e.Detail, e.Kind = callKind(call, p.module)
	default:
		e.Err = err
	}
	return e
}

func failureKind(k token.Kind) error {
	switch k {
	case token.KindTokenNotFound:
		return ErrTokenNotFound
	case token.KindTokenAmbiguous:
		return ErrTokenAmbiguous
	case token.KindPINRequired:
		return ErrPINRequired
	case token.KindPINIncorrect:
		return ErrPINIncorrect
	case token.KindPINLocked:
		return ErrPINLocked
	case token.KindUnavailable:
		return ErrDeviceUnavailable
	case token.KindHung:
		return ErrDeviceHung
	case token.KindUnsupported:
		return errUnsupported
	}
	return nil
}

func isSoftHSM(modulePath string) bool { return strings.Contains(filepath.Base(modulePath), "softhsm") }

// callKind sorts a return value that no caller has sorted before, and says what to change where that is known.
func callKind(call *ck.Error, modulePath string) (detail string, kind error) {
	switch call.Code {
	case ck.RMechanismInvalid, ck.RMechanismParamInvalid:
		return "the token or the key's CKA_ALLOWED_MECHANISMS does not allow the mechanism: AES-GCM with a 12-byte IV and " +
			"a 128-bit tag, or RSA-OAEP", ErrMechanismUnsupported
	case ck.RKeyFunctionNotPermitted:
		attribute := "CKA_ENCRYPT"
		if strings.HasPrefix(call.Func, "C_Decrypt") {
			attribute = "CKA_DECRYPT"
		}
		return attribute + " of the key is false", ErrKeyNotPermitted
	case ck.RKeyTypeInconsistent, ck.RKeySizeRange:
		return "the key is not of a type and size that the token can use", errUnsupported
	case ck.RPINIncorrect:
		return "", ErrPINIncorrect
	case ck.RPINLocked:
		return "", ErrPINLocked
	case ck.RUserPINNotInitialized:
		if isSoftHSM(modulePath) {
			// SoftHSM's files are written one after the other, and another process can read them in between.
			return "the token has no user PIN yet: its security officer sets one, or another process is still making the token", ErrDeviceUnavailable
		}
		return "the token has no user PIN yet: its security officer sets one", ErrPINRequired
	case ck.RTokenWriteProtected, ck.RSessionReadOnly:
		return "the token or the session is read-only", ErrKeyNotPermitted
	}
	if call.Func == "C_Initialize" {
		detail = "the module refuses to start: look for its own configuration file"
		if isSoftHSM(modulePath) {
			detail = "SoftHSM refuses to start: SOFTHSM2_CONF must name its configuration, and the folder of tokens in it must exist"
		}
		return detail, ErrDeviceUnavailable
	}
	switch token.Classify(call) {
	case token.ClassSession, token.ClassLogin, token.ClassDevice, token.ClassLoad, token.ClassUnclear:
		return detail, ErrDeviceUnavailable
	}
	return detail, nil
}
