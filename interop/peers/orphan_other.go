//go:build !linux

package peers

import "syscall"

func untilParentEnds() *syscall.SysProcAttr { return nil }
