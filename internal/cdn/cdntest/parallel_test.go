// SPDX-License-Identifier: MPL-2.0

package cdntest

import (
	"net/http"
	"sync"
	"testing"
)

func TestRequestsAtTheSameTime(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		quota int
		query string
		want  map[int]int
	}{
		"share one quota": {20, "url=/a&hard=true", map[int]int{202: 20, 413: 30}},
		"one soft purge is accepted, the others use up quota": {20, "url=/a&hard=false", map[int]int{202: 1, 400: 19, 413: 30}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(s *Server) { s.PurgesPerMinute = tc.quota })
			var wait sync.WaitGroup
			for range 50 {
				wait.Go(func() {
					b.purge(OtherID, tc.query)
					b.do(http.MethodGet, "/v1.0/110011/services?limit=20")
					b.SetStatus(FailedID, StatusFailed, "again")
					_, _, _ = b.Service(FailedID), b.Purges(), b.Secrets()
				})
			}
			wait.Wait()
			got := map[int]int{}
			for _, entry := range b.Journal.Select("purge") {
				got[entry.Status]++
			}
			same(t, "statuses", got, tc.want)
			same(t, "purges", len(b.Purges()), tc.want[http.StatusAccepted])
		})
	}
}
