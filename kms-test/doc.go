// Package kmstest has no code. Its tests run signet's keyrings of AWS KMS against emulators over HTTP, with the SDK's own client:
//
//	make kms
//
// contract_test.go is the contract that the keyrings keep, a table of rows for three emulators: local-kms, MiniStack and moto. None of them does
// everything as AWS does; a row that one of them cannot serve says so, is run there all the same and must fail, and is then a skip. What none of
// them does (throttling, failures of the server, answers that are wrong) comes from a proxy in faults_test.go; a network that is slow, hangs or
// breaks comes from toxiproxy in network_test.go; policies are those of a MiniStack that evaluates them, in policies_test.go.
//
// It is a module of its own, so that nobody who uses signet downloads emulators.
package kmstest
