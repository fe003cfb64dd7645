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

// caller is one that purges at some time after the beginning.
type caller struct {
	at      time.Duration
	paths   string        // separated by spaces
	hard    bool          // of one path
	other   bool          // on another service
	timeout time.Duration // an hour if it is 0
	leaves  time.Duration // after it called; never if it is 0
}

const leftIt = "canceled"

// call returns what one caller is told: the pattern, or the kind of the error.
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
		return told("hard", w.connect().Purge(ctx, service, c.paths))
	}
	inv, err := w.connect().Invalidate(ctx, service, strings.Fields(c.paths)...)
	if err != nil {
		return told("", err)
	}
	return inv.Pattern
}

func told(accepted string, err error) string {
	var e *transport.Error
	switch {
	case err == nil:
		return accepted
	case errors.As(err, &e) && e.Kind != transport.KindCanceled && e.Kind != transport.KindTimeout:
		return fmt.Sprint(e.Status, " ", e.Doing)
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case errors.Is(err, context.Canceled):
		return leftIt
	default:
		return err.Error()
	}
}

// sent is the purges as they arrived, "pattern status", hard ones marked.
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

// TestSoftPurgesOfOneService has callers at different times, what reaches the
// server, and what each caller is told.
func TestSoftPurgesOfOneService(t *testing.T) {
	t.Parallel()
	const s = time.Second
	oneAMinute := func(w *world) { w.config.RequestsPerMinute = 1 }
	for sentence, test := range map[string]struct {
		set     func(*world)
		callers []caller
		sent    []string
		told    []string
	}{
		"one path is sent as it is": {
			callers: []caller{{paths: "/css/a.css"}},
			sent:    []string{"/css/a.css 202"}, told: []string{"/css/a.css"},
		},
		"several paths of one caller are one purge": {
			callers: []caller{{paths: "/css/a.css /css/b/c.css"}},
			sent:    []string{"/css/* 202"}, told: []string{"/css/*"},
		},
		"those that wait for a deployment are sent as one": {
			callers: []caller{{paths: "/css/a"}, {at: s, paths: "/css/b/c"}, {at: 2 * s, paths: "/css/d /css/e"}, {at: 3 * s, paths: "/css/b/f"}},
			sent:    []string{"/css/a 202", "/css/* 202"}, told: []string{"/css/a", "/css/*", "/css/*", "/css/*"},
		},
		"those that wait for the rate limit are sent as one": {
			set: oneAMinute,
			callers: []caller{
				{paths: "/x", hard: true, other: true},
				{at: s, paths: "/css/a"},
				{at: 59 * s, paths: "/css/b"},
				{at: 61 * s, paths: "/img/c"},
			},
			sent: []string{"other hard /x 202", "/css/* 202", "/* 202"}, told: []string{"hard", "/css/*", "/css/*", "/*"},
		},
		"those that wait for a retry are sent with it": {
			set: func(w *world) {
				w.Latency = 5 * s
				w.Fail("purge", 1, answer(http.StatusInternalServerError, nil, ""))
			},
			// The login takes 5 s, and the first request is answered after 10.
			callers: []caller{{paths: "/css/a"}, {at: 7 * s, paths: "/css/b"}, {at: 16 * s, paths: "/img/c"}},
			sent:    []string{"/css/a 500", "/css/* 202", "/* 202"}, told: []string{"/css/*", "/css/*", "/*"},
		},
		"those that wait for a service that somebody else changes are sent with the first": {
			set: func(w *world) {
				w.SetStatus(cdntest.DeployedID, cdntest.StatusUpdateInProgress)
				time.AfterFunc(30*s, func() { w.SetStatus(cdntest.DeployedID, cdntest.StatusDeployed) })
			},
			callers: []caller{{paths: "/css/a"}, {at: 20 * s, paths: "/css/b"}},
			sent:    []string{"/css/a 400", "/css/* 202"}, told: []string{"/css/*", "/css/*"},
		},
		"those that wait after a rate limit are sent as one": {
			set:     func(w *world) { w.Fail("purge", 1, cdntest.OverLimit(413, "60")) },
			callers: []caller{{paths: "/css/a"}, {at: 30 * s, paths: "/css/b"}},
			sent:    []string{"/css/a 413", "/css/* 202"}, told: []string{"/css/*", "/css/*"},
		},
		"another service has its own": {
			set:     oneAMinute,
			callers: []caller{{paths: "/css/a"}, {at: s, paths: "/css/b"}, {at: 2 * s, paths: "/img/c", other: true}, {at: 3 * s, paths: "/img/d", other: true}},
			sent:    []string{"/css/a 202", "other /img/* 202", "/css/* 202"}, told: []string{"/css/a", "/css/*", "/img/*", "/img/*"},
		},
		"a later one covers the earlier ones": {
			callers: []caller{{paths: "/css/a"}, {at: 100 * s, paths: "/css/a"}, {at: 200 * s, paths: "/css/b"}, {at: 300 * s, paths: "/css/b"}, {at: 400 * s, paths: "/img/*.png"}},
			sent:    []string{"/css/a 202", "/css/a 202", "/css/* 202", "/css/* 202", "/* 202"}, told: []string{"/css/a", "/css/a", "/css/*", "/css/*", "/*"},
		},
		"a hard purge has no rule to lose": {
			callers: []caller{{paths: "/img/a", hard: true}, {at: s, paths: "/css/b"}},
			sent:    []string{"hard /img/a 202", "/css/b 202"}, told: []string{"hard", "/css/b"},
		},
		"hard purges that came before go first, and those that came after wait": {
			set: func(w *world) { w.Latency = 10 * s },
			callers: []caller{
				{paths: "/1", hard: true}, {at: s, paths: "/css/a"}, {at: 2 * s, paths: "/2", hard: true}, {at: 3 * s, paths: "/css/b"},
			},
			sent: []string{"hard /1 202", "/css/* 202", "hard /2 202"}, told: []string{"hard", "/css/*", "hard", "/css/*"},
		},
		"one that is rejected fails for all, and none is covered later": {
			set:     func(w *world) { oneAMinute(w); w.Fail("purge", 2, cdntest.Error(403, "no")) },
			callers: []caller{{paths: "/x", hard: true, other: true}, {at: s, paths: "/css/a"}, {at: 2 * s, paths: "/css/b"}, {at: 100 * s, paths: "/img/c"}},
			sent:    []string{"other hard /x 403", "/css/* 403", "/img/c 202"},
			told: []string{
				"403 purging /x on service " + cdntest.OtherID,
				"403 invalidating /css/* on service " + cdntest.DeployedID,
				"403 invalidating /css/* on service " + cdntest.DeployedID, "/img/c",
			},
		},
		"one who leaves in the queue takes its paths along": {
			callers: []caller{{paths: "/css/a"}, {at: s, paths: "/css/b"}, {at: 2 * s, paths: "/img/c", leaves: 10 * s}},
			sent:    []string{"/css/a 202", "/css/* 202"}, told: []string{"/css/a", "/css/*", leftIt},
		},
		"the first one may leave": {
			set:     oneAMinute,
			callers: []caller{{paths: "/x", hard: true, other: true}, {at: s, paths: "/css/a", leaves: 10 * s}, {at: 2 * s, paths: "/img/b"}},
			sent:    []string{"other hard /x 202", "/img/b 202"}, told: []string{"hard", leftIt, "/img/b"},
		},
		"when all have left nothing is sent": {
			set:     oneAMinute,
			callers: []caller{{paths: "/x", hard: true, other: true}, {at: s, paths: "/a", leaves: 10 * s}, {at: 2 * s, paths: "/b", timeout: 10 * s}, {at: 3 * s, paths: "/c", leaves: 5 * s}},
			sent:    []string{"other hard /x 202"}, told: []string{"hard", leftIt, "timed out", leftIt},
		},
		"one whose time runs out in the rate limit takes its paths along": {
			set:     oneAMinute,
			callers: []caller{{paths: "/x", hard: true, other: true}, {at: s, paths: "/css/a", timeout: 10 * s}, {at: 2 * s, paths: "/img/b"}},
			sent:    []string{"other hard /x 202", "/img/b 202"}, told: []string{"hard", "timed out", "/img/b"},
		},
		"one who leaves in flight does not stop it, and is covered later": {
			set: func(w *world) { oneAMinute(w); w.Latency = 5 * s },
			// The login takes 5 s, the first purge 5, and a slot is free at 70 s.
			callers: []caller{{paths: "/x", hard: true, other: true}, {at: s, paths: "/css/a", leaves: 71 * s}, {at: 2 * s, paths: "/css/b"}, {at: 100 * s, paths: "/css/c"}},
			sent:    []string{"other hard /x 202", "/css/* 202", "/css/* 202"}, told: []string{"hard", leftIt, "/css/*", "/css/*"},
		},
		"time that passes while another soft purge is deployed does not count for those who join": {
			callers: []caller{{paths: "/a"}, {at: s, paths: "/b", timeout: 5 * s}, {at: 30 * s, paths: "/c", timeout: 5 * s}},
			sent:    []string{"/a 202", "/* 202"}, told: []string{"/a", "/*", "/*"},
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
				diff(t, "what is told", test.told, got)
				diff(t, "what arrived", test.sent, w.sent())
			})
		})
	}
}

