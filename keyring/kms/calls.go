package kms

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/signetkeys/signet/internal/arn"
)

// The calls, each with the checks of its answer. What an answer has in the clear is wiped when the answer is refused.

func generate(ctx context.Context, c EncryptAPI, q *request, n int, grants []string, o Observer) (key, blob []byte, keyARN string, err error) {
	start := time.Now()
	size := int32(n)
	out, callErr := c.GenerateDataKey(ctx, &sdk.GenerateDataKeyInput{KeyId: &q.key, NumberOfBytes: &size, EncryptionContext: q.context, GrantTokens: grants})
	var fail *Error
	switch {
	case callErr != nil:
		fail = q.failed(ctx, callErr)
	case out == nil:
		fail = q.wrong("it is empty")
	default:
		if fail = q.checkWrapped(out.KeyId, out.CiphertextBlob); fail == nil && len(out.Plaintext) != n {
			fail = q.wrong("the data key has %d bytes instead of %d", len(out.Plaintext), n)
		}
	}
	if fail != nil {
		if out != nil {
			clear(out.Plaintext)
			fail.answered(idOf(out.ResultMetadata))
		}
		o.told(ctx, q, start, "", fail)
		return nil, nil, "", fail
	}
	o.told(ctx, q, start, idOf(out.ResultMetadata), nil)
	return out.Plaintext, out.CiphertextBlob, *out.KeyId, nil
}

func encrypt(ctx context.Context, c EncryptAPI, q *request, plaintext []byte, grants []string, o Observer) (blob []byte, keyARN string, err error) {
	start := time.Now()
	q.plaintext = plaintext
	out, callErr := c.Encrypt(ctx, &sdk.EncryptInput{KeyId: &q.key, Plaintext: plaintext, EncryptionContext: q.context, GrantTokens: grants})
	var fail *Error
	switch {
	case callErr != nil:
		fail = q.failed(ctx, callErr)
	case out == nil:
		fail = q.wrong("it is empty")
	default:
		fail = q.checkWrapped(out.KeyId, out.CiphertextBlob)
	}
	if fail != nil {
		if out != nil {
			fail.answered(idOf(out.ResultMetadata))
		}
		o.told(ctx, q, start, "", fail)
		return nil, "", fail
	}
	o.told(ctx, q, start, idOf(out.ResultMetadata), nil)
	return out.CiphertextBlob, *out.KeyId, nil
}

// decrypt opens blob under the key that q names; n is the length that the opened bytes must have, 0 for any.
func decrypt(ctx context.Context, c DecryptAPI, q *request, in *sdk.DecryptInput, n int, o Observer) ([]byte, error) {
	start := time.Now()
	in.KeyId = &q.key
	out, callErr := c.Decrypt(ctx, in)
	var fail *Error
	switch {
	case callErr != nil:
		fail = q.failed(ctx, callErr)
	case out == nil:
		fail = q.wrong("it is empty")
	case aws.ToString(out.KeyId) != q.key:
		fail = q.wrong("it is of key %.256q", aws.ToString(out.KeyId))
	case len(out.Plaintext) == 0 || n > 0 && len(out.Plaintext) != n:
		fail = q.wrong("the plaintext has %d bytes instead of %d", len(out.Plaintext), n)
	}
	if fail != nil {
		if out != nil {
			clear(out.Plaintext)
			fail.answered(idOf(out.ResultMetadata))
		}
		o.told(ctx, q, start, "", fail)
		return nil, fail
	}
	o.told(ctx, q, start, idOf(out.ResultMetadata), nil)
	return out.Plaintext, nil
}

// describe returns the ARN of the key that q names, and refuses one that is known to be of another kind than these keyrings need.
func describe(ctx context.Context, c DescribeAPI, q *request, grants []string, o Observer) (keyARN string, err error) {
	start := time.Now()
	out, callErr := c.DescribeKey(ctx, &sdk.DescribeKeyInput{KeyId: &q.key, GrantTokens: grants})
	var fail *Error
	switch {
	case callErr != nil:
		fail = q.failed(ctx, callErr)
	case out == nil || out.KeyMetadata == nil || out.KeyMetadata.Arn == nil:
		fail = q.wrong("it has no ARN of a key")
	default:
		if m := out.KeyMetadata; m.KeySpec != "" && m.KeySpec != types.KeySpecSymmetricDefault || m.KeyUsage != "" && m.KeyUsage != types.KeyUsageTypeEncryptDecrypt {
			fail = q.wrong("the key has spec %.64q and usage %.64q", m.KeySpec, m.KeyUsage)
			fail.kind, fail.spec = ErrInvalidUsage, fail.detail
		}
	}
	if fail != nil {
		if out != nil {
			fail.answered(idOf(out.ResultMetadata))
		}
		o.told(ctx, q, start, "", fail)
		return "", fail
	}
	o.told(ctx, q, start, idOf(out.ResultMetadata), nil)
	return *out.KeyMetadata.Arn, nil
}

// checkWrapped checks what GenerateDataKey and Encrypt return in the same way: the ARN of the key asked for, and a ciphertext that Decrypt takes.
func (q *request) checkWrapped(keyID *string, blob []byte) *Error {
	got, err := arn.Parse(aws.ToString(keyID))
	switch {
	case err != nil || !got.IsKey():
		return q.wrong("%.256q is not the ARN of a key", aws.ToString(keyID))
	case len(blob) == 0 || len(blob) > maxCiphertext:
		return q.wrong("the ciphertext has %d bytes and must have 1 to %d", len(blob), maxCiphertext)
	}
	if want, err := arn.Parse(q.key); err == nil && want.IsKey() && want != got {
		return q.wrong("it is of key %.256q", got)
	}
	return nil
}
