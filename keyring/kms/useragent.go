package kms

import (
	"context"
	"runtime/debug"
	"strings"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// userAgent puts "AwsCryptographicMPL/Go/signet-VERSION" at the end of the user agent (specification, aws-kms-keyring: user agent). The SDK's own
// functions for that would replace its slashes.
func userAgent() func(*middleware.Stack) error {
	agent := " AwsCryptographicMPL/Go/signet-" + version()
	return func(stack *middleware.Stack) error {
		return stack.Build.Add(middleware.BuildMiddlewareFunc("signetUserAgent",
			func(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
				if q, ok := in.Request.(*smithyhttp.Request); ok {
					q.Header.Set("User-Agent", q.Header.Get("User-Agent")+agent)
				}
				return next.HandleBuild(ctx, in)
			}), middleware.After)
	}
}

// version is signet's, as the program was built with.
func version() string {
	const module = "github.com/signetkeys/signet"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module && m.Version != "" {
			return strings.Trim(m.Version, "()")
		}
	}
	return "unknown"
}
