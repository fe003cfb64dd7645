package quota

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Limit is how many requests an upstream system takes in any span of a window.
// The zero value is no limit.
type Limit struct {
	Requests int
	Window   time.Duration
}

// Limiter holds one window per key.
type Limiter struct {
	mu      sync.Mutex
	windows map[string]*Window
}

// Window returns the window of a key; the first call for a key sets its limit.
func (l *Limiter) Window(key string, limit Limit) *Window {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.windows[key]
	if w == nil {
		if l.windows == nil {
			l.windows = make(map[string]*Window)
		}
		w = &Window{limit: limit}
		l.windows[key] = w
	}
	return w
}

// Window is an exact sliding window. The server stamps a request somewhere
// between our sending and its answer, so a slot is taken when the request is
// sent and is free again one window after its answer or failure: never more
// than the limit in any span as the server sees it, and without latency never
// slower than that.
//
// A refusal closes the window for all who wait on it. When it reopens one
// request goes first, and the rest follow when the server let that one through.
type Window struct {
	limit Limit

	mu          sync.Mutex
	unanswered  int         // slots whose request has no answer yet
	spent       []time.Time // when the slots of answered requests are free again, ascending
	queue       []*waiter   // in order of arrival
	closedUntil time.Time
	closures    int  // how often the window was closed
	proving     bool // closed before, and nothing was let through since
	scoutOut    bool // the one that goes first is on its way
	timer       *time.Timer
}

type waiter struct {
	ctx   context.Context
	ready chan error // receives nil with the slot, or why there will be none
	slot  *Slot
}

// ClosedError says that the upstream asked for a longer wait than the deadline
// leaves.
type ClosedError struct {
	// Wait is how long the window stays closed.
	Wait time.Duration
}

func (e *ClosedError) Error() string {
	return fmt.Sprintf("the next request is allowed in %s, which is after the timeout", e.Wait.Round(time.Second))
}

// Acquire waits for a slot. It returns the cause of the context when that ends
// first, and a *ClosedError at once when the window reopens only after the
// context's deadline.
func (w *Window) Acquire(ctx context.Context) (*Slot, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	board(ctx)
	wt := &waiter{ctx: ctx, ready: make(chan error, 1)}
	wt.slot = &Slot{window: w, ctx: ctx}

	w.mu.Lock()
	w.queue = append(w.queue, wt)
	w.advance()
	w.mu.Unlock()

	select {
	case err := <-wt.ready:
		return wt.slot, err
	case <-ctx.Done():
		w.abandon(wt)
		return nil, context.Cause(ctx)
	}
}

// abandon takes a waiter out of the queue, or gives its slot back when it was
// granted at the same moment.
func (w *Window) abandon(wt *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, other := range w.queue {
		if other == wt {
			w.queue = append(w.queue[:i], w.queue[i+1:]...)
			return
		}
	}
	if err := <-wt.ready; err == nil {
		w.free(wt.slot, time.Time{})
	}
}

// advance grants what can be granted now and sets the timer for the next time
// at which more can be. It is called with the lock held.
func (w *Window) advance() {
	now := time.Now()
	w.dismissHopeless(now)
	for len(w.spent) > 0 && !w.spent[0].After(now) {
		w.spent = w.spent[1:]
	}
	for len(w.queue) > 0 && w.open(now) {
		wt := w.queue[0]
		w.queue = w.queue[1:]
		w.unanswered++
		if w.proving {
			w.scoutOut, wt.slot.scout = true, true
		}
		wt.slot.closures = w.closures
		wt.ready <- nil
	}
	w.wakeAt(now)
}

func (w *Window) open(now time.Time) bool {
	return !now.Before(w.closedUntil) && !w.scoutOut && !w.full()
}

func (w *Window) full() bool {
	return w.limit.Requests > 0 && w.unanswered+len(w.spent) >= w.limit.Requests
}

// dismissHopeless answers those who can't be served before their deadline
// because the window is closed for longer than that.
func (w *Window) dismissHopeless(now time.Time) {
	if !now.Before(w.closedUntil) {
		return
	}
	kept := w.queue[:0]
	for _, wt := range w.queue {
		if deadline, ok := wt.ctx.Deadline(); ok && deadline.Before(w.closedUntil) {
			wt.ready <- &ClosedError{Wait: w.closedUntil.Sub(now)}
			continue
		}
		kept = append(kept, wt)
	}
	clear(w.queue[len(kept):])
	w.queue = kept
}

// wakeAt sets the timer to when the clock alone can let somebody in. An answer
// that is still out wakes the queue by itself.
func (w *Window) wakeAt(now time.Time) {
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	if len(w.queue) == 0 {
		return
	}
	next := w.closedUntil
	if w.full() && len(w.spent) > 0 && w.spent[0].After(next) {
		next = w.spent[0]
	}
	if wait := next.Sub(now); wait > 0 {
		w.timer = time.AfterFunc(wait, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.advance()
		})
	}
}

// free ends a slot: at once where until is zero, else at until.
func (w *Window) free(s *Slot, until time.Time) {
	w.unanswered--
	if w.limit.Requests > 0 && !until.IsZero() {
		w.spent = append(w.spent, until)
	}
	if s.scout {
		w.scoutOut = false
	}
	w.advance()
}

// Slot is the permission to send one request. Send is called right before the
// request goes on the wire, and then exactly one of the others.
type Slot struct {
	window   *Window
	ctx      context.Context
	scout    bool
	closures int
}

// Send marks the moment from which nobody may join the purge any more. It fails
// when the purge is not wanted any more.
func (s *Slot) Send() error {
	if err := context.Cause(s.ctx); err != nil {
		return err
	}
	return depart(s.ctx)
}

// Unsent gives the slot back: nothing reached the server.
func (s *Slot) Unsent() { s.end(func(*Window) time.Time { return time.Time{} }) }

// Passed says that the server let the request through, whatever else it said.
func (s *Slot) Passed() {
	s.end(func(w *Window) time.Time {
		if s.scout && s.closures == w.closures {
			w.proving = false
		}
		return time.Now().Add(w.limit.Window)
	})
}

// Failed says that it is not known whether the request was let through. The
// error is what those who leave early are told.
func (s *Slot) Failed(err error) {
	remember(s.ctx, err)
	s.end(func(w *Window) time.Time { return time.Now().Add(w.limit.Window) })
}

// Refused closes the window for a time, for all who have not sent yet.
func (s *Slot) Refused(wait time.Duration, err error) {
	remember(s.ctx, err)
	s.end(func(w *Window) time.Time {
		now := time.Now()
		if until := now.Add(wait); until.After(w.closedUntil) {
			w.closedUntil = until
		}
		w.closures++
		w.proving = true
		return now.Add(w.limit.Window)
	})
}

func (s *Slot) end(outcome func(*Window) time.Time) {
	s.window.mu.Lock()
	defer s.window.mu.Unlock()
	s.window.free(s, outcome(s.window))
}
