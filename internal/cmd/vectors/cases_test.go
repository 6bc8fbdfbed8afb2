package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"slices"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// Every version of the decrypt manifest, each with a set that tells the truth and one that lies.
func TestVersions(t *testing.T) {
	for _, s := range []*suite.Suite{suite.AES256GCMCommitECDSAP384(), suite.AES192GCM()} {
		c := files{"ciphertexts/c": encrypt(t, s, nil)}
		for version := 1; version <= 4; version++ {
			for _, want := range []string{small, others} {
				e := entry4("aes", output(want))
				if version == 1 {
					delete(e, "result")
					e["plaintext"] = want
				}
				name := fmt.Sprintf("suite %s, version %d", s, version)
				t.Run(name, func(t *testing.T) {
					if want == small {
						expect(t, 0, onePassed, []string{manifest(t, version, e, c).dir(t)})
					} else {
						expect(t, 1, oneFailed, []string{manifest(t, version, e, c).dir(t)}, "FAIL case: in one call: the plaintext differs")
					}
				})
			}
		}
		id := fmt.Sprintf("%04X", s.ID())
		good := scenario5("positive-esdk", id, described("aes"), obj{})
		expect(t, 0, onePassed, []string{manifest(t, 5, good, c).dir(t)})
		expect(t, 1, oneFailed, []string{manifest(t, 5, good, c.with(files{"plaintexts/small": nil})).dir(t)}, "the plaintext differs: 1000 bytes, want 0")
		expect(t, 1, oneFailed, []string{manifest(t, 5, scenario5("positive-esdk", "0014", described("aes"), obj{}), c).dir(t)}, "not of the declared AES_128_GCM_IV12")
	}
}

// What must fail and does not is a failure, and so is what fails for another reason.
func TestNegatives(t *testing.T) {
	good := encrypt(t, suite.AES256GCMCommit(), nil)
	cut := good[:len(good)-1]
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1
	e := entry4("aes", mustFail)
	wrong := entry4("aes", mustFail)
	wrong["master-keys"] = []obj{{"type": "raw", "key": "aes", "provider-id": "other", "encryption-algorithm": "aes"}}
	for name, c := range map[string]struct {
		test    obj
		message []byte
		status  int
		text    string
	}{
		"truncated":            {e, cut, 0, ""},
		"tampered":             {e, flipped, 0, ""},
		"no message":           {e, nil, 0, ""},
		"another key":          {wrong, good, 0, ""},
		"it opens":             {e, good, 1, "FAIL case: in one call: it opened although it must not"},
		"positive, truncated":  {entry4("aes", output(small)), cut, 1, "parsing: message: truncated"},
		"positive, tampered":   {entry4("aes", output(small)), flipped, 1, "authentication of the body failed"},
		"positive, trailing":   {entry4("aes", output(small)), append(bytes.Clone(good), 0), 1, "parsing: message: bytes behind the end"},
		"skipped, truncated":   {entry4("encrypt-only", output(small)), cut, 1, "parsing: message: truncated"},
		"skipped, must fail":   {entry4("encrypt-only", mustFail), cut, 3, "skipped, parsed only: 1, the key is encrypt-only"},
		"skipped, trailing":    {entry4("encrypt-only", output(small)), append(bytes.Clone(good), 0), 1, "bytes behind the end"},
		"skipped, well-formed": {entry4("encrypt-only", output(small)), good, 3, "the key is encrypt-only"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := manifest(t, 4, c.test, files{"ciphertexts/c": c.message}).dir(t)
			switch c.status {
			case 0:
				expect(t, 0, onePassed, []string{dir})
			case 1:
				expect(t, 1, oneFailed, []string{dir}, c.text)
			case 3:
				expect(t, 0, oneSkipped, []string{dir}, c.text)
			}
		})
	}
	negative := func(key obj) obj { return scenario5("negative-esdk", "0478", key, obj{}) }
	expect(t, 0, onePassed, []string{manifest(t, 5, negative(described("aes")), files{"ciphertexts/c": flipped}).dir(t)})
	expect(t, 1, oneFailed, []string{manifest(t, 5, negative(described("aes")), files{"ciphertexts/c": good}).dir(t)}, "it opened although it must not")
}

