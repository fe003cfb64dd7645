// SPDX-License-Identifier: MPL-2.0

package cdn_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// caller purges at some time after the start.
type caller struct {
	at      time.Duration
	paths   string        // separated by spaces
	hard    bool          // of one path
	other   bool          // on another service
	timeout time.Duration // an hour if it is 0
	leaves  time.Duration // after at; never if it is 0
}

const left = "canceled"

// call returns the result of one caller: the pattern, or the kind of the error.
func (w *world) call(c caller) string {
	time.Sleep(c.at)
	ctx, cancel := context.WithCancel(w.T.Context())
	defer cancel()
	if c.leaves > 0 {
		time.AfterFunc(c.leaves, cancel)
	}
	ctx, stop := quota.WithTimeout(ctx, cmp.Or(c.timeout, time.Hour))
	defer stop()
	service := cdntest.DeployedID
	if c.other {
		service = cdntest.OtherID
	}
	if c.hard {
		return result("hard", w.connect().Purge(ctx, service, c.paths))
	}
	inv, err := w.connect().Invalidate(ctx, service, strings.Fields(c.paths)...)
	if err != nil {
		return result("", err)
	}
	return inv.Pattern
}

func result(accepted string, err error) string {
	var e *transport.Error
	switch {
	case err == nil:
		return accepted
	case errors.As(err, &e) && e.Kind != transport.KindCanceled && e.Kind != transport.KindTimeout:
		return fmt.Sprint(e.Status, " ", e.Doing)
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case errors.Is(err, context.Canceled):
		return left
	default:
		return err.Error()
	}
}

// sent returns the purges in order of arrival, each as "pattern status". Hard
// purges and the other service are marked.
func (w *world) sent() []string {
	var all []string
	for _, e := range w.Journal.Select("purge") {
		fields := strings.Fields(e.Subject)
		text := fmt.Sprint(fields[1], " ", e.Status)
		if fields[2] == "hard=true" {
			text = "hard " + text
		}
		if fields[0] == cdntest.OtherID {
			text = "other " + text
		}
		all = append(all, text)
	}
	return all
}

