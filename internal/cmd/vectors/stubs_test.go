package main

import (
	"context"

	"github.com/signetkeys/signet/keyring"
)

// failingManager fails at one call.
type failingManager struct {
	keyring.MaterialsManager
	at    int
	calls *int
}

func (m *failingManager) DecryptionMaterials(ctx context.Context, r *keyring.DecryptionRequest) (*keyring.DecryptionMaterials, error) {
	if *m.calls++; *m.calls == m.at {
		return nil, &keyring.UnwrapError{EDKs: len(r.EDKs)}
	}
	return m.MaterialsManager.DecryptionMaterials(ctx, r)
}

// fixedWrapper generates one data key.
type fixedWrapper struct{ key []byte }

func (w *fixedWrapper) Wrap(context.Context, *keyring.Request, []byte) (keyring.EncryptedDataKey, error) {
	return keyring.EncryptedDataKey{ProviderID: "fixed", ProviderInfo: []byte("i"), Ciphertext: []byte("c")}, nil
}

func (w *fixedWrapper) Generate(ctx context.Context, r *keyring.Request, n int) ([]byte, keyring.EncryptedDataKey, error) {
	edk, err := w.Wrap(ctx, r, nil)
	return append([]byte(nil), w.key[:n]...), edk, err
}
