// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// fate is the life of one request.
type fate struct {
	Comes  time.Duration // calls Acquire
	Leaves time.Duration // if it still waits
	Holds  time.Duration // has the slot and waits for a login or a connection
	There  time.Duration // the request is on its way to the server
	Back   time.Duration // the response is on its way back
	End    string        // passed, failed, rate-limited, or unsent
	Wait   time.Duration // that the rate-limited response requires
}

// trip is a request that was sent.
type trip struct {
	fate
	sent, responded time.Duration
}

func drawFates(rt *rapid.T, ends ...string) []fate {
	fates := make([]fate, rapid.IntRange(1, 60).Draw(rt, "callers"))
	for i := range fates {
		fates[i] = fate{
			Comes: drawTime(rt, 3*time.Minute, "comes"), Leaves: never,
			There: drawTime(rt, 20*time.Second, "there"), Back: drawTime(rt, 20*time.Second, "back"),
			End: rapid.SampledFrom(ends).Draw(rt, "end"),
		}
		if rapid.IntRange(0, 3).Draw(rt, "impatient") == 0 {
			fates[i].Leaves = drawTime(rt, 6*time.Minute, "leaves")
		}
		if rapid.IntRange(0, 3).Draw(rt, "slow") == 0 {
			fates[i].Holds = drawTime(rt, 30*time.Second, "holds")
		}
		if fates[i].End == "rate-limited" {
			fates[i].Wait = drawTime(rt, 90*time.Second, "wait")
		}
	}
	return fates
}

// travel runs all fates. It returns when requests reached the server, and the trips.
func travel(w *Window, fates []fate) ([]time.Duration, []trip) {
	j := newJournal()
	var wg sync.WaitGroup
	trips := make([]trip, len(fates))
	for i, f := range fates {
		wg.Go(func() {
			time.Sleep(f.Comes)
			ctx, cancel := context.WithTimeout(context.Background(), f.Leaves-f.Comes)
			defer cancel()
			s, err := w.Acquire(ctx)
			if err != nil {
				return
			}
			time.Sleep(f.Holds)
			if f.End == "unsent" || s.Send() != nil {
				s.Unsent()
				return
			}
			trips[i] = trip{fate: f, sent: time.Since(j.began)}
			time.Sleep(f.There)
			j.stamp()
			time.Sleep(f.Back)
			trips[i].responded = time.Since(j.began)
			switch f.End {
			case "passed":
				s.Passed()
			case "failed":
				s.Failed(errServer)
			case "rate-limited":
				s.RateLimited(f.Wait, errServer)
			}
		})
	}
	wg.Wait()
	trips = slices.DeleteFunc(trips, func(t trip) bool { return t.End == "" })
	slices.SortFunc(trips, func(a, b trip) int {
		return cmp.Or(cmp.Compare(a.sent, b.sent), cmp.Compare(a.responded, b.responded))
	})
	return j.sorted(), trips
}

func TestNeverFasterThanTheServerAllows(t *testing.T) {
	t.Parallel()
	for name, ends := range map[string][]string{
		"all pass":                     {"passed"},
		"some fail, some are not sent": {"passed", "failed", "unsent"},
		"some are rate-limited":        {"passed", "passed", "rate-limited"},
		"some are rate-limited, some fail, some are not sent": {"passed", "failed", "rate-limited", "unsent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				limit, fates := drawLimit(rt), drawFates(rt, ends...)
				random := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(rt, "seed"))) // the same each time
				var err error
				synctest.Test(t, func(*testing.T) {
					w := &Window{limit: limit, rand: random.Float64}
					stamps, trips := travel(w, fates)
					err = errors.Join(burst(stamps, limit), sentWhileClosed(trips), sentWithTheProbe(trips), lostSlots(w, limit))
				})
				if err != nil {
					rt.Fatal(err)
				}
			})
		})
	}
}

// sentWhileClosed finds a request that was sent while the window was closed.
// Events at the same time have no order.
func sentWhileClosed(trips []trip) error {
	for _, r := range trips {
		for _, other := range trips {
			if r.End == "rate-limited" && other.sent > r.responded && other.sent < r.responded+r.Wait {
				return fmt.Errorf("sent at %s, but closed at %s for %s", other.sent, r.responded, r.Wait)
			}
		}
	}
	return nil
}

// sentWithTheProbe finds two requests in flight at the same time after a
// rate-limited response, before one of the later requests passed.
func sentWithTheProbe(trips []trip) error {
	for _, r := range trips {
		if r.End != "rate-limited" {
			continue
		}
		passed := never
		var after []trip
		for _, t := range trips {
			if t.sent > r.responded {
				after = append(after, t)
			}
			if t.sent >= r.responded && t.End == "passed" {
				passed = min(passed, t.responded)
			}
		}
		for i := 1; i < len(after); i++ {
			if after[i].sent < passed && after[i].sent < after[i-1].responded {
				return fmt.Errorf("closed at %s; sent at %s and, before the response at %s, at %s",
					r.responded, after[i-1].sent, after[i-1].responded, after[i].sent)
			}
		}
	}
	return nil
}
