// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestFinishingTime measures a burst of purges. It finishes as early as a server
// that counts requests on arrival allows, plus one latency per window, because
// slots are counted from the response. The attributes are for the benchmark's
// table.
func TestFinishingTime(t *testing.T) { //nolint:paralleltest // in the order of the table
	limit := Limit{Requests: 20, Window: time.Minute}
	for _, purges := range []int{20, 100, 1000} {
		for _, latency := range []time.Duration{0, 100 * time.Millisecond, time.Second} {
			name := fmt.Sprintf("%d purges at 20 per minute, response after %s", purges, latency)
			t.Run(name, func(t *testing.T) {
				windows := time.Duration((purges-1)/limit.Requests) * limit.Window
				best := windows + latency
				want := best + time.Duration((purges-1)/limit.Requests)*latency
				synctest.Test(t, func(t *testing.T) {
					w, began := &Window{limit: limit}, time.Now()
					var wg sync.WaitGroup
					for range purges {
						wg.Go(func() {
							s, err := w.Acquire(t.Context())
							if err != nil || s.Send() != nil {
								t.Error("no slot")
								return
							}
							time.Sleep(latency)
							s.Passed()
						})
					}
					wg.Wait()
					if got := time.Since(began); got != want {
						t.Errorf("took %s, want %s", got, want)
					}
					t.Attr("finished", time.Since(began).String())
					t.Attr("minimum", best.String())
				})
			})
		}
	}
}
