package message

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/signetkeys/signet/internal/ecsig"
	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// Encrypt encrypts plaintext into a whole framed message with materials of mm. A multiple of the frame length ends with a full frame.
// plaintext may be empty; it is neither changed nor kept.
func (c *Client) Encrypt(ctx context.Context, mm keyring.MaterialsManager, plaintext []byte, o *EncryptOptions) ([]byte, error) {
	if o == nil {
		o = new(EncryptOptions)
	}
	m, err := c.begin(ctx, mm, int64(len(plaintext)), o)
	if err != nil {
		return nil, err
	}
	defer m.mat.Release()
	body, err := bodyLen(int64(len(plaintext)), m.frameLen)
	if err != nil {
		return nil, err
	}
	size := int64(m.headerLen()) + body + footerLen(m.h.suite)
	if size > math.MaxInt {
		return nil, &keyring.LimitError{What: "length of the message in bytes", Got: int64(len(plaintext)), Max: math.MaxInt}
	}
	out := m.appendHeader(make([]byte, 0, size))
	out, _ = m.body.appendFrames(out, plaintext, m.frameLen, 1, true)
	if !m.h.suite.Signed() {
		return out, nil
	}
	return m.appendSignature(out, signatureDigest(m.h.suite, out))
}

// outgoing is a message that is being written.
type outgoing struct {
	mat      *keyring.EncryptionMaterials
	h        header
	required []byte // canonical bytes of the pairs that are authenticated and not stored
	frameLen int
	body     bodyCipher
}

// begin gets materials and prepares header and keys. When it succeeds, the caller releases m.mat.
func (c *Client) begin(ctx context.Context, mm keyring.MaterialsManager, length int64, o *EncryptOptions) (_ *outgoing, err error) {
	m := new(outgoing)
	if m.frameLen, err = checkFrameLength(o.FrameLength); err != nil {
		return nil, err
	}
	if m.mat, err = c.encryptionMaterials(ctx, mm, length, o); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			m.mat.Release()
		}
	}()
	m.h = header{
		suite: m.mat.Suite, contextAAD: m.mat.AAD, edks: m.mat.EDKs,
		contentType: contentFramed, frameLen: uint32(m.frameLen),
	}
	if len(m.mat.RequiredKeys) > 0 {
		if m.h.contextAAD, m.required, err = splitContext(m.mat.Context, m.mat.RequiredKeys); err != nil {
			return nil, err
		}
	}
	m.h.messageID = make([]byte, m.h.suite.MessageIDLen())
	rand.Read(m.h.messageID) // never fails (crypto/rand)
	key, err := deriveContentKey(m.h.suite, m.mat.DataKey.Reveal(), m.h.messageID)
	if err != nil {
		return nil, err
	}
	m.h.commitment = key.commitment[:]
	m.body.init(key.aead, m.h.messageID)
	return m, nil
}

func (m *outgoing) headerLen() int { return m.h.bodyLen() + headerAuthLen(m.h.suite) }

// appendHeader appends header body and header authentication to dst, which is empty.
func (m *outgoing) appendHeader(dst []byte) []byte {
	dst = m.h.append(dst)
	n := len(dst)
	aad := append(dst[:n:n], m.required...)
	if m.h.suite.MessageVersion() == version1 {
		dst = append(dst, zeroIV[:]...)
	}
	return m.body.aead.Seal(dst, zeroIV[:], nil, aad)
}

func (m *outgoing) appendSignature(dst, digest []byte) ([]byte, error) {
	signature, err := ecsig.SignFixed(m.mat.SigningKey, digest)
	if err != nil {
		return nil, fmt.Errorf("message: signing: %w", err)
	}
	return appendFooter(dst, signature), nil
}