// TestSoftPurgesOfOneService tests callers at different times: which purges reach
// the server, and the result of each caller.
func TestSoftPurgesOfOneService(t *testing.T) {
	t.Parallel()
	const s = time.Second
	oneAMinute := func(w *world) { w.config.RequestsPerMinute = 1 }
	for sentence, test := range map[string]struct {
		set     func(*world)
		callers []caller
		sent    []string
		results []string
	}{
		"one path is the pattern": {
			callers: []caller{{paths: "/css/a.css"}},
			sent:    []string{"/css/a.css 202"}, results: []string{"/css/a.css"},
		},
		"several paths of one caller are one purge": {
			callers: []caller{{paths: "/css/a.css /css/b/c.css"}},
			sent:    []string{"/css/* 202"}, results: []string{"/css/*"},
		},
		"purges that wait for a deployment are sent as one": {
			callers: []caller{{paths: "/css/a"}, {at: s, paths: "/css/b/c"}, {at: 2 * s, paths: "/css/d /css/e"}, {at: 3 * s, paths: "/css/b/f"}},
			sent:    []string{"/css/a 202", "/css/* 202"}, results: []string{"/css/a", "/css/*", "/css/*", "/css/*"},
		},
		"purges that wait for the rate limit are sent as one": {
			set: oneAMinute,
			callers: []caller{
				{paths: "/x", hard: true, other: true},
				{at: s, paths: "/css/a"},
				{at: 59 * s, paths: "/css/b"},
				{at: 61 * s, paths: "/img/c"},
			},
			sent: []string{"other hard /x 202", "/css/* 202", "/* 202"}, results: []string{"hard", "/css/*", "/css/*", "/*"},
		},
		"purges that wait for a retry are sent with it": {
			set: func(w *world) {
				w.Latency = 5 * s
				w.Fail("purge", 1, respond(http.StatusInternalServerError, nil, ""))
			},
			// The login takes 5 s, and the response to the first request comes after 10 s.
			callers: []caller{{paths: "/css/a"}, {at: 7 * s, paths: "/css/b"}, {at: 16 * s, paths: "/img/c"}},
			sent:    []string{"/css/a 500", "/css/* 202", "/* 202"}, results: []string{"/css/*", "/css/*", "/*"},
		},
		"purges that wait for a change by another client are sent with the first": {
			set: func(w *world) {
				w.SetStatus(cdntest.DeployedID, cdntest.StatusUpdateInProgress)
				time.AfterFunc(30*s, func() { w.SetStatus(cdntest.DeployedID, cdntest.StatusDeployed) })
			},
			callers: []caller{{paths: "/css/a"}, {at: 20 * s, paths: "/css/b"}},
			sent:    []string{"/css/a 400", "/css/* 202"}, results: []string{"/css/*", "/css/*"},
		},
		"purges that wait after a rate-limited response are sent as one": {
			set:     func(w *world) { w.Fail("purge", 1, cdntest.OverLimit(413, "60")) },
			callers: []caller{{paths: "/css/a"}, {at: 30 * s, paths: "/css/b"}},
			sent:    []string{"/css/a 413", "/css/* 202"}, results: []string{"/css/*", "/css/*"},
		},
		"another service has purges of its own": {
			set:     oneAMinute,
			callers: []caller{{paths: "/css/a"}, {at: s, paths: "/css/b"}, {at: 2 * s, paths: "/img/c", other: true}, {at: 3 * s, paths: "/img/d", other: true}},
			sent:    []string{"/css/a 202", "other /img/* 202", "/css/* 202"}, results: []string{"/css/a", "/css/*", "/img/*", "/img/*"},
		},
		"a later purge covers the earlier ones": {
			callers: []caller{{paths: "/css/a"}, {at: 100 * s, paths: "/css/a"}, {at: 200 * s, paths: "/css/b"}, {at: 300 * s, paths: "/css/b"}, {at: 400 * s, paths: "/img/*.png"}},
			sent:    []string{"/css/a 202", "/css/a 202", "/css/* 202", "/css/* 202", "/* 202"}, results: []string{"/css/a", "/css/a", "/css/*", "/css/*", "/*"},
		},
		"a hard purge is not covered later": {
			callers: []caller{{paths: "/img/a", hard: true}, {at: s, paths: "/css/b"}},
			sent:    []string{"hard /img/a 202", "/css/b 202"}, results: []string{"hard", "/css/b"},
		},
		"earlier hard purges go first, later ones wait": {
			set: func(w *world) { w.Latency = 10 * s },
			callers: []caller{
				{paths: "/1", hard: true}, {at: s, paths: "/css/a"}, {at: 2 * s, paths: "/2", hard: true}, {at: 3 * s, paths: "/css/b"},
			},
			sent: []string{"hard /1 202", "/css/* 202", "hard /2 202"}, results: []string{"hard", "/css/*", "hard", "/css/*"},
		},
		"a rejected purge fails for all callers and is not covered later": {
			set:     func(w *world) { oneAMinute(w); w.Fail("purge", 2, cdntest.Error(403, "no")) },
			callers: []caller{{paths: "/x", hard: true, other: true}, {at: s, paths: "/css/a"}, {at: 2 * s, paths: "/css/b"}, {at: 100 * s, paths: "/img/c"}},
			sent:    []string{"other hard /x 403", "/css/* 403", "/img/c 202"},
			results: []string{
				"403 purging /x on service " + cdntest.OtherID,
				"403 invalidating /css/* on service " + cdntest.DeployedID,
				"403 invalidating /css/* on service " + cdntest.DeployedID, "/img/c",
			},
		},
		"the paths of a caller that leaves in the queue are not sent": {
			callers: []caller{{paths: "/css/a"}, {at: s, paths: "/css/b"}, {at: 2 * s, paths: "/img/c", leaves: 10 * s}},
			sent:    []string{"/css/a 202", "/css/* 202"}, results: []string{"/css/a", "/css/*", left},
		},
		"the first caller may leave": {
			set:     oneAMinute,
			callers: []caller{{paths: "/x", hard: true, other: true}, {at: s, paths: "/css/a", leaves: 10 * s}, {at: 2 * s, paths: "/img/b"}},
			sent:    []string{"other hard /x 202", "/img/b 202"}, results: []string{"hard", left, "/img/b"},
		},
		"if all callers leave, nothing is sent": {
			set:     oneAMinute,
			callers: []caller{{paths: "/x", hard: true, other: true}, {at: s, paths: "/a", leaves: 10 * s}, {at: 2 * s, paths: "/b", timeout: 10 * s}, {at: 3 * s, paths: "/c", leaves: 5 * s}},
			sent:    []string{"other hard /x 202"}, results: []string{"hard", left, "timed out", left},
		},
		"the paths of a caller that times out in the rate limit are not sent": {
			set:     oneAMinute,
			callers: []caller{{paths: "/x", hard: true, other: true}, {at: s, paths: "/css/a", timeout: 10 * s}, {at: 2 * s, paths: "/img/b"}},
			sent:    []string{"other hard /x 202", "/img/b 202"}, results: []string{"hard", "timed out", "/img/b"},
		},
		"a caller that leaves in flight does not stop the purge and is covered later": {
			set: func(w *world) { oneAMinute(w); w.Latency = 5 * s },
			// The login takes 5 s, the first purge 5, and a slot is free at 70 s.
			callers: []caller{{paths: "/x", hard: true, other: true}, {at: s, paths: "/css/a", leaves: 71 * s}, {at: 2 * s, paths: "/css/b"}, {at: 100 * s, paths: "/css/c"}},
			sent:    []string{"other hard /x 202", "/css/* 202", "/css/* 202"}, results: []string{"hard", left, "/css/*", "/css/*"},
		},
		"the deployment of another soft purge pauses the timeouts of all callers": {
			callers: []caller{{paths: "/a"}, {at: s, paths: "/b", timeout: 5 * s}, {at: 30 * s, paths: "/c", timeout: 5 * s}},
			sent:    []string{"/a 202", "/* 202"}, results: []string{"/a", "/*", "/*"},
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				if test.set != nil {
					test.set(w)
				}
				got := make([]string, len(test.callers))
				var wg sync.WaitGroup
				for i, c := range test.callers {
					wg.Go(func() { got[i] = w.call(c) })
				}
				wg.Wait()
				diff(t, "results", test.results, got)
				diff(t, "sent", test.sent, w.sent())
			})
		})
	}
}

