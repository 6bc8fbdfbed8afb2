// Command v2side opens keysets with signet's keyring/tink, which links tink-crypto/tink-go/v2. It answers the requests of package tinkv1, a JSON
// array on standard input, with an array on standard output.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/interop/tinkv1"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/tink"
	"github.com/signetkeys/signet/message"
)

func main() {
	var requests []tinkv1.Request
	err := json.NewDecoder(os.Stdin).Decode(&requests)
	responses := []tinkv1.Response{}
	for i := range requests {
		if err != nil {
			break
		}
		var r tinkv1.Response
		r, err = answer(&requests[i])
		responses = append(responses, r)
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(responses)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "v2side:", err)
		os.Exit(1)
	}
}

func answer(r *tinkv1.Request) (res tinkv1.Response, err error) {
	ctx := context.Background()
	keys, err := open(ctx, r)
	if err != nil {
		res.Error, res.Class = err.Error(), class(err)
		return res, nil
	}
	for _, k := range keys.Keys() {
		res.Keys = append(res.Keys, fmt.Sprint(k.Type, " ", k.ID))
	}
	k, err := tink.New(tink.Config{Name: r.Name, Keyset: keys})
	if err != nil {
		return res, err
	}
	for _, m := range r.Messages {
		plaintext, _, err := message.Decrypt(ctx, k, m)
		if err != nil {
			plaintext = nil
		}
		res.Plaintexts = append(res.Plaintexts, plaintext)
	}
	res.Message, err = message.Encrypt(ctx, k, r.Plaintext, nil)
	return res, err
}

func class(err error) string {
	switch {
	case errors.Is(err, signet.ErrAuthentication):
		return "authentication"
	case errors.Is(err, signet.ErrMalformed):
		return "malformed"
	case errors.Is(err, signet.ErrUnsupported):
		return "unsupported"
	}
	return "other"
}

func open(ctx context.Context, r *tinkv1.Request) (*tink.Keyset, error) {
	switch {
	case r.KEKKeyset != nil:
		h, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(r.KEKKeyset)))
		if err != nil {
			return nil, err
		}
		kek, err := aead.New(h)
		if err != nil {
			return nil, err
		}
		return tink.Parse(ctx, r.Keyset, kek, r.AssociatedData)
	case r.KEKRaw != nil:
		k, err := raw.NewAES(raw.AESConfig{Namespace: "tinkv1", Name: "kek", Key: r.KEKRaw})
		if err != nil {
			return nil, err
		}
		kek, err := message.NewAEAD(keyring.NewManager(k), nil)
		if err != nil {
			return nil, err
		}
		return tink.Parse(ctx, r.Keyset, kek, r.AssociatedData)
	}
	return tink.ParseCleartextInsecure(r.Keyset)
}
