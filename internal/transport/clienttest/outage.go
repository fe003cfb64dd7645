// SPDX-License-Identifier: MPL-2.0

package clienttest

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// Load is the purges of one system, for tests of outages.
type Load struct {
	// Purge sends the i-th purge, from 0.
	Purge func(ctx context.Context, i int) error
	// Timeout is that of each purge.
	Timeout time.Duration
	// Usual is how long a thousand of them take.
	Usual time.Duration
	// Accepted and Limited are the statuses of a purge that was accepted and of
	// one that was too fast.
	Accepted, Limited int
}

// sideBySide is how many operations Terraform runs at a time.
const sideBySide = 10

// Outages are the ways in which a host can be down.
var Outages = map[string]func(*Bubble){
	"refused":  func(b *Bubble) { b.cut(wiretest.Refuse) },
	"NXDOMAIN": func(b *Bubble) { b.cut(wiretest.UnknownHost) },
	"reset":    func(b *Bubble) { b.Divert(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }) },
	"503":      func(b *Bubble) { b.Divert(Answer(http.StatusServiceUnavailable, nil, "")) },
	"hanging":  func(b *Bubble) { b.Divert(hang) },
}

// hang waits until the client has left.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // or the server does not look
	<-r.Context().Done()
}

// cut makes a fault that of all connections, those that are open included.
func (b *Bubble) cut(f wiretest.Fault) {
	b.Network.Set(f)
	b.Network.Break()
}

// Mend ends an outage.
func (b *Bubble) Mend() {
	b.Network.Set(nil)
	b.Divert(nil)
}

// Most is how many requests were in flight at a time.
func (b *Bubble) Most() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.most
}

// met is how many dials and requests met an outage.
func (b *Bubble) met() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.Network.Dialed()) + b.diverts
}

// Outage begins an outage after a time and ends it after another. It returns how
// many dials and requests met it, when it is over.
func (b *Bubble) Outage(how string, after, lasts time.Duration) (met func() int) {
	var before, during int
	over := make(chan struct{})
	go func() {
		defer close(over)
		<-time.After(after)
		before = b.met()
		Outages[how](b)
		<-time.After(lasts)
		b.Mend()
		during = b.met() - before
	}()
	return func() int {
		<-over
		return during
	}
}

// Run sends n purges as Terraform does, and returns the errors.
func (b *Bubble) Run(l Load, n int) []error {
	errs := make([]error, n)
	next := make(chan int)
	var wg sync.WaitGroup
	for range sideBySide {
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

// delivered fails the test for each purge that was not.
func (b *Bubble) delivered(errs []error) {
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

func (b *Bubble) within(limit time.Duration) {
	b.T.Helper()
	if took := b.Elapsed(); took > limit {
		b.T.Errorf("all took %s, want %s at most", took, limit)
	}
}

func (b *Bubble) tens(met int) {
	b.T.Helper()
	if met > 60 {
		b.T.Errorf("%d dials and requests met the outage, want tens", met)
	}
}

func (b *Bubble) noneLimited(l Load) {
	b.T.Helper()
	for _, status := range b.Statuses("purge") {
		if status == l.Limited {
			b.T.Error("a purge was too fast for the system's limit")
			return
		}
	}
}

const many = 1000

// TestOutages puts a thousand purges of a system through outages. In runs a
// test in a new world, which has to use the default of everything but Latency.
func TestOutages(t *testing.T, in func(t *testing.T, test func(b *Bubble, l Load))) {
	t.Helper()
	t.Run("in the middle", func(t *testing.T) { testInTheMiddle(t, in) })
	t.Run("from the start", func(t *testing.T) { testFromTheStart(t, in) })
	t.Run("flapping", func(t *testing.T) { testFlapping(t, in) })
	t.Run("an hour", func(t *testing.T) { testAnHour(t, in) })
	t.Run("random 503s", func(t *testing.T) { testRandom(t, in) })
	t.Run("many waiters", func(t *testing.T) { testManyWaiters(t, in) })
}

type worlds = func(t *testing.T, test func(b *Bubble, l Load))

func testInTheMiddle(t *testing.T, in worlds) {
	t.Helper()
	for how := range Outages {
		for _, lasts := range []time.Duration{5 * time.Second, 20 * time.Second, time.Minute, 5 * time.Minute} {
			t.Run(fmt.Sprintf("%s for %s", how, lasts), func(t *testing.T) {
				t.Parallel()
				in(t, func(b *Bubble, l Load) {
					met := b.Outage(how, l.Usual/3, lasts)
					b.delivered(b.Run(l, many))
					b.tens(met())
					b.noneLimited(l)
					// A hanging probe is waited for, and the next one is late.
					b.within(l.Usual + lasts + min(lasts, 30*time.Second) + 90*time.Second)
				})
			})
		}
	}
}

// testFromTheStart: an apply that starts in an outage is not yet sure of the
// address, and waits for two minutes.
func testFromTheStart(t *testing.T, in worlds) {
	t.Helper()
	const lasts = 100 * time.Second
	for how := range Outages {
		if how == "NXDOMAIN" {
			continue // most likely a typo
		}
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			in(t, func(b *Bubble, l Load) {
				met := b.Outage(how, 0, lasts)
				<-time.After(time.Millisecond)
				b.delivered(b.Run(l, many))
				b.tens(met())
				b.noneLimited(l)
				b.within(l.Usual + lasts + 2*time.Minute)
			})
		})
	}
}

// testFlapping: every three seconds up or down, for two minutes.
func testFlapping(t *testing.T, in worlds) {
	t.Helper()
	for how := range Outages {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			in(t, func(b *Bubble, l Load) {
				over := make(chan struct{})
				go func() {
					defer close(over)
					<-time.After(time.Second)
					for range 20 {
						Outages[how](b)
						<-time.After(3 * time.Second)
						b.Mend()
						<-time.After(3 * time.Second)
					}
				}()
				b.delivered(b.Run(l, many))
				<-over
				b.noneLimited(l)
				b.within(l.Usual + 4*time.Minute)
			})
		})
	}
}

