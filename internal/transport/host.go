// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// host is the state of the server behind one base URL. Everything that talks to
// it shares one: purges of every window, logins, lookups, and polls. It bounds
// the connections, and during an outage it lets one request go first.
//
// An outage begins with a request that got no response, or 502, 503, or 504,
// while nothing else was answered since that request was sent. It ends with any
// answer.
type host struct {
	name  string
	pause func(down time.Duration) time.Duration
	marks []time.Duration // after which callers give up if the host never answered

	mu      sync.Mutex
	busy    int     // connections in use
	queue   []*pass // in order of arrival
	timer   *time.Timer
	answers int  // grows with each answer
	heard   bool // one of them was the host's own, and not of a gateway

	// All below is about an outage.
	last    *Error    // the latest failure; nil: the host is up
	since   time.Time // when the first request that failed was sent
	noticed time.Time // when it failed
	due     time.Time // when the next probe may go
	probe   *pass     // the request that goes first
	witness *caller   // the only one that saw the outage; nil: there are several
	review  time.Time // when somebody in the queue may give the host up
}

const (
	// maxConnections bounds what is open to one host at a time.
	maxConnections = 16
	// lease is how long a probe may take from its turn to the network. One that
	// waits for a window in between would hold up everybody.
	lease = time.Second
	// staleAfter is how long after its time a probe tells nothing of what was
	// before: nobody looked meanwhile.
	staleAfter = 30 * time.Second
)

// halfToAll is the pause before the next probe: half to all of the time that
// the host was down when the previous one was sent. So the end of an outage is
// seen no later than at twice its length.
func halfToAll(down time.Duration) time.Duration {
	down = min(max(down, firstBackoff), maxBackoff)
	return max(firstBackoff, down/2+rand.N(down/2))
}

// pass is the permission to send one request: begin right before it goes on the
// network, and then exactly one of leave and report.
type pass struct {
	host    *host
	who     *caller
	ready   chan *Error // receives nil with the permission, or why there is none
	granted time.Time
	begun   bool
	sent    time.Time
	answers int // of the host, when this was sent
}

// enter waits for a connection and, during an outage, for its end or for the
// turn to probe. Its error is complete except for what the request is.
func (h *host) enter(ctx context.Context, who *caller) (*pass, *Error) {
	p := &pass{host: h, who: who, ready: make(chan *Error, 1)}
	h.mu.Lock()
	place := len(h.queue)
	if who.urgent {
		place = 0
	}
	h.queue = slices.Insert(h.queue, place, p)
	if h.last != nil {
		h.tell(p)
		if at, ok := h.over(who); ok {
			h.review = earlier(h.review, at)
		}
	}
	h.advance()
	h.mu.Unlock()
	select {
	case e := <-p.ready:
		return p, e
	case <-ctx.Done():
		return nil, h.abandon(ctx, p)
	}
}

// abandon takes a pass out of the queue, or gives it back if it was granted at
// the same moment.
func (h *host) abandon(ctx context.Context, p *pass) *Error {
	e := ended(ctx)
	e.Waiting = "waiting for a free connection"
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last != nil {
		e.Waiting = "waiting for the host to respond again"
	}
	if i := slices.Index(h.queue, p); i >= 0 {
		h.queue = slices.Delete(h.queue, i, i+1)
	} else if <-p.ready == nil {
		h.free(p)
	}
	return e
}

// advance grants what can be granted now, dismisses those who have waited long
// enough, and sets the timer. It is called with the lock held.
func (h *host) advance() {
	now := time.Now()
	if p := h.probe; p != nil && !p.begun && now.Sub(p.granted) >= lease {
		h.probe = nil
	}
	for h.busy < maxConnections {
		i := h.next()
		if i < 0 || !h.open(h.queue[i], now) {
			break
		}
		p := h.queue[i]
		h.queue = slices.Delete(h.queue, i, i+1)
		h.busy++
		p.granted = now
		p.ready <- nil
	}
	h.dismiss(now)
	h.wakeAt(now)
}

// next is who goes next: the first, or the first other one if so far only one
// request saw the outage. It is -1 if nobody waits.
func (h *host) next() int {
	if h.last != nil && h.witness != nil {
		if i := slices.IndexFunc(h.queue, func(p *pass) bool { return p.who != h.witness }); i >= 0 {
			return i
		}
	}
	return min(len(h.queue), 1) - 1
}

// open tells whether a request may go, and makes it the probe if one is needed.
func (h *host) open(p *pass, now time.Time) bool {
	if h.last == nil || p.who.urgent || h.probe == p {
		return true
	}
	if !h.mayProbe(p.who, now) {
		return false
	}
	if now.Sub(h.due) > staleAfter && !p.who.failed {
		h.since, h.noticed, h.review = now, now, now
	}
	h.probe = p
	return true
}

