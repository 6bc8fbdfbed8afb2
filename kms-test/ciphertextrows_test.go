package kmstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
)

// Rows about the encryption context.
func contextRows() []row {
	var out []row
	for _, c := range []struct {
		name     string
		ec       keyring.EncryptionContext
		deviates map[string]string
	}{
		{name: "wrong value", ec: keyring.EncryptionContext{"a": "1", "ab": "d"}},
		{name: "missing pair", ec: keyring.EncryptionContext{"a": "1"}},
		{name: "no context", ec: nil},
		{name: "extra pair", ec: keyring.EncryptionContext{"a": "1", "ab": "c", "z": ""}},
		{name: "other case", ec: keyring.EncryptionContext{"a": "1", "AB": "c"}},
		{name: "a letter on the other side", ec: keyring.EncryptionContext{"a": "1", "abc": ""}, deviates: map[string]string{
			localKMS: "joins names and values without lengths",
			moto:     "joins names and values without lengths",
		}},
	} {
		out = append(out, row{name: "context: " + c.name, deviates: c.deviates, run: func(ctx context.Context, s *server) error {
			k, _, err := s.strict(ctx)
			if err != nil {
				return err
			}
			d, err := seal(ctx, k, keyring.EncryptionContext{"a": "1", "ab": "c"})
			if err != nil {
				return err
			}
			return first(
				func() error { return d.open(ctx, k) },
				func() error {
					return refused(d.in(c.ec).open(ctx, k), signet.ErrNoKey, signet.ErrAuthentication, kms.ErrInvalidCiphertext)
				},
			)
		}})
	}
	return out
}

// Rows about what a data key's ciphertext may be.
func ciphertextRows() []row {
	damage := func(where func(n int) int, class ...error) func(context.Context, *server) error {
		return func(ctx context.Context, s *server) error {
			k, _, err := s.strict(ctx)
			if err != nil {
				return err
			}
			d, err := seal(ctx, k, pairs())
			if err != nil {
				return err
			}
			d = d.changed(func(e *keyring.EncryptedDataKey) { e.Ciphertext[where(len(e.Ciphertext))] ^= 1 })
			return refused(d.open(ctx, k), append(class, signet.ErrNoKey)...)
		}
	}
	return []row{
		{name: "last byte changed", run: damage(func(n int) int { return n - 1 }, signet.ErrAuthentication, kms.ErrInvalidCiphertext), deviates: map[string]string{
			miniStack: "does not authenticate ciphertexts",
		}},
		{name: "byte in the middle changed", run: damage(func(n int) int { return n * 3 / 4 }, signet.ErrAuthentication, kms.ErrInvalidCiphertext), deviates: map[string]string{
			miniStack: "does not authenticate ciphertexts",
		}},
		{name: "byte of the key's name changed", run: damage(func(int) int { return 8 }), deviates: map[string]string{
			localKMS: "does not look at it when KeyId is sent", miniStack: "does not look at it when KeyId is sent",
		}},
		{name: "6144 bytes are asked about", run: longest},
		{name: "6145 bytes are refused before the call", run: tooLong},
		{name: "service: 4096 bytes and no more", run: plaintextLimit, deviates: map[string]string{
			miniStack: "encrypts any number of bytes",
		}},
	}
}

// sized is a data key of n bytes under a key that exists, and a keyring that counts its requests.
func sized(ctx context.Context, s *server, n int) (*sealed, keyring.Keyring, *calls, error) {
	k, arn, err := s.strict(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	d, err := seal(ctx, k, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	d = d.changed(func(e *keyring.EncryptedDataKey) {
		e.Ciphertext = append(e.Ciphertext, bytes.Repeat([]byte{0}, n-len(e.Ciphertext))...)
	})
	c := &calls{}
	counting, err := kms.New(ctx, kms.Config{KeyID: arn, Client: sdk.New(s.client(homeRegion).Options(), c.option)})
	return d, counting, c, err
}

func longest(ctx context.Context, s *server) error {
	d, k, c, err := sized(ctx, s, 6144)
	if err != nil {
		return err
	}
	if err := refused(d.open(ctx, k), signet.ErrNoKey); err != nil {
		return err
	}
	if c.count("Decrypt") == 0 {
		return errors.New("the keyring did not ask")
	}
	return nil
}

func tooLong(ctx context.Context, s *server) error {
	d, k, c, err := sized(ctx, s, 6145)
	if err != nil {
		return err
	}
	if err := refused(d.open(ctx, k), signet.ErrNoKey, signet.ErrLimit); err != nil {
		return err
	}
	if len(c.ops) > 0 {
		return fmt.Errorf("the keyring called %v", c)
	}
	return nil
}

// plaintextLimit is the service's own: signet's data keys have 32 bytes at most.
func plaintextLimit(ctx context.Context, s *server) error {
	arn, err := s.newKey(ctx, nil)
	if err != nil {
		return err
	}
	client := s.client(homeRegion)
	if _, err := client.Encrypt(ctx, &sdk.EncryptInput{KeyId: &arn, Plaintext: make([]byte, 4096)}); err != nil {
		return err
	}
	_, err = client.Encrypt(ctx, &sdk.EncryptInput{KeyId: &arn, Plaintext: make([]byte, 4097)})
	if err == nil {
		return errors.New("4097 bytes are encrypted")
	}
	var refusal smithy.APIError
	if !errors.As(err, &refusal) || refusal.ErrorCode() != "ValidationException" {
		return fmt.Errorf("4097 bytes: %w", err)
	}
	return nil
}

// option counts each request that a client sends.
func (c *calls) option(o *sdk.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("count", func(ctx context.Context, in middleware.FinalizeInput,
			next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
			c.mu.Lock()
			c.ops = append(c.ops, awsmiddleware.GetOperationName(ctx))
			c.mu.Unlock()
			return next.HandleFinalize(ctx, in)
		}), middleware.After)
	})
}
