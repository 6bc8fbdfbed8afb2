package ddb

import (
	"fmt"

	"github.com/signetkeys/signet"
)

// A FieldError says which attribute an operation failed on. It answers for the classes of Err. It shows no value.
type FieldError struct {
	Op        string // "encrypt" or "decrypt"
	Attribute string
	Err       error
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("%s attribute %.255q: %v", e.Op, e.Attribute, e.Err)
}

// Unwrap returns Err.
func (e *FieldError) Unwrap() error { return e.Err }

// A ValueError reports an attribute value that is not what it must be: not encrypted where a message is expected, already encrypted, of an
// unknown type. It shows no value and answers for [signet.ErrMalformed].
type ValueError struct{ Reason string }

func (e *ValueError) Error() string { return e.Reason }

// Is makes a ValueError a format error.
func (e *ValueError) Is(target error) bool { return target == signet.ErrMalformed }

// A TenantError reports a tenant that a strict [TenantMap] has no keyring for. It does not show the tenant and answers for
// [signet.ErrNotFound].
type TenantError struct{ Reason string }

func (e *TenantError) Error() string { return e.Reason }

// Is makes a TenantError answer for its class.
func (e *TenantError) Is(target error) bool { return target == signet.ErrNotFound }
