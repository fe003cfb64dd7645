package transport

import (
	"context"
	"errors"
	"time"
)

// Do sends a request until it is answered as expected, or a final answer, the
// context, the number of retries or the budget of the client says to stop. The
// error is an *Error. The order of what happens to each attempt is: quota,
// credentials, a free connection, the wire.
func (c *Client) Do(ctx context.Context, r *Request) (*Response, error) {
	var last *Error
	replayed, lost := false, false
	for attempt, retries, refusals := 1, 0, 0; ; attempt++ {
		resp, err := c.attempt(ctx, r)
		if err == nil {
			c.budget.refill()
			return resp, nil
		}
		if err.ended {
			return nil, c.interrupted(r, err, last)
		}
		err.Sent, err.Lost = attempt, lost
		lost = lost || err.Status == 0
		last = err
		switch {
		case r.Once:
			return nil, err
		case err.replay && !replayed:
			replayed = true
			continue
		case err.refused:
			refusals++
			err = c.awaitRefusal(ctx, r, err, refusals)
		case err.repeat:
			retries++
			err = c.awaitRetry(ctx, err, retries)
		}
		if err != nil {
			return nil, err
		}
	}
}

// awaitRefusal waits as long as the upstream asked to. Where there is a window
// for it, that one is closed now and does the waiting.
func (c *Client) awaitRefusal(ctx context.Context, r *Request, e *Error, refusals int) *Error {
	if tooLate(ctx, e.Wait) {
		return e
	}
	if r.Pace != nil {
		return nil
	}
	wait := e.Wait
	if wait <= 0 {
		wait = c.options.Backoff(refusals)
	}
	return c.sleep(ctx, wait, e)
}

// awaitRetry waits before a repetition, or returns the error where there is to
// be none.
func (c *Client) awaitRetry(ctx context.Context, e *Error, retries int) *Error {
	if retries > c.options.MaxRetries || tooLate(ctx, e.Wait) {
		return e
	}
	if !c.budget.take() {
		e.exhausted = true
		return e
	}
	wait := e.Wait
	if wait <= 0 {
		wait = c.options.Backoff(retries)
	}
	return c.sleep(ctx, wait, e)
}

// tooLate tells whether a wait that the upstream asked for ends after the
// deadline: then it is better to fail now and say so.
func tooLate(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && wait > time.Until(deadline)
}

func (c *Client) sleep(ctx context.Context, wait time.Duration, last *Error) *Error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ended(ctx, last)
	}
}

// interrupted completes the error of a request whose context ended or whose
// wait was hopeless with what the upstream said last.
func (c *Client) interrupted(r *Request, e, last *Error) *Error {
	e.System, e.Doing = c.system, r.Doing
	if last != nil && e.Last == nil {
		e.Last = last
	}
	return e
}

// ended is the error of a context that ended.
func ended(ctx context.Context, last *Error) *Error {
	cause := context.Cause(ctx)
	e := &Error{Kind: KindCanceled, Err: cause, Last: last, ended: true}
	if errors.Is(cause, context.DeadlineExceeded) {
		e.Kind = KindTimeout
	}
	if last != nil {
		e.System, e.Doing = last.System, last.Doing
	}
	return e
}
