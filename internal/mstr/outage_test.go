// SPDX-License-Identifier: MPL-2.0

package mstr_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
)

// underLoad runs a test with a thousand purges, without a rate limit.
func underLoad(t *testing.T, test func(b *clienttest.Bubble, l clienttest.Load)) {
	t.Helper()
	inWorld(t, func(_ *testing.T, w *world) {
		for i := range 500 {
			w.Projects = append(w.Projects, mstrtest.Project{ID: project(i), Name: "one of many"})
		}
		w.Latency = 200 * time.Millisecond
		w.config.Transport.Backoff, w.config.Transport.ProbePause = nil, nil
		test(w.Bubble, clienttest.Load{
			Purge: func(ctx context.Context, i int) error {
				return w.connect().Purge(ctx, project(i/2), []string{"element", "object"}[i%2])
			},
			Timeout: 20 * time.Minute, Usual: 20 * time.Second, Accepted: http.StatusNoContent, Limited: http.StatusTooManyRequests,
		})
	})
}

func project(i int) string { return fmt.Sprintf("%032X", i+1) }

func TestOutages(t *testing.T) {
	t.Parallel()
	clienttest.TestOutages(t, underLoad)
}
