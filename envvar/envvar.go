// Package envvar keeps secrets of environment variables encrypted until the program that needs them starts.
//
// A variable is encrypted when its value is [Prefix] and, in base64 on one line, an AWS Encryption SDK message of the value:
//
//	DB_PASSWORD=signet:AgR4...
//
// "signet env encrypt DB_PASSWORD" makes such a value, or [Encrypt]. A program opens all of them with one call when it starts, and keeps the
// result:
//
//	values, err := envvar.Load(ctx, keyring, os.Environ(), nil)
//	password, ok := values.Lookup("DB_PASSWORD")
//
// A program that knows nothing of this is started by "signet env exec", which opens them for it.
//
// The message is bound to the variable's name by the pair [VariablePair] of its encryption context, so that the values of two variables
// cannot be exchanged, and to further pairs if wanted, such as [LambdaFunctionName]. Anybody who sees a variable can read these pairs and its
// length. With AWS KMS a key policy can have conditions on them.
//
// What is opened is an ordinary string: it is not wiped, and whoever can read the memory of the process can read it. For data other than short
// settings use package message.
package envvar

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

const (
	// Prefix marks the value of a variable as encrypted. A plain value must not begin with it.
	Prefix = "signet:"
	// VariablePair is the name of the context pair that holds the variable's name.
	VariablePair = "variable"
	// LambdaFunctionName is the name of the context pair that holds the name of an AWS Lambda function, as the Lambda console writes it. It is there
	// when [Options] has it.
	LambdaFunctionName = "LambdaFunctionName"
	// MaxValue is the length of the longest value in bytes. Systems allow less: Linux 128 KiB for a variable with its name, in base64, AWS
	// Lambda 4 KB for all variables of a function together.
	MaxValue = 64 << 10

	maxText = 2 * MaxValue // of an encrypted value
)

// Options are the optional settings; nil means defaults. They are not changed and not kept.
type Options struct {
	// Context has pairs besides the variable's name. Encrypt binds the value to them and stores them readable; Decrypt and Load demand them,
	// and open nothing that lacks one or has another value. VariablePair and names beginning with "aws-crypto-" are refused.
	Context keyring.EncryptionContext
	// Require has names of variables that Load must find, encrypted.
	Require []string
	// OnDegraded, when set, is told by Encrypt which optional keyrings will not open the value.
	OnDegraded func([]keyring.Attempt)
	// OnAttempts, when set, is told which keys were tried without success before one opened the variable. Load calls it for one variable after
	// the other.
	OnAttempts func(name string, attempts []keyring.Attempt)
}

// Encrypt returns the text that the variable's value is to be. Value must not hold a zero byte, which no variable can, nor begin with Prefix
// ([ErrValue]), and has at most MaxValue bytes; it may be empty, and is neither changed nor kept. Every error is an [*Error].
//
// The suite is 0x0478, with key commitment and without a signature: a signature adds a quarter of a kilobyte, and those who may read such a
// value are not kept from writing one.
func Encrypt(ctx context.Context, k keyring.Keyring, name string, value []byte, o *Options) (string, error) {
	text, err := encrypt(ctx, k, name, value, options(o))
	if err != nil {
		return "", &Error{"encrypt", name, err}
	}
	return text, nil
}

func encrypt(ctx context.Context, k keyring.Keyring, name string, value []byte, o *Options) (string, error) {
	ec, err := contextOf(name, o)
	if err != nil {
		return "", err
	}
	if err := checkValue(value); err != nil {
		return "", err
	}
	if strings.HasPrefix(string(value), Prefix) {
		return "", fmt.Errorf("%w: it begins with %q and may be encrypted already", ErrValue, Prefix)
	}
	if k == nil {
		return "", errNoKeyring
	}
	var c message.Client
	msg, err := c.Encrypt(ctx, keyring.NewManager(k), value, &message.EncryptOptions{Context: ec, Suite: suite.AES256GCMCommit(), OnDegraded: o.OnDegraded})
	if err != nil {
		return "", err
	}
	if n := int64(len(Prefix) + base64.StdEncoding.EncodedLen(len(msg))); n > maxText {
		return "", &keyring.LimitError{What: "encrypted value in bytes", Got: n, Max: maxText}
	}
	return Prefix + base64.StdEncoding.EncodeToString(msg), nil
}

// Decrypt opens text, the value of the variable with this name. A value that was made for another variable, or lacks a pair of Options.Context,
// is a [*keyring.ContextError] in the chain; no key is asked for it. Every error is an [*Error].
func Decrypt(ctx context.Context, k keyring.Keyring, name, text string, o *Options) (string, error) {
	value, attempts, err := decrypt(ctx, k, name, text, options(o))
	if err != nil {
		return "", &Error{"decrypt", name, err}
	}
	options(o).tell(name, attempts)
	return value, nil
}