// TestASeriesOfSoftPurgesLosesNothing sends soft purges at random times. In the end,
// the edge must have invalidated all accepted paths, although each rule replaces
// the previous one.
func TestASeriesOfSoftPurgesLosesNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				random := rand.New(rand.NewPCG(seed, 0))
				callers := make([]caller, 30)
				for i := range callers {
					callers[i] = caller{
						at:    time.Duration(random.Int64N(int64(20 * time.Minute))),
						paths: fmt.Sprintf("/site/%c/%d", 'a'+random.IntN(3), random.IntN(5)),
						hard:  random.IntN(4) == 0,
					}
					if random.IntN(4) == 0 {
						callers[i].leaves = time.Duration(random.Int64N(int64(time.Minute)) + 1)
					}
				}
				w.Fail("purge", 2, respond(http.StatusInternalServerError, nil, ""))
				var mu sync.Mutex
				var accepted []string
				_ = together(len(callers), func(i int) error {
					pattern := w.call(callers[i])
					mu.Lock()
					defer mu.Unlock()
					if !callers[i].hard && strings.HasPrefix(pattern, "/") {
						accepted = append(accepted, callers[i].paths)
					}
					return nil
				})
				time.Sleep(w.DeployTime)
				for _, path := range accepted {
					if !w.Refreshes(cdntest.DeployedID, path) {
						t.Errorf("the edge keeps %s", path)
					}
				}
				if w.Refreshes(cdntest.DeployedID, "/elsewhere/a") {
					t.Error("the edge invalidates another path")
				}
				if len(accepted) < 10 {
					t.Errorf("only %d purges were accepted", len(accepted))
				}
				if slices.Contains(w.Statuses("purge"), http.StatusBadRequest) {
					t.Error("a purge was sent while the service was being deployed")
				}
			})
		})
	}
}