// A case that fails as a stream only is a failure: the ways are compared, not just the first.
func TestEveryWayCounts(t *testing.T) {
	msg := encrypt(t, suite.AES256GCMCommit(), nil)
	for failing := 1; failing <= 3; failing++ {
		calls := 0
		c := testCase{id: "x", message: fixed(msg), want: want{plaintext: fixed(plaintext)}, manager: keyring.NewManager(aesKeyring(t))}
		c.manager = &failingManager{MaterialsManager: c.manager, at: failing, calls: &calls}
		if r := c.run(t.Context()); r.verdict != failed || calls != failing {
			t.Errorf("failing at call %d: verdict %d after %d calls", failing, r.verdict, calls)
		}
	}
}

// Signed suites are refused by a stream of unsigned messages only.
func TestUnsignedOnly(t *testing.T) {
	for _, s := range []*suite.Suite{suite.AES256GCMCommit(), suite.AES256GCMCommitECDSAP384()} {
		c := files{"ciphertexts/c": encrypt(t, s, nil)}
		for _, result := range []obj{output(small), mustFail} {
			e := entry4("aes", result)
			e["decryption-method"] = "streaming-unsigned-only"
			_, positive := result["output"]
			if positive == s.Signed() {
				expect(t, 1, oneFailed, []string{manifest(t, 3, e, c).dir(t)})
			} else {
				expect(t, 0, onePassed, []string{manifest(t, 3, e, c).dir(t)})
			}
		}
	}
}

func TestContexts(t *testing.T) {
	ec := keyring.EncryptionContext{"a": "1", "b": "2"} // b is not stored
	c := files{"ciphertexts/c": encrypt(t, suite.AES256GCMCommit(), ec)}
	required := func(reproduced obj, keys ...string) obj {
		d := obj{"type": "required-encryption-context-cmm", "underlying": described("aes"), "requiredEncryptionContextKeys": keys}
		return scenario5("positive-esdk", "0478", d, reproduced)
	}
	expect(t, 0, onePassed, []string{manifest(t, 5, required(obj{"b": "2"}, "b"), c).dir(t)})
	expect(t, 0, onePassed, []string{manifest(t, 5, required(obj{"a": "1", "b": "2"}, "b"), c).dir(t)})
	expect(t, 1, oneFailed, []string{manifest(t, 5, required(obj{}, "b"), c).dir(t)}, `pair "b": required, but not reproduced`)
	expect(t, 1, oneFailed, []string{manifest(t, 5, required(obj{"b": "3"}, "b"), c).dir(t)}, "did not open")
	expect(t, 1, oneFailed, []string{manifest(t, 5, required(obj{"b": "2"}, "aws-crypto-x"), c).dir(t)}, "are reserved")

	e := entry4("aes", output(small))
	e["cmm"], e["encryption-context"] = "RequiredEncryptionContext", obj{"b": "2"}
	expect(t, 0, onePassed, []string{manifest(t, 4, e, c).dir(t)})
	e["cmm"] = "Default"
	expect(t, 1, oneFailed, []string{manifest(t, 4, e, c).dir(t)})

	// With the default manager the pairs are information, which must be true.
	c = files{"ciphertexts/c": encrypt(t, suite.AES256GCMCommit(), keyring.EncryptionContext{"a": "1"})}
	e["encryption-context"] = obj{"a": "1"}
	expect(t, 0, onePassed, []string{manifest(t, 4, e, c).dir(t)})
	e["encryption-context"] = obj{"a": "2"}
	expect(t, 1, oneFailed, []string{manifest(t, 4, e, c).dir(t)}, `pair "a": not in the message as the set says`)
}

