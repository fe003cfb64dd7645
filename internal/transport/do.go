package transport

import (
	"context"
	"errors"
	"time"
)

// call is a request on its way through its attempts.
type call struct {
	*Request
	sent, retries, refusals int
	replayed                bool
	lost                    bool // an attempt got no answer
	last                    *Error
}

// Do sends a request until it is answered as expected, or a final answer, the
// context, the number of retries or the budget of the client says to stop. The
// error is an *Error. The order of what happens to each attempt is: quota,
// credentials, a free connection, the wire.
func (c *Client) Do(ctx context.Context, r *Request) (*Response, error) {
	own := *r
	own.Doing = c.scrubber.Scrub(r.Doing)
	k := &call{Request: &own}
	for {
		resp, err := c.attempt(ctx, k)
		if err == nil {
			c.budget.refill()
			return resp, nil
		}
		if err.ended {
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
	case e.replay && !k.replayed:
		k.replayed = true
		return nil
	case e.refused:
		return c.awaitRefusal(ctx, k, e)
	case e.repeat:
		k.retries++
		return c.awaitRetry(ctx, k, e)
	default:
		return e
	}
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

// awaitRetry waits before a repetition, or returns the error where there is to
// be none.
func (c *Client) awaitRetry(ctx context.Context, k *call, e *Error) *Error {
	switch {
	case k.retries > c.options.MaxRetries:
		return e
	case tooLate(ctx, e.Wait):
		e.tooLong = true
		return e
	case !c.budget.take():
		e.exhausted = true
		return e
	default:
		return c.sleep(ctx, k, c.pause(e, k.retries))
	}
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
// wait was hopeless with what the upstream said last.
func (c *Client) interrupted(k *call, e *Error) *Error {
	if e.System == "" { // a login may be at another system
		e.System = c.system
	}
	e.Doing, e.Sent = k.Doing, k.sent
	if e.Last == nil {
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