// TestASharedDeployment tests that all callers of a purge wait for its deployment
// and receive its error.
func TestASharedDeployment(t *testing.T) {
	t.Parallel()
	for sentence, fault := range map[string]string{"that succeeds": "", "that fails": "no policy"} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				wantNoErrors(t, w.purge(soft("/a")))
				if fault != "" {
					w.FailNextDeploy(fault)
				}
				errs := together(3, func(i int) error {
					inv, err := w.purgeUnder(t.Context(), soft(fmt.Sprint("/", i)))
					if err != nil {
						return err
					}
					return inv.Wait(t.Context())
				})
				diff(t, "purges", []string{"/a 202", "/* 202"}, w.sent())
				for _, err := range errs {
					want := errorFields{}
					if fault != "" {
						want = errorFields{System: "Rackspace CDN", Kind: transport.KindState, Status: 200, Message: "the service has the status failed: no policy", Input: "service_id"}
					}
					wantError(t, err, want)
				}
			})
		})
	}
}

// TestTheDeadlineOfASharedDeployment tests that a stuck service delays other purges
// for the longest timeout of the callers.
func TestTheDeadlineOfASharedDeployment(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.config.RequestsPerMinute = 1
		w.DeployTime = 24 * time.Hour
		var wg sync.WaitGroup
		for _, c := range []caller{
			{paths: "/x", hard: true, other: true},
			{at: 1, paths: "/a", timeout: 10 * time.Minute},
			{at: 2, paths: "/b", timeout: 30 * time.Minute},
		} {
			wg.Go(func() { w.call(c) })
		}
		wg.Wait()
		diff(t, "the next purge", "timed out", w.call(caller{paths: "/c", hard: true, timeout: 5 * time.Minute}))
		diff(t, "elapsed: the longest timeout, then its own", 35*time.Minute, w.Elapsed().Round(time.Second))
	})
}

// TestAWiderPatternIsLogged tests that there is one line for each caller whose
// pattern became wider, logged with the context of the caller.
func TestAWiderPatternIsLogged(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		type key struct{}
		var mu sync.Mutex
		var lines []string
		w.config.Transport.Log = func(ctx context.Context, message string, fields map[string]any) {
			mu.Lock()
			defer mu.Unlock()
			if strings.HasPrefix(message, "The invalidation is wider") {
				lines = append(lines, fmt.Sprint(ctx.Value(key{}), ": ", fields["own_pattern"], " is ", fields["pattern"], " of ", fields["service"]))
			}
		}
		for i, paths := range [][]string{{"/css/a", "/css/b"}, {"/css/c"}, {"/css/d", "/css/e"}} {
			_, err := w.connect().Invalidate(context.WithValue(t.Context(), key{}, i), cdntest.DeployedID, paths...)
			wantNoErrors(t, err)
		}
		diff(t, "the lines", []string{"1: /css/c is /css/* of " + cdntest.DeployedID}, lines)
	})
}

func TestAnInvalidationWithoutAPathIsNotSent(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		for _, paths := range [][]string{nil, {}, {""}, {"/a", ""}} {
			_, err := w.connect().Invalidate(t.Context(), cdntest.DeployedID, paths...)
			diff(t, fmt.Sprintf("the error for %q", paths), errorFields{Err: "a purge without a path purges everything"}, fieldsOf(err))
		}
		diff(t, "requests", 0, len(w.Journal.Entries()))
	})
}

// TestTheErrorOfAPurgeThatWaited tests that the error of a purge that was not sent
// contains the pattern so far.
func TestTheErrorOfAPurgeThatWaited(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.DeployTime = 24 * time.Hour
		short, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := w.purgeUnder(short, soft("/css/a"))
		wantNoErrors(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() { _, err := w.purgeUnder(ctx, soft("/css/b")); left <- err }()
		synctest.Wait()
		cancel()
		var e *transport.Error
		if err := <-left; !errors.As(err, &e) || e.Doing != "invalidating /css/* on service "+cdntest.DeployedID {
			t.Errorf("the error is %v", err)
		}
	})
}
