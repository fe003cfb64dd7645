// SPDX-License-Identifier: MPL-2.0

package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
)

// Looks are so far apart, at first and at most.
const (
	firstWait = 500 * time.Millisecond
	maxWait   = 15 * time.Second
)

// lastLook is how long before the deadline the last look begins, so that the
// time after the last regular one is not lost.
const lastLook = 2 * time.Second

// wrongAddress is how long a host that has never responded may be unknown or
// have a certificate that is not trusted. It may be in the making; after that
// it is most likely a typo.
const wrongAddress = 2 * time.Minute

// Verify looks at a path until a visitor gets what the item says. It returns
// nil when that is proven, and an *Error when the deadline of the context comes
// first, when the content is old and was fetched after the purge, or when the
// site requires a wait beyond the deadline. Any other error means that the item
// is invalid.
func (c *Client) Verify(ctx context.Context, item Item) error {
	t, err := c.prepare(item)
	if err != nil {
		return fmt.Errorf("%s: %w", item.Path, err)
	}
	began := time.Now()
	var e *Error // made when it is needed: most paths are proven by the first look
	var refilled refill
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		seen, err := c.look(ctx, t)
		if err == nil && seen.proven {
			return nil
		}
		if e == nil {
			e = &Error{URL: t.url.String(), Want: t.expect.String(), item: item, began: began}
		}
		if err != nil {
			return e.end(err)
		}
		e.note(seen)
		switch {
		case refilled.confirmed(seen, t):
			e.Verdict = OriginOld
			return e.end(nil)
		case t.host.wrong(seen.Err):
			return e.end(nil)
		}
		if err := c.pause(ctx, t, wait); err != nil {
			return e.end(err)
		}
	}
}

// look fetches the path as visitors do who accept gzip and who do not. It
// returns the first response that is no proof, or the last one. The error is
// why the look was not finished.
func (c *Client) look(ctx context.Context, t *target) (*Seen, error) {
	seen, err := c.fetch(ctx, t, "")
	if err != nil || !seen.proven || t.expect.plainOnly() {
		return seen, err
	}
	return c.fetch(ctx, t, "gzip")
}

// pause waits for the time of the next look.
func (c *Client) pause(ctx context.Context, t *target, wait time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok {
		if last := time.Until(deadline) - lastLook; last >= firstWait {
			wait = min(wait, last)
		}
	}
	quota.Observe(ctx, "the next look at "+t.host.name, time.Now().Add(wait))
	return sleep(ctx, wait)
}

func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

var errStalled = errors.New("nothing came within the request timeout")
