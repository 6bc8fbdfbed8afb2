package tink

import (
	"maps"
	"strings"

	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/message"
)

// KMSClientConfig configures [NewKMSClient].
type KMSClientConfig struct {
	// Prefix starts the key URIs of this client, for example "pkcs11:". Tink asks its clients in turn, so it must not be empty.
	Prefix string
	// Open returns the keyring of a key URI, for example by a Mux of package config. It is called once for each GetAEAD, concurrently. The
	// keyring is used as long as Tink keeps the AEAD; who must close it is the caller's to know.
	Open func(keyURI string) (keyring.Keyring, error)
	// AEAD are the settings of the AEADs; nil means defaults.
	AEAD *message.AEADOptions
}

// A KMSClient makes AEADs for Tink from keyrings, by key URI. Their ciphertexts are AWS Encryption SDK messages: see [message.AEAD]. It is safe
// for concurrent use.
//
// Nothing registers it: pass it to registry.RegisterKMSClient, which is global, or call GetAEAD and hand the AEAD to
// aead.NewKMSEnvelopeAEAD2. Tink allows 4,096 bytes for an encrypted key; a message around one has about 200 bytes and its encrypted data keys, of some
// 80 bytes each under a raw or HSM key and 270 under AWS KMS.
type KMSClient struct{ cfg KMSClientConfig }

var _ registry.KMSClient = (*KMSClient)(nil)

// NewKMSClient makes a client. The error is a [*keyring.ConfigError].
func NewKMSClient(cfg KMSClientConfig) (*KMSClient, error) {
	if cfg.Prefix == "" || cfg.Open == nil {
		return nil, &keyring.ConfigError{Reason: "tink KMS client: a prefix and a function that opens keyrings are needed"}
	}
	if cfg.AEAD != nil {
		o := *cfg.AEAD
		o.Context = maps.Clone(o.Context)
		cfg.AEAD = &o
	}
	return &KMSClient{cfg}, nil
}

// Supported reports whether the key URI starts with the client's prefix.
func (c *KMSClient) Supported(keyURI string) bool { return strings.HasPrefix(keyURI, c.cfg.Prefix) }

// GetAEAD returns an AEAD over the keyring of a supported key URI. The AEAD has EncryptWithContext and DecryptWithContext too (Tink's
// AEADWithContext). Errors are those of Open and of [message.NewAEAD].
func (c *KMSClient) GetAEAD(keyURI string) (tink.AEAD, error) {
	if !c.Supported(keyURI) {
		return nil, &keyring.ConfigError{Reason: "tink KMS client: the key URI does not start with " + c.cfg.Prefix}
	}
	k, err := c.cfg.Open(keyURI)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return nil, &keyring.ConfigError{Reason: "tink KMS client: no keyring was opened"}
	}
	a, err := message.NewAEAD(keyring.NewManager(k), c.cfg.AEAD)
	if err != nil {
		return nil, err
	}
	return a, nil
}
