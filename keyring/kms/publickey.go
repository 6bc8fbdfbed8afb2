package kms

import (
	"context"
	"crypto/x509"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// maxPublicKey is the length of the longest public key that KMS returns, in bytes (API reference, GetPublicKey).
const maxPublicKey = 8192

// getPublicKey returns the public half of the key that q names, as package x509 reads it, and KMS's description of the key. It has the usage that is
// asked for, or the error says which it has.
func getPublicKey(ctx context.Context, c PublicKeyAPI, q *request, usage types.KeyUsageType, grants []string, o Observer) (any, *sdk.GetPublicKeyOutput, error) {
	start := time.Now()
	out, callErr := c.GetPublicKey(ctx, &sdk.GetPublicKeyInput{KeyId: &q.key, GrantTokens: grants})
	var public any
	var fail *Error
	switch {
	case callErr != nil:
		fail = q.failed(ctx, callErr)
	case out == nil:
		fail = q.wrong("it is empty")
	case aws.ToString(out.KeyId) != q.key:
		fail = q.wrong("it is of key %.256q", aws.ToString(out.KeyId))
	case out.KeyUsage != usage:
		fail = q.unusable(out)
	case len(out.PublicKey) > maxPublicKey:
		fail = q.wrong("the public key has %d bytes", len(out.PublicKey))
	default:
		var err error
		if public, err = x509.ParsePKIXPublicKey(out.PublicKey); err != nil && !knownSpec(out.KeySpec) { // SM2, and what comes
			fail = q.unusable(out)
		} else if err != nil {
			fail = q.wrong("the public key of a key of spec %.64q: %.200s", out.KeySpec, printable(err.Error()))
		}
	}
	if fail != nil {
		if out != nil {
			fail.answered(idOf(out.ResultMetadata))
		}
		o.told(ctx, q, start, "", fail)
		return nil, nil, fail
	}
	o.told(ctx, q, start, idOf(out.ResultMetadata), nil)
	return public, out, nil
}

// knownSpec reports whether KMS gives the public half of such a key in a form that package x509 reads.
func knownSpec(spec types.KeySpec) bool {
	return strings.HasPrefix(string(spec), "RSA_") || strings.HasPrefix(string(spec), "ECC_NIST_")
}

// unusable is the error of a key that is not what the keyring needs.
func (q *request) unusable(out *sdk.GetPublicKeyOutput) *Error {
	e := q.wrong("the key has spec %.64q and usage %.64q", out.KeySpec, out.KeyUsage)
	e.kind, e.RequestID = ErrInvalidUsage, idOf(out.ResultMetadata)
	return e
}
