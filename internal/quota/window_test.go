// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var errServer = errors.New("the server failed")

// journal records the requests that the server receives.
type journal struct {
	mu    sync.Mutex
	times []time.Duration // of arrival, since began
	began time.Time
}

func newJournal() *journal { return &journal{began: time.Now()} }

func (j *journal) stamp() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.times = append(j.times, time.Since(j.began))
}

func (j *journal) sorted() []time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Sorted(slices.Values(j.times))
}

// burst returns the first span of a window with more requests than allowed.
func burst(stamps []time.Duration, limit Limit) error {
	for i := 0; i+limit.Requests < len(stamps); i++ {
		if span := stamps[i+limit.Requests] - stamps[i]; span < limit.Window {
			return fmt.Errorf("%d requests within %s, from %s on", limit.Requests+1, span, stamps[i])
		}
	}
	return nil
}

// lostSlots returns an error if a slot of the window is never free again.
func lostSlots(w *Window, limit Limit) error {
	time.Sleep(24 * time.Hour)
	first, err := w.Acquire(context.Background()) // it may be the probe
	if err != nil {
		return err
	}
	first.Passed()
	time.Sleep(limit.Window + limit.Window/20) // and Jitter
	began := time.Now()
	for range limit.Requests {
		s, err := w.Acquire(context.Background())
		if err != nil {
			return err
		}
		s.Passed()
	}
	if waited := time.Since(began); waited != 0 {
		return fmt.Errorf("a slot was lost: %d requests in a fresh window took %s", limit.Requests, waited)
	}
	return nil
}

func TestRateIsOptimalWithoutLatency(t *testing.T) {
	t.Parallel()
	minute := func(n int) Limit { return Limit{Requests: n, Window: time.Minute} }
	for name, tt := range map[string]struct {
		limit    Limit
		requests int
		want     time.Duration
	}{
		"100 at 20 a minute take 4 minutes":   {minute(20), 100, 240 * time.Second},
		"101 at 20 a minute take 5":           {minute(20), 101, 300 * time.Second},
		"20 at 20 a minute take no time":      {minute(20), 20, 0},
		"10 at 1 a minute take 9 minutes":     {minute(1), 10, 9 * time.Minute},
		"1000 without a limit take no time":   {Limit{}, 1000, 0},
		"7 at 3 in 250 ms take half a second": {Limit{Requests: 3, Window: 250 * time.Millisecond}, 7, 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, j := &Window{limit: tt.limit}, newJournal()
				var wg sync.WaitGroup
				for range tt.requests {
					wg.Go(func() {
						s, err := w.Acquire(t.Context())
						if err != nil || s.Send() != nil {
							t.Error("no slot")
							return
						}
						j.stamp()
						s.Passed()
					})
				}
				wg.Wait()
				if got := time.Since(j.began); got != tt.want {
					t.Errorf("took %s, want %s", got, tt.want)
				}
			})
		})
	}
}

// Without latency, the exact times are known: each caller sends when it has come
// and the nth request before its own is a window ago. A caller that leaves before
// takes no slot.
func TestScheduleIsGreedyWithoutLatency(t *testing.T) {
	t.Parallel()
	type caller struct{ Comes, Leaves time.Duration }
	rapid.Check(t, func(rt *rapid.T) {
		limit := drawLimit(rt)
		callers := make([]caller, rapid.IntRange(1, 60).Draw(rt, "callers"))
		for i := range callers {
			// The nanoseconds give events at the same time an order.
			callers[i].Comes = drawTime(rt, 5*time.Minute, "comes") + time.Duration(2*i)
			callers[i].Leaves = never
			if rapid.Bool().Draw(rt, "impatient") {
				callers[i].Leaves = callers[i].Comes + drawTime(rt, 3*time.Minute, "stays") + 1
			}
		}

		var want []time.Duration
		ordered := slices.SortedFunc(slices.Values(callers), func(a, b caller) int { return int(a.Comes - b.Comes) })
		for _, c := range ordered {
			at := c.Comes
			if k := len(want) - limit.Requests; k >= 0 {
				at = max(at, want[k]+limit.Window)
			}
			if at < c.Leaves {
				want = append(want, at)
			}
		}

		var got []time.Duration
		var lost error
		synctest.Test(t, func(*testing.T) {
			w, j := &Window{limit: limit}, newJournal()
			var wg sync.WaitGroup
			for _, c := range callers {
				wg.Go(func() {
					time.Sleep(c.Comes)
					ctx, cancel := context.WithTimeout(context.Background(), c.Leaves-c.Comes)
					defer cancel()
					if s, err := w.Acquire(ctx); err == nil {
						j.stamp()
						s.Passed()
					}
				})
			}
			wg.Wait()
			got, lost = j.sorted(), lostSlots(w, limit)
		})
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Error("times (-want +got):\n" + diff)
		}
		if lost != nil {
			rt.Error(lost)
		}
	})
}

