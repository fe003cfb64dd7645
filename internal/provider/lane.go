// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"sync"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
)

// lane sends the requests of a phase to one endpoint. The phase's mu guards it.
type lane struct {
	*phase
	endpoint string
	stopped  context.Context
	halt     func()
	sending  sync.WaitGroup

	queue    []int // requests that are not sent yet
	inFlight int
	parallel int  // maximum number of requests in flight
	judged   int  // requests that the API accepted or rejected
	streak   int  // server errors for requests sent since the latest of these
	reasoned bool // the outcome contains the reason why it stopped
}

// runAt sends the requests to one endpoint.
func (p *phase) runAt(ctx context.Context, endpoint string) {
	stop, halt := context.WithCancel(context.Background())
	defer halt()
	l := &lane{
		phase: p, endpoint: endpoint, stopped: stop, halt: halt,
		queue: p.order(), parallel: min(max(p.parallel, 1), len(p.requests)),
	}
	l.mu.Lock()
	l.start(quota.WithStop(ctx, stop))
	l.mu.Unlock()
	l.sending.Wait()
}

// order returns the indexes of the requests in the order in which they are sent.
// Requests that failed last time come last. Neighbors are far apart, because they
// often fail for the same reason: sorting the indexes by the fractional parts of
// their multiples of the golden ratio spreads each directory evenly over the order.
func (p *phase) order() []int {
	failed := make([]int, len(p.requests)) // 1 if it failed last time
	order := make([]int, len(p.requests))
	for i, r := range p.requests {
		order[i] = i
		if slices.ContainsFunc(r.tasks, func(t int) bool { return p.tasks[t].failed }) {
			failed[i] = 1
		}
	}
	position := func(i int) float64 { return math.Mod(float64(i)*math.Phi, 1) }
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(failed[a], failed[b]), cmp.Compare(position(a), position(b)))
	})
	return order
}

// start sends as many requests as may be in flight. The caller holds mu.
func (l *lane) start(ctx context.Context) {
	for l.inFlight < l.allowed() && len(l.queue) > 0 && l.stopped.Err() == nil {
		i, judged := l.queue[0], l.judged
		l.queue = l.queue[1:]
		l.inFlight++
		l.sending.Go(func() {
			got, err := l.send(ctx, l.requests[i], l.endpoint)
			l.mu.Lock()
			defer l.mu.Unlock()
			l.inFlight--
			l.note(i, got, err, judged == l.judged)
			l.start(ctx)
		})
	}
}

// minServerErrors is the smallest number of server errors that stop a lane.
const minServerErrors = 3

// allowed returns how many requests may be in flight. Each server error allows one
// less, until the API accepts or rejects a request: the others in flight show
// whether the server fails for some paths or for all. If none is allowed, the lane
// stops.
func (l *lane) allowed() int {
	if l.streak < minServerErrors {
		return max(l.parallel-l.streak, 1)
	}
	return l.parallel - l.streak
}

// note records the result of one request. A server error counts only if the API
// accepted or rejected no other request since this one was sent.
func (l *lane) note(i int, got receipt, err error, counts bool) {
	if err == nil {
		l.judge()
		l.accept(i, got)
		return
	}
	o, failed := l.outcome, failure{l.requests[i], l.endpoint, err}
	switch s := l.concerns(err); {
	case s == rejection && l.leaves(l.requests[i]):
		l.judge()
		if l.settle(i, fateDropped) {
			o.dropped = append(o.dropped, failed)
		}
	case s == rejection, s == oneItem:
		l.judge()
		l.fail(i)
		o.failures = append(o.failures, failed)
	case s == theServer:
		l.fail(i)
		o.failures = append(o.failures, failed)
		if counts {
			l.streak++
		}
		if l.allowed() <= 0 {
			l.stop(failed)
		}
	default:
		// The request may have been canceled between two attempts.
		if apiFailed(err) {
			l.fail(i)
		}
		l.stop(failed)
	}
}

// judge records that the API accepted or rejected a request.
func (l *lane) judge() { l.judged, l.streak = l.judged+1, 0 }

// stop ends the lane. The reason is its first error, except ErrStopped, which is a
// consequence.
func (l *lane) stop(f failure) {
	o := l.outcome
	if o.err == nil || errors.Is(o.err, quota.ErrStopped) {
		o.err = f.err
	}
	if !l.reasoned && !errors.Is(f.err, quota.ErrStopped) {
		l.reasoned = true
		o.stops = append(o.stops, f)
	}
	l.halt()
}