func TestKeyDescriptions(t *testing.T) {
	c := files{"ciphertexts/c": encrypt(t, suite.AES256GCMCommit(), nil)}
	aws := obj{"type": "aws-kms", "key": "kms"}
	multi := func(generator obj, children ...obj) obj {
		d := obj{"type": "multi-keyring", "childKeyrings": children}
		if generator != nil {
			d["generator"] = generator
		}
		return d
	}
	for name, d := range map[string]struct {
		key    obj
		status int
		text   string
	}{
		"raw":                          {described("aes"), 0, ""},
		"caching":                      {obj{"type": "caching-cmm", "underlying": described("aes"), "cacheLimitTtlSeconds": 60}, 0, ""},
		"caching without age":          {obj{"type": "caching-cmm", "underlying": described("aes")}, 1, "age must be positive"},
		"caching without keyring":      {obj{"type": "caching-cmm", "cacheLimitTtlSeconds": 60}, 1, "without an underlying description"},
		"generator":                    {multi(described("aes")), 0, ""},
		"child":                        {multi(nil, described("aes")), 0, ""},
		"generator and child":          {multi(described("aes"), described("aes")), 0, ""},
		"generator in AWS KMS":         {multi(aws, described("aes")), 0, ""},
		"child in AWS KMS":             {multi(described("aes"), aws, aws), 0, ""},
		"all in AWS KMS":               {multi(aws, obj{"type": "aws-kms-rsa"}), 3, "needs AWS KMS: aws-kms"},
		"multi of nothing":             {multi(nil), 1, "no key is described"},
		"KMS discovery":                {obj{"type": "aws-kms-mrk-aware-discovery"}, 3, "needs AWS KMS: aws-kms-mrk-aware-discovery"},
		"hierarchy without static key": {obj{"type": "aws-kms-hierarchy", "key": "kms"}, 3, "needs AWS KMS: aws-kms-hierarchy"},
		"encrypt-only":                 {described("encrypt-only"), 3, "the key is encrypt-only"},
		"static material":              {obj{"type": "static-material-keyring", "key": "material"}, 1, "authentication of the key commitment failed"},
		"material without key":         {obj{"type": "static-material-keyring", "key": "aes"}, 1, "has no data key"},
		"unknown key":                  {described("nothing"), 1, `no key "nothing" in the keys file`},
		"wrong length":                 {described("short"), 1, "256 bits and not the declared 128"},
		"wrong type":                   {obj{"type": "raw", "key": "kms", "encryption-algorithm": "aes"}, 1, `with a key of type "aws-kms"`},
		"unknown type":                 {obj{"type": "rot13"}, 1, `unknown key description of type "rot13"`},
		"ECDH with an AES key":         {obj{"type": "raw-ecdh", "schema": "discovery", "recipient": "aes"}, 1, `raw-ecdh with a key of type "symmetric"`},
		"reserved namespace":           {obj{"type": "raw", "key": "aes", "provider-id": "aws-kms", "encryption-algorithm": "aes"}, 1, "must not start with"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := manifest(t, 5, scenario5("positive-esdk", "0478", d.key, obj{}), c).dir(t)
			switch d.status {
			case 0:
				expect(t, 0, onePassed, []string{dir})
			case 1:
				expect(t, 1, oneFailed, []string{dir}, "FAIL case: ", d.text)
			case 3:
				expect(t, 0, oneSkipped, []string{dir}, "skipped, parsed only: 1, "+d.text+"\n")
			}
		})
	}
}

