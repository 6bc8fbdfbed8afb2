//go:build !unix

package main

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
)

// replaceProcess runs the program at path and ends this process with its exit code: a process cannot become another one here. It returns only when
// the program cannot be started, or when a signal came before: from then on the console's signals are the program's.
func replaceProcess(ctx context.Context, path string, args, env []string) error {
	signal.Ignore(os.Interrupt)
	if ctx.Err() != nil {
		return nil
	}
	cmd := &exec.Cmd{Path: path, Args: args, Env: env, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	if err := cmd.Start(); err != nil {
		return err
	}
	_ = cmd.Wait()
	os.Exit(cmd.ProcessState.ExitCode())
	return nil
}