const never = 1000 * time.Hour

func drawLimit(rt *rapid.T) Limit {
	return Limit{
		Requests: rapid.IntRange(1, 5).Draw(rt, "limit"),
		Window:   rapid.SampledFrom([]time.Duration{time.Second, time.Minute}).Draw(rt, "window"),
	}
}

func drawTime(rt *rapid.T, most time.Duration, label string) time.Duration {
	return time.Duration(rapid.IntRange(0, int(most/time.Millisecond)).Draw(rt, label)) * time.Millisecond
}

func TestSlotsAreGrantedInOrderOfArrival(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &Window{limit: Limit{Requests: 2, Window: time.Minute}}
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				s, err := w.Acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, i/2) // two at the same time have no order
				mu.Unlock()
				s.Passed()
			})
			synctest.Wait()
		}
		wg.Wait()
		if !slices.IsSorted(order) {
			t.Errorf("order %v", order)
		}
	})
}

func TestACallerThatLeavesFreesItsSlot(t *testing.T) {
	t.Parallel()
	cause := errors.New("interrupted")
	for name, leaves := range map[string]time.Duration{
		"immediately":              0,
		"in the queue":             time.Second,
		"when its slot is granted": time.Minute,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 50 { // events at the same time have a random order
				synctest.Test(t, func(t *testing.T) {
					limit := Limit{Requests: 1, Window: time.Minute}
					w := &Window{limit: limit}
					acquire(t, w).Passed()
					ctx, cancel := context.WithCancelCause(t.Context())
					time.AfterFunc(leaves, func() { cancel(cause) })
					s, err := w.Acquire(ctx)
					switch {
					case err == nil:
						s.Unsent()
					case !errors.Is(err, cause):
						t.Errorf("error %v, want the cause", err)
					}
					if err := lostSlots(w, limit); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

// The caller does not know yet that its slot is granted.
func TestASlotGrantedToACallerThatLeavesIsFreed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limit := Limit{Requests: 1, Window: time.Minute}
		w := &Window{limit: limit}
		s := &Slot{window: w, ctx: t.Context(), ready: make(chan error, 1)}
		w.enqueue(s)
		if !s.held {
			t.Fatal("not granted")
		}
		w.withdraw(s)
		if err := lostSlots(w, limit); err != nil {
			t.Error(err)
		}
	})
}

func TestASlotIsFreeExactlyOneWindowAfterItsEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Slot){
		"passed":       (*Slot).Passed,
		"failed":       func(s *Slot) { s.Failed(errServer) },
		"rate-limited": func(s *Slot) { s.RateLimited(0, errServer) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &Window{limit: Limit{Requests: 1, Window: time.Minute}}
				s := acquire(t, w)
				time.Sleep(time.Second)
				end(s)
				ended := time.Now()
				time.Sleep(time.Minute - 1)
				acquire(t, w)
				if got := time.Since(ended); got != time.Minute {
					t.Errorf("free after %s, want a minute", got)
				}
			})
		})
	}
}

func TestASlotEndsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limit := Limit{Requests: 2, Window: time.Minute}
		w := &Window{limit: limit}
		s, err := w.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.Passed()
		s.Unsent()
		if w.unfinished != 0 || len(w.spent) != 1 {
			t.Errorf("%d unfinished, %d spent", w.unfinished, len(w.spent))
		}
	})
}

func TestLimiterHasOneWindowPerKey(t *testing.T) {
	t.Parallel()
	var l Limiter
	a := l.Window("a", Limit{Requests: 1, Window: time.Minute})
	if again := l.Window("a", Limit{Requests: 9}); again != a || again.limit.Requests != 1 {
		t.Error("the first call for a key sets its limit, and the second finds the same window")
	}
	if l.Window("b", Limit{}) == a {
		t.Error("another key has the same window")
	}
}
