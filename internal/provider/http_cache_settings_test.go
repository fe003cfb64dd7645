// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEndpointsOfHTTPCaches(t *testing.T) {
	t.Parallel()
	const at = "http_cache.endpoints: Invalid http_cache.endpoints: http_cache.endpoints "
	key := object{"X-Purge-Key": "k"}
	for name, test := range map[string]struct {
		block object
		env   string
		more  object // arguments of the provider
		want  []string
		fault string
	}{
		"in the block": {
			object{"endpoints": []any{"http://10.0.0.11:6081/", " https://CACHE.example.com"}},
			"", nil,
			[]string{"http://10.0.0.11:6081", "https://cache.example.com"},
			"",
		},
		"in the environment":                     {object{}, "http://10.0.0.11:6081, http://10.0.0.12:6081,\n", nil, []string{"http://10.0.0.11:6081", "http://10.0.0.12:6081"}, ""},
		"the block takes precedence":             {object{"endpoints": []any{"http://a"}}, "http://b", nil, []string{"http://a"}, ""},
		"the environment replaces an empty list": {object{"endpoints": []any{""}}, "http://b", nil, []string{"http://b"}, ""},
		"http with a key":                        {object{"endpoints": []any{"https://a", "http://b"}, "headers": key}, "", nil, nil, at + "is invalid. URL number 2 must start with https://, because http:// sends the headers (http_cache.headers or PURGE_HTTP_CACHE_HEADERS) unencrypted (to permit it, set allow_insecure_http = true in the provider block)."},
		"http with a key, if it is allowed":      {object{"endpoints": []any{"http://b"}, "headers": key}, "", object{"allow_insecure_http": true}, []string{"http://b"}, ""},
		"http with a key, to this machine":       {object{"endpoints": []any{"http://127.0.0.1:80"}, "headers": key}, "", nil, []string{"http://127.0.0.1:80"}, ""},
		"not a URL":                              {object{"endpoints": []any{"10.0.0.11:6081"}}, "", nil, nil, at + "is invalid. URL number 1 is not a valid URL."},
		"with a password":                        {object{"endpoints": []any{"http://u:p@a"}}, "", nil, nil, at + "is invalid. URL number 1 must not contain a username or password."},
		"a duplicate":                            {object{"endpoints": []any{"http://a", "http://A/"}}, "", nil, nil, at + "contains URL number 2 twice."},
		"an invalid method":                      {object{"endpoints": []any{"http://a"}, "method": "PUR GE"}, "", nil, nil, "http_cache.method: Invalid http_cache.method: http_cache.method must be the name of an HTTP method, such as PURGE."},
		"an invalid prefix":                      {object{"endpoints": []any{"http://a"}, "path_prefix": "purge"}, "", nil, nil, "http_cache.path_prefix: Invalid http_cache.path_prefix: http_cache.path_prefix must start with a slash."},
		"an invalid rate":                        {object{"endpoints": []any{"http://a"}, "requests_per_second": 0}, "", nil, nil, "http_cache.requests_per_second: Invalid http_cache.requests_per_second: http_cache.requests_per_second must be from 1 to 10000."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			block := object{"http_cache": test.block}
			for k, v := range test.more {
				block[k] = v
			}
			c, faults := configure(t, map[string]string{"PURGE_HTTP_CACHE_ENDPOINTS": test.env}, block)
			if got := strings.Join(faults, "\n"); got != test.fault {
				t.Fatalf("the fault is %q, want %q", got, test.fault)
			}
			if test.fault != "" {
				return
			}
			if diff := cmp.Diff(test.want, httpCache.endpoints(c)); diff != "" {
				t.Errorf("endpoints (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAnUnknownEndpoint plans it like any unknown argument.
func TestAnUnknownEndpoint(t *testing.T) {
	t.Parallel()
	for name, block := range map[string]object{
		"the list": {"endpoints": unknown{}}, "one of them": {"endpoints": []any{"http://a", unknown{}}}, "a header": {"endpoints": []any{"http://a"}, "headers": object{"K": unknown{}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, faults := configure(t, map[string]string{"PURGE_HTTP_CACHE_ENDPOINTS": "not an address"}, object{"http_cache": block})
			if err := c.missing("http_cache"); len(faults) > 0 || err == nil || !err.unknown || httpCache.endpoints(c) != nil {
				t.Errorf("faults %q, the service is %+v", faults, err)
			}
		})
	}
}

func TestPathsOfHTTPCaches(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/a b": "", "/a?x=*": "must not contain a wildcard, because a PURGE request is for one object.",
		"/img/*": "must not contain a wildcard, because a PURGE request is for one object.",
		"a/*":    "must start with a slash.", "/a#b": "must not contain a fragment.", "/%2A": "",
	} {
		if got := httpCachePathProblem(path); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
	for id, want := range map[string][]string{
		"www.example.com/a/b?c": {"www.example.com", "/a/b?c"}, "www.example.com": {"www.example.com", ""}, "WWW.example.com:8080/": {"WWW.example.com:8080", "/"},
		"/a": nil, "": nil, "http://www.example.com/a": nil,
	} {
		got, err := splitHostAndPath(id)
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (want != nil) {
			t.Errorf("%q: %v (-want +got):\n%s", id, err, diff)
		}
	}
}
