// SPDX-License-Identifier: MPL-2.0

package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// The wait between attempts doubles from firstWait to maxWait.
const (
	firstWait = 500 * time.Millisecond
	maxWait   = 15 * time.Second
)

// lastAttempt is how long before the deadline the last attempt begins, because the
// next regular one may be after the deadline.
const lastAttempt = 2 * time.Second

// wrongAddress is how long a host that has never responded may be unknown or have
// an untrusted certificate. A new host needs some time; after that, the address
// is most likely wrong.
const wrongAddress = 2 * time.Minute

// Verify fetches a path until visitors get the expected content. It returns an
// *Error if the context is done first, if the edge fetched old content from the
// origin after the purge, if the address is most likely wrong, or if the site
// requires a wait beyond the deadline. Any other error means that the item is
// invalid.
func (c *Client) Verify(ctx context.Context, item Item) error {
	t, err := c.prepare(item)
	if err != nil {
		return fmt.Errorf("%s: %w", item.Path, err)
	}
	began := time.Now()
	var e *Error // only if the first attempt is no proof, which is rare
	var refilled refill
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		seen, err := c.attempt(ctx, t)
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

// attempt fetches the path without Accept-Encoding, and then with gzip. It returns
// the first response that is no proof, or the last one. The error is why the
// attempt was not finished.
func (c *Client) attempt(ctx context.Context, t *target) (*Seen, error) {
	seen, err := c.fetch(ctx, t, "")
	if err != nil || !seen.proven || t.expect.plainOnly() {
		return seen, err
	}
	return c.fetch(ctx, t, "gzip")
}

// pause waits until the next attempt.
func (c *Client) pause(ctx context.Context, t *target, wait time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok {
		if last := time.Until(deadline) - lastAttempt; last >= firstWait {
			wait = min(wait, last)
		}
	}
	quota.Observe(ctx, "the next request to "+t.host.name, time.Now().Add(wait))
	return transport.Sleep(ctx, wait)
}

var errStalled = errors.New("no data within the request timeout")
