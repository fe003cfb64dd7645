// SPDX-License-Identifier: MPL-2.0

package wpengine_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
)

// TestMemoryIsBounded tests that no response exhausts the memory and that lists
// end. It measures allocations, so it is not parallel.
func TestMemoryIsBounded(t *testing.T) { //nolint:paralleltest // see above
	for name, row := range map[string]struct {
		fault http.HandlerFunc
		err   string // part of the error
	}{
		"empty installs":                {clienttest.Bomb(200, `{"results":[`, "{},", "]}"), "values"},
		"fewer empty installs":          {clienttest.Respond(200, nil, `{"results":[`+strings.Repeat("{},", 200_000)+"{}]}"), "an install has no ID or no name"},
		"installs with short names":     {clienttest.Respond(200, nil, `{"results":[`+strings.Repeat(`{"id":"a","name":"b"},`, 160_000)+"{}]}"), "the list contains more than 50000 elements"},
		"pages without an end":          {installsForEver(1), "the list of installs does not end: it has more than 500 pages"},
		"large pages without an end":    {installsForEver(1000), "the response is longer than 16 MiB"},
		"a failure with a list":         {clienttest.Bomb(400, `{"errors":[`, "{},", "]}"), "400"},
		"a failure with a long message": {clienttest.Bomb(400, ``, `it's &amp;#x27; %2525 \\u0025 `, ""), "400"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				client := w.connect()
				w.Fail("installs", -1, row.fault)
				began := time.Now()
				var err error
				clienttest.Allocates(t, func() { _, err = client.Installs(t.Context(), "") })
				w.Show(err)
				if err == nil || !strings.Contains(err.Error(), row.err) {
					t.Errorf("%q is not in %q", row.err, err)
				}
				diff(t, "time", time.Duration(0), time.Since(began))
			})
		})
	}
}

// installsForEver responds to each request with a page of new installs.
func installsForEver(length int) http.HandlerFunc {
	next := 0
	return func(w http.ResponseWriter, _ *http.Request) {
		page := make([]map[string]string, 100)
		for i := range page {
			next++
			page[i] = map[string]string{"id": strconv.Itoa(next), "name": strings.Repeat("x", length)}
		}
		w.WriteHeader(http.StatusOK)
		_ = json.NewEncoder(w).Encode(map[string]any{"results": page})
	}
}
