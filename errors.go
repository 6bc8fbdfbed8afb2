package signet

import "errors"

// The classes of error by which callers decide what to do and by which the signet command chooses its exit code. Errors with more
// to say are typed values of the package that made them; they answer [errors.Is] for their class. Truncated input is
// [io.ErrUnexpectedEOF], in addition to or instead of ErrMalformed.
var (
	// ErrMalformed: the input is not what the format allows. Retrying or another key does not help.
	ErrMalformed = errors.New("malformed input")
	// ErrPolicy: the operation is well formed and the configuration or the commitment policy forbids it.
	ErrPolicy = errors.New("refused by policy")
	// ErrLimit: a size, count or length is above a limit, either the format's or the caller's.
	ErrLimit = errors.New("limit exceeded")
	// ErrContext: the encryption context is not acceptable or a pair of it is known to differ from what was expected.
	ErrContext = errors.New("encryption context mismatch")
	// ErrNotFound: a key, token, table, item or file that was named does not exist.
	ErrNotFound = errors.New("not found")
	// ErrNoKey: none of the keys at hand could open any of the encrypted data keys.
	ErrNoKey = errors.New("no key could decrypt")
	// ErrAccessDenied: the key's owner refused: permission missing, PIN wrong or locked.
	ErrAccessDenied = errors.New("access denied")
	// ErrAuthentication: the data was changed, or belongs to other key material or another context.
	ErrAuthentication = errors.New("authentication failed")
	// ErrThrottled: the backend asks to come back later.
	ErrThrottled = errors.New("throttled")
	// ErrUnavailable: the backend did not answer or is not in a state to answer.
	ErrUnavailable = errors.New("unavailable")
	// ErrUnsupported: well formed and known, but this build, key or backend cannot do it.
	ErrUnsupported = errors.New("unsupported")
)