// TestASeriesOfSoftPurgesLosesNothing has soft purges at random times, and asks
// the edge in the end: whatever was accepted is invalidated, although each rule
// replaces the one before.
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
				w.Fail("purge", 2, answer(http.StatusInternalServerError, nil, ""))
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
						t.Errorf("%s was invalidated, and the edge keeps it", path)
					}
				}
				if w.Refreshes(cdntest.DeployedID, "/elsewhere/a") {
					t.Error("the edge invalidates what nobody asked for")
				}
				if len(accepted) < 10 {
					t.Errorf("%d were accepted, which tests nothing", len(accepted))
				}
				if slices.Contains(w.Statuses("purge"), http.StatusBadRequest) {
					t.Error("a purge was sent while the service was being deployed")
				}
			})
		})
	}
}

// TestAJoinedDeployment is waited for by all whom it serves, and fails for all.
func TestAJoinedDeployment(t *testing.T) {
	t.Parallel()
	for sentence, fault := range map[string]string{"that succeeds": "", "that fails": "no policy"} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				wantNone(t, w.purge(soft("/a")))
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
					want := said{}
					if fault != "" {
						want = said{System: "Rackspace CDN", Kind: transport.KindState, Status: 200, Message: "the service is failed: no policy", Input: "service_id"}
					}
					wantSaid(t, err, want)
				}
			})
		})
	}
}

