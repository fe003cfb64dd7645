// SPDX-License-Identifier: MPL-2.0

package cdn_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
)

// process is a run of Terraform. It shares only the server with the others.
type process struct {
	purges  int
	arrives time.Duration
}

// TestSharing measures processes that share the quota of one account, 20 purges per
// minute. A test with a single purge ends when that purge is accepted, and any
// other test ends with its last process. The minimum is the time that the quota
// requires. The attributes are for the benchmark's table.
func TestSharing(t *testing.T) { //nolint:paralleltest // in the order of the table
	one, run := process{1, 3 * time.Second}, func(n int) process { return process{purges: n} }
	for _, test := range []struct {
		name      string
		perMinute int // the limit in each process
		processes []process
		minimum   time.Duration
		// The maximum of the time, relative to the minimum, and of rate-limited responses.
		ratio   float64
		limited int
	}{
		{"100 alone", 20, []process{run(100)}, 4 * time.Minute, 1.05, 0},
		{"200 alone", 20, []process{run(200)}, 9 * time.Minute, 1.05, 0},
		{"1 in parallel with 200", 20, []process{one, run(200)}, 57 * time.Second, 1.1, 3},
		{"1 in parallel with 500", 20, []process{one, run(500)}, 57 * time.Second, 1.1, 3},
		{"2 x 100", 20, []process{run(100), run(100)}, 9 * time.Minute, 1.06, 200},
		{"4 x 100", 20, []process{run(100), run(100), run(100), run(100)}, 19 * time.Minute, 1.06, 400},
		{"2 x 100 at 10 per minute each", 10, []process{run(100), run(100)}, 9 * time.Minute, 1.05, 0},
		{"4 x 100 at 5 per minute each", 5, []process{run(100), run(100), run(100), run(100)}, 19 * time.Minute, 1.05, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.config.RequestsPerMinute = test.perMinute
				took := w.share(t, test.processes)
				finished := slices.Max(took)
				if test.processes[0] == one {
					finished = took[0]
				}
				limited := 0
				for _, status := range w.Statuses("purge") {
					if status != http.StatusAccepted {
						limited++
					}
				}
				if ratio := finished.Seconds() / test.minimum.Seconds(); ratio < 1 || ratio > test.ratio {
					t.Errorf("finished after %s, %.3f of the minimum, want 1 to %.2f", finished, ratio, test.ratio)
				}
				if limited > test.limited {
					t.Errorf("%d rate-limited responses, want at most %d", limited, test.limited)
				}
				t.Attr("finished", finished.Round(time.Second).String())
				t.Attr("minimum", test.minimum.String())
				t.Attr("limited", strconv.Itoa(limited))
			})
		})
	}
}

// share runs the processes and returns how long each took.
func (w *world) share(t *testing.T, processes []process) []time.Duration {
	t.Helper()
	took := make([]time.Duration, len(processes))
	wantNoErrors(t, together(len(processes), func(i int) error {
		p := processes[i]
		<-time.After(p.arrives)
		config := w.config
		config.Rand = rand.New(rand.NewPCG(1, uint64(i))).Float64 // the same each time
		client, began := cdn.New(config), time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute+time.Duration(p.purges/config.RequestsPerMinute)*time.Minute)
		defer cancel()
		errs := together(p.purges, func(n int) error {
			err := client.Purge(ctx, cdntest.DeployedID, fmt.Sprintf("/%d/%d.css", i, n))
			w.Show(err)
			return err
		})
		took[i] = time.Since(began)
		return errors.Join(append(errs, client.Close(t.Context()))...)
	})...)
	return took
}
