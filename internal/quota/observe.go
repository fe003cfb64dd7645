// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"context"
	"time"
)

// Observer is called when a purge begins to wait, with the end of the wait if it
// is known. The text completes "waiting for". An Observer must return
// immediately.
type Observer func(what string, until time.Time)

type observerKey struct{}

// WithObserver returns a context that reports its waits to o. A coalesced purge
// reports to the observer of its first caller only.
func WithObserver(ctx context.Context, o Observer) context.Context {
	return context.WithValue(ctx, observerKey{}, o)
}

// Observe reports a wait to the observer of the context, if it has one.
func Observe(ctx context.Context, what string, until time.Time) {
	if o, ok := ctx.Value(observerKey{}).(Observer); ok {
		o(what, until)
	}
}
