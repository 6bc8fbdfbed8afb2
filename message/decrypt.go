package message

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/signetkeys/signet/internal/ecsig"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// A Header is what was authenticated with a message that opened. It belongs to the caller and shares no memory with the message.
type Header struct {
	Suite       *suite.Suite
	MessageID   []byte
	Context     keyring.EncryptionContext // stored and reproduced pairs
	EDKs        []keyring.EncryptedDataKey
	FrameLength uint32            // bytes; 0 for a non-framed body
	Used        int               // index of the encrypted data key that opened
	Attempts    []keyring.Attempt // what was tried before it
	// NET400Fault says that the message opened only because of [DecryptOptions.AllowNET400Faults].
	NET400Fault bool
}

// Decrypt opens a whole message with materials of mm. Nothing is returned unless everything is authentic, down to the last byte: bytes
// behind the message are an error. ciphertext is neither changed nor kept. Beyond the header, memory use is bounded by its length.
func (c *Client) Decrypt(ctx context.Context, mm keyring.MaterialsManager, ciphertext []byte, o *DecryptOptions) ([]byte, *Header, error) {
	if o == nil {
		o = new(DecryptOptions)
	}
	maxEDKs, err := c.maxEDKs()
	if err != nil {
		return nil, nil, err
	}
	h, err := parseHeader(ciphertext, maxEDKs)
	if err != nil {
		return nil, nil, err
	}
	m, err := c.open(ctx, mm, h, ciphertext[len(h.raw):], o)
	if err != nil {
		return nil, nil, err
	}
	defer m.mat.Release()
	plaintext, err := m.openBody(ciphertext, len(h.raw)+headerAuthLen(h.suite))
	if err != nil {
		return nil, nil, err
	}
	return plaintext, m.header(), nil
}

// incoming is a message whose header is authentic.
type incoming struct {
	h     *header
	mat   *keyring.DecryptionMaterials
	body  bodyCipher
	fault bool
}

// open gets materials for a parsed header and checks the commitment and the header's tag, in this order; rest follows the header body. When
// it succeeds, the caller releases m.mat.
func (c *Client) open(ctx context.Context, mm keyring.MaterialsManager, h *header, rest []byte, o *DecryptOptions) (_ *incoming, err error) {
	if mm == nil {
		return nil, errNoManager
	}
	if err := c.CommitmentPolicy.CheckDecrypt(h.suite); err != nil {
		return nil, err
	}
	authLen := headerAuthLen(h.suite)
	if len(rest) < authLen {
		return nil, truncated("header authentication")
	}
	m := &incoming{h: h}
	m.mat, err = mm.DecryptionMaterials(ctx, &keyring.DecryptionRequest{
		Suite: h.suite, Context: h.context, Reproduced: o.ReproducedContext, EDKs: h.edks, Policy: c.CommitmentPolicy,
	})
	if err != nil {
		return nil, err
	}
	if err = m.checkMaterials(); err == nil {
		err = m.source(m.authenticate(rest[:authLen], o.AllowNET400Faults))
	}
	if err == nil {
		err = requireContext(m.mat.Context, o.RequireContext)
	}
	if err != nil {
		m.mat.Release()
		return nil, err
	}
	return m, nil
}

func (m *incoming) checkMaterials() error {
	s, mat := m.h.suite, m.mat
	if mat == nil {
		return errNoMaterials
	}
	if mat.Suite != s || mat.DataKey == nil || mat.DataKey.Len() != s.DataKeyLen() || (mat.VerificationKey != nil) != s.Signed() {
		return &keyring.ConfigError{Reason: "the materials manager returned unusable materials for suite " + s.String()}
	}
	return nil
}

// source adds to a failed authentication of the header where the data key came from, when the message has others: a keyring of RSA keys with PKCS #1
// v1.5 opens whatever has its name, so a data key that nobody asked for any more may be the good one. It depends on nothing secret.
func (m *incoming) source(err error) error {
	n, used := len(m.h.edks), m.mat.Used
	if err == nil || n < 2 || used < 0 || used >= n {
		return err
	}
	if _, failed := errors.AsType[*AuthenticationError](err); !failed {
		return err
	}
	return fmt.Errorf("%w; the data key came from EDK %d (provider %.64q) of 0 to %d, and the search ended there", err, used, m.h.edks[used].ProviderID, n-1)
}

