// SPDX-License-Identifier: MPL-2.0

package cdn_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

func TestHardIsAlwaysSent(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		wantNoErrors(t, w.purge(hard("/a")), w.purge(soft("/b/*")))
		var got []string
		for _, e := range w.Journal.Select("purge") {
			got = append(got, e.Subject)
		}
		diff(t, "purges", []string{cdntest.DeployedID + " /a hard=true", cdntest.DeployedID + " /b/* hard=false"}, got)
	})
}

func TestHardPurgesRunInParallel(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Latency = 5 * time.Second
		wantNoErrors(t, together(10, func(i int) error { return w.purge(hard(fmt.Sprint("/", i))) })...)
		diff(t, "elapsed, with the login and the one that proves the token", 10*time.Second, w.Elapsed())
	})
}

func TestSoftPurgesAreAlone(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		// Ten hard and ten soft purges of one service, and ten of another service. The
		// soft purges wait at the same time, first for the login, and are coalesced.
		w.Latency = time.Second
		errs := together(30, func(i int) error {
			switch i % 3 {
			case 0:
				return w.purge(hard(fmt.Sprint("/hard/", i)))
			case 1:
				return w.purge(soft(fmt.Sprint("/soft/", i)))
			default:
				return w.purge(purge{cdntest.OtherID, fmt.Sprint("/other/", i), true})
			}
		})
		wantNoErrors(t, errs...)
		diff(t, "rejected purges", false, slices.ContainsFunc(w.Statuses("purge"), func(status int) bool { return status != 202 }))
		diff(t, "accepted purges", 21, len(w.Purges()))
		// During the deployment of a soft purge, no purge of its service is sent.
		var deployed time.Time
		for _, p := range w.Purges() {
			if p.Service != cdntest.DeployedID {
				continue
			}
			if p.Time.Before(deployed) {
				t.Errorf("%s was purged %s before the service was deployed", p.URL, deployed.Sub(p.Time))
			}
			if !p.Hard {
				deployed = p.Time.Add(w.DeployTime)
			}
		}
		if limit := 2*w.DeployTime + 25*time.Second; w.Elapsed() > limit {
			t.Errorf("took %s, which is more than one deployment, its polling, and a minute for the rate limit (%s)", w.Elapsed(), limit)
		}
	})
}

func TestIdenticalPurgesThatWaitAreSentOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		if err := w.purge(soft("/*")); err != nil {
			t.Fatal(err)
		}
		wantNoErrors(t, together(10, func(int) error { return w.purge(hard("/a")) })...)
		diff(t, "purges", []int{202, 202}, w.Statuses("purge"))
	})
}

func TestWaitingForADeployment(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		meanwhile func(*world) // immediately after the purge was accepted
		want      errorFields
		atLeast   time.Duration
	}{
		"until it is deployed": {func(*world) {}, errorFields{}, time.Minute},
		"that fails, with the reasons": {
			func(w *world) {
				<-time.After(30 * time.Second)
				w.SetStatus(cdntest.DeployedID, "failed", "origin unreachable", "edge: 2 of 9")
			},
			errorFields{System: "Rackspace CDN", Kind: transport.KindState, Status: 200, Message: "the service has the status failed: origin unreachable; edge: 2 of 9", Input: "service_id", Advice: "Fix the service in the control panel"},
			30 * time.Second,
		},
		"that fails without a reason": {
			func(w *world) { w.SetStatus(cdntest.DeployedID, "failed") },
			errorFields{System: "Rackspace CDN", Kind: transport.KindState, Status: 200, Message: "the service has the status failed", Input: "service_id"},
			0,
		},
		"of a service that is disabled meanwhile": {
			func(w *world) { w.SetStatus(cdntest.DeployedID, "disabled") },
			errorFields{Err: "the service is disabled, which hides whether it is deployed"},
			0,
		},
		"of a service that is being deleted": {
			func(w *world) { w.SetStatus(cdntest.DeployedID, "delete_in_progress") },
			errorFields{System: "Rackspace CDN", Kind: transport.KindState, Status: 200, Message: "the service has the status delete_in_progress", Input: "service_id"},
			0,
		},
		"of a service that disappears": {
			func(w *world) { w.Remove(cdntest.DeployedID) },
			errorFields{System: "Rackspace CDN", Kind: transport.KindNotFound, Status: 404, Message: "service " + cdntest.DeployedID + " could not be found", Input: "service_id", Advice: "Check service_id"},
			0,
		},
		"while the CDN fails for a time":      {func(w *world) { w.Fail("service", 12, respond(500, nil, "")) }, errorFields{}, time.Minute},
		"while the CDN limits requests":       {func(w *world) { w.Fail("service", 2, cdntest.OverLimit(413, "90")) }, errorFields{}, time.Minute},
		"with a token that expires meanwhile": {func(w *world) { w.ExpireTokens() }, errorFields{}, time.Minute},
		"until a response without a status":   {func(w *world) { w.Fail("service", 1, respond(200, nil, `{"id":"x"}`)) }, errorFields{System: "Rackspace CDN", Kind: transport.KindUnexpected, Status: 200, Message: "the service has no status", Advice: "not from this API"}, 0},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				d, err := w.purgeUnder(t.Context(), soft("/*"))
				if err != nil {
					t.Fatal(err)
				}
				ended := make(chan error)
				go func() { ended <- d.Wait(t.Context()) }()
				synctest.Wait()
				test.meanwhile(w)
				err = <-ended
				w.Show(err)
				wantError(t, err, test.want)
				diff(t, "purges: the DELETE is not retried", []int{202}, w.Statuses("purge"))
				if w.Elapsed() < test.atLeast || w.Elapsed() > test.atLeast+5*time.Minute {
					t.Errorf("took %s, want at least %s and not much more", w.Elapsed(), test.atLeast)
				}
			})
		})
	}
}

