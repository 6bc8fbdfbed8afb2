//go:build unix

package main

import (
	"os"
	"syscall"
)

// ownStderr is standard error under another number, which commands that are started do not inherit. A write to a broken pipe at number 1 or 2 ends
// a Go process at once, in the middle of what it does; at any other number it is an error.
func ownStderr() *os.File {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Dup(2)
	if err != nil {
		return os.Stderr
	}
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), os.Stderr.Name())
}
