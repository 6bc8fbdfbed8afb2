package peers

import "syscall"

// untilParentEnds lets the kernel end the peer when this process ends, also when it is killed: a peer in the middle of a long operation does
// not look at its input.
func untilParentEnds() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