func TestAServiceThatStaysInProgress(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.DeployTime = 24 * time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		d, err := w.purgeUnder(ctx, soft("/*"))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the wait ended with %v", err)
		}
		diff(t, "elapsed", time.Hour, w.Elapsed())
		diff(t, "purges", []int{202}, w.Statuses("purge"))
		if n := w.Count("service"); n > 370 {
			t.Errorf("%d requests in an hour, want about one in ten seconds", n)
		}
	})
}

func TestManyCallersWaitForOneDeployment(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		d, err := w.purgeUnder(t.Context(), soft("/*"))
		if err != nil {
			t.Fatal(err)
		}
		wantNoErrors(t, together(50, func(int) error { return d.Wait(t.Context()) })...)
		if n := w.Count("service"); n > 12 {
			t.Errorf("%d requests in about a minute, want the requests of one caller", n)
		}
	})
}

func TestAServiceThatAnotherClientChanges(t *testing.T) {
	t.Parallel()
	deployed := func(w *world, after time.Duration) {
		w.SetStatus(cdntest.DeployedID, "update_in_progress")
		time.AfterFunc(after, func() { w.SetStatus(cdntest.DeployedID, "deployed") })
	}
	inWorld(t, func(t *testing.T, w *world) {
		deployed(w, 10*time.Minute)
		first := make(chan error)
		go func() { first <- w.purge(hard("/first")) }()
		synctest.Wait()
		diff(t, "the first is rejected", []int{400}, w.Statuses("purge"))
		wantNoErrors(t, together(10, func(i int) error { return w.purge(hard(fmt.Sprint("/", i))) })...)
		wantNoErrors(t, <-first)
		diff(t, "later purges wait with GET", 1, len(slices.DeleteFunc(w.Statuses("purge"), func(s int) bool { return s == 202 })))
		if d := w.Elapsed(); d < 10*time.Minute || d > 11*time.Minute {
			t.Errorf("took %s", d)
		}
	})
}

func TestAServiceThatCannotBePurged(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		service string
		prepare func(*world)
		want    errorFields
		purges  []int
	}{
		"because its last deployment failed": {
			cdntest.FailedID, func(*world) {},
			errorFields{System: "Rackspace CDN", Kind: transport.KindState, Status: 200, Message: "the service has the status failed: Policy failed to deploy", Input: "service_id", Advice: "Fix the service", Waiting: "waiting for the service to be deployed"},
			[]int{400},
		},
		"because it is never deployed, whatever its status": {
			cdntest.DeployedID, func(w *world) {
				w.Fail("purge", -1, cdntest.Error(400, "Service "+cdntest.DeployedID+" is not deployed."))
			},
			errorFields{System: "Rackspace CDN", Kind: transport.KindState, Status: 400, Message: "Service " + cdntest.DeployedID + " is not deployed.", Input: "service_id", Advice: "only while the service is deployed"},
			[]int{400, 400, 400, 400},
		},
		"because it is missing": {
			cdntest.MissingID, func(*world) {},
			errorFields{System: "Rackspace CDN", Kind: transport.KindNotFound, Status: 404, Message: "service " + cdntest.MissingID + " does not exist", Input: "service_id", Advice: "belongs to the project"},
			[]int{404},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				test.prepare(w)
				err := w.purge(purge{test.service, "/a", true})
				wantError(t, err, test.want)
				diff(t, "purges", test.purges, w.Statuses("purge"))
				if !strings.Contains(err.Error(), "purging /a on service "+test.service) {
					t.Errorf("%q does not contain the request", err)
				}
			})
		})
	}
}

