package hierarchy

import (
	"encoding/hex"
	"strings"
)

const versionLen = 16

// version is the UUID of a branch key's version: 16 raw bytes in a data key, text everywhere else.
type version [versionLen]byte

// parseVersion reads the 36 characters of a UUID; letters may be of either case.
func parseVersion(s string) (v version, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return v, false
	}
	digits := strings.Join([]string{s[:8], s[9:13], s[14:18], s[19:23], s[24:]}, "")
	n, err := hex.Decode(v[:], []byte(digits))
	return v, err == nil && n == versionLen
}

func (v version) String() string {
	s := hex.EncodeToString(v[:])
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}
