// Package signet is client-side encryption under keys the user holds: in an HSM over PKCS#11, in AWS KMS, raw or in Tink keysets, one or several at
// once. It is byte-compatible with the AWS Encryption SDK.
//
// This root package holds only the error classes that every layer answers to. Start with one of these:
//
//   - [github.com/signetkeys/signet/message]: encrypt and decrypt bytes.
//   - [github.com/signetkeys/signet/ddb]: encrypt attributes of a DynamoDB item.
//   - [github.com/signetkeys/signet/keyring]: the contract between formats and keys, and what to implement for a new backend.
//   - [github.com/signetkeys/signet/envvar]: open encrypted environment variables.
//   - [github.com/signetkeys/signet/keyring/pkcs11], [github.com/signetkeys/signet/keyring/kms], [github.com/signetkeys/signet/keyring/raw] and
//     [github.com/signetkeys/signet/keyring/tink]: keyrings.
//   - [github.com/signetkeys/signet/config/all]: a keyring chosen at start-up by URI.
//
// It does not protect against whoever can read the memory of the process, hide the length of what is encrypted, or keep keys: losing
// every wrapping key of a message loses the message.
package signet
