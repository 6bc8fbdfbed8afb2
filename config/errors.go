package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/signetkeys/signet"
)

// URIError reports a keyring URI that cannot be used as it is written. It holds no value of the URI, because a mistyped one may be a
// PIN or a key. It answers for [signet.ErrPolicy].
type URIError struct {
	Scheme    string // "" when the scheme is what is wrong
	Offset    int    // of the first wrong byte, from the start of the URI; -1 when the URI as a whole is meant
	Attribute string // "" when no attribute is meant
	Reason    string // what is wrong, and what to write instead when that is known
}

func (e *URIError) Error() string {
	var b strings.Builder
	b.WriteString("keyring URI")
	if e.Scheme != "" {
		fmt.Fprintf(&b, " (%s)", e.Scheme)
	}
	if e.Offset >= 0 {
		fmt.Fprintf(&b, ": at byte %d", e.Offset)
	}
	if e.Attribute != "" {
		fmt.Fprintf(&b, ": attribute %q", e.Attribute)
	}
	return b.String() + ": " + e.Reason
}

// Is answers for signet.ErrPolicy.
func (e *URIError) Is(target error) bool { return target == signet.ErrPolicy }

// SourceError reports a file or an environment variable that a keyring URI names and that does not give what it should. It answers for
// [signet.ErrNotFound] when a file does not exist, for [signet.ErrAccessDenied] when it may not be read, and for [signet.ErrPolicy]
// otherwise. It never holds what was read.
type SourceError struct {
	What string // what the source is for: "key", "PIN"
	Kind string // "file" or "environment variable"
	Name string // the path as the URI gives it, or the variable's name
	Err  error  // why
}

func (e *SourceError) Error() string {
	reason := e.Err.Error()
	var pe *fs.PathError
	if errors.As(e.Err, &pe) {
		reason = pe.Err.Error() // the path is in Name already
	}
	return fmt.Sprintf("%s from %s %q: %s", e.What, e.Kind, e.Name, reason)
}

// Is answers for the class.
func (e *SourceError) Is(target error) bool {
	switch {
	case errors.Is(e.Err, fs.ErrNotExist):
		return target == signet.ErrNotFound
	case errors.Is(e.Err, fs.ErrPermission):
		return target == signet.ErrAccessDenied
	}
	return target == signet.ErrPolicy
}

// Unwrap returns the reason.
func (e *SourceError) Unwrap() error { return e.Err }

// OpenError says which of the keyrings could not be opened. It answers for the classes of its cause.
type OpenError struct {
	Index int    // position among the URIs, from 0
	Of    int    // how many URIs there are
	URI   string // redacted, see [Mux.Redact]
	Err   error
}

func (e *OpenError) Error() string {
	if e.Of > 1 {
		return fmt.Sprintf("keyring %d of %d (%s): %v", e.Index+1, e.Of, e.URI, e.Err)
	}
	if strings.HasSuffix(e.URI, ":") { // a scheme alone
		return fmt.Sprintf("keyring (%s): %v", e.URI, e.Err)
	}
	return fmt.Sprintf("keyring %s: %v", e.URI, e.Err)
}

// Unwrap returns the cause.
func (e *OpenError) Unwrap() error { return e.Err }
