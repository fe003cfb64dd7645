// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// model says what becomes of calls where no request fails: exactly when the
// requests are sent, and whom each serves.
type model struct {
	limit   Limit
	latency time.Duration
	calls   []call

	queue []*modelFlight
	frees []time.Duration // when the places of what was sent are free again
	sent  []time.Duration
	told  []modelTold
}

type modelFlight struct {
	key     string
	created time.Duration
	riders  []int
}

// modelTold is what a call is told: when its request was sent, or never.
type modelTold struct{ Sent, At time.Duration }

func (m *model) run() {
	m.told = make([]modelTold, len(m.calls))
	type event struct {
		at     time.Duration
		caller int
		leaves bool
	}
	var events []event
	for i, c := range m.calls {
		events = append(events, event{c.at, i, false})
		if c.leaves > 0 {
			events = append(events, event{c.at + c.leaves, i, true})
		}
	}
	slices.SortFunc(events, func(a, b event) int { return int(a.at - b.at) })
	for _, e := range events {
		m.sendUntil(e.at)
		if e.leaves {
			m.leave(e.caller, e.at)
		} else {
			m.enter(e.caller)
		}
	}
	m.sendUntil(never)
}

func (m *model) enter(caller int) {
	c := m.calls[caller]
	for _, f := range m.queue {
		if f.key == c.key {
			f.riders = append(f.riders, caller)
			return
		}
	}
	m.queue = append(m.queue, &modelFlight{key: c.key, created: c.at, riders: []int{caller}})
}

func (m *model) leave(caller int, at time.Duration) {
	for i, f := range m.queue {
		if place := slices.Index(f.riders, caller); place >= 0 {
			m.told[caller] = modelTold{never, at}
			f.riders = slices.Delete(f.riders, place, place+1)
			if len(f.riders) == 0 {
				m.queue = slices.Delete(m.queue, i, i+1)
			}
			return
		}
	}
}

// sendUntil sends what can be sent before a time.
func (m *model) sendUntil(at time.Duration) {
	for len(m.queue) > 0 {
		f := m.queue[0]
		begins := f.created
		if k := len(m.frees) - m.limit.Requests; m.limit.Requests > 0 && k >= 0 {
			slices.Sort(m.frees)
			begins = max(begins, m.frees[k])
		}
		if begins >= at {
			return
		}
		m.queue = m.queue[1:]
		m.send(f, begins)
	}
}

func (m *model) send(f *modelFlight, begins time.Duration) {
	m.sent = append(m.sent, begins)
	ends := begins // or when the last one leaves
	for _, r := range f.riders {
		c := m.calls[r]
		if c.leaves > 0 && c.at+c.leaves < begins+m.latency {
			m.told[r] = modelTold{never, c.at + c.leaves}
		} else {
			m.told[r] = modelTold{begins, begins + m.latency}
		}
		ends = max(ends, m.told[r].At)
	}
	m.frees = append(m.frees, ends+m.limit.Window)
}

// drawCalls draws callers that come and leave at moments that differ by
// nanoseconds, because what happens in the same moment has no order.
func drawCalls(rt *rapid.T) []call {
	calls := make([]call, rapid.IntRange(1, 40).Draw(rt, "callers"))
	for i := range calls {
		calls[i].key = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "key")
		calls[i].at = drawTime(rt, 30*time.Second, "at") + time.Duration(2*i)
		if rapid.IntRange(0, 2).Draw(rt, "impatient") == 0 {
			calls[i].leaves = drawTime(rt, 30*time.Second, "leaves") + 1
		}
	}
	return calls
}

func TestJoiningIsAsInTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{
			limit:   Limit{Requests: rapid.IntRange(0, 3).Draw(rt, "limit"), Window: 10 * time.Second},
			latency: drawTime(rt, 5*time.Second, "latency") + time.Millisecond,
			calls:   drawCalls(rt),
		}
		m.run()
		var sent []time.Duration
		told := make([]modelTold, len(m.calls))
		synctest.Test(t, func(*testing.T) {
			w := newWire(m.limit)
			w.latency = m.latency
			for i, a := range w.ask(m.calls...) {
				told[i] = modelTold{never, a.At}
				if a.Served >= 0 {
					told[i].Sent = w.sent[a.Served]
				}
			}
			sent = slices.Sorted(slices.Values(w.sent))
		})
		if diff := gocmp.Diff(m.sent, sent); diff != "" {
			rt.Error("sent (-model +got):\n" + diff)
		}
		if diff := gocmp.Diff(m.told, told); diff != "" {
			rt.Error("told (-model +got):\n" + diff)
		}
	})
}

func TestNobodyIsServedByARequestFromBeforeItAsked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		limit := Limit{Requests: rapid.IntRange(0, 3).Draw(rt, "limit"), Window: 10 * time.Second}
		calls := drawCalls(rt)
		fails := rapid.SliceOfN(rapid.Bool(), 0, 30).Draw(rt, "fails")
		latency, backoff := drawTime(rt, 5*time.Second, "latency")+time.Millisecond, drawTime(rt, 10*time.Second, "backoff")
		held := drawTime(rt, 10*time.Second, "held")
		var err error
		synctest.Test(t, func(*testing.T) {
			w := newWire(limit)
			w.latency, w.backoff = latency, backoff
			w.fail = func(n int) error {
				if n < len(fails) && fails[n] {
					return errUpstream
				}
				return nil
			}
			w.before = func(ctx context.Context) error {
				sleep(ctx, held)
				return nil
			}
			err = unserved(w, calls, w.ask(calls...))
			if left := len(w.group.waiting); left > 0 {
				err = fmt.Errorf("%d purges are left that others would join", left)
			}
			if limit.Requests > 0 && err == nil {
				err = burst(slices.Sorted(slices.Values(w.sent)), limit)
			}
			if limit.Requests > 0 && err == nil {
				err = lostPlaces(w.window, limit)
			}
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// unserved finds a call that was not told the truth, or not in time.
func unserved(w *wire, calls []call, answers []told) error {
	for i, a := range answers {
		c := calls[i]
		switch {
		case a.Err == "" && w.sent[a.Served] < c.at:
			return fmt.Errorf("asked at %s, and was served by a request of %s", c.at, w.sent[a.Served])
		case a.Err == "" && a.At != w.sent[a.Served]+w.latency:
			return fmt.Errorf("served at %s by a request of %s", a.At, w.sent[a.Served])
		case a.Err != "" && c.leaves == 0:
			return fmt.Errorf("told %q without having left", a.Err)
		case a.Err != "" && a.At != c.at+c.leaves:
			return fmt.Errorf("left at %s, and returned at %s", c.at+c.leaves, a.At)
		}
	}
	return nil
}
