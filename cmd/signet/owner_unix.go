//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// takeOwner gives a file the owner and group of another, which is about to be replaced by it: whoever could read the one can read the other.
func takeOwner(f *os.File, of fs.FileInfo) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	have, ok := st.Sys().(*syscall.Stat_t)
	want, ok2 := of.Sys().(*syscall.Stat_t)
	if !ok || !ok2 || have.Uid == want.Uid && have.Gid == want.Gid {
		return nil
	}
	return f.Chown(int(want.Uid), int(want.Gid))
}
