// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"context"
	"sync"
	"time"
)

// timeoutContext is a context with a timeout that can be paused.
type timeoutContext struct {
	context.Context
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	left    time.Duration // the time left at started
	started time.Time     // when the timer was last started
	pauses  int
	timer   *time.Timer
}

type pauserKey struct{}

type pauser interface{ pause() (resume func()) }

// WithTimeout is like context.WithTimeout, but Pause pauses the timeout. After
// the timeout, context.Cause of the result is context.DeadlineExceeded.
func WithTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	inner, cancel := context.WithCancelCause(ctx)
	c := &timeoutContext{Context: inner, cancel: cancel, left: timeout, started: time.Now()}
	c.timer = time.AfterFunc(timeout, c.expire)
	return c, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.timer.Stop()
		cancel(context.Canceled)
	}
}

// Pause pauses the nearest timeout of WithTimeout, for a wait that is not the
// caller's own work. The timeout continues when every Pause was resumed. Calling
// resume again does nothing.
func Pause(ctx context.Context) (resume func()) {
	if p, ok := ctx.Value(pauserKey{}).(pauser); ok {
		return sync.OnceFunc(p.pause())
	}
	return func() {}
}

// Value lets Pause find c from a derived context.
func (c *timeoutContext) Value(key any) any {
	if key == (pauserKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// Deadline returns the end of the timeout, or of the parent if that is earlier.
// While the timeout is paused, only the parent counts.
func (c *timeoutContext) Deadline() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pauses > 0 {
		return c.Context.Deadline()
	}
	own := c.started.Add(c.left)
	if outer, ok := c.Context.Deadline(); ok && outer.Before(own) {
		return outer, true
	}
	return own, true
}

func (c *timeoutContext) pause() func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pauses++
	if c.pauses == 1 && c.timer.Stop() {
		c.left -= time.Since(c.started)
	}
	return c.resume
}

func (c *timeoutContext) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pauses--
	if c.pauses == 0 && c.Err() == nil {
		c.started = time.Now()
		c.timer.Reset(c.left)
	}
}

// expire is called by the timer. If a pause began at the same moment, the
// context ends after the pause.
func (c *timeoutContext) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pauses > 0 {
		c.left = 0
		return
	}
	c.cancel(context.DeadlineExceeded)
}
