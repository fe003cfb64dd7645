// SPDX-License-Identifier: MPL-2.0

package mstr_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
)

// sending returns a function that creates a client and calls ask with it.
func sending(ask func(context.Context, *mstr.Client) error) func(context.Context, transport.Options) error {
	return func(ctx context.Context, opts transport.Options) error {
		client := mstr.New(mstr.Config{BaseURL: "http://localhost", Username: "u", Password: "p4ssw0rd", Transport: opts})
		defer func() { _ = client.Close(ctx) }()
		return ask(ctx, client)
	}
}

func loggedIn(w http.ResponseWriter, r *http.Request) bool {
	if !strings.HasSuffix(r.URL.Path, "/login") {
		return false
	}
	w.Header().Set("X-MSTR-AuthToken", "token")
	return true
}

// FuzzErrorBody returns any status and body for a purge. Only 204, which it omits,
// is an acceptance.
func FuzzErrorBody(f *testing.F) {
	clienttest.Responses{
		Bodies: []string{
			`{"code":"ERR001","iServerCode":-2147072486,"message":"a\nb","ticketId":"0a","subErrors":[{"message":"c"}]}`,
			`{"errors":[{"code":14,"IserverCode":"x","message":{"a":1}}]}`,
			`{"errors":[null]}`, `{"errors":{}}`, `{"code":"ERR004","message":"HTTP 404 Not Found"}`, `{"code":"ERR0014"`,
		},
		Statuses: []int{200, 400, 401, 403, 404, 405, 500},
		Before:   loggedIn,
		Send:     sending(func(ctx context.Context, c *mstr.Client) error { return c.Purge(ctx, tutorial, "object") }),
	}.Fuzz(f)
}

// FuzzContentLists returns any lists of nodes and content caches. The client never
// panics, invalidates nothing unless a list contains a ready cache, and returns
// errors that are one clean line.
func FuzzContentLists(f *testing.F) {
	const nodes = `{"nodes":[{"name":"n","status":"running","projects":[{"id":"` + tutorial + `","status":"loaded"}]}]}`
	for _, list := range []string{
		"", "null", "[]", "{}", `{"total":0}`, `{"total":1,"contentCaches":[]}`, `{"total":1,"contentCaches":null}`,
		`{"total":1,"contentCaches":[{"a":{"source":{"type":"report"},"status":{"ready":true}}}]}`,
		`{"total":2,"contentCaches":[{"a":{"source":{"type":"report"},"status":{"ready":true}},"b":{"source":{"type":"cube"},"status":{"ready":true}}}]}`,
		`{"total":1,"contentCaches":[{"a":{"source":{"type":"report"},"status":{"ready":true},"lastUpdateTime":{"a":1},"dbTablesUsed":[null]}}]}`,
		`{"total":9223372036854775807,"offset":0,"contentCaches":[{"a":{"source":{"type":"x"},"status":{}}}]}`,
		`{"total":1,"contentCaches":[{"a":{"source":null,"status":null}}]}`, `{"total":1,"total":0,"contentCaches":[1],"contentCaches":[]}`,
	} {
		f.Add(nodes, list)
	}
	f.Add(`{"nodes":[{"name":"n\n","status":"RUNNING","projects":[{"id":"`+strings.ToLower(tutorial)+`"}]},{"name":"m"}]}`, `{"total":0}`)
	f.Fuzz(func(t *testing.T, nodes, list string) {
		err := clienttest.Over(t, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case loggedIn(w, r):
			case strings.HasSuffix(r.URL.Path, "/nodes"):
				_, _ = w.Write([]byte(nodes))
			case r.Method == http.MethodPatch:
				low := strings.ToLower(list)
				ready := strings.Contains(low, "ready") && strings.Contains(low, "true") || strings.Contains(low, `\`)
				if !ready {
					t.Errorf("an invalidation after %q", list)
				}
			default:
				_, _ = w.Write([]byte(list))
			}
		}, sending(func(ctx context.Context, c *mstr.Client) error {
			_, err := c.PurgeContent(ctx, tutorial, mstr.ContentFilter{})
			return err
		}))
		var e *transport.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("not an error of the network: %v", err)
		}
		if e != nil {
			clienttest.WantClean(t, e.Message, e.Doing)
		}
	})
}
