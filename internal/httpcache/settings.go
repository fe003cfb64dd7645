// SPDX-License-Identifier: MPL-2.0

package httpcache

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/cachepurge/terraform-provider-purge/internal/urlpath"
)

// The texts of the errors below follow the name of an argument, without a trailing
// period.

var (
	token = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") // RFC 9110, 5.6.2
	label = regexp.MustCompile(`^[0-9a-z_]([0-9a-z_-]{0,61}[0-9a-z_])?$`)
)

// Method checks the method of a purge.
func Method(method string) (string, error) {
	switch {
	case method == http.MethodConnect:
		return "", errors.New("must not be CONNECT, which is for proxies")
	case method != "" && !token.MatchString(method):
		return "", errors.New("must be the name of an HTTP method, such as PURGE")
	}
	return method, nil
}

// PathPrefix checks a prefix of the path of the content, and returns it encoded
// and without a trailing slash.
func PathPrefix(prefix string) (string, error) {
	trimmed := strings.TrimRight(prefix, "/")
	if trimmed == "" {
		return "", nil
	}
	encoded, err := urlpath.Encode(trimmed)
	switch {
	case trimmed[0] != '/':
		return "", errors.New("must start with a slash")
	case err != nil || strings.Contains(encoded, "?"): // the text of err quotes the prefix
		return "", errors.New("must be a path such as /purge, without a query, a fragment, or a wildcard")
	}
	return encoded, nil
}

// Host checks the Host header of the content, a name or an IP address with an
// optional port. It returns the header in lower case, as caches compare it.
func Host(host string) (string, error) {
	lower := strings.ToLower(host)
	name, port, hasPort := cutPort(lower)
	switch {
	case host == "":
		return "", errors.New("must not be empty")
	case strings.Contains(host, "://"):
		return "", errors.New("must be a host without a scheme, such as www.example.com")
	case strings.ContainsAny(host, "/?#"):
		return "", errors.New("must be a host without a path, such as www.example.com")
	case strings.Contains(host, "@"):
		return "", errors.New("must not contain a username")
	case strings.Contains(host, "*"):
		return "", errors.New("must be one host. A wildcard is not supported")
	case strings.ContainsFunc(host, func(r rune) bool { return r > '~' }):
		return "", errors.New("must be in the ASCII form of the name, such as xn--bcher-kva.example")
	case strings.HasSuffix(name, "."):
		return "", errors.New("must not end in a dot, because visitors do not send it")
	case hasPort && !validPort(port):
		return "", errors.New("has an invalid port")
	case !validName(name):
		return "", errors.New("must be a host such as www.example.com, with an optional port")
	}
	return lower, nil
}

// cutPort cuts the port from a host. Colons in brackets belong to an IPv6 address.
func cutPort(host string) (name, port string, found bool) {
	i := strings.LastIndexByte(host, ':')
	if i < strings.LastIndexByte(host, ']') || i < 0 {
		return host, "", false
	}
	return host[:i], host[i+1:], true
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

func validName(name string) bool {
	if inner, ok := strings.CutPrefix(name, "["); ok {
		address, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return err == nil && address.Is6() && address.Zone() == "" && strings.HasSuffix(inner, "]")
	}
	if net.ParseIP(name) != nil {
		return !strings.Contains(name, ":")
	}
	for part := range strings.SplitSeq(name, ".") {
		if !label.MatchString(part) {
			return false
		}
	}
	return len(name) <= 253
}
