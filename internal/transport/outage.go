// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"
)

// The methods of host in this file decide how long an outage lasts, who may
// probe, and who stops waiting. They require h.mu, except for those that a
// request calls before and after it waits: down, failFast, and explain.

// fail records the failure of the host. Failures of parallel requests count
// once.
func (h *host) fail(p *pass, e *Error) {
	now := time.Now()
	first := h.last == nil
	switch {
	case first:
		h.since, h.noticed, h.onlyCaller = p.sent, now, p.who
		h.nextProbe = now.Add(h.pause(0))
	case h.probe == p:
		h.nextProbe = now.Add(h.pause(p.sent.Sub(h.since)))
	}
	if h.onlyCaller != p.who {
		h.onlyCaller = nil
	}
	for _, limit := range h.unanswered {
		if last := h.noticed.Add(limit); !h.ownResponse && now.Before(last) && last.Before(h.nextProbe) {
			h.nextProbe = last // the last probe before a caller stops waiting
		}
	}
	copied := *e
	copied.System = h.name
	h.last, p.who.failed, e.inOutage = &copied, true, true
	if first || e.wrong {
		h.review = now
	}
	if at, ok := h.over(p.who); ok && !now.Before(at) && (!p.who.login || !h.ownResponse && e.wrong) {
		*e = *h.outage()
		e.over, e.unsent = true, copied.unsent
	}
	for _, waiting := range h.queue {
		h.observe(waiting)
	}
}

// mayProbe reports whether a caller may probe now. The failures of one caller
// do not delay the others, because it may be the only one that fails.
func (h *host) mayProbe(who *caller, now time.Time) bool {
	switch other := h.onlyCaller != nil && h.onlyCaller != who; {
	case who.login:
		return false
	case h.probe == nil:
		return other || !now.Before(h.nextProbe)
	default:
		return other && h.probe.who == h.onlyCaller
	}
}

// over returns when a caller stops waiting for the host, and false if it never
// does. All purges together wait for one timeout per outage, not for one
// timeout each. A caller waits less for a host that never responded, because
// most likely the address is wrong.
func (h *host) over(who *caller) (time.Time, bool) {
	switch {
	case who.login, !h.ownResponse && h.last.wrong:
		return h.since, true
	case !h.ownResponse && (who.timeout == 0 || who.unanswered < who.timeout):
		return h.noticed.Add(who.unanswered), true
	default:
		return h.since.Add(who.timeout), who.timeout > 0
	}
}

// dismiss returns the error of the outage to the queued callers that have
// waited long enough. If the host never responded, it waits for the result of
// the last probe first.
func (h *host) dismiss(now time.Time) {
	if h.last == nil || !h.ownResponse && h.probe != nil || h.review.IsZero() || now.Before(h.review) {
		return
	}
	h.review = time.Time{}
	h.queue = slices.DeleteFunc(h.queue, func(p *pass) bool {
		at, ok := h.over(p.who)
		switch {
		case !ok || p.who.urgent:
			return false
		case now.Before(at):
			h.review = earlier(h.review, at)
			return false
		default:
			p.ready <- h.outage()
			return true
		}
	})
}

// outage returns the error for callers that stop waiting for the host.
func (h *host) outage() *Error {
	e := *h.last
	if e.Kind != KindProxy && (h.ownResponse || e.Status != 0) {
		e.Kind = KindOutage
	}
	e.Down, e.Last, e.unsent, e.ended = time.Since(h.since), nil, true, true
	return &e
}

// observe reports to a queued caller what it waits for and the earliest time at
// which the wait can end.
func (h *host) observe(p *pass) {
	p.who.observe(h.name+", which does not respond", h.nextProbe)
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// down returns the error of the outage, or nil if the host is up.
func (h *host) down() *Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last == nil {
		return nil
	}
	return h.outage()
}

// failFast returns the error of a request that starts when the host has been
// down for longer than the request can wait. It returns nil if the host is up,
// or if it is time to probe.
func (h *host) failFast(who *caller) *Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last == nil || who.urgent || who.login {
		return nil
	}
	now := time.Now()
	at, ok := h.over(who)
	if !ok || now.Before(at) || h.mayProbe(who, now) || !h.ownResponse && h.probe != nil {
		return nil
	}
	return h.outage()
}

// explain returns the outage as the error of a request whose time is over, and
// adds it to the error of a canceled request.
func (h *host) explain(e *Error) *Error {
	if h == nil || e.Down > 0 {
		return e
	}
	outage := h.down()
	switch {
	case outage == nil:
		return e
	case e.Kind == KindTimeout && errors.Is(e.Err, context.DeadlineExceeded):
		outage.Err = errors.Join(e.Err, outage.Err)
		return outage
	case e.Kind == KindCanceled:
		e.Last, e.Down, outage.Down = outage, outage.Down, 0
	}
	return e
}

// defaultProbePause returns a random wait before the next probe, between half
// and all of the time that the host had been down when the previous probe was
// sent. So a client notices the end of an outage before the outage has doubled
// its length.
func defaultProbePause(down time.Duration) time.Duration {
	down = min(max(down, firstBackoff), maxBackoff)
	return max(firstBackoff, down/2+rand.N(down/2))
}
