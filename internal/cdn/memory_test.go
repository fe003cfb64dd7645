// SPDX-License-Identifier: MPL-2.0

package cdn_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
)

// TestMemoryIsBounded tests that no response exhausts the memory and that lists
// end. It measures allocations, so it is not parallel.
func TestMemoryIsBounded(t *testing.T) { //nolint:paralleltest // see above
	list := func(ctx context.Context, c *cdn.Client) error { _, err := c.Services(ctx); return err }
	one := func(ctx context.Context, c *cdn.Client) error {
		_, err := c.Service(ctx, cdntest.DeployedID)
		return err
	}
	const service = `{"id":"a","name":"b","status":"deployed","errors":[`
	for name, row := range map[string]struct {
		operation string
		call      func(context.Context, *cdn.Client) error
		fault     http.HandlerFunc
		err       string // part of the error
	}{
		"empty services":                  {"services", list, clienttest.Bomb(200, `{"services":[`, "{},", "]}"), "values"},
		"fewer empty services":            {"services", list, clienttest.Respond(200, nil, `{"services":[`+strings.Repeat("{},", 200_000)+"{}]}"), "a service has no ID or no name"},
		"services with short names":       {"services", list, clienttest.Respond(200, nil, `{"services":[`+strings.Repeat(`{"id":"a","name":"b"},`, 160_000)+"{}]}"), "the list contains more than 50000 elements"},
		"services with domains":           {"services", list, clienttest.Respond(200, nil, `{"services":[{"id":"a","name":"b","domains":[`+strings.Repeat("{},", 200_000)+"{}]}]}"), "accepted"},
		"pages without an end":            {"services", list, servicesForEver(1), "the list of services does not end: it has more than 500 pages"},
		"large pages without an end":      {"services", list, servicesForEver(1000), "values"},
		"a failure with a list":           {"services", list, clienttest.Bomb(400, `{"message":[`, "{},", "]}"), "400"},
		"a failure with a long message":   {"services", list, clienttest.Bomb(400, ``, `it's &amp;#x27; %2525 \\u0025 `, ""), "400"},
		"a service with domains":          {"service", one, clienttest.Bomb(200, `{"id":"a","status":"deployed","domains":[`, "{},", "]}"), "values"},
		"a service with fewer rules":      {"service", one, clienttest.Respond(200, nil, `{"id":"a","status":"deployed","caching":[`+strings.Repeat("{},", 200_000)+"{}]}"), "accepted"},
		"a service with errors":           {"service", one, clienttest.Respond(200, nil, service+strings.Repeat(`{"message":"something went wrong"},`, 200_000)+"{}]}"), "accepted"},
		"a service with different errors": {"service", one, clienttest.Respond(200, nil, service+numbered(200_000)+"{}]}"), "accepted"},
		"a service with long errors":      {"service", one, clienttest.Respond(200, nil, service+strings.ReplaceAll(numbered(100), "went", strings.Repeat("x", 100<<10))+"{}]}"), "accepted"},
		"a token of 16 KiB":               {"login", one, login(16<<10, `[]`), "no entry"},
		"a token of 3 MiB":                {"login", one, login(3<<20, `[]`), "too long"},
		"a project of 3 MiB":              {"login", one, clienttest.Respond(200, nil, `{"access":{"token":{"id":"a","tenant":{"id":"`+strings.Repeat("1", 3<<20)+`"}}}}`), "too long"},
		"an address of 3 MiB":             {"login", one, login(1, `[{"type":"rax:cdn","endpoints":[{"publicURL":"http://localhost/`+strings.Repeat("x", 3<<20)+`"}]}]`), "too long"},
		"a catalog of empty entries":      {"login", one, clienttest.Bomb(200, `{"access":{"serviceCatalog":[`, "{},", "]}}"), "values"},
		"a catalog of fewer entries":      {"login", one, login(1, `[`+strings.Repeat("{},", 200_000)+"{}]"), "no entry"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				client := w.connect()
				w.Fail(row.operation, -1, row.fault)
				began := time.Now()
				err := error(nil)
				clienttest.Allocates(t, func() { err = row.call(t.Context(), client) })
				w.Show(err)
				got := "accepted"
				if err != nil {
					got = err.Error()
				}
				if !strings.Contains(got, row.err) {
					t.Errorf("%q is not in %.1000q", row.err, got)
				}
				diff(t, "time", time.Duration(0), time.Since(began))
			})
		})
	}
}

// login responds to a login with a token of the given length.
func login(length int, catalog string) http.HandlerFunc {
	const body = `{"access":{"token":{"id":"%s","tenant":{"id":"1"}},"serviceCatalog":%s}}`
	return clienttest.Respond(200, nil, fmt.Sprintf(body, strings.Repeat("a&<", length/3)+"a", catalog))
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"message":"%d went wrong"},`, i)
	}
	return b.String()
}

// servicesForEver responds to each request with a page of new services.
func servicesForEver(domains int) http.HandlerFunc {
	next := 0
	return func(w http.ResponseWriter, _ *http.Request) {
		page := make([]map[string]any, 20)
		for i := range page {
			next++
			page[i] = map[string]any{"id": strconv.Itoa(next), "name": "x", "domains": make([]struct{}, domains)}
		}
		w.WriteHeader(http.StatusOK)
		_ = json.NewEncoder(w).Encode(map[string]any{"services": page})
	}
}
