//go:build unix

package module

import (
	"fmt"
	"os"
	"syscall"
)

// fileKey identifies a file whatever its path.
func fileKey(path string, info os.FileInfo) string {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%d:%d", st.Dev, st.Ino)
	}
	return path
}
