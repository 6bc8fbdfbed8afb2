package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/config/all"
	"github.com/signetkeys/signet/internal/wire"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/message"
)

// coverageJSON says which of the keyrings given with -k have a data key in a message.
type coverageJSON struct {
	Keyrings []coveredJSON `json:"keyrings"`
	Missing  int           `json:"missing"` // keyrings without a data key in the message
}

type coveredJSON struct {
	URI     string `json:"uri"`
	State   string `json:"state"`
	DataKey *int   `json:"data_key,omitempty"`
	Error   string `json:"error,omitempty"`
}

// States of a keyring.
const (
	keyOpens   = "opens"
	keyHas     = "has a data key" // that it did not open, or that it cannot open
	keyMissing = "missing"
	keyUnknown = "unknown" // it could not be asked
)

// coverage asks each keyring for a data key in the message. given are pairs that the message does not store.
func (a *app) coverage(ctx context.Context, h *message.UnverifiedHeader, given keyring.EncryptionContext) (*coverageJSON, error) {
	ec, _, err := keyring.MergeContext(h.Context, given)
	if err != nil {
		return nil, err
	}
	r, err := keyring.NewRequest(h.Suite, ec)
	if err != nil {
		return nil, err
	}
	c := new(coverageJSON)
	mux := all.Mux()
	for _, uri := range a.keyrings {
		var k coveredJSON
		o, err := mux.Open(ctx, uri, a.env())
		switch {
		case err == nil:
			k = askKeyring(ctx, o, r, h.EDKs)
			_ = o.Close()
		case errors.Is(err, signet.ErrUnavailable), errors.Is(err, signet.ErrThrottled):
			k = coveredJSON{State: keyUnknown, Error: err.Error()}
		default:
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		k.URI, k.Error = printable(mux.Redact(uri)), printable(k.Error)
		if k.State == keyMissing {
			c.Missing++
		}
		c.Keyrings = append(c.Keyrings, k)
	}
	return c, nil
}

// askKeyring lets a keyring open the message. A data key that it passes over is not its own; any other is.
func askKeyring(ctx context.Context, k *config.Opened, r *keyring.Request, edks []keyring.EncryptedDataKey) coveredJSON {
	u, err := k.OnDecrypt(ctx, r, edks)
	if err == nil {
		u.DataKey.Destroy()
		u.SigningKey.Destroy()
		return coveredJSON{State: keyOpens, DataKey: &u.Used}
	}
	var ue *keyring.UnwrapError
	if !errors.As(err, &ue) {
		return coveredJSON{State: keyUnknown, Error: err.Error()}
	}
	var skip *keyring.Skip
	for i := range ue.Attempts {
		if a := &ue.Attempts[i]; a.EDK >= 0 && !errors.As(a.Err, &skip) {
			return coveredJSON{State: keyHas, DataKey: &a.EDK, Error: a.Err.Error()}
		}
	}
	for i := range ue.Attempts {
		switch a := &ue.Attempts[i]; {
		case errors.As(a.Err, &skip):
		case errors.Is(a.Err, signet.ErrPolicy) && k.CanEncrypt():
			return askEncryptOnly(ctx, k, r, edks)
		default:
			return coveredJSON{State: keyUnknown, Error: a.Err.Error()}
		}
	}
	return coveredJSON{State: keyMissing}
}

// askEncryptOnly finds the data key of a keyring that cannot decrypt: it wraps a key that nobody needs and compares the names.
func askEncryptOnly(ctx context.Context, k *config.Opened, r *keyring.Request, edks []keyring.EncryptedDataKey) coveredJSON {
	key := keyring.RandomSecret(r.Suite.DataKeyLen())
	defer key.Destroy()
	w, err := k.OnEncrypt(ctx, r, key)
	if err != nil {
		return coveredJSON{State: keyUnknown, Error: err.Error()}
	}
	for i := range edks {
		if slices.ContainsFunc(w.EDKs, func(e keyring.EncryptedDataKey) bool { return sameKey(&e, &edks[i]) }) {
			return coveredJSON{State: keyHas, DataKey: &i, Error: "this keyring is encrypt-only"}
		}
	}
	return coveredJSON{State: keyMissing}
}

// sameKey reports whether two encrypted data keys name the same wrapping key.
func sameKey(a, b *keyring.EncryptedDataKey) bool {
	if a.ProviderID != b.ProviderID {
		return false
	}
	if bytes.Equal(a.ProviderInfo, b.ProviderInfo) {
		return true
	}
	one, ok := wire.AESKeyName(a.ProviderInfo)
	two, ok2 := wire.AESKeyName(b.ProviderInfo)
	if ok && ok2 {
		return one == two
	}
	recipient, ok := ecdhRecipient(a)
	other, ok2 := ecdhRecipient(b)
	return ok && ok2 && bytes.Equal(recipient, other)
}

// ecdhRecipient is the recipient's public key in the provider information of the ECDH keyrings; the sender's may differ every time.
func ecdhRecipient(e *keyring.EncryptedDataKey) ([]byte, bool) {
	if e.ProviderID != "raw-ecdh" && e.ProviderID != "aws-kms-ecdh" || len(e.ProviderInfo) < 5 {
		return nil, false
	}
	n, rest := binary.BigEndian.Uint32(e.ProviderInfo[1:]), e.ProviderInfo[5:]
	if uint64(n) > uint64(len(rest)) {
		return nil, false
	}
	return rest[:n], true
}

func (c *coverageJSON) write(line func(string, string, ...any)) {
	for i, k := range c.Keyrings {
		line(fmt.Sprintf("keyring %d", i), "%s: %s", k.URI, k.text())
	}
}

func (k *coveredJSON) text() string {
	switch k.State {
	case keyOpens:
		return fmt.Sprintf("opens data key %d", *k.DataKey)
	case keyHas:
		return fmt.Sprintf("has data key %d: %s", *k.DataKey, k.Error)
	case keyMissing:
		return "has NO data key here: it cannot open this message"
	}
	return "unknown: " + k.Error
}
