package keyring

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/ecsig"
	"github.com/signetkeys/signet/keyring/suite"
)

// NewManager returns the default manager over a keyring (ESDK spec, framework/default-cmm): it picks the suite, checks the commitment
// policy, makes the key pair of signed suites and stores its public half in the reserved pair, merges reproduced context pairs, and checks what the
// keyring returned. It caches nothing. A nil keyring is a programming error and panics.
func NewManager(k Keyring) MaterialsManager {
	if k == nil {
		panic("keyring: internal error: NewManager without a keyring")
	}
	return &manager{k}
}

type manager struct{ keyring Keyring }

var _ MaterialsManager = (*manager)(nil)

func (m *manager) EncryptionMaterials(ctx context.Context, r *EncryptionRequest) (*EncryptionMaterials, error) {
	if _, taken := r.Context[PublicKeyName]; taken {
		return nil, &ContextError{PublicKeyName, "reserved for the verification key of signed suites"}
	}
	s := r.Suite
	if s == nil {
		s = r.Policy.Default()
	}
	if err := r.Policy.CheckEncrypt(s); err != nil {
		return nil, err
	}
	mat := &EncryptionMaterials{Suite: s, Context: maps.Clone(r.Context)}
	if s.Signed() {
		if err := mat.addSigningKey(); err != nil {
			return nil, err
		}
	}
	req, err := NewRequest(s, mat.Context)
	if err != nil {
		return nil, err
	}
	mat.AAD = req.AAD
	w, err := m.keyring.OnEncrypt(ctx, req, nil)
	if err != nil {
		return nil, err
	}
	if err := checkWrapped(s, w); err != nil {
		w.destroy()
		return nil, fmt.Errorf("keyring's result is unusable: %w", err)
	}
	mat.DataKey, mat.EDKs, mat.SigningKeys, mat.Degraded = w.DataKey, w.EDKs, w.SigningKeys, w.Degraded
	return mat, nil
}

func (m *EncryptionMaterials) addSigningKey() error {
	key, err := ecsig.GenerateKey(m.Suite.Curve())
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	point, err := ecsig.CompressedPoint(&key.PublicKey)
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	if m.Context == nil {
		m.Context = make(EncryptionContext, 1)
	}
	m.Context[PublicKeyName] = base64.StdEncoding.EncodeToString(point)
	m.SigningKey = key
	return nil
}

func checkWrapped(s *suite.Suite, w *Wrapped) error {
	if err := w.complete(s); err != nil {
		return err
	}
	switch {
	case w.DataKey == nil:
		return errors.New("no data key")
	case w.DataKey.Len() != s.DataKeyLen():
		return fmt.Errorf("the data key has %d bytes and suite %s needs %d", w.DataKey.Len(), s, s.DataKeyLen())
	}
	return checkEDKs(s, w.EDKs)
}

func (m *manager) DecryptionMaterials(ctx context.Context, r *DecryptionRequest) (*DecryptionMaterials, error) {
	if err := r.Policy.CheckDecrypt(r.Suite); err != nil {
		return nil, err
	}
	mat := &DecryptionMaterials{Suite: r.Suite}
	var err error
	if mat.Context, mat.RequiredKeys, err = MergeContext(r.Context, r.Reproduced); err != nil {
		return nil, err
	}
	point, has := r.Context[PublicKeyName]
	switch {
	case has && !r.Suite.Signed():
		return nil, fmt.Errorf("%w: the message stores the pair %q although its suite is not signed", signet.ErrMalformed, PublicKeyName)
	case !has && r.Suite.Signed():
		return nil, fmt.Errorf("%w: the message does not store the pair %q although its suite is signed", signet.ErrMalformed, PublicKeyName)
	case has:
		b, err := base64.StdEncoding.DecodeString(point)
		if err != nil || base64.StdEncoding.EncodeToString(b) != point { // the decoder skips line ends and stray bits
			return nil, fmt.Errorf("%w: verification key is not base64", signet.ErrMalformed)
		}
		if mat.VerificationKey, err = ecsig.ParseCompressedPoint(r.Suite.Curve(), b); err != nil {
			return nil, fmt.Errorf("%w: verification key: %w", signet.ErrMalformed, err)
		}
	}
	req, err := NewRequest(r.Suite, mat.Context)
	if err != nil {
		return nil, err
	}
	mat.AAD = req.AAD
	u, err := m.keyring.OnDecrypt(ctx, req, r.EDKs)
	if err != nil {
		return nil, err
	}
	if u == nil {
		return nil, errors.New("keyring's result is unusable: no result")
	}
	mat.DataKey, mat.SigningKey, mat.Used, mat.Attempts = u.DataKey, u.SigningKey, u.Used, u.Attempts
	if err := mat.check(len(r.EDKs)); err != nil {
		mat.Destroy()
		return nil, fmt.Errorf("keyring's result is unusable: %w", err)
	}
	return mat, nil
}

func (m *DecryptionMaterials) check(edks int) error {
	switch {
	case m.DataKey == nil:
		return errors.New("no data key")
	case m.DataKey.Len() != m.Suite.DataKeyLen():
		return fmt.Errorf("the data key has %d bytes and suite %s needs %d", m.DataKey.Len(), m.Suite, m.Suite.DataKeyLen())
	case m.Suite.IsItem() && (m.SigningKey == nil || m.SigningKey.Len() != signingKeyLen):
		return fmt.Errorf("no signing key of %d bytes", signingKeyLen)
	case m.Used < 0 || m.Used >= edks:
		return fmt.Errorf("encrypted data key %d of %d is said to have opened", m.Used, edks)
	}
	return nil
}

// MergeContext joins the stored pairs of a message with those that the caller reproduces. A key that is in both must have the same value
// ([*ContextError] otherwise); the ascending keys that are only reproduced are returned as required. The public key
// pair is accepted only when it is stored; other reserved names are not looked at, because item formats require pairs with them. The result
// may be stored itself, never reproduced.
func MergeContext(stored, reproduced EncryptionContext) (merged EncryptionContext, required []string, err error) {
	if len(reproduced) == 0 {
		return stored, nil, nil
	}
	for k, v := range reproduced {
		have, ok := stored[k]
		switch {
		case ok && have != v:
			return nil, nil, &ContextError{k, "the stored value differs from the expected one"}
		case !ok && k == PublicKeyName:
			return nil, nil, &ContextError{k, "expected, but the message does not store it"}
		case !ok:
			required = append(required, k)
		}
	}
	if len(required) == 0 {
		return stored, nil, nil
	}
	slices.Sort(required)
	merged = make(EncryptionContext, len(stored)+len(required))
	maps.Copy(merged, stored)
	for _, k := range required {
		merged[k] = reproduced[k]
	}
	return merged, required, nil
}
