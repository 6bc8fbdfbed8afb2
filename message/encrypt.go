package message

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"fmt"
	"math"
	"strings"

	"github.com/signetkeys/signet/internal/ecsig"
	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
)

// Encrypt encrypts plaintext into a whole framed message with materials of mm. A multiple of the frame length ends with a full frame.
// plaintext may be empty; it is neither changed nor kept.
func (c *Client) Encrypt(ctx context.Context, mm keyring.MaterialsManager, plaintext []byte, o *EncryptOptions) ([]byte, error) {
	if o == nil {
		o = new(EncryptOptions)
	}
	frameLen, err := checkFrameLength(o.FrameLength)
	if err != nil {
		return nil, err
	}
	mat, err := c.encryptionMaterials(ctx, mm, int64(len(plaintext)), o)
	if err != nil {
		return nil, err
	}
	defer mat.Release()

	h := header{
		suite: mat.Suite, contextAAD: mat.AAD, edks: mat.EDKs,
		contentType: contentFramed, frameLen: uint32(frameLen),
	}
	var requiredAAD []byte
	if len(mat.RequiredKeys) > 0 {
		if h.contextAAD, requiredAAD, err = splitContext(mat.Context, mat.RequiredKeys); err != nil {
			return nil, err
		}
	}
	h.messageID = make([]byte, mat.Suite.MessageIDLen())
	rand.Read(h.messageID) // never fails (crypto/rand)
	aead, commitment, err := deriveContentKey(mat.Suite, mat.DataKey.Reveal(), h.messageID)
	if err != nil {
		return nil, err
	}
	h.commitment = commitment[:]

	body, err := bodyLen(int64(len(plaintext)), frameLen)
	if err != nil {
		return nil, err
	}
	headLen := h.len2()
	size := int64(headLen+headerTagLen) + body + footerLen(mat.Suite)
	if size > math.MaxInt {
		return nil, &keyring.LimitError{What: "length of the message in bytes", Got: len(plaintext), Max: math.MaxInt}
	}
	out := h.append2(make([]byte, 0, size))
	bc := newBodyCipher(aead, h.messageID)
	out = aead.Seal(out, bc.iv[:], nil, append(out[:headLen:headLen], requiredAAD...))

	seq := uint32(1)
	for ; len(plaintext) > frameLen; seq++ {
		out = bc.appendFrame(out, plaintext[:frameLen], seq, false)
		plaintext = plaintext[frameLen:]
	}
	out = bc.appendFrame(out, plaintext, seq, true)
	if !mat.Suite.Signed() {
		return out, nil
	}
	digest := sha512.Sum384(out)
	signature, err := ecsig.SignFixed(mat.SigningKey, digest[:])
	if err != nil {
		return nil, fmt.Errorf("message: signing: %w", err)
	}
	return appendFooter(out, signature), nil
}

// encryptionMaterials checks what the caller asks for, gets materials, and checks those: a custom manager may be wrong.
func (c *Client) encryptionMaterials(ctx context.Context, mm keyring.MaterialsManager, length int64, o *EncryptOptions) (*keyring.EncryptionMaterials, error) {
	maxEDKs, err := c.maxEDKs()
	if err != nil {
		return nil, err
	}
	for k := range o.Context {
		if strings.HasPrefix(k, keyring.ReservedPrefix) {
			return nil, &keyring.ContextError{Key: k, Reason: `names that start with "aws-crypto-" are reserved`}
		}
	}
	asked := o.Suite
	if asked == nil {
		asked = c.CommitmentPolicy.Default()
	}
	if err := c.CommitmentPolicy.CheckEncrypt(asked); err != nil {
		return nil, err
	}
	if err := supported(asked); err != nil {
		return nil, err
	}
	mat, err := mm.EncryptionMaterials(ctx, &keyring.EncryptionRequest{
		Context: o.Context, Suite: o.Suite, Policy: c.CommitmentPolicy, Length: length,
	})
	if err != nil {
		return nil, err
	}
	if err := c.checkEncryptionMaterials(mat, maxEDKs); err != nil {
		mat.Release()
		return nil, err
	}
	if len(mat.Degraded) > 0 && o.OnDegraded != nil {
		o.OnDegraded(mat.Degraded)
	}
	return mat, nil
}

func (c *Client) checkEncryptionMaterials(m *keyring.EncryptionMaterials, maxEDKs int) error {
	if err := supported(m.Suite); err != nil {
		return err
	}
	if err := c.CommitmentPolicy.CheckEncrypt(m.Suite); err != nil {
		return err
	}
	_, hasPublic := m.Context[keyring.PublicKeyName]
	signed := m.Suite.Signed()
	switch {
	case len(m.EDKs) > maxEDKs:
		return &keyring.LimitError{What: "encrypted data keys for the message", Got: len(m.EDKs), Max: maxEDKs}
	case len(m.EDKs) == 0, m.DataKey == nil, m.DataKey.Len() != m.Suite.DataKeyLen(), (m.SigningKey != nil) != signed, hasPublic != signed:
		return &keyring.ConfigError{Reason: "the materials manager returned incomplete materials for suite " + m.Suite.String()}
	}
	return nil
}

// splitContext serializes a context in two parts: what the header stores, and the pairs that are only authenticated.
func splitContext(ec keyring.EncryptionContext, requiredKeys []string) (stored, required []byte, err error) {
	s := make(keyring.EncryptionContext, len(ec))
	for k, v := range ec {
		s[k] = v
	}
	r := make(keyring.EncryptionContext, len(requiredKeys))
	for _, k := range requiredKeys {
		v, ok := ec[k]
		if !ok {
			return nil, nil, &keyring.ContextError{Key: k, Reason: "required, but not in the encryption context"}
		}
		r[k] = v
		delete(s, k)
	}
	if stored, err = wire.AppendContext(nil, s); err != nil {
		return nil, nil, err
	}
	required, err = wire.AppendContext(nil, r)
	return stored, required, err
}
