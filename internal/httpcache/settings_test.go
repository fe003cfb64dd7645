// SPDX-License-Identifier: MPL-2.0

package httpcache_test

import (
	"strings"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/httpcache"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 64)
	for name, test := range map[string]struct {
		check func(string) (string, error)
		good  map[string]string
		bad   map[string]string // part of the error
	}{
		"Host": {
			httpcache.Host,
			map[string]string{
				"www.example.com": "www.example.com", "WWW.Example.COM:8080": "www.example.com:8080", "localhost": "localhost",
				"10.0.0.1": "10.0.0.1", "[2001:DB8::1]:80": "[2001:db8::1]:80", "my_host": "my_host", "xn--bcher-kva.example": "xn--bcher-kva.example",
			},
			map[string]string{
				"": "empty", "https://www.example.com": "without a scheme", "www.example.com/a": "without a path", "www.example.com?a": "without a path",
				"u@www.example.com": "username", "*.example.com": "wildcard", "bücher.example": "ASCII form", "www.example.com.": "dot",
				"www.example.com.:80": "dot", "www.example.com:": "port", "www.example.com:0": "port", "www.example.com:65536": "port", "www.example.com:http": "port",
				"2001:db8::1": "host such as", "[www.example.com]": "host such as", "[::1": "host such as", "a b": "host such as",
				"a..b": "host such as", "-a.b": "host such as", "a\nb": "host such as", long + ".com": "host such as", "[fe80::1%25eth0]": "host such as",
				":80": "host such as", strings.Repeat("a.", 127) + "aa": "host such as",
			},
		},
		"Method": {
			httpcache.Method,
			map[string]string{"": "", "PURGE": "PURGE", "purge": "purge", "GET": "GET", "PURGE-KEY": "PURGE-KEY"},
			map[string]string{"CONNECT": "CONNECT", "PUR GE": "name of an HTTP method", "PURGE\n": "name of an HTTP method", "PÜRGE": "name of an HTTP method"},
		},
		"PathPrefix": {
			httpcache.PathPrefix,
			map[string]string{"": "", "/": "", "/purge": "/purge", "/purge/": "/purge", "/a/ü": "/a/%C3%BC"},
			map[string]string{"purge": "start with a slash", "/purge?x=1": "query", "/pur*ge": "wildcard", "http://a/purge": "start with a slash", "/../a": "path such as", "/a\nb": "path such as"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for in, want := range test.good {
				if got, err := test.check(in); err != nil || got != want {
					t.Errorf("%q becomes %q, %v, want %q", in, got, err, want)
				}
			}
			for in, want := range test.bad {
				if got, err := test.check(in); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%q becomes %q, %v, want an error with %q", in, got, err, want)
				}
			}
		})
	}
}
