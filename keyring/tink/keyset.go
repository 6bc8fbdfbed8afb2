package tink

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/signetkeys/signet"
)

// A Keyset is a Tink keyset whose enabled keys are AEADs. It is safe for concurrent use and prints its key ids only. The keys stay in memory as
// long as it does; Tink cannot wipe them.
type Keyset struct {
	aead     tink.AEAD
	keys     []Key
	prefixes map[[prefixLen]byte]bool // of enabled keys
	raw      bool                     // an enabled key writes no prefix
}

// A Key is what may be told about a key of a keyset.
type Key struct {
	ID      uint32
	Type    string // "AesGcmKey"
	Status  string // "ENABLED", "DISABLED" or "DESTROYED"
	Primary bool
}

// FromHandle takes over a keyset that is in memory already. Its enabled keys must be AEADs; the error is a [*KeysetError].
func FromHandle(h *keyset.Handle) (*Keyset, error) {
	if h.Len() == 0 {
		return nil, malformed(-1, "it has no keys")
	}
	k := &Keyset{prefixes: map[[prefixLen]byte]bool{}}
	info := h.KeysetInfo()
	for _, i := range info.GetKeyInfo() {
		name, known := keyType(i.GetTypeUrl())
		key := Key{ID: i.GetKeyId(), Type: name, Status: i.GetStatus().String(), Primary: i.GetKeyId() == info.GetPrimaryKeyId()}
		k.keys = append(k.keys, key)
		if key.Status != "ENABLED" {
			continue
		}
		if !known {
			return nil, &KeysetError{-1, fmt.Sprintf("key %d is of type %.64q, which is no AEAD that works on its own", key.ID, name), signet.ErrUnsupported}
		}
		k.add(key.ID, i.GetOutputPrefixType().String())
	}
	var err error
	if k.aead, err = aead.New(h); err != nil {
		return nil, &KeysetError{-1, "Tink makes no AEAD of it", signet.ErrUnsupported}
	}
	return k, nil
}

// Keys lists all keys, those that are not enabled too. The slice is the caller's.
func (k *Keyset) Keys() []Key { return slices.Clone(k.keys) }

// Format prints types and ids of the keys, for every verb.
func (k *Keyset) Format(f fmt.State, _ rune) {
	io.WriteString(f, "Keyset{")
	for i, key := range k.keys {
		if i > 0 {
			io.WriteString(f, ", ")
		}
		fmt.Fprintf(f, "%s %d", key.Type, key.ID)
	}
	io.WriteString(f, "}")
}

// keyType returns the short name of a key's type, and whether it is an AEAD that works on its own. A KmsEnvelopeAeadKey is not: it names a
// remote key that Tink looks up in its global registry. Use the keyring of that key.
func keyType(url string) (string, bool) {
	name, ok := strings.CutPrefix(url, "type.googleapis.com/google.crypto.tink.")
	switch name {
	case "AesGcmKey", "XAesGcmKey", "AesGcmSivKey", "AesCtrHmacAeadKey", "ChaCha20Poly1305Key", "XChaCha20Poly1305Key":
		return name, ok
	}
	return name, false
}

// add notes what the ciphertexts of an enabled key begin with.
func (k *Keyset) add(id uint32, prefixType string) {
	var p [prefixLen]byte
	binary.BigEndian.PutUint32(p[1:], id)
	switch prefixType {
	case "TINK":
		p[0] = 1
	case "CRUNCHY", "LEGACY":
	default: // RAW
		k.raw = true
		return
	}
	k.prefixes[p] = true
}

// knows reports whether a key could have made the ciphertext, which has more than prefixLen bytes.
func (k *Keyset) knows(ciphertext []byte) bool {
	return k.raw || k.prefixes[[prefixLen]byte(ciphertext[:prefixLen])]
}
