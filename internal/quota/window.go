// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Limit is how many requests an upstream system takes in any span of a window.
// The zero value is no limit.
type Limit struct {
	Requests int
	Window   time.Duration
}

// Jitter is the longest random delay before a slot is free again after its
// window, as a fraction of the window.
const Jitter = 0.05

// Limiter holds one window per key.
type Limiter struct {
	// Rand returns a random number in [0, 1), the part of Jitter to add for one
	// slot. If it is nil, there is no jitter. It is called with a lock held.
	Rand func() float64

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
		w = &Window{limit: limit, chance: l.Rand}
		l.windows[key] = w
	}
	return w
}

// Window is an exact sliding window. The server stamps a request somewhere
// between our sending and its answer, so a slot is taken when the request is
// sent and is free again one window after its answer or failure: never more
// than the limit in any span as the server sees it.
//
// Other processes can use the same quota, and do not know of this one. If all
// slots were taken again in the moment in which they are free, no other process
// would ever find one. So each slot is free again a random part of Jitter later.
// That is the price of it: a run that needs several windows takes up to 5 %
// longer than the limit allows, 3 % as a rule.
//
// A refusal closes the window for all who wait on it and have not sent yet, with
// a slot or without. When it reopens one request goes first, and the rest follow
// when the server let that one through.
type Window struct {
	limit  Limit
	chance func() float64 // nil: none

	mu          sync.Mutex  // taken before that of a Group
	arrivals    int         // how many slots were asked for
	unanswered  int         // slots whose request has no answer yet
	spent       []time.Time // when the slots of answered requests are free again, ascending
	queue       []*Slot     // in order of arrival
	closedUntil time.Time
	closures    int   // how often the window was closed
	proving     bool  // closed before, and nothing was let through since
	scout       *Slot // the one that goes first, granted and not answered
	timer       *time.Timer
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
	s := &Slot{window: w, ctx: ctx, ready: make(chan error, 1)}
	if err := s.wait(); err != nil {
		return nil, err
	}
	return s, nil
}

// enter puts a slot in the queue: at its end, or where it was before.
func (w *Window) enter(s *Slot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.held {
		w.release(s)
	}
	board(s.ctx)
	if err := context.Cause(s.ctx); err != nil {
		s.ready <- err
	} else {
		if s.turn == 0 {
			w.arrivals++
			s.turn = w.arrivals
		}
		place, _ := slices.BinarySearchFunc(w.queue, s, func(a, b *Slot) int { return cmp.Compare(a.turn, b.turn) })
		w.queue = slices.Insert(w.queue, place, s)
	}
	w.advance()
	if slices.Contains(w.queue, s) {
		w.tell(s)
	}
}

// tell says what one in the queue waits for, and until when.
func (w *Window) tell(s *Slot) {
	what := "the rate limit"
	if w.closedUntil.After(time.Now()) {
		what = "the time that the upstream asked for"
	}
	Observe(s.ctx, what, w.reopens())
}

// abandon takes a slot out of the queue, or gives it back when it was granted
// at the same moment.
func (w *Window) abandon(s *Slot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if place := slices.Index(w.queue, s); place >= 0 {
		w.queue = slices.Delete(w.queue, place, place+1)
		return
	}
	if err := <-s.ready; err == nil {
		w.free(s, time.Time{})
	}
}

// advance grants what can be granted now and sets the timer for the next time
// at which more can be. It is called with the lock held.
func (w *Window) advance() {
	now := time.Now()
	w.dismissHopeless(now)
	w.recallScout()
	for len(w.spent) > 0 && !w.spent[0].After(now) {
		w.spent = w.spent[1:]
	}
	for len(w.queue) > 0 && w.open(now) {
		s := w.queue[0]
		w.queue = w.queue[1:]
		w.unanswered++
		if w.proving {
			w.scout = s
		}
		s.held, s.closures = true, w.closures
		s.ready <- nil
	}
	w.wakeAt(now)
}

func (w *Window) open(now time.Time) bool {
	return !now.Before(w.closedUntil) && w.scout == nil && !w.full()
}

func (w *Window) full() bool {
	return w.limit.Requests > 0 && w.unanswered+len(w.spent) >= w.limit.Requests
}

// recallScout lets one go first who came before the scout and waits in Send, if
// the scout is not sent yet. It may never be, if it needs what that one holds.
func (w *Window) recallScout() {
	if s := w.scout; s != nil && !s.sent && len(w.queue) > 0 && w.queue[0].turn < s.turn {
		w.scout, s.closures = nil, outdated
	}
}

