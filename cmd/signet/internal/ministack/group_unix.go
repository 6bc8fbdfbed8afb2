//go:build unix

package ministack

import (
	"os/exec"
	"syscall"
)

// ownGroup puts a program into a process group of its own, which signals from the terminal do not reach, and makes a cancelled context
// kill all of the group: venv and pip start programs themselves.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if cmd.Cancel != nil {
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	}
}
