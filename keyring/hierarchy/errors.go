package hierarchy

import (
	"fmt"

	"github.com/signetkeys/signet"
)

// A VersionError reports a data key under a version of the branch key that the keyring does not have. It answers for
// [signet.ErrNotFound]. The version is as the message names it, which nobody has authenticated.
type VersionError struct{ BranchKeyID, Version string }

func (e *VersionError) Error() string {
	return fmt.Sprintf("version %s of branch key %.64q is not the configured one", e.Version, e.BranchKeyID)
}

// Is answers for signet.ErrNotFound.
func (e *VersionError) Is(target error) bool { return target == signet.ErrNotFound }
