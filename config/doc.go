// Package config opens keyrings by URI, so that a program's keys are chosen when it starts and not when it is compiled:
//
//	k, err := all.Mux().Open(ctx, "raw-aes:example/kek?key-file=kek.bin", config.System())
//
// A [Mux] holds the schemes that a program knows; package config/all makes one with every provider of signet. An [Env] is all that opening may
// reach: files, environment variables and a way to ask for a PIN. Its zero value reaches nothing.
//
// Key material and PINs are never part of a URI, which ends up in logs, process lists and shell histories: a URI names the file or the variable
// that holds them. Errors of this package say where a URI is wrong, and never print the URI or a value of it. [Mux.Redact] is how to
// print one.
package config