// TestThePatienceForAJoinedPurge is that of the caller with the longest timeout:
// a stuck service holds up the others for so long.
func TestThePatienceForAJoinedPurge(t *testing.T) {
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
		diff(t, "the next one is told", "timed out", w.call(caller{paths: "/c", hard: true, timeout: 5 * time.Minute}))
		diff(t, "elapsed: the longest patience, then its own", 35*time.Minute, w.Elapsed().Round(time.Second))
	})
}

// TestAWiderPatternIsLogged has one line for each caller whose pattern became
// wider than its own, under the caller's context.
func TestAWiderPatternIsLogged(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		type key struct{}
		var mu sync.Mutex
		var lines []string
		w.config.Wire.Log = func(ctx context.Context, message string, fields map[string]any) {
			mu.Lock()
			defer mu.Unlock()
			if strings.HasPrefix(message, "The invalidation is wider") {
				lines = append(lines, fmt.Sprint(ctx.Value(key{}), ": ", fields["own_pattern"], " is ", fields["pattern"], " of ", fields["service"]))
			}
		}
		for i, paths := range [][]string{{"/css/a", "/css/b"}, {"/css/c"}, {"/css/d", "/css/e"}} {
			_, err := w.connect().Invalidate(context.WithValue(t.Context(), key{}, i), cdntest.DeployedID, paths...)
			wantNone(t, err)
		}
		diff(t, "the lines", []string{"1: /css/c is /css/* of " + cdntest.DeployedID}, lines)
	})
}

func TestAnInvalidationWithoutAPathIsNotSent(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		for _, paths := range [][]string{nil, {}, {""}, {"/a", ""}} {
			_, err := w.connect().Invalidate(t.Context(), cdntest.DeployedID, paths...)
			diff(t, fmt.Sprintf("the error for %q", paths), said{Err: "a purge without a path purges everything"}, hear(err))
		}
		diff(t, "requests", 0, len(w.Journal.Entries()))
	})
}

// TestWhatAWaitIsFor names the purge, and the pattern as far as it is known, in
// the error of a purge that never was sent.
func TestWhatAWaitIsFor(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.DeployTime = 24 * time.Hour
		short, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := w.purgeUnder(short, soft("/css/a"))
		wantNone(t, err)
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
