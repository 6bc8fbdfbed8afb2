//go:build !unix

package main

import "os"

// ownStderr is standard error: here no write to it ends the process.
func ownStderr() *os.File { return os.Stderr }
