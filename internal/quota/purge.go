// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"context"
	"errors"
	"time"
)

// purge is one purge for all of its callers, and the context that it runs under.
// The context ends when the last caller leaves. Its deadline is the latest of
// the callers' deadlines.
type purge struct {
	context.Context
	cancel context.CancelCauseFunc
	group  *Group
	key    string

	// The fields below are guarded by group.mu.
	callers  map[*caller]struct{}
	pauses   int
	queued   bool // is or was in the queue of a window
	inFlight bool
	lastErr  error // of the last request that failed
}

type purgeKey struct{}

var errMerged = errors.New("coalesced with an identical purge")

// purgeOf returns the purge that a context belongs to, or nil.
func purgeOf(ctx context.Context) *purge {
	p, _ := ctx.Value(purgeKey{}).(*purge)
	return p
}

// Value lets a window find the purge, and Pause the timeouts of its callers.
func (p *purge) Value(key any) any {
	switch key.(type) {
	case purgeKey, pauserKey:
		return p
	default:
		return p.Context.Value(key)
	}
}

// Deadline returns the latest deadline of the callers, or none if a caller has
// none.
func (p *purge) Deadline() (time.Time, bool) {
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	return p.deadline()
}

func (p *purge) deadline() (latest time.Time, ok bool) {
	for c := range p.callers {
		deadline, has := c.ctx.Deadline()
		if !has {
			return time.Time{}, false
		}
		if deadline.After(latest) {
			latest = deadline
		}
	}
	return latest, !latest.IsZero()
}

func (p *purge) run(send func(context.Context) (any, error)) {
	value, err := send(p)
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	p.stopJoining()
	for c := range p.callers {
		p.remove(c)
		c.finished <- result{value, err}
	}
	p.cancel(context.Canceled)
}

func (p *purge) add(c *caller) {
	c.purge = p
	p.callers[c] = struct{}{}
	if p.pauses > 0 {
		c.resume = Pause(c.ctx)
	}
}

func (p *purge) remove(c *caller) {
	delete(p.callers, c)
	c.endPause()
}

func (c *caller) endPause() {
	if c.resume != nil {
		c.resume()
		c.resume = nil
	}
}

func (p *purge) stopJoining() {
	if p.group.waiting[p.key] == p {
		delete(p.group.waiting, p.key)
	}
}

// removeStopped removes the callers whose stop ended. The last one cancels the
// purge.
func (p *purge) removeStopped() {
	if p.Err() != nil {
		return // the last caller waits for the result, see leave
	}
	for c := range p.callers {
		if c.stop.Err() == nil {
			continue
		}
		p.remove(c)
		c.finished <- result{err: errors.Join(ErrStopped, p.lastErr)}
	}
	if len(p.callers) == 0 {
		p.stopJoining()
		p.cancel(ErrStopped)
	}
}

// markWaiting allows others to join a purge that queues for a slot, at first or
// again after a failure. If an identical purge is waiting, the two are merged.
// The one that queued first continues, because it has the better place.
func markWaiting(ctx context.Context) {
	p := purgeOf(ctx)
	if p == nil {
		return
	}
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	p.inFlight, p.queued = false, true
	if p.Err() != nil {
		return
	}
	first, second := p, p.group.waiting[p.key]
	if second != nil && second.queued {
		first, second = second, first
	}
	p.group.waiting[p.key] = first
	if second != nil && second != first {
		first.merge(second)
	}
	first.removeStopped()
}

// merge takes the callers of an identical purge over and cancels that purge.
func (p *purge) merge(other *purge) {
	if other.lastErr != nil {
		p.lastErr = other.lastErr
	}
	for c := range other.callers {
		other.remove(c)
		p.add(c)
	}
	other.cancel(errMerged)
}

// markInFlight marks a purge as in flight, or returns the reason not to send it.
func markInFlight(ctx context.Context) error {
	p := purgeOf(ctx)
	if p == nil {
		return context.Cause(ctx)
	}
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	p.removeStopped()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	p.inFlight = true
	p.stopJoining()
	return nil
}

// markFailed records the error of a request, for callers that leave early.
func markFailed(ctx context.Context, err error) {
	p := purgeOf(ctx)
	if p == nil {
		return
	}
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	p.inFlight, p.lastErr = false, err
	p.removeStopped()
}

// endsBefore reports whether the deadlines of all callers are before a time. If
// so, nobody joins the purge any more, because a new caller may have more time.
func endsBefore(ctx context.Context, until time.Time) bool {
	p := purgeOf(ctx)
	if p == nil {
		deadline, ok := ctx.Deadline()
		return ok && deadline.Before(until)
	}
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	deadline, ok := p.deadline()
	if !ok || !deadline.Before(until) {
		return false
	}
	p.stopJoining()
	return true
}

// pause pauses the timeouts of all callers, including those that join later.
func (p *purge) pause() func() {
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	p.pauses++
	if p.pauses == 1 {
		for c := range p.callers {
			c.resume = Pause(c.ctx)
		}
	}
	return p.resume
}

func (p *purge) resume() {
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	p.pauses--
	if p.pauses > 0 {
		return
	}
	for c := range p.callers {
		c.endPause()
	}
}
