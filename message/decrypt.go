package message

import (
	"context"
	"crypto/sha512"
	"crypto/subtle"
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
}

// Decrypt opens a whole message with materials of mm. Nothing is returned unless everything is authentic, down to the last byte: bytes
// behind the message are an error. ciphertext is neither changed nor kept. Beyond the header, memory use is bounded by its length.
func (c *Client) Decrypt(ctx context.Context, mm keyring.MaterialsManager, ciphertext []byte, o *DecryptOptions) ([]byte, *Header, error) {
	maxEDKs, err := c.maxEDKs()
	if err != nil {
		return nil, nil, err
	}
	h, err := parseHeader(ciphertext, maxEDKs)
	if err != nil {
		return nil, nil, err
	}
	if err := c.CommitmentPolicy.CheckDecrypt(h.suite); err != nil {
		return nil, nil, err
	}
	req := &keyring.DecryptionRequest{Suite: h.suite, Context: h.context, EDKs: h.edks, Policy: c.CommitmentPolicy}
	if o != nil {
		req.Reproduced = o.ReproducedContext
	}
	mat, err := mm.DecryptionMaterials(ctx, req)
	if err != nil {
		return nil, nil, err
	}
	defer mat.Release()
	bc, n, err := openHeader(h, mat, ciphertext)
	if err != nil {
		return nil, nil, err
	}
	plaintext, err := openBody(h, mat, bc, ciphertext, n)
	if err != nil {
		return nil, nil, err
	}
	h.detach()
	ec := h.context // parsed for this call; that of the materials may belong to a cache
	if len(mat.RequiredKeys) > 0 {
		ec = maps.Clone(mat.Context)
	}
	return plaintext, &Header{
		Suite: h.suite, MessageID: h.messageID, Context: ec, EDKs: h.edks, FrameLength: h.frameLen,
		Used: mat.Used, Attempts: slices.Clone(mat.Attempts),
	}, nil
}

// openHeader checks the materials, the commitment and the header's tag, in this order, and returns where the body begins.
func openHeader(h *header, mat *keyring.DecryptionMaterials, ciphertext []byte) (*bodyCipher, int, error) {
	if mat.Suite != h.suite || mat.DataKey == nil || mat.DataKey.Len() != h.suite.DataKeyLen() || (mat.VerificationKey != nil) != h.suite.Signed() {
		return nil, 0, &keyring.ConfigError{Reason: "the materials manager returned unusable materials for suite " + h.suite.String()}
	}
	aead, commitment, err := deriveContentKey(h.suite, mat.DataKey.Reveal(), h.messageID)
	if err != nil {
		return nil, 0, err
	}
	if subtle.ConstantTimeCompare(commitment[:], h.commitment) != 1 {
		return nil, 0, &AuthenticationError{LayerCommitment}
	}
	aad := h.raw
	if len(mat.RequiredKeys) > 0 {
		_, required, err := splitContext(mat.Context, mat.RequiredKeys)
		if err != nil {
			return nil, 0, err
		}
		aad = append(aad[:len(aad):len(aad)], required...)
	}
	end := len(h.raw) + headerTagLen
	if end > len(ciphertext) {
		return nil, 0, truncated("header authentication")
	}
	bc := newBodyCipher(aead, h.messageID)
	if _, err := aead.Open(nil, bc.iv[:], ciphertext[len(h.raw):end], aad); err != nil {
		return nil, 0, &AuthenticationError{LayerHeader}
	}
	return bc, end, nil
}

// openBody decrypts from offset n and checks the footer and that nothing follows. On an error the plaintext so far is wiped.
func openBody(h *header, mat *keyring.DecryptionMaterials, bc *bodyCipher, ciphertext []byte, n int) (_ []byte, err error) {
	out := make([]byte, 0, plaintextBound(h, len(ciphertext)-n))
	defer func() {
		if err != nil {
			clear(out)
		}
	}()
	for seq := uint32(1); ; seq++ {
		f, size, err := h.parseFrame(ciphertext[n:], seq, n)
		if err != nil {
			return nil, err
		}
		if out, err = bc.openFrame(out, h, &f); err != nil {
			return nil, err
		}
		n += size
		if f.final {
			break
		}
	}
	if h.suite.Signed() {
		signature, size, err := parseFooter(ciphertext[n:], n)
		if err != nil {
			return nil, err
		}
		digest := sha512.Sum384(ciphertext[:n])
		if !ecsig.Verify(mat.VerificationKey, digest[:], signature) {
			return nil, &AuthenticationError{LayerSignature}
		}
		n += size
	}
	if n != len(ciphertext) {
		return nil, &FormatError{n, "bytes behind the end of the message"}
	}
	return out, nil
}

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