// testAnHour: an outage of an hour costs one timeout of twenty minutes, and not
// one for each ten purges.
func testAnHour(t *testing.T, in worlds) {
	t.Helper()
	for how := range Outages {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			in(t, func(b *Bubble, l Load) {
				l.Timeout = 20 * time.Minute
				met := b.Outage(how, 5*time.Second, time.Hour)
				errs := b.Run(l, many)
				b.within(22 * time.Minute)
				failed := 0
				for _, err := range errs {
					if err == nil {
						continue
					}
					failed++
					if e, ok := err.(*transport.Error); !ok || e.Kind != transport.KindOutage || e.Down < 19*time.Minute { //nolint:errorlint // as Do returns it
						b.T.Errorf("a purge ended with %v", err)
					}
				}
				if failed < many/2 {
					b.T.Errorf("%d purges failed", failed)
				}
				if n := met(); n > 150 {
					b.T.Errorf("%d dials and requests met the outage", n)
				}
			})
		})
	}
}

// testRandom: a host that fails some requests at random is not down. The limits
// are what it took with backoff only, before there was a wait for the host.
func testRandom(t *testing.T, in worlds) {
	t.Helper()
	for percent, limit := range map[int]float64{1: 1.1, 5: 1.4, 20: 2.8} {
		t.Run(fmt.Sprintf("%d percent", percent), func(t *testing.T) {
			t.Parallel()
			in(t, func(b *Bubble, l Load) {
				var mu sync.Mutex
				chance := rand.New(rand.NewPCG(1, uint64(percent))) //nolint:gosec // the same each time
				b.Sometimes(func() bool {
					mu.Lock()
					defer mu.Unlock()
					return chance.IntN(100) < percent
				}, Answer(http.StatusServiceUnavailable, nil, ""))
				b.delivered(b.Run(l, many))
				b.noneLimited(l)
				b.within(time.Duration(limit * float64(l.Usual)))
			})
		})
	}
}

// testManyWaiters: twenty thousand that wait for a host use sixteen connections
// when it is back. The fake is left out, which is not made for so many.
func testManyWaiters(t *testing.T, in worlds) {
	t.Helper()
	in(t, func(b *Bubble, l Load) {
		const waiters = 20_000
		if err := l.Purge(b.T.Context(), 0); err != nil {
			t.Fatal(err)
		}
		b.Divert(Answer(l.Accepted, nil, ""))
		b.cut(wiretest.Refuse)
		before := b.met()
		var met int
		time.AfterFunc(time.Minute, func() {
			met = b.met() - before
			b.Network.Set(nil)
		})
		ctx, cancel := context.WithTimeout(b.T.Context(), 24*time.Hour)
		defer cancel()
		b.delivered(Together(waiters, func(i int) error { return l.Purge(ctx, i+1) }))
		b.tens(met)
		Diff(t, "requests at a time", maxConnections, b.Most())
		b.Divert(nil)
	})
}

// maxConnections is how many a client opens to one host.
const maxConnections = 16
