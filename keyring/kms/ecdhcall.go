package kms

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// deriveSharedSecret returns the n bytes that the key of q and the public key, a SubjectPublicKeyInfo, agree on.
func deriveSharedSecret(ctx context.Context, c AgreementAPI, q *request, public []byte, n int, grants []string, o Observer) ([]byte, error) {
	start := time.Now()
	out, callErr := c.DeriveSharedSecret(ctx, &sdk.DeriveSharedSecretInput{
		KeyId: &q.key, KeyAgreementAlgorithm: types.KeyAgreementAlgorithmSpecEcdh, PublicKey: public, GrantTokens: grants,
	})
	var fail *Error
	switch {
	case callErr != nil:
		fail = q.failed(ctx, callErr)
	case out == nil:
		fail = q.wrong("it is empty")
	case aws.ToString(out.KeyId) != q.key:
		fail = q.wrong("it is of key %.256q", aws.ToString(out.KeyId))
	case out.KeyAgreementAlgorithm != types.KeyAgreementAlgorithmSpecEcdh:
		fail = q.wrong("it is by algorithm %.64q", out.KeyAgreementAlgorithm)
	case len(out.SharedSecret) != n:
		fail = q.wrong("the shared secret has %d bytes instead of %d", len(out.SharedSecret), n)
	}
	if fail != nil {
		if out != nil {
			clear(out.SharedSecret)
			fail.answered(idOf(out.ResultMetadata))
		}
		o.told(ctx, q, start, "", fail)
		return nil, fail
	}
	o.told(ctx, q, start, idOf(out.ResultMetadata), nil)
	return out.SharedSecret, nil
}