// The commitment known answers decide by status; a failure anywhere else than at the commitment is wrong.
func TestAnswers(t *testing.T) {
	key := bytes.Repeat([]byte{3}, 32)
	k := &fixedWrapper{key}
	msg, err := new(message.Client).Encrypt(t.Context(), keyring.NewManager(keyring.New("fixed", k, nil, nil)), []byte("abcdef"),
		&message.EncryptOptions{FrameLength: 4, Suite: suite.AES256GCMCommit()})
	if err != nil {
		t.Fatal(err)
	}
	h, n, err := message.ParseHeader(msg)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.StdEncoding.EncodeToString
	flipped := bytes.Clone(msg)
	flipped[len(flipped)-1] ^= 1
	for name, c := range map[string]struct {
		change obj
		text   string // "": passes
	}{
		"opens":                {obj{}, ""},
		"header with a blank":  {obj{"header": " " + b64(msg[:n])}, ""},
		"another key":          {obj{"decrypted-dek": b64(make([]byte, 32)), "status": false}, ""},
		"another key, status":  {obj{"decrypted-dek": b64(make([]byte, 32))}, "authentication of the key commitment failed"},
		"opens and must not":   {obj{"status": false}, "it opened although it must not"},
		"fails at the body":    {obj{"ciphertext": b64(flipped), "status": false}, "failed in another way than it must: message: authentication of the body"},
		"other plaintext":      {obj{"plaintext-frames": []string{"abcd", "eg"}}, "the plaintext differs"},
		"other context":        {obj{"encryption-context": obj{"a": "1"}}, `pair "a"`},
		"other message id":     {obj{"message-id": b64(make([]byte, 32))}, "message id differs"},
		"other header":         {obj{"header": b64(msg[:n-1])}, "header differs"},
		"other commitment":     {obj{"commitment": b64(make([]byte, 32))}, "commitment differs"},
		"no frames":            {obj{"plaintext-frames": nil}, "plaintext-frames are needed"},
		"no ciphertext":        {obj{"ciphertext": ""}, "are needed"},
		"header not base64":    {obj{"header": "%"}, "header is not base64"},
		"ciphertext no base64": {obj{"ciphertext": "%"}, "illegal base64"},
	} {
		test := obj{"ciphertext": b64(msg), "commitment": b64(h.Commitment), "decrypted-dek": b64(key), "encryption-context": obj{}, "header": b64(msg[:n]),
			"message-id": b64(h.MessageID), "status": true, "comment": "answer", "plaintext-frames": []string{"abcd", "ef"}}
		for k, v := range c.change {
			test[k] = v
		}
		t.Run(name, func(t *testing.T) {
			dir := files{"a.json": toJSON(t, obj{"title": "T", "tests": []obj{test}})}.dir(t)
			if c.text == "" {
				expect(t, 0, onePassed, []string{dir})
			} else {
				expect(t, 1, oneFailed, []string{dir}, "FAIL ", c.text)
			}
		})
	}
}

// A message of the .NET client's release 4.0.0 with its fault of two zero bytes behind the header opens, is counted, and only for that
// client.
func TestNET400(t *testing.T) {
	msg := encrypt(t, suite.AES256GCMCommit(), nil)
	h, n, err := message.ParseHeader(msg)
	if err != nil {
		t.Fatal(err)
	}
	r, err := keyring.NewRequest(h.Suite, h.Context)
	if err != nil {
		t.Fatal(err)
	}
	u, err := aesKeyring(t).OnDecrypt(t.Context(), r, h.EDKs)
	if err != nil {
		t.Fatal(err)
	}
	key, err := hkdf.Key(sha512.New, u.DataKey.Reveal(), h.MessageID, "\x04\x78DERIVEKEY", 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	body := msg[:n-suite.TagLen]
	tag := aead.Seal(nil, make([]byte, 12), nil, append(bytes.Clone(body), 0, 0))
	faulty := slices.Concat(body, tag, msg[n:])

	for _, c := range []struct {
		name, version string
		message       []byte
		want          string
		last          string
		status        int
		text          string
	}{
		{"ESDK-NET", "4.0.0", faulty, small, onePassed, 0, "1 of 1 messages of ESDK-NET 4.0.0 needed its faults to be allowed\n"},
		{"ESDK-NET", "4.0.0", msg, small, onePassed, 0, "0 of 1 messages of ESDK-NET 4.0.0 needed its faults to be allowed\n"},
		{"ESDK-NET", "4.0.0", faulty, others, oneFailed, 1, "0 of 1 messages"},
		{"ESDK-NET", "4.0.1", faulty, small, oneFailed, 1, "authentication of the header failed"},
		{"other", "4.0.0", faulty, small, oneFailed, 1, "authentication of the header failed"},
	} {
		f := manifest(t, 4, entry4("aes", output(c.want)), files{"ciphertexts/c": c.message})
		f["manifest.json"] = bytes.ReplaceAll(f["manifest.json"], []byte(`{"name":"signet tests","version":"1"}`),
			fmt.Appendf(nil, `{"name":%q,"version":%q}`, c.name, c.version))
		expect(t, c.status, c.last, []string{f.dir(t)}, c.text)
	}
}
