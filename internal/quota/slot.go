// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"context"
	"time"
)

// Slot permits one request. The caller calls Send right before it sends the
// request, and then exactly one of the other methods: Unsent if Send failed or
// was not called.
type Slot struct {
	window *Window
	ctx    context.Context
	ready  chan error // receives nil if the slot is granted, otherwise the reason

	// The fields below are guarded by window.mu.
	arrival  int // the slot's number in the order of arrival, or 0
	held     bool
	sent     bool
	closures int // of the window, when the slot was granted
}

// outdated is the value of closures for a slot that must be granted again.
const outdated = -1

// wait waits until the slot is granted. The error is the reason why it is not.
func (s *Slot) wait() error {
	s.window.enqueue(s)
	select {
	case err := <-s.ready:
		return err
	case <-s.ctx.Done():
		s.window.withdraw(s)
		return context.Cause(s.ctx)
	}
}

// Send marks the request as in flight: nobody joins the purge any more. If the
// window was closed after the slot was granted, Send waits like Acquire, but at
// the slot's previous place, before all that wait in Acquire. Otherwise, they
// could wait for a resource that the caller holds, such as a connection. Send
// fails if no caller wants the purge any more.
func (s *Slot) Send() error {
	for !s.start() {
		if err := s.wait(); err != nil {
			return err
		}
	}
	return markInFlight(s.ctx)
}

func (s *Slot) start() bool {
	s.window.mu.Lock()
	defer s.window.mu.Unlock()
	s.sent = s.closures == s.window.closures
	return s.sent
}

// Unsent frees the slot immediately, because nothing reached the server.
func (s *Slot) Unsent() { s.end(func(*Window) time.Time { return time.Time{} }) }

// Passed reports that the request was not rate-limited, whatever the response was.
func (s *Slot) Passed() {
	s.end(func(w *Window) time.Time {
		if s == w.probe && s.closures == w.closures {
			w.probing = false
		}
		return w.freeAt()
	})
}

// Failed reports that the result is unknown, so the server may have counted the
// request. Callers that leave early receive err.
func (s *Slot) Failed(err error) {
	markFailed(s.ctx, err)
	s.end((*Window).freeAt)
}

// RateLimited reports a rate-limited response, which closes the window for at least
// the given time. Callers that leave early receive err.
func (s *Slot) RateLimited(wait time.Duration, err error) {
	markFailed(s.ctx, err)
	s.end(func(w *Window) time.Time {
		if until := time.Now().Add(wait); until.After(w.closedUntil) {
			w.closedUntil = until
		}
		w.closures++
		w.probing = true
		return w.freeAt()
	})
}

func (s *Slot) end(outcome func(*Window) time.Time) {
	s.window.mu.Lock()
	defer s.window.mu.Unlock()
	if s.held {
		s.window.free(s, outcome(s.window))
	}
}
