// SPDX-License-Identifier: MPL-2.0

package clienttest

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// Load describes the purges of one API for tests of outages.
type Load struct {
	// Purge sends the i-th purge, from 0.
	Purge func(ctx context.Context, i int) error
	// Timeout is the timeout of each purge.
	Timeout time.Duration
	// Usual is how long 1,000 purges take without an outage.
	Usual time.Duration
	// Accepted and Limited are the statuses of an accepted and of a rate-limited
	// purge.
	Accepted, Limited int
}

// parallelism is how many operations Terraform runs in parallel.
const parallelism = 10

// Outages contains the ways in which a host can be down.
var Outages = map[string]func(*Bubble){
	"refused":  func(b *Bubble) { b.cut(wiretest.Refuse) },
	"NXDOMAIN": func(b *Bubble) { b.cut(wiretest.UnknownHost) },
	"reset":    func(b *Bubble) { b.Divert(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }) },
	"503":      func(b *Bubble) { b.Divert(Respond(http.StatusServiceUnavailable, nil, "")) },
	"hanging":  func(b *Bubble) { b.Divert(hang) },
}

// hang waits until the client closes the connection.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // otherwise the server does not notice a closed connection
	<-r.Context().Done()
}

// cut sets a fault for all connections and breaks the open ones.
func (b *Bubble) cut(f wiretest.Fault) {
	b.Network.Set(f)
	b.Network.Break()
}

// EndOutage ends an outage.
func (b *Bubble) EndOutage() {
	b.Network.Set(nil)
	b.Divert(nil)
}

// MaxInFlight returns the maximum number of requests that were in flight at the
// same time.
func (b *Bubble) MaxInFlight() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.maxInFlight
}

// met returns the number of dials and diverted requests so far.
func (b *Bubble) met() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.Network.Dialed()) + b.diverts
}

// Outage starts an outage after a delay and ends it after lasts. The returned
// function waits for the end and returns how many dials and requests failed in
// the outage.
func (b *Bubble) Outage(how string, after, lasts time.Duration) (met func() int) {
	var before, during int
	over := make(chan struct{})
	go func() {
		defer close(over)
		<-time.After(after)
		before = b.met()
		Outages[how](b)
		<-time.After(lasts)
		b.EndOutage()
		during = b.met() - before
	}()
	return func() int {
		<-over
		return during
	}
}

// Run sends n purges, as many in parallel as Terraform, and returns the errors.
func (b *Bubble) Run(l Load, n int) []error {
	errs := make([]error, n)
	next := make(chan int)
	var wg sync.WaitGroup
	for range parallelism {
		wg.Go(func() {
			for i := range next {
				ctx, cancel := context.WithTimeout(b.T.Context(), l.Timeout)
				errs[i] = l.Purge(ctx, i)
				b.Show(errs[i])
				cancel()
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return errs
}

// wantDelivered fails the test for each purge that failed.
func (b *Bubble) wantDelivered(errs []error) {
	b.T.Helper()
	texts := make(map[string]int)
	for _, err := range errs {
		if err != nil {
			texts[err.Error()]++
		}
	}
	for text, times := range texts {
		b.T.Errorf("%d of %d purges failed: %s", times, len(errs), text)
	}
}

func (b *Bubble) wantWithin(limit time.Duration) {
	b.T.Helper()
	if took := b.Elapsed(); took > limit {
		b.T.Errorf("the purges took %s, want %s at most", took, limit)
	}
}

func (b *Bubble) wantFew(met int) {
	b.T.Helper()
	if met > 60 {
		b.T.Errorf("%d dials and requests failed in the outage, want 60 at most", met)
	}
}

func (b *Bubble) wantNoneLimited(l Load) {
	b.T.Helper()
	for _, status := range b.Statuses("purge") {
		if status == l.Limited {
			b.T.Error("a purge was rate-limited")
			return
		}
	}
}

// few purges are sufficient if the number proves nothing.
const many, few = 1000, 250

// TestOutages sends up to 1,000 purges of an API during outages. run runs a test with
// a new bubble, in which only Latency may differ from its default.
func TestOutages(t *testing.T, run func(t *testing.T, test func(b *Bubble, l Load))) {
	t.Helper()
	t.Run("in the middle", func(t *testing.T) { testInTheMiddle(t, run) })
	t.Run("from the start", func(t *testing.T) { testFromTheStart(t, run) })
	t.Run("flapping", func(t *testing.T) { testFlapping(t, run) })
	t.Run("an hour", func(t *testing.T) { testAnHour(t, run) })
	t.Run("random 503s", func(t *testing.T) { testRandom(t, run) })
	t.Run("many waiters", func(t *testing.T) { testManyWaiters(t, run) })
}

type runFunc = func(t *testing.T, test func(b *Bubble, l Load))

func testInTheMiddle(t *testing.T, run runFunc) {
	t.Helper()
	for how := range Outages {
		for _, lasts := range []time.Duration{5 * time.Second, 20 * time.Second, time.Minute, 5 * time.Minute} {
			t.Run(fmt.Sprintf("%s for %s", how, lasts), func(t *testing.T) {
				t.Parallel()
				run(t, func(b *Bubble, l Load) {
					met := b.Outage(how, l.Usual/3, lasts)
					b.wantDelivered(b.Run(l, many))
					took, during := b.Elapsed(), met()
					b.wantFew(during)
					b.wantNoneLimited(l)
					// The client waits for a hanging probe, and the next probe is late.
					b.wantWithin(l.Usual + lasts + min(lasts, 30*time.Second) + 90*time.Second)
					// For the benchmark's table.
					t.Attr("finished", took.Round(time.Second).String())
					t.Attr("minimum", (l.Usual + lasts).String())
					t.Attr("requests", strconv.Itoa(during))
				})
			})
		}
	}
}

// testFromTheStart tests an apply that starts during an outage. Its host has
// not responded yet, so each purge waits for 2 minutes at most.
func testFromTheStart(t *testing.T, run runFunc) {
	t.Helper()
	const lasts = 100 * time.Second
	for how := range Outages {
		if how == "NXDOMAIN" {
			continue // an unknown host is an error immediately
		}
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			run(t, func(b *Bubble, l Load) {
				l.Usual /= many / few
				met := b.Outage(how, 0, lasts)
				<-time.After(time.Millisecond)
				b.wantDelivered(b.Run(l, few))
				b.wantFew(met())
				b.wantNoneLimited(l)
				b.wantWithin(l.Usual + lasts + 2*time.Minute)
			})
		})
	}
}

// testFlapping tests a host that goes down and up every 3 seconds for 2
// minutes.
func testFlapping(t *testing.T, run runFunc) {
	t.Helper()
	for how := range Outages {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			run(t, func(b *Bubble, l Load) {
				over := make(chan struct{})
				go func() {
					defer close(over)
					<-time.After(time.Second)
					for range 20 {
						Outages[how](b)
						<-time.After(3 * time.Second)
						b.EndOutage()
						<-time.After(3 * time.Second)
					}
				}()
				b.wantDelivered(b.Run(l, many))
				<-over
				b.wantNoneLimited(l)
				b.wantWithin(l.Usual + 4*time.Minute)
			})
		})
	}
}

