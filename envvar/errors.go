package envvar

import (
	"fmt"
	"strings"
)

// Error says which variable could not be encrypted or decrypted. It answers for the classes of its cause, and never holds the variable's
// value, plain or encrypted.
type Error struct {
	Op   string // "encrypt" or "decrypt"
	Name string // of the variable, as it was given
	Err  error
}

func (e *Error) Error() string {
	return fmt.Sprintf("cannot %s variable %.64q: %v", e.Op, e.Name, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// LoadError has every variable that [Load] could not open, in the order of the environment, those that are missing last. It answers for the
// classes of all of them.
type LoadError struct{ Variables []*Error }

const shownVariables = 8

func (e *LoadError) Error() string {
	var b strings.Builder
	for i, v := range e.Variables {
		if i == shownVariables {
			fmt.Fprintf(&b, "; and %d more variables", len(e.Variables)-i)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(v.Error())
	}
	return b.String()
}

// Unwrap returns the errors of the variables.
func (e *LoadError) Unwrap() []error {
	errs := make([]error, len(e.Variables))
	for i, v := range e.Variables {
		errs[i] = v
	}
	return errs
}
