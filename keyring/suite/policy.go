package suite

import (
	"fmt"
	"strings"

	"github.com/signetkeys/signet"
)

// A CommitmentPolicy says which message suites may be written and read. The zero value is the strictest. It does not concern item
// suites, which always commit.
type CommitmentPolicy uint8

const (
	// RequireEncryptRequireDecrypt writes and reads committing suites only.
	RequireEncryptRequireDecrypt CommitmentPolicy = iota
	// RequireEncryptAllowDecrypt writes committing suites and reads every message suite.
	RequireEncryptAllowDecrypt
	// ForbidEncryptAllowDecrypt writes suites without commitment and reads every message suite. It is for the time in which readers
	// that know only message version 1 are still around.
	ForbidEncryptAllowDecrypt
)

var policyNames = [...]string{
	"REQUIRE_ENCRYPT_REQUIRE_DECRYPT", "REQUIRE_ENCRYPT_ALLOW_DECRYPT", "FORBID_ENCRYPT_ALLOW_DECRYPT",
}

// ParseCommitmentPolicy reads a policy's name in the field's spelling; case does not matter and "-" stands for "_". The error
// answers for [signet.ErrPolicy].
func ParseCommitmentPolicy(name string) (CommitmentPolicy, error) {
	n := strings.ReplaceAll(strings.ToUpper(strings.TrimSpace(name)), "-", "_")
	for i, p := range policyNames {
		if n == p {
			return CommitmentPolicy(i), nil
		}
	}
	return 0, &PolicyError{Reason: fmt.Sprintf("unknown commitment policy %q; known: %s", name, strings.Join(policyNames[:], ", "))}
}

func (p CommitmentPolicy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("CommitmentPolicy(%d)", uint8(p))
}

// Default is the suite used when the caller names none: 0x0578, or 0x0378 under [ForbidEncryptAllowDecrypt] (what every
// implementation does; the specification's text names 0x0078).
func (p CommitmentPolicy) Default() *Suite {
	if p == ForbidEncryptAllowDecrypt {
		return aes256HKDFECDSAP384
	}
	return aes256CommitECDSA
}

// CheckEncrypt returns a [*PolicyError] when messages of suite s must not be written under p.
func (p CommitmentPolicy) CheckEncrypt(s *Suite) error {
	switch {
	case s.IsItem():
		return nil
	case p > ForbidEncryptAllowDecrypt:
		return &PolicyError{Suite: s, Policy: p, Reason: "no such commitment policy"}
	case p == ForbidEncryptAllowDecrypt && s.commits:
		return &PolicyError{Suite: s, Policy: p, Reason: "the policy forbids encrypting with a committing suite"}
	case p != ForbidEncryptAllowDecrypt && !s.commits:
		return &PolicyError{Suite: s, Policy: p, Reason: "the policy requires a committing suite to encrypt"}
	}
	return nil
}

// CheckDecrypt returns a [*PolicyError] when messages of suite s must not be read under p.
func (p CommitmentPolicy) CheckDecrypt(s *Suite) error {
	switch {
	case s.IsItem():
		return nil
	case p > ForbidEncryptAllowDecrypt:
		return &PolicyError{Suite: s, Policy: p, Reason: "no such commitment policy"}
	case p == RequireEncryptRequireDecrypt && !s.commits:
		return &PolicyError{Suite: s, Policy: p, Reason: "the policy requires a committing suite to decrypt"}
	}
	return nil
}

// PolicyError says which suite a policy refused. It answers for [signet.ErrPolicy].
type PolicyError struct {
	Suite  *Suite // nil when a policy's name could not be read
	Policy CommitmentPolicy
	Reason string
}

func (e *PolicyError) Error() string {
	if e.Suite == nil {
		return e.Reason
	}
	return fmt.Sprintf("%s: suite %s, commitment policy %s", e.Reason, e.Suite, e.Policy)
}

// Is makes a PolicyError a policy error.
func (e *PolicyError) Is(target error) bool { return target == signet.ErrPolicy }
