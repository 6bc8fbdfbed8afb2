// Package matrix exchanges messages between signet and the peers: every suite under every kind of keyring, in both directions, with frame
// lengths, sizes and encryption contexts that a seed chooses. Its tests are the matrix; the package itself has what the tests, the golden
// messages and the benchmarks share.
//
//	go test ./matrix                                  the subset: each suite and kind of keyring once per peer and direction
//	go test ./matrix -args -each 20 -counts FILE      the full matrix: 20 messages for each of them
//	go test ./matrix -args -seed 7                    another run's choices; SIGNET_MATRIX_SEED does the same
//	go test ./matrix -run Golden -args -update        rewrite message/testdata/peers
//
// Peers are built by interop/setup. One that is missing is skipped loudly, and a failure where SIGNET_REQUIRE_PEERS is 1.
package matrix
