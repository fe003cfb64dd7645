// SPDX-License-Identifier: MPL-2.0

package cdn_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
)

// underLoad runs a test with a thousand hard purges under the default limit, which
// the fake also enforces.
func underLoad(t *testing.T, test func(b *clienttest.Bubble, l clienttest.Load)) {
	t.Helper()
	inWorld(t, func(_ *testing.T, w *world) {
		w.Latency = 200 * time.Millisecond
		w.config.Transport.Backoff, w.config.Transport.ProbePause = nil, nil
		test(w.Bubble, clienttest.Load{
			Purge: func(ctx context.Context, i int) error {
				_, err := w.purgeUnder(ctx, hard(fmt.Sprintf("/%d.png", i)))
				return err
			},
			Timeout: 20 * time.Minute, Usual: 50 * time.Minute, Accepted: http.StatusAccepted, Limited: http.StatusRequestEntityTooLarge,
		})
	})
}

func TestOutages(t *testing.T) {
	t.Parallel()
	clienttest.TestOutages(t, underLoad)
}

// TestALoginThatNeverEnds checks that a purge that waits for its slot, while others
// hold the slots and wait for a login, reports the login.
func TestALoginThatNeverEnds(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.config.RequestsPerMinute = 1
		w.Fail("login", -1, respond(http.StatusServiceUnavailable, nil, ""))
		w.config.Transport.Unanswered = time.Hour
		for _, err := range clienttest.Together(2, func(i int) error {
			ctx, stop := quota.WithTimeout(t.Context(), time.Minute+time.Duration(i)*time.Second)
			defer stop()
			_, err := w.purgeUnder(ctx, hard(fmt.Sprintf("/%d.png", i)))
			return err
		}) {
			got := fieldsOf(err)
			diff(t, "the system", "Rackspace Identity", got.System)
			diff(t, "the status", http.StatusServiceUnavailable, got.Status)
		}
	})
}
