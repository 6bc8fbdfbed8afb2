package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/signetkeys/signet/keyring"
	"github.com/spf13/cobra"
)

// noArgs and atMostOne are cobra's validators with texts that repeat no argument, which may be a secret in the wrong place.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &fault{code: codeUsage, err: fmt.Errorf("%q takes no argument, and %s was given", cmd.CommandPath(), shown(args[0]))}
	}
	return nil
}

func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return &fault{code: codeUsage, err: fmt.Errorf("%q takes at most one file, and %d were given", cmd.CommandPath(), len(args))}
	}
	if len(args) == 1 && looksLikeURI(args[0]) {
		return &fault{code: codeUsage, err: errors.New("the argument is a keyring URI and not a file"), hint: "give keyring URIs with -k"}
	}
	return nil
}

// flagError is for what cobra says about flags: of "-x1234" it repeats everything.
func flagError(_ *cobra.Command, err error) error {
	message, _, _ := strings.Cut(err.Error(), " in -")
	return &fault{code: codeUsage, err: errors.New(message)}
}

// contextPairs reads -c NAME=VALUE arguments.
func contextPairs(args []string) (keyring.EncryptionContext, error) {
	return pairsOf("-c NAME=VALUE", args)
}

// pairsOf reads NAME=VALUE arguments. Errors name pairs by their names only, and hint at how the pairs are given.
func pairsOf(usage string, args []string) (keyring.EncryptionContext, error) {
	if len(args) == 0 {
		return nil, nil
	}
	ec := make(keyring.EncryptionContext, len(args))
	for i, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		fail := func(format string, args ...any) error {
			return &fault{code: codeContextPair, err: fmt.Errorf("encryption context: "+format, args...), hint: "write " + usage + ", each name once"}
		}
		switch _, twice := ec[name]; {
		case !ok:
			return nil, fail("argument %d has no \"=\"", i+1)
		case name == "":
			return nil, fail("argument %d has no name before \"=\"", i+1)
		case !utf8.ValidString(arg):
			return nil, fail("argument %d is not valid UTF-8", i+1)
		case len(arg) > 65535:
			return nil, fail("argument %d is longer than 65535 bytes", i+1)
		case twice:
			return nil, fail("%s is given twice", shown(name))
		case strings.HasPrefix(name, keyring.ReservedPrefix):
			return nil, fail("%s: names beginning with %q are the format's own", shown(name), keyring.ReservedPrefix)
		}
		ec[name] = value
	}
	return ec, nil
}

// A requiredPair is what --require-context demands.
type requiredPair struct {
	name  string
	value string
	any   bool // whatever its value is
}

// requiredPairs reads NAME and NAME=VALUE arguments.
func requiredPairs(args []string) ([]requiredPair, error) {
	pairs := make([]requiredPair, len(args))
	for i, arg := range args {
		name, value, hasValue := strings.Cut(arg, "=")
		if name == "" {
			return nil, &fault{code: codeContextPair, err: fmt.Errorf("--require-context: argument %d has no name", i+1), hint: "write --require-context NAME or NAME=VALUE"}
		}
		pairs[i] = requiredPair{name, value, !hasValue}
	}
	return pairs, nil
}

// checkContext compares the pairs that were demanded with the verified ones.
func checkContext(got keyring.EncryptionContext, want []requiredPair) error {
	for _, p := range want {
		switch value, ok := got[p.name]; {
		case !ok:
			return &keyring.ContextError{Key: p.name, Reason: "demanded, and the message does not have it"}
		case !p.any && value != p.value:
			return &keyring.ContextError{Key: p.name, Reason: "has another value than the one demanded"}
		}
	}
	return nil
}

// checkUnstored refuses names that no pair has.
func checkUnstored(names []string, ec keyring.EncryptionContext) error {
	for _, name := range names {
		if _, ok := ec[name]; !ok {
			return &fault{code: codeContextPair, err: fmt.Errorf("--unstored-context: no pair given with -c has the name %s", shown(name)), hint: "write -c NAME=VALUE --unstored-context NAME"}
		}
	}
	return nil
}
