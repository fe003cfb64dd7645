// SPDX-License-Identifier: MPL-2.0

package cdn_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
)

// TestChangedAssets measures the purge of 200 changed assets of a service until
// the service accepts the next soft purge. The attributes are for the benchmark's
// table.
func TestChangedAssets(t *testing.T) { //nolint:paralleltest // in the order of the table
	const changed = 200
	paths := make([]string, changed)
	for i := range paths {
		paths[i] = fmt.Sprintf("/css/%03d.css", i)
	}
	for _, test := range []struct {
		name  string
		purge func(*testing.T, *world)
		// requests is the number of purges, and deployments of those that wait
		// for each other.
		requests, deployments int
		rest                  time.Duration // at the most
	}{
		{"one soft purge for all", func(t *testing.T, w *world) {
			t.Helper()
			w.invalidate(t, paths...)
		}, 1, 1, 10 * time.Second},
		{"a soft purge for each", func(t *testing.T, w *world) {
			t.Helper()
			for _, path := range paths {
				w.invalidate(t, path)
			}
		}, changed, changed, changed * 10 * time.Second},
		{"a hard purge for each", func(t *testing.T, w *world) {
			t.Helper()
			for _, err := range clienttest.Together(changed, func(i int) error { return w.purge(hard(paths[i])) }) {
				wantNoErrors(t, err)
			}
		}, changed, 0, 10 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				test.purge(t, w)
				took := w.Elapsed()
				diff(t, "purges", test.requests, len(w.Statuses("purge")))
				if least := time.Duration(test.deployments) * w.DeployTime; took < least || took > least+test.rest {
					t.Errorf("finished after %s, want %s and at most %s more", took, least, test.rest)
				}
				t.Attr("finished", took.Round(time.Second).String())
				t.Attr("requests", strconv.Itoa(len(w.Journal.Entries())))
			})
		})
	}
}

// invalidate sends a soft purge and waits until it is deployed.
func (w *world) invalidate(t *testing.T, paths ...string) {
	t.Helper()
	inv, err := w.connect().Invalidate(t.Context(), cdntest.DeployedID, paths...)
	wantNoErrors(t, err)
	wantNoErrors(t, inv.Wait(t.Context()))
}
