// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// roomy gives the fakes as many objects as a test of many purges needs, and lifts
// the limits that the test is not about.
func roomy(n int) func(*bench, map[string]string) {
	return func(b *bench, _ map[string]string) {
		b.CDN.PurgesPerMinute = 0
		for i := range n {
			b.MSTR.Projects = append(b.MSTR.Projects, mstrtest.Project{ID: fmt.Sprintf("%032X", i+1), Name: "one of many"})
			install := b.WPEngine.Installs[1]
			install.ID = fmt.Sprintf("%08x-0000-4000-8000-000000000000", i+1)
			b.WPEngine.Installs = append(b.WPEngine.Installs, install)
		}
	}
}

// sideBySide is the number of operations that Terraform runs in parallel.
const sideBySide = 10

// purgeMany purges n things as Terraform does with count = n. It returns the number
// of errors by kind.
func (b *bench) purgeMany(n, parallel int) map[string]int {
	ctx, outcomes := b.t.Context(), make(map[string]int)
	next := make(chan int)
	go func() {
		defer close(next)
		for i := range n {
			next <- i + 1
		}
	}()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			for i := range next {
				d := purge(b.more(i))(ctx, b)
				outcome := "accepted"
				if d.diag != nil {
					outcome = kinds[d.kind]
					_, _ = b.Write([]byte(d.diag.Summary() + d.diag.Detail()))
				}
				mu.Lock()
				outcomes[outcome]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return outcomes
}

// count returns the number of requests of an operation in the journal.
func (b *bench) count(operation string) int { return len(b.Journal.Select(operation)) }

// fast lifts the provider's own rate limit for the CDN.
func fast(b *bench, _ map[string]string) { b.perMinute = 6000 }

func TestManyPurgesAgainstADeadServer(t *testing.T) {
	t.Parallel()
	const n = 300
	broken := map[string]func(b *bench, r exchange){
		"returns 503": func(b *bench, r exchange) { b.fail(r.name, forever, reply(503, "")) },
		"returns 500": func(b *bench, r exchange) { b.fail(r.name, forever, reply(500, "")) },
		"resets connections": func(b *bench, r exchange) {
			b.fail(r.name, forever, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		},
		"refuses connections": func(b *bench, r exchange) { b.dial(exchange{after: r.after}, forever, wiretest.Refuse) },
	}
	forEachAPI(t, func(t *testing.T, target *target) {
		for _, at := range apis[target.name].requests {
			if at.name != "login" && at.name != apis[target.name].begin() {
				continue
			}
			for how, breakIt := range broken {
				t.Run(at.name+" "+how, func(t *testing.T) {
					t.Parallel()
					onBench(t, target, func(b *bench) {
						breakIt(b, at)
						outcomes := b.purgeMany(n, sideBySide)
						if outcomes["accepted"] > 0 || len(outcomes) != 1 {
							t.Errorf("the purges ended as %v", outcomes)
						}
						limit := 200 // an outage, during which one request goes first
						if at.name == b.begin() && how == "returns 500" {
							limit = 5 * n // the API itself fails each of them
						}
						if sent := max(b.count(at.name), len(b.network.Dialed())); sent > limit+at.after {
							t.Errorf("%d requests for %d purges, want %d at most", sent, n, limit)
						}
					}, roomy(n), fast)
				})
			}
		}
	})
}

func TestATokenThatExpiresInTheMiddleOfManyPurges(t *testing.T) {
	t.Parallel()
	const n = 1000
	forEachAPI(t, func(t *testing.T, target *target) {
		if apis[target.name].expire == nil {
			t.Skip("its credentials do not expire")
		}
		onBench(t, target, func(b *bench) {
			// One of the requests in flight is slow. Its 401 arrives when the new
			// token is already in use.
			var purges atomic.Int64
			b.around(func(operation string, next http.HandlerFunc) http.HandlerFunc {
				if operation != b.begin() {
					return next
				}
				now := purges.Add(1)
				return func(w http.ResponseWriter, r *http.Request) {
					if now == n/2 {
						b.expire(b.Sandbox)
					}
					if now%7 == 0 {
						<-time.After(time.Duration(now%50) * time.Millisecond)
					}
					next(w, r)
				}
			})
			if got := b.purgeMany(n, sideBySide); got["accepted"] != n {
				t.Errorf("the purges ended as %v", got)
			}
			if logins := b.count("login"); logins != 2 {
				t.Errorf("%d logins, want one at the beginning and one when the token had expired", logins)
			}
			// The session is young, so each request is retried immediately and
			// after 5 seconds.
			if sent := b.count(b.begin()); sent > n+3*sideBySide {
				t.Errorf("%d purges were sent for %d, want three more at most for each of %d at a time", sent, n, sideBySide)
			}
		}, roomy(n), fast)
	})
}

func TestRejectedCredentialsAreSentOnce(t *testing.T) {
	t.Parallel()
	forEachAPI(t, func(t *testing.T, target *target) {
		onBench(t, target, func(b *bench) {
			if got := b.purgeMany(50, 50); got["credentials"] != 50 {
				t.Errorf("the purges ended as %v", got)
			}
			if sent := len(b.Journal.Entries()); sent != 1 {
				t.Errorf("%d requests, want one: accounts lock", sent)
			}
		}, roomy(50), func(b *bench, env map[string]string) {
			for name := range secretsIn(t, env) {
				env[name] = "wrong-" + strings.ToLower(name)
			}
			env["PURGE_HTTP_CACHE_HEADERS"] = withHeader("", b.HTTPCache.KeyHeader, "wrong-key")
		})
	})
}

func TestARateLimitedResponsePausesAll(t *testing.T) {
	t.Parallel()
	const n = 200
	forEachAPI(t, func(t *testing.T, target *target) {
		onBench(t, target, func(b *bench) {
			if b.crowd != nil {
				b.more = b.crowd
			}
			b.before = func(*http.Request) { <-time.After(time.Second) } // otherwise, the first request would not be ahead of the others
			b.fail(b.begin(), 1, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "60")
				w.WriteHeader(http.StatusTooManyRequests)
			})
			if got := b.purgeMany(n, n); got["accepted"] != n {
				t.Errorf("the purges ended as %v", got)
			}
			var limited, later []time.Time
			for _, e := range b.Journal.Select(b.begin()) {
				switch {
				case e.Status == http.StatusTooManyRequests:
					limited = append(limited, e.Time)
				case len(limited) > 0 && e.Time.After(limited[0].Add(time.Second)): // the requests in flight have arrived
					later = append(later, e.Time)
				}
			}
			if len(limited) != 1 {
				t.Fatalf("%d rate-limited responses, want 1", len(limited))
			}
			slices.SortFunc(later, time.Time.Compare)
			if wait := later[0].Sub(limited[0]); wait < time.Minute {
				t.Errorf("a request was sent %s after the rate-limited response, want none for a minute", wait)
			}
			if len(later) > 1 && later[1].Sub(later[0]) < time.Second {
				t.Errorf("the second request was sent %s after the first, want it only after the first was accepted", later[1].Sub(later[0]))
			}
		}, roomy(n), fast)
	})
}

