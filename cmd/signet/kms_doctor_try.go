package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // of OAEP
	_ "crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/keyring/kms"
)

const (
	always     = "always"
	severalOf  = "where several keys wrap one data key"
	unlessHeld = "where the URI has no public=FILE"
)

// note keeps the result of one call. A denied Encrypt is no failure.
func (x *examination) note(ctx context.Context, action, needed string, err error) {
	err = kms.Explain(ctx, action, x.id, x.res.Region, x.res.Context, err)
	p := permissionJSON{Action: "kms:" + action, Result: "allowed", Needed: needed}
	if err != nil {
		p.Result, p.Error = "failed", printable(err.Error())
		if errors.Is(err, kms.ErrAccessDenied) {
			p.Result = "denied"
		}
		if (needed != severalOf || p.Result != "denied") && (x.worst == nil || p.Result != "denied") {
			x.worst = err
		}
	}
	x.res.Permissions = append(x.res.Permissions, p)
}

// notTried keeps that a call which is needed could not be tried, so that nobody knows whether the key can be used.
func (x *examination) notTried(action, why string) {
	if x.worst == nil {
		x.worst = fmt.Errorf("%w: kms:%s could not be tried: %s", kms.ErrResponse, action, why)
	}
	x.res.Permissions = append(x.res.Permissions, permissionJSON{Action: "kms:" + action, Result: "not tried", Needed: always, Error: why})
}

// decrypt tries Decrypt on what another call made.
func (x *examination) decrypt(ctx context.Context, in *sdk.DecryptInput) {
	if in.CiphertextBlob == nil {
		x.notTried("Decrypt", "there is nothing to decrypt")
		return
	}
	out, err := x.client.Decrypt(ctx, in)
	if err == nil {
		clear(out.Plaintext)
	}
	x.note(ctx, "Decrypt", always, err)
}

// trySymmetric makes the three calls that keyrings of symmetric keys make.
func (x *examination) trySymmetric(ctx context.Context) {
	pairs, size := x.res.Context, int32(32)
	var blob []byte
	made, err := x.client.GenerateDataKey(ctx, &sdk.GenerateDataKeyInput{KeyId: &x.id, NumberOfBytes: &size, EncryptionContext: pairs})
	if err == nil {
		clear(made.Plaintext)
		blob = made.CiphertextBlob
	}
	x.note(ctx, "GenerateDataKey", always, err)
	sealed, encryptErr := x.client.Encrypt(ctx, &sdk.EncryptInput{KeyId: &x.id, Plaintext: []byte("signet kms doctor"), EncryptionContext: pairs})
	if encryptErr == nil && blob == nil {
		blob = sealed.CiphertextBlob
	}
	x.decrypt(ctx, &sdk.DecryptInput{KeyId: &x.id, CiphertextBlob: blob, EncryptionContext: pairs})
	x.note(ctx, "Encrypt", severalOf, encryptErr)
}

// tryRSA encrypts with the public key, as keyrings do, and has KMS decrypt it. Errors are those of the file that the URI names.
func (x *examination) tryRSA(ctx context.Context, env config.Env) error {
	public, padding, err := x.key.RSAKey(env)
	if err != nil {
		return err
	}
	if public == nil {
		out, err := x.client.GetPublicKey(ctx, &sdk.GetPublicKeyInput{KeyId: &x.id})
		x.note(ctx, "GetPublicKey", unlessHeld, err)
		if err == nil {
			parsed, _ := x509.ParsePKIXPublicKey(out.PublicKey) // without a key of RSA there is nothing to decrypt, which is told
			public, _ = parsed.(*rsa.PublicKey)
		}
	}
	in := &sdk.DecryptInput{KeyId: &x.id, EncryptionAlgorithm: types.EncryptionAlgorithmSpecRsaesOaepSha256}
	hash := crypto.SHA256
	if padding == kms.OAEPSHA1 {
		in.EncryptionAlgorithm, hash = types.EncryptionAlgorithmSpecRsaesOaepSha1, crypto.SHA1
	}
	if public != nil {
		if in.CiphertextBlob, err = rsa.EncryptOAEP(hash.New(), rand.Reader, public, []byte("signet kms doctor"), nil); err != nil {
			return fmt.Errorf("the public key does not encrypt: %w", err)
		}
	}
	x.decrypt(ctx, in)
	return nil
}
