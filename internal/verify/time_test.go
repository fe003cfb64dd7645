// SPDX-License-Identifier: MPL-2.0

package verify_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
	"github.com/cachepurge/terraform-provider-purge/internal/verify"
	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

func seconds(all ...float64) []time.Duration {
	var times []time.Duration
	for _, s := range all {
		times = append(times, time.Duration(s*float64(time.Second)))
	}
	return times
}

func TestIntervalsOfAttempts(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.put("old")
		w.visit()
		w.put("new")
		err := w.verify(70*time.Second, verify.Item{Want: hexMD5("new")})
		// The last attempt is shortly before the deadline.
		diff(t, "the attempts", seconds(0, 0.5, 1.5, 3.5, 7.5, 15.5, 30.5, 45.5, 60.5, 68), w.times())
		diff(t, "the end", 70*time.Second, w.Elapsed())
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want context.DeadlineExceeded", err)
		}
	})
}

func TestWaitsForTheEffectOfAPurge(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.put("old")
		w.visit()
		<-time.After(100 * time.Second)
		w.put("new")
		w.PurgeDelay = 4 * time.Second
		at := w.Purge("/a")
		wantProven(t, w.verify(time.Minute, verify.Item{Want: hexMD5("new"), PurgedAt: at}))
		diff(t, "the end", 107500*time.Millisecond, w.Elapsed())
	})
}

func TestWaitsForTheOrigin(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]*verifytest.File{
		"old":      {Body: "old"},
		"missing":  nil,
		"starting": {Status: 503},
		"closed":   {Status: 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.TTL = 0 // a visitor of the origin
				if before != nil {
					w.Origin.Put("/a", *before, 0)
				}
				w.Origin.Put("/a", verifytest.File{Body: "new"}, 5*time.Minute)
				wantProven(t, w.verify(20*time.Minute, verify.Item{Want: hexMD5("new")}))
				if late := w.Elapsed() - 5*time.Minute; late < 0 || late > 15*time.Second {
					t.Errorf("proven %s after the origin had the content", late)
				}
			})
		})
	}
}

func TestOldOriginIsDetected(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.put("old")
		w.visit()
		<-time.After(100 * time.Second)
		at := w.Purge("/a") // the origin still has the old content
		err := w.verify(20*time.Minute, verify.Item{Want: hexMD5("new"), PurgedAt: at.Truncate(time.Second).Add(-time.Second)})
		diff(t, "the error", errorFields{verify.OriginOld, "expected content with MD5 digest " + hexMD5("new") + ", got 200 OK with MD5 digest " + hexMD5("old") +
			" (Age: 30, Cache-Status: edge; hit, X-Cache: HIT)", 7}, fieldsOf(t, err))
		diff(t, "the attempts", seconds(100, 100.5, 101.5, 103.5, 107.5, 115.5, 130.5), w.times())
		if errors.Is(err, context.DeadlineExceeded) {
			t.Error("the error is for the deadline")
		}
	})
}

func TestAnOriginIsNotBlamedWithoutProof(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*world)
		purged  time.Duration // before the first attempt; negative if unknown
		want    verify.Verdict
	}{
		"no purge is known":             {func(*world) {}, -1, verify.StillOld},
		"no Age":                        {func(w *world) { w.NoAge = true }, time.Minute, verify.StillOld},
		"content from before the purge": {func(w *world) { w.visit(); <-time.After(2 * time.Second) }, 0, verify.StillOld},
		"a purge that takes effect after two attempts": {func(w *world) {
			w.visit()
			<-time.After(2 * time.Second)
			w.PurgeDelay = 20 * time.Second
			w.Purge("/a")
		}, 0, verify.StillOld},
		"a file that is still missing": {func(w *world) { w.Origin.Remove("/a", 0) }, time.Minute, verify.OriginOld},
		"an origin that fails":         {func(w *world) { w.Origin.Put("/a", verifytest.File{Status: 502}, 0) }, time.Minute, verify.NotSeen},
		"an origin that denies":        {func(w *world) { w.Origin.Put("/a", verifytest.File{Status: 403}, 0) }, time.Minute, verify.NotSeen},
		"an edge that does not store it": {func(w *world) {
			w.Origin.Put("/a", verifytest.File{Body: "old", Header: map[string][]string{"Cache-Control": {"no-store"}}}, 0)
		}, time.Minute, verify.OriginOld},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.put("old")
				test.prepare(w)
				item := verify.Item{Want: hexMD5("new"), PurgedAt: time.Now().Add(-test.purged)}
				if test.purged < 0 {
					item.PurgedAt = time.Time{}
				}
				diff(t, "the verdict", test.want, fieldsOf(t, w.verify(35*time.Second, item)).Verdict)
			})
		})
	}
}