// TestADisabledServiceAcceptsPurges tests a service that hides its status, so
// only a purge shows whether it is deployed.
func TestADisabledServiceAcceptsPurges(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		wantNoErrors(t, w.purge(purge{cdntest.DisabledID, "/a", true}))
		d, err := w.purgeUnder(t.Context(), purge{cdntest.DisabledID, "/b", false})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Wait(t.Context()); !errors.Is(err, cdn.ErrDisabled) {
			t.Errorf("the wait for its deployment ended with %v", err)
		}
		diff(t, "elapsed", time.Duration(0), w.Elapsed())
		w.DeployTime = 5 * time.Minute
		wantNoErrors(t, w.purge(purge{cdntest.DisabledID, "/c", true}), w.purge(purge{cdntest.DisabledID, "/d", false}))
		wantNoErrors(t, w.purge(purge{cdntest.DisabledID, "/e", true}))
		diff(t, "purges", []int{202, 202, 400, 202, 202, 400, 400, 400, 400, 400, 202}, w.Statuses("purge"))
		diff(t, "elapsed: a request a minute", 6*time.Minute, w.Elapsed())
		w.SetStatus(cdntest.DisabledID, cdntest.StatusFailed)
		w.SetStatus(cdntest.DisabledID, cdntest.StatusDisabled)
		ctx, cancel := quota.WithTimeout(t.Context(), 150*time.Second)
		defer cancel()
		_, err = w.purgeUnder(ctx, purge{cdntest.DisabledID, "/f", true})
		wantError(t, err, errorFields{System: "Rackspace CDN", Kind: transport.KindTimeout, Waiting: "waiting for the service to be deployed"})
		var e, last *transport.Error
		if !errors.As(err, &e) || !errors.As(e.Last, &last) || last.Status != 400 {
			t.Errorf("%v does not contain the cause", err)
		}
	})
}

func TestWaitingForOthersDoesNotCount(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.DeployTime = 30 * time.Minute
		long, cancel := quota.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := w.purgeUnder(long, soft("/*")); err != nil {
			t.Fatal(err)
		}
		short, cancel := quota.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := w.purgeUnder(short, hard("/a")); err != nil {
			t.Errorf("after %s: %s", w.Elapsed(), err)
		}
	})
}

func TestAStuckServiceDelaysOtherPurgesForALimitedTime(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.DeployTime = 24 * time.Hour
		long, cancel := quota.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := w.purgeUnder(long, soft("/*")); err != nil {
			t.Fatal(err)
		}
		short, cancel := quota.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		_, err := w.purgeUnder(short, hard("/a"))
		wantError(t, err, errorFields{System: "Rackspace CDN", Kind: transport.KindTimeout, Waiting: "waiting for the service to be deployed"})
		diff(t, "elapsed: the timeout of the first, then its own", 65*time.Minute, w.Elapsed())
		diff(t, "purges", []int{202}, w.Statuses("purge"))
	})
}

func TestWaitingForADeploymentOfAnotherClientCounts(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.SetStatus(cdntest.DeployedID, "update_in_progress")
		ctx, cancel := quota.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		_, err := w.purgeUnder(ctx, hard("/a"))
		wantError(t, err, errorFields{System: "Rackspace CDN", Kind: transport.KindTimeout, Waiting: "waiting for the service to be deployed"})
		diff(t, "elapsed", 5*time.Minute, w.Elapsed())
		diff(t, "purges", []int{400}, w.Statuses("purge"))
	})
}

func TestInterruptedInTheQueueOfAService(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Latency = time.Minute / 4
		ctx, cancel := context.WithCancel(t.Context())
		var first, second error
		done := make(chan struct{})
		go func() { first = w.purge(soft("/*")); close(done) }()
		synctest.Wait()
		left := make(chan struct{})
		go func() { _, second = w.purgeUnder(ctx, hard("/a")); close(left) }()
		synctest.Wait()
		cancel()
		<-left
		diff(t, "elapsed", time.Duration(0), w.Elapsed())
		wantError(t, second, errorFields{System: "Rackspace CDN", Kind: transport.KindCanceled, Waiting: "waiting for other purges of the same service"})
		<-done
		wantNoErrors(t, first)
	})
}