// dismissHopeless answers those who can't be served before their deadline
// because the window is closed for longer than that.
func (w *Window) dismissHopeless(now time.Time) {
	if !now.Before(w.closedUntil) {
		return
	}
	w.queue = slices.DeleteFunc(w.queue, func(s *Slot) bool {
		late := hopeless(s.ctx, w.closedUntil)
		if late {
			s.ready <- &ClosedError{Wait: w.closedUntil.Sub(now)}
		}
		return late
	})
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
	w.tell(w.queue[0])
	if wait := w.reopens().Sub(now); wait > 0 {
		w.timer = time.AfterFunc(wait, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.advance()
		})
	}
}

// reopens is when the clock alone lets somebody in, as far as that is known.
func (w *Window) reopens() time.Time {
	next := w.closedUntil
	if w.full() && len(w.spent) > 0 && w.spent[0].After(next) {
		next = w.spent[0]
	}
	return next
}

// free ends a slot: at once where until is zero, else at until.
func (w *Window) free(s *Slot, until time.Time) {
	w.release(s)
	if w.limit.Requests > 0 && !until.IsZero() {
		place, _ := slices.BinarySearchFunc(w.spent, until, time.Time.Compare)
		w.spent = slices.Insert(w.spent, place, until)
	}
	w.advance()
}

// again is when a slot is free again whose request is answered now.
func (w *Window) again() time.Time {
	wait := w.limit.Window
	if w.chance != nil {
		wait += time.Duration(w.chance() * Jitter * float64(wait))
	}
	return time.Now().Add(wait)
}

func (w *Window) release(s *Slot) {
	w.unanswered--
	if w.scout == s {
		w.scout = nil
	}
	s.held, s.sent = false, false
}

// Slot is the permission to send one request. Send is called right before the
// request goes on the wire, and then exactly one of the others: Unsent where
// Send failed or was not called.
type Slot struct {
	window *Window
	ctx    context.Context
	ready  chan error // receives nil when the slot is granted, or why it won't be

	// All below is guarded by window.mu.
	turn     int // its number in the order of arrival; 0 before
	held     bool
	sent     bool
	closures int // of the window, when the slot was granted
}

// outdated is the closures of a slot whose grant is void.
const outdated = -1

// wait returns when the slot is granted, or with why it won't be.
func (s *Slot) wait() error {
	s.window.enter(s)
	select {
	case err := <-s.ready:
		return err
	case <-s.ctx.Done():
		s.window.abandon(s)
		return context.Cause(s.ctx)
	}
}

// Send marks the moment from which nobody may join the purge any more. Where
// the window was closed after the slot was granted, Send waits like Acquire, but
// at the slot's old place, ahead of all who wait in Acquire: so nobody waits for
// one who needs what the caller holds meanwhile, a connection. Send fails when
// the purge is not wanted any more.
func (s *Slot) Send() error {
	for !s.start() {
		if err := s.wait(); err != nil {
			return err
		}
	}
	return depart(s.ctx)
}

func (s *Slot) start() bool {
	s.window.mu.Lock()
	defer s.window.mu.Unlock()
	s.sent = s.closures == s.window.closures
	return s.sent
}

// Unsent gives the slot back: nothing reached the server.
func (s *Slot) Unsent() { s.end(func(*Window) time.Time { return time.Time{} }) }

// Passed says that the server let the request through, whatever else it said.
func (s *Slot) Passed() {
	s.end(func(w *Window) time.Time {
		if s == w.scout && s.closures == w.closures {
			w.proving = false
		}
		return w.again()
	})
}

// Failed says that it is not known whether the request was let through. The
// error is what those who leave early are told.
func (s *Slot) Failed(err error) {
	fail(s.ctx, err)
	s.end((*Window).again)
}

// RateLimited closes the window for a time, for all who have not sent yet.
func (s *Slot) RateLimited(wait time.Duration, err error) {
	fail(s.ctx, err)
	s.end(func(w *Window) time.Time {
		if until := time.Now().Add(wait); until.After(w.closedUntil) {
			w.closedUntil = until
		}
		w.closures++
		w.proving = true
		return w.again()
	})
}

func (s *Slot) end(outcome func(*Window) time.Time) {
	s.window.mu.Lock()
	defer s.window.mu.Unlock()
	if s.held {
		s.window.free(s, outcome(s.window))
	}
}
