package main

import "fmt"

// Exit codes, documented in the long help.
const (
	exitOK          = 0
	exitGeneric     = 1
	exitUsage       = 2
	exitConfig      = 3
	exitNotFound    = 4
	exitDenied      = 5
	exitNoKey       = 6
	exitData        = 7
	exitUnavailable = 8
	exitInterrupted = 130
)

// A code is the stable number of a kind of error. Its first digit is the exit code, except for interruption.
type code int

const (
	codeOther        code = 1000
	codeLimit        code = 1001
	codeUnsupported  code = 1002
	codeOutput       code = 1003
	codeSpool        code = 1004
	codeChanged      code = 1005
	codeKMSUsage     code = 1006
	codeInterrupted  code = 1130
	codeUsage        code = 2000
	codeOutputFormat code = 2001
	codeContextPair  code = 2002
	codeItemArgument code = 2003
	codeConfig       code = 3000
	codeNoKeyring    code = 3001
	codeKeyringURI   code = 3002
	codeExists       code = 3003
	codeSameFile     code = 3004
	codeTerminal     code = 3005
	codeKeySource    code = 3006
	codePolicy       code = 3007
	codeKMSRegion    code = 3008
	codeNotFound     code = 4000
	codeNoFile       code = 4001
	codeNoItem       code = 4002
	codeNoTable      code = 4003
	codeKMSKey       code = 4004
	codeDenied       code = 5000
	codePIN          code = 5001
	codeFileDenied   code = 5002
	codeCredentials  code = 5003
	codeKMSDenied    code = 5004
	codeNoKey        code = 6000
	codeAuth         code = 7000
	codeContext      code = 7001
	codeMalformed    code = 7002
	codeTruncated    code = 7003
	codeArmor        code = 7004
	codeUnavailable  code = 8000
	codeThrottled    code = 8001
	codeDemoServer   code = 8002
	codeKMSDisabled  code = 8003
)

func (c code) exit() int {
	if c == codeInterrupted {
		return exitInterrupted
	}
	return int(c) / 1000
}

func (c code) String() string { return fmt.Sprintf("SIGNET%04d", int(c)) }

// codeInfo documents a code. docs/reference/errors.md is made from these.
type codeInfo struct {
	code    code
	title   string
	meaning string
	hint    string // what to do; the default hint of the error
}

