package kms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// kinds are KMS's error codes (AWS KMS API reference, Common Errors, and those of the operations used here).
var kinds = map[string]error{
	"NotFoundException": ErrKeyNotFound, "InvalidArnException": ErrKeyNotFound,
	"DisabledException": ErrKeyDisabled, "KMSInvalidStateException": ErrKeyDisabled,
	"AccessDeniedException": ErrAccessDenied, "AccessDenied": ErrAccessDenied, "InvalidGrantTokenException": ErrAccessDenied,
	"UnrecognizedClientException": ErrCredentials, "InvalidClientTokenId": ErrCredentials, "ExpiredTokenException": ErrCredentials, "ExpiredToken": ErrCredentials,
	"InvalidSignatureException": ErrCredentials, "SignatureDoesNotMatch": ErrCredentials, "MissingAuthenticationTokenException": ErrCredentials,
	"MissingAuthenticationToken": ErrCredentials, "IncompleteSignature": ErrCredentials, "OptInRequired": ErrCredentials, "NotAuthorized": ErrCredentials,
	"ThrottlingException": ErrThrottled, "Throttling": ErrThrottled, "LimitExceededException": ErrThrottled, "RequestLimitExceeded": ErrThrottled,
	"TooManyRequestsException": ErrThrottled, "RequestThrottled": ErrThrottled,
	"InvalidKeyUsageException": ErrInvalidUsage, "UnsupportedOperationException": ErrInvalidUsage,
	"InvalidCiphertextException": ErrInvalidCiphertext, "IncorrectKeyException": ErrIncorrectKey,
	"DependencyTimeoutException": ErrUnavailable, "KMSInternalException": ErrUnavailable, "KeyUnavailableException": ErrUnavailable,
	"InternalFailure": ErrUnavailable, "ServiceUnavailable": ErrUnavailable, "ServiceUnavailableException": ErrUnavailable, "RequestTimeout": ErrUnavailable,
	"XksProxyUriUnreachableException": ErrUnavailable,
}

// classify returns what the server said and the kind of the SDK's error.
func classify(err error) (detail string, kind error) {
	var api smithy.APIError
	if errors.As(err, &api) {
		code := api.ErrorCode()
		if i := strings.LastIndexByte(code, '#'); i >= 0 { // a namespace in front
			code = code[i+1:]
		}
		detail = fmt.Sprintf("%.64s: %.300s", printable(code), printable(api.ErrorMessage()))
		if kind = kinds[code]; kind != nil {
			return detail, kind
		}
		if api.ErrorFault() == smithy.FaultServer || status(err) >= 500 {
			return detail, ErrUnavailable
		}
		return detail, nil
	}
	switch text := err.Error(); {
	case strings.Contains(text, "get identity: "): // the SDK has no type for it
		return "", ErrCredentials
	case status(err) >= 500:
		return fmt.Sprintf("HTTP status %d", status(err)), ErrUnavailable
	case errors.Is(err, io.ErrUnexpectedEOF): // the connection broke within the answer
		return "the answer was cut off", ErrUnavailable
	case status(err) > 0:
		return fmt.Sprintf("HTTP status %d and no answer of KMS's form", status(err)), ErrResponse
	case strings.Contains(text, "not found, ResolveEndpointV2"), strings.Contains(text, "Missing Region"):
		return "no region is configured for the client", nil
	}
	return "no answer", ErrUnavailable
}

func status(err error) int {
	var r *awshttp.ResponseError
	if errors.As(err, &r) && r.Response != nil {
		return r.HTTPStatusCode()
	}
	return 0
}

func requestID(err error) string {
	var r *awshttp.ResponseError
	if errors.As(err, &r) {
		return r.ServiceRequestID()
	}
	return ""
}

func isCanceled(err error) bool {
	var c *aws.RequestCanceledError
	return errors.As(err, &c) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// printable makes a server's text fit for a line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return ' '
		}
		return r
	}, s)
}
