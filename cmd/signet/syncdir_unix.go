//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"
)

// syncDir makes a new name in a folder last. Some file systems cannot sync a folder and say so.
func syncDir(root *os.Root, dir string) error {
	d, err := root.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}
