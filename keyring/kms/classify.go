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

// classify returns the kind of the SDK's error and what the server said.
func classify(err error) (kind error, detail string) {
	var api smithy.APIError
	if errors.As(err, &api) {
		code := api.ErrorCode()
		if i := strings.LastIndexByte(code, '#'); i >= 0 { // a namespace in front
			code = code[i+1:]
		}
		detail = fmt.Sprintf("%.64s: %.300s", printable(code), printable(api.ErrorMessage()))
		if kind = kinds[code]; kind != nil {
			return kind, detail
		}
		if api.ErrorFault() == smithy.FaultServer || status(err) >= 500 {
			return ErrUnavailable, detail
		}
		return nil, detail
	}
	switch text := err.Error(); {
	case strings.Contains(text, "get identity: "): // the SDK has no type for it
		return ErrCredentials, ""
	case status(err) >= 500:
		return ErrUnavailable, fmt.Sprintf("HTTP status %d", status(err))
	case errors.Is(err, io.ErrUnexpectedEOF): // the connection broke within the answer
		return ErrUnavailable, "the answer was cut off"
	case status(err) > 0:
		return ErrResponse, fmt.Sprintf("HTTP status %d and no answer of KMS's form", status(err))
	case strings.Contains(text, "not found, ResolveEndpointV2"), strings.Contains(text, "Missing Region"):
		return nil, "no region is configured for the client"
	}
	return ErrUnavailable, "no answer"
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