// mayProbe tells whether a caller may probe now. The failures of one request
// hold up no other: it may be the only one that fails.
func (h *host) mayProbe(who *caller, now time.Time) bool {
	switch other := h.witness != nil && h.witness != who; {
	case who.login:
		return false
	case h.probe == nil:
		return other || !now.Before(h.due)
	default:
		return other && h.probe.who == h.witness
	}
}

// over tells when a caller gives the host up: an outage lasts for one timeout in
// total, and not for one per purge. A host that never answered is most likely a
// wrong address.
func (h *host) over(who *caller) (time.Time, bool) {
	switch {
	case who.login, !h.heard && h.last.wrong:
		return h.since, true
	case !h.heard && (who.timeout == 0 || who.patience < who.timeout):
		return h.noticed.Add(who.patience), true
	default:
		return h.since.Add(who.timeout), who.timeout > 0
	}
}

// dismiss answers those in the queue who give the host up. The last probe of a
// host that never answered is waited for.
func (h *host) dismiss(now time.Time) {
	if h.last == nil || !h.heard && h.probe != nil || h.review.IsZero() || now.Before(h.review) {
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

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// wakeAt sets the timer to when the clock alone changes something. Otherwise an
// answer does.
func (h *host) wakeAt(now time.Time) {
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
	if h.last == nil || len(h.queue) == 0 {
		return
	}
	var next time.Time
	if h.review.After(now) {
		next = h.review
	}
	switch {
	case h.probe == nil:
		next = earlier(next, h.due)
	case !h.probe.begun:
		next = earlier(next, h.probe.granted.Add(lease))
	}
	if next.After(now) {
		h.timer = time.AfterFunc(next.Sub(now), func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.advance()
		})
	}
}

// outage is what those are told who give the host up.
func (h *host) outage() *Error {
	e := *h.last
	if e.Kind != KindProxy && (h.heard || e.Status != 0) {
		e.Kind = KindOutage
	}
	e.Down, e.Last, e.unsent, e.ended = time.Since(h.since), nil, true, true
	return &e
}

// tell says what one in the queue waits for, and until when at least.
func (h *host) tell(p *pass) {
	p.who.observe(h.name+", which does not respond", h.due)
}

// begin marks the moment from which the request is in flight. It returns false
// if an outage began meanwhile: then the pass is to be left.
func (p *pass) begin() bool {
	h := p.host
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if !h.open(p, now) {
		return false
	}
	p.begun, p.sent, p.answers = true, now, h.answers
	return true
}

// probes tells whether this is the request that goes first.
func (p *pass) probes() bool {
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	return p.host.probe == p
}

// leave gives a pass back: nothing was sent.
func (p *pass) leave() {
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	p.host.free(p)
}

func (h *host) free(p *pass) {
	h.busy--
	if h.probe == p {
		h.probe = nil
	}
	h.advance()
}

// report tells the host what came of a request. An error that begins or prolongs
// an outage is marked as such.
func (p *pass) report(e *Error) {
	h := p.host
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case e != nil && (e.ended || e.Status == 0 && !e.outage): // not the host's word
	case e == nil || !e.outage || e.answered:
		h.answers++
		h.heard = h.heard || e == nil || !e.gateway()
		h.last, h.probe = nil, nil
	case h.answers == p.answers:
		h.fail(p, e)
	}
	h.free(p)
}

// fail takes a failure for one of the host. Those in parallel count once.
func (h *host) fail(p *pass, e *Error) {
	now := time.Now()
	first := h.last == nil
	switch {
	case first:
		h.since, h.noticed, h.witness = p.sent, now, p.who
		h.due = now.Add(h.pause(0))
	case h.probe == p:
		h.due = now.Add(h.pause(p.sent.Sub(h.since)))
	}
	if h.witness != p.who {
		h.witness = nil
	}
	for _, mark := range h.marks {
		if last := h.noticed.Add(mark); !h.heard && now.Before(last) && last.Before(h.due) {
			h.due = last // the last probe before somebody gives up
		}
	}
	copied := *e
	copied.System = h.name
	h.last, p.who.failed, e.struck = &copied, true, true
	if first || e.wrong {
		h.review = now
	}
	if at, ok := h.over(p.who); ok && !now.Before(at) && (!p.who.login || !h.heard && e.wrong) {
		*e = *h.outage()
		e.over, e.unsent = true, copied.unsent
	}
	for _, waiting := range h.queue {
		h.tell(waiting)
	}
}
