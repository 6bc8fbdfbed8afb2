package interop

import (
	"context"
	"fmt"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// Signet encrypts and decrypts with signet under one keyring, with the same methods as [Official].
type Signet struct {
	client  message.Client
	manager keyring.MaterialsManager
}

// NewSignet returns a signet client for a raw AES wrapping key of 16, 24 or 32 bytes.
func NewSignet(namespace, name string, key []byte) (*Signet, error) {
	k, err := raw.NewAES(raw.AESConfig{Namespace: namespace, Name: name, Key: key})
	if err != nil {
		return nil, err
	}
	return NewSignetKeyring(k), nil
}

// NewSignetKeyring returns a signet client for any keyring.
func NewSignetKeyring(k keyring.Keyring) *Signet { return &Signet{manager: keyring.NewManager(k)} }

// Encrypt writes one message; frameLength 0 is signet's default, 4096.
func (s *Signet) Encrypt(id uint16, frameLength int64, plaintext []byte, ec map[string]string) ([]byte, error) {
	known, ok := suite.ByID(id)
	if !ok {
		return nil, fmt.Errorf("signet knows no suite %04x", id)
	}
	return s.client.Encrypt(context.Background(), s.manager, plaintext, &message.EncryptOptions{
		Suite: known, FrameLength: int(frameLength), Context: ec,
	})
}

// Decrypt opens a message and returns its plaintext and its encryption context, the pair with the signing key included.
func (s *Signet) Decrypt(ciphertext []byte) ([]byte, map[string]string, error) {
	plaintext, header, err := s.client.Decrypt(context.Background(), s.manager, ciphertext, nil)
	if err != nil {
		return nil, nil, err
	}
	return plaintext, header.Context, nil
}
