// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Group joins equal purges that wait in the same process. A purge may join one
// that is not on the wire; never one that is, because what it purges may have
// changed after that was sent. The zero value is ready to use.
type Group struct {
	mu      sync.Mutex
	waiting map[string]*flight // by key, only those that can still be joined
}

// flight is one purge on behalf of all who asked for it. It is the context that
// the purge runs under: it ends when the last one who waits has left, and its
// deadline is the latest of theirs.
type flight struct {
	context.Context
	cancel context.CancelCauseFunc
	group  *Group
	key    string

	// All below is guarded by group.mu.
	riders map[*rider]struct{}
	paused int
	queued bool // has or had a place in a window's queue
	onWire bool
	last   error // what the upstream said last
}

type rider struct {
	ctx      context.Context
	stop     context.Context // see WithStop
	flight   *flight
	resume   func()
	finished chan result
}

type result struct {
	value any
	err   error
}

var errMerged = errors.New("joined an equal purge")

// ErrStopped is returned for a purge that was not on the wire when the stop of
// WithStop came.
var ErrStopped = errors.New("not asked for, because another purge failed before")

type flightKey struct{}

type stopKey struct{}

// WithStop returns a context under which Do gives a purge up when stop ends,
// but only while it is not on the wire: what is on the wire is waited for.
func WithStop(ctx, stop context.Context) context.Context {
	return context.WithValue(ctx, stopKey{}, stop)
}

// Underway returns the context for what a purge of several requests sends after
// the first one. Its requests keep to their windows, but nobody joins the purge
// any more, because it may have read already what has changed since.
func Underway(ctx context.Context) context.Context {
	return context.WithValue(ctx, flightKey{}, (*flight)(nil))
}

// Do runs send, or joins an equal purge that waits, and returns its result. The
// send function passes its context to Window.Acquire, which is where a purge
// waits, and calls Slot.Send when it goes on the wire. One who leaves, because
// its context ended, never cancels the purge for the others.
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
	r := &rider{ctx: ctx, stop: stop, finished: make(chan result, 1)}
	g.enter(r, key, send)
	stopped := stop.Done()
	for {
		select {
		case res := <-r.finished:
			return res
		case <-ctx.Done():
			return g.leave(r, context.Cause(ctx))
		case <-stopped:
			stopped = nil
			g.stop(r)
		}
	}
}

func (g *Group) enter(r *rider, key string, send func(context.Context) (any, error)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f := g.waiting[key]; f != nil {
		f.add(r)
		return
	}
	if g.waiting == nil {
		g.waiting = make(map[string]*flight)
	}
	inner, cancel := context.WithCancelCause(context.WithoutCancel(r.ctx))
	f := &flight{Context: inner, cancel: cancel, group: g, key: key, riders: make(map[*rider]struct{})}
	g.waiting[key] = f
	f.add(r)
	go f.run(send)
}

func (f *flight) run(send func(context.Context) (any, error)) {
	value, err := send(f)
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	f.close()
	for r := range f.riders {
		f.remove(r)
		r.finished <- result{value, err}
	}
	f.cancel(context.Canceled)
}

// leave takes a rider off. The last one ends the purge and waits for it to
// return, which it does at once, and so learns what the upstream said last.
func (g *Group) leave(r *rider, cause error) result {
	g.mu.Lock()
	f := r.flight
	_, aboard := f.riders[r]
	if aboard && len(f.riders) > 1 {
		f.remove(r)
		err := errors.Join(cause, f.last)
		g.mu.Unlock()
		return result{err: err}
	}
	if aboard {
		f.close()
		f.cancel(cause)
	}
	g.mu.Unlock()
	return <-r.finished
}

// stop makes a rider leave unless its purge is on the wire; then it leaves when
// that request failed, or when another is to be sent.
func (g *Group) stop(r *rider) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f := r.flight; !f.onWire {
		f.dismissStopped()
	}
}

// close lets nobody join any more.
func (f *flight) close() {
	if f.group.waiting[f.key] == f {
		delete(f.group.waiting, f.key)
	}
}