func TestContentFromBeforeThePurgeResetsTheCount(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Fail("get", -1, func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Age", "0")
			if w.Elapsed() > 20*time.Second && w.Elapsed() < 40*time.Second {
				rw.Header().Set("Age", "7200") // another server with the same name
			}
		})
		err := w.verify(20*time.Minute, verify.Item{Want: hexMD5("new"), PurgedAt: time.Now().Add(-time.Minute)})
		diff(t, "the verdict", verify.OriginOld, fieldsOf(t, err).Verdict)
		diff(t, "the end", 75500*time.Millisecond, w.Elapsed())
	})
}

// TestAnOriginIsNotBlamedWhileOtherContentIsFromBeforeThePurge has content from
// the second before the purge. Age and purged_at have whole seconds, so it seems to
// be from after the purge.
func TestAnOriginIsNotBlamedWhileOtherContentIsFromBeforeThePurge(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		var group sync.WaitGroup
		w.PurgeDelay = 10 * time.Minute // of a hard purge
		verifyPath := func(path string, at time.Time) {
			group.Go(func() {
				wantProven(t, w.verify(20*time.Minute, verify.Item{Path: path, Want: hexMD5("new"), PurgedAt: at}))
			})
		}
		w.Origin.Put("/a", verifytest.File{Body: "old"}, 0)
		w.Origin.Put("/b", verifytest.File{Body: "old"}, 0)
		w.visit()
		<-time.After(3200 * time.Millisecond)
		_ = w.verify(time.Millisecond, verify.Item{Path: "/b", Want: hexMD5("new")})
		<-time.After(100 * time.Millisecond)
		w.PurgeAll()
		w.Origin.Put("/a", verifytest.File{Body: "new"}, 0)
		w.Origin.Put("/b", verifytest.File{Body: "new"}, 0)
		at := w.Now().Truncate(time.Second)
		verifyPath("/a", at)
		verifyPath("/b", at)
		group.Wait()
	})
}

func TestWaitsForTheEndOfAnOutage(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]wiretest.Fault{
		"refused":       wiretest.Refuse,
		"hanging":       wiretest.Hang,
		"reset":         wiretest.Reset(0),
		"cut in a body": wiretest.Reset(200),
		"unknown host":  wiretest.UnknownHost,
		"no DNS server": wiretest.NoNameServer,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.put(content)
				w.Network.Set(fault)
				time.AfterFunc(100*time.Second, func() { w.Network.Set(nil) })
				wantProven(t, w.verify(20*time.Minute, verify.Item{Want: hexMD5(content)}))
				if late := w.Elapsed() - 100*time.Second; late < 0 || late > 45*time.Second {
					t.Errorf("proven %s after the outage", late)
				}
			})
		})
	}
}

func TestWrongAddressEndsEarly(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Network.Set(wiretest.UnknownHost)
		got := fieldsOf(t, w.verify(20*time.Minute, verify.Item{Want: hexMD5(content)}))
		diff(t, "the error", errorFields{verify.NotSeen, "expected content with MD5 digest " + hexMD5(content) +
			", got no complete response: dial tcp: lookup localhost: no such host", got.Attempts}, got)
		diff(t, "the end", 120500*time.Millisecond, w.Elapsed())
	})
}

func TestWaitsForAHostThatHasResponded(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.put(content)
		w.visit()
		w.Network.Break()
		w.Network.Set(wiretest.UnknownHost)
		time.AfterFunc(5*time.Minute, func() { w.Network.Set(nil) })
		wantProven(t, w.verify(20*time.Minute, verify.Item{Want: hexMD5(content)}))
	})
}

func TestLongAndStalledBodies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault wiretest.Fault
		ok    bool
	}{
		"long":    {wiretest.Trickle(20 * time.Millisecond), true},
		"stalled": {wiretest.Stall(2000), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Network.Set(test.fault)
				body := strings.Repeat("0123456789", 300) // takes a minute, twice request_timeout
				w.Origin.Put("/a", verifytest.File{Body: body, Header: http.Header{"Content-Encoding": {"identity"}, "Content-Length": {"3000"}}}, 0)
				err := w.verify(10*time.Minute, verify.Item{Want: hexMD5(body)})
				if (err == nil) != test.ok {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestInterruptEndsImmediately(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.put("old")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Second, cancel)
		err := w.client.Verify(ctx, verify.Item{BaseURL: base, Path: "/a", Want: hexMD5("new")})
		diff(t, "the end", 10*time.Second, w.Elapsed())
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		diff(t, "the error", errorFields{verify.StillOld, "interrupted; expected content with MD5 digest " + hexMD5("new") + ", got 200 OK with MD5 digest " + hexMD5("old") +
			" (Age: 7, Cache-Status: edge; hit, X-Cache: HIT)", 5}, fieldsOf(t, err))
	})
}

func TestWaitsAreObserved(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.put("old")
		observed := make(map[string]time.Duration)
		ctx := quota.WithObserver(t.Context(), func(what string, until time.Time) { observed[what] = until.Sub(w.Began) })
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_ = w.client.Verify(ctx, verify.Item{BaseURL: base, Path: "/a", Want: hexMD5("new")})
		diff(t, "observed", map[string]time.Duration{"the next request to localhost": 1500 * time.Millisecond}, observed)
	})
}
