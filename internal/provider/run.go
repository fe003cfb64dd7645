// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// fate is the result of a task.
type fate int

const (
	fateUntried  fate = iota // not sent, or unknown
	fateFailed               // the API returned an error
	fateAccepted             // the API accepted it
	fateDropped              // the API rejected it permanently, and it is no longer configured
)

func (f fate) settled() bool { return f == fateAccepted || f == fateDropped }

func (f fate) open() bool { return !f.settled() }

// request is one request to the API, for one or more tasks.
type request struct {
	name  string // of the item, or a pattern that covers the items of all tasks
	soft  bool   // invalidates a pattern
	tasks []int  // by their index in the batch
}

// oneEach returns a request for each task.
func oneEach(tasks []task) []request {
	requests := make([]request, len(tasks))
	for i, t := range tasks {
		requests[i] = request{name: t.name, tasks: []int{i}}
	}
	return requests
}

func requestsIn(phases [][]request) int { return len(slices.Concat(phases...)) }

// failure is an error of one request.
type failure struct {
	request  request
	endpoint string
	err      error
}

// outcome is the result of a batch.
type outcome struct {
	fates    []fate    // by the index of the task
	accepted int       // requests
	latest   time.Time // when the latest request was accepted
	warnings []warning // without duplicates
	count    int64     // sum over the receipts, of the previous target only if no other was purged
	dropped  []failure
	failures []failure
	err      error     // the reason if the run stopped
	stops    []failure // the reason at each endpoint where it stopped
	// endpoints is the number of endpoints.
	endpoints int
}

// complete reports whether nothing is left to send.
func (o *outcome) complete() bool { return o.err == nil && len(o.failures) == 0 }

// add appends the outcome of a later batch.
func (o *outcome) add(next *outcome) {
	o.fates = append(o.fates, next.fates...)
	o.accepted += next.accepted
	if next.accepted > 0 {
		o.latest, o.count = next.latest, next.count
	}
	for _, w := range next.warnings {
		o.warn(w)
	}
	o.dropped = append(o.dropped, next.dropped...)
	o.failures = append(o.failures, next.failures...)
	o.err = next.err
	o.stops = append(o.stops, next.stops...)
	o.endpoints = next.endpoints
}

// warn adds a warning, unless it is already there.
func (o *outcome) warn(w warning) {
	if w.summary != "" && !slices.Contains(o.warnings, w) {
		o.warnings = append(o.warnings, w)
	}
}

func (o *outcome) purgedAt() types.String {
	return types.StringValue(o.latest.UTC().Format(time.RFC3339))
}

// scope is the set of requests that an error affects.
type scope int

const (
	everyItem scope = iota // all requests: no more are sent
	oneItem                // one request: the others continue
	rejection              // one request, which is dropped if its items are no longer configured
	theServer              // one request, or all of them if it happens repeatedly
)

// batch contains tasks and the requests for them.
type batch struct {
	tasks []task
	// phases are the requests. A phase begins when the previous one is complete.
	phases [][]request
	// endpoints each receive every request. An error that stops one of them does
	// not stop the others. An empty list means a single, unnamed endpoint.
	endpoints []string
	parallel  int // requests in flight at each endpoint
	send      func(ctx context.Context, r request, endpoint string) (receipt, error)
	// concerns returns the scope of an error.
	concerns func(error) scope
	// report is called with the number of accepted requests when it increases.
	report func(accepted int)
}

// run sends a batch. An error that affects only one request does not stop the
// others. After any other error, run sends no more requests and waits for those in
// flight, unless the context ends.
func run(ctx context.Context, b batch) *outcome {
	o := &outcome{fates: make([]fate, len(b.tasks))}
	if len(b.endpoints) == 0 {
		b.endpoints = []string{""}
	}
	o.endpoints = len(b.endpoints)
	for _, requests := range b.phases {
		p := &phase{batch: b, requests: requests, outcome: o, open: make([]int, len(requests))}
		p.run(ctx)
		if o.err != nil {
			break
		}
	}
	for _, failures := range [][]failure{o.failures, o.dropped, o.stops} {
		slices.SortFunc(failures, func(a, b failure) int {
			return cmp.Or(cmp.Compare(a.request.name, b.request.name), cmp.Compare(a.endpoint, b.endpoint))
		})
	}
	return o
}

// phase contains requests that are sent in parallel.
type phase struct {
	batch
	requests []request

	mu      sync.Mutex
	open    []int // number of endpoints at which each request is not settled
	outcome *outcome
}

func (p *phase) run(ctx context.Context) {
	for i := range p.open {
		p.open[i] = len(p.endpoints)
	}
	var all sync.WaitGroup
	for _, endpoint := range p.endpoints {
		all.Go(func() { p.runAt(ctx, endpoint) })
	}
	all.Wait()
}

func (p *phase) accept(i int, got receipt) {
	o := p.outcome
	o.warn(got.warning)
	o.count += got.count
	if got.at.After(o.latest) {
		o.latest = got.at
	}
	if p.settle(i, fateAccepted) {
		o.accepted++
		p.report(o.accepted)
	}
}

// settle records that a request is settled at one endpoint, and reports whether
// it is now settled at all of them.
func (p *phase) settle(i int, f fate) bool {
	p.open[i]--
	if p.open[i] > 0 {
		return false
	}
	for _, t := range p.requests[i].tasks {
		p.outcome.fates[t] = f
	}
	return true
}

func (p *phase) fail(i int) {
	for _, t := range p.requests[i].tasks {
		p.outcome.fates[t] = fateFailed
	}
}

// leaves reports whether a request is only for items that are no longer
// configured.
func (p *phase) leaves(r request) bool {
	return !slices.ContainsFunc(r.tasks, func(i int) bool { return p.tasks[i].reason != reasonRemoved })
}

// apiFailed reports whether the API returned an error for any attempt of a
// request, even if something else ended the request.
func apiFailed(err error) bool {
	var e *transport.Error
	for errors.As(err, &e) {
		if e.Kind == transport.KindInvalid || e.Kind == transport.KindServer {
			return true
		}
		if e.Last == nil {
			return false
		}
		err = e.Last
	}
	return false
}

// verdict returns the API's error about a request, or nil if the request was
// stopped, because the error is then not about it.
func verdict(err error) *transport.Error {
	var e *transport.Error
	if errors.Is(err, quota.ErrStopped) || errors.Is(err, context.Canceled) || !errors.As(err, &e) {
		return nil
	}
	return e
}