// encryptionMaterials checks what the caller asks for, gets materials, and checks those: a custom manager may be wrong.
func (c *Client) encryptionMaterials(ctx context.Context, mm keyring.MaterialsManager, length int64, o *EncryptOptions) (*keyring.EncryptionMaterials, error) {
	if mm == nil {
		return nil, errNoManager
	}
	maxEDKs, err := c.maxEDKs()
	if err != nil {
		return nil, err
	}
	if err := checkContextNames(o.Context); err != nil {
		return nil, err
	}
	asked := o.Suite
	if asked == nil {
		asked = c.CommitmentPolicy.Default()
	}
	if err := c.checkSuite(asked); err != nil {
		return nil, err
	}
	mat, err := mm.EncryptionMaterials(ctx, &keyring.EncryptionRequest{
		Context: o.Context, Suite: o.Suite, Policy: c.CommitmentPolicy, Length: length,
	})
	if err != nil {
		return nil, err
	}
	if err := c.checkEncryptionMaterials(mat, o.Suite, maxEDKs); err != nil {
		mat.Release()
		return nil, err
	}
	if len(mat.Degraded) > 0 && o.OnDegraded != nil {
		o.OnDegraded(slices.Clone(mat.Degraded)) // cached materials are shared
	}
	return mat, nil
}

func checkContextNames(ec keyring.EncryptionContext) error {
	for k := range ec {
		if strings.HasPrefix(k, keyring.ReservedPrefix) {
			return &keyring.ContextError{Key: k, Reason: `names that start with "aws-crypto-" are reserved`}
		}
	}
	return nil
}

func (c *Client) checkSuite(s *suite.Suite) error {
	if err := checkFormat(s); err != nil {
		return err
	}
	return c.CommitmentPolicy.CheckEncrypt(s)
}

// checkEncryptionMaterials makes sure that what m says can be written and read back, under the suite that was asked for, if any.
func (c *Client) checkEncryptionMaterials(m *keyring.EncryptionMaterials, asked *suite.Suite, maxEDKs int) error {
	if m == nil || m.Suite == nil {
		return errNoMaterials
	}
	if err := c.checkSuite(m.Suite); err != nil {
		return err
	}
	if asked != nil && m.Suite != asked {
		return &keyring.ConfigError{Reason: "the materials manager returned suite " + m.Suite.String() + " instead of " + asked.String()}
	}
	for i := range m.EDKs {
		if err := checkEDK(&m.EDKs[i]); err != nil {
			return err
		}
	}
	_, hasPublic := m.Context[keyring.PublicKeyName]
	signed := m.Suite.Signed()
	switch {
	case len(m.EDKs) > maxEDKs:
		return &keyring.LimitError{What: "encrypted data keys for the message", Got: int64(len(m.EDKs)), Max: int64(maxEDKs)}
	case len(m.AAD) > wire.MaxField, len(m.EDKs) == 0, m.DataKey == nil, m.DataKey.Len() != m.Suite.DataKeyLen(), (m.SigningKey != nil) != signed, hasPublic != signed:
		return &keyring.ConfigError{Reason: "the materials manager returned incomplete materials for suite " + m.Suite.String()}
	}
	return nil
}

var errNoManager = &keyring.ConfigError{Reason: "no materials manager was given"}

var errNoMaterials = &keyring.ConfigError{Reason: "the materials manager returned no materials"}

// checkEDK refuses what the header cannot hold, or what readers refuse.
func checkEDK(e *keyring.EncryptedDataKey) error {
	if n := max(len(e.ProviderID), len(e.ProviderInfo), len(e.Ciphertext)); n > wire.MaxField {
		return &keyring.LimitError{What: "length of a field of an encrypted data key in bytes", Got: int64(n), Max: wire.MaxField}
	}
	if !utf8.ValidString(e.ProviderID) {
		return &keyring.ConfigError{Reason: "the provider id of an encrypted data key is not valid UTF-8"}
	}
	return nil
}

// splitContext serializes a context in two parts: what the header stores, and the pairs that are only authenticated.
func splitContext(ec keyring.EncryptionContext, requiredKeys []string) (stored, required []byte, err error) {
	s := maps.Clone(ec)
	r := make(keyring.EncryptionContext, len(requiredKeys))
	for _, k := range requiredKeys {
		v, ok := ec[k]
		if !ok {
			return nil, nil, &keyring.ContextError{Key: k, Reason: "required, but not in the encryption context"}
		}
		r[k] = v
		delete(s, k)
	}
	if stored, err = keyring.AppendContext(nil, s); err != nil {
		return nil, nil, err
	}
	required, err = keyring.AppendContext(nil, r)
	return stored, required, err
}
