package kms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"unicode"

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
	"MissingAuthenticationToken": ErrCredentials, "IncompleteSignature": ErrCredentials, "OptInRequired": ErrCredentials, "NotAuthorized": ErrCredentials, "RequestExpired": ErrCredentials,
	"ThrottlingException": ErrThrottled, "Throttling": ErrThrottled, "LimitExceededException": ErrThrottled, "RequestLimitExceeded": ErrThrottled,
	"TooManyRequestsException": ErrThrottled, "RequestThrottled": ErrThrottled,
	"InvalidKeyUsageException": ErrInvalidUsage, "UnsupportedOperationException": ErrInvalidUsage,
	"InvalidCiphertextException": ErrInvalidCiphertext, "IncorrectKeyException": ErrIncorrectKey,
	"DependencyTimeoutException": ErrUnavailable, "KMSInternalException": ErrUnavailable, "KeyUnavailableException": ErrUnavailable,
	"InternalFailure": ErrUnavailable, "ServiceUnavailable": ErrUnavailable, "ServiceUnavailableException": ErrUnavailable, "RequestTimeout": ErrUnavailable,
	"RequestTimeoutException":         ErrUnavailable,
	"XksProxyUriUnreachableException": ErrUnavailable,
}

// classify returns the kind of the SDK's error and what is known of its cause.
func (q *request) classify(err error) (detail string, kind error) {
	if noIdentity(err) {
		return identity(err)
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		code := codeOf(api)
		if kind = kinds[code]; kind == nil && (api.ErrorFault() == smithy.FaultServer || status(err) >= 500) {
			kind = ErrUnavailable
		}
		return q.said(api), kind
	}
	var connect *net.OpError
	switch text := err.Error(); {
	case status(err) >= 500:
		return fmt.Sprintf("HTTP status %d", status(err)), ErrUnavailable
	case errors.Is(err, io.ErrUnexpectedEOF): // the connection broke within the answer
		return "the answer was cut off", ErrUnavailable
	case status(err) > 0:
		return fmt.Sprintf("HTTP status %d and no answer of KMS's form", status(err)), ErrResponse
	case strings.Contains(text, "not found, ResolveEndpointV2"), strings.Contains(text, "Missing Region"):
		return "no region is configured for the client", nil
	case errors.As(err, &connect): // address and reason
		return fmt.Sprintf("no answer: %.200s", printable(connect.Error())), ErrUnavailable
	}
	return "no answer", ErrUnavailable
}

// noIdentity reports whether the SDK got no credentials, so that nothing was sent to KMS. It has no type for that. What is below it may be an
// answer of another service, AWS STS, whose codes mean other things.
func noIdentity(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if strings.HasPrefix(err.Error(), "get identity: ") {
			return true
		}
	}
	return false
}

// identity says why there are no credentials: what the service that gives them said, or that it did not answer. The machine's metadata service does
// not answer where there is none, which means that there are no credentials. Other texts of credential providers are not known well enough to be shown.
func identity(err error) (detail string, kind error) {
	who, service := "the credential provider", ""
	var op *smithy.OperationError
	for e := err; errors.As(e, &op); e = op.Err { // the innermost
		service = op.Service()
		who = service + " " + op.Operation()
	}
	var api smithy.APIError
	var silent net.Error
	switch {
	case errors.As(err, &api):
		return fmt.Sprintf("%.64s: %.64s", printable(who), printable(codeOf(api))), ErrCredentials
	case errors.As(err, &silent) && service != "" && service != "KMS" && service != "ec2imds":
		return fmt.Sprintf("%.64s: no answer", printable(who)), ErrUnavailable
	}
	return "", ErrCredentials
}

func codeOf(api smithy.APIError) string {
	code := api.ErrorCode()
	return code[strings.LastIndexByte(code, '#')+1:] // without a namespace in front
}

// said is a service's code and text for one line. It may repeat what it was sent; then its text is left out, and a code that is not one of KMS's too.
func (q *request) said(api smithy.APIError) string {
	code, text := codeOf(api), printable(api.ErrorMessage())
	if kinds[code] == nil && q.repeated(code) {
		return "the code and text of the answer are left out, because they repeat what was sent"
	}
	if q.repeated(api.ErrorMessage()) {
		text = "(the text is left out, because it repeats what was sent)"
	}
	if text == "" {
		return fmt.Sprintf("%.64s", printable(code))
	}
	return fmt.Sprintf("%.64s: %.300s", printable(code), text)
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
	if !noIdentity(err) && errors.As(err, &r) {
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
		if r == '\uFFFD' || !unicode.IsPrint(r) { // terminals obey some of those
			return ' '
		}
		return r
	}, s)
}
