// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"errors"
	"time"
)

// call is a request on its way through its attempts.
type call struct {
	*Request
	who                     *caller
	host                    *host // that the latest attempt was for
	sent, retries, refusals int
	alone                   int // failures of this request while the host answered others
	denial                  denial
	lost                    bool // an attempt got no answer
	last                    *Error
}

// Do sends a request until it is answered as expected, or a final answer, the
// context, the number of retries, or an outage that is too long says to stop.
// The error is an *Error. The order of what happens to each attempt is: quota,
// credentials, the host, the network.
func (c *Client) Do(ctx context.Context, r *Request) (*Response, error) {
	own := *r
	k := &call{Request: &own}
	ctx, k.who = c.caller(ctx, r)
	if h := c.hostOf(r); h != nil {
		if e := h.hopeless(k.who); e != nil {
			return nil, c.interrupted(k, e)
		}
	}
	for {
		resp, err := c.attempt(ctx, k)
		switch {
		case err == nil:
			return resp, nil
		case err.bounced:
			continue
		case err.ended:
			return nil, c.interrupted(k, err)
		}
		k.lost = k.lost || err.lost
		k.last = err
		if err := c.again(ctx, k, err); err != nil {
			return nil, err
		}
	}
}

// again waits until the request may be sent once more, or returns the error
// where it is not to be.
func (c *Client) again(ctx context.Context, k *call, e *Error) *Error {
	switch {
	case k.Once:
		return e
	case e.again.send:
		return c.awaitReplay(ctx, k, e.again.after)
	case e.refused:
		return c.awaitRefusal(ctx, k, e)
	case e.struck && e.Wait == 0:
		return nil // the host does the waiting
	case e.outage:
		k.alone++
		return c.awaitRetry(ctx, k, e, k.alone)
	case e.repeat && k.retries < c.options.MaxRetries:
		k.retries++
		return c.awaitRetry(ctx, k, e, k.retries)
	default:
		return e
	}
}

// awaitReplay waits before a request that was denied is sent once more.
func (c *Client) awaitReplay(ctx context.Context, k *call, wait time.Duration) *Error {
	if wait == 0 {
		return nil
	}
	k.who.observe("the session, which another client may use", time.Now().Add(wait))
	return c.sleep(ctx, k, wait)
}

// awaitRefusal waits as long as the upstream asked to. Where there is a window
// for it, that one is closed now and does the waiting.
func (c *Client) awaitRefusal(ctx context.Context, k *call, e *Error) *Error {
	switch {
	case tooLate(ctx, e.Wait):
		e.tooLong = true
		return e
	case k.Pace != nil:
		return nil
	default:
		return c.sleep(ctx, k, c.pause(e, k.refusals))
	}
}

// awaitRetry waits before a repetition, or returns the error if the wait is too
// long.
func (c *Client) awaitRetry(ctx context.Context, k *call, e *Error, times int) *Error {
	if tooLate(ctx, e.Wait) {
		e.tooLong = true
		return e
	}
	return c.sleep(ctx, k, c.pause(e, times))
}

// pause is how long the upstream asked to wait, or the backoff where it did not.
func (c *Client) pause(e *Error, times int) time.Duration {
	if e.Wait > 0 {
		return e.Wait
	}
	return c.options.Backoff(times)
}

// tooLate tells whether a wait that the upstream asked for leaves no time before
// the deadline: then it is better to fail now and say so.
func tooLate(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && wait > 0 && wait >= time.Until(deadline)
}

func (c *Client) sleep(ctx context.Context, k *call, wait time.Duration) *Error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return c.interrupted(k, ended(ctx))
	}
}

// interrupted completes the error of a request whose context ended or whose
// wait was hopeless with what the upstream said last. If the time was over
// during an outage, the outage is the error.
func (c *Client) interrupted(k *call, e *Error) *Error {
	h := k.host
	if h == nil {
		h = c.hostOf(k.Request)
	}
	e = h.explain(e)
	if e.System == "" { // a login may be at another system
		e.System = c.system
	}
	e.Doing, e.Sent, e.Lost = k.Doing, k.sent, k.lost
	if e.Last == nil && e.Down == 0 {
		e.Last = k.last
	}
	return e
}

// ended is the error of a context that ended.
func ended(ctx context.Context) *Error {
	e := &Error{Kind: KindCanceled, Err: context.Cause(ctx), ended: true}
	if errors.Is(e.Err, context.DeadlineExceeded) {
		e.Kind = KindTimeout
	}
	return e
}