func (f *flight) add(r *rider) {
	r.flight = f
	f.riders[r] = struct{}{}
	if f.paused > 0 {
		r.resume = Pause(r.ctx)
	}
}

func (f *flight) remove(r *rider) {
	delete(f.riders, r)
	if r.resume != nil {
		r.resume()
		r.resume = nil
	}
}

// flightOf is the flight that a context belongs to, if any.
func flightOf(ctx context.Context) *flight {
	f, _ := ctx.Value(flightKey{}).(*flight)
	return f
}

// board makes a purge that queues for its slot, at first or again after a
// failure, one that others may join. If an equal one waits already, one takes
// the other's riders over: the one that queued before, for its better place.
func board(ctx context.Context) {
	f := flightOf(ctx)
	if f == nil {
		return
	}
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	f.onWire, f.queued = false, true
	if f.Err() != nil {
		return
	}
	first, second := f, f.group.waiting[f.key]
	if second != nil && second.queued {
		first, second = second, first
	}
	f.group.waiting[f.key] = first
	if second != nil && second != first {
		first.takeOver(second)
	}
	first.dismissStopped()
}

// takeOver moves the riders of an equal purge to this one, and ends that.
func (f *flight) takeOver(other *flight) {
	if other.last != nil {
		f.last = other.last
	}
	for r := range other.riders {
		other.remove(r)
		f.add(r)
	}
	other.cancel(errMerged)
}

// dismissStopped ends the wait of those who want no new request.
func (f *flight) dismissStopped() {
	if f.Err() != nil {
		return // its last one waits for the end of it
	}
	for r := range f.riders {
		if r.stop.Err() == nil {
			continue
		}
		f.remove(r)
		r.finished <- result{err: errors.Join(ErrStopped, f.last)}
	}
	if len(f.riders) == 0 {
		f.close()
		f.cancel(ErrStopped)
	}
}

// depart marks a purge as on the wire, unless nobody wants it any more.
func depart(ctx context.Context) error {
	f := flightOf(ctx)
	if f == nil {
		return context.Cause(ctx)
	}
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	f.dismissStopped()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	f.onWire = true
	f.close()
	return nil
}

// fail notes that a request failed, and why, for those who leave early.
func fail(ctx context.Context, err error) {
	f := flightOf(ctx)
	if f == nil {
		return
	}
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	f.onWire, f.last = false, err
	f.dismissStopped()
}

// hopeless tells whether all who wait for a purge give it up before a time. If
// so nobody joins it any more, since one who comes now may wait for longer.
func hopeless(ctx context.Context, until time.Time) bool {
	f := flightOf(ctx)
	if f == nil {
		deadline, ok := ctx.Deadline()
		return ok && deadline.Before(until)
	}
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	deadline, ok := f.deadline()
	if !ok || !deadline.Before(until) {
		return false
	}
	f.close()
	return true
}

// Value lets a window find the flight, and Pause the clocks of its riders.
func (f *flight) Value(key any) any {
	switch key.(type) {
	case flightKey, pauserKey:
		return f
	default:
		return f.Context.Value(key)
	}
}

// Deadline is the latest of those who wait; none where one of them has none.
func (f *flight) Deadline() (time.Time, bool) {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	return f.deadline()
}

func (f *flight) deadline() (latest time.Time, ok bool) {
	for r := range f.riders {
		deadline, has := r.ctx.Deadline()
		if !has {
			return time.Time{}, false
		}
		if deadline.After(latest) {
			latest = deadline
		}
	}
	return latest, !latest.IsZero()
}

// pause stops the clocks of all riders, those who join later included.
func (f *flight) pause() func() {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	f.paused++
	if f.paused == 1 {
		for r := range f.riders {
			r.resume = Pause(r.ctx)
		}
	}
	return f.unpause
}

func (f *flight) unpause() {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	f.paused--
	if f.paused > 0 {
		return
	}
	for r := range f.riders {
		if r.resume != nil {
			r.resume()
			r.resume = nil
		}
	}
}
