package message

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
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

func (k fixedKeyring) OnEncrypt(context.Context, *keyring.Request, *keyring.Secret) (*keyring.Wrapped, error) {
	return &keyring.Wrapped{DataKey: keyring.NewSecret(k.dek), EDKs: []keyring.EncryptedDataKey{fixedEDK}}, nil
}

func (k fixedKeyring) OnDecrypt(context.Context, *keyring.Request, []keyring.EncryptedDataKey) (*keyring.Unwrapped, error) {
	return &keyring.Unwrapped{DataKey: keyring.NewSecret(k.dek)}, nil
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
		h.messageID = bytes.Repeat([]byte{7}, 32)
	}
	aead, commitment, err := deriveContentKey(f.suite, testKey, h.messageID)
	if err != nil {
		t.Fatal(err)
	}
	h.commitment = commitment[:]
	out := h.append2(nil)
	if f.header != nil {
		out = f.header(out)
	}
	out = append(out, aead.Seal(nil, make([]byte, 12), nil, out)...)
	body := f.appendBody(nil, aead, h.messageID)
	if f.body != nil {
		body = f.body(body)
	}
	out = append(out, body...)
	if f.suite.Signed() {
		digest := sha512.Sum384(out)
		sig, err := ecsig.SignFixed(key, digest[:])
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

func decryptFixed(msg []byte) ([]byte, *Header, error) {
	return Decrypt(context.Background(), fixedKeyring{testKey}, msg)
}

// reference decodes a version 2 message by the format's description alone, with a known data key. It shares no code with the package.
func reference(msg, dek []byte) (plaintext []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			plaintext, err = nil, fmt.Errorf("ran past the end: %v", r)
		}
	}()
	p := 0
	take := func(n int) []byte { b := msg[p : p+n]; p += n; return b }
	u16 := func() int { return int(binary.BigEndian.Uint16(take(2))) }
	if take(1)[0] != 2 {
		return nil, errors.New("version")
	}
	id := u16()
	if id != 0x0478 && id != 0x0578 {
		return nil, errors.New("suite")
	}
	mid := take(32)
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
	frameLen := int(binary.BigEndian.Uint32(take(4)))
	commitment := take(32)
	headEnd := p
	prk, _ := hkdf.Extract(sha512.New, dek, mid)
	key, _ := hkdf.Expand(sha512.New, prk, string([]byte{byte(id >> 8), byte(id)})+"DERIVEKEY", 32)
	want, _ := hkdf.Expand(sha512.New, prk, "COMMITKEY", 32)
	if !bytes.Equal(want, commitment) {
		return nil, errors.New("commitment")
	}
	block, _ := aes.NewCipher(key)
	gcm, _ := cipher.NewGCM(block)
	if _, err := gcm.Open(nil, make([]byte, 12), take(16), msg[:headEnd]); err != nil {
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
	if id == 0x0578 {
		digest := sha512.Sum384(msg[:p])
		sig := take(u16())
		point, err := base64.StdEncoding.DecodeString(ec["aws-crypto-public-key"])
		if err != nil || len(point) != 49 {
			return nil, errors.New("public key")
		}
		x, y := elliptic.UnmarshalCompressed(elliptic.P384(), point)
		if x == nil {
			return nil, errors.New("public key")
		}
		pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P384(), slices.Concat([]byte{4}, x.FillBytes(make([]byte, 48)), y.FillBytes(make([]byte, 48))))
		if err != nil {
			return nil, errors.New("public key")
		}
		if !ecdsa.VerifyASN1(pub, digest[:], sig) {
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
