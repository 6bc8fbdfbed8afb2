// Package message reads and writes AWS Encryption SDK messages: bytes under a data key that one or several wrapping keys protect.
// Messages are byte-compatible with the AWS Encryption SDK of every language.
//
// Start with [Encrypt] and [Decrypt]. A [Client] carries settings: the commitment policy, the limit on encrypted data keys, and any
// [keyring.MaterialsManager], for example the caching one of package cache.
//
// This release writes and reads message version 2 (suites 0x0478 and 0x0578), whole messages in memory. Version 1 is refused with
// [signet.ErrUnsupported].
//
// What is not hidden: the length of the plaintext, the encryption context, and which keys can open the message ([ParseHeader]
// shows them without any key). Nothing is returned before all of it is authenticated.
//
// Errors: [*FormatError] (answers [signet.ErrMalformed]), [*AuthenticationError] ([signet.ErrAuthentication]), [*keyring.UnwrapError]
// ([signet.ErrNoKey]), [*suite.PolicyError] ([signet.ErrPolicy]), [*keyring.LimitError] ([signet.ErrLimit]), [*keyring.ContextError]
// ([signet.ErrContext]). A truncated message is [io.ErrUnexpectedEOF].
package message
