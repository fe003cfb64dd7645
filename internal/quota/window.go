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

// Limit is the number of requests that an API allows in any span of Window. The
// zero value means no limit.
type Limit struct {
	Requests int
	Window   time.Duration
}

// Jitter is the longest random delay before a slot is free again after its
// window, as a fraction of the window.
const Jitter = 0.05

// Limiter contains one window per key.
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
		w = &Window{limit: limit, rand: l.Rand}
		l.windows[key] = w
	}
	return w
}

// Window is an exact sliding window. The server counts a request at some time
// between sending and response. Therefore, a slot is taken before its request is
// sent, and is free again one window after the response or failure. The server
// never counts more requests than the limit in any span of a window.
//
// Other processes may use the same quota. If this process took every slot at the
// moment it is free, the others would never find one. Therefore, each slot is
// free again up to Jitter later, at random. A run that needs several windows
// takes up to 5 % longer than the limit requires, usually 3 %.
//
// A rate-limited response closes the window for all callers that have not sent
// their request, with or without a slot. When the window reopens, one request
// goes first, the probe. The others follow after it has passed.
type Window struct {
	limit Limit
	rand  func() float64 // nil: no jitter

	mu          sync.Mutex  // locked before Group.mu
	arrivals    int         // the number of slots that were requested
	unfinished  int         // granted slots without a result
	spent       []time.Time // when the slots of finished requests are free again, ascending
	queue       []*Slot     // in order of arrival
	closedUntil time.Time
	closures    int   // the number of times the window was closed
	probing     bool  // no request has passed since the window was closed
	probe       *Slot // granted, without a result yet
	timer       *time.Timer
}

// ClosedError reports that the API requires a wait that ends after the deadline.
type ClosedError struct {
	// Wait is how long the window stays closed.
	Wait time.Duration
}

func (e *ClosedError) Error() string {
	return fmt.Sprintf("the next request is allowed in %s, which is after the timeout", e.Wait.Round(time.Second))
}

// Acquire waits for a slot. If the context ends first, it returns the cause. If
// the window stays closed until after the context's deadline, it returns a
// *ClosedError immediately.
func (w *Window) Acquire(ctx context.Context) (*Slot, error) {
	s := &Slot{window: w, ctx: ctx, ready: make(chan error, 1)}
	if err := s.wait(); err != nil {
		return nil, err
	}
	return s, nil
}

// enqueue puts a slot at the end of the queue, or at its previous place.
func (w *Window) enqueue(s *Slot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.held {
		w.release(s)
	}
	markWaiting(s.ctx)
	if err := context.Cause(s.ctx); err != nil {
		s.ready <- err
	} else {
		if s.arrival == 0 {
			w.arrivals++
			s.arrival = w.arrivals
		}
		place, _ := slices.BinarySearchFunc(w.queue, s, func(a, b *Slot) int { return cmp.Compare(a.arrival, b.arrival) })
		w.queue = slices.Insert(w.queue, place, s)
	}
	w.advance()
	if slices.Contains(w.queue, s) {
		w.observe(s)
	}
}

// observe reports why a slot in the queue waits, and until when.
func (w *Window) observe(s *Slot) {
	what := "the rate limit"
	if w.closedUntil.After(time.Now()) {
		what = "the API to accept requests again"
	}
	Observe(s.ctx, what, w.reopens())
}

// withdraw takes a slot out of the queue. If it was granted at the same moment,
// withdraw frees it.
func (w *Window) withdraw(s *Slot) {
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

// advance grants all slots that are free and sets the timer for the next one.
// The caller holds the lock.
func (w *Window) advance() {
	now := time.Now()
	w.rejectLate(now)
	w.replaceProbe()
	for len(w.spent) > 0 && !w.spent[0].After(now) {
		w.spent = w.spent[1:]
	}
	for len(w.queue) > 0 && w.open(now) {
		s := w.queue[0]
		w.queue = w.queue[1:]
		w.unfinished++
		if w.probing {
			w.probe = s
		}
		s.held, s.closures = true, w.closures
		s.ready <- nil
	}
	w.setTimer(now)
}

func (w *Window) open(now time.Time) bool {
	return !now.Before(w.closedUntil) && w.probe == nil && !w.full()
}

func (w *Window) full() bool {
	return w.limit.Requests > 0 && w.unfinished+len(w.spent) >= w.limit.Requests
}

// replaceProbe lets an earlier slot that waits in Send go before a probe that is
// not sent yet. The probe may need a resource that the earlier slot's caller
// holds, such as a connection.
func (w *Window) replaceProbe() {
	if s := w.probe; s != nil && !s.sent && len(w.queue) > 0 && w.queue[0].arrival < s.arrival {
		w.probe, s.closures = nil, outdated
	}
}

// rejectLate rejects the slots whose deadline is before the window reopens.
func (w *Window) rejectLate(now time.Time) {
	if !now.Before(w.closedUntil) {
		return
	}
	w.queue = slices.DeleteFunc(w.queue, func(s *Slot) bool {
		late := endsBefore(s.ctx, w.closedUntil)
		if late {
			s.ready <- &ClosedError{Wait: w.closedUntil.Sub(now)}
		}
		return late
	})
}

// setTimer sets the timer to the next time at which a slot may be free without
// another response. A response calls advance too.
func (w *Window) setTimer(now time.Time) {
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	if len(w.queue) == 0 {
		return
	}
	w.observe(w.queue[0])
	if wait := w.reopens().Sub(now); wait > 0 {
		w.timer = time.AfterFunc(wait, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.advance()
		})
	}
}

// reopens returns the earliest time at which a slot can be free without another
// response, as far as it is known.
func (w *Window) reopens() time.Time {
	next := w.closedUntil
	if w.full() && len(w.spent) > 0 && w.spent[0].After(next) {
		next = w.spent[0]
	}
	return next
}

// free ends a slot: immediately if until is zero, otherwise at until.
func (w *Window) free(s *Slot, until time.Time) {
	w.release(s)
	if w.limit.Requests > 0 && !until.IsZero() {
		place, _ := slices.BinarySearchFunc(w.spent, until, time.Time.Compare)
		w.spent = slices.Insert(w.spent, place, until)
	}
	w.advance()
}

func (w *Window) release(s *Slot) {
	w.unfinished--
	if w.probe == s {
		w.probe = nil
	}
	s.held, s.sent = false, false
}

// freeAt returns when a slot is free again if its request ends now.
func (w *Window) freeAt() time.Time {
	wait := w.limit.Window
	if w.rand != nil {
		wait += time.Duration(w.rand() * Jitter * float64(wait))
	}
	return time.Now().Add(wait)
}
