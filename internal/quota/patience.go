// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"context"
	"sync"
	"time"
)

// patience is a context with a timeout whose clock can be stopped.
type patience struct {
	context.Context
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	left    time.Duration // what was left when the clock was last started
	started time.Time
	pauses  int
	timer   *time.Timer
}

type pauserKey struct{}

type pauser interface{ pause() (resume func()) }

// WithTimeout is like context.WithTimeout, except that Pause stops its clock.
// context.Cause of the result is context.DeadlineExceeded when time ran out.
func WithTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	inner, cancel := context.WithCancelCause(ctx)
	p := &patience{Context: inner, cancel: cancel, left: timeout, started: time.Now()}
	p.timer = time.AfterFunc(timeout, p.expire)
	return p, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.timer.Stop()
		cancel(context.Canceled)
	}
}

// Pause stops the clock of the nearest WithTimeout, for time that is spent
// waiting for somebody else's work. The clock runs on when every Pause has been
// resumed; resuming twice does nothing.
func Pause(ctx context.Context) (resume func()) {
	if p, ok := ctx.Value(pauserKey{}).(pauser); ok {
		return sync.OnceFunc(p.pause())
	}
	return func() {}
}

// Value lets Pause find the clock behind contexts derived from this one.
func (p *patience) Value(key any) any {
	if key == (pauserKey{}) {
		return p
	}
	return p.Context.Value(key)
}

// Deadline is when time runs out. While the clock is stopped there is none.
func (p *patience) Deadline() (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pauses > 0 {
		return p.Context.Deadline()
	}
	own := p.started.Add(p.left)
	if outer, ok := p.Context.Deadline(); ok && outer.Before(own) {
		return outer, true
	}
	return own, true
}

func (p *patience) pause() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pauses++
	if p.pauses == 1 && p.timer.Stop() {
		p.left -= time.Since(p.started)
	}
	return p.resume
}

func (p *patience) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pauses--
	if p.pauses == 0 && p.Err() == nil {
		p.started = time.Now()
		p.timer.Reset(p.left)
	}
}

// expire is called by the timer. A pause that came at the same moment wins: time
// runs out when that ends.
func (p *patience) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pauses > 0 {
		p.left = 0
		return
	}
	p.cancel(context.DeadlineExceeded)
}