// Identical purges are coalesced with one that waits. Here it waits because of a
// rate-limited response, which is the same for every system, whatever its quota.
func TestWaitingIdenticalPurgesAreCoalesced(t *testing.T) {
	t.Parallel()
	const n = 20
	forEachAPI(t, func(t *testing.T, target *target) {
		onBench(t, target, func(b *bench) {
			b.more = func(int) model { return b.purge() }
			b.fail(b.begin(), 1, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "60")
				w.WriteHeader(http.StatusTooManyRequests)
			})
			first := make(chan map[string]int)
			go func() { first <- b.purgeMany(1, 1) }()
			<-time.After(10 * time.Second) // the purge then waits
			if got := b.purgeMany(n, n); got["accepted"] != n {
				t.Errorf("the purges ended as %v", got)
			}
			if got := <-first; got["accepted"] != 1 {
				t.Errorf("the first purge ended as %v", got)
			}
			if sent := b.count(b.begin()); sent != 2 {
				t.Errorf("%d purges were sent, want the rate-limited one and one for all: identical waiting purges are coalesced by quota.Do, "+
					"and wait in the Quota of their requests", sent)
			}
		})
	})
}

// TestAClosedProviderSendsNothing closes the provider during purges, as Terraform
// does when it shuts the provider down.
func TestAClosedProviderSendsNothing(t *testing.T) {
	t.Parallel()
	forEachAPI(t, func(t *testing.T, target *target) {
		onBench(t, target, func(b *bench) {
			if got := b.purgeMany(1, 1); got["accepted"] != 1 {
				t.Fatalf("the purges ended as %v", got)
			}
			for _, c := range b.clients.open {
				if err := c.Close(context.Background()); err != nil {
					t.Error(err)
				}
			}
			if b.sessions == nil {
				return
			}
			sent := len(b.Journal.Entries())
			if got := b.purgeMany(1, 1); got["accepted"] > 0 {
				t.Errorf("the purges ended as %v", got)
			}
			if now := len(b.Journal.Entries()); now != sent {
				t.Errorf("%d requests were sent after the end of the session", now-sent)
			}
		}, roomy(1), fast)
	})
}