func codeTable() []codeInfo {
	return []codeInfo{
		{codeOther, "Failure", "Something failed that no other code describes.", ""},
		{codeLimit, "Limit exceeded", "A size, length or count is above a limit of the format or of signet.", ""},
		{codeUnsupported, "Not supported", "The request is understood, and this build, key or token cannot do it.", ""},
		{codeOutput, "Output not written", "The output could not be written. The old file, if there was one, is unchanged.", "check the folder, its permissions and the free space"},
		{codeSpool, "Temporary file", "A signed message from a pipe is held in a temporary file, encrypted, until its signature is verified. That file could not be written.", "set TMPDIR to a folder with room, decrypt from a file, or do not wait, with --allow-unverified-stream"},
		{codeChanged, "Input changed", "A file became longer or shorter while it was encrypted. No output was written.", "encrypt a copy, or standard input with cat FILE |"},
		{codeKMSUsage, "Usage of a KMS key", "The KMS key exists and is of a kind that cannot do this: its usage (ENCRYPT_DECRYPT, SIGN_VERIFY, KEY_AGREEMENT) and its spec are fixed when it is made.", `"signet kms doctor KEY" shows usage and spec; padding= and agreement= in the URI are for RSA and ECDH keys`},
		{codeInterrupted, "Interrupted", "The command was ended by SIGINT, SIGTERM or SIGHUP. Exit code 130. No incomplete output file is left behind. Of a folder, the files that were done are. A process that is killed may leave a file .signet-*.tmp, which can be removed.", ""},
		{codeUsage, "Usage", "A command, flag or argument is wrong.", `run the command with --help`},
		{codeOutputFormat, "--output is the format", "--output chooses the format of what is printed. The output file is -o or --out.", ""},
		{codeContextPair, "Encryption context argument", "A pair of -c, --static or --encryption-context is not NAME=VALUE, is given twice, or uses the reserved prefix aws-crypto-; or --require-context or --unstored-context has no name or one that does not fit.", "write pairs as NAME=VALUE, each name once"},
		{codeItemArgument, "Item argument", "A key or value argument of an item command is not what it must be.", `write --key '{"pk":{"S":"a"}}' or --key pk=S:a`},
		{codeConfig, "Configuration or policy", "The configuration cannot work, or a policy forbids the operation.", ""},
		{codeNoKeyring, "No keyring", "The command needs a key, and neither -k nor SIGNET_KEYRING names one.", `give one with -k, for example -k 'raw-aes:example/kek?key-file=kek.bin'`},
		{codeKeyringURI, "Keyring URI", "A keyring URI is not written as its scheme demands, or names an attribute that does not exist.", `"signet help" shows the forms of keyring URIs`},
		{codeExists, "Output exists", "The output file, or the item, exists already. Nothing was changed.", "use --force to replace it"},
		{codeSameFile, "Input is output", "Input and output are the same file.", "write to another file"},
		{codeTerminal, "Binary to a terminal", "The output is binary and standard output is a terminal.", "use -o FILE, -o - to print it anyway, or --armor when encrypting"},
		{codeKeySource, "Key or PIN source", "A file or variable that a keyring URI names does not hold a key or a PIN.", ""},
		{codePolicy, "Commitment policy", "The commitment policy forbids the algorithm suite. By default messages without key commitment are neither written nor read: such a message can be made to open as something else under another key.", ""},
		{codeKMSRegion, "Region of a KMS key", "The ARN names a key of another region than the one that would be asked. No call was made. A key of KMS is bound to its region; multi-Region keys are a choice of their own.", "leave region= out of the URI; of a multi-Region key, name the replica in that region, with mrk=true to open messages of the others"},
		{codeNotFound, "Not found", "A key, token or module that was named does not exist.", `"signet hsm list -k 'pkcs11:?module-name=softhsm2'" shows tokens, and with token= and pin-source= the keys of one, with type=private its RSA pairs; module-path=FILE is for another module`},
		{codeNoFile, "No such file", "A file that was named does not exist.", "check the path"},
		{codeNoItem, "No such item", "The table has no item with this key.", "check --table, --key, --endpoint and the region"},
		{codeNoTable, "No such table", "The table does not exist at this endpoint and in this region.", "check --table, --endpoint and the region"},
		{codeKMSKey, "KMS key not found", "KMS has no such key or alias in this account and region.", "check the id, the account and the region; \"signet kms doctor KEY\" asks KMS about it"},
		{codeDenied, "Access denied", "The owner of the key or of the table refused.", ""},
		{codePIN, "PIN refused", "The token refused the PIN, or there is none. signet tried once and does not try again: tokens lock after a few wrong PINs.", "check pin-source in the keyring URI; a wrong PIN was tried once only"},
		{codeFileDenied, "File not accessible", "A file may not be read or written by this user.", "check the permissions"},
		{codeCredentials, "AWS credentials", "There are no AWS credentials, or the service refused them.", "set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"},
		{codeKMSDenied, "Denied by KMS", "The key policy, the caller's IAM policy, or a condition of one of them does not allow the call. KMS does not say which.", "look at both policies and at conditions on the encryption context; \"signet kms doctor KEY\" shows which permission is missing"},
		{codeNoKey, "No key could decrypt", "None of the keys given opens any of the encrypted data keys. The message says for each one what was tried and why it did not open. A wrong key, a changed encryption context and a corrupted data key look alike.", `"signet inspect" shows which keys the message was written for`},
		{codeAuth, "Authentication failed", "The data was changed, or its pieces do not belong together. No output file was written. What a damaged unsigned message had before its damage may be on standard output: discard it; of a signed message nothing is there, unless --allow-unverified-stream was given.", "get the original again; there is no way around this"},
		{codeContext, "Encryption context mismatch", "The context is not the one that was demanded, or not the one that was stored.", `"signet inspect" shows the context that the data claims`},
		{codeMalformed, "Malformed input", "The input is not what its format allows.", `"signet inspect" reads as far as it can`},
		{codeTruncated, "Truncated input", "The input ends too early.", "get the whole of it"},
		{codeArmor, "Base64 without --armor, or the reverse", "The input is base64 text and --armor was not given, or --armor was given and it is not base64.", ""},
		{codeUnavailable, "Backend unavailable", "The token or service did not answer or is not in a state to answer.", "try again later; check that it runs and can be reached"},
		{codeThrottled, "Throttled", "The service asks to come back later.", "try again later"},
		{codeDemoServer, "Server of the demo", "The demo could not install or start MiniStack, the emulator that it uses when no server is named.", "name a server that runs already with --endpoint URL"},
		{codeKMSDisabled, "KMS key not enabled", "The KMS key is disabled, or waits for its deletion or its key material. Once it is enabled everything works again.", "enable the key, or cancel its deletion"},
	}
}

func (c code) info() codeInfo {
	for _, i := range codeTable() {
		if i.code == c {
			return i
		}
	}
	panic("signet: internal error: undocumented error code")
}
