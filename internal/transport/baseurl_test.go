// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"net/url"
	"strings"
	"testing"
)

// addresses is also the seed of the fuzz test.
var addresses = map[string]struct {
	address  string
	insecure bool
	want     string
	err      string
}{
	"an address":                                {"https://host/base", false, "https://host/base", ""},
	"trailing slashes are removed":              {"https://host/base//", false, "https://host/base", ""},
	"a host without a path":                     {"https://host/", false, "https://host", ""},
	"a port is kept":                            {"https://host:8443/base", false, "https://host:8443/base", ""},
	"scheme and host become lower case":         {"HTTPS://Host.Example/Base", false, "https://host.example/Base", ""},
	"an IPv6 address":                           {"https://[2001:DB8::1]:8443/base", false, "https://[2001:db8::1]:8443/base", ""},
	"an escape in the path is kept":             {"https://host/a%2Fb", false, "https://host/a%2Fb", ""},
	"http to this machine by name":              {"http://localhost:8080/base", false, "http://localhost:8080/base", ""},
	"http to this machine by number":            {"http://127.0.0.1:8080", false, "http://127.0.0.1:8080", ""},
	"http to this machine by IPv6":              {"http://[::1]:8080", false, "http://[::1]:8080", ""},
	"http if it is permitted":                   {"http://host/base", true, "http://host/base", ""},
	"http to another host":                      {"http://host/base", false, "", insecureText},
	"http to a name that begins with localhost": {"http://localhost.evil.example", false, "", insecureText},
	"http to a name that begins with 127.0.0.1": {"http://127.0.0.1.evil.example", false, "", insecureText},
	"http to all addresses of this machine":     {"http://0.0.0.0", false, "", insecureText},
	"surrounding spaces":                        {" https://host/base \t", false, "https://host/base", ""},
	"a space after the slash":                   {"https://host/base/ ", false, "https://host/base", ""},
	"a trailing line break":                     {"https://host/base\r\n", false, "https://host/base", ""},
	"the highest port":                          {"https://host:65535", false, "https://host:65535", ""},
	"a port that is too high":                   {"https://host:99999", false, "", "has a port that is not between 1 and 65535"},
	"a port of many digits":                     {"https://host:443443443443443443443443", false, "", "has a port that is not between 1 and 65535"},
	"port 0":                                    {"https://host:0", false, "", "has a port that is not between 1 and 65535"},
	"nothing":                                   {"", false, "", "must start with https://"},
	"a host without a scheme":                   {"host/base", false, "", "must start with https://"},
	"a host and port without a scheme":          {"host:8443", false, "", "must start with https://"},
	"another scheme":                            {"ftp://host", true, "", "must start with https://"},
	"a file":                                    {"file:///etc/passwd", true, "", "must start with https://"},
	"no host":                                   {"https:///base", false, "", "has no host"},
	"a port without a host":                     {"https://:443/base", false, "", "has no host"},
	"no slashes":                                {"https:host", false, "", "has no host"},
	"a user":                                    {"https://user@host", false, "", "must not contain a username or password"},
	"a password":                                {"https://user:hunter22@host", false, "", "must not contain a username or password"},
	"an empty user":                             {"https://@host", false, "", "must not contain a username or password"},
	"a query":                                   {"https://host?a=b", false, "", "must not have a query or a fragment"},
	"an empty query":                            {"https://host?", false, "", "must not have a query or a fragment"},
	"a fragment":                                {"https://host#a", false, "", "must not have a query or a fragment"},
	"an empty fragment":                         {"https://host/#", false, "", "must not have a query or a fragment"},
	"a space in the host":                       {"https://ho st", false, "", "is not a valid URL"},
	"a port that is a word":                     {"https://host:https", false, "", "is not a valid URL"},
	"a password that can't be parsed":           {"https://user:hunter%zz22@host", false, "", "is not a valid URL"},
	"a line break":                              {"https://host/\nbase", false, "", "is not a valid URL"},
}

const insecureText = "must start with https://, because http:// sends credentials unencrypted (to permit it, set allow_insecure_http = true in the provider block)"

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for name, row := range addresses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := BaseURL(row.address, row.insecure)
			same(t, "address", row.want, got)
			same(t, "error", row.err, textOf(err))
		})
	}
}

func FuzzBaseURL(f *testing.F) {
	for _, row := range addresses {
		f.Add(row.address, row.insecure)
	}
	f.Fuzz(func(t *testing.T, address string, insecure bool) {
		got, err := BaseURL(address, insecure)
		if err != nil {
			return
		}
		again, err := BaseURL(got, insecure)
		if err != nil || again != got {
			t.Fatalf("%q becomes %q, and that %q, %v", address, got, again, err)
		}
		before, _ := url.Parse(strings.TrimSpace(address)) // BaseURL parsed it
		after, err := url.Parse(got)
		if err != nil {
			t.Fatalf("%q becomes %q: %v", address, got, err)
		}
		if !strings.EqualFold(before.Host, after.Host) {
			t.Errorf("%q becomes %q, which is another host", address, got)
		}
		if after.User != nil || strings.ContainsAny(got, "?#") || strings.HasSuffix(got, "/") {
			t.Errorf("%q becomes %q", address, got)
		}
		if after.Scheme != "https" && !insecure && !loopback(after.Hostname()) {
			t.Errorf("%q becomes %q, which is unencrypted", address, got)
		}
		whole, err := url.Parse(got + "/path?url=%2Fa")
		if err != nil || whole.Host != after.Host || whole.RawQuery != "url=%2Fa" {
			t.Errorf("a path after %q makes %v, %v", got, whole, err)
		}
	})
}
