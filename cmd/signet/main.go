// Command signet encrypts files and DynamoDB items under keys that its user holds, in an HSM or in a file.
//
//	signet encrypt -k 'raw-aes:example/kek?key-file=kek.bin' -o report.pdf.enc report.pdf
//	signet decrypt -k 'raw-aes:example/kek?key-file=kek.bin' -o report.pdf report.pdf.enc
//	signet demo
//
// What it does, its flags and its exit codes are in "signet help"; error codes are in docs/reference/errors.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/term"
)

func main() {
	os.Exit(mainExit())
}

// grace is how long a command may take to clean up after a signal. An HSM or a network that hangs must not keep the process.
const grace = 3 * time.Second

func mainExit() int {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // by nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	context.AfterFunc(ctx, stop)       // a second signal ends the process at once
	defer runtime.KeepAlive(os.Stderr) // or it would be closed as garbage, and commands that are started inherit it
	os.Stderr = ownStderr()
	a := &app{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		lookupEnv:  os.LookupEnv,
		isTerminal: func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) },
	}
	done := make(chan int, 1)
	go func() { done <- a.run(ctx, os.Args[1:]) }()
	select {
	case code := <-done:
		return code
	case <-ctx.Done():
	}
	select {
	case code := <-done:
		return code
	case <-time.After(grace):
		a.temps.remove()
		return exitInterrupted
	}
}
