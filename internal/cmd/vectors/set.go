package main

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// A set is one manifest with its cases.
type set struct {
	label string
	what  string
	cases []testCase
}

// A testCase is one message and what must come of it.
type testCase struct {
	id      string
	broken  error                  // the manifest's entry makes no sense
	message func() ([]byte, error) // the bytes

	skip    string // why it cannot be decrypted here
	manager keyring.MaterialsManager

	want       want
	suite      *suite.Suite                 // nil: the set does not say
	outline    func(*message.Outline) error // more that the set says about the message; may be nil
	reproduced keyring.EncryptionContext
	context    keyring.EncryptionContext // pairs that the decrypted message must have

	unsignedOnly bool // to be decrypted as a stream that refuses signed suites
	net400       bool // written by a client that had faults, see message.DecryptOptions.AllowNET400Faults
}

// want is the expected result.
type want struct {
	plaintext func() ([]byte, error)
	failure   failure
}

// A failure is what kind of refusal is expected.
type failure uint8

const (
	none         failure = iota
	anyFailure           // the set does not say which
	atCommitment         // the data key is not the one that the message commits to
)

// skipError says why a key cannot be used here.
type skipError struct{ reason string }

func (e *skipError) Error() string { return e.reason }

// file returns a function that reads a file of the tree: base is the folder that ref is relative to.
func (t *tree) file(base, ref string) (func() ([]byte, error), error) {
	name := join(base, ref)
	if ref == "" || !fs.ValidPath(ref) || !fs.ValidPath(name) {
		return nil, fmt.Errorf("bad file name %q", ref)
	}
	return func() ([]byte, error) { return t.read(name, maxFile) }, nil
}

// url is file for the form "file://relative".
func (t *tree) url(base, ref string) (func() ([]byte, error), error) {
	name, ok := strings.CutPrefix(ref, "file://")
	if !ok {
		return nil, fmt.Errorf("%q does not start with file://", ref)
	}
	return t.file(base, name)
}

func join(base, ref string) string {
	if base == "." {
		return ref
	}
	return base + "/" + ref
}

func fixed(b []byte) func() ([]byte, error) { return func() ([]byte, error) { return b, nil } }

// suiteOf reads the four hexadecimal digits of a message suite.
func suiteOf(id string) (*suite.Suite, error) {
	s, err := suite.ByName(id)
	if err != nil {
		return nil, err
	}
	if s.Format() != suite.Message || !strings.EqualFold(fmt.Sprintf("%04x", s.ID()), id) {
		return nil, fmt.Errorf("%q is no identifier of a message suite", id)
	}
	return s, nil
}
