package message

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/ecsig"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
)

var (
	s0178 = suite.AES256GCM()
	s0378 = suite.AES256GCMECDSAP384()
	s0478 = suite.AES256GCMCommit()
	s0578 = suite.AES256GCMCommitECDSAP384()
)

func rawKeyring(t testing.TB, name string, fill byte) keyring.Keyring {
	t.Helper()
	k, err := raw.NewAES(raw.AESConfig{Namespace: "test", Name: name, Key: bytes.Repeat([]byte{fill}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// fixedKeyring gives every message the same data key and EDK.
type fixedKeyring struct{ dek []byte }

var fixedEDK = keyring.EncryptedDataKey{ProviderID: "fixed", ProviderInfo: []byte("info"), Ciphertext: []byte("ciphertext")}

func (k fixedKeyring) OnEncrypt(_ context.Context, r *keyring.Request, _ *keyring.Secret) (*keyring.Wrapped, error) {
	return &keyring.Wrapped{DataKey: keyring.NewSecret(k.dek[:r.Suite.DataKeyLen()]), EDKs: []keyring.EncryptedDataKey{fixedEDK}}, nil
}

func (k fixedKeyring) OnDecrypt(_ context.Context, r *keyring.Request, _ []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
	return &keyring.Unwrapped{DataKey: keyring.NewSecret(k.dek[:r.Suite.DataKeyLen()])}, nil
}

var testKey = []byte("0123456789abcdef0123456789ABCDEF")

// kind names what an error is, so that tests can assert it.
func kind(err error) string {
	var ae *AuthenticationError
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "truncated"
	case errors.As(err, &ae):
		return ae.Layer.String()
	}
	for name, class := range map[string]error{
		"malformed": signet.ErrMalformed, "limit": signet.ErrLimit, "policy": signet.ErrPolicy,
		"unsupported": signet.ErrUnsupported, "context": signet.ErrContext,
	} {
		if errors.Is(err, class) && !errors.Is(err, signet.ErrNoKey) {
			return name
		}
	}
	if errors.Is(err, signet.ErrNoKey) {
		return "no key"
	}
	return "other: " + err.Error()
}

// forge writes messages that the package's writer does not: every layer is authentic under testKey, whatever its shape.
type forge struct {
	suite     *suite.Suite
	context   []byte // context block; nil: that of the public key
	pairs     keyring.EncryptionContext
	edks      []keyring.EncryptedDataKey
	nonFramed bool
	frameLen  uint32
	frames    []string // plaintexts; the last is the final frame
	firstSeq  uint32   // 0 means 1
	iv        func(seq uint32) []byte
	body      func([]byte) []byte // changes the body before it is signed
	header    func([]byte) []byte // changes the header body before it is authenticated
	footer    func([]byte) []byte
	signer    *ecdsa.PrivateKey
	messageID []byte
	headerIV  []byte // version 1

	withoutMessageID bool   // the derivation fault of .NET 4.0.0
	extraAAD         []byte // its header AAD fault
}

func (f forge) message(t testing.TB) []byte {
	t.Helper()
	if f.suite == nil {
		f.suite = s0478
	}
	key := f.signer
	ec := keyring.EncryptionContext{}
	for k, v := range f.pairs {
		ec[k] = v
	}
	if f.suite.Signed() {
		k, err := ecsig.GenerateKey(f.suite.Curve())
		if err != nil {
			t.Fatal(err)
		}
		point, err := ecsig.CompressedPoint(&k.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		ec[keyring.PublicKeyName] = base64.StdEncoding.EncodeToString(point)
		if key == nil {
			key = k
		}
	}
	req, err := keyring.NewRequest(f.suite, ec)
	if err != nil {
		t.Fatal(err)
	}
	h := header{suite: f.suite, contextAAD: req.AAD, edks: f.edks, contentType: contentFramed, frameLen: f.frameLen}
	if f.context != nil {
		h.contextAAD = f.context
	}
	if f.edks == nil {
		h.edks = []keyring.EncryptedDataKey{fixedEDK}
	}
	if f.nonFramed {
		h.contentType = contentNonFramed
	}
	h.messageID = f.messageID
	if h.messageID == nil {
		h.messageID = bytes.Repeat([]byte{7}, f.suite.MessageIDLen())
	}
	contentKey, err := deriveContentKey(f.suite, testKey[:f.suite.DataKeyLen()], h.messageID)
	if f.withoutMessageID {
		contentKey, err = deriveWithoutMessageID(f.suite, testKey[:f.suite.DataKeyLen()])
	}
	if err != nil {
		t.Fatal(err)
	}
	aead := contentKey.aead
	h.commitment = contentKey.commitment[:]
	out := h.append(nil)
	if f.header != nil {
		out = f.header(out)
	}
	iv := make([]byte, 12)
	aad := append(bytes.Clone(out), f.extraAAD...)
	if f.suite.MessageVersion() == 1 {
		copy(iv, f.headerIV)
		out = append(out, iv...)
	}
	out = append(out, aead.Seal(nil, iv, nil, aad)...)
	body := f.appendBody(nil, aead, h.messageID)
	if f.body != nil {
		body = f.body(body)
	}
	out = append(out, body...)
	if f.suite.Signed() {
		sig, err := ecsig.SignFixed(key, signatureDigest(f.suite, out))
		if err != nil {
			t.Fatal(err)
		}
		foot := appendFooter(nil, sig)
		if f.footer != nil {
			foot = f.footer(foot)
		}
		out = append(out, foot...)
	}
	return out
}

func (f forge) appendBody(dst []byte, aead cipher.AEAD, id []byte) []byte {
	seq := f.firstSeq
	if seq == 0 {
		seq = 1
	}
	for i, p := range f.frames {
		iv := binary.BigEndian.AppendUint32(make([]byte, 8), seq)
		if f.iv != nil {
			iv = f.iv(seq)
		}
		final := i == len(f.frames)-1
		text := "AWSKMSEncryptionClient Frame"
		switch {
		case f.nonFramed:
			text = "AWSKMSEncryptionClient Single Block"
		case final:
			text = "AWSKMSEncryptionClient Final Frame"
			dst = binary.BigEndian.AppendUint32(dst, 0xFFFFFFFF)
		}
		if !f.nonFramed {
			dst = binary.BigEndian.AppendUint32(dst, seq)
		}
		dst = append(dst, iv...)
		if f.nonFramed {
			dst = binary.BigEndian.AppendUint64(dst, uint64(len(p)))
		} else if final {
			dst = binary.BigEndian.AppendUint32(dst, uint32(len(p)))
		}
		aad := append(bytes.Clone(id), text...)
		aad = binary.BigEndian.AppendUint32(aad, seq)
		aad = binary.BigEndian.AppendUint64(aad, uint64(len(p)))
		dst = aead.Seal(dst, iv, []byte(p), aad)
		seq++
	}
	return dst
}

// anyClient reads every suite.
var anyClient = &Client{CommitmentPolicy: suite.RequireEncryptAllowDecrypt}

func decryptFixed(msg []byte) ([]byte, *Header, error) {
	return anyClient.Decrypt(context.Background(), keyring.NewManager(fixedKeyring{testKey}), msg, nil)
}

// reference decodes a message of either version by the format's description alone, with a known data key, of which it uses as much as the
// suite needs. It shares no code with the package.
func reference(msg, dek []byte) (plaintext []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			plaintext, err = nil, fmt.Errorf("ran past the end: %v", r)
		}
	}()
	p := 0
	take := func(n int) []byte { b := msg[p : p+n]; p += n; return b }
	u16 := func() int { return int(binary.BigEndian.Uint16(take(2))) }
	version := take(1)[0]
	if version != 1 && version != 2 || version == 1 && take(1)[0] != 0x80 {
		return nil, errors.New("version or type")
	}
	id := u16()
	table := map[int]struct {
		version, keyLen int
		hash            func() hash.Hash
		curve           elliptic.Curve
		sigHash         func() hash.Hash
	}{
		0x0014: {1, 16, nil, nil, nil}, 0x0046: {1, 24, nil, nil, nil}, 0x0078: {1, 32, nil, nil, nil},
		0x0114: {1, 16, sha256.New, nil, nil}, 0x0146: {1, 24, sha256.New, nil, nil}, 0x0178: {1, 32, sha256.New, nil, nil},
		0x0214: {1, 16, sha256.New, elliptic.P256(), sha256.New}, 0x0346: {1, 24, sha512.New384, elliptic.P384(), sha512.New384},
		0x0378: {1, 32, sha512.New384, elliptic.P384(), sha512.New384},
		0x0478: {2, 32, sha512.New, nil, nil}, 0x0578: {2, 32, sha512.New, elliptic.P384(), sha512.New384},
	}
	s, ok := table[id]
	if !ok || s.version != int(version) {
		return nil, errors.New("suite")
	}
	mid := take(map[byte]int{1: 16, 2: 32}[version])
	ec := map[string]string{}
	if n := u16(); n > 0 {
		end := p + n
		count := u16()
		for range count {
			k := string(take(u16()))
			if _, dup := ec[k]; dup {
				return nil, errors.New("duplicate")
			}
			ec[k] = string(take(u16()))
		}
		if p != end || count == 0 && n != 2 {
			return nil, errors.New("context length")
		}
	}
	n := u16()
	if n == 0 {
		return nil, errors.New("no EDK")
	}
	for range n {
		take(u16())
		take(u16())
		take(u16())
	}
	contentType := take(1)[0]
	if version == 1 && string(take(5)) != "\x00\x00\x00\x00\x0c" {
		return nil, errors.New("reserved or IV length")
	}
	frameLen := int(binary.BigEndian.Uint32(take(4)))
	key := dek[:s.keyLen]
	if version == 2 {
		commitment := take(32)
		prk, _ := hkdf.Extract(s.hash, key, mid)
		want, _ := hkdf.Expand(s.hash, prk, "COMMITKEY", 32)
		if !bytes.Equal(want, commitment) {
			return nil, errors.New("commitment")
		}
		key, _ = hkdf.Expand(s.hash, prk, string([]byte{byte(id >> 8), byte(id)})+"DERIVEKEY", 32)
	} else if s.hash != nil {
		key, _ = hkdf.Key(s.hash, key, nil, string([]byte{byte(id >> 8), byte(id)})+string(mid), s.keyLen)
	}
	headEnd := p
	iv := make([]byte, 12)
	if version == 1 {
		iv = take(12)
	}
	block, _ := aes.NewCipher(key)
	gcm, _ := cipher.NewGCM(block)
	if _, err := gcm.Open(nil, iv, take(16), msg[:headEnd]); err != nil {
		return nil, errors.New("header tag")
	}
	if contentType == 1 && frameLen != 0 || contentType == 2 && frameLen == 0 || contentType < 1 || contentType > 2 {
		return nil, errors.New("content type")
	}
	for seq := uint32(1); ; seq++ {
		final := contentType == 1
		text := "AWSKMSEncryptionClient Single Block"
		size := uint64(frameLen)
		if !final {
			text = "AWSKMSEncryptionClient Frame"
			s := binary.BigEndian.Uint32(take(4))
			if s == 0xFFFFFFFF {
				final, text = true, "AWSKMSEncryptionClient Final Frame"
				s = binary.BigEndian.Uint32(take(4))
			}
			if s != seq {
				return nil, errors.New("sequence")
			}
		}
		iv := take(12)
		if contentType == 1 {
			size = binary.BigEndian.Uint64(take(8))
		} else if final {
			if size = uint64(binary.BigEndian.Uint32(take(4))); size > uint64(frameLen) {
				return nil, errors.New("final frame length")
			}
		}
		if size > uint64(len(msg)) {
			return nil, errors.New("short")
		}
		aad := append(append([]byte(nil), mid...), text...)
		aad = binary.BigEndian.AppendUint32(aad, seq)
		aad = binary.BigEndian.AppendUint64(aad, size)
		pt, err := gcm.Open(nil, iv, take(int(size)+16), aad)
		if err != nil {
			return nil, errors.New("frame tag")
		}
		plaintext = append(plaintext, pt...)
		if final {
			break
		}
	}
	if s.curve != nil {
		h := s.sigHash()
		h.Write(msg[:p])
		sig := take(u16())
		point, err := base64.StdEncoding.DecodeString(ec["aws-crypto-public-key"])
		if err != nil || len(point) != 1+s.curve.Params().BitSize/8 {
			return nil, errors.New("public key")
		}
		x, y := elliptic.UnmarshalCompressed(s.curve, point)
		if x == nil {
			return nil, errors.New("public key")
		}
		size := s.curve.Params().BitSize / 8
		pub, err := ecdsa.ParseUncompressedPublicKey(s.curve, slices.Concat([]byte{4}, x.FillBytes(make([]byte, size)), y.FillBytes(make([]byte, size))))
		if err != nil {
			return nil, errors.New("public key")
		}
		if !ecdsa.VerifyASN1(pub, h.Sum(nil), sig) {
			return nil, errors.New("signature")
		}
	} else if _, has := ec["aws-crypto-public-key"]; has {
		return nil, errors.New("public key in unsigned suite")
	}
	if p != len(msg) {
		return nil, errors.New("trailing bytes")
	}
	return plaintext, nil
}

func rawKey(t testing.TB, namespace, name string, key []byte) keyring.Keyring {
	t.Helper()
	k, err := raw.NewAES(raw.AESConfig{Namespace: namespace, Name: name, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return k
}
