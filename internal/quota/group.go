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
	onWire bool
	last   error // what the upstream said last
}

type rider struct {
	ctx      context.Context
	flight   *flight
	resume   func()
	leaving  bool // wants no new request; see WithStop
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
	r := g.enter(ctx, key, send)
	var stopped <-chan struct{}
	if stop, ok := ctx.Value(stopKey{}).(context.Context); ok {
		stopped = stop.Done()
	}
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

func (g *Group) enter(ctx context.Context, key string, send func(context.Context) (any, error)) *rider {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := &rider{ctx: ctx, finished: make(chan result, 1)}
	if f := g.waiting[key]; f != nil {
		f.add(r)
		return r
	}
	if g.waiting == nil {
		g.waiting = make(map[string]*flight)
	}
	inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	f := &flight{Context: inner, cancel: cancel, group: g, key: key, riders: make(map[*rider]struct{})}
	g.waiting[key] = f
	f.add(r)
	go f.run(send)
	return r
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

// stop makes a rider leave at the next moment at which its purge is not on the
// wire, which may be now.
func (g *Group) stop(r *rider) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r.leaving = true
	if f := r.flight; !f.onWire {
		f.dismissLeaving()
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

// board makes a purge that waits for its slot, at first or again after a
// failure, one that others may join. If an equal one waits already, the elder
// takes its riders over.
func board(ctx context.Context) {
	f, ok := ctx.Value(flightKey{}).(*flight)
	if !ok {
		return
	}
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	f.onWire = false
	if f.Err() != nil {
		return
	}
	younger := f.group.waiting[f.key]
	f.group.waiting[f.key] = f
	if younger != nil && younger != f {
		for r := range younger.riders {
			younger.remove(r)
			f.add(r)
		}
		younger.cancel(errMerged)
	}
	f.dismissLeaving()
}

// dismissLeaving ends the wait of those who want no new request.
func (f *flight) dismissLeaving() {
	for r := range f.riders {
		if !r.leaving {
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

// depart marks a purge as on the wire.
func depart(ctx context.Context) error {
	f, ok := ctx.Value(flightKey{}).(*flight)
	if !ok {
		return nil
	}
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	if err := context.Cause(f); err != nil {
		return err
	}
	f.onWire = true
	f.close()
	return nil
}

// remember keeps what the upstream said for those who leave early.
func remember(ctx context.Context, err error) {
	if f, ok := ctx.Value(flightKey{}).(*flight); ok {
		f.group.mu.Lock()
		defer f.group.mu.Unlock()
		f.last = err
	}
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
func (f *flight) Deadline() (latest time.Time, ok bool) {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
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
