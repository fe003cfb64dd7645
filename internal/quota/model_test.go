// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// model computes the results of calls if no request fails: exactly when the
// requests are sent, and which calls each one serves.
type model struct {
	limit   Limit
	latency time.Duration
	calls   []call

	queue    []*modelPurge
	frees    []time.Duration // when the slots of sent requests are free again
	sent     []time.Duration
	outcomes []modelOutcome
}

type modelPurge struct {
	key     string
	created time.Duration
	callers []int
}

// modelOutcome is the result of a call. Sent is never if no request served it.
type modelOutcome struct{ Sent, At time.Duration }

func (m *model) run() {
	m.outcomes = make([]modelOutcome, len(m.calls))
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
	for _, p := range m.queue {
		if p.key == c.key {
			p.callers = append(p.callers, caller)
			return
		}
	}
	m.queue = append(m.queue, &modelPurge{key: c.key, created: c.at, callers: []int{caller}})
}

func (m *model) leave(caller int, at time.Duration) {
	for i, p := range m.queue {
		if place := slices.Index(p.callers, caller); place >= 0 {
			m.outcomes[caller] = modelOutcome{never, at}
			p.callers = slices.Delete(p.callers, place, place+1)
			if len(p.callers) == 0 {
				m.queue = slices.Delete(m.queue, i, i+1)
			}
			return
		}
	}
}

// sendUntil sends all purges that can be sent before a time.
func (m *model) sendUntil(at time.Duration) {
	for len(m.queue) > 0 {
		p := m.queue[0]
		begins := p.created
		if k := len(m.frees) - m.limit.Requests; m.limit.Requests > 0 && k >= 0 {
			slices.Sort(m.frees)
			begins = max(begins, m.frees[k])
		}
		if begins >= at {
			return
		}
		m.queue = m.queue[1:]
		m.send(p, begins)
	}
}

func (m *model) send(p *modelPurge, begins time.Duration) {
	m.sent = append(m.sent, begins)
	ends := begins // or when the last caller leaves
	for _, r := range p.callers {
		c := m.calls[r]
		if c.leaves > 0 && c.at+c.leaves < begins+m.latency {
			m.outcomes[r] = modelOutcome{never, c.at + c.leaves}
		} else {
			m.outcomes[r] = modelOutcome{begins, begins + m.latency}
		}
		ends = max(ends, m.outcomes[r].At)
	}
	m.frees = append(m.frees, ends+m.limit.Window)
}

// drawCalls draws callers whose times differ by nanoseconds, because events at
// the same time have no order.
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

func TestCoalescingMatchesTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{
			limit:   Limit{Requests: rapid.IntRange(0, 3).Draw(rt, "limit"), Window: 10 * time.Second},
			latency: drawTime(rt, 5*time.Second, "latency") + time.Millisecond,
			calls:   drawCalls(rt),
		}
		m.run()
		var sent []time.Duration
		outcomes := make([]modelOutcome, len(m.calls))
		synctest.Test(t, func(*testing.T) {
			w := newSender(m.limit)
			w.latency = m.latency
			for i, a := range w.run(m.calls...) {
				outcomes[i] = modelOutcome{never, a.At}
				if a.Served >= 0 {
					outcomes[i].Sent = w.sent[a.Served]
				}
			}
			sent = slices.Sorted(slices.Values(w.sent))
		})
		if diff := cmp.Diff(m.sent, sent); diff != "" {
			rt.Error("sent (-model +got):\n" + diff)
		}
		if diff := cmp.Diff(m.outcomes, outcomes); diff != "" {
			rt.Error("outcomes (-model +got):\n" + diff)
		}
	})
}

func TestNoCallIsServedByAnEarlierRequest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		limit := Limit{Requests: rapid.IntRange(0, 3).Draw(rt, "limit"), Window: 10 * time.Second}
		calls := drawCalls(rt)
		fails := rapid.SliceOfN(rapid.Bool(), 0, 30).Draw(rt, "fails")
		latency, backoff := drawTime(rt, 5*time.Second, "latency")+time.Millisecond, drawTime(rt, 10*time.Second, "backoff")
		held := drawTime(rt, 10*time.Second, "held")
		var err error
		synctest.Test(t, func(*testing.T) {
			w := newSender(limit)
			w.latency, w.backoff = latency, backoff
			w.fail = func(n int) error {
				if n < len(fails) && fails[n] {
					return errServer
				}
				return nil
			}
			w.before = func(ctx context.Context) error {
				sleep(ctx, held)
				return nil
			}
			err = unserved(w, calls, w.run(calls...))
			if left := len(w.group.waiting); left > 0 {
				err = fmt.Errorf("%d purges are still waiting in the group", left)
			}
			if limit.Requests > 0 && err == nil {
				err = burst(slices.Sorted(slices.Values(w.sent)), limit)
			}
			if limit.Requests > 0 && err == nil {
				err = lostSlots(w.window, limit)
			}
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// unserved returns an error for a call with a wrong result, or one at the wrong
// time.
func unserved(w *sender, calls []call, outcomes []outcome) error {
	for i, a := range outcomes {
		c := calls[i]
		switch {
		case a.Err == "" && w.sent[a.Served] < c.at:
			return fmt.Errorf("called at %s, and was served by a request sent at %s", c.at, w.sent[a.Served])
		case a.Err == "" && a.At != w.sent[a.Served]+w.latency:
			return fmt.Errorf("served at %s by a request sent at %s", a.At, w.sent[a.Served])
		case a.Err != "" && c.leaves == 0:
			return fmt.Errorf("error %q for a caller that did not leave", a.Err)
		case a.Err != "" && a.At != c.at+c.leaves:
			return fmt.Errorf("left at %s, and returned at %s", c.at+c.leaves, a.At)
		}
	}
	return nil
}
