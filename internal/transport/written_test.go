// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// TestPathsAreSentAsWritten checks that paths are sent unchanged, because caches
// compare them byte by byte.
func TestPathsAreSentAsWritten(t *testing.T) {
	t.Parallel()
	const path = `/base/a|b%2Fc%c3%bc;d=[1]!$&'()*+,?x=1|2`
	for name, row := range map[string]struct {
		env  []string
		want string
	}{
		"directly":        {nil, path},
		"through a proxy": {[]string{"HTTP_PROXY", "http://proxy.example:3128"}, "http://api.example" + path},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network := wiretest.Listen()
			defer network.Close()
			var got, host string
			network.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got, host = r.RequestURI, r.Host
				w.WriteHeader(http.StatusNoContent)
			}))
			c := New("Example", Options{MaxRetries: -1, Dial: network.Dial, Proxies: NewProxies(environment(row.env...)), Unanswered: 1})
			defer c.Close()
			_, err := c.Do(t.Context(), &Request{
				Method: "PURGE", Base: "http://api.example/base", Path: path[len("/base"):], Host: "www.example.com",
				Expect: []int{http.StatusNoContent},
			})
			if got != row.want || err != nil || host != "www.example.com" && row.env == nil {
				t.Errorf("%s is sent as %s to %s: %v", path, got, host, err)
			}
		})
	}
}

// TestPathsThroughSOCKS checks that a SOCKS proxy does not change the request line.
func TestPathsThroughSOCKS(t *testing.T) {
	t.Parallel()
	req, err := http.NewRequestWithContext(t.Context(), "PURGE", "http://api.example/a|b", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	written := asWritten(req, &proxy{url: &url.URL{Scheme: "socks5", Host: "proxy.example"}})
	if got := written.URL.RequestURI(); got != "/a|b" || req.URL.Opaque != "" {
		t.Errorf("it is sent as %s, and the request has become %v", got, req.URL)
	}
}
