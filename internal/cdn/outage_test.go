// SPDX-License-Identifier: MPL-2.0

package cdn_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
)

// underLoad runs a test with a thousand hard purges under the default limit, which
// the fake also enforces.
func underLoad(t *testing.T, test func(b *clienttest.Bubble, l clienttest.Load)) {
	t.Helper()
	inWorld(t, func(_ *testing.T, w *world) {
		w.Latency = 200 * time.Millisecond
		w.config.Wire.Backoff, w.config.Wire.ProbePause = nil, nil
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
