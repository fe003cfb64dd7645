// SPDX-License-Identifier: MPL-2.0

package verify_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
	"github.com/cachepurge/terraform-provider-purge/internal/verify"
	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

// many verifies n paths with new content in parallel.
func (w *world) many(limit time.Duration, n int) []error {
	for i := range n {
		w.Origin.Put(fmt.Sprintf("/%d", i), verifytest.File{Body: content}, 0)
	}
	return clienttest.Together(n, func(i int) error {
		return w.verify(limit, verify.Item{Path: fmt.Sprintf("/%d", i), Want: hexMD5(content)})
	})
}

func TestAtMost16RequestsAreInFlight(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		var now, most atomic.Int64
		around := w.Around
		w.Around = func(operation string, next http.HandlerFunc) http.HandlerFunc {
			return around(operation, func(rw http.ResponseWriter, r *http.Request) {
				defer now.Add(-1)
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				<-time.After(time.Second)
				next(rw, r)
			})
		}
		for _, err := range w.many(time.Minute, 80) {
			wantProven(t, err)
		}
		diff(t, "requests in flight", int64(16), most.Load())
		diff(t, "time", 10*time.Second, w.Elapsed())
	})
}

func TestAPathThatStaysOldDoesNotDelayOthers(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.put("old")
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() { _ = w.verify(time.Minute, verify.Item{Want: hexMD5("new")}) })
		}
		for _, err := range w.many(time.Second, 100) {
			wantProven(t, err)
		}
		group.Wait()
	})
}

func TestRateLimitedHost(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusForbidden, http.StatusTooManyRequests} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				// The limiter accepts ten requests in any ten seconds.
				var mu sync.Mutex
				var passed []time.Time
				limited := 0
				around := w.Around
				w.Around = func(operation string, next http.HandlerFunc) http.HandlerFunc {
					return around(operation, func(rw http.ResponseWriter, r *http.Request) {
						mu.Lock()
						if n := len(passed); n >= 10 && time.Since(passed[n-10]) < 10*time.Second {
							limited++
							mu.Unlock()
							rw.WriteHeader(status)
							return
						}
						passed = append(passed, time.Now())
						mu.Unlock()
						next(rw, r)
					})
				}
				for _, err := range w.many(20*time.Minute, 100) {
					wantProven(t, err)
				}
				if limited > 150 {
					t.Errorf("%d requests were limited, and %d were not", limited, len(passed))
				}
			})
		})
	}
}

func TestParallelResponsesSlowDownOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Latency = 10 * time.Millisecond
		w.Fail("get", 16, respond(http.StatusTooManyRequests, nil, ""))
		for _, err := range w.many(time.Minute, 16) {
			wantProven(t, err)
		}
		if w.Elapsed() > 4*time.Second {
			t.Errorf("it took %s", w.Elapsed())
		}
	})
}

func TestOneDeniedPathHardlySlowsDownOthers(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Origin.Put("/a", verifytest.File{Status: http.StatusForbidden}, 0)
		var group sync.WaitGroup
		group.Go(func() { _ = w.verify(time.Minute, verify.Item{Want: hexMD5("new")}) })
		for _, err := range w.many(time.Minute, 1000) {
			wantProven(t, err)
		}
		if w.Elapsed() > 15*time.Second {
			t.Errorf("1,000 paths took %s", w.Elapsed())
		}
		group.Wait()
	})
}

func TestRetryAfterIsHonored(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		header string
	}{
		"429, seconds": {http.StatusTooManyRequests, "60"},
		"429, a date":  {http.StatusTooManyRequests, "Sat, 01 Jan 2000 00:01:00 GMT"},
		"403":          {http.StatusForbidden, "60"},
		"503":          {http.StatusServiceUnavailable, "60"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("get", 1, respond(test.status, http.Header{"Retry-After": {test.header}}, ""))
				for _, err := range w.many(20*time.Minute, 1) {
					wantProven(t, err)
				}
				for _, err := range w.many(20*time.Minute, 20) {
					wantProven(t, err)
				}
				w.mu.Lock()
				defer w.mu.Unlock()
				for _, r := range w.requests[1:] {
					if r.at < time.Minute {
						t.Errorf("%s was sent after %s", r.uri, r.at)
					}
				}
			})
		})
	}
}

func TestWaitBeyondTheDeadline(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Fail("get", 1, respond(http.StatusTooManyRequests, http.Header{"Retry-After": {"3600"}}, ""))
		err := w.verify(20*time.Minute, verify.Item{Want: hexMD5(content)})
		diff(t, "the error", errorFields{verify.NotSeen, "the site requires a wait of 1 hour, which is longer than the time left; expected content with MD5 digest " +
			hexMD5(content) + ", got 429 Too Many Requests", 1}, fieldsOf(t, err))
		var e *verify.Error
		errors.As(err, &e)
		if w.Elapsed() > time.Second || e.Wait < 59*time.Minute {
			t.Errorf("it took %s to report a wait of %s", w.Elapsed(), e.Wait)
		}
	})
}
