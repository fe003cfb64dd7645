// SPDX-License-Identifier: MPL-2.0

package quota_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
)

// seen is one call of an observer, with the time until the end of the wait.
type seen struct {
	What string
	Left time.Duration
}

func TestAnObserverReceivesTheReasonOfAWait(t *testing.T) {
	t.Parallel()
	limited := func(s *quota.Slot) { s.RateLimited(45*time.Second, errors.New("rate-limited")) }
	for sentence, c := range map[string]struct {
		limit quota.Limit
		end   func(*quota.Slot) // of the previous slot
		want  []seen
	}{
		"no limit":                {quota.Limit{}, (*quota.Slot).Passed, nil},
		"a free slot":             {quota.Limit{Requests: 2, Window: time.Minute}, (*quota.Slot).Passed, nil},
		"the rate limit":          {quota.Limit{Requests: 1, Window: time.Minute}, (*quota.Slot).Passed, []seen{{"the rate limit", time.Minute}}},
		"a rate-limited response": {quota.Limit{}, limited, []seen{{"the API to accept requests again", 45 * time.Second}}},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				window := (&quota.Limiter{}).Window("", c.limit)
				before, err := window.Acquire(t.Context())
				if err != nil || before.Send() != nil {
					t.Fatal(err)
				}
				c.end(before)
				var got []seen
				ctx := quota.WithObserver(t.Context(), func(what string, until time.Time) {
					if one := (seen{what, time.Until(until)}); len(got) == 0 || got[len(got)-1] != one {
						got = append(got, one)
					}
				})
				slot, err := window.Acquire(ctx)
				if err != nil {
					t.Fatal(err)
				}
				slot.Unsent()
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestObserveWithoutAnObserver(t *testing.T) {
	t.Parallel()
	quota.Observe(context.Background(), "nothing", time.Time{})
}
