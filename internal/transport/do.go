// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"errors"
	"slices"
	"time"
)

// call is the state of a request during its attempts.
type call struct {
	*Request
	who           *caller
	host          *host // of the latest attempt
	sent, retries int
	limits        int // rate-limited responses
	alone         int // failures while the host responded to other requests
	denial        denial
	lost          bool // an attempt received no response
	reasons       []string
	last          *Error
}

// Do sends a request until it receives an expected response. It stops at a
// final response, when ctx ends, after the maximum number of retries, or if an
// outage lasts too long. The error is an *Error. Each attempt waits for the
// quota, the credentials, and the host, in this order.
func (c *Client) Do(ctx context.Context, r *Request) (*Response, error) {
	own := *r
	k := &call{Request: &own}
	ctx, k.who = c.caller(ctx, r)
	if h := c.hostOf(r); h != nil {
		if e := h.failFast(k.who); e != nil {
			return nil, c.interrupted(k, e)
		}
	}
	for {
		resp, err := c.attempt(ctx, k)
		switch {
		case err == nil:
			return resp, nil
		case err.requeue:
			continue
		case err.ended:
			return nil, c.interrupted(k, err)
		}
		k.lost = k.lost || err.lost
		k.last = err
		if err := c.again(ctx, k, err); err != nil {
			return nil, err
		}
		if why := err.reason(); !slices.Contains(k.reasons, why) {
			k.reasons = append(k.reasons, why)
		}
	}
}

// again waits until the request may be retried. It returns the error if there
// is no retry.
func (c *Client) again(ctx context.Context, k *call, e *Error) *Error {
	switch {
	case k.Once:
		return e
	case e.again.send:
		return c.awaitReplay(ctx, k, e.again.after)
	case e.limited:
		return c.awaitRateLimit(ctx, k, e)
	case e.inOutage && e.Wait == 0:
		return nil // the host does the waiting
	case e.outage:
		k.alone++
		return c.awaitRetry(ctx, k, e, k.alone)
	case e.retryable && k.retries < c.options.MaxRetries:
		k.retries++
		return c.awaitRetry(ctx, k, e, k.retries)
	default:
		return e
	}
}

// awaitReplay waits before a request that was denied is retried.
func (c *Client) awaitReplay(ctx context.Context, k *call, wait time.Duration) *Error {
	if wait == 0 {
		return nil
	}
	k.who.observe("the session, which another client may use", time.Now().Add(wait))
	return c.sleep(ctx, k, wait)
}

// awaitRateLimit waits for as long as the API requires. A request with a quota
// does not wait here, because the response has closed its window.
func (c *Client) awaitRateLimit(ctx context.Context, k *call, e *Error) *Error {
	switch {
	case tooLate(ctx, e.Wait):
		e.tooLong = true
		return e
	case k.Quota != nil:
		return nil
	default:
		return c.sleep(ctx, k, c.pause(e, k.limits))
	}
}

// awaitRetry waits before a retry. It returns the error if the wait is too
// long.
func (c *Client) awaitRetry(ctx context.Context, k *call, e *Error, times int) *Error {
	if tooLate(ctx, e.Wait) {
		e.tooLong = true
		return e
	}
	return c.sleep(ctx, k, c.pause(e, times))
}

// pause returns the wait that the API requires, or else the backoff.
func (c *Client) pause(e *Error, times int) time.Duration {
	if e.Wait > 0 {
		return e.Wait
	}
	return c.options.Backoff(times)
}

// tooLate reports whether a wait that the API requires lasts until the deadline
// or longer. The request then fails immediately, and its error states the wait.
func tooLate(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && wait > 0 && wait >= time.Until(deadline)
}

func (c *Client) sleep(ctx context.Context, k *call, wait time.Duration) *Error {
	if Sleep(ctx, wait) != nil {
		return c.interrupted(k, ended(ctx))
	}
	return nil
}

// interrupted completes the error of a request whose context ended or whose
// wait was too long. It adds the latest error of the API. If the time ran out
// during an outage, it returns the error of the outage.
func (c *Client) interrupted(k *call, e *Error) *Error {
	h := k.host
	if h == nil {
		h = c.hostOf(k.Request)
	}
	if s, ok := k.Auth.(*Session); ok {
		e = s.explain(e)
	}
	e = h.explain(e)
	if e.System == "" { // a login may use another API
		e.System = c.system
	}
	e.Doing, e.Sent, e.Lost, e.Reasons = k.Doing, k.sent, k.lost, k.reasons
	if e.Last == nil && e.Down == 0 {
		e.Last = k.last
	}
	return e
}

// ended returns the error of a context that ended.
func ended(ctx context.Context) *Error {
	e := &Error{Kind: KindCanceled, Err: context.Cause(ctx), ended: true}
	if errors.Is(e.Err, context.DeadlineExceeded) {
		e.Kind = KindTimeout
	}
	return e
}
