// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"context"
	"time"
)

// Observer is told what a purge begins to wait for, and until when where that
// is known. It must return at once.
type Observer func(what string, until time.Time)

type observerKey struct{}

// WithObserver returns a context whose waits are told to the observer. Of
// several purges that were joined, the first one's observer is told.
func WithObserver(ctx context.Context, o Observer) context.Context {
	return context.WithValue(ctx, observerKey{}, o)
}

// Observe tells the context's observer, if it has one, of a wait.
func Observe(ctx context.Context, what string, until time.Time) {
	if o, ok := ctx.Value(observerKey{}).(Observer); ok {
		o(what, until)
	}
}
