// Command vectors checks package message and the keyrings against the test vectors that the AWS Encryption SDKs publish:
//
//	go run ./internal/cmd/vectors DIR-or-ZIP...
//
// It finds every set of vectors in the given folders, zip files and single files, at any depth and by their content: decrypt manifests of
// versions 1 to 5, the ciphertext manifest of older releases, the commitment known answers, and the Python client's decrypt oracle. Each
// message whose keys are at hand is decrypted in one call and as a stream, and compared with what the set expects: the plaintext, or a
// failure of the expected kind. A message under keys that only AWS KMS has is skipped, but still parsed to its last byte.
//
// Exit status: 0 when nothing failed, 1 when something did, 2 when the arguments are wrong or hold no vectors.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("vectors", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: vectors [-v] DIR-or-ZIP...")
		flags.PrintDefaults()
	}
	verbose := flags.Bool("v", false, "list every case, and files that are no vectors")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case flags.NArg() == 0:
		flags.Usage()
		return exitUsage
	}
	rep := &report{w: stdout, verbose: *verbose}
	for _, arg := range flags.Args() {
		found, err := find(arg, rep.note)
		if err != nil {
			fmt.Fprintf(stderr, "vectors: %s: %v\n", arg, err)
			return exitUsage
		}
		for _, s := range found.sets {
			rep.set(s)
		}
		err = found.close()
		if err == nil && len(found.sets) == 0 {
			err = errors.New("no test vectors found")
		}
		if err != nil {
			fmt.Fprintf(stderr, "vectors: %s: %v\n", arg, err)
			return exitUsage
		}
	}
	return rep.finish()
}