// testAnHour tests that all purges together wait for one timeout of 20 minutes
// in an outage of an hour, not for one timeout each.
func testAnHour(t *testing.T, run runFunc) {
	t.Helper()
	for how := range Outages {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			run(t, func(b *Bubble, l Load) {
				l.Timeout = 20 * time.Minute
				met := b.Outage(how, 5*time.Second, time.Hour)
				errs := b.Run(l, many)
				b.wantWithin(22 * time.Minute)
				failed := 0
				for _, err := range errs {
					if err == nil {
						continue
					}
					failed++
					if e, ok := err.(*transport.Error); !ok || e.Kind != transport.KindOutage || e.Down < 19*time.Minute { //nolint:errorlint // Do returns an *Error
						b.T.Errorf("a purge returned %v", err)
					}
				}
				if failed < many/2 {
					b.T.Errorf("%d purges failed", failed)
				}
				if n := met(); n > 150 {
					b.T.Errorf("%d dials and requests failed in the outage", n)
				}
			})
		})
	}
}

// testRandom tests that a host that fails some requests at random is not down.
// The limits are what a backoff without the wait for the host took.
func testRandom(t *testing.T, run runFunc) {
	t.Helper()
	for percent, limit := range map[int]float64{1: 1.1, 5: 1.4, 20: 2.8} {
		t.Run(fmt.Sprintf("%d percent", percent), func(t *testing.T) {
			t.Parallel()
			run(t, func(b *Bubble, l Load) {
				var mu sync.Mutex
				chance := rand.New(rand.NewPCG(1, uint64(percent))) //nolint:gosec // reproducible
				b.Sometimes(func() bool {
					mu.Lock()
					defer mu.Unlock()
					return chance.IntN(100) < percent
				}, Respond(http.StatusServiceUnavailable, nil, ""))
				b.wantDelivered(b.Run(l, many))
				b.wantNoneLimited(l)
				b.wantWithin(time.Duration(limit * float64(l.Usual)))
			})
		})
	}
}

// testManyWaiters tests that 2,000 purges that wait for a host use 16
// connections when it is up again. A constant response replaces the fake, which
// limits the rate.
func testManyWaiters(t *testing.T, run runFunc) {
	t.Helper()
	run(t, func(b *Bubble, l Load) {
		const waiters = 2_000
		if err := l.Purge(b.T.Context(), 0); err != nil {
			t.Fatal(err)
		}
		b.Divert(Respond(l.Accepted, nil, ""))
		b.cut(wiretest.Refuse)
		before := b.met()
		var met int
		time.AfterFunc(time.Minute, func() {
			met = b.met() - before
			b.Network.Set(nil)
		})
		ctx, cancel := context.WithTimeout(b.T.Context(), 24*time.Hour)
		defer cancel()
		b.wantDelivered(Together(waiters, func(i int) error { return l.Purge(ctx, i+1) }))
		b.wantFew(met)
		Diff(t, "requests in flight", maxConnections, b.MaxInFlight())
		b.Divert(nil)
	})
}

// maxConnections is the maximum number of connections of a client to one host.
const maxConnections = 16
