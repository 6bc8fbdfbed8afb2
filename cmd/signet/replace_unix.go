//go:build unix

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// replaceProcess makes this process the program at path. It returns only when that fails, or when a signal came before: from then on
// signals are the program's. A SIGPIPE that was ignored is not: Go's runtime has taken it over.
func replaceProcess(ctx context.Context, path string, args, env []string) error {
	signal.Reset(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if ctx.Err() != nil {
		return nil
	}
	err := syscall.Exec(path, args, env)
	return &os.PathError{Op: "exec", Path: path, Err: err}
}
