package kms

import (
	"context"
	"errors"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/arn"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// counting answers Encrypt with a ciphertext and counts the calls.
type counting struct {
	API
	calls int
}

func (c *counting) Encrypt(_ context.Context, in *sdk.EncryptInput, _ ...func(*sdk.Options)) (*sdk.EncryptOutput, error) {
	c.calls++
	return &sdk.EncryptOutput{KeyId: in.KeyId, CiphertextBlob: []byte{1}}, nil
}

// TestPlaintextLimit: no suite has keys of that size; whoever uses the provider for more gets an error before the call.
func TestPlaintextLimit(t *testing.T) {
	id, err := arn.ParseID("arn:aws:kms:eu-west-1:111122223333:key/1")
	if err != nil {
		t.Fatal(err)
	}
	c := &counting{}
	p := &symmetric{api: c, id: id}
	r := &keyring.Request{Suite: suite.AES256GCMCommit()}
	if _, err := p.Wrap(t.Context(), r, make([]byte, 4096)); err != nil || c.calls != 1 {
		t.Errorf("4096 bytes: got %v, %d calls", err, c.calls)
	}
	_, err = p.Wrap(t.Context(), r, make([]byte, 4097))
	var limit *keyring.LimitError
	if !errors.Is(err, signet.ErrLimit) || !errors.As(err, &limit) || limit.Got != 4097 || limit.Max != 4096 || c.calls != 1 || !strings.Contains(err.Error(), "package message") {
		t.Errorf("4097 bytes: got %v, %d calls", err, c.calls)
	}
}
