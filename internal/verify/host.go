// SPDX-License-Identifier: MPL-2.0

package verify

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// host limits the rate of the requests to one host. There is no limit until the
// host returns 403 or 429, because firewalls and rate limiters return both. From
// then on, a gap separates the starts of the requests. It grows with each such
// response and shrinks with each other one. Retry-After stops all requests.
type host struct {
	name string
	turn *semaphore.Weighted // its holder starts the next request

	mu      sync.Mutex
	stopped time.Time // the end of a Retry-After
	gap     time.Duration
	started time.Time               // start of the latest request
	slowed  time.Time               // when the gap grew last
	reached bool                    // whether the host has ever responded
	failed  time.Time               // of the first request without a response
	before  map[time.Time]time.Time // by purge: when older content was last seen
}

const (
	firstGap = 250 * time.Millisecond
	maxGap   = 5 * time.Second
	// A gap below leastGap becomes zero.
	leastGap = 10 * time.Millisecond
)

func newHost(name string) *host {
	return &host{name: name, turn: semaphore.NewWeighted(1), before: make(map[time.Time]time.Time)}
}

// waitError is the error for a wait beyond the deadline.
type waitError struct{ wait time.Duration }

func (e *waitError) Error() string {
	return "the site requires a wait of " + transport.FormatDuration(e.wait) + ", which is longer than the time left"
}

// enter waits until the next request may start.
func (h *host) enter(ctx context.Context) error {
	if err := h.turn.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	defer h.turn.Release(1)
	for {
		wait, stopped := h.start()
		if wait <= 0 {
			return nil
		}
		if deadline, ok := ctx.Deadline(); ok && stopped && wait >= time.Until(deadline) {
			return &waitError{wait}
		}
		if err := transport.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// start starts a request, or returns how long it must wait and whether the wait is
// for Retry-After.
func (h *host) start() (wait time.Duration, stopped bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if wait := h.stopped.Sub(now); wait > 0 {
		return wait, true
	}
	if wait := h.started.Add(h.gap).Sub(now); h.gap > 0 && wait > 0 {
		return wait, false
	}
	h.started = now
	return 0, false
}

// done records the result of a request.
func (h *host) done(started time.Time, seen *Seen, header http.Header) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if seen.Err != nil {
		if h.failed.IsZero() {
			h.failed = now
		}
		return
	}
	h.reached = true
	wait, asked := transport.RetryAfter(header)
	switch {
	case !limited(seen, asked):
		if h.gap -= h.gap / 8; h.gap < leastGap {
			h.gap = 0
		}
		return
	case !started.Before(h.slowed): // parallel requests count once
		h.gap = min(max(2*h.gap, firstGap), maxGap)
		h.slowed = now
	}
	if until := now.Add(wait); until.After(h.stopped) {
		h.stopped = until
	}
}

// limited reports whether a response is a rate limit.
func limited(seen *Seen, asked bool) bool {
	switch seen.Status {
	case http.StatusTooManyRequests:
		return true
	case http.StatusForbidden:
		return !seen.proven
	default:
		return asked && seen.Status >= http.StatusBadRequest
	}
}

// wrong reports whether the address of the host is most likely wrong, given this
// error.
func (h *host) wrong(err error) bool {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	unknown := errors.As(err, &dns) && dns.IsNotFound
	if !unknown && !errors.As(err, &certificate) {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.reached && time.Since(h.failed) >= wrongAddress
}
