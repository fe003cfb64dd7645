// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"slices"
	"sync"
	"time"
)

// host is the state of the server behind one base URL. All requests to the
// server share it: purges of every quota, logins, lookups, and polls. It limits
// the connections, and during an outage it lets one request at a time probe the
// server.
//
// An outage begins when a request receives no response, or 502, 503, or 504,
// and no other response has arrived since that request was sent. Any response
// ends it.
type host struct {
	name       string
	pause      func(down time.Duration) time.Duration
	unanswered []time.Duration // how long callers wait for a host that never responded

	mu          sync.Mutex
	busy        int     // connections in use
	queue       []*pass // in order of arrival
	timer       *time.Timer
	responses   int  // number of responses so far
	ownResponse bool // one of them was from the API itself, not from a gateway

	// The fields below describe an outage.
	last       *Error    // the latest failure; nil if the host is up
	since      time.Time // when the first request that failed was sent
	noticed    time.Time // when that request failed
	nextProbe  time.Time // when the next probe may be sent
	probe      *pass     // the request that probes
	onlyCaller *caller   // the only caller that failed; nil if several did
	review     time.Time // when a caller in the queue may have waited long enough
}

const (
	// maxConnections is the maximum number of open connections to one host.
	maxConnections = 16
	// lease is how long a probe may take from its turn until it is sent.
	// Otherwise, a probe that waits for its quota would delay all callers.
	lease = time.Second
	// staleAfter is the delay after which a probe proves nothing about the time
	// before it, because no request was sent meanwhile.
	staleAfter = 30 * time.Second
)

// pass is the permission to send one request to a host. Call begin right before
// the request is sent, and then exactly one of leave and report.
type pass struct {
	host      *host
	who       *caller
	ready     chan *Error // receives nil if the pass is granted, or else the error
	granted   time.Time
	begun     bool
	sent      time.Time
	responses int // of the host when the request was sent
}

// enter waits for a connection. During an outage it also waits for the end of
// the outage or for the caller's turn to probe. The caller adds the description
// of the request to the error.
func (h *host) enter(ctx context.Context, who *caller) (*pass, *Error) {
	p := &pass{host: h, who: who, ready: make(chan *Error, 1)}
	h.mu.Lock()
	place := len(h.queue)
	if who.urgent {
		place = 0
	}
	h.queue = slices.Insert(h.queue, place, p)
	if h.last != nil {
		h.observe(p)
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

// abandon removes a pass from the queue, or returns it if it was granted at the
// same time.
func (h *host) abandon(ctx context.Context, p *pass) *Error {
	e := ended(ctx)
	e.Waiting = "waiting for a free connection"
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last != nil {
		e.Waiting = "waiting for the host to respond"
	}
	if i := slices.Index(h.queue, p); i >= 0 {
		h.queue = slices.Delete(h.queue, i, i+1)
	} else if <-p.ready == nil {
		h.free(p)
	}
	return e
}

// advance grants the passes that can be granted now, dismisses the callers that
// have waited long enough, and sets the timer. The caller holds h.mu.
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

// next returns the index of the next pass in the queue, or -1 if the queue is
// empty. While only one caller has failed, another caller goes first.
func (h *host) next() int {
	if h.last != nil && h.onlyCaller != nil {
		if i := slices.IndexFunc(h.queue, func(p *pass) bool { return p.who != h.onlyCaller }); i >= 0 {
			return i
		}
	}
	return min(len(h.queue), 1) - 1
}

// open reports whether a request may be sent, and makes it the probe if one is
// needed.
func (h *host) open(p *pass, now time.Time) bool {
	if h.last == nil || p.who.urgent || h.probe == p {
		return true
	}
	if !h.mayProbe(p.who, now) {
		return false
	}
	if now.Sub(h.nextProbe) > staleAfter && !p.who.failed {
		h.since, h.noticed, h.review = now, now, now
	}
	h.probe = p
	return true
}

// wakeAt sets the timer to the next time at which the state changes without a
// response.
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
		next = earlier(next, h.nextProbe)
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

// begin marks the request as in flight. It returns false if an outage began
// meanwhile; the caller then calls leave.
func (p *pass) begin() bool {
	h := p.host
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if !h.open(p, now) {
		return false
	}
	p.begun, p.sent, p.responses = true, now, h.responses
	return true
}

// probes reports whether this request is the probe.
func (p *pass) probes() bool {
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	return p.host.probe == p
}

// leave returns a pass whose request was not sent.
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

// report records the result of a request. It marks an error that begins or
// prolongs an outage.
func (p *pass) report(e *Error) {
	h := p.host
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case e != nil && (e.ended || e.Status == 0 && !e.outage): // proves nothing about the host
	case e == nil || !e.outage || e.partial:
		h.responses++
		h.ownResponse = h.ownResponse || e == nil || !e.gateway()
		h.last, h.probe = nil, nil
	case h.responses == p.responses:
		h.fail(p, e)
	}
	h.free(p)
}
