// SPDX-License-Identifier: MPL-2.0

package httpcache_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/httpcache"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
	"github.com/cachepurge/terraform-provider-purge/internal/urlpath"
)

func FuzzErrorBody(f *testing.F) {
	clienttest.Responses{
		Bodies:   []string{`{"status":"ok","id":"1"}`, `{"msg":{"a":1},"detail":7}`, `{"msg":"b\nc"}`, `{"error":{}}`, "\x1f\x8b\x08"},
		Statuses: []int{200, 202, 301, 400, 401, 403, 404, 405, 410, 414, 429, 500, 501, 503},
		Send: func(ctx context.Context, opts transport.Options) error {
			client := httpcache.New(httpcache.Config{Endpoints: []string{endpoint}, Transport: opts})
			defer func() { _ = client.Close(ctx) }()
			return client.Purge(ctx, endpoint, host, "/a")
		},
		Accepted: []int{http.StatusOK, http.StatusAccepted, http.StatusNotFound},
	}.Fuzz(f)
}

// FuzzSent checks that the server receives any valid host and path unchanged,
// because it finds the object by them.
func FuzzSent(f *testing.F) {
	for _, path := range []string{"/", "/a b", "/ü?q=ü", "/%2A", "/a//b", "/a?", "/a;b=c", "/[x]", "/%zz", "/a?b?c", "/a|b", "/\x80"} {
		f.Add("www.example.com", path)
		f.Add("[2001:db8::1]:8080", path)
	}
	f.Fuzz(func(t *testing.T, name, path string) {
		host, err := httpcache.Host(name)
		if err != nil {
			return
		}
		encoded, err := urlpath.Encode(path)
		if err != nil {
			return
		}
		err = clienttest.Over(t, func(_ http.ResponseWriter, r *http.Request) {
			if r.Host != host || r.RequestURI != encoded {
				t.Errorf("%q %q is sent as %q %q", host, encoded, r.Host, r.RequestURI)
			}
		}, func(ctx context.Context, opts transport.Options) error {
			client := httpcache.New(httpcache.Config{Endpoints: []string{endpoint}, Transport: opts})
			defer func() { _ = client.Close(ctx) }()
			return client.Purge(ctx, endpoint, host, encoded)
		})
		if err != nil && !strings.Contains(err.Error(), "not sent") {
			t.Errorf("%q %q: %v", host, encoded, err)
		}
	})
}
