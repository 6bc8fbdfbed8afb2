package uritext

import (
	"net"
	"net/url"
	"strings"
)

// Loopback reports whether an endpoint, http://HOST:PORT or https://HOST:PORT, is on this machine: an address of loopback, the unspecified address,
// which connects to loopback, localhost, or a name below it (RFC 6761, section 6.3). It does not resolve names.
func Loopback(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}
