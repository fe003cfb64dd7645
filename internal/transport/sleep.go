// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"time"
)

// Sleep waits, and returns the cause if the context is done before.
func Sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
