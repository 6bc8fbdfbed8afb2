// Package message reads and writes AWS Encryption SDK messages: bytes under a data key that one or several wrapping keys protect.
// Messages are byte-compatible with the AWS Encryption SDK of every language.
//
// Start with [Encrypt] and [Decrypt]. A [Client] carries settings: the commitment policy, the limit on encrypted data keys, and any
// [keyring.MaterialsManager], for example the caching one of package cache.
//
// Whole messages in memory: Encrypt and Decrypt. Streams of any length in constant memory: [Client.NewEncryptWriter] and
// [Client.NewDecryptReader]. Parts of a large message: [Client.OpenAt].
//
// Both message versions and all eleven suites are read and written, except that nothing writes non-framed bodies.
//
// What is not hidden: the length of the plaintext, the encryption context, and which keys can open the message ([ParseHeader]
// shows them without any key). No plaintext is returned before it is authenticated.
//
// With GODEBUG=fips140=on everything works inside the Go Cryptographic Module. fips140=only refuses AES-GCM with the counter IVs that the
// format demands: every operation then fails with [signet.ErrUnsupported].
//
// Errors: [*FormatError] (answers [signet.ErrMalformed]), [*AuthenticationError] ([signet.ErrAuthentication]), [*keyring.UnwrapError]
// ([signet.ErrNoKey]), [*suite.PolicyError] ([signet.ErrPolicy]), [*keyring.LimitError] ([signet.ErrLimit]), [*keyring.ContextError]
// ([signet.ErrContext]). A truncated message is [io.ErrUnexpectedEOF].
package message