// authenticate derives the content key and checks commitment and header tag. auth is the header authentication as received.
func (m *incoming) authenticate(auth []byte, faults bool) error {
	key, err := deriveContentKey(m.h.suite, m.mat.DataKey.Reveal(), m.h.messageID)
	if err != nil {
		return err
	}
	if !key.commitsTo(m.h) {
		return &AuthenticationError{LayerCommitment}
	}
	iv, tag := zeroIV[:], auth
	if m.h.suite.MessageVersion() == version1 {
		iv, tag = auth[:suite.IVLen], auth[suite.IVLen:]
	}
	aad := m.h.raw
	if len(m.mat.RequiredKeys) > 0 {
		_, required, err := splitContext(m.mat.Context, m.mat.RequiredKeys)
		if err != nil {
			return err
		}
		aad = append(aad[:len(aad):len(aad)], required...)
	}
	if _, err := key.aead.Open(nil, iv, tag, aad); err == nil {
		m.body.init(key.aead, m.h.messageID)
		return nil
	}
	if faults {
		return m.authenticateFaulty(key, iv, tag, aad)
	}
	return &AuthenticationError{LayerHeader}
}

// authenticateFaulty tries the header as release 4.0.0 of the .NET client wrote it: the message id missing in the derivation of version 1
// suites with HKDF, two zero bytes behind an AAD without required pairs, or both (formats/esdk.md 3.5).
func (m *incoming) authenticateFaulty(key contentKey, iv, tag, aad []byte) error {
	keys := []contentKey{key}
	if m.h.suite.MessageVersion() == version1 && m.h.suite.KDF() == suite.KDFHKDF {
		k, err := deriveWithoutMessageID(m.h.suite, m.mat.DataKey.Reveal())
		if err != nil {
			return err
		}
		keys = append(keys, k)
	}
	aads := [][]byte{aad}
	if len(m.mat.RequiredKeys) == 0 {
		aads = append(aads, append(aad[:len(aad):len(aad)], 0, 0))
	}
	for _, k := range keys {
		for _, a := range aads {
			if _, err := k.aead.Open(nil, iv, tag, a); err == nil {
				m.body.init(k.aead, m.h.messageID)
				m.fault = true
				return nil
			}
		}
	}
	return &AuthenticationError{LayerHeader}
}

func requireContext(have, want keyring.EncryptionContext) error {
	for k, v := range want {
		got, ok := have[k]
		if !ok {
			return &keyring.ContextError{Key: k, Reason: "required, but the message does not have it"}
		}
		if got != v {
			return &keyring.ContextError{Key: k, Reason: "the message's value differs from the required one"}
		}
	}
	return nil
}

// header returns what the caller may see, detached from the input.
func (m *incoming) header() *Header {
	m.h.detach()
	ec := m.h.context // parsed for this call; that of the materials may belong to a cache
	if len(m.mat.RequiredKeys) > 0 {
		ec = maps.Clone(m.mat.Context)
	}
	return &Header{
		Suite: m.h.suite, MessageID: m.h.messageID, Context: ec, EDKs: m.h.edks, FrameLength: m.h.frameLen,
		Used: m.mat.Used, Attempts: slices.Clone(m.mat.Attempts), NET400Fault: m.fault,
	}
}

// openBody decrypts from offset n and checks the footer and that nothing follows. On an error the plaintext so far is wiped.
func (m *incoming) openBody(ciphertext []byte, n int) (_ []byte, err error) {
	h := m.h
	out := make([]byte, 0, plaintextBound(h, len(ciphertext)-n))
	defer func() {
		if err != nil {
			clear(out)
		}
	}()
	for seq := uint32(1); ; seq++ {
		f, size, err := h.parseFrame(ciphertext[n:], seq, int64(n))
		if err != nil {
			return nil, err
		}
		if out, err = m.body.openFrame(out, h, &f); err != nil {
			return nil, err
		}
		n += size
		if f.final {
			break
		}
	}
	if h.suite.Signed() {
		signature, size, err := parseFooter(ciphertext[n:], int64(n))
		if err != nil {
			return nil, err
		}
		if !ecsig.Verify(m.mat.VerificationKey, signatureDigest(h.suite, ciphertext[:n]), signature) {
			return nil, &AuthenticationError{LayerSignature}
		}
		n += size
	}
	if n != len(ciphertext) {
		return nil, errTrailing(int64(n))
	}
	return out, nil
}

func errTrailing(at int64) error { return &FormatError{at, "bytes behind the end of the message"} }

// plaintextBound is the most plaintext that n bytes of body and footer can hold, or slightly more.
func plaintextBound(h *header, n int) int {
	if !h.framed() {
		return max(0, n-nonFramedHead-suite.TagLen)
	}
	n -= finalOverhead
	if n <= 0 {
		return 0
	}
	frames := int64(n) / (int64(h.frameLen) + regularOverhead)
	return n - int(frames*regularOverhead)
}
