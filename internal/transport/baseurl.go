// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

// BaseURL checks an address and returns it without surrounding spaces and
// trailing slashes. The scheme must be https, except for this machine or if
// insecure is true, because http sends credentials unencrypted. The error does
// not contain the address, which may include a password.
func BaseURL(address string, insecure bool) (string, error) {
	address = strings.TrimSpace(address)
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return "", errors.New("is not a valid URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return "", errors.New("must start with https://")
	case u.Hostname() == "":
		return "", errors.New("has no host")
	case checkPort(u) != nil:
		return "", checkPort(u)
	case u.User != nil:
		return "", errors.New("must not contain a username or password")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(address, "#"):
		return "", errors.New("must not have a query or a fragment")
	case u.Scheme == "http" && !insecure && !loopback(u.Hostname()):
		return "", errors.New("must start with https://, because http:// sends credentials unencrypted (to permit it, set allow_insecure_http = true in the provider block)")
	}
	u.Host = strings.ToLower(u.Host)
	return strings.TrimRight(u.String(), "/"), nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
