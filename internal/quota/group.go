// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"context"
	"errors"
	"sync"
)

// Group coalesces identical purges of one process. A purge may join one that is
// waiting but not one in flight, because the content may have changed since that
// request was sent. The zero value is ready to use.
type Group struct {
	mu      sync.Mutex
	waiting map[string]*purge // by key, only those that a caller may join
}

// caller is one call of Do.
type caller struct {
	ctx      context.Context
	stop     context.Context // see WithStop
	purge    *purge
	resume   func() // ends the pause of its timeout, nil without a pause
	finished chan result
}

type result struct {
	value any
	err   error
}

// ErrStopped is returned for a purge that was not in flight when the stop of
// WithStop ended, or that failed after that.
var ErrStopped = errors.New("stopped because another purge failed")

type stopKey struct{}

// WithStop returns a context under which Do abandons a purge when stop ends. If
// the purge is in flight, Do waits for the response first.
func WithStop(ctx, stop context.Context) context.Context {
	return context.WithValue(ctx, stopKey{}, stop)
}

// Underway returns the context for the later requests of a purge that sends
// several. They wait for slots as usual, but nobody joins the purge any more,
// because the content may have changed since the first request.
func Underway(ctx context.Context) context.Context {
	return context.WithValue(ctx, purgeKey{}, (*purge)(nil))
}

// Do runs send, or joins an identical purge that is waiting, and returns the
// result. The function send must pass its context to Window.Acquire and call
// Slot.Send right before each request. If ctx ends, Do returns its cause, and the
// purge continues for its other callers.
func Do[T any](ctx context.Context, g *Group, key string, send func(context.Context) (T, error)) (T, error) {
	r := g.do(ctx, key, func(ctx context.Context) (any, error) { return send(ctx) })
	value, _ := r.value.(T)
	return value, r.err
}

func (g *Group) do(ctx context.Context, key string, send func(context.Context) (any, error)) result {
	if err := context.Cause(ctx); err != nil {
		return result{err: err}
	}
	stop, ok := ctx.Value(stopKey{}).(context.Context)
	if !ok {
		stop = context.Background()
	}
	if stop.Err() != nil {
		return result{err: ErrStopped}
	}
	c := &caller{ctx: ctx, stop: stop, finished: make(chan result, 1)}
	g.join(c, key, send)
	stopped := stop.Done()
	for {
		select {
		case r := <-c.finished:
			return r
		case <-ctx.Done():
			return g.leave(c, context.Cause(ctx))
		case <-stopped:
			stopped = nil
			g.stop(c)
		}
	}
}

// join adds a caller to the purge that waits under the key, or starts one.
func (g *Group) join(c *caller, key string, send func(context.Context) (any, error)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := g.waiting[key]; p != nil {
		p.add(c)
		return
	}
	if g.waiting == nil {
		g.waiting = make(map[string]*purge)
	}
	inner, cancel := context.WithCancelCause(context.WithoutCancel(c.ctx))
	p := &purge{Context: inner, cancel: cancel, group: g, key: key, callers: make(map[*caller]struct{})}
	g.waiting[key] = p
	p.add(c)
	go p.run(send)
}

// leave removes a caller whose context ended. The last caller cancels the purge
// and waits for its result, which comes immediately and includes the last error
// of the server.
func (g *Group) leave(c *caller, cause error) result {
	g.mu.Lock()
	p := c.purge
	_, present := p.callers[c]
	if present && len(p.callers) > 1 {
		p.remove(c)
		err := errors.Join(cause, p.lastErr)
		g.mu.Unlock()
		return result{err: err}
	}
	if present {
		p.stopJoining()
		p.cancel(cause)
	}
	g.mu.Unlock()
	return <-c.finished
}

// stop removes a caller whose stop ended, unless its purge is in flight. In that
// case the caller is removed if the request fails.
func (g *Group) stop(c *caller) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := c.purge; !p.inFlight {
		p.removeStopped()
	}
}
