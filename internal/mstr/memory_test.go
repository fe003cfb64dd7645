// SPDX-License-Identifier: MPL-2.0

package mstr_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
)

// TestMemoryIsBounded checks that a response cannot exhaust the memory. It measures
// allocations, so no other test runs in parallel.
func TestMemoryIsBounded(t *testing.T) { //nolint:paralleltest // see above
	token := func(length int) http.HandlerFunc {
		return clienttest.Respond(204, http.Header{"X-Mstr-Authtoken": {strings.Repeat("a&<", length/3)}}, "")
	}
	for name, row := range map[string]struct {
		operation string
		fault     http.HandlerFunc
		err       string // a part of the error
	}{
		"projects that are nothing":      {"projects", clienttest.Bomb(200, "[", "{},", "]"), "values"},
		"fewer that are nothing":         {"projects", clienttest.Respond(200, nil, "["+strings.Repeat("{},", 200_000)+"{}]"), "a project has no ID or no name"},
		"projects with short names":      {"projects", clienttest.Respond(200, nil, "["+strings.Repeat(`{"id":"a","name":"b"},`, 160_000)+"{}]"), "the list contains more than 50000 elements"},
		"a project with a long list":     {"projects", clienttest.Bomb(200, `[{"id":"a","name":"b","x":[`, "[],", "]}]"), "values"},
		"projects with a long name":      {"projects", clienttest.Bomb(200, `[{"id":"a","name":"`, "x", `"}]`), ""},
		"a failure with a list":          {"projects", clienttest.Bomb(400, `{"errors":[`, "{},", "]}"), "400"},
		"a failure with a deep list":     {"projects", clienttest.Bomb(400, ``, `{"subErrors":[`, ""), "400"},
		"a failure with a long response": {"projects", clienttest.Bomb(400, ``, `it's &amp;#x27; %2525 \\u0025 `, ""), "400"},
		"a token of 16 KiB":              {"login", token(16 << 10), ""},
		"a token of 255 KiB":             {"login", token(255 << 10), "invalid token"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				client := w.connect()
				w.Fail(row.operation, 1, row.fault)
				var err error
				clienttest.Allocates(t, func() { _, err = client.Projects(t.Context()) })
				w.Show(err)
				got := ""
				if err != nil {
					got = err.Error()
				}
				if !strings.Contains(got, row.err) || (row.err == "") != (err == nil) && row.operation != "login" {
					t.Errorf("%q is not in %q", row.err, got)
				}
			})
		})
	}
}