func decrypt(ctx context.Context, k keyring.Keyring, name, text string, o *Options) (string, []keyring.Attempt, error) {
	ec, err := contextOf(name, o)
	if err != nil {
		return "", nil, err
	}
	msg, err := decode(text)
	if err != nil {
		return "", nil, err
	}
	if err := stored(msg, ec); err != nil {
		return "", nil, err
	}
	if k == nil {
		return "", nil, errNoKeyring
	}
	var c message.Client
	value, h, err := c.Decrypt(ctx, keyring.NewManager(k), msg, &message.DecryptOptions{RequireContext: ec})
	if err != nil {
		return "", nil, err
	}
	if err := checkValue(value); err != nil {
		return "", nil, err
	}
	return string(value), h.Attempts, nil
}

// stored compares what the message says of its context, unverified, so that no key is asked for a value that cannot be the right one.
func stored(msg []byte, want keyring.EncryptionContext) error {
	h, _, err := message.ParseHeader(msg)
	if err != nil {
		return err
	}
	for name, value := range want {
		switch have, ok := h.Context[name]; {
		case !ok:
			return &keyring.ContextError{Key: name, Reason: "demanded, and the value is not bound to it"}
		case have != value && name == VariablePair:
			return &keyring.ContextError{Key: name, Reason: "the value was encrypted for another variable"}
		case have != value:
			return &keyring.ContextError{Key: name, Reason: "the value is bound to another one than the one demanded"}
		}
	}
	return nil
}

// decode returns the message of an encrypted value.
func decode(text string) ([]byte, error) {
	digits, ok := strings.CutPrefix(text, Prefix)
	if !ok {
		return nil, fmt.Errorf("%w: it does not begin with %q", ErrText, Prefix)
	}
	if len(text) > maxText {
		return nil, &keyring.LimitError{What: "encrypted value in bytes", Got: int64(len(text)), Max: maxText}
	}
	if i := strings.IndexAny(digits, "\r\n"); i >= 0 { // the decoder passes over these
		return nil, fmt.Errorf("%w: it has a line break at byte %d", ErrText, len(Prefix)+i)
	}
	msg, err := base64.StdEncoding.Strict().DecodeString(digits)
	var corrupt base64.CorruptInputError
	if errors.As(err, &corrupt) {
		return nil, fmt.Errorf("%w: it is not standard base64 with padding at byte %d", ErrText, len(Prefix)+int(corrupt))
	}
	return msg, err
}

func contextOf(name string, o *Options) (keyring.EncryptionContext, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	ec := make(keyring.EncryptionContext, len(o.Context)+1)
	maps.Copy(ec, o.Context)
	if _, twice := ec[VariablePair]; twice {
		return nil, &keyring.ContextError{Key: VariablePair, Reason: "is the variable's name and cannot be given"}
	}
	ec[VariablePair] = name
	return ec, nil
}

// maxName is the length of the longest name in bytes.
const maxName = 1024

// CheckName reports whether a variable can have this name: 1 to 1024 bytes of UTF-8 without "=" and without control characters. The error is
// [ErrName].
func CheckName(name string) error {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	switch {
	case name == "":
		return fmt.Errorf("%w: it is empty", ErrName)
	case len(name) > maxName:
		return fmt.Errorf("%w: it has %d bytes, more than %d", ErrName, len(name), maxName)
	case strings.Contains(name, "="):
		return fmt.Errorf("%w: it has an equals sign", ErrName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, control):
		return fmt.Errorf("%w: it is not text", ErrName)
	}
	return nil
}

func checkValue(value []byte) error {
	if len(value) > MaxValue {
		return &keyring.LimitError{What: "value of a variable in bytes", Got: int64(len(value)), Max: MaxValue}
	}
	for i, b := range value {
		if b == 0 {
			return fmt.Errorf("%w: byte %d is zero", ErrValue, i)
		}
	}
	return nil
}

func options(o *Options) *Options {
	if o == nil {
		return &Options{}
	}
	return o
}

func (o *Options) tell(name string, attempts []keyring.Attempt) {
	if o.OnAttempts != nil && len(attempts) > 0 {
		o.OnAttempts(name, attempts)
	}
}

var errNoKeyring error = &keyring.ConfigError{Reason: "there is no keyring"}

// Errors that callers may want to tell apart. All answer for [signet.ErrMalformed].
var (
	// ErrName: no variable can have this name.
	ErrName = fmt.Errorf("%w: not the name of a variable", signet.ErrMalformed)
	// ErrValue: no variable can have this value.
	ErrValue = fmt.Errorf("%w: not the value of a variable", signet.ErrMalformed)
	// ErrText: the text is not an encrypted value.
	ErrText = fmt.Errorf("%w: not an encrypted value", signet.ErrMalformed)
)
